"""The competition's Dice of the held-out people, at the original size, image by image."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from handseg import rle
from handseg.data.cache import Prepared
from handseg.data.fit import Fit
from handseg.data.labels import SampleLabels
from handseg.post.masks import full_size_masks
from handseg.predict.whole import Inference
from handseg.rle.sweeps import DICE_EPSILON
from handseg.score.dice import Scores

Seen = Callable[[int, Tensor], None]
"""Is shown the index of an image and its logits `float[classes, size, size]`."""


def validate(
    model: nn.Module,
    prepared: Prepared,
    labels: Sequence[SampleLabels],
    inference: Inference,
    seen: Seen = lambda index, logits: None,
) -> Scores:
    """The Dice of every class in every image, computed class by class on the device."""
    model.eval()
    dice = np.full((len(labels), len(prepared.classes)), np.nan)
    for start in range(0, len(labels), inference.batch_size):
        indices = range(start, min(start + inference.batch_size, len(labels)))
        images = np.stack([prepared.image(index) for index in indices])
        batch = inference.logits(model, images)
        for index, logits in zip(indices, batch, strict=True):
            seen(index, logits)
            dice[index] = image_dice(logits, labels[index], prepared.size)
    images = tuple(sample.image_name for sample in prepared.samples)
    return Scores(images, prepared.classes, dice)


def image_dice(logits: Tensor, labels: SampleLabels, size: int) -> NDArray[np.float64]:
    """The Dice of each class of one image, `float64[classes]`; NaN where it was not labelled."""
    masks = full_size_masks(logits, Fit(labels.size, size))
    counts: list[Tensor] = []
    for mask, runs in zip(masks, labels.runs, strict=True):
        truth = torch.from_numpy(rle.to_mask(runs, labels.size)).to(mask.device)
        counts.append(torch.stack([(mask & truth).sum(), mask.sum(), truth.sum()]))
    # One transfer for all classes: the device is waited for once.
    overlap, found, true = torch.stack(counts).double().cpu().numpy().T
    dice = (2 * overlap + DICE_EPSILON) / (found + true + DICE_EPSILON)
    return np.where(labels.labelled, dice, np.nan)
