"""The labels of a data set as masks of any format, and masks with the images of a data set."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from handseg.data.dataset import Dataset, find_dataset, open_dataset, with_test_labels
from handseg.data.fingerprint import hash_file
from handseg.data.images import image_size
from handseg.data.labels import UNTURNED, Labels, Sample, SampleLabels, label_runs, read_labels
from handseg.errors import InputError
from handseg.formats.masks import AHEAD, ImageFile, Masks
from handseg.formats.polygons import Polygon
from handseg.rle import Runs
from handseg.text import counted, pixels_text


def read_dataset_masks(folder: Path, split: str = "all") -> Masks:
    """The labels of the images of a split that have one, those of test images too.

    Only headers of images are read; a label is drawn when it is asked for. Raises InputError where
    there is no data set or no label, or where an image cannot be read.
    """
    dataset = with_test_labels(open_dataset(folder))
    samples = dataset.split(split)
    labelled = tuple(sample for sample in samples if sample.labels is not None)
    if not labelled:
        raise InputError(
            f"{folder} has no labels to convert",
            details=f"{counted(len(samples), 'image')} (split: {split}, layout: {dataset.layout})",
            hints=["a folder of PNG planes is read by the planes.json that --to png writes"],
        )
    return masks_of_labels(dataset, labelled, bare=len(samples) - len(labelled))


def masks_of_labels(dataset: Dataset, samples: Sequence[Sample], bare: int = 0) -> Masks:
    """The labels of `samples` as masks; `bare` images were left out."""
    by_name = {sample.image_name: sample for sample in samples}

    # An image's classes are asked for one after the other, a few images at a time.
    @lru_cache(maxsize=2 * AHEAD)
    def drawn(image: str) -> SampleLabels:
        return label_runs(by_name[image], dataset.classes)

    def runs_of(image: str, cls: str) -> Runs:
        return drawn(image).runs[dataset.classes.index(cls)]

    @lru_cache(maxsize=2 * AHEAD)
    def label(image: str) -> Labels:
        return read_labels(by_name[image], dataset.classes)

    def polygons_of(image: str, cls: str) -> Sequence[Polygon]:
        return () if cls in label(image).runs else label(image).polygons.get(cls, ())

    left_out = [f"{counted(bare, 'image')} without a label left out"] if bare else []
    return Masks(
        path=dataset.root,
        sha256=_sha256(samples),
        format=f"labels of the layout {dataset.layout}",
        images={name: image_size(sample.image) for name, sample in by_name.items()},
        classes=dataset.classes,
        runs_of=runs_of,
        origin={},
        notes=(*dataset.notes, *left_out),
        labelled=_labelled(dataset, samples),
        polygons_of=polygons_of,
        image_files={name: _image_file(sample) for name, sample in by_name.items()},
    )


def with_image_files(masks: Masks, data: Path, *, is_wanted: bool = False) -> Masks:
    """The same masks with those of their images that the data set in `data` has.

    Only headers of images are read. Raises InputError where there is no data set though it
    `is_wanted`, where it is at fault, or where an image of the same name has another size: it is
    another image.
    """
    dataset = find_dataset(data, required=is_wanted)
    samples = {sample.image_name: sample for sample in dataset.split("all")} if dataset else {}
    found = {name: samples[name] for name in masks.images if name in samples}
    for name, sample in found.items():
        size, own = image_size(sample.image), masks.images[name]
        if size != own:
            raise InputError(
                f"{sample.image} has {pixels_text(size)} pixels",
                details=f"the masks of {name} in {masks.path} have {pixels_text(own)}",
                hints=[
                    UNTURNED if size == own[::-1] else "--data DIR names the data set of the masks"
                ],
            )
    return replace(masks, image_files={name: _image_file(one) for name, one in found.items()})


def _image_file(sample: Sample) -> ImageFile:
    return ImageFile(sample.image, sample.person, sample.split)


def _labelled(dataset: Dataset, samples: Sequence[Sample]) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was."""
    found: dict[str, frozenset[str]] = {}
    for sample in samples:
        known = read_labels(sample, dataset.classes).labelled
        if not all(known):
            named = zip(dataset.classes, known, strict=True)
            found[sample.image_name] = frozenset(cls for cls, is_known in named if is_known)
    return found


def _sha256(samples: Sequence[Sample]) -> str:
    """The sha256 over the names of the images and the contents of their labels' files."""
    files = dict.fromkeys(sample.labels for sample in samples if sample.labels is not None)
    hashes: dict[Path | None, str] = {path: hash_file(path) for path in files}
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.image_name}\0{hashes.get(sample.labels)}\n".encode())
    return digest.hexdigest()
