"""The statistics that a forward pass moves, put back where a step did not count."""

import torch
from torch import Tensor, nn


class Buffers:
    """A copy of a network's buffers (the statistics of its norms) of before a step."""

    def __init__(self, model: nn.Module) -> None:
        self.present: list[Tensor] = list(model.buffers())
        self.kept = [tensor.clone() for tensor in self.present]

    @torch.no_grad()
    def remember(self) -> None:
        if self.present:
            torch._foreach_copy_(self.kept, self.present)  # pyright: ignore[reportPrivateImportUsage]

    @torch.no_grad()
    def restore(self) -> None:
        if self.present:
            torch._foreach_copy_(self.present, self.kept)  # pyright: ignore[reportPrivateImportUsage]

    @torch.no_grad()
    def restore_where(self, bad: Tensor) -> None:
        """Put them back where `bad` (a bool on the device) is true, without waiting for it."""
        for present, kept in zip(self.present, self.kept, strict=True):
            present.copy_(torch.where(bad, kept, present))
