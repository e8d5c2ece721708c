"""A training from its recipe to its predictions: what `handseg train` does."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from handseg import disk
from handseg.data.labels import label_runs
from handseg.errors import FailedError, HandsegError, UsageError
from handseg.models.build import build_model, parameter_count
from handseg.models.checkpoints import Checkpoint, load_checkpoint
from handseg.models.segmenter import Segmenter
from handseg.predict.device import check_precision
from handseg.predict.of_run import images_fingerprint, read_facts, sidecar_of
from handseg.predict.room import Room, is_out_of_memory
from handseg.predict.submission import write_predictions
from handseg.predict.whole import Inference
from handseg.recipe.load import LoadedRecipe
from handseg.runs import fields
from handseg.runs.predictions import prediction_path
from handseg.runs.summary import read_run_file
from handseg.runs.writer import RunWriter, refuse_taken
from handseg.train.augment import Augmentation
from handseg.train.fine_tuning import begin_from
from handseg.train.interruption import StopError, StopRequest
from handseg.train.limit import limited, smoke_name
from handseg.train.loader import Loader, TrainingSamples, worker_count
from handseg.train.machine import device_name
from handseg.train.parts import Parts, prepare_parts, sample_order
from handseg.train.resuming import last_checkpoint, refuse_other_data, restore_surroundings
from handseg.train.speaker import Speaker
from handseg.train.tracking import Trackers
from handseg.train.trainer import Materials, Trainer
from handseg.train.world import World, check_world


@dataclass(frozen=True)
class Outcome:
    """What a training left behind."""

    run: Path
    best: float
    by_class: dict[str, float]
    uses_ema: bool
    """Whether the best weights are their moving average."""
    reason: str
    """Why it ended before its last epoch; empty where it did not."""
    predictions: Path


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
    speaker: Speaker

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the data set."""
        return self.world.dataset.classes

    def first_model(self, tell: bool = True) -> Segmenter:
        """The network as the training begins with it.

        Raises:
            FailedError: published weights cannot be had.
            InputError: those of a run cannot.
        """
        said = self.speaker.tell if tell else lambda text: None
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


def train(
    loaded: LoadedRecipe,
    data: Path,
    runs: Path,
    speaker: Speaker,
    *,
    name: str | None = None,
    limit: int | None = None,
) -> Outcome:
    """Train a recipe in a new run folder; `limit` makes it a smoke run on so many images.

    No run folder is left when the recipe, the data, the weights or the device are at fault.

    Raises:
        HandsegError: as `check_world` and `build_model`, and what ends a training early.
    """
    if name is not None:
        refuse_taken(runs, name)
    device = pick_device(loaded)
    with speaker.bars("reading files") as bar:
        world = limited(check_world(loaded, data, bar), limit)
    describe(world, speaker)
    if loaded.recipe.model.weights != "none":
        speaker.tell(f"loading the weights {loaded.recipe.model.weights}")
    # Before the images are prepared: that takes its time and its place.
    model = first_model(loaded, world.dataset.classes, runs, speaker.tell)
    shrinks = loaded.recipe.train.micro_batch == "auto"
    plan = make_plan(loaded, world, device, runs, shrinks, speaker)
    writer = RunWriter.create(
        runs,
        smoke_name(loaded.name, limit),
        recipe_toml=loaded.to_toml(),
        facts={"limit": limit, **run_facts(plan, model)},
        files=world.files,
        name=name,
    )
    return run_training(plan, model, writer, None)


def resume(run: Path, loaded: LoadedRecipe, data: Path, speaker: Speaker) -> Outcome:
    """Go on with a run from its last checkpoint, or from the start where it has none yet.

    Raises:
        InputError: there is no whole checkpoint, or the data, folds or crops are other ones.
        UsageError: another process trains it.
    """
    before = read_facts(run)
    device = pick_device(loaded)
    restore_surroundings(before, speaker)
    damaged: list[str] = []
    checkpoint = last_checkpoint(run, damaged.append)
    with speaker.bars("reading files") as bar:
        world = limited(check_world(loaded, data, bar), before.get("limit"))
    refuse_other_data(run, before, world)
    told = any(text.startswith("train.micro_batch") for text in loaded.sets)
    found = bool(before.get("micro_batch_auto")) and not told
    shrinks = loaded.recipe.train.micro_batch == "auto" or found
    plan = make_plan(loaded, world, device, run.parent, shrinks, speaker)
    if checkpoint is None:
        step, model = 0, plan.first_model()
        speaker.tell(f"{run.name} has no checkpoint yet: from the beginning")
    else:
        step = int(checkpoint.manifest["step"])
        model = build_model(loaded.recipe, len(plan.classes), weights="none")
        speaker.tell(f"resuming {run.name} at step {step}")
    writer = RunWriter.resume(run, step=step, facts=run_facts(plan, model))
    for text in damaged:
        speaker.tell(f"warning: {text}")
        writer.event(fields.WARNING, message=text, about=fields.CHECKPOINT_FAULT)
    if loaded.sets:
        # The next resume goes on with what this one was told.
        disk.replace(run / fields.RECIPE, loaded.to_toml().encode())
    return run_training(plan, model, writer, checkpoint)


def make_plan(
    loaded: LoadedRecipe,
    world: World,
    device: torch.device,
    runs: Path,
    shrinks: bool,
    speaker: Speaker,
) -> Plan:
    parts = prepare_parts(loaded, world, speaker)
    inference = Inference.of(loaded.recipe.train, device)
    return Plan(loaded, world, parts, inference, runs, shrinks, speaker)


def describe(world: World, speaker: Speaker) -> None:
    folds = world.folds
    where = f"wrote {folds.path}" if folds.written else f"folds of {folds.path}"
    speaker.tell(
        f"{len(world.training)} training images and {len(world.crops)} crops of "
        f"{len(world.people)} people, {len(world.validation)} to validate on "
        f"(fold {world.fold} of {folds.folds.k}; {where})"
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


def run_facts(plan: Plan, model: Segmenter) -> dict[str, Any]:
    """What `run.json` and the start event say of a training."""
    recipe, world = plan.loaded.recipe, plan.world
    return {
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


def run_training(
    plan: Plan, model: Segmenter, writer: RunWriter, checkpoint: Checkpoint | None
) -> Outcome:
    """Train in a run folder that is open; whatever happens, its end is written."""
    stop = StopRequest()
    trainer: Trainer | None = None
    writer.complain = plan.speaker.tell
    state, reason = "failed", ""
    try:
        with stop:
            step = int(checkpoint.manifest["step"]) if checkpoint is not None else 0
            trainer = make_trainer(plan, model, writer, stop, step)
            if checkpoint is not None:
                trainer.restore(checkpoint)
            foretell(trainer, plan.speaker)
            with plan.speaker.bars(writer.name) as bar:
                reason = trainer.fit(stop, bar)
            outcome = finish(plan, trainer, reason, stop)
        state = "finished"
        return outcome
    except StopError:
        state, reason = "stopped", str(stop.name)
        raise stop.error(writer.name) from None
    except KeyboardInterrupt:
        state, reason = "stopped", "Ctrl-C twice"
        raise
    except BaseException as error:
        reason = reason_of(error)
        writer.log(traceback.format_exc() + reason)
        if is_out_of_memory(error):
            raise no_memory(trainer, error) from error
        raise
    finally:
        if trainer is not None:
            trainer.loader.close()
            trainer.materials.trackers.end(state)
        close(writer, state, reason, plan.speaker)


def close(writer: RunWriter, state: str, reason: str, speaker: Speaker) -> None:
    """Write the end of a run; what ended it is not covered up where the disk has no room for that.

    Raises:
        OSError: the end of a training that had finished cannot be written.
    """
    try:
        writer.end(state, reason)
    except OSError as error:
        if state == "finished":
            raise
        speaker.tell(f"the end of the run cannot be written ({error.strerror}): it will look dead")


def reason_of(error: BaseException) -> str:
    """Why a run failed, in words."""
    if is_out_of_memory(error):
        return "out of memory"
    return error.what if isinstance(error, HandsegError) else f"{type(error).__name__}: {error}"


def no_memory(trainer: Trainer | None, error: BaseException) -> FailedError:
    """What a person can do where there is no memory for the smallest part that is allowed."""
    size = trainer.stepper.room.size if trainer is not None else 1
    hints = ["--set data.size=512", "--set model.encoder=NAME   # a smaller one"]
    if size > 1:
        hints.insert(0, f"--set train.micro_batch={size // 2}   # or auto")
    return FailedError("the device ran out of memory", why=str(error), hints=hints)


def make_trainer(
    plan: Plan, model: Segmenter, writer: RunWriter, stop: StopRequest, step: int = 0
) -> Trainer:
    """All that trains, at the beginning; `step` is where trackers go on."""
    recipe, held_out = plan.loaded.recipe, plan.parts.validation

    def tell(text: str) -> None:
        writer.log(text)
        plan.speaker.tell(text)

    def warn(message: str, about: str) -> None:
        writer.event(fields.WARNING, message=message, about=about)
        tell(f"warning: {message}")

    def take_smaller(size: int) -> None:
        keep_micro_batch(plan.loaded, writer, size)
        warn(smaller_part(recipe.train.batch_size, size, model), fields.MEMORY)

    labels = [label_runs(sample, held_out.classes) for sample in held_out.samples]
    plan.inference.place(model)
    materials = Materials(
        recipe=recipe,
        model=model,
        first_weights=lambda: plan.first_model(tell=False).state_dict(),
        loader=make_loader(plan, lambda message: warn(message, fields.LOADER), stop),
        held_out=held_out,
        labels=labels,
        inference=plan.inference,
        micro_batch=Room(plan.inference.batch_size, take_smaller, may_shrink=plan.shrinks),
        writer=writer,
        tell=tell,
        warn=warn,
        trackers=Trackers.start(
            [name for name, wanted in recipe.track.items() if wanted],
            writer.name,
            writer.folder,
            asdict(recipe),
            lambda message: warn(message, fields.TRACKER),
            run_id=str(read_run_file(writer.folder)["id"]),
            step=step,
        ),
    )
    return Trainer(materials)


def make_loader(plan: Plan, warn: Callable[[str], None], stop: StopRequest) -> Loader:
    parts, recipe, device = plan.parts, plan.loaded.recipe, plan.inference.device
    samples = TrainingSamples(
        [*parts.training, *([parts.crops] if parts.crops else [])], Augmentation(recipe.augment)
    )
    workers = worker_count(recipe.data.workers, device)
    order = sample_order(plan.loaded, parts)
    pin = device.type == "cuda"
    return Loader(samples, order, workers, pin, warn=warn, stopping=stop.asked)


def keep_micro_batch(loaded: LoadedRecipe, writer: RunWriter, size: int) -> None:
    """Write into the run's recipe what was found: repeating it does not run out of memory again."""
    train = replace(loaded.recipe.train, micro_batch=size)
    found = replace(loaded, recipe=replace(loaded.recipe, train=train))
    writer.write_recipe(found.to_toml())


def smaller_part(batch_size: int, size: int, model: nn.Module) -> str:
    """What changes where fewer images go through the network at once."""
    text = (
        f"out of memory: {size} images at once from now on; the gradient is still that of "
        f"{batch_size}, in parts"
    )
    norms = any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in model.modules())
    if norms:
        text += f"; BatchNorm takes its statistics from {size} images at once now"
    return text


def foretell(trainer: Trainer, speaker: Speaker) -> None:
    """On a CPU, measure three steps and say how long the training will take."""
    if trainer.device.type != "cpu":
        return
    left = trainer.steps - trainer.position.step
    if left > 0:
        seconds = trainer.seconds_a_step()
        minutes = left * seconds / 60
        took = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.1f} minutes"
        speaker.tell(f"no GPU: {seconds:.2f} s a step on the CPU, about {took} for {left} steps")


def finish(plan: Plan, trainer: Trainer, reason: str, stop: StopRequest) -> Outcome:
    """Predict the held-out people with the best checkpoint.

    Raises:
        StopError: somebody asked to stop; resumed, the run does only this.
    """
    stop.heed()
    writer, world = trainer.writer, plan.world
    best = load_checkpoint(trainer.keeper.root, "best", trainer.tell_damaged)
    trainer.model.load_state_dict(best.chosen())
    sidecar = sidecar_of(writer.name, read_facts(writer.folder), best, "val") | {
        "made_by": "train",
        "data_fingerprint": images_fingerprint(world.validation, world.dataset),
    }
    with plan.speaker.bars("predicting the held-out people") as bar:
        predictions = write_predictions(
            prediction_path(writer.folder, "val"),
            trainer.model,
            world.validation,
            plan.classes,
            plan.loaded.recipe.data.size,
            replace(plan.inference, batch_size=trainer.room.size),
            sidecar,
            stop.heeding(bar),
        )
    by_class: Mapping[str, float] = best.manifest.get("dice", {})
    uses_ema = bool(best.manifest.get("uses_ema"))
    return Outcome(
        writer.folder, trainer.position.best, dict(by_class), uses_ema, reason, predictions
    )
