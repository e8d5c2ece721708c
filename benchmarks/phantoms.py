"""Whether phantoms are like the competition's hands in the figures of domain.md, and quickly made.

    python benchmarks/phantoms.py

Prints each figure beside its aim; exits 1 where one is missed. Seeds are none of the tests'.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM, MEAN_AREAS
from handseg.data.dataset import open_dataset, with_test_labels
from handseg.data.labels import label_runs
from handseg.hand.hands import LIMIT, bend
from handseg.phantom.extras import SHARES
from handseg.phantom.phantom import make_phantom, make_polygons
from handseg.phantom.writing import write_phantoms

SEED = 909
BOX: dict[str, tuple[int, int, int]] = {
    "width": (297, 368, 451),
    "height": (216, 270, 387),
    "centre x": (840, 1008, 1164),
    "centre y": (1182, 1428, 1742),
}
"""Lowest, median and highest of the carpal box of 800 labelled hands, in pixels at 2048²."""

Row = tuple[str, str, str, bool]


def masks_of(person: int, side: str, size: int) -> NDArray[np.uint8]:
    """`uint8[29, size, size]` of 0 and 1."""
    polygons = make_polygons(size, SEED, side=side, person=person)  # pyright: ignore[reportArgumentType]
    masks = np.zeros((len(BONES), size, size), np.uint8)
    for mask, bone in zip(masks, BONES, strict=True):
        cv2.fillPoly(mask, polygons[bone], 1)
    return masks


def areas_and_overlaps() -> Iterator[Row]:
    """Over 50 hands of 25 people at 1024²."""
    areas = np.zeros(len(BONES))
    several = foreground = 0
    for person in range(25):
        for side in ("left", "right"):
            masks = masks_of(person, side, 1024)
            areas += masks.sum(axis=(1, 2)) * 4 / 50
            labels = masks.sum(axis=0)
            several += int((labels > 1).sum())
            foreground += int((labels > 0).sum())
    off = areas / np.array([MEAN_AREAS[bone] for bone in BONES]) - 1
    worst = int(np.abs(off).argmax())
    share = 100 * several / foreground
    pixels = 100 * foreground / (50 * 1024**2)
    yield (
        f"the mean area farthest off, {BONES[worst]}",
        f"{100 * off[worst]:+.1f} %",
        "within 35 %",
        abs(off[worst]) <= 0.35,
    )
    yield ("mean distance of the mean areas", f"{100 * np.abs(off).mean():.1f} %", "", True)
    yield ("foreground of two bones or more", f"{share:.2f} %", "2 to 5 %", 2 <= share <= 5)
    yield ("foreground of the image", f"{pixels:.1f} %", "about 12 %", 10 <= pixels <= 14)


def carpal_boxes() -> Iterator[Row]:
    """Over 400 hands: the median, and a range that is most of the competition's and little more."""
    boxes: list[NDArray[np.float64]] = []
    for person in range(200):
        for side in ("left", "right"):
            polygons = make_polygons(512, SEED, side=side, person=person)  # pyright: ignore[reportArgumentType]
            points = np.concatenate([part for bone in CARPALS for part in polygons[bone]])
            low, high = points.min(axis=0), points.max(axis=0)
            boxes.append(np.concatenate([high - low, (high + low) / 2]) * 4)
    for number, (what, (least, median, most)) in enumerate(BOX.items()):
        values = np.array(boxes)[:, number]
        low, middle, high = (round(value) for value in np.percentile(values, [0, 50, 100]))
        span = most - least
        kept = (
            abs(middle - median) <= 0.1 * span
            and high - low >= 0.6 * span
            and low >= least - 0.15 * span
            and high <= most + 0.15 * span
        )
        aim = f"{least}, {median}, {most}"
        yield (f"carpal box, {what}: least, median, most", f"{low}, {middle}, {high}", aim, kept)


def bent_wrists() -> Iterator[Row]:
    """Told by the labels of a written data set: the angle between forearm and hand."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        write_phantoms(folder, people=76, size=256, seed=SEED, test_people=26)
        dataset = with_test_labels(open_dataset(folder))
        for split, aim, least, most in (
            ("train", "about 12 %", 8, 16),
            ("test", "half or more", 46, 66),
        ):
            bent: list[bool] = []
            for sample in dataset.split(split):
                labels = label_runs(sample, dataset.classes)
                runs: dict[str, rle.Runs] = dict(zip(dataset.classes, labels.runs, strict=True))
                forearm = [runs[name] for name in FOREARM]
                degrees = bend(forearm, runs[FINGERS["middle"][-1]], labels.size[1])
                bent.append(abs(degrees) > LIMIT)
            share = 100 * statistics.mean(bent)
            yield (f"bent wrists in {split}", f"{share:.1f} %", aim, least <= share <= most)


def seconds() -> Iterator[Row]:
    """CPU seconds on one core for a hand at 2048², plain and with everything; encoded, too."""
    cv2.setNumThreads(1)
    for name, extras in (("plain", ()), ("with all extras", tuple(SHARES))):
        times: list[float] = []
        for person in range(5):
            begun = time.process_time()
            phantom = make_phantom(2048, SEED, person=person, extras=extras)
            cv2.imencode(".png", phantom.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            times.append(time.process_time() - begun)
        took = statistics.median(times)
        yield (f"CPU seconds a hand at 2048², {name}", f"{took:.2f}", "at most 1", took <= 1)


def atlas() -> Iterator[Row]:
    """The mean of 60 training labels, left hands mirrored, as a prediction of 40 other hands."""
    votes = np.zeros((len(BONES), 256, 256))
    for person in range(30):
        votes += masks_of(person, "left", 256)[:, :, ::-1]
        votes += masks_of(person, "right", 256)
    guess = votes / 60 > 0.5
    scores: list[float] = []
    for person in range(100, 140):
        truth = masks_of(person, "right", 256) > 0
        both = 2 * (guess & truth).sum(axis=(1, 2)) + 1e-4
        scores.append(float((both / (guess.sum((1, 2)) + truth.sum((1, 2)) + 1e-4)).mean()))
    mean = statistics.mean(scores)
    yield ("mean Dice of the atlas of the labels", f"{mean:.3f}", "at most .55", mean <= 0.55)


def main() -> None:
    kept = True
    for figures in (areas_and_overlaps, carpal_boxes, bent_wrists, seconds, atlas):
        for what, value, aim, good in figures():
            word = "" if not aim else "kept" if good else "MISSED"
            print(f"{what:45} {value:>18}   {aim:18} {word}", flush=True)
            kept &= good
    sys.exit(not kept)


if __name__ == "__main__":
    main()
