"""A training from its recipe to its predictions: what `handseg train` does."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from handseg.errors import FailedError, HandsegError
from handseg.models.checkpoints import Checkpoint, load_checkpoint
from handseg.models.segmenter import Segmenter, build_model
from handseg.predict.of_run import images_fingerprint, read_facts, sidecar_of
from handseg.predict.room import is_out_of_memory
from handseg.predict.submission import write_predictions
from handseg.recipe.load import LoadedRecipe
from handseg.reporter import Reporter
from handseg.runs import fields
from handseg.runs.claim import claim_run
from handseg.runs.predictions import prediction_path
from handseg.runs.writer import RunWriter, refuse_taken
from handseg.text import counted, duration
from handseg.train.assembly import make_trainer
from handseg.train.interruption import StopError, StopRequest
from handseg.train.limit import limited, smoke_name
from handseg.train.plan import Plan, describe, first_model, make_plan, pick_device, run_facts
from handseg.train.resuming import last_checkpoint, refuse_other_data, restore_surroundings
from handseg.train.trainer import Trainer
from handseg.train.world import check_world


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


def train(
    loaded: LoadedRecipe,
    data: Path,
    runs: Path,
    reporter: Reporter,
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
    with reporter.progress("reading files") as bar:
        world = limited(check_world(loaded, data, bar), limit)
    describe(world, reporter)
    if loaded.recipe.model.weights != "none":
        reporter.info(f"loading the weights {loaded.recipe.model.weights}")
    # Before the images are prepared: that takes its time and its place.
    model = first_model(loaded, world.dataset.classes, runs, reporter.info)
    shrinks = loaded.recipe.train.micro_batch == "auto"
    plan = make_plan(loaded, world, device, runs, shrinks, reporter)
    writer = RunWriter.create(
        runs,
        smoke_name(loaded.name, limit),
        recipe_toml=loaded.to_toml(),
        facts={"limit": limit, **run_facts(plan, model)},
        files=world.files,
        name=name,
    )
    return run_training(plan, model, writer, None)


def resume(run: Path, loaded: LoadedRecipe, data: Path, reporter: Reporter) -> Outcome:
    """Go on with a run from its last checkpoint, or from the start where it has none yet.

    Raises:
        InputError: there is no whole checkpoint, or the data, folds or crops are other ones.
        UsageError: another process trains it.
    """
    # Before its checkpoints are read: what another process still wrote would be lost.
    lock = claim_run(run)
    try:
        plan, checkpoint, damaged = plan_resumed(run, loaded, data, reporter)
        model = resumed_model(plan, checkpoint)
        writer = RunWriter.resume(
            run,
            step=step_of(checkpoint),
            # Between two epochs; within one, or before the validation of one, batches are done.
            validated=checkpoint is None or checkpoint.manifest.get("batch", 0) == 0,
            facts=run_facts(plan, model),
            lock=lock,
        )
    except BaseException:
        lock.release()
        raise
    for text in damaged:
        reporter.warn(text)
        writer.event(fields.WARNING, message=text, about=fields.CHECKPOINT_FAULT)
    if loaded.sets:
        # The next resume goes on with what this one was told.
        writer.write_recipe(loaded.to_toml())
    return run_training(plan, model, writer, checkpoint)


def plan_resumed(
    run: Path, loaded: LoadedRecipe, data: Path, reporter: Reporter
) -> tuple[Plan, Checkpoint | None, list[str]]:
    """What a run goes on with, from where, and which checkpoints were passed over for it.

    Raises:
        InputError: there is no whole checkpoint, or the data, folds or crops are other ones.
    """
    before = read_facts(run)
    device = pick_device(loaded)
    restore_surroundings(before, reporter)
    damaged: list[str] = []
    checkpoint = last_checkpoint(run, damaged.append)
    with reporter.progress("reading files") as bar:
        world = limited(check_world(loaded, data, bar), before.get("limit"))
    refuse_other_data(run, before, world)
    told = any(text.startswith("train.micro_batch") for text in loaded.sets)
    found = bool(before.get("micro_batch_auto")) and not told
    shrinks = loaded.recipe.train.micro_batch == "auto" or found
    plan = make_plan(loaded, world, device, run.parent, shrinks, reporter)
    if checkpoint is None:
        reporter.info(f"{run.name} has no checkpoint yet: from the beginning")
    else:
        reporter.info(f"resuming {run.name} at step {step_of(checkpoint)}")
        if checkpoint.manifest["epoch"] >= loaded.recipe.train.epochs:
            epochs = counted(int(checkpoint.manifest["epoch"]), "epoch")
            reporter.info(f"its {epochs} are done; for more: --set train.epochs=N")
    return plan, checkpoint, damaged


def resumed_model(plan: Plan, checkpoint: Checkpoint | None) -> Segmenter:
    """The network that a run goes on with; a checkpoint fills it later."""
    if checkpoint is None:
        return plan.first_model()
    return build_model(plan.loaded.recipe, len(plan.classes), weights="none")


def step_of(checkpoint: Checkpoint | None) -> int:
    return int(checkpoint.manifest["step"]) if checkpoint is not None else 0


def run_training(
    plan: Plan, model: Segmenter, writer: RunWriter, checkpoint: Checkpoint | None
) -> Outcome:
    """Train in a run folder that is open; whatever happens, its end is written."""
    trainer: Trainer | None = None
    writer.complain = plan.reporter.info
    state, reason = "failed", ""
    # To the very end: a scheduler's second signal must not kill what is putting itself away.
    with StopRequest() as stop:
        try:
            trainer = make_trainer(plan, model, writer, stop, step_of(checkpoint))
            outcome = train_and_predict(plan, trainer, checkpoint, stop)
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
            put_down(trainer, writer, state, reason, plan.reporter)


def train_and_predict(
    plan: Plan, trainer: Trainer, checkpoint: Checkpoint | None, stop: StopRequest
) -> Outcome:
    """Train from a checkpoint, or from the beginning, and predict the held-out people.

    Raises:
        StopError: a stop was asked for; a checkpoint is kept.
    """
    if checkpoint is not None:
        trainer.restore(checkpoint)
    foretell(trainer, plan.reporter)
    with plan.reporter.progress(trainer.writer.name) as bar:
        reason = trainer.fit(stop, bar)
    return finish(plan, trainer, reason, stop)


def put_down(
    trainer: Trainer | None, writer: RunWriter, state: str, reason: str, reporter: Reporter
) -> None:
    """End what works beside a training, then its run, though Ctrl-C ends the waiting for them."""
    try:
        if trainer is not None:
            trainer.loader.close()
            trainer.materials.trackers.end(state)
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
    size = trainer.stepper.room.size if trainer is not None else 1
    hints = ["--set data.size=512", "--set model.encoder=NAME   # a smaller one"]
    if size > 1:
        hints.insert(0, f"--set train.micro_batch={size // 2}   # or auto")
    return FailedError("the device ran out of memory", details=str(error), hints=hints)


def foretell(trainer: Trainer, reporter: Reporter) -> None:
    """On a CPU, measure three steps and say how long the training will take."""
    if trainer.device.type != "cpu":
        return
    left = trainer.steps - trainer.position.step
    if left > 0:
        seconds = trainer.seconds_a_step()
        took = duration(left * seconds)
        steps = counted(left, "step")
        reporter.info(f"no GPU: {seconds:.2f} s a step on the CPU, about {took} for {steps}")


def finish(plan: Plan, trainer: Trainer, reason: str, stop: StopRequest) -> Outcome:
    """Predict the held-out people with the best checkpoint.

    Raises:
        StopError: a stop was asked for; resumed, the run does only this.
    """
    stop.heed()
    writer, world = trainer.writer, plan.world
    best = load_checkpoint(trainer.keeper.root, "best", trainer.tell_damaged)
    trainer.model.load_state_dict(best.chosen())
    sidecar = sidecar_of(writer.name, read_facts(writer.folder), best, "val") | {
        "made_by": "train",
        "data_fingerprint": images_fingerprint(world.validation, world.dataset),
    }
    with plan.reporter.progress("predicting the held-out people") as bar:
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
