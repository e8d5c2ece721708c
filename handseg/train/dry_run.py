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

from handseg.inference.device import device_name
from handseg.models.segmenter import parameter_count
from handseg.recipe.load import LoadedRecipe
from handseg.runs.writer import RunWriter
from handseg.text import duration, people_text, size_text
from handseg.train.data import TrainingData, find_data, image_counts
from handseg.train.interruption import StopError, StopRequest
from handseg.train.loader import EpochSampler, worker_count
from handseg.train.setup import (
    first_model,
    pick_device,
    prepare_setup,
    refuse_single_images,
    refuse_unbuildable,
)
from handseg.train.trainer import Trainer
from handseg.work import Reporter

Result = TypeVar("Result")


@dataclass(frozen=True)
class TrainingEstimate:
    """What a training would take, from a dry run; times in seconds, sizes in bytes."""

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
        return self.steps * self.seconds_a_step + self.validations * self.seconds_a_validation

    def as_text(self) -> dict[str, str]:
        """The same in words, for a person."""
        return {
            "images": f"{image_counts(self.training, self.crops)} of "
            f"{people_text(self.people)} to train on, {self.validation} to "
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
    loaded: LoadedRecipe,
    data_folder: Path,
    runs: Path,
    reporter: Reporter,
    *,
    limit: int | None = None,
) -> TrainingEstimate:
    """Train one batch and validate one as the training would, in a folder that goes again.

    Only the images of these are prepared; neither folds nor a run are written.

    Raises:
        HandsegError: as `session.train`.
    """
    device = pick_device(loaded)
    refuse_unbuildable(loaded)
    with reporter.progress("reading files") as progress:
        data = find_data(loaded, data_folder, progress, write_folds=False).limited(limit)
    model = first_model(loaded, data.dataset.classes, runs, reporter.info)
    may_shrink = loaded.recipe.train.micro_batch == "auto"
    refuse_single_images(loaded, data, model, may_shrink=may_shrink)
    alone = timed_alone(loaded)
    few = data.limited(loaded.recipe.train.batch_size)
    setup = prepare_setup(alone, few, device, runs, reporter, may_shrink=True)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with TemporaryDirectory(prefix="handseg-dry-run-") as place, StopRequest() as stop:
        writer = RunWriter.create(Path(place), loaded.name, recipe_toml=alone.to_toml(), facts={})
        try:
            trainer = Trainer(setup, model, writer, stop)
            step = step_seconds(trainer, worker_count(loaded.recipe.data.workers, device))
            image = trainer.validate().seconds / len(setup.validation.samples)
        except StopError:
            raise stop.error() from None
        finally:
            writer.end("stopped", "a dry run")
    sampler = replace(setup.sampler(), whole=len(data.training), crops=len(data.crops))
    return estimate(loaded, data, trainer, sampler, step, image)


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
        taking, _ = timed(lambda batch=batch: trainer.training_step(batch), trainer.device)
    return max(taking, loading / workers) if workers else taking + loading


def timed(work: Callable[[], Result], device: torch.device | None = None) -> tuple[float, Result]:
    """Seconds and result; what runs on the device has ended."""
    begun = time.monotonic()
    result = work()
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - begun, result


def estimate(
    loaded: LoadedRecipe,
    data: TrainingData,
    trainer: Trainer,
    sampler: EpochSampler,
    step: float,
    image: float,
) -> TrainingEstimate:
    """The figures of the whole training from a step and an image of a validation."""
    recipe, device = loaded.recipe, trainer.device
    memory, of = peak_memory(device)
    return TrainingEstimate(
        size=recipe.data.size,
        training=len(data.training),
        crops=len(data.crops),
        people=len(data.people),
        validation=len(data.validation),
        parameters=parameter_count(trainer.model),
        device=device_name(device),
        micro_batch=trainer.stepper.micro_batch.size,
        steps_an_epoch=sampler.batches_in(0),
        steps=sampler.steps(recipe.train.epochs),
        validations=-(-recipe.train.epochs // recipe.validate.every_epochs),
        seconds_a_step=step,
        seconds_a_validation=image * len(data.validation),
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
