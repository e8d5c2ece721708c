"""The setup of a training, found before its run folder is made: data, network, device, facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from handseg.data.cache import CachedDataset, build_cache
from handseg.data.dataset import Sample
from handseg.data.images import PIXEL_VERSION, note_on_large
from handseg.data.label_runs import cached_labels
from handseg.data.labels import SampleLabels
from handseg.data.storage import cache_root
from handseg.errors import InputError, UsageError
from handseg.inference.device import check_precision, device_name
from handseg.inference.predictions import read_facts
from handseg.inference.whole import Inference
from handseg.models.checkpoints import load_best
from handseg.models.segmenter import (
    Segmenter,
    build_model,
    least_images,
    parameter_count,
    why_not_built,
)
from handseg.recipe.faults import RecipeError
from handseg.recipe.layers import relative
from handseg.recipe.load import LoadedRecipe
from handseg.recipe.schema import Recipe
from handseg.runs import layout
from handseg.runs.query import find_run
from handseg.text import listed, size_text
from handseg.train.data import TrainingData
from handseg.train.loader import EpochSampler, part_sizes
from handseg.work import Reporter

NAMED = 6
"""Classes and tensors that are named before the rest is counted."""


@dataclass(frozen=True)
class TrainingSetup:
    """A recipe, its samples at the recipe's size, and how its network runs."""

    loaded: LoadedRecipe
    data: TrainingData
    images: tuple[CachedDataset, ...]
    """Whole images to train on: those of the data set, then those of further sets."""
    crops: CachedDataset | None
    validation: CachedDataset
    labels: list[SampleLabels]
    """Of the held-out images, at their full size."""
    inference: Inference
    runs: Path
    may_shrink: bool
    """Whether the part of a batch that goes through the network at once may be made smaller."""
    reporter: Reporter

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    @property
    def classes(self) -> tuple[str, ...]:
        return self.data.dataset.classes

    def sampler(self) -> EpochSampler:
        """The order of the training samples: whole images, then crops."""
        whole = sum(len(part.samples) for part in self.images)
        return EpochSampler.of(self.recipe, whole, len(self.crops.samples) if self.crops else 0)

    def first_model(self, info: Callable[[str], None] = lambda text: None) -> Segmenter:
        return first_model(self.loaded, self.classes, self.runs, info)

    def run_facts(self, model: Segmenter) -> dict[str, Any]:
        """What `run.json` and the start event say of a training."""
        recipe, data = self.recipe, self.data
        return {
            "model": f"{recipe.model.architecture} {recipe.model.encoder}",
            "fold": data.fold,
            "epochs": recipe.train.epochs,
            "classes": list(self.classes),
            "train_images": len(data.training),
            "validation_images": len(data.validation),
            "steps_per_epoch": self.sampler().batches_in(0),
            "parameters": parameter_count(model),
            "crops": len(data.crops),
            "data": str(data.dataset.root.resolve()),
            "data_fingerprint": data.fingerprint,
            **({"pixels": PIXEL_VERSION} if data.read_otherwise else {}),
            "added_fingerprints": list(data.added_fingerprints),
            "folds": data.folds.folds.folds,
            "trained_people": data.people,
            "device": device_name(self.inference.device),
            "micro_batch": self.inference.batch_size,
            "micro_batch_auto": self.may_shrink,
            "threads": torch.get_num_threads(),
        }


def prepare_setup(
    loaded: LoadedRecipe,
    data: TrainingData,
    device: torch.device,
    runs: Path,
    reporter: Reporter,
    *,
    may_shrink: bool,
) -> TrainingSetup:
    """Prepare images and crops at the recipe's size; every fold and share uses the same files.

    Raises:
        InputError: an image or a label cannot be read.
        FailedError: there is no room for what is prepared.
    """
    size, classes = loaded.recipe.data.size, data.dataset.classes

    def prepared(samples: Sequence[Sample], what: str) -> CachedDataset:
        def announce(needed: int, free: int) -> None:
            reporter.info(
                f"preparing {len(samples)} {what} at {size} px: {size_text(needed)} of the "
                f"{size_text(free)} that are free in {cache_root().resolve()}"
            )
            if note := note_on_large(sample.image for sample in samples):
                reporter.info(note)

        with reporter.progress(f"preparing {what}") as progress:
            return build_cache(samples, classes, size, progress, announce)

    own = set(data.dataset.train)
    whole = prepared(data.dataset.train, "images")
    images = [whole.only([sample for sample in data.training if sample in own])]
    further = [sample for sample in data.training if sample not in own]
    if further:
        images.append(prepared(further, "further images"))
    # All crops, not those of the people trained on: the folds share one copy.
    crops = prepared(data.every_crop, "crops").only(data.crops) if data.crops else None
    with reporter.progress("reading labels") as progress:
        labels = cached_labels(data.validation, classes, progress)
    return TrainingSetup(
        loaded,
        data,
        tuple(images),
        crops,
        whole.only(data.validation),
        labels,
        Inference.of(loaded.recipe.train, device),
        runs,
        may_shrink,
        reporter,
    )


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


def first_model(
    loaded: LoadedRecipe, classes: tuple[str, ...], runs: Path, info: Callable[[str], None]
) -> Segmenter:
    """The network of a recipe with the weights that it begins with.

    Raises:
        FailedError: published weights cannot be had.
        InputError: those of a run cannot.
    """
    model = build_model(loaded.recipe, len(classes))
    init = loaded.recipe.model.init
    if init is not None:
        load_run_weights(model, init, runs, classes, info)
    return model


def refuse_unbuildable(loaded: LoadedRecipe) -> None:
    """Say before anything is read that the library cannot build the recipe's network.

    Raises:
        RecipeError: it cannot, with its reason.
    """
    reason = why_not_built(loaded.recipe)
    if reason:
        spec = loaded.recipe.model
        key = "model.options" if spec.options else "model.encoder"
        message = f"{spec.library} cannot build {spec.architecture} on {spec.encoder}"
        options = " with these options" if spec.options else ""
        fault = loaded.fault(key, f"{message}{options}: {reason}")
        raise RecipeError(relative(loaded.path), [fault])


def refuse_single_images(
    loaded: LoadedRecipe, data: TrainingData, model: Segmenter, *, may_shrink: bool
) -> None:
    """Say before a run is made that a network would have to learn from one image at once.

    Raises:
        UsageError: it cannot, and the recipe leaves no other way.
    """
    spec, train = loaded.recipe.model, loaded.recipe.train
    batch = min(train.batch_size, len(data.training))
    micro = batch if train.micro_batch == "auto" else train.micro_batch
    least = least_images(model, loaded.recipe.data.size)

    def fits(size: int) -> bool:
        parts = part_sizes(batch, size, least)
        return min(parts) >= least and (may_shrink or max(parts) <= size)

    if fits(micro):
        return
    if batch > 1:
        details = f"train.micro_batch = {micro} leaves a single image of a batch of {batch}"
        hint = f"--set train.micro_batch={next(filter(fits, range(micro + 1, batch + 1)))}"
    elif train.batch_size == 1:
        details, hint = "train.batch_size = 1", "--set train.batch_size=2"
    else:
        details, hint = "there is one image to train on", "--set model.architecture=unet"
    raise UsageError(
        f"{spec.architecture} learns from two images at once or more: of a single one, a BatchNorm "
        "sees one value a channel",
        details=details,
        hints=[hint],
    )


def load_run_weights(
    model: Segmenter,
    run: str,
    runs: Path,
    classes: Sequence[str],
    info: Callable[[str], None] = lambda text: None,
) -> None:
    """Take over the weights of a run's best checkpoint, where their shapes agree.

    The rows of the head follow the names of the classes: those that the run did not know stay new,
    which `info` is told.

    Raises:
        InputError: there is no such run, no checkpoint of it, or no weight that fits.
    """
    folder = find_run(run, runs)
    found = load_best(folder / layout.CHECKPOINTS, info).chosen()
    own = model.state_dict()
    head = {name for name in own if name.startswith(f"{model.head_name}.")}
    fitting = {
        name: tensor
        for name, tensor in found.items()
        if name in own and name not in head and own[name].shape == tensor.shape
    }
    if not fitting:
        raise InputError(f"no weight of {run} fits the recipe's model")
    before = [str(name) for name in read_facts(folder)["classes"]]
    heads = {
        name: rows_by_class(own[name], found[name], classes, before)
        for name in head
        if name in found and fits_but_for_classes(own[name], found[name], len(before))
    }
    model.load_state_dict(fitting | heads, strict=False)
    info(f"begins with the weights of {folder.name}: {len(fitting)} of {len(own) - len(head)}")
    say_what_is_new(
        sorted(own.keys() - head - fitting.keys()),
        list(classes) if len(heads) < len(head) else [c for c in classes if c not in before],
        info,
    )


def say_what_is_new(
    tensors: Sequence[str], classes: Sequence[str], info: Callable[[str], None]
) -> None:
    """Say what the run did not have: it begins as if there were no run."""
    if tensors:
        info(f"new, of another shape or unknown there: {listed(tensors, NAMED)}")
    if classes:
        info(f"new heads: {listed(classes, NAMED)}")


def fits_but_for_classes(own: Tensor, found: Tensor, before: int) -> bool:
    return own.shape[1:] == found.shape[1:] and len(found) == before


def rows_by_class(
    own: Tensor, found: Tensor, classes: Sequence[str], before: Sequence[str]
) -> Tensor:
    """A head whose rows are those of the classes of the same names; the others stay."""
    rows = own.clone()
    for row, name in enumerate(classes):
        if name in before:
            rows[row] = found[before.index(name)]
    return rows
