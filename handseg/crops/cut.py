"""Cut planned crops: images, labels clipped to the window, and the manifest."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from handseg.crops.windows import MARGINS, PlannedCrop
from handseg.data.crop_manifest import Crop, CropManifest, read_manifest, write_manifest
from handseg.data.dataset import Sample
from handseg.data.images import read_image, write_png
from handseg.data.labels import class_mask, read_polygons
from handseg.data.outlines import outlines
from handseg.data.storage import whole_folder
from handseg.errors import InputError
from handseg.progress import Progress, silent


def is_current(folder: Path, region: str, fingerprint: str) -> bool:
    """Whether a folder holds all crops of a region of just these images and labels."""
    try:
        manifest = read_manifest(folder)
    except InputError:
        # A damaged folder is made anew as a whole.
        return False
    return (
        manifest is not None
        and manifest.region == region
        and manifest.margin == MARGINS[region]
        and manifest.source_fingerprint == fingerprint
        and all((folder / name).exists() for c in manifest.crops for name in (c.image, c.labels))
    )


def cut_crops(
    folder: Path,
    region: str,
    planned: Sequence[PlannedCrop],
    classes: Sequence[str],
    fingerprint: str,
    progress: Progress = silent,
) -> CropManifest:
    """Write the crops of one region to `folder`, which appears whole or not at all.

    Raises:
        InputError: an image is unreadable.
    """
    groups = [list(group) for _, group in groupby(planned, key=lambda crop: crop.sample)]
    with whole_folder(folder) as draft, ThreadPoolExecutor() as pool:
        crops: list[Crop] = []
        try:
            made = pool.map(lambda group: cut_sample(draft, group, classes), groups)
            for done, some in enumerate(made, 1):
                crops += some
                progress(done, len(groups), some[0].source)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        manifest = CropManifest(region, MARGINS[region], fingerprint, tuple(crops))
        write_manifest(draft, manifest)
    return manifest


def cut_sample(draft: Path, group: Sequence[PlannedCrop], classes: Sequence[str]) -> list[Crop]:
    """The crops of one image."""
    sample = group[0].sample
    image = read_image(sample.image)
    labels = read_polygons(sample.labels, classes) if sample.labels else None
    if labels is None:
        raise InputError(f"{sample.image} has no label")
    size = (image.shape[0], image.shape[1])
    masks = {name: class_mask(labels, name, size) for name in labels.polygons}
    labelled = [name for name, known in zip(classes, labels.labelled, strict=True) if known]
    crops: list[Crop] = []
    for planned in group:
        left, top, right, bottom = planned.window
        stem = crop_stem(sample, planned, len(group))
        crop = Crop(
            f"DCM/{stem}.png",
            f"outputs_json/{stem}.json",
            sample.image_name,
            sample.person,
            planned.window,
        )
        clipped = {name: mask[top:bottom, left:right] for name, mask in masks.items()}
        polygons = [(name, part) for name, mask in clipped.items() for part in outlines(mask)]
        document = label_document(crop, polygons, labelled if len(labelled) < len(classes) else [])
        for name in (crop.image, crop.labels):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(draft / crop.image, image[top:bottom, left:right])
        (draft / crop.labels).write_text(json.dumps(document), encoding="utf-8")
        crops.append(crop)
    return crops


def crop_stem(sample: Sample, planned: PlannedCrop, windows: int) -> str:
    inside = Path(sample.person) / sample.image.stem
    # Where an image has several windows their bones tell them apart.
    return f"{inside}-{'-'.join(planned.bones)}" if len(planned.bones) == 1 else str(inside)


def label_document(
    crop: Crop, polygons: Sequence[tuple[str, list[list[int]]]], labelled: Sequence[str]
) -> dict[str, object]:
    """A label in the schema of the `handbone` layout."""
    left, top, right, bottom = crop.window
    return {
        "annotations": [
            {"id": f"{n}", "type": "poly_seg", "attributes": {}, "points": points, "label": name}
            for n, (name, points) in enumerate(polygons)
        ],
        "attributes": {"labelled": list(labelled)} if labelled else {},
        "filename": Path(crop.image).name,
        "parent_path": str(Path(crop.image).parent),
        "metadata": {"height": bottom - top, "width": right - left},
    }
