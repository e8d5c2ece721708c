"""`handseg phantom`: a data set of synthetic radiographs."""

from pathlib import Path
from typing import Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Force, command


@command(
    examples=[
        "handseg phantom data",
        "handseg phantom data --people 8 --size 512 --force",
        "handseg phantom data --people 60 --test-people 12 --size 2048 --seed 7",
        "handseg phantom data --people 8 --with rings,metal,collimator,exposure",
    ]
)
def phantom(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new data set.")],
    people: Annotated[int, typer.Option(metavar="N", help="People, two hands each.")] = 40,
    size: Annotated[int, typer.Option(metavar="PX", help="Width and height of an image.")] = 1024,
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed gives the same bytes.", min=0)
    ] = 0,
    test_people: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many of the people are the test split [default: 26%]."),
    ] = None,
    extras: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="WHAT,…",
            help="What else there is to see: rings, metal, collimator, markers, sesamoids, "
            "exposure (under or over), or all. No label changes.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Make a data set of synthetic hand radiographs, with labels.

    Its layout is the one that `handseg train` reads.
    """
    from handseg.phantom.writing import write_phantoms

    with console.progress("making phantoms") as progress:
        made = write_phantoms(
            folder,
            people=people,
            size=size,
            seed=seed,
            test_people=test_people,
            extras=[] if extras is None else [name.strip() for name in extras.split(",")],
            force=force,
            progress=progress,
        )
    console.out(str(made))
