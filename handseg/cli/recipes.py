"""`handseg recipes`: the recipes that come with handseg."""

from pathlib import Path
from typing import Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Csv, Force, Json, command, epilog
from handseg.cli.tables import Column, Table

FOLDER = Path("recipes")
"""Where `recipes copy` puts a recipe."""

LIST_EXAMPLES = ("handseg recipes", "handseg recipes --json", "handseg recipes copy segformer")
COPY_EXAMPLES = ("handseg recipes copy segformer", "handseg recipes copy unet --force")


app = typer.Typer(invoke_without_command=True, epilog=epilog(LIST_EXAMPLES))


@app.callback()
@command(examples=LIST_EXAMPLES)
def recipes(context: typer.Context, json_: Json = False, csv_: Csv = False) -> None:
    """List the recipes that come with handseg, or copy one."""
    from handseg.recipe.layers import bundled_folder, bundled_recipes
    from handseg.recipe.load import opening_comment

    if context.invoked_subcommand is not None:
        return
    found = [(path, opening_comment(path)) for path in bundled_recipes()]
    table = Table(
        [Column("recipe"), Column("comment", title="what it says", fold=True)],
        [(path.stem, "\n".join(comment)) for path, comment in found],
        look="head",
    )
    if json_:
        fields = [(path.stem, str(path), list(comment)) for path, comment in found]
        keys = ("recipe", "path", "comment")
        console.print_json([dict(zip(keys, row, strict=True)) for row in fields])
    elif csv_:
        console.print_csv(table.to_csv())
    else:
        console.print_table(table.to_rich())
        console.info(f"they lie in {bundled_folder()}; one as a file of your own:")
        console.info("  handseg recipes copy segformer")


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
