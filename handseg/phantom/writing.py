"""A data set of phantoms on disk, in the `handbone` layout, whole or absent."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handseg.errors import FailedError, UsageError
from handseg.phantom.extras import known_extras
from handseg.phantom.phantom import BENT_SHARE, Polygon, Side, make_phantom
from handseg.work import Progress, silent

MARK = "phantom.json"
"""The file in a data set's folder that says that phantoms are in it, and how they were made."""
TEST_SHARE = 144 / 544
"""The share of test people in the competition."""
TEST_BENT_SHARE = 0.576
"""The share of bent wrists among the competition's test people."""
SMALLEST, LARGEST = 64, 4096

_SIDES: tuple[Side, Side] = ("right", "left")
_PARTS = ("train", "test", MARK, "folds.json")
_EPOCH_MS = 1_661_130_000_000
_STALE_SIZE = 3060
"""What the competition's JSON states as height and width of images that are 2048²."""
_ALONE_UP_TO = 8 * 512**2  # pixels in all


@dataclass(frozen=True)
class _Task:
    """One image to make and where it goes."""

    image: Path
    labels: Path
    size: int
    seed: int
    person: int
    side: Side
    bent: bool
    extras: tuple[str, ...]


def write_phantoms(
    folder: Path,
    *,
    people: int,
    size: int,
    seed: int,
    test_people: int | None = None,
    extras: Collection[str] = (),
    force: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write a data set of phantoms of `people` people, two images each; returns `folder`.

    `test_people` of them (default: the competition's share) are the test split, whose labels lie
    under test/outputs_json. `extras` names what else the radiographs show (see `extras.SHARES`).
    The same arguments give the same bytes, however many processes make them. The images are made
    beside `folder` and moved there when all are done.

    Raises UsageError for impossible numbers or unknown extras, or when `folder` holds a data set
    already and `force` is not given, or when it holds one that is no phantoms' (that is never
    replaced).
    """
    split = _split_people(people, test_people, seed)
    _check_size(size)
    chosen = known_extras(extras)
    _check_folder(folder, force)
    settings: dict[str, object] = {
        "people": people,
        "test_people": len(split["test"]),
        "size": size,
        "seed": seed,
    }
    if chosen:
        settings["with"] = chosen
    with _beside(folder) as fresh:
        _make_all(_tasks(fresh, split, size, seed, chosen), progress)
        (fresh / MARK).write_text(json.dumps({"v": 1, **settings}) + "\n", encoding="utf-8")
        _put_in_place(fresh, folder)
    return folder


def _split_people(people: int, test_people: int | None, seed: int) -> dict[str, list[int]]:
    """The numbers of the people of each split in random order; the first is always in train."""
    if people < 1:
        raise UsageError(f"a data set needs at least one person, not {people}")
    if test_people is None:
        test_people = 0 if people == 1 else max(1, round(people * TEST_SHARE))
    if not 0 <= test_people < people:
        raise UsageError(
            f"{test_people} test people of {people} cannot be: somebody must be left to train on",
            details="--people counts all people, those of the test split too",
        )
    others = np.random.default_rng([seed, people]).permutation(np.arange(2, people + 1)).tolist()
    return {"train": [*others[test_people:], 1], "test": others[:test_people]}


def _check_size(size: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise UsageError(f"a phantom can be {SMALLEST} to {LARGEST} pixels wide, not {size}")


def _check_folder(folder: Path, force: bool) -> None:
    """Raise UsageError unless `folder` may be filled."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder")
    if not any((folder / part).exists() for part in ("train", "test")):
        return
    if not (folder / MARK).is_file():
        raise UsageError(
            f"{folder} holds a data set that is not of phantoms",
            details="it is never replaced, not even with --force: choose another folder",
        )
    if not force:
        raise UsageError(
            f"{folder} holds a data set already",
            details="choose another folder, or replace it",
            hints=(f"handseg phantom {folder} --force",),
        )


def _tasks(
    root: Path, split: dict[str, list[int]], size: int, seed: int, extras: tuple[str, ...] = ()
) -> list[_Task]:
    """Every image of the data set, by person."""
    tasks: list[_Task] = []
    for name, share in (("train", BENT_SHARE), ("test", TEST_BENT_SHARE)):
        for rank, person in enumerate(split[name]):
            # Spread evenly over the (random) order of people: the share is met in small sets too.
            bent = int((rank + 1) * share + 0.5) > int(rank * share + 0.5)
            for side, stem in zip(_SIDES, _stems(person, seed), strict=True):
                image = root / name / "DCM" / f"ID{person:03d}" / f"{stem}.png"
                labels = root / name / "outputs_json" / f"ID{person:03d}" / f"{stem}.json"
                tasks.append(_Task(image, labels, size, seed, person, side, bent, extras))
    return sorted(tasks, key=lambda task: (task.person, task.side))


def _stems(person: int, seed: int) -> tuple[str, str]:
    """The file names of a person's right and left hand; mostly, not always, in that order."""
    rng = np.random.default_rng([seed, person, len(_SIDES) + 1])
    first = _EPOCH_MS + person * 1_000_000 + int(rng.integers(0, 400_000))
    second = first + int(rng.integers(20_000, 90_000))
    right, left = (first, second) if rng.random() < 0.9 else (second, first)
    if person == 1:
        return f"image{right}_R", f"image{left}_L"
    return f"image{right}", f"image{left}"


def _make_all(tasks: list[_Task], progress: Progress) -> None:
    for task in tasks:
        task.image.parent.mkdir(parents=True, exist_ok=True)
        task.labels.parent.mkdir(parents=True, exist_ok=True)
    progress(0, len(tasks), "phantoms")
    for done, person in enumerate(_made(tasks), start=1):
        progress(done, len(tasks), f"ID{person:03d}")


def _made(tasks: list[_Task]) -> Iterator[int]:
    """Make every image, on all cores when it is worth starting processes; yields its person."""
    workers = min(os.cpu_count() or 1, len(tasks))
    if workers == 1 or sum(task.size**2 for task in tasks) <= _ALONE_UP_TO:
        yield from map(_make, tasks)
        return
    # spawn: a fork of a process in which torch or cv2 run threads can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield from pool.map(_make, tasks)
    except BrokenProcessPool as error:
        raise FailedError(
            "a process that made phantoms was killed",
            details="often there was not enough memory: smaller phantoms need less",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """One thread a process; Ctrl-C is the parent's to handle."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make(task: _Task) -> int:
    phantom = make_phantom(
        task.size,
        task.seed,
        side=task.side,
        person=task.person,
        bent=task.bent,
        extras=task.extras,
    )
    colour = cv2.cvtColor(phantom.image, cv2.COLOR_GRAY2BGR)
    coded, content = cv2.imencode(".png", colour, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not coded:
        raise RuntimeError(f"cv2 could not encode {task.image.name}")
    task.image.write_bytes(content.tobytes())
    document = label_json(phantom.polygons, task.image.name, f"ID{task.person:03d}")
    task.labels.write_text(document, encoding="utf-8")
    return task.person


def label_json(polygons: dict[str, list[Polygon]], image_name: str, person: str) -> str:
    """The JSON of one image as the competition exports it, its stale fields stale."""
    annotations: list[dict[str, Any]] = []
    for label, parts in polygons.items():
        for part in parts:
            annotations.append(
                {
                    "id": f"{person}-{len(annotations):02d}",
                    "type": "poly_seg",
                    "attributes": {},
                    "points": part.tolist(),
                    "label": label,
                }
            )
    document = {
        "annotations": annotations,
        "attributes": {},
        "file_id": image_name.removesuffix(".png"),
        "filename": image_name.removesuffix(".png") + ".jpg",
        "parent_path": f"/{person}",
        "last_modifier_id": "phantom",
        "metadata": {"height": _STALE_SIZE, "width": _STALE_SIZE},
        "last_workers": [],
    }
    return json.dumps(document)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new, empty folder beside `folder` that is gone afterwards, whatever happens."""
    place = folder.absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.parent / f".{place.name}.phantom-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)  # of a killed process whose number came round
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _put_in_place(fresh: Path, folder: Path) -> None:
    """Move what was made to where it belongs; what it replaces goes with the fresh folder."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = fresh / "old"
    old.mkdir()
    for part in _PARTS:
        if (folder / part).exists():
            (folder / part).rename(old / part)
        if (fresh / part).exists():
            (fresh / part).rename(folder / part)
