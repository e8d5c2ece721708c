"""`handseg train`: recipes to trained runs, one here or several in a queue."""

import shlex
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Data, Runs, Set, command, data_folder, runs_folder
from handseg.cli.train.on_end import on_end_of_training
from handseg.errors import UsageError
from handseg.work import Progress

if TYPE_CHECKING:
    from handseg.cli.train.queue import Training, TrainRequest
    from handseg.recipe.load import LoadedRecipe
    from handseg.train.session import Outcome

Bars = Callable[[str], AbstractContextManager[Progress]]

TABLE_COLUMNS = 3
"""Of the Dice that a training ends with: 29 bones in ten lines."""
SPEED_STEPS = 50
"""Steps over which the speed of a training is taken."""


@command(
    examples=[
        "handseg train recipes/segformer.toml",
        "handseg train recipes/segformer.toml --set data.size=512 --set model.weights=none",
        "handseg train recipes/segformer.toml recipes/unetpp.toml --fold all",
        "handseg train recipes/segformer.toml --dry-run",
        "handseg train recipes/segformer.toml --limit 8 --set train.epochs=2",
        "handseg train segformer --on-end 'echo $HANDSEG_RUN $HANDSEG_STATE >> ended.txt'",
        "handseg train --resume last",
    ]
)
def train(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE...", help="Recipes: files, or bundled ones; several are a queue."
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run.")
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(
            "--fold",
            metavar="K|all",
            help="The fold to validate on; all: a run each, and their predictions joined.",
        ),
    ] = None,
    set_: Set = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The run's name.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="A smoke run: at most N training and N validation images.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Take a step and validate a batch: time, memory. No run."),
    ] = False,
    on_end: Annotated[
        str | None,
        typer.Option(
            "--on-end",
            metavar="CMD",
            help="After each training the shell runs CMD, which finds HANDSEG_RUN, _STATE, "
            "_REASON and _DICE in its environment.",
        ),
    ] = None,
    data: Data = None,
    runs: Runs = None,
) -> None:
    """Train a network by a recipe, or go on with a run.

    The run's folder holds everything that was seen and made. Several recipes, or all folds, are
    trained one after the other, each in a process of its own; a failed one does not stop the rest.
    """
    recipes = recipe or []
    if recipes and resume is not None:
        raise UsageError(
            "a resumed run has its own recipe: name a recipe or --resume, not both",
            hints=[shlex.join(["handseg", "train", "--resume", resume])],
        )
    if not recipes and resume is None:
        raise UsageError(
            "name a recipe, or a run to resume",
            hints=["handseg train recipes/segformer.toml", "handseg train --resume last"],
        )
    if resume is not None:
        refuse_anew({"--name": name, "--fold": fold, "--limit": limit, "--dry-run": dry_run})
        run, loaded = find_resumed(resume, set_ or [], runs_folder(runs))
        with on_end_of_training(on_end, run.parent):
            go_on(run, loaded, data)
        return
    from handseg.cli.train.queue import TrainRequest, fold_sets

    sets = fold_sets(fold, set_ or [])
    begin(recipes, TrainRequest(sets, data, runs, name, limit, on_end, dry_run))


def refuse_anew(given: dict[str, object]) -> None:
    """Refuse what shapes a new run where one is resumed.

    Raises:
        UsageError: such an option was given.
    """
    if given.pop("--dry-run"):
        raise UsageError("a resumed run is not measured: --dry-run and --resume exclude each other")
    for option, value in given.items():
        if value is not None:
            raise UsageError(
                f"a resumed run keeps its name, fold and images: {option} and --resume "
                "exclude each other"
            )


def begin(recipes: list[str], request: "TrainRequest") -> None:
    """Check all recipes, then train one here or several in a queue."""
    from handseg.cli.train.queue import Training, load_all, plan, work_through

    loaded = load_all(recipes, request.sets)
    data = data_folder(request.data)
    several = len(loaded) > 1 or loaded[0].recipe.data.fold == "all"
    if request.name is not None and several:
        raise UsageError("--name names one run; several recipes or folds are a run each")
    if several:
        work_through(plan(recipes, loaded, request.sets, data, dry=request.dry), request)
    elif request.dry:
        measure(Training(recipes[0], loaded[0]), request)
    else:
        with on_end_of_training(request.on_end, runs_folder(request.runs)):
            train_here(Training(recipes[0], loaded[0]), request)


def introduce(training: "Training", data: Path) -> None:
    """Say what is used, and end here where there is no data set: before torch is loaded."""
    from handseg.data.dataset import open_dataset

    if training.loaded.bundled:
        console.info(f"using the bundled recipe {training.loaded.path}")
    for warning in training.loaded.warnings:
        console.warn(warning)
    # Most first attempts end here.
    console.info(open_dataset(data).recognised)


def train_here(training: "Training", request: "TrainRequest") -> None:
    data, runs = data_folder(request.data), runs_folder(request.runs)
    introduce(training, data)
    from handseg.train.session import train as train_recipe

    reporter = console.reporter(speed(training.loaded.recipe.train.batch_size))
    report(
        train_recipe(training.loaded, data, runs, reporter, name=request.name, limit=request.limit)
    )


def measure(training: "Training", request: "TrainRequest") -> None:
    """Say what a training would take; nothing of it is left behind."""
    data, runs = data_folder(request.data), runs_folder(request.runs)
    introduce(training, data)
    from handseg.train.dry_run import dry_run

    estimate = dry_run(training.loaded, data, runs, console.reporter(), limit=request.limit)
    for name, value in {"training": training.title, **estimate.as_text()}.items():
        console.out(f"{name:<16} {value}")


def find_resumed(resumed: str, sets: list[str], runs: Path) -> "tuple[Path, LoadedRecipe]":
    """The run that is meant, and its recipe with what may be set anew.

    Raises:
        InputError: there is no such run.
        UsageError: something else is set.
    """
    from handseg.recipe.load import load_recipe
    from handseg.runs import layout
    from handseg.runs.query import find_run

    run = find_run(resumed, runs)
    loaded = load_recipe(str(run / layout.RECIPE), sets, resumed=True)
    for warning in loaded.warnings:
        console.warn(warning)
    return run, loaded


def go_on(run: Path, loaded: "LoadedRecipe", data: Path | None) -> None:
    """Resume a run, on the data that it began with unless told otherwise."""
    from handseg.inference.predictions import read_facts
    from handseg.train.session import resume as resume_training

    place = data or Path(read_facts(run).get("data") or data_folder(None))
    reporter = console.reporter(speed(loaded.recipe.train.batch_size))
    report(resume_training(run, loaded, place, reporter))


def report(outcome: "Outcome") -> None:
    """The Dice of every bone, where everything lies, and what to type next."""
    from handseg.inference.predictions import read_facts
    from handseg.runs.control import run_command

    if outcome.reason:
        console.info(f"ended early: {outcome.reason}")
    for line in dice_lines(outcome.by_class):
        console.info(line)
    without = f" without {', '.join(outcome.not_bones)}" if outcome.not_bones else ""
    console.info(f"best Dice {outcome.best:.4f} (validation{without}){weights_words(outcome)}")
    console.info(f"held-out people: {outcome.predictions}")
    data = Path(read_facts(outcome.run).get("data") or data_folder(None))
    lines = [
        run_command(["score"], outcome.run, "val", data),
        run_command(["predict"], outcome.run, data=data),
    ]
    width = max(map(len, lines))
    console.info(f"next:  {lines[0]:<{width}}    every bone")
    console.info(f"       {lines[1]:<{width}}    the test images")
    console.out(str(outcome.run))


def weights_words(outcome: "Outcome") -> str:
    """Which weights the best Dice is of, where there were two to choose from."""
    from handseg.runs.history import read_run
    from handseg.runs.jsonl import mapping, number

    events = read_run(outcome.run).events
    both = [event for event in events if event.get("ema_mean") is not None]
    if not both:
        return ""
    step = mapping(both[-1].get("best")).get("step")
    best = next((event for event in reversed(both) if event.get("step") == step), both[-1])
    if outcome.uses_ema:
        other = number(best.get("raw_mean"))
        return f" of the weights' moving average; the weights themselves had {other:.4f}"
    other = number(best.get("ema_mean"))
    return f" of the weights themselves; their moving average had {other:.4f}"


def speed(batch_size: int) -> Bars:
    """Bars that say how fast a training is beside what it says itself."""

    @contextmanager
    def bars(title: str) -> Iterator[Progress]:
        with console.progress(title) as bar:
            seen: deque[tuple[float, int]] = deque(maxlen=SPEED_STEPS)
            present = ""

            def advance(done: int, total: int, note: str = "") -> None:
                nonlocal present
                if not note.startswith("epoch"):
                    bar(done, total, note)
                    return
                if (epoch := note.split("  ")[0]) != present:
                    # A validation came between: its time is none of the steps'.
                    present = epoch
                    seen.clear()
                seen.append((time.monotonic(), done))
                seconds = seen[-1][0] - seen[0][0]
                images = (done - seen[0][1]) * batch_size
                pace = f"{images / seconds:.3g} images/s  " if seconds > 0 else ""
                bar(done, total, pace + note)

            yield advance

    return bars


def dice_lines(by_class: Mapping[str, float]) -> list[str]:
    """The table of Dice, down in columns, the worst bones first."""
    from handseg.score.dice import worst_first

    scored = worst_first(by_class)
    height = -(-len(scored) // TABLE_COLUMNS)
    width = max((len(name) for name in by_class), default=0)
    cells = [f"{name:<{width}}  {dice:.4f}" for name, dice in scored]
    return ["    ".join(cells[row::height]) for row in range(height)]
