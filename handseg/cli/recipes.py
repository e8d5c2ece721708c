"""`handseg recipes`: the recipes that come with handseg."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.command import Csv, Force, Json, Set, command, epilog
from handseg.cli.tables import Column, Table, plain_text
from handseg.errors import UsageError
from handseg.text import dice_text

if TYPE_CHECKING:
    from handseg.recipe.load import BundledRecipe
    from handseg.recipe.schema import Recipe

FOLDER = Path("recipes")
"""Where `recipes copy` puts a recipe."""

ROOMY = 140
"""Cells in which the table of recipes has all of its columns."""

LIST_EXAMPLES = ("handseg recipes", "handseg recipes --json", "handseg recipes copy segformer")
COPY_EXAMPLES = ("handseg recipes copy segformer", "handseg recipes copy unet --force")
SHOW_EXAMPLES = (
    "handseg recipes show segformer",
    "handseg recipes show unet --resolved --set train.epochs=5",
    "handseg recipes show unet --schedule",
)
SCHEDULE_CELLS = (56, 6)
"""Width and height of a drawing of a schedule."""
FETCH_EXAMPLES = ("handseg recipes fetch segformer unet", "handseg recipes fetch my.toml")


app = typer.Typer(invoke_without_command=True, epilog=epilog(LIST_EXAMPLES))


@app.callback()
@command(examples=LIST_EXAMPLES)
def recipes(context: typer.Context, json_: Json = False, csv_: Csv = False) -> None:
    """List the recipes that come with handseg; show, copy one, fetch weights."""
    from handseg.recipe.layers import bundled_folder
    from handseg.recipe.load import bundled_recipes

    if context.invoked_subcommand is not None:
        return
    found = bundled_recipes()
    if json_:
        console.print_json([{**facts_of(one), "comment": list(one.comment)} for one in found])
        return
    table = recipes_table(found)
    if csv_:
        console.print_csv(table.to_csv())
    else:
        console.print_table(table.to_rich())
        console.info("valid. and leader. are the mean Dice that was published for the network")
        console.info(f"they lie in {bundled_folder()}; one as a file of your own:")
        console.info("  handseg recipes copy segformer")


def facts_of(bundled: "BundledRecipe") -> dict[str, Any]:
    """What a recipe that comes with handseg is, for people and for programs."""
    from handseg.recipe import tables
    from handseg.recipe.load import load_recipe

    recipe = load_recipe(str(bundled.path)).recipe
    model = recipe.model
    return {
        "recipe": bundled.name,
        "library": model.library,
        "network": f"{model.architecture} {model.encoder.removeprefix('tu-')}",
        "parameters": tables.parameters(bundled.name),
        "size": recipe.data.size,
        "published": bundled.published,
        "weights": model.weights,
        "licence": bundled.licence,
        "path": str(bundled.path),
    }


def published(dice: float | None) -> str:
    return plain_text(None) if dice is None else dice_text(dice)


def recipes_table(recipes: "list[BundledRecipe]") -> Table:
    """A row a recipe; published Dice is that of the validation and of the leaderboard."""
    rows: list[tuple[Any, ...]] = []
    for bundled in recipes:
        facts = facts_of(bundled)
        figures = facts["published"]
        rows.append(
            (
                *(facts[key] for key in ("recipe", "library", "network", "parameters", "size")),
                *(figures.get(key) for key in ("validation", "leaderboard")),
                int(figures["size"]) if figures else None,
                facts["licence"] or None,
            )
        )
    # What a narrow terminal can do without: the names tell the network too.
    roomy = "all" if console.table_width() >= ROOMY else "programs"
    columns = [
        Column("recipe"),
        Column("library", readers=roomy),
        Column("network", readers=roomy),
        Column("parameters", lambda count: f"{count / 1e6:.1f} M", title="weights", right=True),
        Column("size", title="px", right=True, readers=roomy),
        Column("validation", published, title="valid.", right=True),
        Column("leaderboard", published, title="leader.", right=True),
        Column("published_size", title="at", right=True, readers=roomy),
        Column("licence", fold=True, min_width=12),
    ]
    return Table(columns, rows, look="head")


@app.command(epilog=epilog(SHOW_EXAMPLES))
@command(examples=SHOW_EXAMPLES)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe: a file or bundled.")],
    set_: Set = None,
    resolved: Annotated[
        bool,
        typer.Option("--resolved", help="Every value, and the file and line that it comes from."),
    ] = False,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Learning rate and loss weights over the epochs.")
    ] = False,
    json_: Json = False,
) -> None:
    """Print a recipe, all that it comes to, or how its rate and losses move.

    What --resolved prints is a recipe itself.
    """
    from handseg.recipe.load import load_recipe
    from handseg.recipe.schedule import schedule_of

    if resolved and schedule:
        raise UsageError("--resolved and --schedule exclude each other")
    if (json_ and not schedule) or (set_ and not (resolved or schedule)):
        word = "--json" if json_ else "--set"
        allowed = "--schedule" if json_ else "--resolved or --schedule"
        raise UsageError(f"{word} goes with {allowed}")
    loaded = load_recipe(name, set_ or [])
    if resolved:
        console.out(loaded.with_origins().removesuffix("\n"))
    elif not schedule:
        console.out(loaded.path.read_text(encoding="utf-8").removesuffix("\n"))
    elif json_:
        console.print_json(schedule_of(loaded.recipe, loaded.recipe.train.epochs + 1))
    else:
        print_schedule(loaded.recipe)


def print_schedule(recipe: "Recipe") -> None:
    """Draw the rate, and the weight of each loss that does not stay the same."""
    import numpy as np

    from handseg.recipe.schedule import schedule_of
    from handseg.view.curves import BLANK, dot_rows, line_codes

    width, height = SCHEDULE_CELLS
    found = schedule_of(recipe, 2 * width)
    epochs = f"{recipe.train.epochs:,} epochs"
    for title, values in found.items():
        if title == "epoch":
            continue
        low, high = min(values), max(values)
        if title != "rate" and low == high:
            console.out(f"{title:12}{high:g} throughout")
            continue
        rows = dot_rows(np.array(values), 0.0, high, height)
        cells = line_codes(rows, height)
        marks = {0: f"{high:.3g}", height - 1: "0"}
        names = {0: title, 1: recipe.schedule.name if title == "rate" else ""}
        for row, codes in enumerate(cells):
            line = "".join(chr(BLANK + int(code)) for code in codes)
            console.out(f"{names.get(row, ''):12}{marks.get(row, ''):>8} │{line}".rstrip())
        console.out(f"{'':20} └{'─' * width}")
        console.out(f"{'':21} 0{epochs:>{width - 1}}")


@app.command(epilog=epilog(FETCH_EXAMPLES))
@command(examples=FETCH_EXAMPLES)
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Recipes.")],
) -> None:
    """Get the weights of recipes from the net, for this machine or for one without a net.

    They are loaded as a training loads them, and lie where it will look for them.
    """
    from handseg.recipe.load import load_recipe

    # All recipes are read before the first weights are: those take long.
    loaded = [load_recipe(name) for name in names]
    from handseg.models.library import download_folder
    from handseg.models.segmenter import build_model

    folders: list[Path] = []
    for one in loaded:
        model = one.recipe.model
        if model.weights == "none":
            console.info(f"{one.name} trains from scratch: it has no weights to fetch")
            continue
        build_model(one.recipe, 1)
        console.out(f"{one.name}  {model.weights}")
        folders.append(download_folder(model))
    for folder in dict.fromkeys(folders):
        console.info(f"they lie in {folder}")
        console.info("  copy it to the same place on a machine without a net")


@app.command(epilog=epilog(COPY_EXAMPLES))
@command(examples=COPY_EXAMPLES)
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe of `handseg recipes`.")],
    force: Force = False,
) -> None:
    """Put a recipe and its bases into ./recipes."""
    from handseg.recipe.load import copy_recipe

    for path in copy_recipe(name, FOLDER, force=force):
        console.out(str(path))
