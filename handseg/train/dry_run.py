"""What a training would take: a step and a validation for real, and nothing left behind."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch

from handseg.models.segmenter import parameter_count
from handseg.recipe.load import LoadedRecipe
from handseg.reporter import Reporter
from handseg.runs.writer import RunWriter
from handseg.text import counted, duration, size_text
from handseg.train.assembly import make_trainer
from handseg.train.interruption import StopError, StopRequest
from handseg.train.limit import limited
from handseg.train.loader import worker_count
from handseg.train.order import EpochSampler
from handseg.train.parts import sample_order
from handseg.train.plan import first_model, images_words, make_plan, pick_device
from handseg.train.trainer import Trainer
from handseg.train.world import World, check_world

Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """What a dry run found; times in seconds, sizes in bytes."""

    size: int
    """Pixels of a sample's side."""
    training: int
    crops: int
    people: int
    validation: int
    """Images to validate on."""
    parameters: int
    device: str
    micro_batch: int
    steps_an_epoch: int
    steps: int
    validations: int
    seconds_a_step: float
    seconds_a_validation: float
    memory: int
    """The most that was used at once: of the device, else of this process."""
    memory_of: str

    @property
    def seconds(self) -> float:
        """All steps and validations, should no early stop come."""
        return self.steps * self.seconds_a_step + self.validations * self.seconds_a_validation

    def figures(self) -> dict[str, str]:
        """The same in words, for a person."""
        return {
            "images": f"{images_words(self.training, self.crops)} of "
            f"{counted(self.people, 'person', 'people')} to train on, {self.validation} to "
            f"validate on, at {self.size} px",
            "parameters": f"{self.parameters:,}",
            "device": f"{self.device}, {self.micro_batch} images at once",
            "step": f"{self.seconds_a_step:.3g} s, {self.steps_an_epoch} an epoch, "
            f"{self.steps} in all",
            "validation": f"{duration(self.seconds_a_validation)}, {self.validations} in all",
            "everything": f"about {duration(self.seconds)}",
            "memory": f"{size_text(self.memory)} {self.memory_of} at most",
        }


def dry_run(
    loaded: LoadedRecipe, data: Path, runs: Path, reporter: Reporter, *, limit: int | None = None
) -> Measured:
    """Train one batch and validate one as the training would, in a folder that goes again.

    Only the images of these are prepared; neither folds nor a run are written.

    Raises:
        HandsegError: as `session.train`.
    """
    device = pick_device(loaded)
    with reporter.progress("reading files") as bar:
        world = limited(check_world(loaded, data, bar, write_folds=False), limit)
    model = first_model(loaded, world.dataset.classes, runs, reporter.info)
    here = timed_alone(loaded)
    plan = make_plan(
        here, limited(world, loaded.recipe.train.batch_size), device, runs, True, reporter
    )
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with TemporaryDirectory(prefix="handseg-dry-run-") as place, StopRequest() as stop:
        writer = RunWriter.create(Path(place), loaded.name, recipe_toml=here.to_toml(), facts={})
        try:
            trainer = make_trainer(plan, model, writer, stop)
            step = step_seconds(trainer, worker_count(loaded.recipe.data.workers, device))
            image = trainer.validate(stop).seconds / len(plan.parts.validation.samples)
        except StopError:
            raise stop.error() from None
        finally:
            writer.end("stopped", "a dry run")
    whole, crops = len(world.training), len(world.crops)
    order = replace(sample_order(loaded, plan.parts), whole=whole, crops=crops)
    return measured(loaded, world, trainer, order, step, image)


def timed_alone(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with a loader in this process, so that it can be timed, and without trackers."""
    recipe = loaded.recipe
    alone = replace(recipe, data=replace(recipe.data, workers=0), track={})
    return replace(loaded, recipe=alone)


def step_seconds(trainer: Trainer, workers: int) -> float:
    """The time of a step after a first one, which makes what later ones use again.

    With workers the loader and the device work at once: the slower one counts.
    """
    loading = taking = 0.0
    trainer.model.train()
    for epoch in range(2):
        batches = iter(trainer.loader.epoch(epoch))
        loading, batch = timed(lambda batches=batches: next(batches))
        taking, _ = timed(lambda batch=batch: trainer.train_step(batch), trainer.device)
    return max(taking, loading / workers) if workers else taking + loading


def timed(work: Callable[[], Result], device: torch.device | None = None) -> tuple[float, Result]:
    """Seconds and result; what runs on the device has ended."""
    begun = time.monotonic()
    result = work()
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - begun, result


def measured(
    loaded: LoadedRecipe,
    world: World,
    trainer: Trainer,
    order: EpochSampler,
    step: float,
    image: float,
) -> Measured:
    """The figures of the whole training from a step and an image of a validation."""
    recipe, device = loaded.recipe, trainer.device
    memory, of = peak_memory(device)
    return Measured(
        size=recipe.data.size,
        training=len(world.training),
        crops=len(world.crops),
        people=len(world.people),
        validation=len(world.validation),
        parameters=parameter_count(trainer.model),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        micro_batch=trainer.stepper.room.size,
        steps_an_epoch=order.batches_in(0),
        steps=order.steps(recipe.train.epochs),
        validations=-(-recipe.train.epochs // recipe.validate.every_epochs),
        seconds_a_step=step,
        seconds_a_validation=image * len(world.validation),
        memory=memory,
        memory_of=of,
    )


def peak_memory(device: torch.device) -> tuple[int, str]:
    """Bytes used at most, and of what."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device), "of the device"
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but for macOS.
    return most * (1 if sys.platform == "darwin" else 1024), "of this process"
