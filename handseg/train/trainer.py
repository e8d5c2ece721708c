"""The training loop, read from top to bottom as the steps of training."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from handseg.data.cache import CachedDataset
from handseg.data.labels import SampleLabels
from handseg.errors import FailedError
from handseg.models.checkpoints import Checkpoint, load_checkpoint, pointed
from handseg.models.segmenter import Segmenter
from handseg.predict.room import Room
from handseg.predict.whole import Inference
from handseg.recipe.schema import Recipe
from handseg.reporter import Progress
from handseg.runs import layout
from handseg.runs.writer import RunWriter
from handseg.score.dice import Scores, worst_first
from handseg.text import counted
from handseg.train.interruption import StopError, StopRequest
from handseg.train.keeper import Keeper, Snapshot
from handseg.train.ledger import Ledger
from handseg.train.loader import Batch, Loader, waiting
from handseg.train.machine import Machine
from handseg.train.position import Position
from handseg.train.schedule import rate_factor, set_rate
from handseg.train.step import GoBackError, Stepper
from handseg.train.trackers import Trackers
from handseg.train.validation import Previews, Validated, validate

PLATEAU_PATIENCE = 5
PLATEAU_FACTOR = 0.5
"""`plateau` halves the rate after so many validations without a gain."""
ROLLBACKS = 3
"""How often a training goes back for losses that are not finite before it gives up."""
ROLLBACK_FACTOR = 0.5
"""Of the rate, each time."""

Tell = Callable[[str], None]
Warn = Callable[[str, str], None]
"""Is told a message, and in a word what it is about."""


@dataclass(frozen=True)
class Materials:
    """What a training works on."""

    recipe: Recipe
    model: Segmenter
    first_weights: Callable[[], dict[str, Tensor]]
    """The weights that the training begins with, made anew."""
    loader: Loader
    held_out: CachedDataset
    labels: list[SampleLabels]
    inference: Inference
    micro_batch: Room
    writer: RunWriter
    tell: Tell
    warn: Warn
    trackers: Trackers


class Trainer:
    """Moves a model through its epochs; all that is shown goes through the run's writer."""

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self.recipe = materials.recipe
        self.model = materials.model
        self.loader = materials.loader
        self.writer = materials.writer
        self.tell = materials.tell
        self.warn = materials.warn
        self.device = materials.inference.device
        self.position = Position()
        self.stepper = Stepper(self.recipe, self.model, self.device, materials.micro_batch)
        self.room = Room(materials.inference.batch_size, self.tell_inference_room)
        self.ledger = Ledger(self.writer, self.warn, materials.trackers.steps)
        self.keeper = Keeper(self.writer, self.recipe.checkpoint, self.warn)
        self.machine = Machine(self.device)
        self.previews = Previews(self.writer, materials.held_out, self.recipe.validate.previews)
        order = self.loader.batches.order
        self.steps = order.steps(self.recipe.train.epochs)
        self.warmup = round(self.recipe.schedule.warmup_epochs * order.batches_in(0))

    def fit(self, stop: StopRequest, progress: Progress) -> str:
        """Train to the end, to an early stop or until asked to stop; why early, in words.

        Raises:
            FailedError: the losses stay without a number, or the disk full.
        """
        while self.position.epoch < self.recipe.train.epochs and not self.is_exhausted():
            try:
                self.run_epoch(stop, progress)
            except GoBackError as error:
                self.go_back(error)
            except StopError:
                self.put_away()
                break
        self.keeper.settle()
        waited = counted(self.position.waited, "validation")
        return f"no gain in {waited}" if self.is_exhausted() else ""

    def put_away(self) -> None:
        """Keep where it stands: within an epoch, or before its validation, which is then to do."""
        try:
            self.checkpoint()
        except GoBackError as error:
            self.go_back(error)

    def run_epoch(self, stop: StopRequest, progress: Progress) -> None:
        """What is left of an epoch, with its validation.

        Raises:
            StopError: a stop was asked for.
            GoBackError: the weights cannot be relied on.
        """
        self.train_epoch(stop, progress)
        self.ledger.read(self.position)
        if self.validation_is_due():
            validated = self.validate(stop)
            self.position.end_epoch()
            self.take_validation(validated)
        else:
            self.position.end_epoch()
        self.ledger.restart_clock()

    def train_epoch(self, stop: StopRequest, progress: Progress) -> None:
        """One pass over the training images, from where the run stands."""
        self.model.train()
        for batch, waited in waiting(self.loader.epoch(self.position.epoch, self.position.batch)):
            self.train_step(batch, waited)
            progress(self.position.step, self.steps, self.note())
            if self.ledger.is_due():
                self.look()
            if self.checkpoint_is_due():
                self.checkpoint()
            stop.heed()
        # A loader that ended early did so because a stop was asked for.
        stop.heed()

    def train_step(self, batch: Batch, waited: float = 0.0) -> None:
        """One step of the optimiser, and on to the next batch."""
        step = self.position.step
        rate = self.set_rate(step)
        taken = self.stepper.take(batch, step, self.share())
        self.position.step = step + 1
        self.position.batch += 1
        self.ledger.enter(step + 1, rate, taken, len(batch.images), waited)

    def note(self) -> str:
        """What the bar says of the present step."""
        epoch, loss = f"epoch {self.position.epoch + 1}", self.ledger.loss
        return f"{epoch}  loss {loss:.4f}" if loss is not None and math.isfinite(loss) else epoch

    def look(self) -> None:
        """Once a second: read the losses, and once a minute the machine."""
        self.ledger.read(self.position)
        if self.machine.is_due():
            self.writer.event(layout.SYSTEM, **self.machine.sample())

    def share(self) -> float:
        return self.position.step / max(1, self.steps)

    def set_rate(self, step: int) -> float:
        """The learning rate of this step."""
        spec = self.recipe.schedule
        factor = rate_factor(spec.name, step, self.steps, self.warmup)
        factor *= self.position.plateau * self.position.shrink
        return set_rate(self.stepper.optimizer, factor, spec.min_lr)

    def seconds_a_step(self, steps: int = 3) -> float:
        """Time some forward and backward passes without moving a weight or a statistic."""
        batch = next(iter(self.loader.epoch(0)))
        self.model.train()
        self.stepper.buffers.remember()
        times: list[float] = []
        for _ in range(steps):
            begun = time.monotonic()
            self.stepper.gradients(batch, 0, 0.0)
            times.append(time.monotonic() - begun)
        self.stepper.optimizer.zero_grad(set_to_none=True)
        self.stepper.buffers.restore()
        return min(times)

    def validation_is_due(self) -> bool:
        done = self.position.epoch + 1
        return done == self.recipe.train.epochs or done % self.recipe.validate.every_epochs == 0

    def validate(self, stop: StopRequest) -> Validated:
        """The Dice of the weights and of their average: the better one counts.

        Raises:
            StopError: a stop was asked for.
        """
        begun = time.monotonic()
        raw = self.scores_of(self.model, stop)
        raw_masks = dict(self.previews.planes)
        averaged: Scores | None = None
        if self.stepper.ema is not None:
            averaged = self.scores_of(self.stepper.ema.module, stop)
        validated = Validated(raw, averaged, time.monotonic() - begun)
        if not validated.uses_ema:
            self.previews.planes = raw_masks
        return validated

    def scores_of(self, model: torch.nn.Module, stop: StopRequest) -> Scores:
        """The Dice of every class in every held-out image."""
        return validate(
            model,
            self.materials.held_out,
            self.materials.labels,
            self.materials.inference,
            self.room,
            seen=self.previews.keep,
            heed=stop.heed,
        )

    def take_validation(self, validated: Validated) -> None:
        """Log it, judge it, and keep a checkpoint."""
        self.log_validation(validated)
        is_best = self.position.take(validated.scores.mean(), self.recipe.early_stop.delta)
        self.slow_down_on_plateau()
        self.checkpoint(validated, is_best)

    def log_validation(self, validated: Validated) -> None:
        """Write scores, previews and the event, and tell the person."""
        self.keeper.refuse_gone()
        position, scores = self.position, validated.scores
        by_class = scores.by_class()
        persons = [sample.person for sample in self.materials.held_out.samples]
        self.writer.scores(position.step, scores.images, scores.classes, scores.dice, persons)
        self.previews.write(position.step)
        facts = validated.as_fields()
        self.writer.validation(step=position.step, epoch=position.epoch, dice=by_class, **facts)
        self.materials.trackers.validation(
            position.step, position.epoch, scores.mean(), by_class, **validated.means("")
        )
        listed = "  ".join(f"{name} {dice:.3f}" for name, dice in worst_first(by_class)[:5])
        loss = "" if self.ledger.loss is None else f"loss {self.ledger.loss:.4f}  "
        self.tell(
            f"epoch {position.epoch:3d}/{self.recipe.train.epochs}  {loss}Dice {scores.mean():.4f}"
            + ("  (EMA)" if validated.uses_ema else "")
            # Whether it is the best yet is known before it is taken in.
            + ("  best" if scores.mean() > position.best else "")
            + f"  worst: {listed}"
        )

    def slow_down_on_plateau(self) -> None:
        """Halve the rate where validations no longer gain, if the schedule says so."""
        waited = self.position.waited
        if self.recipe.schedule.name == "plateau" and waited and waited % PLATEAU_PATIENCE == 0:
            self.position.plateau *= PLATEAU_FACTOR

    def is_exhausted(self) -> bool:
        """Whether early stopping is on and its patience at an end."""
        patience = self.recipe.early_stop.patience
        ended = self.position.epoch >= self.recipe.train.epochs
        return bool(patience) and self.position.waited >= patience and not ended

    def checkpoint_is_due(self) -> bool:
        """Whether it is time for one within the epoch, and the last losses are such as they should.

        One in the middle of steps that are skipped would be a bad place to go back to.
        """
        if not self.keeper.is_due():
            return False
        self.ledger.read(self.position)
        return self.position.row == 0

    def checkpoint(self, validated: Validated | None = None, is_best: bool = False) -> None:
        """Keep all that a resumed training needs.

        Raises:
            GoBackError: the losses of the last steps are not finite.
        """
        self.ledger.read(self.position)
        ema = self.stepper.ema
        position = self.position
        facts: dict[str, Any] = {"epoch": position.epoch, "batch": position.batch}
        facts["uses_ema"] = False
        if validated is not None:
            facts |= validated.as_facts()
        self.keeper.keep(
            Snapshot(
                step=position.step,
                epoch=position.epoch,
                weights=self.model.state_dict(),
                ema=ema.module.state_dict() if ema is not None else {},
                state={"position": position.as_dict(), **self.stepper.state()},
                facts=facts,
                is_best=is_best,
            )
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was written."""
        state = checkpoint.state()
        self.stepper.restore(checkpoint.weights, checkpoint.ema, state)
        self.position = Position(**state["position"])

    def go_back(self, error: GoBackError) -> None:
        """Go on from the last checkpoint, or from the start where there is none yet.

        Raises:
            FailedError: it has gone back for losses that are not finite too often.
        """
        rollbacks, skipped = self.position.rollbacks + error.slower, self.position.skipped
        if rollbacks > ROLLBACKS:
            raise FailedError(
                f"{error.reason}, after going back {ROLLBACKS} times with a smaller step",
                hints=[
                    f"--set optimizer.lr={self.recipe.optimizer.lr / 10:g}",
                    "--set train.precision=fp32",
                ],
            )
        self.keeper.held.clear()
        self.ledger.pending.clear()
        if pointed(self.keeper.root, "last") is None:
            self.stepper.restart(self.materials.first_weights())
            self.position = Position()
        else:
            self.restore(load_checkpoint(self.keeper.root, "last", self.tell_damaged))
        self.position.rollbacks, self.position.skipped = rollbacks, skipped
        self.position.row = 0
        self.position.shrink = ROLLBACK_FACTOR**rollbacks
        self.writer.rewind(
            self.position.step,
            validated=self.position.batch == 0,
            rollback=rollbacks,
            rate=self.position.shrink,
        )
        at = f"{error.reason}: back to step {self.position.step}"
        slower = f", with {self.position.shrink:g} of the rate" if error.slower else ""
        self.warn(at + slower, layout.LOSS if error.slower else layout.MEMORY)

    def tell_damaged(self, text: str) -> None:
        self.warn(text, layout.CHECKPOINT_FAULT)

    def tell_inference_room(self, size: int) -> None:
        self.warn(f"out of memory in validation: {size} images at once from now on", layout.MEMORY)
