"""Puts together all that trains by a plan."""

from collections.abc import Callable
from dataclasses import asdict, replace

from torch import nn

from handseg.data.labels import label_runs
from handseg.models.segmenter import Segmenter
from handseg.predict.room import Room
from handseg.recipe.load import LoadedRecipe
from handseg.recipe.schema import Recipe
from handseg.runs import layout
from handseg.runs.summary import read_run_file
from handseg.runs.writer import RunWriter
from handseg.train.augment import Augmentation
from handseg.train.interruption import StopRequest
from handseg.train.loader import Loader, TrainingSamples, worker_count
from handseg.train.parts import sample_order
from handseg.train.plan import Plan
from handseg.train.trackers import Trackers
from handseg.train.trainer import Materials, Trainer


def make_trainer(
    plan: Plan, model: Segmenter, writer: RunWriter, stop: StopRequest, step: int = 0
) -> Trainer:
    """All that trains, at the beginning; `step` is where trackers go on."""
    recipe, held_out = plan.loaded.recipe, plan.parts.validation

    def tell(text: str) -> None:
        writer.log(text)
        plan.reporter.info(text)

    def warn(message: str, about: str) -> None:
        writer.event(layout.WARNING, message=message, about=about)
        tell(f"warning: {message}")

    def take_smaller(size: int) -> None:
        keep_micro_batch(plan.loaded, writer, size)
        warn(smaller_part(recipe.train.batch_size, size, model), layout.MEMORY)

    labels = [label_runs(sample, held_out.classes) for sample in held_out.samples]
    plan.inference.place(model)
    materials = Materials(
        recipe=recipe,
        model=model,
        first_weights=lambda: plan.first_model(tell=False).state_dict(),
        loader=make_loader(plan, lambda message: warn(message, layout.LOADER), stop),
        held_out=held_out,
        labels=labels,
        inference=plan.inference,
        micro_batch=Room(plan.inference.batch_size, take_smaller, may_shrink=plan.shrinks),
        writer=writer,
        tell=tell,
        warn=warn,
        trackers=start_trackers(recipe, writer, lambda text: warn(text, layout.TRACKER), step),
    )
    return Trainer(materials)


def start_trackers(
    recipe: Recipe, writer: RunWriter, warn: Callable[[str], None], step: int
) -> Trackers:
    """Those that a recipe asks for; they go on at a step."""
    return Trackers.start(
        [name for name, wanted in recipe.track.items() if wanted],
        writer.name,
        writer.folder,
        asdict(recipe),
        warn,
        run_id=str(read_run_file(writer.folder)["id"]),
        step=step,
    )


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
