"""What a training uses of its machine."""

import time
from typing import Any

import psutil
import torch

EVERY = 60.0
"""Seconds between two samples."""


class Machine:
    """Processor, memory and device of this process and its workers."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.process = psutil.Process()
        self.sampled = -EVERY
        self.used = self.cpu_seconds()

    def is_due(self) -> bool:
        return time.monotonic() - self.sampled >= EVERY

    def sample(self) -> dict[str, Any]:
        """The fields of a `system` event."""
        now, used = time.monotonic(), self.cpu_seconds()
        span = now - self.sampled if self.sampled > 0 else 0.0
        found: dict[str, Any] = {
            "ram": sum(held(process) for process in self.family()),
            "ram_total": psutil.virtual_memory().total,
            "device": device_name(self.device),
        }
        if span > 0:
            found["cpu"] = round(100 * max(0.0, used - self.used) / span, 1)
        self.sampled, self.used = now, used
        if self.device.type == "cuda":
            _, total = torch.cuda.mem_get_info(self.device)
            most = torch.cuda.max_memory_reserved(self.device)
            found |= {"memory": most, "memory_total": total}
            torch.cuda.reset_peak_memory_stats(self.device)
        return found

    def family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children()]

    def cpu_seconds(self) -> float:
        """Processor time of the family in seconds; a worker that ended counts no more."""
        return sum(times(process) for process in self.family())


def held(process: psutil.Process) -> int:
    """Bytes that a process holds; 0 where it has just ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def times(process: psutil.Process) -> float:
    """Seconds of processor time of a process; 0 where it has just ended."""
    try:
        spent = process.cpu_times()
    except psutil.Error:
        return 0.0
    return spent.user + spent.system


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
