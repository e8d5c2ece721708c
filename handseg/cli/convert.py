"""`handseg convert`: masks for another tool, and back."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.formats.masks import Masks
    from handseg.formats.sizes import Sizes
    from handseg.formats.table import Writer

CONVERTED = Path("converted")
"""Where conversions go that nobody named."""
SUFFIXES = (".gz", ".csv", ".json", ".coco")
"""Parts of a source's name that say its format."""


class Format(StrEnum):
    """What `--to` may be."""

    COCO = "coco"
    PNG = "png"
    CSV = "csv"


class RunLengths(StrEnum):
    """How COCO JSON holds a mask."""

    COMPRESSED = "compressed"
    PLAIN = "plain"


@command(
    examples=[
        "handseg convert votes/vote-001.csv --to coco",
        "handseg convert unet-1:val --to coco --rle plain --out val.json",
        "handseg convert vote.csv --to png --image-size 2048x2048",
        "handseg convert annotations.json --to csv --out labels.csv",
    ]
)
def convert(
    src: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A CSV or RUN[:SPLIT], COCO JSON, or a folder of PNG planes that convert made.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Format,
        typer.Option(help="COCO JSON, a folder of PNG planes, or a CSV.", show_default=False),
    ],
    out: options.Out = None,
    rle: Annotated[
        RunLengths | None,
        typer.Option(
            help="Run lengths of COCO JSON: text as pycocotools keeps it, or lists of counts "
            "[default: compressed].",
            show_default=False,
        ),
    ] = None,
    image_size: options.ImageSize = None,
    data: options.Data = None,
    runs: options.Runs = None,
    force: options.Force = False,
) -> None:
    """Give masks to another tool, or take them from one.

    COCO JSON, PNG planes and CSVs become each other without the loss of a pixel.
    """
    from handseg.formats.places import Place

    options.pixels(image_size)  # before any work: whether it is a size
    writer = writer_of(to, rle)
    check_place(out, to, Path(src), force)
    masks = read_source(src, options.runs_folder(runs), data, image_size)
    for note in masks.notes:
        console.say(f"{masks.path}: {note}")
    with console.progress("converting") as bar:
        if out == options.STREAM:
            writer.stream(sys.stdout, masks, bar)
            return
        path = writer.write(Place(CONVERTED, stem_of(masks.path), out), masks, bar)
    console.say(f"{len(masks.images)} images of {len(masks.classes)} classes")
    console.out(str(path))


def writer_of(to: Format, rle: RunLengths | None) -> "Writer":
    from handseg.formats.coco.writing import CocoWriter
    from handseg.formats.table import WRITERS

    if rle is None:
        return WRITERS[to]
    if to != Format.COCO:
        raise UsageError(f"--rle {rle} is about COCO JSON, not --to {to}")
    return CocoWriter(compressed=rle == RunLengths.COMPRESSED)


def check_place(out: Path | None, to: Format, src: Path, force: bool) -> None:
    """Before any work: whether the name that a person gave can be used."""
    if out is not None and out.exists() and src.exists() and out.samefile(src):
        raise UsageError(f"--out {out} is the source itself", hints=["choose another --out"])
    if to == Format.PNG:
        check_folder(out, force)
    else:
        options.check_out(out, force)


def check_folder(out: Path | None, force: bool) -> None:
    """The same for a folder; `--force` replaces one of planes, never one of anything else."""
    from handseg.formats.planes.index import holds_only_planes

    if out == options.STREAM:
        raise UsageError("--to png makes a folder: it has no stream", hints=["--out DIR names one"])
    if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not holds_only_planes(out):
        raise UsageError(f"{out} holds other things than planes", hints=["choose another --out"])
    if not force:
        raise UsageError(f"{out} exists", hints=["--force replaces it", "or choose another --out"])


def read_source(src: str, runs: Path, data: Path | None, image_size: str | None) -> "Masks":
    """The masks of what a person typed, in whatever format that is."""
    from handseg.formats.table import reader_for
    from handseg.runs.predictions import find_prediction

    path = Path(src)
    reader = reader_for(path)
    if reader is not None:
        if image_size is not None or data is not None:
            console.say(f"--image-size and --data are not needed: {src} knows the sizes")
        return reader.read(path)
    if path.suffix == ".json" and not path.exists():
        raise InputError(f"there is no file {src}", why=f"looked in {Path.cwd()}")
    if path.is_dir() and any(path.glob("*.png")):
        raise InputError(
            f"{src} is a folder of pictures without planes.json",
            why="nothing says which masks they are; --to png writes one",
        )
    return read_csv(find_prediction(src, runs), data, image_size)


def read_csv(path: Path, data: Path | None, image_size: str | None) -> "Masks":
    """The masks of a submission, with the sizes that it does not say."""
    from handseg.formats.sizes import sizes_of
    from handseg.formats.submission import grid_of, masks_of
    from handseg.rle.submission import read_submission

    submission = read_submission(path)
    images, _ = grid_of(submission)
    folder = options.data_folder(data)
    size, is_wanted = options.pixels(image_size), data is not None
    sizes = sizes_of(submission, images, folder, size, data_is_wanted=is_wanted)
    say_sizes(sizes, folder, size, is_given=image_size is not None)
    return masks_of(submission, sizes.by_image)


def say_sizes(sizes: "Sizes", folder: Path, size: tuple[int, int], *, is_given: bool) -> None:
    """Where the sizes come from: a wrong one moves every pixel."""
    if sizes.from_data:
        console.say(f"sizes of {sizes.from_data} images read in {folder}")
    if sizes.taken and is_given:
        console.say(f"sizes of {sizes.taken} images taken as {size[0]} × {size[1]}")
    elif sizes.taken:
        console.warn(
            f"nobody knows the sizes of {sizes.taken} images: taken as {size[0]} × {size[1]}; "
            "--data DIR or --image-size HxW says better"
        )
    elif is_given:
        console.say("--image-size is not needed: the sizes of all images are known")


def stem_of(path: Path) -> str:
    """What a conversion is called after: the source's name without what says its format."""
    if path == options.STREAM:
        return "stdin"
    if path.parent.name == "predictions":
        return f"{path.resolve().parent.parent.name}-{path.stem}"
    name = path.resolve().name
    while Path(name).suffix.lower() in SUFFIXES:
        name = Path(name).stem
    return name
