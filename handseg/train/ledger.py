"""What the steps came to: read from the device once a second, logged, and judged."""

import time
from collections.abc import Callable, Mapping

import torch

from handseg.runs import layout
from handseg.runs.writer import RunWriter
from handseg.text import shown
from handseg.train.position import Position
from handseg.train.step import GoBackError, Taken

LOG_EVERY = 1.0
"""Seconds between two readings: they make the device wait."""
IN_A_ROW = 5
"""Steps without a finite loss after which the training goes back."""

Logged = Callable[[int, Mapping[str, float]], None]
"""Is told the newest step and its values, once a second."""


class Ledger:
    """Losses on their way from the device to the log."""

    def __init__(self, writer: RunWriter, warn: Callable[[str, str], None], logged: Logged) -> None:
        self.writer = writer
        self.warn = warn
        self.logged = logged
        self.pending: list[tuple[int, float, Taken]] = []
        self.images = 0
        self.waited = 0.0
        self.since = time.monotonic()
        self.loss: float | None = None
        """The newest; none before a step is read, as where a run goes on with a validation."""

    def enter(self, step: int, rate: float, taken: Taken, images: int, waited: float) -> None:
        """Take in a step, so many images, and for how many seconds the loader kept it waiting."""
        self.pending.append((step, rate, taken))
        self.images += images
        self.waited += waited

    def is_due(self) -> bool:
        return time.monotonic() - self.since >= LOG_EVERY

    def read(self, position: Position) -> None:
        """Read what is on the device, in one transfer, and log it.

        Raises:
            GoBackError: several steps in a row had no finite loss.
        """
        if not self.pending:
            self.restart_clock()
            return
        entries, self.pending = self.pending, []
        rows = torch.stack(
            [torch.stack([t.loss.float(), t.norm.float(), t.bad.float()]) for _, _, t in entries]
        ).tolist()
        skipped: list[int] = []
        worst_row = 0
        for (step, rate, _), (loss, _, bad) in zip(entries, rows, strict=True):
            self.writer.step(step, loss=loss, lr=rate)
            position.row = position.row + 1 if bad else 0
            worst_row = max(worst_row, position.row)
            if bad:
                skipped.append(step)
        position.skipped += len(skipped)
        self.loss = rows[-1][0]
        self.gauge(entries[-1][0], rows[-1], entries[-1][2].loss.device)
        self.judge(skipped, worst_row, position)

    def gauge(self, step: int, newest: list[float], device: torch.device) -> None:
        """Log what is told once a line: speed, waiting, gradient, memory."""
        span = max(1e-9, time.monotonic() - self.since)
        gauges = {
            "grad": newest[1],
            "speed": self.images / span,
            "wait": min(1.0, self.waited / span),
        }
        if device.type == "cuda":
            gauges["memory"] = torch.cuda.max_memory_allocated(device) / 1e9
        self.writer.gauge(**gauges)
        self.logged(step, {"loss": newest[0], **gauges})
        self.restart_clock()

    def restart_clock(self) -> None:
        """Speed and waiting count from now on: validations are no part of them."""
        self.since, self.images, self.waited = time.monotonic(), 0, 0.0

    def judge(self, skipped: list[int], row: int, position: Position) -> None:
        """Say what was skipped; too much of it in a row sends the training back."""
        if not skipped:
            return
        steps = "step" if len(skipped) == 1 else "steps"
        self.warn(
            f"no finite loss or gradient in {steps} {shown([*map(str, skipped)], 3)}: not taken "
            f"({position.skipped} skipped so far)",
            layout.LOSS,
        )
        if row >= IN_A_ROW:
            raise GoBackError(f"{row} steps in a row without a finite loss", slower=True)
