"""Where networks run, and in what numbers."""

from contextlib import AbstractContextManager

import torch

from handseg.errors import FailedError

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def best_device() -> torch.device:
    # A build for CUDA names that as its accelerator on machines without a driver too.
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Compute in `bf16`, `fp16` or `fp32`; weights stay float32.

    Raises:
        FailedError: fp16 on a CPU, which has no use for it.
    """
    check_precision(device, precision)
    kind = AUTOCAST.get(precision)
    return torch.autocast(device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)


def check_precision(device: torch.device, precision: str) -> None:
    """Say before the work begins that the device cannot train in these numbers.

    Raises:
        FailedError: fp16 on a CPU.
    """
    if precision == "fp16" and device.type == "cpu":
        raise FailedError(
            "precision fp16 needs a GPU",
            hints=["--set train.precision=bf16", "--set train.precision=fp32"],
        )


def inference_precision(device: torch.device, precision: str) -> str:
    """The precision that a trained network runs in: a CPU stands in for fp16 with float32."""
    return "fp32" if precision == "fp16" and device.type == "cpu" else precision
