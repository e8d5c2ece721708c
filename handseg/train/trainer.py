"""The training loop, read from top to bottom as the steps of training."""

import math
import time
from dataclasses import asdict, replace
from typing import Any

from torch import nn

from handseg.errors import FailedError
from handseg.inference.device import MicroBatchSize
from handseg.models.checkpoints import Checkpoint, load_checkpoint, pointed
from handseg.models.segmenter import Segmenter, least_images
from handseg.recipe.schedule import rate_factor
from handseg.runs import layout
from handseg.runs.summary import read_run_file
from handseg.runs.writer import RunWriter
from handseg.score.dice import Scores, worst_first
from handseg.text import counted
from handseg.train.augment import Augmentation
from handseg.train.checkpointing import CheckpointManager, Snapshot, TrainerState
from handseg.train.interruption import StopError, StopRequest
from handseg.train.loader import (
    EpochLoader,
    TrainingBatch,
    TrainingSamples,
    with_waits,
    worker_count,
)
from handseg.train.metrics import MachineUsage, MetricLogger
from handseg.train.optim import set_rate
from handseg.train.setup import TrainingSetup
from handseg.train.step import RollbackError, Stepper
from handseg.train.trackers import RunInfo, Trackers
from handseg.train.validation import Previews, Validation, validate
from handseg.work import Progress

PLATEAU_PATIENCE = 5
"""`plateau` lowers the rate after so many validations without a gain, and after as many more."""
PLATEAU_FACTOR = 0.5
"""Of the rate, each time."""
ROLLBACKS = 3
"""How often a training goes back for losses that are not finite before it gives up."""
ROLLBACK_FACTOR = 0.5
"""Of the rate, each time."""


class Trainer:
    """Moves a model through its epochs; all that is shown goes through the run's writer.

    Made at the beginning of a training; `restore` goes on from a checkpoint. `step` is where
    trackers go on. A stop that was asked for ends it between two steps.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        model: Segmenter,
        writer: RunWriter,
        stop: StopRequest,
        step: int = 0,
    ) -> None:
        recipe, inference = setup.recipe, setup.inference
        self.setup, self.recipe = setup, recipe
        self.model, self.device = model, inference.device
        self.writer, self.stop = writer, stop
        self.state = TrainerState()
        inference.place(model)
        self.loader = self.make_loader()
        self.stepper = Stepper(
            recipe,
            model,
            self.device,
            MicroBatchSize(
                inference.batch_size,
                self.take_smaller_parts,
                may_shrink=setup.may_shrink,
                least=least_images(model, recipe.data.size),
            ),
            setup.classes,
        )
        run_id = str(read_run_file(writer.folder)["id"])
        self.trackers = Trackers.start(
            [name for name, wanted in recipe.track.items() if wanted],
            RunInfo(writer.name, run_id, writer.folder, asdict(recipe), step),
            lambda text: self.warn(text, layout.TRACKER),
        )
        usage = MachineUsage(self.device)
        self.metrics = MetricLogger(writer, self.warn, self.trackers.steps, usage)
        self.checkpoints = CheckpointManager(writer, recipe.checkpoint, self.warn)
        self.validation_batch = MicroBatchSize(inference.batch_size, self.validate_fewer_at_once)
        self.previews = Previews(writer, setup.validation, recipe.validate.previews)
        sampler = self.loader.sampler
        self.steps = sampler.steps(recipe.train.epochs)
        self.warmup = round(recipe.schedule.warmup_epochs * sampler.batches_in(0))

    def make_loader(self) -> EpochLoader:
        """The batches of every epoch, made beside the training."""
        setup = self.setup
        samples = TrainingSamples(
            [*setup.images, *([setup.crops] if setup.crops else [])],
            Augmentation(self.recipe.augment, setup.classes),
        )
        return EpochLoader(
            samples,
            setup.sampler(),
            worker_count(self.recipe.data.workers, self.device),
            self.device.type == "cuda",
            warn=lambda message: self.warn(message, layout.LOADER),
            stopping=self.stop.is_requested,
        )

    def fit(self, progress: Progress) -> str:
        """Train to the end, to an early stop or until asked to stop; why early, in words.

        Raises:
            FailedError: the losses stay without a number, or the disk full.
        """
        while self.state.epoch < self.recipe.train.epochs and not self.patience_is_over():
            try:
                self.train_epoch(progress)
                self.end_epoch()
            except RollbackError as error:
                self.roll_back(error)
            except StopError:
                self.save_and_stop()
                break
        self.checkpoints.flush()
        waited = counted(self.state.stale_validations, "validation")
        return f"no gain in {waited}" if self.patience_is_over() else ""

    def train_epoch(self, progress: Progress) -> None:
        """One pass over the training images, from where the run stands.

        Raises:
            StopError: a stop was asked for.
            RollbackError: the weights cannot be relied on.
        """
        self.model.train()
        for batch, waited in with_waits(self.loader.epoch(self.state.epoch, self.state.batch)):
            self.training_step(batch, waited)
            progress(self.state.step, self.steps, self.note())
            self.metrics.log_when_due(self.state)
            if self.checkpoint_is_due():
                self.save_checkpoint()
            self.stop.raise_if_stopped()
        # A loader that ended early did so because a stop was asked for.
        self.stop.raise_if_stopped()
        self.metrics.flush(self.state)

    def training_step(self, batch: TrainingBatch, waited: float = 0.0) -> None:
        """One step of the optimiser, and on to the next batch."""
        step = self.state.step
        rate = self.set_learning_rate(step)
        result = self.stepper.training_step(batch, step, step / max(1, self.steps))
        self.state.step = step + 1
        self.state.batch += 1
        self.metrics.add(step + 1, rate, result, len(batch.images), waited)

    def set_learning_rate(self, step: int) -> float:
        """The learning rate of this step."""
        spec = self.recipe.schedule
        factor = rate_factor(spec.name, step, self.steps, self.warmup) * self.state.lr_scale
        return set_rate(self.stepper.optimizer, factor, spec.min_lr)

    def note(self) -> str:
        epoch, loss = f"epoch {self.state.epoch + 1}", self.metrics.loss
        return f"{epoch}  loss {loss:.4f}" if loss is not None and math.isfinite(loss) else epoch

    def end_epoch(self) -> None:
        """Validate where it is due, and keep a checkpoint of that.

        Raises:
            StopError: a stop was asked for; the validation is then to do.
        """
        epoch = self.state.epoch + 1
        is_last = epoch == self.recipe.train.epochs
        if is_last or epoch % self.recipe.validate.every_epochs == 0:
            validation = self.validate()
            self.state.end_epoch()
            self.on_validation_end(validation)
        else:
            self.state.end_epoch()
        self.metrics.restart_clock()

    def validate(self) -> Validation:
        """The Dice of the weights and of their average: the better one counts.

        Raises:
            StopError: a stop was asked for.
        """
        begun = time.monotonic()
        raw = self.validate_model(self.model)
        raw_masks = dict(self.previews.planes)
        averaged: Scores | None = None
        if self.stepper.ema is not None:
            averaged = self.validate_model(self.stepper.ema.module)
        validation = Validation(raw, averaged, time.monotonic() - begun)
        if not validation.uses_ema:
            self.previews.planes = raw_masks
        return validation

    def validate_model(self, model: nn.Module) -> Scores:
        """The Dice of every class in every held-out image."""
        scores = validate(
            model,
            self.setup.validation,
            self.setup.labels,
            self.setup.inference,
            self.validation_batch,
            on_logits=self.previews.keep,
            raise_if_stopped=self.stop.raise_if_stopped,
        )
        return replace(scores, not_bones=self.writer.best.not_bones)

    def on_validation_end(self, validation: Validation) -> None:
        """Log a validation, count those without a gain, and keep a checkpoint."""
        self.checkpoints.refuse_missing_folder()
        state, scores = self.state, validation.scores
        mean, by_class = scores.mean(), scores.by_class()
        persons = [sample.person for sample in self.setup.validation.samples]
        self.writer.scores(state.step, scores.images, scores.classes, scores.dice, persons)
        self.previews.write(state.step)
        is_best = self.writer.validation(
            step=state.step, epoch=state.epoch, dice=by_class, **validation.as_fields()
        )
        means = validation.means("")
        self.trackers.validation(state.step, state.epoch, mean, by_class, **means)
        self.info(self.validation_text(validation, is_best))
        state.take_validation(mean, self.recipe.early_stop.delta, is_best=is_best)
        stale = state.stale_validations
        if self.recipe.schedule.name == "plateau" and stale and stale % PLATEAU_PATIENCE == 0:
            state.plateau_scale *= PLATEAU_FACTOR
        self.save_checkpoint(validation, is_best)

    def validation_text(self, validation: Validation, is_best: bool) -> str:
        """`epoch   3/20  loss 0.1234  Dice 0.9123  (EMA)  best  worst: …`."""
        scores = validation.scores
        worst = worst_first(scores.by_class(), scores.not_bones)[:5]
        parts = [
            f"epoch {self.state.epoch:3d}/{self.recipe.train.epochs}",
            "" if self.metrics.loss is None else f"loss {self.metrics.loss:.4f}",
            f"Dice {scores.mean():.4f}",
            "(EMA)" if validation.uses_ema else "",
            "best" if is_best else "",
            "worst: " + "  ".join(f"{name} {dice:.3f}" for name, dice in worst),
        ]
        return "  ".join(part for part in parts if part)

    def patience_is_over(self) -> bool:
        """Whether early stopping is on and there was no gain for too long."""
        patience = self.recipe.early_stop.patience
        at_end = self.state.epoch >= self.recipe.train.epochs
        return bool(patience) and self.state.stale_validations >= patience and not at_end

    def checkpoint_is_due(self) -> bool:
        """Whether it is time for one within the epoch, and the last losses are such as they should.

        One in the middle of steps that are skipped would be a bad place to go back to.
        """
        if not self.checkpoints.is_due():
            return False
        self.metrics.flush(self.state)
        return self.state.bad_streak == 0

    def save_checkpoint(self, validation: Validation | None = None, is_best: bool = False) -> None:
        """Keep all that a resumed training needs.

        Raises:
            RollbackError: the losses of the last steps are not finite.
        """
        self.metrics.flush(self.state)
        ema, state = self.stepper.ema, self.state
        facts: dict[str, Any] = {"epoch": state.epoch, "batch": state.batch, "uses_ema": False}
        if validation is not None:
            facts |= validation.as_facts()
        self.checkpoints.save(
            Snapshot(
                step=state.step,
                epoch=state.epoch,
                weights=self.model.state_dict(),
                ema=ema.module.state_dict() if ema is not None else {},
                state={"position": state.state_dict(), **self.stepper.state()},
                facts=facts,
                is_best=is_best,
            )
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was written."""
        state = checkpoint.state()
        self.stepper.restore(checkpoint.weights, checkpoint.ema, state)
        self.state = TrainerState.from_state_dict(state["position"])

    def roll_back(self, error: RollbackError) -> None:
        """Go on from the last checkpoint, or from the start where there is none yet.

        Raises:
            FailedError: it has gone back for losses that are not finite too often.
        """
        rollbacks, skipped = self.state.rollbacks + error.slower, self.state.skipped
        if rollbacks > ROLLBACKS:
            raise FailedError(
                f"{error.reason}, after going back {ROLLBACKS} times with a smaller step",
                hints=[
                    f"--set optimizer.lr={self.recipe.optimizer.lr / 10:g}",
                    "--set train.precision=fp32",
                ],
            )
        self.checkpoints.pending.clear()
        self.metrics.pending.clear()
        if pointed(self.checkpoints.root, "last") is None:
            self.stepper.restart(self.setup.first_model().state_dict())
            self.state = TrainerState()
        else:
            self.restore(load_checkpoint(self.checkpoints.root, "last", self.warn_damaged))
        state = self.state
        state.rollbacks, state.skipped, state.bad_streak = rollbacks, skipped, 0
        state.rollback_scale = scale = ROLLBACK_FACTOR**rollbacks
        self.writer.rewind(
            state.step, validated=state.batch == 0, rollback=rollbacks, rate=state.rollback_scale
        )
        slower = f", with {scale:g} of the rate" if error.slower else ""
        self.warn(
            f"{error.reason}: back to step {state.step}{slower}",
            layout.LOSS if error.slower else layout.MEMORY,
        )

    def save_and_stop(self) -> None:
        """Keep where it stands: within an epoch, or before its validation, which is then to do."""
        try:
            self.save_checkpoint()
        except RollbackError as error:
            self.roll_back(error)

    def shutdown(self, state: str) -> None:
        self.loader.close()
        self.trackers.end(state)

    def step_seconds(self, steps: int = 3) -> float:
        """Time some forward and backward passes without moving a weight or a statistic."""
        batch = next(iter(self.loader.epoch(0)))
        self.model.train()
        self.stepper.buffers.remember()
        times: list[float] = []
        for _ in range(steps):
            begun = time.monotonic()
            self.stepper.backward(batch, 0, 0.0)
            times.append(time.monotonic() - begun)
        self.stepper.optimizer.zero_grad(set_to_none=True)
        self.stepper.buffers.restore()
        return min(times)

    def info(self, text: str) -> None:
        self.writer.log(text)
        self.setup.reporter.info(text)

    def warn(self, message: str, about: str) -> None:
        """Tell the person, the run's log and its events; `about` is `layout.MEMORY` or such."""
        self.writer.event(layout.WARNING, message=message, about=about)
        self.writer.log(f"warning: {message}")
        self.setup.reporter.warn(message)

    def warn_damaged(self, text: str) -> None:
        self.warn(text, layout.CHECKPOINT_FAULT)

    def take_smaller_parts(self, size: int) -> None:
        """Say that fewer images go through the network at once, and keep that in the run's recipe.

        Repeating it does not run out of memory again.
        """
        train = replace(self.recipe.train, micro_batch=size)
        found = replace(self.setup.loaded, recipe=replace(self.recipe, train=train))
        self.writer.write_recipe(found.to_toml())
        text = (
            f"out of memory: {size} images at once from now on; the gradient is still that of "
            f"{self.recipe.train.batch_size}, in parts"
        )
        if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in self.model.modules()):
            text += f"; BatchNorm takes its statistics from {size} images at once now"
        self.warn(text, layout.MEMORY)

    def validate_fewer_at_once(self, size: int) -> None:
        self.warn(f"out of memory in validation: {size} images at once from now on", layout.MEMORY)
