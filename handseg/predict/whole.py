"""Whole images through a network: read, fitted, inferred in batches."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from handseg.data.dataset import Sample
from handseg.data.fit import Fit
from handseg.data.images import read_image
from handseg.predict.device import autocast
from handseg.progress import Progress, silent


@dataclass(frozen=True)
class Inference:
    """How a network is run: the same settings give the same masks in validation and prediction."""

    device: torch.device
    precision: str
    batch_size: int
    channels_last: bool = False

    def place(self, model: nn.Module) -> nn.Module:
        """Move a model to the device, in the memory order that suits it."""
        model = model.to(self.device)
        return model.to(memory_format=torch.channels_last) if self.channels_last else model  # pyright: ignore[reportCallIssue]

    def logits(self, model: nn.Module, images: NDArray[np.uint8]) -> Tensor:
        """`uint8[n, size, size]` to logits `float[n, classes, size, size]` on the device."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            return model(torch.from_numpy(images).to(self.device))


def infer_samples(
    model: nn.Module,
    samples: Sequence[Sample],
    size: int,
    inference: Inference,
    progress: Progress = silent,
) -> Iterator[tuple[Sample, Fit, Tensor]]:
    """Each sample with its logits `float[classes, size, size]`, in order.

    Raises:
        InputError: an image is unreadable.
    """
    model.eval()
    done = 0
    with ThreadPoolExecutor(1) as reader:
        batches = [
            samples[start : start + inference.batch_size]
            for start in range(0, len(samples), inference.batch_size)
        ]
        waiting = reader.submit(read_batch, batches[0], size) if batches else None
        for number, batch in enumerate(batches):
            assert waiting is not None
            images, fits = waiting.result()
            if number + 1 < len(batches):
                # The next images are read while the network is busy with these.
                waiting = reader.submit(read_batch, batches[number + 1], size)
            for sample, fit, planes in zip(
                batch, fits, inference.logits(model, images), strict=True
            ):
                yield sample, fit, planes
                done += 1
                progress(done, len(samples), sample.image_name)


def read_batch(samples: Sequence[Sample], size: int) -> tuple[NDArray[np.uint8], list[Fit]]:
    """The images of some samples as `uint8[n, size, size]`, and how each was fitted."""
    images, fits = [], []
    for sample in samples:
        image = read_image(sample.image)
        fit = Fit((image.shape[0], image.shape[1]), size)
        images.append(fit.image(image))
        fits.append(fit)
    return np.stack(images), fits
