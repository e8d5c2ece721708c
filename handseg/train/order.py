"""The order of samples: a pure function of seed and epoch, so that no loader state need be kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Draw(NamedTuple):
    """One sample of one epoch: its index, and the seed of its augmentation."""

    sample: int
    seed: int


@dataclass(frozen=True)
class EpochSampler:
    """Epochs over `whole` images, with crops (whose indices follow) mixed in.

    An epoch shows every whole image once. `crop_share` is the crops' share of an epoch's samples;
    `crop_epochs` the number of epochs that have any (None: all).
    """

    seed: int
    whole: int
    crops: int
    crop_share: float
    crop_epochs: int | None
    batch_size: int

    def draws(self, epoch: int) -> list[Draw]:
        """The samples of an epoch in order."""
        random = np.random.default_rng([self.seed, epoch])
        indices = np.arange(self.whole)
        wanted = self.crops_in(epoch)
        if wanted:
            chosen = random.permutation(self.crops)[:wanted]
            indices = np.concatenate([indices, self.whole + chosen])
        seeds = random.integers(0, 2**31, len(indices))
        shuffled = random.permutation(indices)
        return [Draw(int(i), int(seed)) for i, seed in zip(shuffled, seeds, strict=True)]

    def crops_in(self, epoch: int) -> int:
        """How many crops an epoch has."""
        if self.crop_epochs is not None and epoch >= self.crop_epochs:
            return 0
        if self.crop_share >= 1:
            return self.crops
        return min(self.crops, round(self.whole * self.crop_share / (1 - self.crop_share)))

    def batches(self, epoch: int, first: int = 0) -> Iterator[list[Draw]]:
        """The batches of an epoch from number `first` on.

        A last one that is not full is left out: the next epoch has another order.
        """
        draws = self.draws(epoch)
        for number in range(first, self.batches_in(epoch)):
            yield draws[number * self.batch_size : (number + 1) * self.batch_size]

    def batches_in(self, epoch: int) -> int:
        """How many batches an epoch has; a set smaller than a batch is one."""
        return max(1, (self.whole + self.crops_in(epoch)) // self.batch_size)

    def steps(self, epochs: int) -> int:
        return sum(self.batches_in(epoch) for epoch in range(epochs))
