"""What a training is to do and to work on, found out before its run folder is made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from handseg.errors import UsageError
from handseg.models.segmenter import Segmenter, build_model, parameter_count
from handseg.predict.device import check_precision
from handseg.predict.whole import Inference
from handseg.recipe.load import LoadedRecipe
from handseg.reporter import Reporter
from handseg.text import counted
from handseg.train.fine_tuning import begin_from
from handseg.train.machine import device_name
from handseg.train.parts import Parts, prepare_parts, sample_order
from handseg.train.world import World


@dataclass(frozen=True)
class Plan:
    """A recipe, what it meets in the world, and how its network runs."""

    loaded: LoadedRecipe
    world: World
    parts: Parts
    inference: Inference
    runs: Path
    shrinks: bool
    """Whether the part of a batch that goes through the network at once may be made smaller."""
    reporter: Reporter

    @property
    def classes(self) -> tuple[str, ...]:
        return self.world.dataset.classes

    def first_model(self, tell: bool = True) -> Segmenter:
        """The network as the training begins with it.

        Raises:
            FailedError: published weights cannot be had.
            InputError: those of a run cannot.
        """
        said = self.reporter.info if tell else lambda text: None
        return first_model(self.loaded, self.classes, self.runs, said)


def first_model(
    loaded: LoadedRecipe, classes: tuple[str, ...], runs: Path, tell: Callable[[str], None]
) -> Segmenter:
    """The network of a recipe with the weights that it begins with.

    Raises:
        FailedError: published weights cannot be had.
        InputError: those of a run cannot.
    """
    model = build_model(loaded.recipe, len(classes))
    init = loaded.recipe.model.init
    if init is not None:
        begin_from(model, init, runs, classes, tell)
    return model


def make_plan(
    loaded: LoadedRecipe,
    world: World,
    device: torch.device,
    runs: Path,
    shrinks: bool,
    reporter: Reporter,
) -> Plan:
    """Prepare the images of a recipe and say how its network runs.

    Raises:
        InputError: an image or a label cannot be read.
        FailedError: there is no room for what is prepared.
    """
    parts = prepare_parts(loaded, world, reporter)
    inference = Inference.of(loaded.recipe.train, device)
    return Plan(loaded, world, parts, inference, runs, shrinks, reporter)


def describe(world: World, reporter: Reporter) -> None:
    """Say what is trained on and validated on."""
    folds = world.folds
    where = f"wrote {folds.path}" if folds.written else f"folds of {folds.path}"
    reporter.info(
        f"{images_words(len(world.training), len(world.crops), 'training image')} of "
        f"{counted(len(world.people), 'person', 'people')}, {len(world.validation)} to validate on "
        f"(fold {world.fold} of {folds.folds.k}; {where})"
    )


def images_words(images: int, crops: int, called: str = "image") -> str:
    """`600 images and 1,200 crops`; crops only where there are some."""
    words = counted(images, called)
    return f"{words} and {counted(crops, 'crop')}" if crops else words


def pick_device(loaded: LoadedRecipe) -> torch.device:
    """The device that accelerate picks.

    Raises:
        UsageError: it was launched with several processes, which this version cannot use.
        FailedError: it cannot train in the recipe's precision.
    """
    # Mixed precision is ours: a model that accelerate prepares answers in float32.
    accelerator = Accelerator(mixed_precision="no")
    if accelerator.num_processes > 1:
        raise UsageError("this version of handseg trains in one process")
    check_precision(accelerator.device, loaded.recipe.train.precision)
    return accelerator.device


def run_facts(plan: Plan, model: Segmenter) -> dict[str, Any]:
    """What `run.json` and the start event say of a training."""
    recipe, world = plan.loaded.recipe, plan.world
    return {
        "model": f"{recipe.model.architecture} {recipe.model.encoder}",
        "fold": world.fold,
        "epochs": recipe.train.epochs,
        "classes": list(plan.classes),
        "train_images": len(world.training),
        "validation_images": len(world.validation),
        "steps_per_epoch": sample_order(plan.loaded, plan.parts).batches_in(0),
        "parameters": parameter_count(model),
        "crops": len(world.crops),
        "data": str(world.dataset.root.resolve()),
        "data_fingerprint": world.fingerprint,
        "added_fingerprints": list(world.added_fingerprints),
        "folds": world.folds.folds.folds,
        "trained_people": world.people,
        "device": device_name(plan.inference.device),
        "micro_batch": plan.inference.batch_size,
        "micro_batch_auto": plan.shrinks,
        "threads": torch.get_num_threads(),
    }
