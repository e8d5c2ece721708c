"""`handseg preview`: what a network would be trained on, seen before it is."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Data, Force, Set, check_out, command, data_folder
from handseg.errors import UsageError
from handseg.text import counted

if TYPE_CHECKING:
    from handseg.view.sheet import Tile

MOST_PIXELS = 384
"""Of a side of a sample on a sheet."""


@command(
    examples=[
        "handseg preview segformer",
        "handseg preview recipes/unet.toml -n 4 --set data.size=512",
        "handseg preview my.toml --out sheet.png",
    ]
)
def preview(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe: a file or bundled.")],
    number: Annotated[int, typer.Option("-n", metavar="N", min=1, help="Samples.")] = 12,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Write one picture.")
    ] = None,
    set_: Set = None,
    data: Data = None,
    force: Force = False,
) -> None:
    """Show the first samples of a training as its network gets them, with their masks.

    They are those of the recipe's first epoch, crops and augmentation included. In the terminal
    without --out.
    """
    from handseg.recipe.load import load_recipe

    loaded = load_recipe(recipe, set_ or [])
    if out is None:
        refuse_without_colours(["handseg", "preview", recipe])
    else:
        check_out(out, force, is_csv=False)
        if out.suffix.lower() != ".png":
            raise UsageError(
                f"--out {out}: what is written is a PNG", hints=[f"--out {out.with_suffix('.png')}"]
            )
    from handseg import disk
    from handseg.anatomy import colours
    from handseg.train.data import find_data
    from handseg.train.preview import preview_samples
    from handseg.view.overlay import compose
    from handseg.view.page import png_bytes
    from handseg.view.sheet import Tile, sheet_picture, terminal_tiles

    with console.progress("reading files") as bar:
        found = find_data(loaded, data_folder(data), bar, write_folds=False)
    size = loaded.recipe.data.size
    columns, side = terminal_tiles(console.table_width())
    side = min(size, MOST_PIXELS if out else side)
    with console.progress("preparing samples") as bar:
        samples = preview_samples(loaded.recipe, found, number, bar)
    shades = colours(found.dataset.classes)
    tiles = [
        Tile(sample.name, compose(sample.image, sample.planes, shades, (side, side)))
        for sample in samples
    ]
    if out is None:
        print_tiles(tiles, columns)
    else:
        disk.replace(out, png_bytes(sheet_picture(tiles)))
        console.out(str(out))
    augmented = ", ".join(loaded.recipe.augment) or "none"
    console.info(
        f"{counted(len(tiles), 'sample')} of the first epoch at {size} px, "
        f"augmentation: {augmented}"
    )


def refuse_without_colours(words: list[str]) -> None:
    """Say where stdout shows no colours.

    Raises:
        UsageError: it is no terminal, or one without.
    """
    from rich.console import Console

    screen = Console()
    if screen.is_terminal and screen.color_system and not screen.no_color:
        return
    why = "a terminal without colours" if screen.is_terminal else "no terminal"
    raise UsageError(
        f"stdout is {why}, where no picture can be drawn",
        hints=[shlex.join([*words, "--out", "sheet.png"])],
    )


def print_tiles(tiles: "list[Tile]", columns: int) -> None:
    from rich.console import Console
    from rich.segment import SegmentLines

    from handseg.view.sheet import terminal_lines

    lines = list(terminal_lines(tiles, columns))
    Console().print(SegmentLines(lines, new_lines=True), end="")
