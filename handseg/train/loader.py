"""Batches from the prepared samples: augmented, in the order of a pure function."""

import os
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import ProcessError
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from handseg.data.cache import CachedDataset
from handseg.errors import FailedError
from handseg.train.augment import Augmentation
from handseg.train.order import Draw, EpochSampler
from handseg.train.workers import SHARED_MEMORY_HINTS, Crew, Desks, LostWorkers, beginning, work_on

STOP_GRACE = 1.0
"""Seconds in which a signal to all processes of a job reaches this one too."""
GONE = (RuntimeError, OSError, EOFError, ProcessError)
"""What torch's loader raises, among other things, where one of its processes is gone."""


class Batch(NamedTuple):
    """`images` uint8[n, size, size], `planes` uint8[n, size, size, P], `labelled` bool[n, C]."""

    images: Tensor
    planes: Tensor
    labelled: Tensor

    def split(self, size: int) -> Iterator["Batch"]:
        for images, planes, labelled in zip(*(part.split(size) for part in self), strict=True):
            yield Batch(images, planes, labelled)


class SampleFault(NamedTuple):
    """Why a batch could not be made; words, which travel from a process to the training."""

    message: str
    details: str
    hints: tuple[str, ...]


class TrainingSamples(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Cached samples, augmented by the seed of the draw that asks for one."""

    def __init__(self, parts: list[CachedDataset], augmentation: Augmentation) -> None:
        self.parts = parts
        self.augmentation = augmentation
        self.places = [
            (part, index) for part in range(len(parts)) for index in range(len(parts[part].samples))
        ]

    def __len__(self) -> int:
        return len(self.places)

    def image_name(self, sample: int) -> str:
        part, index = self.places[sample]
        return self.parts[part].samples[index].image_name

    def __getitem__(self, draw: Draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # pyright: ignore[reportIncompatibleMethodOverride]
        part, index = self.places[draw.sample]
        prepared = self.parts[part]
        image, planes = self.augmentation(
            prepared.image(index), prepared.label_planes(index), draw.seed
        )
        return image, planes, prepared.labelled[index]

    def __getitems__(self, draws: list[Draw]) -> Batch | SampleFault:
        """A batch, each sample put where it stays: a worker never holds it twice."""
        try:
            batch = self.room(len(draws))
        except RuntimeError as error:
            return no_room(error)
        try:
            for row, draw in enumerate(draws):
                work_on(draw.sample)
                try:
                    self.put(draw, batch, row)
                except Exception as error:  # noqa: BLE001 - whatever a codec or a transform raises
                    return self.fault(draw.sample, error)
        finally:
            work_on()
        return batch

    def put(self, draw: Draw, batch: Batch, row: int) -> None:
        """Make a sample and put it into its row; what it was made of is let go of at once."""
        for part, made in zip(batch, self[draw], strict=True):
            part[row] = torch.from_numpy(made)

    def room(self, count: int) -> Batch:
        """A batch that is not yet filled."""
        first = self.parts[0]
        size, depth, classes = first.size, first.planes.shape[-1], len(first.classes)
        return Batch(
            empty((count, size, size), torch.uint8),
            empty((count, size, size, depth), torch.uint8),
            empty((count, classes), torch.bool),
        )

    def fault(self, sample: int, error: Exception) -> SampleFault:
        """What is said of a sample that raised an error."""
        name, key = self.image_name(sample), self.augmentation.at_fault(error)
        last = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error}\n(in {last.name}, {last.filename}:{last.lineno})"
        if key is None:
            return SampleFault(f"{name} could not be loaded", why, ())
        return SampleFault(f"{key} failed on {name}", why, (f"--set {key}=false",))


def no_room(error: Exception) -> SampleFault:
    return SampleFault("a batch found no room in shared memory", str(error), SHARED_MEMORY_HINTS)


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A new tensor; in a loader's process one that the training's process sees."""
    made = torch.empty(shape, dtype=dtype)
    return made if get_worker_info() is None else made.share_memory_()


def as_made(made: Batch | SampleFault) -> Batch | SampleFault:
    return made


class EpochBatches:
    """The batch sampler: the draws of the epoch that is set."""

    def __init__(self, order: EpochSampler) -> None:
        self.order = order
        self.epoch = 0
        self.first = 0

    def __iter__(self) -> Iterator[list[Draw]]:
        return self.order.batches(self.epoch, self.first)

    def __len__(self) -> int:
        return self.order.batches_in(self.epoch) - self.first


class Loader:
    """Batches of any epoch from any position on; the number of workers changes nothing.

    A worker that dies or hangs is told of (`warn`) and the batches go on where they were, unless
    an image does that twice or it happens too often. Where `stopping`, the epoch just ends: the
    signal that stopped the training took the workers with it.
    """

    def __init__(
        self,
        samples: TrainingSamples,
        order: EpochSampler,
        workers: int,
        pin: bool,
        *,
        warn: Callable[[str], None] = lambda message: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.samples = samples
        self.batches = EpochBatches(order)
        self.workers = workers
        self.pin = pin
        self.warn = warn
        self.stopping = stopping
        self.crew: Crew | None = None

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, without the `first` ones.

        Raises:
            FailedError: an image could not be loaded, or workers die or hang again and again.
        """
        losses = LostWorkers(self.samples.image_name)
        waiting: Iterator[Batch | SampleFault] | None = None
        number, end = first, self.batches.order.batches_in(epoch)
        while number < end:
            crew = self.crew = self.crew or self.new_crew()
            try:
                waiting = waiting or self.begin(crew, epoch, number)
                made = crew.next_of(waiting)
            except GONE:
                lost = crew.losses()
                if not lost:
                    raise
            else:
                yield whole(made)
                del made
                number += 1
                continue
            waiting = None
            self.close()
            if within(STOP_GRACE, self.stopping):
                return
            self.warn(losses.take(lost))

    def begin(self, crew: Crew, epoch: int, number: int) -> Iterator[Batch | SampleFault]:
        self.batches.epoch, self.batches.first = epoch, number
        return crew.batches()

    def new_crew(self) -> Crew:
        """Workers, not yet started."""
        desks = Desks(self.workers)
        loader: DataLoader[Any] = DataLoader(
            self.samples,
            batch_sampler=self.batches,  # pyright: ignore[reportArgumentType]
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            collate_fn=as_made,  # pyright: ignore[reportArgumentType]
            pin_memory=self.pin,
            worker_init_fn=beginning(desks),
            # Its own: torch draws a seed for each iterator, and a crew more must change nothing.
            generator=torch.Generator(),
        )
        return Crew(loader, desks)

    def close(self) -> None:
        """End the workers; another epoch starts new ones."""
        if self.crew is not None:
            self.crew.dismiss()
            self.crew = None


def whole(made: Batch | SampleFault) -> Batch:
    """The batch, if it is one.

    Raises:
        FailedError: it could not be made.
    """
    if isinstance(made, SampleFault):
        raise FailedError(made.message, details=made.details, hints=made.hints)
    return made


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something holds now or soon."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def waiting(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
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
