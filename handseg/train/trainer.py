"""The training loop, read from top to bottom as the steps of training."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor

from handseg.data.cache import Prepared
from handseg.data.labels import SampleLabels
from handseg.errors import FailedError
from handseg.models.checkpoints import Checkpoint, point, prune, save_checkpoint
from handseg.models.segmenter import Segmenter
from handseg.predict.device import autocast
from handseg.predict.whole import Inference
from handseg.progress import Progress
from handseg.recipe.schema import Recipe
from handseg.runs import fields
from handseg.runs.writer import RunWriter
from handseg.score.dice import Scores, worst_first
from handseg.train.interruption import StopRequest
from handseg.train.loader import Batch, Loader, unpack_planes
from handseg.train.loss import SegmentationLoss
from handseg.train.position import Position
from handseg.train.previews import Previews
from handseg.train.schedule import make_optimizer, rate_factor, set_rate
from handseg.train.validation import validate

PLATEAU_PATIENCE = 5
PLATEAU_FACTOR = 0.5
"""`plateau` halves the rate after so many validations without a gain."""
LOG_EVERY = 1.0
"""Seconds between two readings of the loss: reading it makes the device wait."""


@dataclass(frozen=True)
class Materials:
    """What a training works on."""

    recipe: Recipe
    model: Segmenter
    loader: Loader
    held_out: Prepared
    labels: list[SampleLabels]
    inference: Inference
    writer: RunWriter


class Trainer:
    """Moves a model through its epochs; all that is shown goes through the run's writer."""

    def __init__(self, materials: Materials, tell: Callable[[str], None]) -> None:
        self.recipe = materials.recipe
        self.model = materials.model
        self.loader = materials.loader
        self.held_out = materials.held_out
        self.labels = materials.labels
        self.inference = materials.inference
        self.writer = materials.writer
        self.tell = tell
        self.device = self.inference.device
        self.classes = len(self.held_out.classes)
        self.position = Position()
        self.loss = SegmentationLoss(self.recipe.loss)
        self.optimizer = make_optimizer(self.model, self.recipe.optimizer)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.recipe.train.precision == "fp16"
        )
        self.ema = self.make_ema()
        self.previews = Previews(self.writer, self.held_out, self.recipe.validate.previews)
        order = self.loader.batches.order
        self.steps = order.steps(self.recipe.train.epochs)
        self.warmup = round(self.recipe.schedule.warmup_epochs * order.batches_in(0))
        self.forward: Callable[[Tensor], Tensor] = (
            torch.compile(self.model) if self.recipe.train.compile else self.model
        )
        self.pending: list[tuple[int, float, Tensor]] = []
        self.logged = self.saved = time.monotonic()

    def make_ema(self) -> ModelEmaV3 | None:
        """The moving average of the weights; young ones average over less."""
        decay = self.recipe.train.ema
        return ModelEmaV3(self.model, decay, use_warmup=True) if decay else None

    @property
    def checkpoints(self) -> Path:
        """The folder of the run's checkpoints."""
        return self.writer.folder / fields.CHECKPOINTS

    def fit(self, stop: StopRequest, progress: Progress) -> str:
        """Train to the end, to an early stop or until asked to stop; says which in words."""
        while self.position.epoch < self.recipe.train.epochs and not self.is_exhausted():
            self.train_epoch(stop, progress)
            if stop.name:
                self.checkpoint()
                return stop.name
            if self.validation_is_due():
                self.validate()
                if stop.name:
                    return stop.name
        return f"no gain in {self.position.waited} validations" if self.is_exhausted() else ""

    def seconds_a_step(self, steps: int = 3) -> float:
        """Time some forward and backward passes without moving a weight or a statistic."""
        buffers = {name: tensor.clone() for name, tensor in self.model.named_buffers()}
        batch = next(self.loader.epoch(0))
        self.model.train()
        times: list[float] = []
        for _ in range(steps):
            begun = time.monotonic()
            for part in batch.split(self.inference.batch_size):
                self.batch_loss(part).backward()
            times.append(time.monotonic() - begun)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, tensor in self.model.named_buffers():
                tensor.copy_(buffers[name])
        return min(times)

    def train_epoch(self, stop: StopRequest, progress: Progress) -> None:
        """One pass over the training images, from where the run stands."""
        self.model.train()
        for batch in self.loader.epoch(self.position.epoch, self.position.batch):
            self.train_step(batch)
            self.position.batch += 1
            progress(self.position.step, self.steps, f"epoch {self.position.epoch + 1}")
            self.log_when_due()
            if self.checkpoint_is_due():
                self.checkpoint()
            if stop.name:
                self.log_pending()
                return
        self.log_pending()
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0

    def train_step(self, batch: Batch) -> None:
        """Forward and backward in micro-batches, then one step of the optimiser."""
        step = self.position.step
        # A function of the step: a resumed run draws the same dropout.
        torch.manual_seed(self.recipe.train.seed * 1_000_003 + step)
        rate = self.set_rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        labelled = max(1, int(batch.labelled.sum()))
        for part in batch.split(self.inference.batch_size):
            # The loss is a mean over labelled planes, so that is what a part counts for.
            share = int(part.labelled.sum()) / labelled
            loss = self.batch_loss(part) * share
            self.scaler.scale(loss).backward()
            total += loss.detach()
        self.clip_gradients()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.position.step = step + 1
        if self.ema is not None:
            self.ema.update(self.model, step=self.position.step)
        self.pending.append((self.position.step, rate, total))

    def batch_loss(self, batch: Batch) -> Tensor:
        """The loss of one micro-batch."""
        labelled = None if bool(batch.labelled.all()) else batch.labelled.to(self.device)
        batch = batch.to(self.device)
        with autocast(self.device, self.recipe.train.precision):
            logits = self.forward(batch.images)
        targets = unpack_planes(batch.planes, self.classes)
        return self.loss(logits, targets, labelled, self.position.step / max(1, self.steps))

    def set_rate(self, step: int) -> float:
        """The learning rate of this step."""
        spec = self.recipe.schedule
        factor = rate_factor(spec.name, step, self.steps, self.warmup) * self.position.plateau
        return set_rate(self.optimizer, factor, spec.min_lr)

    def clip_gradients(self) -> None:
        """Hold the norm of the gradient."""
        if self.recipe.optimizer.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimizer.clip_norm)

    def log_when_due(self) -> None:
        """Hand the losses of the last second to the run's log."""
        if time.monotonic() - self.logged >= LOG_EVERY:
            self.log_pending()

    def log_pending(self) -> None:
        """Read the losses since the last time, in one transfer.

        Raises:
            FailedError: a loss is not finite.
        """
        if not self.pending:
            return
        losses = torch.stack([loss for _, _, loss in self.pending]).tolist()
        for (step, rate, _), loss in zip(self.pending, losses, strict=True):
            self.writer.step(step, loss=loss, lr=rate)
            if not math.isfinite(loss):
                raise FailedError(
                    f"the loss of step {step} is not finite",
                    hints=[
                        f"--set optimizer.lr={self.recipe.optimizer.lr / 2:g}",
                        "--set train.precision=fp32",
                    ],
                )
        self.pending.clear()
        self.logged = time.monotonic()

    def validation_is_due(self) -> bool:
        """Whether the epoch that has just ended is followed by a validation."""
        last = self.position.epoch == self.recipe.train.epochs
        return last or self.position.epoch % self.recipe.validate.every_epochs == 0

    def validate(self) -> None:
        """Validate, log, and keep a checkpoint; the EMA counts where it does better."""
        result = validate(
            self.model, self.held_out, self.labels, self.inference, self.previews.keep
        )
        uses_ema = False
        if self.ema is not None:
            plain_masks = dict(self.previews.planes)
            averaged = validate(
                self.ema.module, self.held_out, self.labels, self.inference, self.previews.keep
            )
            uses_ema = averaged.mean() > result.mean()
            if uses_ema:
                result = averaged
            else:
                self.previews.planes = plain_masks
        self.log_validation(result, uses_ema)
        is_best = self.position.take(result.mean(), self.recipe.early_stop.delta)
        self.slow_down_on_plateau()
        self.checkpoint(result, is_best, uses_ema)

    def log_validation(self, result: Scores, uses_ema: bool) -> None:
        """Write scores, previews and the event, and tell the person."""
        position = self.position
        by_class = result.by_class()
        self.writer.scores(position.step, result.images, result.classes, result.dice)
        self.previews.write(position.step)
        self.writer.validation(
            step=position.step, epoch=position.epoch, dice=by_class, uses_ema=uses_ema
        )
        listed = "  ".join(f"{name} {dice:.3f}" for name, dice in worst_first(by_class)[:5])
        self.tell(
            f"epoch {position.epoch:3d}/{self.recipe.train.epochs}  Dice {result.mean():.4f}"
            + ("  (EMA)" if uses_ema else "")
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
        """Whether it is time for a checkpoint within the epoch."""
        return time.monotonic() - self.saved > self.recipe.checkpoint.every_minutes * 60

    def checkpoint(
        self, result: Scores | None = None, is_best: bool = False, uses_ema: bool = False
    ) -> None:
        """Write a checkpoint; it becomes `last`, and `best` if it is.

        Raises:
            FailedError: the loss is not finite: weights that nothing can come of are not kept.
        """
        self.log_pending()
        position = self.position
        facts: dict[str, Any] = {"epoch": position.epoch, "uses_ema": uses_ema}
        if result is not None:
            facts |= {"validation_dice": result.mean(), "dice": result.by_class()}
        state = {
            "position": position.as_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        folder = save_checkpoint(
            self.checkpoints,
            step=position.step,
            weights=self.model.state_dict(),
            ema=self.ema.module.state_dict() if self.ema is not None else {},
            state=state,
            facts=facts,
        )
        point(self.checkpoints, "last", folder)
        if is_best:
            point(self.checkpoints, "best", folder)
        prune(self.checkpoints, self.recipe.checkpoint.keep)
        path = folder.relative_to(self.writer.folder).as_posix()
        self.writer.event(
            fields.CHECKPOINT, step=position.step, epoch=position.epoch, path=path, best=is_best
        )
        self.saved = time.monotonic()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was written."""
        state = checkpoint.state()
        self.model.load_state_dict(checkpoint.weights)
        if self.ema is not None:
            self.ema.module.load_state_dict(checkpoint.ema)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.position = Position(**state["position"])
