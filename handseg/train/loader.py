"""Batches of an epoch: which samples, in the order of a pure function, augmented, by workers."""

import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import ProcessError
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, Dataset, get_worker_info

from handseg.data.cache import CachedDataset
from handseg.errors import FailedError
from handseg.recipe.schema import Recipe
from handseg.train.augment import Augmentation
from handseg.train.workers import WorkerFailure, WorkerPool, WorkerStatus

STOP_GRACE = 1.0
"""Seconds in which a signal to all processes of a job reaches this one too."""
GONE = (RuntimeError, OSError, EOFError, ProcessError)
"""What torch's loader raises, among other things, where one of its processes is gone."""
MOST_FAILURES = 3
"""Times in an epoch that processes may be replaced."""
SHARED_MEMORY_HINTS = ("docker run --shm-size=8g …", "--set data.workers=0")


class SampleRef(NamedTuple):
    """One sample of one epoch: its index in `TrainingSamples`, and its augmentation's seed."""

    sample: int
    seed: int


@dataclass(frozen=True)
class EpochSampler:
    """The order of samples, a pure function of seed and epoch: a resumed run needs no state of it.

    An epoch shows each of the `whole` images once. `crop_share` is the share of an epoch's samples
    that are crops, whose indices follow those of the images; `crop_epochs` is the number of epochs
    that have any (None: all).
    """

    seed: int
    whole: int
    crops: int
    crop_share: float
    crop_epochs: int | None
    batch_size: int

    @classmethod
    def of(cls, recipe: Recipe, whole: int, crops: int) -> "EpochSampler":
        """That of a recipe, for so many whole images and crops."""
        spec = recipe.data
        return cls(
            seed=recipe.train.seed,
            whole=whole,
            crops=crops,
            crop_share=spec.crop_share,
            crop_epochs=None if spec.crop_epochs == "all" else spec.crop_epochs,
            batch_size=recipe.train.batch_size,
        )

    def samples(self, epoch: int) -> list[SampleRef]:
        """The samples of an epoch in order."""
        random = np.random.default_rng([self.seed, epoch])
        indices = np.arange(self.whole)
        wanted = self.crops_in(epoch)
        if wanted:
            chosen = random.permutation(self.crops)[:wanted]
            indices = np.concatenate([indices, self.whole + chosen])
        seeds = random.integers(0, 2**31, len(indices))
        shuffled = random.permutation(indices)
        return [SampleRef(int(i), int(seed)) for i, seed in zip(shuffled, seeds, strict=True)]

    def crops_in(self, epoch: int) -> int:
        """How many crops an epoch has."""
        if self.crop_epochs is not None and epoch >= self.crop_epochs:
            return 0
        if self.crop_share >= 1:
            return self.crops
        return min(self.crops, round(self.whole * self.crop_share / (1 - self.crop_share)))

    def batches(self, epoch: int, first: int = 0) -> Iterator[list[SampleRef]]:
        """The batches of an epoch from number `first` on.

        A last one that is not full is left out: the next epoch has another order.
        """
        samples = self.samples(epoch)
        for number in range(first, self.batches_in(epoch)):
            yield samples[number * self.batch_size : (number + 1) * self.batch_size]

    def batches_in(self, epoch: int) -> int:
        """How many batches an epoch has; a set smaller than a batch is one."""
        return max(1, (self.whole + self.crops_in(epoch)) // self.batch_size)

    def steps(self, epochs: int) -> int:
        return sum(self.batches_in(epoch) for epoch in range(epochs))


class TrainingBatch(NamedTuple):
    """`images` uint8[n, size, size], `planes` uint8[n, size, size, P], `labelled` bool[n, C]."""

    images: Tensor
    planes: Tensor
    labelled: Tensor

    def split(self, size: int, least: int = 1) -> Iterator["TrainingBatch"]:
        sizes = part_sizes(len(self.images), size, least)
        for images, planes, labelled in zip(*(part.split(sizes) for part in self), strict=True):
            yield TrainingBatch(images, planes, labelled)


def part_sizes(count: int, size: int, least: int) -> list[int]:
    """How many images each part of a batch has: `size`, and the last one what is left.

    A last one below `least` takes from the one before it, or joins it where that has none to give.
    """
    size = max(size, least)
    parts = [min(size, count - begin) for begin in range(0, count, size)]
    missing = least - parts[-1]
    if missing > 0 and len(parts) > 1:
        before, last = parts[-2:]
        joined = before - missing < least
        parts[-2:] = [before + last] if joined else [before - missing, last + missing]
    return parts


class SampleFault(NamedTuple):
    """Why a batch could not be made, as text: an exception may not travel between processes."""

    message: str
    details: str
    hints: tuple[str, ...]


class TrainingSamples(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Cached samples, augmented by the seed of the reference that asks for one."""

    def __init__(self, parts: list[CachedDataset], augmentation: Augmentation) -> None:
        self.parts = parts
        self.augmentation = augmentation
        self.places = [
            (part, index) for part in range(len(parts)) for index in range(len(parts[part].samples))
        ]
        self.status = WorkerStatus(0)
        """Of the processes at work: each `EpochLoader.new_pool` gives another."""

    def __len__(self) -> int:
        return len(self.places)

    def image_name(self, sample: int) -> str:
        part, index = self.places[sample]
        return self.parts[part].samples[index].image_name

    def __getitem__(self, ref: SampleRef) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # pyright: ignore[reportIncompatibleMethodOverride]
        part, index = self.places[ref.sample]
        dataset = self.parts[part]
        image, planes = self.augmentation(
            dataset.image(index), dataset.label_planes(index), ref.seed
        )
        return image, planes, self.augmentation.labelled(dataset.labelled[index])

    def __getitems__(self, refs: list[SampleRef]) -> TrainingBatch | SampleFault:
        """A batch, each sample put where it stays: a worker never holds it twice."""
        try:
            batch = self.empty_batch(len(refs))
        except RuntimeError as error:
            return SampleFault(
                "a batch found no room in shared memory", str(error), SHARED_MEMORY_HINTS
            )
        try:
            for row, ref in enumerate(refs):
                self.status.begin(ref.sample)
                try:
                    self.fill(batch, row, ref)
                except Exception as error:  # noqa: BLE001 - whatever a codec or a transform raises
                    return self.fault(ref.sample, error)
        finally:
            self.status.begin()
        return batch

    def empty_batch(self, count: int) -> TrainingBatch:
        first = self.parts[0]
        size, depth, classes = first.size, first.planes.shape[-1], len(first.classes)
        return TrainingBatch(
            empty((count, size, size), torch.uint8),
            empty((count, size, size, depth), torch.uint8),
            empty((count, classes), torch.bool),
        )

    def fill(self, batch: TrainingBatch, row: int, ref: SampleRef) -> None:
        """Make a sample and put it into its row; what it was made of is let go of at once."""
        for part, made in zip(batch, self[ref], strict=True):
            part[row] = torch.from_numpy(made)

    def fault(self, sample: int, error: Exception) -> SampleFault:
        """What is said of a sample that raised an error."""
        name, key = self.image_name(sample), self.augmentation.at_fault(error)
        last = traceback.extract_tb(error.__traceback__)[-1]
        details = (
            f"{type(error).__name__}: {error}\n(in {last.name}, {last.filename}:{last.lineno})"
        )
        if key is None:
            return SampleFault(f"{name} could not be loaded", details, ())
        return SampleFault(f"{key} failed on {name}", details, (f"--set {key}=false",))


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A new tensor; in a loader's process one that the training's process sees."""
    made = torch.empty(shape, dtype=dtype)
    return made if get_worker_info() is None else made.share_memory_()


class EpochBatches(BatchSampler):
    """The batch sampler of torch's loader: the batches of the epoch that is set, from one on."""

    def __init__(self, sampler: EpochSampler) -> None:
        self.sampler = sampler
        self.epoch = 0
        self.first = 0

    def __iter__(self) -> Iterator[list[SampleRef]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.sampler.batches(self.epoch, self.first)

    def __len__(self) -> int:
        return self.sampler.batches_in(self.epoch) - self.first


class EpochLoader:
    """Batches of any epoch from any position on; the number of workers changes nothing.

    A worker that dies or hangs is warned of (`warn`) and the batches go on where they were, unless
    an image does that twice or it happens too often. Where `stopping`, the epoch just ends: the
    signal that stopped the training took the workers with it.
    """

    def __init__(
        self,
        samples: TrainingSamples,
        sampler: EpochSampler,
        workers: int,
        pin: bool,
        *,
        warn: Callable[[str], None] = lambda message: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.samples = samples
        self.sampler = sampler
        self.batch_sampler = EpochBatches(sampler)
        self.workers = workers
        self.pin = pin
        self.warn = warn
        self.stopping = stopping
        self.pool: WorkerPool | None = None

    def epoch(self, epoch: int, first: int = 0) -> Iterator[TrainingBatch]:
        """The batches of an epoch, without the `first` ones.

        Raises:
            FailedError: an image could not be loaded, or workers die or hang again and again.
        """
        log = FailureLog(self.samples.image_name)
        batches: Iterator[TrainingBatch | SampleFault] | None = None
        number, end = first, self.sampler.batches_in(epoch)
        while number < end:
            pool = self.pool = self.pool or self.new_pool()
            try:
                if batches is None:
                    self.batch_sampler.epoch, self.batch_sampler.first = epoch, number
                    batches = pool.batches()
                batch = pool.next(batches)
            except GONE:
                failures = pool.failures()
                if not failures:
                    raise
            else:
                yield checked(batch)
                # Not held while the next one is waited for.
                del batch
                number += 1
                continue
            batches = None
            self.close()
            if within(STOP_GRACE, self.stopping):
                return
            self.warn(log.record(failures))

    def new_pool(self) -> WorkerPool:
        self.samples.status = WorkerStatus(self.workers)
        return WorkerPool(self.samples, self.batch_sampler, self.samples.status, pin=self.pin)

    def close(self) -> None:
        """End the workers; another epoch starts new ones."""
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None


class FailureLog:
    """The failures of one epoch's workers."""

    def __init__(self, image_name: Callable[[int], str]) -> None:
        self.image_name = image_name
        self.count = 0
        self.of_image: Counter[int] = Counter()

    def record(self, failures: Sequence[WorkerFailure]) -> str:
        """Note failures found at once; the warning about them.

        Raises:
            FailedError: they are too many, or an image was worked on before too.
        """
        self.count += 1
        self.of_image.update({one.sample for one in failures if one.sample is not None})
        details = "; ".join(self.described(one) for one in failures)
        twice = [self.image_name(one) for one, times in self.of_image.items() if times > 1]
        if twice:
            message = f"{', '.join(twice)} ended a process of the loader twice"
        elif self.count > MOST_FAILURES:
            message = f"processes of the loader were lost {self.count} times in an epoch"
        else:
            return f"{details}; started anew, nothing is lost"
        is_full = any(one.exit_code == -signal.SIGBUS for one in failures)
        hints = SHARED_MEMORY_HINTS if is_full else ("--set data.workers=0",)
        raise FailedError(message, details=details, hints=hints)

    def described(self, failure: WorkerFailure) -> str:
        sample = failure.sample
        place = "between two images" if sample is None else f"at {self.image_name(sample)}"
        return f"a process of the loader {failure.cause()} {place}"


def checked(batch: TrainingBatch | SampleFault) -> TrainingBatch:
    """The batch, if it is one.

    Raises:
        FailedError: it could not be made.
    """
    if isinstance(batch, SampleFault):
        raise FailedError(batch.message, details=batch.details, hints=batch.hints)
    return batch


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something holds now or soon."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def with_waits(batches: Iterator[TrainingBatch]) -> Iterator[tuple[TrainingBatch, float]]:
    """Each batch with the seconds for which it was waited."""
    while True:
        begun = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.monotonic() - begun


def worker_count(wanted: int | str, device: torch.device) -> int:
    """How many loader processes: `auto` is none beside a network on the CPU, which needs it all."""
    if isinstance(wanted, int):
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if device.type == "cpu" else min(8, max(1, (cores or 2) - 1))


def unpack_planes(planes: Tensor, classes: int) -> Tensor:
    """Bits `uint8[n, h, w, P]` to planes `uint8[n, classes, h, w]` of 0 and 1, on the device."""
    index = torch.arange(classes, device=planes.device)
    chosen = planes.permute(0, 3, 1, 2)[:, index // 8]
    return chosen.bitwise_right_shift((index % 8).to(torch.uint8)[None, :, None, None]) & 1
