"""Dice of image × class, kept for the last and the best validation."""

import io
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg import disk
from handseg.runs import layout


@dataclass(frozen=True)
class ImageScores:
    """Dice of every validation image and class at one step.

    `dice` is float32[images, classes], NaN where a class was not labelled; `persons` has the person
    of each image, or is empty where the writer did not say.
    """

    step: int
    images: tuple[str, ...]
    classes: tuple[str, ...]
    dice: NDArray[np.float32]
    persons: tuple[str, ...] = ()


def write_scores(run: Path, scores: ImageScores) -> Path:
    """Write `scores/<step>.npz` whole or not at all."""
    if scores.dice.shape != (len(scores.images), len(scores.classes)):
        raise ValueError(f"dice {scores.dice.shape} is not images × classes")
    if scores.persons and len(scores.persons) != len(scores.images):
        raise ValueError(f"{len(scores.persons)} persons of {len(scores.images)} images")
    block = io.BytesIO()
    np.savez_compressed(
        block,
        step=scores.step,
        images=np.array(scores.images, dtype=np.str_),
        classes=np.array(scores.classes, dtype=np.str_),
        persons=np.array(scores.persons, dtype=np.str_),
        dice=scores.dice.astype(np.float32),
    )
    return disk.replace(run / layout.SCORES / f"{scores.step:08d}.npz", block.getvalue())


def read_scores(run: Path, step: int) -> ImageScores:
    """The scores of one step.

    Raises:
        OSError, ValueError, KeyError: missing or damaged.
    """
    path = run / layout.SCORES / f"{step:08d}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ImageScores(
                int(arrays["step"]),
                tuple(map(str, arrays["images"])),
                tuple(map(str, arrays["classes"])),
                arrays["dice"],
                tuple(map(str, arrays["persons"])) if "persons" in arrays else (),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def score_steps(run: Path) -> list[int]:
    return kept_steps(run / layout.SCORES)


def keep_scores(run: Path, kept: Collection[int | None]) -> None:
    """Remove the scores of all steps but these."""
    for step in score_steps(run):
        if step not in kept:
            (run / layout.SCORES / f"{step:08d}.npz").unlink(missing_ok=True)


def kept_steps(folder: Path) -> list[int]:
    """The steps of the files `<step>.npz` of a folder, rising; none where there is no folder."""
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix == ".npz"]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdecimal())


def as_scores(
    step: int,
    images: Sequence[str],
    classes: Sequence[str],
    dice: NDArray[np.floating],
    persons: Sequence[str] = (),
) -> ImageScores:
    figures = np.asarray(dice, np.float32)
    return ImageScores(step, tuple(images), tuple(classes), figures, tuple(persons))


def cancel_scores(run: Path, after: int) -> None:
    keep_scores(run, [step for step in score_steps(run) if step <= after])
