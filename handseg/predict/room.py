"""How many samples go through a network at once: fewer, once the device has no room for as many."""

from collections.abc import Callable

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

WORDS = ("CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""How CUDA, cuBLAS and cuDNN say it where they take memory past torch's own allocator."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device (or, for a CPU, the machine) has no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS):
        return True
    # The words of the other devices and of the CPU's allocator are known to accelerate.
    return isinstance(error, Exception) and should_reduce_batch_size(error)


def free_memory() -> None:
    """Give back what is not used any more.

    To be called after the `except` of an out-of-memory error: its traceback holds tensors.
    """
    # Of accelerate: torch has had one word for all devices since 2.9 only.
    clear_device_cache(garbage_collection=True)


class Room:
    """A number of samples that is halved whenever there is no memory for as many.

    `may_shrink` is False where a person has set the number. `said` is told the new one.
    """

    def __init__(
        self,
        size: int,
        said: Callable[[int], None] = lambda size: None,
        *,
        may_shrink: bool = True,
    ) -> None:
        self.size = size
        self.may_shrink = may_shrink
        self._said = said

    def shrink(self, error: Exception) -> None:
        """Take an error as a reason for half as many.

        Raises:
            Exception: the error itself, if it is another one or nothing is left to halve.
        """
        if not is_out_of_memory(error) or not self.may_shrink or self.size == 1:
            raise error
        self.size //= 2
        self._said(self.size)
