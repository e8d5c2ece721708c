"""What a checkpoint holds and when one is written, also on a disk that is full for a while."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from handseg import disk
from handseg.errors import FailedError, HandsegError
from handseg.models.checkpoints import point, pointed, prune, save_checkpoint
from handseg.recipe.schema import CheckpointSchedule
from handseg.runs import layout
from handseg.runs.control import run_command
from handseg.runs.writer import RunWriter
from handseg.text import size_text

RETRY = 60.0
"""Seconds between two attempts to write on a full disk."""
GIVE_UP = 30 * 60.0
"""Seconds after which a disk that stays full ends the run."""
FINAL_PATIENCE = 60.0
"""Seconds for which the last checkpoint of a training waits for room."""


NAMES_ON_DISK = {
    "bad_streak": "row",
    "stale_validations": "waited",
    "plateau_scale": "plateau",
    "rollback_scale": "shrink",
}
"""The names of earlier versions for fields of `TrainerState`: `state.pt` keeps them for ever."""


@dataclass
class TrainerState:
    """Where a training stands: what a checkpoint keeps beside weights and optimiser."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the present epoch that are done."""
    best: float = -math.inf
    """The best mean Dice; which validation is the best is the run's log to say."""
    reference: float = -math.inf
    """The mean Dice that a gain is counted from."""
    stale_validations: int = 0
    """Validations since one that gained more than the delta."""
    plateau_scale: float = 1.0
    """The factor of the learning rate that a plateau has brought."""
    skipped: int = 0
    """Steps that were not taken because their loss was not finite."""
    bad_streak: int = 0
    """How many of the last steps were of that kind."""
    rollbacks: int = 0
    """How often the training has gone back to a checkpoint for it."""
    rollback_scale: float = 1.0
    """The factor of the learning rate that this has brought."""

    def take_validation(self, mean: float, min_delta: float, *, is_best: bool) -> None:
        """Count the validations without a gain, for early stopping and the plateau."""
        # From the last gain, not from the best: small steady gains add up to one.
        if mean > self.reference + min_delta:
            self.reference, self.stale_validations = mean, 0
        else:
            self.stale_validations += 1
        if is_best:
            self.best = mean

    def end_epoch(self) -> None:
        self.epoch, self.batch = self.epoch + 1, 0

    @property
    def lr_scale(self) -> float:
        return self.plateau_scale * self.rollback_scale

    def state_dict(self) -> dict[str, Any]:
        """By the names of `state.pt`."""
        return {NAMES_ON_DISK.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "TrainerState":
        names = {on_disk: name for name, on_disk in NAMES_ON_DISK.items()}
        return cls(**{names.get(name, name): value for name, value in state.items()})


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


class CheckpointManager:
    """Writes checkpoints; what a full disk refuses waits in memory and is tried again."""

    def __init__(
        self, writer: RunWriter, spec: CheckpointSchedule, warn: Callable[[str, str], None]
    ) -> None:
        self.writer = writer
        self.spec = spec
        self.warn = warn
        self.pending: list[Snapshot] = []
        """The best and the newest that are not on the disk yet, in the order of their steps."""
        self.full_since: float | None = None
        self.saved_at = time.monotonic()

    @property
    def root(self) -> Path:
        return self.writer.folder / layout.CHECKPOINTS

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint within the epoch, or to try again."""
        wait = RETRY if self.pending else self.spec.every_minutes * 60
        return time.monotonic() - self.saved_at > wait

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint; it becomes `last`, and `best` if it is.

        Raises:
            FailedError: the disk has been full for too long.
            OSError: the file system fails otherwise.
        """
        self.saved_at = time.monotonic()
        if self.write_pending() and self.write(snapshot):
            return
        best = [one for one in self.pending if one.is_best and not snapshot.is_best]
        self.pending = [*best[-1:], snapshot.copied()]
        if self.full_since is not None and time.monotonic() - self.full_since > GIVE_UP:
            raise self.full_for_good()

    def write_pending(self) -> bool:
        """Write what waits; whether nothing is left."""
        while self.pending:
            if not self.write(self.pending[0]):
                return False
            del self.pending[0]
        return True

    def flush(self) -> None:
        """Before a training ends: wait a while for room for what is still pending.

        Raises:
            FailedError: the disk stays full.
        """
        until = time.monotonic() + FINAL_PATIENCE
        while not self.write_pending():
            if time.monotonic() > until:
                raise self.full_for_good()
            time.sleep(min(1.0, FINAL_PATIENCE))

    def write(self, snapshot: Snapshot) -> bool:
        """Write one; whether there was room, if need be without all others but last and best."""
        for others in (self.spec.keep, 1):
            try:
                self.write_all(snapshot, others)
            except HandsegError:
                raise
            except Exception as error:
                size = size_of(vars(snapshot))
                if not disk.is_full(error) and disk.has_room(self.writer.folder, size):
                    raise
                prune(self.root, 1)
            else:
                self.full_since = None
                return True
        self.warn_full(snapshot)
        return False

    def write_all(self, snapshot: Snapshot, others: int) -> None:
        """The folder, its pointers, its event."""
        self.refuse_missing_folder()
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
            layout.CHECKPOINT,
            step=snapshot.step,
            epoch=snapshot.epoch,
            path=folder.relative_to(self.writer.folder).as_posix(),
            best=snapshot.is_best,
            bytes=sum(path.stat().st_size for path in folder.iterdir()),
        )

    def refuse_missing_folder(self) -> None:
        """What is written would make the folder anew, without what it takes to resume from it.

        Raises:
            FailedError: the run's folder was removed or moved.
        """
        if not (self.writer.folder / layout.RUN).exists():
            raise FailedError(
                f"the run's folder {self.writer.folder} is gone",
                details="somebody has removed or moved it; nothing more can be kept there",
            )

    def warn_full(self, snapshot: Snapshot) -> None:
        """Say what could not be written, once while it lasts."""
        if self.full_since is not None:
            return
        self.full_since = time.monotonic()
        self.warn(
            f"the disk of {self.root} is full: the checkpoint of step {snapshot.step} "
            f"({size_text(size_of(vars(snapshot)))}) waits in memory; {self.last_good()}",
            layout.DISK,
        )

    def last_good(self) -> str:
        last = pointed(self.root, "last")
        return f"the last good one is {last.name}" if last else "there is none yet"

    def full_for_good(self) -> FailedError:
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
