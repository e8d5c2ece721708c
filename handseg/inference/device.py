"""The device of a network: which one, in what numbers, and how many images it has memory for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from handseg.errors import FailedError

Result = TypeVar("Result")

OUT_OF_MEMORY = ("CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""How CUDA, cuBLAS and cuDNN say it where they take memory past torch's own allocator."""
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


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device (or, for a CPU, the machine) has no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY):
        return True
    # How other devices and the CPU's allocator say it is known to accelerate.
    return isinstance(error, Exception) and should_reduce_batch_size(error)


def free_memory() -> None:
    """Give back what is not used any more.

    To be called after the `except` of an out-of-memory error: its traceback holds tensors.
    """
    # Of accelerate: torch has had one word for all devices since 2.9 only.
    clear_device_cache(garbage_collection=True)


class MicroBatchSize:
    """How many images go through a network at once; halved where there is no memory for as many.

    `may_shrink` is False where a person has set the number. `on_shrink` gets the new one. There are
    never fewer than `least`.
    """

    def __init__(
        self,
        size: int,
        on_shrink: Callable[[int], None] = lambda size: None,
        *,
        may_shrink: bool = True,
        least: int = 1,
    ) -> None:
        self.size = size
        self.least = least
        self.may_shrink = may_shrink
        self.on_shrink = on_shrink

    def shrink(self, error: Exception) -> None:
        """Take an error as a reason for half as many.

        Raises:
            Exception: the error itself, if it is another one or nothing is left to halve.
        """
        if not is_out_of_memory(error) or not self.may_shrink or self.size <= self.least:
            raise error
        self.size = max(self.least, self.size // 2)
        self.on_shrink(self.size)

    def map(self, work: Callable[[range], Result], count: int) -> Iterator[Result]:
        """What `work` makes of the indices 0 to `count`, in order, as many at once as there may be.

        Raises:
            torch.OutOfMemoryError: there is no memory for a single one.
        """
        start = 0
        while start < count:
            indices = range(start, min(start + self.size, count))
            try:
                result = work(indices)
            except Exception as error:  # noqa: BLE001 - raised again where it is another one
                self.shrink(error)
            else:
                yield result
                # Let go of what is on the device before there is more of it.
                del result
                start = indices.stop
                continue
            free_memory()
