"""Images a second and core of the loader, against the two ways in which people load such data.

    python benchmarks/loading.py [rounds] [folder of 2048² images in the handbone layout]

The plain way reads the PNG and the JSON, draws 29 planes with `fillPoly`, lets albumentations
resize to 1024 px and rotate; float32 in the order CHW comes out. The kinder way hands masks over
as a list and leaves everything in bytes. handseg reads what it has prepared, rotates likewise and
delivers bit planes in batches. Every figure is of CPU seconds on one core; the three take turns,
and the median over the rounds counts. The aims: 60 times the plain way, 25 times the kinder one,
29 planes unpacked in 15 ms, a worker that takes at most 150 MB beyond its imports.
"""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from measure import warm
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A  # noqa: N812 - its documented name

from handseg.anatomy import BONES
from handseg.data.cache import CachedDataset, build_cache
from handseg.data.dataset import Sample, open_dataset
from handseg.data.fingerprint import sample_files
from handseg.data.planes import unpack
from handseg.phantom.writing import write_phantoms
from handseg.recipe.load import load_recipe
from handseg.recipe.schema import Transform
from handseg.train.augment import Augmentation
from handseg.train.loader import (
    EpochLoader,
    EpochSampler,
    SampleFault,
    SampleRef,
    TrainingBatch,
    TrainingSamples,
)

PEOPLE, FULL, SIZE = 5, 2048, 1024
FEW, MANY = 2, 40
"""Images that the slow ways, and handseg, load in a round."""
ENOUGH = 48
"""Samples whose files are larger than a worker may become: 240 MB."""
ROTATION = {"rotate": Transform("Rotate", {"limit": [-45, 45], "p": 1.0})}
GEOMETRY = [A.Resize(SIZE, SIZE), A.Rotate(limit=45, p=1.0)]

Row = tuple[str, float, str, bool]


def read(sample: Sample) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    image = cv2.imread(str(sample.image))
    assert image is not None
    assert sample.labels is not None
    return np.asarray(image, np.uint8), json.loads(sample.labels.read_text())["annotations"]


def plain(samples: tuple[Sample, ...], compose: A.Compose) -> Iterator[object]:
    """The competition's baseline: one array of all planes, floats, CHW."""
    for sample in samples:
        image, annotations = read(sample)
        label = np.zeros((*image.shape[:2], len(BONES)), np.uint8)
        for annotation in annotations:
            plane = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(plane, [np.array(annotation["points"])], 1)
            label[..., BONES.index(annotation["label"])] = plane
        made = compose(image=image, mask=label)
        chw = (made["image"] / 255.0).transpose(2, 0, 1), made["mask"].transpose(2, 0, 1)
        yield [torch.from_numpy(part).float().contiguous() for part in chw]


def kinder(samples: tuple[Sample, ...], compose: A.Compose) -> Iterator[object]:
    """Masks as a list, bytes to the end."""
    for sample in samples:
        image, annotations = read(sample)
        masks = [np.zeros(image.shape[:2], np.uint8) for _ in BONES]
        for annotation in annotations:
            mask = masks[BONES.index(annotation["label"])]
            cv2.fillPoly(mask, [np.array(annotation["points"])], 1)
        made = compose(image=image, masks=masks)
        yield torch.from_numpy(made["image"]), torch.from_numpy(np.stack(made["masks"]))


def batches(
    prepared: CachedDataset, transforms: dict[str, Transform], images: int
) -> Iterator[object]:
    """handseg's own loader, in this process; a batch holds 4."""
    count = len(prepared.samples)
    order = EpochSampler(0, count, 0, 0.0, None, min(4, count))
    loader = EpochLoader(TrainingSamples([prepared], Augmentation(transforms)), order, 0, pin=False)
    left = images
    epoch = 0
    while left > 0:
        for batch in loader.epoch(epoch):
            yield batch
            left -= len(batch.images)
        epoch += 1


def seconds(work: Iterator[object]) -> float:
    """CPU seconds of this process until a loader has given everything."""
    begun = time.process_time()
    for _ in work:
        pass
    return time.process_time() - begun


def measured(prepared: CachedDataset, rounds: int) -> dict[str, list[float]]:
    """CPU seconds an image of each way, in each round; their order turns round."""
    compose = A.Compose(GEOMETRY)
    loaded = load_recipe("recipes/segformer.toml", []).recipe

    def some(number: int) -> tuple[Sample, ...]:
        first = number * FEW % (len(prepared.samples) - FEW + 1)
        return prepared.samples[first : first + FEW]

    ways: dict[str, Callable[[int], float]] = {
        "plain": lambda number: seconds(plain(some(number), compose)) / FEW,
        "kinder": lambda number: seconds(kinder(some(number), compose)) / FEW,
        "handseg": lambda number: seconds(batches(prepared, ROTATION, MANY)) / MANY,
        "recipe": lambda number: seconds(batches(prepared, dict(loaded.augment), MANY)) / MANY,
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            took = ways[name](number % len(prepared.samples))
            # The round before the first warms caches and libraries up.
            if number >= 0:
                found[name].append(took)
    return found


def unpacking(prepared: CachedDataset, rounds: int) -> float:
    """Median CPU milliseconds for all planes of an image as bytes."""
    times: list[float] = []
    for number in range(rounds + 1):
        planes = prepared.label_planes(number % len(prepared.samples))
        begun = time.process_time()
        unpack(planes, len(prepared.classes))
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times[1:])


def rows(folder: Path, rounds: int) -> list[Row]:
    dataset = open_dataset(folder)
    warm(sample_files(dataset.train))
    prepared = build_cache(dataset.train, dataset.classes, SIZE)
    found = measured(prepared, rounds)
    ratios = {
        name: statistics.median(
            slow / fast for slow, fast in zip(found[name], found["handseg"], strict=True)
        )
        for name in ("plain", "kinder")
    }
    rates = {name: 1 / statistics.median(times) for name, times in found.items()}
    speeds: list[Row] = [
        (f"images a second and core, {name}", rates[name], "", True) for name in found
    ]
    worker, extra = unpacking(prepared, max(rounds, 7)), memory(folder)
    return [
        *speeds,
        ("times the plain way", ratios["plain"], "at least 60", ratios["plain"] >= 60),
        ("times the kinder way", ratios["kinder"], "at least 25", ratios["kinder"] >= 25),
        ("unpacking 29 planes, ms", worker, "at most 15", worker <= 15),
        ("a worker beyond its imports, MB", extra, "at most 150", extra <= 150),
    ]


WORKER = """
import sys
from pathlib import Path
import loading
print(loading.growth(Path(sys.argv[1])))
"""


def memory(folder: Path) -> float:
    """Megabytes by which the memory of a loader's process grows, in a process tree of its own."""
    command = [sys.executable, "-c", WORKER, str(folder.absolute())]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(answer.stdout)


class Watched(TrainingSamples):
    """Samples that note the resident memory at the worker's first batch and the peak so far."""

    megabytes = multiprocessing.Array("d", 2)

    def __getitems__(self, refs: list[SampleRef]) -> TrainingBatch | SampleFault:
        if not self.megabytes[0]:
            self.megabytes[0] = status("VmRSS")
        batch = super().__getitems__(refs)
        self.megabytes[1] = status("VmHWM")
        return batch


def status(field: str) -> float:
    """Megabytes of this process, pages shared with others too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def growth(folder: Path) -> float:
    """A worker loads more than 150 MB of mapped samples in the recipe's batches."""
    dataset = open_dataset(folder)
    copies = -(-ENOUGH // len(dataset.train))
    prepared = build_cache(dataset.train * copies, dataset.classes, SIZE)
    recipe = load_recipe("recipes/segformer.toml", []).recipe
    order = EpochSampler(0, len(prepared.samples), 0, 0.0, None, recipe.train.batch_size)
    samples = Watched([prepared], Augmentation(dict(recipe.augment)))
    for _ in EpochLoader(samples, order, 1, pin=False).epoch(0):
        pass
    return samples.megabytes[1] - samples.megabytes[0]


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as place:
        os.environ["HANDSEG_CACHE"] = f"{place}/cache"
        if len(sys.argv) > 2:
            folder = Path(sys.argv[2])
        else:
            folder = write_phantoms(
                Path(place) / "data", people=PEOPLE, size=FULL, seed=3, test_people=0
            )
        found = rows(folder, rounds)
    for what, value, aim, kept in found:
        print(
            f"{what:40} {value:9.1f}   {aim:12} {'' if not aim else 'kept' if kept else 'MISSED'}"
        )
    sys.exit(not all(kept for *_, kept in found))


if __name__ == "__main__":
    main()
