"""Batches from the prepared samples: augmented, in the order of a pure function."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from handseg.data.cache import Prepared
from handseg.train.augment import Augmentation
from handseg.train.order import Draw, Order


class Batch(NamedTuple):
    """`images` uint8[n, size, size], `planes` uint8[n, size, size, P], `labelled` bool[n, C]."""

    images: Tensor
    planes: Tensor
    labelled: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device; bits travel, planes are unpacked there."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))

    def split(self, size: int) -> Iterator["Batch"]:
        """The batch in parts of at most `size` samples."""
        for images, planes, labelled in zip(*(part.split(size) for part in self), strict=True):
            yield Batch(images, planes, labelled)


class TrainingSamples(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Prepared samples, augmented by the seed of the draw that asks for one."""

    def __init__(self, parts: list[Prepared], augmentation: Augmentation) -> None:
        self.parts = parts
        self.augmentation = augmentation
        self.places = [
            (part, index) for part in range(len(parts)) for index in range(len(parts[part].samples))
        ]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, draw: Draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # pyright: ignore[reportIncompatibleMethodOverride]
        part, index = self.places[draw.sample]
        prepared = self.parts[part]
        image, planes = self.augmentation(
            prepared.image(index), prepared.label_planes(index), draw.seed
        )
        return image, planes, prepared.labelled[index]

    def __getitems__(self, draws: list[Draw]) -> Batch:
        """A batch, each sample put where it stays: a worker never holds it twice."""
        first = self.parts[0]
        size, depth, classes = first.size, first.planes.shape[-1], len(first.classes)
        batch = Batch(
            empty((len(draws), size, size), torch.uint8),
            empty((len(draws), size, size, depth), torch.uint8),
            empty((len(draws), classes), torch.bool),
        )
        for row, draw in enumerate(draws):
            for part, made in zip(batch, self[draw], strict=True):
                part[row] = torch.from_numpy(made)
        return batch


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A new tensor; in a loader's process one that the training's process sees."""
    made = torch.empty(shape, dtype=dtype)
    return made if get_worker_info() is None else made.share_memory_()


def as_made(batch: Batch) -> Batch:
    """What is a batch already."""
    return batch


class EpochBatches:
    """The batch sampler: the draws of the epoch that is set."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.epoch = 0
        self.first = 0

    def __iter__(self) -> Iterator[list[Draw]]:
        return self.order.batches(self.epoch, self.first)

    def __len__(self) -> int:
        return self.order.batches_in(self.epoch) - self.first


class Loader:
    """Batches of any epoch from any position on; the number of workers changes nothing."""

    def __init__(self, samples: TrainingSamples, order: Order, workers: int, pin: bool) -> None:
        self.batches = EpochBatches(order)
        self.loader = DataLoader(
            samples,
            batch_sampler=self.batches,  # pyright: ignore[reportArgumentType]
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=as_made,  # pyright: ignore[reportArgumentType]
            pin_memory=pin,
        )

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, without the `first` ones."""
        self.batches.epoch, self.batches.first = epoch, first
        return iter(self.loader)


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
