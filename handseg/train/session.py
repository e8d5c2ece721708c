"""A training from its recipe to its predictions: what `handseg train` does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from handseg import disk
from handseg.data.labels import label_runs
from handseg.errors import FailedError, HandsegError, InputError, UsageError
from handseg.models.build import build_model, parameter_count
from handseg.models.checkpoints import Checkpoint, load_checkpoint
from handseg.models.segmenter import Segmenter
from handseg.predict.device import check_precision
from handseg.predict.of_run import images_fingerprint, read_facts, sidecar_of
from handseg.predict.submission import write_predictions
from handseg.predict.whole import Inference
from handseg.recipe.load import LoadedRecipe
from handseg.runs import fields
from handseg.runs.predictions import prediction_path
from handseg.runs.writer import RunWriter, refuse_taken
from handseg.train.augment import Augmentation
from handseg.train.interruption import StopRequest
from handseg.train.loader import Loader, TrainingSamples, worker_count
from handseg.train.parts import Parts, prepare_parts, sample_order
from handseg.train.resuming import refuse_other_data, restore_surroundings
from handseg.train.speaker import Speaker
from handseg.train.trainer import Materials, Trainer
from handseg.train.world import World, check_world


@dataclass(frozen=True)
class Outcome:
    """What a training left behind."""

    run: Path
    best: float
    by_class: dict[str, float]
    reason: str
    predictions: Path


def train(
    loaded: LoadedRecipe,
    data: Path,
    runs: Path,
    speaker: Speaker,
    *,
    name: str | None = None,
) -> Outcome:
    """Train a recipe in a new run folder.

    No run folder is left when the recipe, the data, the weights or the device are at fault.

    Raises:
        HandsegError: as `check_world` and `build_model`, and what ends a training early.
    """
    if name is not None:
        refuse_taken(runs, name)
    device = pick_device(loaded)
    with speaker.bars("reading files") as bar:
        world = check_world(loaded, data, bar)
    describe(world, speaker)
    parts = prepare_parts(loaded, world, speaker)
    if loaded.recipe.model.weights != "none":
        speaker.tell(f"loading the weights {loaded.recipe.model.weights}")
    model = build_model(loaded.recipe, len(world.dataset.classes))
    if loaded.recipe.model.init is not None:
        begin_from(model, loaded.recipe.model.init, runs)
    writer = RunWriter.create(
        runs,
        loaded.name,
        recipe_toml=loaded.to_toml(),
        facts={"recipe": loaded.name, **run_facts(loaded, world, parts, model)},
        name=name,
    )
    return run_training(loaded, world, parts, model, device, writer, None, speaker)


def resume(run: Path, loaded: LoadedRecipe, data: Path, speaker: Speaker) -> Outcome:
    """Go on with a run from its last checkpoint.

    Raises:
        InputError: there is no whole checkpoint, or the data, folds or crops are other ones.
        UsageError: another process trains it.
    """
    before = read_facts(run)
    device = pick_device(loaded)
    restore_surroundings(before, speaker)
    checkpoint = load_checkpoint(run / fields.CHECKPOINTS, "last", speaker.tell)
    with speaker.bars("reading files") as bar:
        world = check_world(loaded, data, bar)
    refuse_other_data(run.name, before, world)
    parts = prepare_parts(loaded, world, speaker)
    model = build_model(loaded.recipe, len(world.dataset.classes), weights="none")
    step = int(checkpoint.manifest["step"])
    speaker.tell(f"resuming {run.name} at step {step}")
    facts = run_facts(loaded, world, parts, model)
    writer = RunWriter.resume(run, step=step, facts=facts)
    if loaded.sets:
        # The next resume goes on with what this one was told.
        disk.replace(run / fields.RECIPE, loaded.to_toml().encode())
    return run_training(loaded, world, parts, model, device, writer, checkpoint, speaker)


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


def run_facts(loaded: LoadedRecipe, world: World, parts: Parts, model: Segmenter) -> dict[str, Any]:
    """What `run.json` and the start event say of a training."""
    order = sample_order(loaded, parts)
    return {
        "fold": world.fold,
        "epochs": loaded.recipe.train.epochs,
        "classes": list(world.dataset.classes),
        "train_images": len(world.training),
        "validation_images": len(world.validation),
        "steps_per_epoch": order.batches_in(0),
        "parameters": parameter_count(model),
        "crops": len(world.crops),
        "data": str(world.dataset.root.resolve()),
        "data_fingerprint": world.fingerprint,
        "added_fingerprints": list(world.added_fingerprints),
        "folds": world.folds.folds.folds,
        "trained_people": world.people,
        "threads": torch.get_num_threads(),
    }


def run_training(
    loaded: LoadedRecipe,
    world: World,
    parts: Parts,
    model: Segmenter,
    device: torch.device,
    writer: RunWriter,
    checkpoint: Checkpoint | None,
    speaker: Speaker,
) -> Outcome:
    """Train in a run folder that is open; whatever happens, its end is written."""
    inference = Inference.of(loaded.recipe.train, device)
    try:
        with StopRequest() as stop:
            trainer = make_trainer(loaded, parts, model, inference, writer, speaker)
            if checkpoint is not None:
                trainer.restore(checkpoint)
            foretell(trainer, speaker)
            with speaker.bars(writer.name) as bar:
                reason = trainer.fit(stop, bar)
            if stop.name:
                writer.end("stopped", stop.name)
                raise stop.error(writer.name)
            outcome = finish(loaded, world, trainer, reason, speaker)
        writer.end("finished", reason)
        return outcome
    except KeyboardInterrupt:
        writer.end("stopped", "Ctrl-C twice")
        raise
    except torch.OutOfMemoryError as error:
        writer.end("failed", "out of memory")
        hint = f"--set train.micro_batch={max(1, inference.batch_size // 2)}"
        raise FailedError("the device ran out of memory", why=str(error), hints=[hint]) from error
    except HandsegError as error:
        writer.end("failed", error.what)
        raise
    except BaseException as error:
        writer.end("failed", f"{type(error).__name__}: {error}")
        raise


def make_trainer(
    loaded: LoadedRecipe,
    parts: Parts,
    model: Segmenter,
    inference: Inference,
    writer: RunWriter,
    speaker: Speaker,
) -> Trainer:
    held_out = parts.validation
    labels = [label_runs(sample, held_out.classes) for sample in held_out.samples]
    samples = TrainingSamples(
        [*parts.training, *([parts.crops] if parts.crops else [])],
        Augmentation(loaded.recipe.augment),
    )
    workers = worker_count(loaded.recipe.data.workers, inference.device)
    pin = inference.device.type == "cuda"
    loader = Loader(samples, sample_order(loaded, parts), workers, pin)
    inference.place(model)

    def tell(text: str) -> None:
        writer.log(text)
        speaker.tell(text)

    materials = Materials(loaded.recipe, model, loader, held_out, labels, inference, writer)
    return Trainer(materials, tell)


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


def finish(
    loaded: LoadedRecipe, world: World, trainer: Trainer, reason: str, speaker: Speaker
) -> Outcome:
    """Predict the held-out people with the best checkpoint."""
    writer = trainer.writer
    best = load_checkpoint(trainer.checkpoints, "best", speaker.tell)
    trainer.model.load_state_dict(best.chosen())
    sidecar = sidecar_of(writer.name, read_facts(writer.folder), best, "val") | {
        "made_by": "train",
        "data_fingerprint": images_fingerprint(world.validation, world.dataset),
    }
    with speaker.bars("predicting the held-out people") as bar:
        predictions = write_predictions(
            prediction_path(writer.folder, "val"),
            trainer.model,
            world.validation,
            world.dataset.classes,
            loaded.recipe.data.size,
            trainer.inference,
            sidecar,
            bar,
        )
    by_class: Mapping[str, float] = best.manifest.get("dice", {})
    return Outcome(writer.folder, trainer.position.best, dict(by_class), reason, predictions)


def begin_from(model: Segmenter, run: str, runs: Path) -> None:
    """Fine-tune: take over the weights of a run's best checkpoint, where their shapes agree."""
    from handseg.runs.find import find_run

    checkpoint = load_checkpoint(find_run(run, runs) / fields.CHECKPOINTS, "best")
    own = model.state_dict()
    fitting = {
        name: tensor
        for name, tensor in checkpoint.chosen().items()
        if name in own and own[name].shape == tensor.shape
    }
    if not fitting:
        raise InputError(f"no weight of {run} fits the recipe's model")
    model.load_state_dict(fitting, strict=False)
