"""Where networks run, and in what numbers."""

from contextlib import AbstractContextManager

import torch

from handseg.errors import UsageError

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def best_device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Compute in `bf16`, `fp16` or `fp32`; weights stay float32.

    Raises:
        UsageError: fp16 on a CPU, which has no use for it.
    """
    if precision == "fp16" and device.type == "cpu":
        raise UsageError(
            "precision fp16 needs a GPU", hints=["--set train.precision=bf16", "or fp32"]
        )
    kind = AUTOCAST.get(precision)
    return torch.autocast(device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)
