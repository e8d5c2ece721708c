"""Data sets of phantom labels, and the faults that `benchmarks/check.py` puts into them."""

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from handseg.anatomy import BONES, FINGERS, NEIGHBOURS
from handseg.check import anatomy, dataset, inspection
from handseg.phantom.phantom import Side, make_polygons

SIDE = 512
SIDES: tuple[Side, Side] = ("right", "left")
TEST_SHARE = 0.25

Document = dict[str, Any]


class Hand(NamedTuple):
    """The files of one image of a set."""

    image: Path
    label: Path

    def document(self) -> Document:
        return json.loads(self.label.read_text())

    def write(self, document: Document) -> None:
        self.label.write_text(json.dumps(document))


Fault = Callable[[Hand, Sequence[Hand], np.random.Generator], tuple[str, ...]]
"""Puts a fault into a hand; gives the words of which a finding on it must have one as its reason,
and after them, where there is one, a word that its class or detail must have."""


def polygons_of(task: tuple[int, int, Side, bool]) -> dict[str, list[list[list[int]]]]:
    seed, person, side, bent = task
    made = make_polygons(SIDE, seed, person=person, side=side, bent=bent)
    return {bone: [part.tolist() for part in parts] for bone, parts in made.items()}


def write_set(folder: Path, images: int, seed: int) -> list[Hand]:
    """A data set of phantom labels; a quarter of the people are test people, half of them bent."""
    people = images // 2
    rng = np.random.default_rng(seed)
    test = set(rng.permutation(people)[: max(1, round(TEST_SHARE * people))].tolist())
    tasks: list[tuple[int, int, Side, bool]] = [
        (seed, person, side, bool(rng.random() < (0.576 if person in test else 0.115)))
        for person in range(people)
        for side in SIDES
    ]
    with ProcessPoolExecutor() as pool:
        drawn = list(pool.map(polygons_of, tasks, chunksize=8))
    hands: list[Hand] = []
    for number, ((_, person, _, _), polygons) in enumerate(zip(tasks, drawn, strict=True)):
        split = "test" if person in test else "train"
        place = Path(f"ID{person:03d}") / f"image{number:05d}"
        hand = Hand(
            folder / split / "DCM" / place.with_suffix(".png"),
            folder / split / "outputs_json" / place.with_suffix(".json"),
        )
        for path in hand:
            path.parent.mkdir(parents=True, exist_ok=True)
        write_image(hand.image, number)
        parts = [entry(bone, part) for bone in BONES for part in polygons[bone]]
        hand.write({"annotations": parts})
        hands.append(hand)
    return hands


def write_image(path: Path, number: int, side: int = SIDE) -> None:
    pixels = np.zeros((side, side), np.uint8)
    pixels[number % 256 :: 7, number // 256 :: 3] = 99
    Image.fromarray(pixels).save(path)


def entry(bone: str, points: list[list[int]]) -> Document:
    return {"type": "poly_seg", "label": bone, "points": points}


def changed(hand: Hand, change: Callable[[list[Document]], None]) -> None:
    document = hand.document()
    change(document["annotations"])
    hand.write(document)


def of(entries: list[Document], bone: str) -> Document:
    return next(one for one in entries if one["label"] == bone)


# --- kinds of structure -------------------------------------------------------------------------


def no_image(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    hand.image.unlink()
    return (dataset.NO_IMAGE,)


def no_label(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    hand.label.unlink()
    # Test images need no label: where only some have one, that is said of the set.
    return (dataset.NO_LABEL, "test images of which only some have labels")


def extra_image(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    folder = hand.image.parent / "old"
    folder.mkdir(exist_ok=True)
    write_image(folder / hand.image.name, 7)
    return (dataset.NOT_READ,)


def extra_file(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    hand.image.with_suffix(".txt").write_text("notes")
    return (dataset.STRANGE_FILE,)


def no_picture(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    hand.image.write_bytes(rng.bytes(500))
    return (inspection.UNREADABLE_IMAGE,)


def truncated(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    content = hand.image.read_bytes()
    hand.image.write_bytes(content[: int(rng.integers(60, len(content) - 1))])
    return (inspection.DAMAGED, inspection.UNREADABLE_IMAGE)


def one_bit(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    content = bytearray(hand.image.read_bytes())
    content[int(rng.integers(50, len(content) - 20))] ^= 1 << int(rng.integers(8))
    hand.image.write_bytes(content)
    return (inspection.DAMAGED, inspection.UNREADABLE_IMAGE)


def broken_json(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    hand.label.write_text(hand.label.read_text()[: int(rng.integers(10, 2000))])
    return (inspection.UNREADABLE_LABEL,)


def wrong_size(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    write_image(hand.image, int(rng.integers(2**16)), SIDE + int(rng.integers(1, 90)))
    return (dataset.ODD_SIZE,)


def unknown_class(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    bone = str(rng.choice(BONES))
    changed(hand, lambda entries: of(entries, bone).update(label=bone + "x"))
    return (inspection.UNKNOWN,)


def missing(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    bone = str(rng.choice(BONES))
    changed(hand, lambda entries: entries.remove(of(entries, bone)))
    return (dataset.CLASS_MISSING, bone)


def doubled(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    bone = str(rng.choice(BONES))
    changed(hand, lambda entries: entries.append(of(entries, bone)))
    return (inspection.DOUBLED, bone)


def with_points(
    reason: str, change: Callable[[list[list[float]], np.random.Generator], list[list[float]]]
) -> Fault:
    def fault(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
        bone = str(rng.choice(BONES))

        def new(entries: list[Document]) -> None:
            one = of(entries, bone)
            one["points"] = change(one["points"], rng)

        changed(hand, new)
        return (reason, bone)

    return fault


def crossed(points: list[list[float]], rng: np.random.Generator) -> list[list[float]]:
    """The second half of the outline drawn the other way round: an eight."""
    half = len(points) // 2
    return points[:half] + points[half:][::-1]


def ringed(points: list[list[float]], rng: np.random.Generator) -> list[list[float]]:
    """A hole in the middle, reached by a slit, as annotators draw around a ring."""
    outline = np.array(points)
    middle = outline.mean(axis=0)
    inner = np.rint(middle + (outline - middle) * 0.4).astype(int).tolist()
    return [*points, points[0], inner[0], *inner[::-1]]


def same_image(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    person = hand.image.parent
    other = next(one for one in others if one.image.parent != person and one.image.exists())
    shutil.copy(other.image, hand.image)
    return (dataset.SAME_FILE,)


def same_label(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    other = next(one for one in others if one.label != hand.label)
    shutil.copy(other.label, hand.label)
    return (dataset.SAME_LABEL,)


def shared_label(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    twin = hand.image.with_suffix(".jpg")
    Image.fromarray(rng.integers(0, 255, (SIDE, SIDE), np.uint8)).save(twin)
    return (dataset.SHARED_LABEL,)


def in_both(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    """A new test image of the hand's person, who is one of the others too."""
    root = hand.image.parents[3]
    for split in ("train", "test"):
        place = root / split / "DCM" / hand.image.parent.name / f"again-{hand.image.name}"
        if not place.parent.exists():
            place.parent.mkdir(parents=True)
            write_image(place, int(rng.integers(2**16)))
            label = root / split / "outputs_json" / place.parent.name / f"{place.stem}.json"
            label.parent.mkdir(parents=True)
            label.write_text(others[-1].label.read_text().replace("100", "101"))
    return (dataset.BOTH_SPLITS,)


def nan(points: list[list[float]], rng: np.random.Generator) -> list[list[float]]:
    return [[float("nan"), 3.0], *points[1:]]


STRUCTURE: dict[str, Fault] = {
    "image missing": no_image,
    "label missing": no_label,
    "image where none belongs": extra_image,
    "strange file": extra_file,
    "no image at all": no_picture,
    "PNG cut off": truncated,
    "one bit of a PNG flipped": one_bit,
    "broken JSON": broken_json,
    "image of another size": wrong_size,
    "unknown class": unknown_class,
    "class missing": missing,
    "class doubled": doubled,
    "polygon of two points": with_points(inspection.FEW_POINTS, lambda points, _: points[:2]),
    "polygon of zero area": with_points(
        inspection.NO_AREA, lambda points, _: [points[0], points[1], points[0]]
    ),
    "polygon outside": with_points(
        inspection.OUTSIDE, lambda points, _: [[x + 2 * SIDE, y] for x, y in points]
    ),
    "one point outside": with_points(
        inspection.BEYOND, lambda points, _: [[SIDE + 5.0, points[0][1]], *points[1:]]
    ),
    "polygon crosses itself": with_points(inspection.CROSSING, crossed),
    "point that is not finite": with_points(inspection.NO_POINTS, nan),
    "polygon with a hole": with_points(inspection.HOLE, ringed),
    "same image twice": same_image,
    "same label twice": same_label,
    "two images, one label": shared_label,
    "one person in train and test": in_both,
}


# --- outliers ------------------------------------------------------------------------------------


def relabelled(hand: Hand, names: dict[str, str]) -> None:
    def change(entries: list[Document]) -> None:
        for one in entries:
            one["label"] = names.get(one["label"], one["label"])

    changed(hand, change)


def other_hand(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    """Labels from the little finger's side on; the fourth bone of it, and small carpals, vary."""
    thumb, little = FINGERS["thumb"], FINGERS["little"]
    kept = (little[0], little[int(rng.integers(1, 3))], little[3])
    pairs = [*zip(thumb, kept, strict=True), *zip(FINGERS["index"], FINGERS["ring"], strict=True)]
    pairs += [("Trapezium", "Hamate"), ("Radius", "Ulna")]
    pairs += [("Trapezoid", "Capitate")] if rng.random() < 0.5 else []
    pairs += [("Scaphoid", "Triquetrum")] if rng.random() < 0.5 else []
    relabelled(hand, dict(pairs) | {b: a for a, b in pairs})
    return (anatomy.MIRRORED,)


def swapped(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    one, other = NEIGHBOURS[int(rng.integers(len(NEIGHBOURS)))]
    relabelled(hand, {one: other, other: one})
    return (anatomy.NEIGHBOURS_EXCHANGED, one)


def pisiform(hand: Hand, others: Sequence[Hand], rng: np.random.Generator) -> tuple[str, ...]:
    """In three ways: exchanged with the Ulna's, instead of it, or its own outline on its head."""
    way = int(rng.integers(3))
    reasons = (anatomy.WRONG_BONE, anatomy.EXCHANGED, anatomy.PLACE, anatomy.FAR_AWAY)
    if way == 0:
        relabelled(hand, {"Pisiform": "Ulna", "Ulna": "Pisiform"})
        return (*reasons, "Pisiform")

    def change(entries: list[Document]) -> None:
        own, ulna = of(entries, "Pisiform"), of(entries, "Ulna")
        if way == 1:
            entries.remove(own)
            ulna["label"] = "Pisiform"
            return
        head = np.array(ulna["points"], float)
        head = head[head[:, 1] < head[:, 1].min() + 30].mean(axis=0) + np.array((0, 12))
        outline = np.array(own["points"], float)
        own["points"] = np.rint(outline - outline.mean(axis=0) + head).tolist()

    changed(hand, change)
    return (*reasons, "Pisiform")


OUTLIERS: dict[str, Fault] = {
    "labelled as the other hand": other_hand,
    "two neighbours swapped": swapped,
    "Pisiform on the Ulna": pisiform,
}
