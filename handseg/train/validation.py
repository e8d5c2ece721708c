"""Validation: the competition's Dice of the held-out people at the original size, and previews."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from handseg import rle
from handseg.data.cache import CachedDataset
from handseg.data.labels import SampleLabels
from handseg.data.planes import Letterbox, Planes, pack
from handseg.inference.device import MicroBatchSize
from handseg.inference.whole import Inference, full_size_masks
from handseg.rle.set_operations import DICE_EPSILON
from handseg.runs import layout
from handseg.runs.writer import RunWriter
from handseg.score.dice import Scores

OnLogits = Callable[[int, Tensor], None]
"""Gets the index of an image and its logits `float[classes, size, size]`."""


@dataclass(frozen=True)
class Validation:
    """The Dice of the weights, and of their moving average if there is one."""

    raw: Scores
    averaged: Scores | None
    seconds: float

    @property
    def uses_ema(self) -> bool:
        return self.averaged is not None and self.averaged.mean() > self.raw.mean()

    @property
    def scores(self) -> Scores:
        return self.averaged if self.averaged is not None and self.uses_ema else self.raw

    def means(self, ending: str = "_mean") -> dict[str, float]:
        """Mean Dice of both, `raw…` and `ema…`; NaN where there is no average."""
        averaged = math.nan if self.averaged is None else self.averaged.mean()
        return {f"raw{ending}": self.raw.mean(), f"ema{ending}": averaged}

    def as_fields(self) -> dict[str, Any]:
        return {
            **self.means(),
            "uses_ema": self.uses_ema,
            "both_empty": self.scores.empty_masks(),
            "seconds": round(self.seconds, 2),
        }

    def as_facts(self) -> dict[str, Any]:
        """What the checkpoint's manifest tells."""
        return {
            "uses_ema": self.uses_ema,
            "validation_dice": self.scores.mean(),
            "dice": self.scores.by_class(),
        }


def validate(
    model: nn.Module,
    held_out: CachedDataset,
    labels: Sequence[SampleLabels],
    inference: Inference,
    micro_batch: MicroBatchSize | None = None,
    *,
    on_logits: OnLogits = lambda index, logits: None,
    raise_if_stopped: Callable[[], None] = lambda: None,
) -> Scores:
    """The Dice of every class in every image, computed class by class on the device.

    `micro_batch` says how many images go at once; `raise_if_stopped` is called before each image.

    Raises:
        torch.OutOfMemoryError: there is no memory for a single image.
    """
    model.eval()
    micro_batch = micro_batch or MicroBatchSize(inference.batch_size)
    dice = np.full((len(labels), len(held_out.classes)), np.nan)
    both_empty = np.zeros(dice.shape, dtype=np.bool_)

    def score(indices: range) -> None:
        raise_if_stopped()
        images = np.stack([held_out.image(index) for index in indices])
        for index, logits in zip(indices, inference.logits(model, images), strict=True):
            raise_if_stopped()
            on_logits(index, logits)
            dice[index], both_empty[index] = image_dice(logits, labels[index], held_out.size)

    for _ in micro_batch.map(score, len(labels)):
        pass
    images = tuple(sample.image_name for sample in held_out.samples)
    return Scores(images, held_out.classes, dice, both_empty=both_empty)


def image_dice(
    logits: Tensor, labels: SampleLabels, size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The Dice of each class of one image, and where it is that of two empty masks.

    float64[classes] and bool[classes]; NaN and False where a class was not labelled.
    """
    masks = full_size_masks(logits, Letterbox(labels.size, size))
    counts: list[Tensor] = []
    for mask, runs in zip(masks, labels.runs, strict=True):
        truth = torch.from_numpy(rle.to_mask(runs, labels.size)).to(mask.device)
        counts.append(torch.stack([(mask & truth).sum(), mask.sum(), truth.sum()]))
    # One transfer for all classes: the device is waited for once.
    overlap, found, true = torch.stack(counts).double().cpu().numpy().T
    dice = (2 * overlap + DICE_EPSILON) / (found + true + DICE_EPSILON)
    both_empty = (found + true == 0) & np.array(labels.labelled)
    return np.where(labels.labelled, dice, np.nan), both_empty


class Previews:
    """Collects the masks of the first `count` images of a validation and writes them."""

    def __init__(self, writer: RunWriter, held_out: CachedDataset, count: int) -> None:
        self.writer = writer
        self.held_out = held_out
        self.count = min(count, len(held_out.samples))
        # Every n-th pixel: at most the side that a preview may have.
        self.stride = math.ceil(held_out.size / layout.PREVIEW_SIDE)
        self.planes: dict[int, Planes] = {}

    def keep(self, index: int, logits: Tensor) -> None:
        """Take the masks of an image from its logits `float[classes, size, size]`."""
        if index < self.count:
            chosen = logits[:, :: self.stride, :: self.stride]
            masks = (chosen > 0).byte().cpu().numpy()
            self.planes[index] = pack(masks, masks.shape[1:], len(masks))

    def write(self, step: int) -> None:
        """Write what was kept."""
        for index, planes in sorted(self.planes.items()):
            thin = (slice(None, None, self.stride), slice(None, None, self.stride))
            self.writer.preview(
                step,
                self.held_out.samples[index].image_name,
                np.ascontiguousarray(self.held_out.image(index)[thin]),
                planes,
                np.ascontiguousarray(self.held_out.label_planes(index)[thin]),
            )
        self.planes.clear()
