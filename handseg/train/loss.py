"""The loss: a weighted sum, computed in float32 over the classes that were labelled."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pkgutil import resolve_name

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from handseg.recipe.schedule import loss_weight
from handseg.recipe.schema import Loss
from handseg.registry import LOSSES, PIXEL_LOSSES

LossTerm = Callable[..., Tensor]
"""A function of logits and targets, both `float32[planes, height, width]`, and of its options by
name; it gives one figure, averaged over the planes. One with an argument `pixel_weights` is a mean
over pixels, in which each counts as often as that says (of the same shape; None: once)."""

SMOOTH = 1.0
"""Added to both parts of the soft Dice: an absent bone that is not found costs nothing."""
DISTANCE_SIDE = 256
"""Pixels of a side at which distances to a bone's edge are measured: they are smooth."""


def bce_loss(logits: Tensor, targets: Tensor, pixel_weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, averaged over planes and pixels.

    softplus(x) - x·t, which is what torch computes, without its temporaries: three times faster
    on a CPU.
    """
    logits, targets = logits.flatten(1), targets.flatten(1)
    if pixel_weights is None:
        overlap = torch.einsum("pi,pi->p", logits, targets)
        return functional.softplus(logits).mean() - overlap.sum() / logits.numel()
    weights = pixel_weights.flatten(1)
    total = torch.einsum("pi,pi->p", functional.softplus(logits), weights)
    overlap = torch.einsum("pi,pi,pi->p", logits, targets, weights)
    return (total - overlap).sum() / logits.numel()


def topk_loss(
    logits: Tensor, targets: Tensor, share: float = 0.1, pixel_weights: Tensor | None = None
) -> Tensor:
    """Binary cross entropy of the worst `share` of the pixels, averaged (Wu et al., 2016).

    As nnU-Net's TopKLoss has it, but plane by plane, so that a bone of few pixels has its own worst
    ones and a batch cut into micro-batches has the same gradient.
    """
    logits, targets = logits.flatten(1), targets.flatten(1)
    each = functional.softplus(logits) - logits * targets
    if pixel_weights is not None:
        each = each * pixel_weights.flatten(1)
    worst = max(1, int(share * each.shape[1]))
    return each.topk(worst, dim=1, sorted=False).values.mean()


def boundary_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of the probability times the distance to the true edge (Kervadec et al., 2019).

    The distance is negative inside the bone. It is measured in sides of the image, so that its
    weight is the same at every size; an absent bone has no edge, and no say.
    """
    return (logits.sigmoid() * edge_distances(targets)).mean()


def edge_distances(targets: Tensor) -> Tensor:
    """How far each pixel is from the edge of its plane's mask, in sides of the image.

    `targets` is `float32[planes, h, w]` of 0 and 1, and so is the answer, below 0 inside. It is
    measured at no more than `DISTANCE_SIDE` pixels and interpolated: at full size a step of 29
    bones at 1024 px would spend seconds on it.
    """
    height, width = targets.shape[-2:]
    factor = -(-max(height, width) // DISTANCE_SIDE)
    small = functional.avg_pool2d(targets[:, None], factor, ceil_mode=True)[:, 0] >= 0.5
    masks = small.byte().cpu().numpy()
    maps = np.zeros(masks.shape, np.float32)
    for mask, out in zip(masks, maps, strict=True):
        if mask.any():
            outside, inside = (
                cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
                for one in (1 - mask, mask)
            )
            # The edge lies between two pixels, half a pixel from the middle of each.
            out[:] = np.where(mask, 0.5 - inside, outside - 0.5) / max(mask.shape)
    found = torch.from_numpy(maps).to(targets.device)
    if factor == 1:
        return found
    size = (height, width)
    return functional.interpolate(found[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def soft_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """One minus the soft Dice of each plane, averaged (Milletari et al., V-Net, 2016).

    Per plane, so that a batch cut into micro-batches has the same gradient.
    """
    probabilities, targets = logits.flatten(1).sigmoid(), targets.flatten(1)
    overlap = torch.einsum("pi,pi->p", probabilities, targets)
    total = probabilities.sum(1) + targets.sum(1)
    return (1 - (2 * overlap + SMOOTH) / (total + SMOOTH)).mean()


class SegmentationLoss(nn.Module):
    """The sum of a recipe's losses, each with its weight at this share of training."""

    def __init__(self, spec: Loss, classes: Sequence[str] = ()) -> None:
        """`classes` are the names of the planes, for `class_weights`."""
        super().__init__()
        self.spec = spec
        self.terms: dict[str, LossTerm] = {
            name: partial(resolve_name(place), **spec.options.get(name, {}))
            for name, place in LOSSES.items()
            if name in spec.schedule or spec.weight(name)
        }
        self.class_weights = [spec.class_weights.get(name, 1.0) for name in classes]

    def forward(
        self, logits: Tensor, targets: Tensor, labelled: Tensor | None, share: float
    ) -> Tensor:
        """`logits` float[n, C, h, w], `targets` 0 or 1 of the same shape.

        `labelled` is bool[n, C] on the CPU, so that no device is waited for; None: all are.
        `share` is how much of the training is done, from 0 to 1.
        """
        chosen = np.ones(targets.shape[:2], bool) if labelled is None else labelled.numpy()
        pixels = self.overlap_weights(targets)
        parts = list(self.weighed_classes(chosen))
        total = torch.zeros((), device=logits.device) if parts else logits.sum() * 0.0
        for weight, part in parts:
            rows, truth = planes_of(logits, part).float(), planes_of(targets, part).float()
            weights = None if pixels is None else planes_of(pixels.expand_as(targets), part)
            found = self.sum_of_terms(rows, truth, weights, share)
            # All planes of a batch count: its parts, each for its own, add up to it.
            total = total + weight * (part.sum() / chosen.sum()) * found
        return total

    def sum_of_terms(
        self, rows: Tensor, truth: Tensor, pixel_weights: Tensor | None, share: float
    ) -> Tensor:
        total = torch.zeros((), device=rows.device)
        for name, term in self.terms.items():
            weight = loss_weight(self.spec, name, share)
            if weight:
                more = {"pixel_weights": pixel_weights} if name in PIXEL_LOSSES else {}
                total = total + weight * term(rows, truth, **more)
        return total

    def weighed_classes(
        self, chosen: NDArray[np.bool_]
    ) -> Iterator[tuple[float, NDArray[np.bool_]]]:
        """The planes `bool[n, C]` of `chosen` by the weight of their class."""
        if not self.spec.class_weights:
            if chosen.any():
                yield 1.0, chosen
            return
        weights = np.array(self.class_weights)
        for weight in np.unique(weights):
            part = chosen & (weights == weight)
            if weight and part.any():
                yield float(weight), part

    def overlap_weights(self, targets: Tensor) -> Tensor | None:
        """How often each pixel counts, `float32[n, 1, h, w]`; None: once."""
        weight = self.spec.overlap_weight
        if weight == 1:
            return None
        # Of bytes, whose sum torch makes of long integers.
        overlaps = targets.sum(1, keepdim=True) > 1
        return torch.where(overlaps, weight, 1.0)


def planes_of(tensor: Tensor, chosen: NDArray[np.bool_]) -> Tensor:
    """The chosen planes of `[n, C, h, w]`, as `[planes, h, w]`."""
    planes = tensor.flatten(0, 1)
    if chosen.all():
        return planes
    # Indices are made on the CPU: a mask would make the device say how many there are.
    return planes[torch.from_numpy(np.flatnonzero(chosen)).to(planes.device, non_blocking=True)]
