"""The labels of a data set as masks."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.errors import InputError
from handseg.formats.masks import AHEAD, Masks
from handseg.rle import Runs
from handseg.text import counted

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.data.labels import Labels, Polygon, SampleLabels
    from handseg.data.sample import Sample


def read_labels(folder: Path, split: str = "all") -> Masks:
    """The labels of the images of a split that have one, those of test images too.

    Only headers of images are read; a label is drawn when it is asked for. Raises InputError where
    there is no data set or no label, or where an image cannot be read.
    """
    from handseg.data.dataset import open_dataset, with_test_labels

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


def masks_of_labels(dataset: "Dataset", samples: "Sequence[Sample]", bare: int = 0) -> Masks:
    """The labels of `samples` as masks; `bare` images were left out."""
    from handseg.data.images import image_size
    from handseg.data.labels import label_runs
    from handseg.data.labels import read_labels as read_label

    by_name = {sample.image_name: sample for sample in samples}

    # An image's classes are asked for one after the other, a few images at a time.
    @lru_cache(maxsize=2 * AHEAD)
    def drawn(image: str) -> "SampleLabels":
        return label_runs(by_name[image], dataset.classes)

    def runs_of(image: str, cls: str) -> Runs:
        return drawn(image).runs[dataset.classes.index(cls)]

    @lru_cache(maxsize=2 * AHEAD)
    def label(image: str) -> "Labels":
        return read_label(by_name[image], dataset.classes)

    def polygons_of(image: str, cls: str) -> "Sequence[Polygon]":
        return () if cls in label(image).runs else label(image).polygons.get(cls, ())

    return Masks(
        path=dataset.root,
        sha256=_sha256(samples),
        format=f"labels of the layout {dataset.layout}",
        images={name: image_size(sample.image) for name, sample in by_name.items()},
        classes=dataset.classes,
        runs_of=runs_of,
        origin={},
        notes=(*dataset.notes, *_notes(bare)),
        labelled=_labelled(dataset, samples),
        polygons_of=polygons_of,
        samples=by_name,
    )


def _labelled(dataset: "Dataset", samples: "Sequence[Sample]") -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was."""
    from handseg.data.labels import read_labels as read_label

    found: dict[str, frozenset[str]] = {}
    for sample in samples:
        known = read_label(sample, dataset.classes).labelled
        if not all(known):
            named = zip(dataset.classes, known, strict=True)
            found[sample.image_name] = frozenset(cls for cls, is_known in named if is_known)
    return found


def _notes(bare: int) -> list[str]:
    return [f"{counted(bare, 'image')} without a label left out"] if bare else []


def _sha256(samples: "Sequence[Sample]") -> str:
    """The sha256 over the names of the images and the contents of their labels' files."""
    from handseg.data.fingerprint import hash_file

    files = dict.fromkeys(sample.labels for sample in samples if sample.labels is not None)
    hashes: dict[Path | None, str] = {path: hash_file(path) for path in files}
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.image_name}\0{hashes.get(sample.labels)}\n".encode())
    return digest.hexdigest()
