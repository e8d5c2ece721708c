"""A training from its recipe to its predictions: what `handseg train` does."""

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch

from handseg.data.images import PIXEL_VERSION
from handseg.errors import FailedError, HandsegError, InputError
from handseg.inference.device import is_out_of_memory
from handseg.inference.predictions import (
    images_facts,
    read_facts,
    sidecar_of,
    write_predictions,
)
from handseg.models.checkpoints import Checkpoint, load_checkpoint
from handseg.models.segmenter import Segmenter, build_model
from handseg.recipe.load import LoadedRecipe
from handseg.runs import jsonl, layout
from handseg.runs.control import acquire_lock
from handseg.runs.predictions import prediction_path
from handseg.runs.process import versions
from handseg.runs.writer import RunWriter, refuse_taken
from handseg.text import counted, duration, listed, people_text, shown
from handseg.train.data import TrainingData, find_data
from handseg.train.interruption import StopError, StopRequest
from handseg.train.setup import (
    TrainingSetup,
    first_model,
    pick_device,
    prepare_setup,
    refuse_single_images,
    refuse_unbuildable,
)
from handseg.train.trainer import Trainer
from handseg.work import Reporter

NAMED = 3
"""Files and people that are named before the rest is counted."""


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
    not_bones: tuple[str, ...] = ()
    """Classes that `best` leaves out."""


def train(
    loaded: LoadedRecipe,
    data_folder: Path,
    runs: Path,
    reporter: Reporter,
    *,
    name: str | None = None,
    limit: int | None = None,
) -> Outcome:
    """Train a recipe in a new run folder; `limit` makes it a smoke run on so many images.

    No run folder is left when the recipe, the data, the weights or the device are at fault.

    Raises:
        HandsegError: as `find_data` and `first_model`, and what ends a training early.
    """
    if name is not None:
        refuse_taken(runs, name)
    device = pick_device(loaded)
    refuse_unbuildable(loaded)
    with reporter.progress("reading files") as progress:
        data = find_data(loaded, data_folder, progress).limited(limit)
    reporter.info(data.summary)
    if loaded.recipe.model.weights != "none":
        reporter.info(f"loading the weights {loaded.recipe.model.weights}")
    # Before the images are prepared: that takes its time and its place.
    model = first_model(loaded, data.dataset.classes, runs, reporter.info)
    may_shrink = loaded.recipe.train.micro_batch == "auto"
    refuse_single_images(loaded, data, model, may_shrink=may_shrink)
    setup = prepare_setup(loaded, data, device, runs, reporter, may_shrink=may_shrink)
    writer = RunWriter.create(
        runs,
        # A smoke run is none of the recipe itself.
        loaded.name if limit is None else f"{loaded.name}-limit{limit}",
        recipe_toml=loaded.to_toml(),
        facts={"limit": limit, **setup.run_facts(model)},
        files=data.files,
        name=name,
        not_bones=data.dataset.not_bones,
    )
    return run_training(setup, model, writer, None)


def resume(run: Path, loaded: LoadedRecipe, data_folder: Path, reporter: Reporter) -> Outcome:
    """Go on with a run from its last checkpoint, or from the start where it has none yet.

    Raises:
        InputError: there is no whole checkpoint, or the data, folds or crops are other ones.
        UsageError: another process trains it.
    """
    # Before its checkpoints are read: what another process still wrote would be lost.
    lock = acquire_lock(run)
    damaged: list[str] = []
    try:
        before = read_facts(run)
        device = pick_device(loaded)
        restore_surroundings(before, reporter)
        checkpoint = last_checkpoint(run, damaged.append)
        with reporter.progress("reading files") as progress:
            data = find_data(loaded, data_folder, progress, is_new=False)
        data = data.limited(before.get("limit"))
        refuse_other_data(run, before, data)
        if is_read_otherwise(before, data):
            names = data.read_otherwise
            reporter.warn(
                f"{run.name} began when {counted(len(names), 'image')} of its data may have been "
                f"read as other pixels (orientation, depth, window, alpha): {shown(names)}"
            )
        may_shrink = may_still_shrink(loaded, before)
        setup = prepare_setup(loaded, data, device, run.parent, reporter, may_shrink=may_shrink)
        for line in resume_lines(run, loaded, checkpoint):
            reporter.info(line)
        # A checkpoint fills the network later.
        model = (
            setup.first_model(reporter.info)
            if checkpoint is None
            else build_model(loaded.recipe, len(setup.classes), weights="none")
        )
        refuse_single_images(loaded, data, model, may_shrink=may_shrink)
        writer = RunWriter.resume(
            run,
            step=step_of(checkpoint),
            # Between two epochs; within one, or before the validation of one, batches are done.
            validated=checkpoint is None or checkpoint.manifest.get("batch", 0) == 0,
            facts=setup.run_facts(model),
            lock=lock,
            not_bones=data.dataset.not_bones,
        )
    except BaseException:
        lock.release()
        raise
    for text in damaged:
        reporter.warn(text)
        writer.event(layout.WARNING, message=text, about=layout.CHECKPOINT_FAULT)
    if loaded.sets:
        # The next resume goes on with what this one was given.
        writer.write_recipe(loaded.to_toml())
    return run_training(setup, model, writer, checkpoint)


def run_training(
    setup: TrainingSetup, model: Segmenter, writer: RunWriter, checkpoint: Checkpoint | None
) -> Outcome:
    """Train in a run folder that is open; whatever happens, its end is written."""
    trainer: Trainer | None = None
    writer.complain = setup.reporter.info
    state, reason = "failed", ""
    # To the very end: a scheduler's second signal must not kill what is being saved.
    with StopRequest() as stop:
        try:
            trainer = Trainer(setup, model, writer, stop, step_of(checkpoint))
            outcome = train_and_predict(trainer, checkpoint)
            state = "finished"
            return outcome
        except StopError:
            state, reason = "stopped", stop.reason
            raise stop.error(writer.folder) from None
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
            shut_down(trainer, writer, state, reason, setup.reporter)


def train_and_predict(trainer: Trainer, checkpoint: Checkpoint | None) -> Outcome:
    """Train from a checkpoint, or from the beginning, and predict the held-out people.

    Raises:
        StopError: a stop was asked for; a checkpoint is kept.
    """
    reporter = trainer.setup.reporter
    if checkpoint is not None:
        trainer.restore(checkpoint)
    steps = trainer.steps - trainer.state.step
    if trainer.device.type == "cpu" and steps > 0:
        reporter.info(cpu_eta_text(trainer.step_seconds(), steps))
    with reporter.progress(trainer.writer.name) as progress:
        reason = trainer.fit(progress)
    # Resumed, a run that is stopped from here on does only this.
    trainer.stop.raise_if_stopped()
    return predict_held_out(trainer, reason)


def shut_down(
    trainer: Trainer | None, writer: RunWriter, state: str, reason: str, reporter: Reporter
) -> None:
    """End what works beside a training, then its run, though Ctrl-C ends the waiting for them."""
    try:
        if trainer is not None:
            trainer.shutdown(state)
    finally:
        close(writer, state, reason, reporter)


def close(writer: RunWriter, state: str, reason: str, reporter: Reporter) -> None:
    """Write the end of a run; what ended it is not covered up where the disk has no room for that.

    Raises:
        OSError: the end of a training that had finished cannot be written.
    """
    try:
        writer.end(state, reason)
    except OSError as error:
        if state == "finished":
            raise
        reporter.info(f"the end of the run cannot be written ({error.strerror}): it will look dead")


def reason_of(error: BaseException) -> str:
    """Why a run failed, in words."""
    if is_out_of_memory(error):
        return "out of memory"
    return error.message if isinstance(error, HandsegError) else f"{type(error).__name__}: {error}"


def no_memory(trainer: Trainer | None, error: BaseException) -> FailedError:
    """What a person can do where there is no memory for the smallest part that is allowed."""
    hints = ["--set data.size=512", "--set model.encoder=NAME   # a smaller one"]
    if trainer is not None:
        micro_batch = trainer.stepper.micro_batch
        if micro_batch.size > micro_batch.least:
            fewer = max(micro_batch.least, micro_batch.size // 2)
            hints.insert(0, f"--set train.micro_batch={fewer}   # or auto")
    return FailedError("the device ran out of memory", details=str(error), hints=hints)


def cpu_eta_text(seconds: float, steps: int) -> str:
    took = duration(steps * seconds)
    return f"no GPU: {seconds:.2f} s a step on the CPU, about {took} for {counted(steps, 'step')}"


def predict_held_out(trainer: Trainer, reason: str) -> Outcome:
    """Predict the held-out people with the best checkpoint.

    Raises:
        StopError: a stop was asked for.
    """
    setup, writer = trainer.setup, trainer.writer
    best = load_checkpoint(trainer.checkpoints.root, "best", trainer.warn_damaged)
    trainer.model.load_state_dict(best.chosen())
    held_out = setup.data.validation
    sidecar = sidecar_of(writer.name, read_facts(writer.folder), best, "val") | {
        "made_by": "train",
        **images_facts(held_out, setup.data.dataset),
    }
    with setup.reporter.progress("predicting the held-out people") as progress:
        predictions = write_predictions(
            prediction_path(writer.folder, "val"),
            trainer.model,
            held_out,
            setup.classes,
            setup.recipe.data.size,
            replace(setup.inference, batch_size=trainer.validation_batch.size),
            sidecar,
            trainer.stop.stoppable(progress),
        )
    by_class: Mapping[str, float] = best.manifest.get("dice", {})
    uses_ema = bool(best.manifest.get("uses_ema"))
    return Outcome(
        writer.folder,
        trainer.state.best,
        dict(by_class),
        uses_ema,
        reason,
        predictions,
        writer.best.not_bones,
    )


def step_of(checkpoint: Checkpoint | None) -> int:
    return int(checkpoint.manifest["step"]) if checkpoint is not None else 0


def may_still_shrink(loaded: LoadedRecipe, before: Mapping[str, Any]) -> bool:
    """Whether a resumed run may take smaller parts of a batch: not where a person set their size.

    A size that was found earlier stands in the run's recipe as a number.
    """
    is_set = any(text.startswith("train.micro_batch") for text in loaded.sets)
    was_found = bool(before.get("micro_batch_auto")) and not is_set
    return loaded.recipe.train.micro_batch == "auto" or was_found


def resume_lines(run: Path, loaded: LoadedRecipe, checkpoint: Checkpoint | None) -> list[str]:
    """From where a run goes on."""
    if checkpoint is None:
        return [f"{run.name} has no checkpoint yet: from the beginning"]
    lines = [f"resuming {run.name} at step {step_of(checkpoint)}"]
    epochs = int(checkpoint.manifest["epoch"])
    if epochs >= loaded.recipe.train.epochs:
        lines.append(f"its {counted(epochs, 'epoch')} are done; for more: --set train.epochs=N")
    return lines


def restore_surroundings(before: Mapping[str, Any], reporter: Reporter) -> None:
    """Compute in as many threads as before, which changes the last bits; say what else differs."""
    threads = before.get("threads")
    if isinstance(threads, int) and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
        reporter.info(f"computing in {threads} threads, as this run began")
    present = versions()
    changed = [
        f"{name} {version} (now {present.get(name, 'missing')})"
        for name, version in (before.get("versions") or {}).items()
        if present.get(name) != version
    ]
    if changed:
        reporter.info("this run began with " + ", ".join(changed))


def last_checkpoint(run: Path, damaged: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint of a run; None where none has been written yet.

    `damaged` is told of those that were passed over.

    Raises:
        InputError: there have been some, and none is whole.
    """
    root = run / layout.CHECKPOINTS
    try:
        return load_checkpoint(root, "last", damaged)
    except InputError:
        if any(root.glob("step-*")) or had_checkpoints(run):
            raise
        return None


def had_checkpoints(run: Path) -> bool:
    """Whether the log of a run tells of a checkpoint."""
    try:
        events = list(jsonl.backwards(run / layout.EVENTS))
    except OSError:
        return False
    return any(event.get("kind") == layout.CHECKPOINT for event in events)


def refuse_other_data(run: Path, before: Mapping[str, Any], data: TrainingData) -> None:
    """Raise where going on would silently train on something else; say what differs.

    Raises:
        InputError: the data, the folds or the crops are not those that the run began with.
    """
    differs = [
        f"other {what}: {how}" if how else f"other {what}"
        for what, then, now, how in (
            (
                "images or labels",
                before.get("data_fingerprint"),
                data.fingerprint,
                changes(read_files(run), data.files),
            ),
            (
                "folds",
                before["folds"],
                data.folds.folds.folds,
                changes(
                    before["folds"],
                    data.folds.folds.folds,
                    # A run of before pseudonyms may have the ids of DICOM headers.
                    is_named=not any(one.patient for one in data.dataset.train),
                ),
            ),
            ("crops", before.get("added_fingerprints"), list(data.added_fingerprints), ""),
        )
        # Crops that were cut anew because of their pixels are those of the run all the same.
        if then != now and not (what == "crops" and is_read_otherwise(before, data))
    ]
    if differs:
        raise InputError(
            f"{run.name} was trained on " + " and ".join(differs),
            hints=["train a new run, or name the data of this one with --data"],
        )


def is_read_otherwise(before: Mapping[str, Any], data: TrainingData) -> bool:
    return bool(data.read_otherwise) and before.get("pixels", 1) < PIXEL_VERSION


def read_files(run: Path) -> dict[str, Any]:
    """The hashes of the images and labels that a run began with; none where they are not known."""
    try:
        found: object = json.loads((run / layout.DATA).read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def changes(before: Mapping[str, Any], now: Mapping[str, Any], *, is_named: bool = True) -> str:
    """In words, which names changed their value, are new or gone; empty where nothing is known."""
    if not before:
        return ""
    kinds = {
        "changed": [name for name in before if name in now and now[name] != before[name]],
        "gone": [name for name in before if name not in now],
        "new": [name for name in now if name not in before],
    }
    return "; ".join(
        f"{kind} {listed(sorted(names), NAMED) if is_named else people_text(len(names))}"
        for kind, names in kinds.items()
        if names
    )
