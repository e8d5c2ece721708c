"""Keeps the checkpoints of a run, also on a disk that is full for a while."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from handseg import disk
from handseg.errors import FailedError
from handseg.models.checkpoints import point, pointed, prune, save_checkpoint
from handseg.recipe.schema import CheckpointSchedule as Spec
from handseg.runs import fields
from handseg.runs.commands import run_command
from handseg.runs.writer import RunWriter
from handseg.text import size_text

RETRY = 60.0
"""Seconds between two attempts to write on a full disk."""
GIVE_UP = 30 * 60.0
"""Seconds after which a disk that stays full ends the run."""
FINAL_PATIENCE = 60.0
"""Seconds for which the last checkpoint of a training waits for room."""


@dataclass(frozen=True)
class Snapshot:
    """All that a checkpoint holds; tensors of the training itself until `copied`."""

    step: int
    epoch: float
    weights: Mapping[str, Tensor]
    ema: Mapping[str, Tensor]
    state: Mapping[str, Any]
    facts: Mapping[str, Any]
    is_best: bool = False

    def copied(self) -> "Snapshot":
        """The same in memory of its own, which training does not move."""
        return replace(
            self,
            weights=copied(self.weights),
            ema=copied(self.ema),
            state=copied(self.state),
        )


def copied(value: Any) -> Any:
    """A copy of nested values on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {key: copied(item) for key, item in items}
    if isinstance(value, (list, tuple)):
        return type(value)(copied(item) for item in cast("list[Any]", value))
    return value


class Keeper:
    """Writes checkpoints; what a full disk refuses is held in memory and tried again."""

    def __init__(self, writer: RunWriter, spec: Spec, warn: Callable[[str, str], None]) -> None:
        self.writer = writer
        self.spec = spec
        self.warn = warn
        self.held: list[Snapshot] = []
        """The best and the newest that are not on the disk yet, in the order of their steps."""
        self.full_since: float | None = None
        self.saved = time.monotonic()

    @property
    def root(self) -> Path:
        return self.writer.folder / fields.CHECKPOINTS

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint within the epoch, or to try again."""
        wait = RETRY if self.held else self.spec.every_minutes * 60
        return time.monotonic() - self.saved > wait

    def keep(self, snapshot: Snapshot) -> None:
        """Write a checkpoint; it becomes `last`, and `best` if it is.

        Raises:
            FailedError: the disk has been full for too long.
            OSError: the file system fails otherwise.
        """
        self.saved = time.monotonic()
        if self.write_held() and self.write(snapshot):
            return
        best = [held for held in self.held if held.is_best and not snapshot.is_best]
        self.held = [*best[-1:], snapshot.copied()]
        if self.full_since is not None and time.monotonic() - self.full_since > GIVE_UP:
            raise self.stays_full()

    def write_held(self) -> bool:
        """Write what is held; whether nothing is left."""
        while self.held:
            if not self.write(self.held[0]):
                return False
            del self.held[0]
        return True

    def settle(self) -> None:
        """Before a training ends: wait a while for what is still held.

        Raises:
            FailedError: the disk stays full.
        """
        until = time.monotonic() + FINAL_PATIENCE
        while not self.write_held():
            if time.monotonic() > until:
                raise self.stays_full()
            time.sleep(min(1.0, FINAL_PATIENCE))

    def write(self, snapshot: Snapshot) -> bool:
        """Write one; whether there was room, if need be without all others but last and best."""
        for others in (self.spec.keep, 1):
            try:
                self.write_all(snapshot, others)
            except Exception as error:
                if not disk.is_full(error):
                    raise
                prune(self.root, 1)
            else:
                self.full_since = None
                return True
        self.tell_full(snapshot)
        return False

    def write_all(self, snapshot: Snapshot, others: int) -> None:
        """The folder, its pointers, its event."""
        self.refuse_gone()
        folder = save_checkpoint(
            self.root,
            step=snapshot.step,
            weights=snapshot.weights,
            ema=snapshot.ema,
            state=snapshot.state,
            facts=snapshot.facts,
        )
        point(self.root, "last", folder)
        if snapshot.is_best:
            point(self.root, "best", folder)
        prune(self.root, others)
        self.writer.event(
            fields.CHECKPOINT,
            step=snapshot.step,
            epoch=snapshot.epoch,
            path=folder.relative_to(self.writer.folder).as_posix(),
            best=snapshot.is_best,
            bytes=sum(path.stat().st_size for path in folder.iterdir()),
        )

    def refuse_gone(self) -> None:
        """What is written would make the folder anew, without what it takes to resume from it.

        Raises:
            FailedError: the run's folder was removed or moved.
        """
        if not (self.writer.folder / fields.RUN).exists():
            raise FailedError(
                f"the run's folder {self.writer.folder} is gone",
                details="somebody has removed or moved it; nothing more can be kept there",
            )

    def tell_full(self, snapshot: Snapshot) -> None:
        """Say what could not be written, once while it lasts."""
        if self.full_since is not None:
            return
        self.full_since = time.monotonic()
        self.warn(
            f"the disk of {self.root} is full: the checkpoint of step {snapshot.step} "
            f"({size_text(size_of(vars(snapshot)))}) waits in memory; {self.last_good()}",
            fields.DISK,
        )

    def last_good(self) -> str:
        last = pointed(self.root, "last")
        return f"the last good one is {last.name}" if last else "there is none yet"

    def stays_full(self) -> FailedError:
        return FailedError(
            f"the disk of {self.root} stays full",
            details=f"checkpoints cannot be written; {self.last_good()}",
            hints=[
                "handseg runs rm RUN --checkpoints   # frees space of another run",
                run_command(["train", "--resume"], self.writer.folder),
            ],
        )


def size_of(value: Any) -> int:
    """Bytes of the tensors among nested values."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(size_of, cast("Mapping[Any, Any]", value).values()))
    return 0
