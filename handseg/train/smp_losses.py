"""Losses of segmentation-models-pytorch, computed plane by plane; they have its options."""

from functools import wraps
from typing import Any

import torch
from segmentation_models_pytorch import losses
from torch import Tensor, nn

from handseg.train.loss import LossTerm


def by_plane(kind: type[nn.Module]) -> LossTerm:
    """A loss that takes every plane as a class of one sample."""

    @wraps(kind, updated=())
    def term(logits: Tensor, targets: Tensor, **options: Any) -> Tensor:
        return kind(mode="multilabel", **options)(logits[None], targets[None])

    return term


@wraps(losses.FocalLoss, updated=())
def focal(
    logits: Tensor, targets: Tensor, pixel_weights: Tensor | None = None, **options: Any
) -> Tensor:
    if pixel_weights is None:
        return by_plane(losses.FocalLoss)(logits, targets, **options)
    each = losses.FocalLoss(mode="binary", reduction="none", **options)
    planes = torch.stack([each(*plane) for plane in zip(logits, targets, strict=True)])
    return (planes * pixel_weights.flatten(1)).mean()


tversky = by_plane(losses.TverskyLoss)
jaccard = by_plane(losses.JaccardLoss)


@wraps(losses.LovaszLoss, updated=())
def lovasz(logits: Tensor, targets: Tensor, **options: Any) -> Tensor:
    # It flattens what it is given unless each plane is an image of its own.
    loss = losses.LovaszLoss(mode="binary", per_image=True, **options)
    return loss(logits[:, None], targets[:, None])
