"""One step of training: forward and backward in micro-batches, then the weights move, or do not."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from handseg.inference.device import MicroBatchSize, autocast, free_memory
from handseg.models.segmenter import Segmenter
from handseg.recipe.schema import Recipe
from handseg.train.loader import TrainingBatch, unpack_planes
from handseg.train.loss import SegmentationLoss
from handseg.train.optim import FUSED, make_optimizer


class StepResult(NamedTuple):
    """What a step came to, on the device: not waited for yet."""

    loss: Tensor
    grad_norm: Tensor
    """Before the gradient was clipped."""
    is_bad: Tensor
    """Whether loss or gradient are not finite: then neither weights nor statistics have moved."""


class RollbackError(Exception):
    """The weights cannot be relied on: the training goes on from its last checkpoint."""

    def __init__(self, reason: str, *, slower: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.slower = slower
        """Whether with a smaller learning rate."""


class Stepper:
    """The model, its optimiser and its moving average, moved by one batch at a time."""

    def __init__(
        self,
        recipe: Recipe,
        model: Segmenter,
        device: torch.device,
        micro_batch: MicroBatchSize,
        classes: Sequence[str] = (),
    ) -> None:
        """`classes` are the names of the planes, for the weights of losses."""
        self.recipe = recipe
        self.model = model
        self.device = device
        self.micro_batch = micro_batch
        self.loss = SegmentationLoss(recipe.loss, classes)
        self.buffers = Buffers(model)
        self.forward: Callable[[Tensor, bool], list[Tensor]] = (
            torch.compile(model.all_logits) if recipe.train.compile else model.all_logits
        )
        self.begin()

    def begin(self) -> None:
        """Optimiser, scaler and average as at the first step."""
        self.optimizer = make_optimizer(self.model, self.recipe.optimizer)
        precision = self.recipe.train.precision
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        decay = self.recipe.train.ema
        # Young weights are averaged over fewer steps.
        self.ema = ModelEmaV3(self.model, decay, use_warmup=True) if decay else None

    def training_step(self, batch: TrainingBatch, step: int, share: float) -> StepResult:
        """Forward, backward and the optimiser's step number `step`, at a `share` of training (0–1).

        Raises:
            RollbackError: memory ran out while the weights moved.
            torch.OutOfMemoryError: there is no memory for the smallest part that is allowed.
        """
        self.buffers.remember()
        loss = self.backward(batch, step, share)
        return self.optimizer_step(loss, step)

    def backward(self, batch: TrainingBatch, step: int, share: float) -> Tensor:
        """The gradient of a batch and its loss, in parts for which there is memory.

        However often it is begun again, it is from the same random state and statistics.
        """
        while True:
            # A function of the step: a resumed run draws the same dropout.
            torch.manual_seed(self.recipe.train.seed * 1_000_003 + step)
            self.optimizer.zero_grad(set_to_none=True)
            try:
                return self.accumulate(batch, share)
            except Exception as error:  # noqa: BLE001 - raised again where it is another one
                self.micro_batch.shrink(error)
            self.optimizer.zero_grad(set_to_none=True)
            self.buffers.restore()
            free_memory()

    def accumulate(self, batch: TrainingBatch, share: float) -> Tensor:
        """Forward and backward, part by part; the loss of the whole."""
        total = torch.zeros((), device=self.device)
        labelled_masks = max(1, batch.labelled.numpy().sum())
        for part in batch.split(self.micro_batch.size, self.micro_batch.least):
            # The loss is a mean over labelled planes, so that is what a part counts for.
            weight = float(part.labelled.numpy().sum() / labelled_masks)
            loss = self.batch_loss(part, share) * weight
            self.scaler.scale(loss).backward()
            total += loss.detach()
        return total

    def batch_loss(self, batch: TrainingBatch, share: float) -> Tensor:
        """The loss of one part."""
        labelled = batch.labelled
        images, planes = (
            part.to(self.device, non_blocking=True) for part in (batch.images, batch.planes)
        )
        with autocast(self.device, self.recipe.train.precision):
            logits, *auxiliary = self.forward(images, self.recipe.loss.auxiliary > 0)
        targets = unpack_planes(planes, labelled.shape[1])
        loss = self.loss(logits, targets, labelled, share)
        for other in auxiliary:
            loss = loss + self.recipe.loss.auxiliary * self.loss(other, targets, labelled, share)
        return loss

    def clip_gradients(self, loss: Tensor) -> Tensor:
        """Hold the norm of the gradient; what it was before."""
        if self.scaler.is_enabled():
            # The scaler looks at gradients alone: where the loss is not finite, nor is one of them.
            next(p.grad for p in self.model.parameters() if p.grad is not None).add_(loss * 0.0)
        self.scaler.unscale_(self.optimizer)
        limit = self.recipe.optimizer.clip_norm or torch.inf
        return clip_grad_norm_(self.model.parameters(), limit)

    def is_bad(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Whether the step must not be taken, as a bool on the device.

        In fp16 an endless gradient is everyday: the scaler passes over it and scales less. Where it
        scales up no more, it is none of its making.
        """
        excused = self.scaler.is_enabled() and self.scaler.scale(torch.ones_like(loss)) >= 1
        return ~(torch.isfinite(loss) & (torch.isfinite(norm) | excused))

    def optimizer_step(self, loss: Tensor, step: int) -> StepResult:
        """Move the weights, unless the step is bad, and their average.

        Raises:
            RollbackError: memory ran out: which weights have moved is unknown.
            torch.OutOfMemoryError: it did, and the part is as small as it may be.
        """
        try:
            norm = self.clip_gradients(loss)
            bad = self.is_bad(loss, norm)
            self.step_unless(bad)
            self.buffers.restore_where(bad)
            if self.ema is not None:
                self.ema.update(self.model, step=step + 1)
            return StepResult(loss, norm, bad)
        except Exception as error:  # noqa: BLE001 - raised again where it is another one
            self.micro_batch.shrink(error)
        free_memory()
        raise RollbackError("the device ran out of memory while the weights moved", slower=False)

    def step_unless(self, bad: Tensor) -> None:
        """Take the optimiser's step on the device's word; only some optimisers have to ask it."""
        if not self.scaler.is_enabled():
            if self.recipe.optimizer.name in FUSED:
                # Their kernel leaves everything as it is where this is not 0.
                self.optimizer.found_inf = bad.float()  # type: ignore[attr-defined]
            elif bool(bad):
                return
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def restore(
        self, weights: dict[str, Tensor], ema: dict[str, Tensor], state: dict[str, Any]
    ) -> None:
        """Weights, average and optimiser as a checkpoint has them."""
        self.model.load_state_dict(weights)
        self.begin()
        if self.ema is not None and ema:
            self.ema.module.load_state_dict(ema)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])

    def restart(self, weights: dict[str, Tensor]) -> None:
        self.model.load_state_dict(weights)
        self.begin()


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
