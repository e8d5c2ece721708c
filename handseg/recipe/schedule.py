"""How rate and loss weights move over a training: pure functions of its share, without torch."""

import math
from collections.abc import Callable

import numpy as np

from handseg.recipe.schema import Loss, Recipe
from handseg.registry import LOSSES

RESTARTS = 4
"""Periods of `cosine-restarts`."""
POWER = 0.9
"""Of `polynomial` (Chen et al., DeepLab, 2017)."""
ONE_CYCLE_RISE = 0.3
"""The share of training in which `one-cycle` rises (Smith and Topin, 2018)."""
DROPS = (0.6, 0.85)
"""Where `step` divides the rate by ten."""

SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "cosine-restarts": lambda share: (1 + math.cos(math.pi * (share * RESTARTS % 1))) / 2,
    "one-cycle": lambda share: (
        (1 - math.cos(math.pi * share / ONE_CYCLE_RISE)) / 2
        if share < ONE_CYCLE_RISE
        else (1 + math.cos(math.pi * (share - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))) / 2
    ),
    "polynomial": lambda share: (1 - share) ** POWER,
    "step": lambda share: 0.1 ** sum(share >= drop for drop in DROPS),
    "plateau": lambda share: 1.0,
    "constant": lambda share: 1.0,
}
"""The factor of the full rate at a share of training; `plateau` is moved by validations."""


def rate_factor(name: str, step: int, steps: int, warmup: int) -> float:
    """The factor of the full rate at a step, warm-up included."""
    if step < warmup:
        return (step + 1) / warmup
    return SHAPES[name](min(1.0, (step - warmup) / max(1, steps - warmup)))


def rate_at(factor: float, full: float, least: float) -> float:
    """The rate at a factor of the full one, which falls to the least."""
    return least + max(0.0, full - least) * factor


def loss_weight(spec: Loss, name: str, share: float) -> float:
    """The weight of a loss at a share of training from 0 to 1: straight lines join its points."""
    curve = spec.schedule.get(name)
    if not curve:
        return spec.weight(name)
    shares, weights = zip(*curve, strict=True)
    return float(np.interp(share, shares, weights))


def schedule_of(recipe: Recipe, points: int) -> dict[str, list[float]]:
    """`epoch`, `rate` and the weight of each loss that counts at some time, at so many points.

    The rate is that of the encoder without what `plateau` and falls of the loss take from it.
    """
    epochs, spec = recipe.train.epochs, recipe.schedule
    # In steps of a thousandth of an epoch: how many there are in one is of the data.
    warmup, steps = round(spec.warmup_epochs * 1000), epochs * 1000
    at = [epochs * place / max(1, points - 1) for place in range(points)]
    factors = [rate_factor(spec.name, round(epoch * 1000), steps, warmup) for epoch in at]
    full = recipe.optimizer.lr
    found = {"epoch": at, "rate": [rate_at(one, full, spec.min_lr) for one in factors]}
    for name in LOSSES:
        weights = [loss_weight(recipe.loss, name, epoch / epochs) for epoch in at]
        if any(weights):
            found[name] = weights
    return found
