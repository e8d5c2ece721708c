"""Crops: windows around regions of the hand, cut out of images and labels, and their manifest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import REGIONS
from handseg.data.crop_manifest import Crop, CropManifest, is_whole, read_manifest, write_manifest
from handseg.data.fingerprint import combined, hash_file
from handseg.data.images import image_size, read_image, write_png
from handseg.data.labels import Labels, Sample, check_fits, class_mask, read_labels
from handseg.data.settings import Windows
from handseg.disk import whole_folder
from handseg.errors import InputError, UsageError
from handseg.formats.masks import FileNames
from handseg.formats.polygons import outlines
from handseg.rle.geometry import segments
from handseg.work import Progress, silent, threads

MARGINS = {"wrist": 0.25, "fingertip": 1.0}
"""What a window adds to the edge of its bones' box, as a share of it.

A fingertip's box is hardly larger than the bone: twice its edge shows the joint that ends it.
"""

Window = tuple[int, int, int, int]
"""`(left, top, right, bottom)` in pixels, half open."""
NamedPolygon = tuple[str, list[list[int]]]
"""A class and its points `[x, y]`."""


@dataclass(frozen=True)
class PlannedCrop:
    """A crop that can be cut: of which sample, around which bones, where."""

    sample: Sample
    bones: tuple[str, ...]
    window: Window

    @property
    def pixels(self) -> int:
        left, top, right, bottom = self.window
        return (right - left) * (bottom - top)


def known_regions(
    text: str, classes: Sequence[str], regions: Mapping[str, Windows] = REGIONS
) -> tuple[str, ...]:
    """The regions named in `wrist,fingertip`, each once, in the order given.

    `regions` are those of the data set: their windows, each by the classes it is put around.

    Raises:
        UsageError: one does not exist, or the data set has none of its bones.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in REGIONS]
    if unknown or not names:
        raise UsageError(
            f"there is no region {', '.join(unknown) or text!r}",
            details="regions: " + ", ".join(REGIONS),
            hints=["handseg crop --regions wrist,fingertip"],
        )
    for name in names:
        if not any(cls in classes for window in regions.get(name, ()) for cls in window):
            raise UsageError(f"the data set has no bone of the region {name}")
    return names


def plan_crops(
    samples: Sequence[Sample],
    classes: Sequence[str],
    region: str,
    progress: Progress = silent,
    regions: Mapping[str, Windows] = REGIONS,
) -> list[PlannedCrop]:
    """The windows of a region in every sample; a window whose bones are absent is left out.

    Reads labels and headers, no image.

    Args:
        classes: those of the data set.
        region: a key of `MARGINS`.
        regions: the windows of each region, each by the classes it is put around.

    Raises:
        InputError: a label or header is at fault.
    """
    planned: list[PlannedCrop] = []
    for done, sample in enumerate(samples, 1):
        if sample.labels is not None:
            labels = read_labels(sample, classes)
            size = image_size(sample.image)
            check_fits(labels, size)
            for bones in regions[region]:
                window = window_around(labels, bones, size, MARGINS[region])
                if window:
                    planned.append(PlannedCrop(sample, bones, window))
        progress(done, len(samples), sample.image_name)
    return planned


def window_around(
    labels: Labels, bones: Sequence[str], size: tuple[int, int], margin: float
) -> Window | None:
    """A square around the box of some bones plus a margin, moved and cut to lie in the image."""
    height, width = size
    last = (width - 1, height - 1)
    points = [
        polygon
        for bone in bones
        for polygon in (*labels.polygons.get(bone, ()), *corners_of_runs(labels, bone, width))
        # One that lies beside the image shows nothing in it.
        if (polygon.max(axis=0) >= 0).all() and (polygon.min(axis=0) <= last).all()
    ]
    if not points:
        return None
    corners = np.concatenate(points).clip((0, 0), last)
    low, high = corners.min(axis=0), corners.max(axis=0) + 1
    edge = round(float((high - low).max()) * (1 + margin))
    left, right = span((low[0] + high[0]) / 2, edge, width)
    top, bottom = span((low[1] + high[1]) / 2, edge, height)
    return left, top, right, bottom


def corners_of_runs(labels: Labels, name: str, width: int) -> list[NDArray[np.int64]]:
    """The corners `int64[2, 2]` of the box of what a class has as runs; none where it has none."""
    runs = labels.runs.get(name)
    if runs is None or not len(runs):
        return []
    cut = segments([runs], [width])
    low = (cut.start.min(), cut.row.min())
    return [np.array([low, (cut.end.max() - 1, cut.row.max())])]


def span(centre: float, edge: int, limit: int) -> tuple[int, int]:
    """An interval of length `edge` around a centre, moved into `[0, limit)`."""
    edge = min(max(edge, 1), limit)
    start = min(max(round(centre - edge / 2), 0), limit - edge)
    return start, start + edge


def is_current(folder: Path, region: str, fingerprint: str) -> bool:
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
        and is_whole(folder, manifest)
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

    Args:
        planned: the crops of `plan_crops`, those of an image one after the other.
        classes: those of the data set.
        fingerprint: that of the images and labels that the crops are made from.

    Raises:
        InputError: an image is unreadable.
        OSError: the disk refuses.
    """
    groups = [list(group) for _, group in groupby(planned, key=lambda crop: crop.sample)]
    crops: list[Crop] = []
    with whole_folder(folder) as draft:
        stems = crop_stems(groups)
        with threads() as pool:
            cut = pool.map(
                lambda group, names: cut_sample(draft, group, names, classes), groups, stems
            )
            for done, some in enumerate(cut, 1):
                crops += some
                progress(done, len(groups), some[0].source)
        own = files_fingerprint(draft, crops)
        manifest = CropManifest(region, MARGINS[region], fingerprint, own, tuple(crops))
        write_manifest(draft, manifest)
    return manifest


def files_fingerprint(draft: Path, crops: Sequence[Crop]) -> str:
    # Not by way of the remembered hashes: these files are about to move.
    files = [draft / name for crop in crops for name in (crop.image, crop.labels)]
    with threads() as pool:
        return combined(dict(zip(files, pool.map(hash_file, files), strict=True)), draft)


def cut_sample(
    draft: Path, group: Sequence[PlannedCrop], stems: Sequence[str], classes: Sequence[str]
) -> list[Crop]:
    """The crops of one image; `stems` are their paths without suffix."""
    sample = group[0].sample
    image = read_image(sample.image)
    labels = read_labels(sample, classes)
    labelled = [name for name, known in zip(classes, labels.labelled, strict=True) if known]
    polygons = polygons_inside(labels, (image.shape[0], image.shape[1]), group)
    crops: list[Crop] = []
    for found, planned, stem in zip(polygons, group, stems, strict=True):
        left, top, right, bottom = planned.window
        crop = Crop(
            f"DCM/{stem}.png",
            f"outputs_json/{stem}.json",
            sample.image_name,
            sample.person,
            planned.window,
        )
        document = label_document(crop, found, None if all(labels.labelled) else labelled)
        for name in (crop.image, crop.labels):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(draft / crop.image, image[top:bottom, left:right])
        (draft / crop.labels).write_text(json.dumps(document), encoding="utf-8")
        crops.append(crop)
    return crops


def polygons_inside(
    labels: Labels, size: tuple[int, int], group: Sequence[PlannedCrop]
) -> list[list[NamedPolygon]]:
    """What each window shows of the labels of an image of `(height, width)`."""
    polygons: list[list[NamedPolygon]] = [[] for _ in group]
    for name in labels.drawn:
        # Drawn in the whole image: cv2 draws an edge that is cut off elsewhere a little otherwise.
        mask = class_mask(labels, name, size)
        for found, planned in zip(polygons, group, strict=True):
            left, top, right, bottom = planned.window
            found += [(name, part) for part in outlines(mask[top:bottom, left:right])]
    return polygons


def crop_stems(groups: Sequence[Sequence[PlannedCrop]]) -> list[list[str]]:
    """`<person>/<image>` for each crop of each image, whatever data calls people and classes.

    Images of one person may have one name in two folders, and their names may lead anywhere.
    """
    people = FileNames()
    folders: dict[str, tuple[str, FileNames]] = {}
    stems: list[list[str]] = []
    for group in groups:
        person = group[0].sample.person
        if person not in folders:
            folders[person] = people.of(person), FileNames()
        folder, files = folders[person]
        stems.append([f"{folder}/{files.of(crop_name(planned, len(group)))}" for planned in group])
    return stems


def crop_name(planned: PlannedCrop, windows: int) -> str:
    # Where an image has several windows their bones tell them apart.
    several = windows > 1 or len(planned.bones) == 1
    stem = planned.sample.image.stem
    return f"{stem}-{'-'.join(planned.bones)}" if several else stem


def label_document(
    crop: Crop, polygons: Sequence[NamedPolygon], labelled: Sequence[str] | None
) -> dict[str, object]:
    """A label in the schema of the `handbone` layout; `labelled` is None where that is all."""
    left, top, right, bottom = crop.window
    return {
        "annotations": [
            {"id": f"{n}", "type": "poly_seg", "attributes": {}, "points": points, "label": name}
            for n, (name, points) in enumerate(polygons)
        ],
        "attributes": {} if labelled is None else {"labelled": list(labelled)},
        "filename": Path(crop.image).name,
        "parent_path": str(Path(crop.image).parent),
        "metadata": {"height": bottom - top, "width": right - left},
    }
