"""The optimiser, its groups of parameters and their rates."""

import math
import re
from collections.abc import Iterable
from typing import Any

import torch
from timm.optim import create_optimizer_v2  # pyright: ignore[reportPrivateImportUsage]
from torch import Tensor
from torch.optim import Optimizer

from handseg.models.segmenter import Segmenter
from handseg.recipe.schedule import rate_at
from handseg.recipe.schema import Optimizer as OptimizerSpec

FUSED = ("adamw", "adam", "sgd")
"""Optimisers that torch computes in one kernel, on a CPU too: a tenth of a small step."""


def make_optimizer(model: Segmenter, spec: OptimizerSpec) -> Optimizer:
    """The recipe's optimiser; the head learns `head_lr` times faster than the encoder.

    Biases and the weights of norms do not decay. With a layer decay each block of the encoder
    learns by its factor slower than the one behind it (Bao et al., BEiT, 2022).
    """
    factors = rate_factors(model, spec)
    groups: list[dict[str, Any]] = []
    for encoder in (True, False):
        named = [
            (name, parameter)
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and model.is_encoder(name) == encoder
        ]
        # The fastest first: what is shown is the first group's rate.
        for factor in sorted({factors[name] for name, _ in named}, reverse=True):
            for decays in (True, False):
                parameters = [
                    parameter
                    for name, parameter in named
                    if factors[name] == factor and (parameter.ndim > 1) == decays
                ]
                if parameters:
                    decay = spec.weight_decay if decays else 0.0
                    rate = spec.lr * factor
                    groups.append({"params": parameters, "weight_decay": decay, "lr": rate})
    # torch's own optimisers have a kernel for the whole step; timm's others do not know the word.
    fused: dict[str, Any] = {"fused": True} if spec.name in FUSED else {}
    optimizer = create_optimizer_v2(
        groups, opt=spec.name, lr=spec.lr, weight_decay=0.0, momentum=spec.momentum, **fused
    )
    for group in optimizer.param_groups:
        group["full_lr"] = group["lr"]
        if fused and group.get("momentum"):
            give_momentum(optimizer, group["params"])
    return optimizer


def rate_factors(model: Segmenter, spec: OptimizerSpec) -> dict[str, float]:
    """The factor of the rate of each parameter."""
    names = [name for name, _ in model.named_parameters()]
    if spec.layer_decay == 1:
        return {name: 1.0 if model.is_encoder(name) else spec.head_lr for name in names}
    blocks = {name: block_of(name) for name in names if model.is_encoder(name)}
    if all(len(block) < 3 for block in blocks.values()):
        # A plain transformer: its blocks are in no stages.
        blocks = {name: block[:1] for name, block in blocks.items()}
    order = {block: place for place, block in enumerate(sorted(set(blocks.values())))}
    return {
        name: spec.layer_decay ** (len(order) - order[blocks[name]])
        if name in blocks
        else spec.head_lr
        for name in names
    }


def block_of(parameter: str) -> tuple[float, ...]:
    """Where a parameter of an encoder stands in it, for sorting: by the numbers in its name.

    They are those of stage and block, as in `layers.1.blocks.0` of Swin, `layer.7` of ViT,
    `stages_1.0` of timm and `block2.0` of SMP: `(stage, 0, block)`. What has a stage alone stands
    before its blocks, `(stage, -1)`, but for norms and what joins stages, `(stage, 1)`; what has
    none before all stages, but for the last norm.
    """
    numbers: list[float] = []
    for part in parameter.split("."):
        # Within a block `norm2` is no number of a stage.
        words = "" if numbers else r"(?:stages_|block|layer|patch_embed|norm)?"
        if found := re.fullmatch(rf"{words}(\d+)", part):
            numbers.append(float(found[1]))
    is_behind = "embed" not in parameter and ("norm" in parameter or "downsample" in parameter)
    if not numbers:
        return (math.inf if is_behind else -1.0,)
    if len(numbers) == 1:
        return (numbers[0], 1.0 if is_behind else -1.0)
    return (numbers[0], 0.0, numbers[1])


def give_momentum(optimizer: Optimizer, parameters: Iterable[Tensor]) -> None:
    """Begin SGD's momentum at nothing, which gives the same first step.

    torch takes memory as it finds it for the first one, and its kernel leaves it so where that step
    is not taken (`found_inf`): every later step would add what lay there.
    """
    for parameter in parameters:
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def set_rate(optimizer: Optimizer, factor: float, least: float) -> float:
    """Set every group's rate to this factor of its full one; the encoder's is returned."""
    for group in optimizer.param_groups:
        group["lr"] = rate_at(factor, group["full_lr"], least)
    return float(optimizer.param_groups[0]["lr"])
