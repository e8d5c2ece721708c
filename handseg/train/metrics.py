"""The metrics of a training: losses and gradients of its steps, what it uses of its machine."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil
import torch

from handseg.inference.device import device_name
from handseg.runs import layout
from handseg.runs.writer import RunWriter
from handseg.text import shown
from handseg.train.checkpointing import TrainerState
from handseg.train.step import RollbackError, StepResult

LOG_EVERY = 1.0
"""Seconds between two readings of the losses: they make the device wait."""
SYSTEM_EVERY = 60.0
"""Seconds between two looks at the machine."""
MOST_BAD = 5
"""Steps in a row without a finite loss after which the training goes back."""


class MetricLogger:
    """Takes losses from the device to the run's log and judges them.

    `on_logged` gets the newest step and its values, once a second.
    """

    def __init__(
        self,
        writer: RunWriter,
        warn: Callable[[str, str], None],
        on_logged: Callable[[int, Mapping[str, float]], None],
        usage: "MachineUsage",
    ) -> None:
        self.writer = writer
        self.warn = warn
        self.on_logged = on_logged
        self.usage = usage
        self.pending: list[tuple[int, float, StepResult]] = []
        self.images = 0
        self.waited = 0.0
        self.since = time.monotonic()
        self.loss: float | None = None
        """The newest; none before a step is read, as where a run goes on with a validation."""

    def add(self, step: int, rate: float, result: StepResult, images: int, waited: float) -> None:
        """Take in a step of so many images, for which the loader was waited so many seconds."""
        self.pending.append((step, rate, result))
        self.images += images
        self.waited += waited

    def log_when_due(self, state: TrainerState) -> None:
        """Once a second `flush`, and once a minute log what is used of the machine.

        Raises:
            RollbackError: several steps in a row had no finite loss.
        """
        if time.monotonic() - self.since < LOG_EVERY:
            return
        self.flush(state)
        if self.usage.is_due():
            self.writer.event(layout.SYSTEM, **self.usage.sample())

    def flush(self, state: TrainerState) -> None:
        """Read what is on the device, in one transfer, and log it.

        Raises:
            RollbackError: several steps in a row had no finite loss.
        """
        if not self.pending:
            self.restart_clock()
            return
        pending, self.pending = self.pending, []
        values = torch.stack(
            [
                torch.stack([result.loss.float(), result.grad_norm.float(), result.is_bad.float()])
                for _, _, result in pending
            ]
        ).tolist()
        skipped: list[int] = []
        longest_streak = 0
        for (step, rate, _), (loss, _, is_bad) in zip(pending, values, strict=True):
            self.writer.step(step, loss=loss, lr=rate)
            state.bad_streak = state.bad_streak + 1 if is_bad else 0
            longest_streak = max(longest_streak, state.bad_streak)
            if is_bad:
                skipped.append(step)
        state.skipped += len(skipped)
        self.loss, grad_norm, _ = values[-1]
        self.log_gauges(pending[-1][0], grad_norm)
        if skipped:
            steps = "step" if len(skipped) == 1 else "steps"
            self.warn(
                f"no finite loss or gradient in {steps} {shown([*map(str, skipped)], 3)}: not "
                f"taken ({state.skipped} skipped so far)",
                layout.LOSS,
            )
        if longest_streak >= MOST_BAD:
            raise RollbackError(
                f"{longest_streak} steps in a row without a finite loss", slower=True
            )

    def log_gauges(self, step: int, grad_norm: float) -> None:
        """Log what is told once a line: gradient, speed, waiting, memory."""
        assert self.loss is not None
        span = max(1e-9, time.monotonic() - self.since)
        gauges = {
            "grad": grad_norm,
            "speed": self.images / span,
            "wait": min(1.0, self.waited / span),
        }
        if self.usage.device.type == "cuda":
            gauges["memory"] = torch.cuda.max_memory_allocated(self.usage.device) / 1e9
        self.writer.gauge(**gauges)
        self.on_logged(step, {"loss": self.loss, **gauges})
        self.restart_clock()

    def restart_clock(self) -> None:
        """Speed and waiting count from now on: validations are no part of them."""
        self.since, self.images, self.waited = time.monotonic(), 0, 0.0


class MachineUsage:
    """What this process and its workers use of processor, memory and device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.process = psutil.Process()
        self.sampled = -SYSTEM_EVERY
        self.used = self.cpu_seconds()

    def is_due(self) -> bool:
        return time.monotonic() - self.sampled >= SYSTEM_EVERY

    def sample(self) -> dict[str, Any]:
        """The fields of a `system` event."""
        now, used = time.monotonic(), self.cpu_seconds()
        span = now - self.sampled if self.sampled > 0 else 0.0
        found: dict[str, Any] = {
            "ram": sum(memory_of(process) for process in self.family()),
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
        return sum(cpu_seconds_of(process) for process in self.family())


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process holds; 0 where it has just ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def cpu_seconds_of(process: psutil.Process) -> float:
    """Seconds of processor time of a process; 0 where it has just ended."""
    try:
        spent = process.cpu_times()
    except psutil.Error:
        return 0.0
    return spent.user + spent.system
