"""`handseg train`: a recipe to a trained run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.recipe.load import LoadedRecipe
    from handseg.train.session import Outcome

TABLE_COLUMNS = 3
"""Of the Dice that a training ends with: 29 bones in ten lines."""


@command(
    examples=[
        "handseg train recipes/segformer.toml",
        "handseg train recipes/segformer.toml --set data.size=512 --set model.weights=none",
        "handseg train --resume last",
    ]
)
def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe: a file, or a bundled one.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run.")
    ] = None,
    set_: options.Set = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The run's name.")
    ] = None,
    data: options.Data = None,
    runs: options.Runs = None,
) -> None:
    """Train a network by a recipe, or go on with a run.

    The run's folder holds everything that was seen and made.
    """
    if (recipe is None) == (resume is None):
        raise UsageError(
            "name a recipe, or a run to resume",
            hints=["handseg train recipes/segformer.toml", "handseg train --resume last"],
        )
    if resume is not None:
        if name is not None:
            raise UsageError("a resumed run keeps its name: --name and --resume exclude each other")
        report(go_on(resume, set_ or [], data, options.runs_folder(runs)))
    elif recipe is not None:
        for outcome in begin(recipe, set_ or [], name, options.data_folder(data), runs):
            report(outcome)


def begin(
    recipe: str, sets: list[str], name: str | None, data: Path, runs: Path | None
) -> "Iterator[Outcome]":
    """Train the recipe, or with `data.fold = "all"` one run after the other."""
    from handseg.data.dataset import open_dataset
    from handseg.recipe import load_recipe

    loaded = load_recipe(recipe, sets)
    if loaded.bundled:
        console.say(f"using the bundled recipe {loaded.path}")
    for warning in loaded.warnings:
        console.warn(warning)
    if name is not None and loaded.recipe.data.fold == "all":
        raise UsageError('--name names one run; with data.fold = "all" there is one for each fold')
    # Before torch is loaded: most first attempts end here.
    console.say(open_dataset(data).recognised)
    from handseg.train.session import Speaker
    from handseg.train.session import train as run_training

    speaker = Speaker(console.say, console.progress)
    for one in by_fold(loaded, recipe, sets, data):
        yield run_training(one, data, options.runs_folder(runs), speaker, name=name)


def by_fold(
    loaded: "LoadedRecipe", recipe: str, sets: list[str], data: Path
) -> "list[LoadedRecipe]":
    """The recipe, or with `data.fold = "all"` one for each fold."""
    from handseg.data.dataset import open_dataset
    from handseg.data.folds import load_or_write_folds
    from handseg.recipe import load_recipe

    if loaded.recipe.data.fold != "all":
        return [loaded]
    with console.progress("measuring hands") as bar:
        folds = load_or_write_folds(open_dataset(data), progress=bar).folds
    return [load_recipe(recipe, [*sets, f"data.fold={fold}"]) for fold in range(folds.k)]


def go_on(resumed: str, sets: list[str], data: Path | None, runs: Path) -> "Outcome":
    """Resume a run, on the data that it began with unless told otherwise."""
    from handseg.recipe import load_recipe
    from handseg.runs import fields
    from handseg.runs.find import find_run

    run = find_run(resumed, runs)
    loaded = load_recipe(str(run / fields.RECIPE), sets, resumed=True)
    for warning in loaded.warnings:
        console.warn(warning)
    from handseg.predict.of_run import read_facts
    from handseg.train.session import Speaker
    from handseg.train.session import resume as resume_training

    place = data or Path(read_facts(run).get("data") or options.data_folder(None))
    return resume_training(run, loaded, place, Speaker(console.say, console.progress))


def report(outcome: "Outcome") -> None:
    """The Dice of every bone, where everything lies, and what to type next."""
    if outcome.reason:
        console.say(f"ended early: {outcome.reason}")
    for line in dice_lines(outcome.by_class):
        console.say(line)
    console.say(f"best Dice {outcome.best:.4f} (validation)")
    console.say(f"held-out people: {outcome.predictions}")
    console.say(f"next:  handseg score {outcome.run.name}:val    every bone")
    console.say(f"       handseg predict {outcome.run.name}      the test images")
    console.out(str(outcome.run))


def dice_lines(by_class: Mapping[str, float]) -> list[str]:
    """The table of Dice, down in columns, the worst bones first."""
    from handseg.score.dice import worst_first

    scored = worst_first(by_class)
    height = -(-len(scored) // TABLE_COLUMNS)
    width = max((len(name) for name in by_class), default=0)
    cells = [f"{name:<{width}}  {dice:.4f}" for name, dice in scored]
    return ["    ".join(cells[row::height]) for row in range(height)]
