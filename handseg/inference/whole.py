"""Whole images through a network: read, fitted, inferred in batches; logits to full-size masks."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from handseg.data.dataset import Sample
from handseg.data.images import LARGE
from handseg.data.planes import Letterbox, read_letterboxed
from handseg.errors import InputError
from handseg.inference.device import MicroBatchSize, autocast, inference_precision
from handseg.recipe.schema import Train
from handseg.work import Progress, silent

CLASSES_AT_ONCE = 8
"""Planes that are upsampled together: 2048² of float32 are 16 MB each."""
ROWS_AT_ONCE = 1024
"""Of a large mask."""


def full_size_masks(logits: Tensor, fit: Letterbox, cutoff: float = 0.5) -> Iterator[Tensor]:
    """The masks of one image, a class at a time, on the device of the logits.

    `logits` is `float[classes, size, size]`. Each is upsampled bilinearly to the original size
    before the cutoff, as the competition does: a threshold below that size caps the Dice. Gives
    `uint8[height, width]` of 0 and 1.
    """
    height, width = fit.inner
    # sigmoid(x) > p is x > log(p / (1 - p)).
    bound = math.log(cutoff / (1 - cutoff))
    if math.prod(fit.source) > LARGE:
        yield from (large_mask(one, fit.source, bound) for one in logits[:, :height, :width])
        return
    for some in logits[:, :height, :width].float().split(CLASSES_AT_ONCE):
        full = functional.interpolate(
            some[None], size=fit.source, mode="bilinear", align_corners=False
        )[0]
        yield from (full > bound).byte().unbind()


def large_mask(logits: Tensor, source: tuple[int, int], bound: float) -> Tensor:
    """The mask `uint8[height, width]` of one class, upsampled only where it can exceed the bound.

    A pixel lies between the logits of a bilinear cell, and so exceeds no bound that these do not.
    Eight classes of 12,000² at once would take 11 GB.
    """
    mask = torch.zeros(source, dtype=torch.uint8, device=logits.device)
    logits = logits.float()
    above = logits > bound
    if not above.any():
        return mask
    rows, upper, lower, down = _cells(above.any(1), source[0])
    columns, left, right, across = _cells(above.any(0), source[1])
    for start in range(0, len(upper), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        edges = torch.lerp(logits[upper[some]], logits[lower[some]], down[some, None])
        full = torch.lerp(edges[:, left], edges[:, right], across)
        mask[rows][some, columns] = full > bound
    return mask


def _cells(above: Tensor, length: int) -> tuple[slice, Tensor, Tensor, Tensor]:
    """Along an edge of `length` pixels: those near where logits are `above` the bound.

    Also the logits before and after each, and how far it lies from the one to the other.
    """
    count = len(above)
    place = (torch.arange(length, device=above.device) + 0.5) * (count / length) - 0.5
    place = place.clamp(0, count - 1)
    near = above.nonzero()[:, 0].aminmax()
    first, last = torch.searchsorted(place, torch.stack([near.min - 1, near.max + 1]).float())
    chosen = slice(int(first), int(last))
    place = place[chosen]
    before = place.long()
    return chosen, before, (before + 1).clamp(max=count - 1), place - before


def host_masks(logits: Tensor, fit: Letterbox, cutoff: float = 0.5) -> Iterator[NDArray[np.uint8]]:
    """The same as arrays in the machine's memory."""
    return (mask.cpu().numpy() for mask in full_size_masks(logits, fit, cutoff))


@dataclass(frozen=True)
class Inference:
    """How a network is run: the same settings give the same masks in validation and prediction."""

    device: torch.device
    precision: str
    batch_size: int
    channels_last: bool = False

    @classmethod
    def of(cls, spec: Train, device: torch.device) -> "Inference":
        """How a recipe's network runs on this device."""
        micro = spec.batch_size if spec.micro_batch == "auto" else spec.micro_batch
        precision = inference_precision(device, spec.precision)
        return cls(device, precision, min(micro, spec.batch_size), spec.channels_last)

    def place(self, model: nn.Module) -> nn.Module:
        model = model.to(self.device)
        return model.to(memory_format=torch.channels_last) if self.channels_last else model  # pyright: ignore[reportCallIssue]

    def logits(self, model: nn.Module, images: NDArray[np.uint8]) -> Tensor:
        """`uint8[n, size, size]` to logits `float[n, classes, size, size]` on the device."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            return model(torch.from_numpy(images).to(self.device))


class Batch(NamedTuple):
    """Samples, their images `uint8[n, size, size]`, and how each was fitted."""

    samples: Sequence[Sample]
    images: NDArray[np.uint8]
    fits: list[Letterbox]


def infer_samples(
    model: nn.Module,
    samples: Sequence[Sample],
    size: int,
    inference: Inference,
    progress: Progress = silent,
    unreadable: dict[str, InputError] | None = None,
) -> Iterator[tuple[Sample, Letterbox, Tensor]]:
    """Each sample with its logits `float[classes, size, size]`, in order.

    Images that cannot be read are left out and noted in `unreadable`, where that is given.

    Raises:
        InputError: an image is unreadable, and none may be.
    """
    model.eval()
    done = 0
    micro_batch = MicroBatchSize(inference.batch_size)
    for batch, images, fits in read_batches(samples, size, inference.batch_size, unreadable):

        def logits_of(indices: range, images: NDArray[np.uint8] = images) -> Tensor:
            return inference.logits(model, images[indices.start : indices.stop])

        logits = chain.from_iterable(micro_batch.map(logits_of, len(images)))
        for sample, fit, planes in zip(batch, fits, logits, strict=True):
            yield sample, fit, planes
            done += 1
            progress(done, len(samples), sample.image_name)


def read_batches(
    samples: Sequence[Sample],
    size: int,
    batch_size: int,
    unreadable: dict[str, InputError] | None = None,
) -> Iterator[Batch]:
    """The samples in batches as `read_batch` gives them, each read while the one before is used."""
    batches = [samples[start : start + batch_size] for start in range(0, len(samples), batch_size)]
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[Future[Batch | None]] = deque()
        for number in range(len(batches)):
            while len(waiting) < 2 and number + len(waiting) < len(batches):
                following = batches[number + len(waiting)]
                waiting.append(reader.submit(read_batch, following, size, unreadable))
            if (batch := waiting.popleft().result()) is not None:
                yield batch


def read_batch(
    samples: Sequence[Sample], size: int, unreadable: dict[str, InputError] | None = None
) -> Batch | None:
    """Some samples, or those that can be read; None where none can."""
    found, images, fits = [], [], []
    for sample in samples:
        try:
            fit, image = read_letterboxed(sample.image, size)
        except InputError as error:
            if unreadable is None:
                raise
            unreadable[sample.image_name] = error
            continue
        found.append(sample)
        images.append(image)
        fits.append(fit)
    return Batch(found, np.stack(images), fits) if found else None
