"""`handseg convert`: masks for another tool, and back."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.formats.masks import Masks
    from handseg.formats.table import Writer

CONVERTED = Path("converted")
"""Where conversions go that nobody named."""
SUFFIXES = (".gz", ".csv", ".json", ".coco")
"""Parts of a source's name that say its format."""


class Format(StrEnum):
    """What `--to` may be."""

    HANDBONE = "handbone"
    COCO = "coco"
    LABELME = "labelme"
    PNG = "png"
    CSV = "csv"


POLYGONS = (Format.HANDBONE, Format.LABELME)
FOLDERS = (*POLYGONS, Format.PNG)


class RunLengths(StrEnum):
    """How COCO JSON holds a mask."""

    COMPRESSED = "compressed"
    PLAIN = "plain"


class Shapes(StrEnum):
    """How labelme holds a mask."""

    POLYGON = "polygon"
    MASK = "mask"


class Split(StrEnum):
    """Whose labels."""

    TRAIN = "train"
    TEST = "test"
    ALL = "all"


@command(
    examples=[
        "handseg convert votes/vote-001.csv --to coco",
        "handseg convert data --to labelme --split train --out corrected",
        "handseg convert corrected --to handbone --out new --link",
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
            help="A CSV or RUN[:SPLIT], a data set's folder (its labels), COCO JSON, polygon files "
            "of labelme or handbone, or a folder of PNG planes.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Format,
        typer.Option(
            help="A folder of polygon files (handbone: a data set's labels; labelme), COCO JSON, "
            "a folder of PNG planes, or a CSV.",
            show_default=False,
        ),
    ],
    out: options.Out = None,
    split: Annotated[
        Split | None,
        typer.Option(help="Of a data set [default: what has labels].", show_default=False),
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Copy the images beside the polygon files.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Link them instead.")] = False,
    shapes: Annotated[
        Shapes | None,
        typer.Option(
            help="Of labelme: outlines to drag, or masks to paint [default: polygon].",
            show_default=False,
        ),
    ] = None,
    rle: Annotated[
        RunLengths | None,
        typer.Option(
            help="Of COCO JSON: text as pycocotools keeps it, or lists of counts "
            "[default: compressed].",
            show_default=False,
        ),
    ] = None,
    image_size: options.ImageSize = None,
    data: options.Data = None,
    runs: options.Runs = None,
    force: options.Force = False,
) -> None:
    """Give masks and labels to another tool, or take corrected ones back.

    All formats become each other without the loss of a pixel. Polygons are drawn as the
    competition draws them.
    """
    from handseg.cli.convert_source import read_source
    from handseg.formats.places import Place

    options.pixels(image_size)  # before any work: whether it is a size
    writer = writer_of(to, rle, shapes, copied=with_images, linked=link)
    check_place(out, to, Path(src), force)
    masks = read_source(src, options.runs_folder(runs), data, image_size, split)
    if to in POLYGONS:
        masks = with_samples(masks, data)
    say_notes(masks, to, out)
    with console.progress("converting") as bar:
        if out == options.STREAM:
            writer.stream(sys.stdout, masks, bar)
            return
        path = writer.write(Place(CONVERTED, stem_of(masks.path), out), masks, bar)
    console.info(f"{len(masks.images)} images of {len(masks.classes)} classes")
    console.out(str(path))


def writer_of(
    to: Format, rle: RunLengths | None, shapes: Shapes | None, *, copied: bool, linked: bool
) -> "Writer":
    """The writer of a format; raises UsageError for words that are about another."""
    from handseg.formats.coco.writing import CocoWriter
    from handseg.formats.polygons.labelme import Labelme
    from handseg.formats.polygons.pictures import Pictures
    from handseg.formats.polygons.writing import PolygonWriter
    from handseg.formats.table import WRITERS

    if rle is not None and to != Format.COCO:
        raise UsageError(f"--rle {rle} is about COCO JSON, not --to {to}")
    if shapes is not None and to != Format.LABELME:
        raise UsageError(f"--shapes {shapes} is about labelme, not --to {to}")
    if (copied or linked) and to not in POLYGONS:
        word = "--link" if linked else "--with-images"
        raise UsageError(f"{word} is about polygon files (--to {', '.join(POLYGONS)})")
    writer = WRITERS[to]
    if isinstance(writer, PolygonWriter):
        pictures = Pictures.LINK if linked else Pictures.COPY if copied else Pictures.STAY
        dialect = Labelme(masks=True) if shapes == Shapes.MASK else writer.dialect
        return PolygonWriter(dialect, pictures)
    return CocoWriter(compressed=False) if rle == RunLengths.PLAIN else writer


def with_samples(masks: "Masks", data: Path | None) -> "Masks":
    """The masks with what the data set knows of their images: persons, splits, places."""
    from handseg.formats.placed import placed

    if masks.samples:
        return masks
    return placed(masks, options.data_folder(data), is_wanted=data is not None)


def say_notes(masks: "Masks", to: Format, out: Path | None) -> None:
    """What was left out or supposed, and what the format cannot say."""
    from handseg.formats.polygons.writing import PolygonWriter
    from handseg.formats.table import WRITERS

    for note in masks.notes:
        console.info(f"{masks.path}: {note}")
    writer = WRITERS[to]
    for note in writer.dialect.notes(masks) if isinstance(writer, PolygonWriter) else ():
        console.info(note)
    if masks.unlabelled and to == Format.CSV:
        lost = "; a stream has no sidecar that says why" if out == options.STREAM else ""
        console.info(f"{masks.unlabelled} masks that nobody labelled have no row{lost}")


def check_place(out: Path | None, to: Format, src: Path, force: bool) -> None:
    """Before any work: whether the name that a person gave can be used."""
    if out is not None and out.exists() and src.exists() and out.samefile(src):
        raise UsageError(f"--out {out} is the source itself", hints=["choose another --out"])
    if to in FOLDERS:
        check_folder(out, to, force)
    else:
        options.check_out(out, force)


def check_folder(out: Path | None, to: Format, force: bool) -> None:
    """The same for a folder; `--force` replaces one of the same format, never one of images."""
    if out == options.STREAM:
        raise UsageError(f"--to {to} makes a folder: it has no stream", hints=["--out DIR"])
    if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    what = "planes" if to == Format.PNG else "polygon files"
    if not out.is_dir() or not holds_only(out, to):
        raise UsageError(f"{out} holds other things than {what}", hints=["choose another --out"])
    if not force:
        raise UsageError(f"{out} exists", hints=["--force replaces it", "or choose another --out"])


def holds_only(out: Path, to: Format) -> bool:
    """Whether a folder has nothing in it but what `--to` makes."""
    from handseg.formats.planes.index import holds_only_planes
    from handseg.formats.polygons import recognised

    if to == Format.PNG:
        return holds_only_planes(out)
    return any(recognised.holds_only(out, one) for one in recognised.DIALECTS if one.name == to)


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
