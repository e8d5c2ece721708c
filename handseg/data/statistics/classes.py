"""The table of classes: how large each is, how much that differs, how often it is there."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from handseg.data.statistics.masks import MaskFigures


@dataclass(frozen=True)
class ClassRow:
    """Areas of a class in pixels over the images that show it; None where none does."""

    name: str
    images: int
    """That show it."""
    of_images: int
    """In which it was labelled."""
    mean: float | None
    median: float | None
    spread: float | None
    """The standard deviation."""
    smallest: float | None
    largest: float | None
    share: float | None
    """Mean share of the image."""
    relative_spread: float | None
    """Standard deviation of the share, as a share of its mean: sizes of images do not count."""


def class_rows(figures: MaskFigures) -> list[ClassRow]:
    """A row for each class, in the order of the data set."""
    return [_row(figures, column) for column in range(len(figures.classes))]


def _row(figures: MaskFigures, column: int) -> ClassRow:
    areas, shares = figures.areas[:, column], figures.shares[:, column]
    there = np.isfinite(areas)
    known = int(figures.labelled[:, column].sum())
    name = figures.classes[column]
    if not there.any():
        return ClassRow(name, 0, known, *[None] * 7)
    areas, shares = areas[there], shares[there]
    return ClassRow(
        name,
        len(areas),
        known,
        float(areas.mean()),
        float(np.median(areas)),
        float(areas.std()),
        float(areas.min()),
        float(areas.max()),
        float(shares.mean()),
        float(shares.std() / shares.mean()),
    )


def classes_csv(rows: Sequence[ClassRow]) -> str:
    """The table for programs: full figures, an empty field where there is none."""
    text = io.StringIO()
    names = list(ClassRow.__dataclass_fields__)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writerow({name: "class" if name == "name" else name for name in names})
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue().rstrip("\n")
