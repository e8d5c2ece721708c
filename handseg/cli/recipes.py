"""`handseg recipes`: the recipes that come with handseg."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.command import Csv, Force, Json, command, epilog
from handseg.cli.tables import Column, Table, plain_text
from handseg.text import dice_text

if TYPE_CHECKING:
    from handseg.recipe.load import BundledRecipe

FOLDER = Path("recipes")
"""Where `recipes copy` puts a recipe."""

ROOMY = 140
"""Cells in which the table of recipes has all of its columns."""

LIST_EXAMPLES = ("handseg recipes", "handseg recipes --json", "handseg recipes copy segformer")
COPY_EXAMPLES = ("handseg recipes copy segformer", "handseg recipes copy unet --force")
FETCH_EXAMPLES = ("handseg recipes fetch segformer unet", "handseg recipes fetch my.toml")


app = typer.Typer(invoke_without_command=True, epilog=epilog(LIST_EXAMPLES))


@app.callback()
@command(examples=LIST_EXAMPLES)
def recipes(context: typer.Context, json_: Json = False, csv_: Csv = False) -> None:
    """List the recipes that come with handseg, copy one, or fetch the weights of some."""
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
