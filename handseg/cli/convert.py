"""`handseg convert`: masks for another tool, and back."""

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.anatomy import misspelt_bones
from handseg.cli import console
from handseg.cli.command import (
    STREAM,
    Data,
    Force,
    ImageSize,
    Out,
    Runs,
    check_out,
    command,
    data_folder,
    pixels,
    runs_folder,
    say_if_unused,
)
from handseg.errors import InputError, UsageError
from handseg.registry import FORMATS
from handseg.text import counted, pixels_text

if TYPE_CHECKING:
    from handseg.data.image_sizes import ImageSizes
    from handseg.formats.masks import Format, Masks

CONVERTED = Path("converted")
"""Where conversions without a name go."""
FormatName = StrEnum("FormatName", {name.upper(): name for name in FORMATS})


class RunLengths(StrEnum):
    """How COCO JSON holds a mask."""

    COMPRESSED = "compressed"
    PLAIN = "plain"


class LabelmeShapes(StrEnum):
    """How labelme holds a mask."""

    POLYGON = "polygon"
    MASK = "mask"


class LabelSplit(StrEnum):
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
        ),
    ],
    to: Annotated[
        FormatName,  # pyright: ignore[reportInvalidTypeForm]
        typer.Option(
            help="A folder of polygon files (handbone: a data set's labels; labelme), COCO JSON, "
            "a folder of PNG planes, or a CSV."
        ),
    ],
    out: Out = None,
    split: Annotated[
        LabelSplit | None, typer.Option(help="Of a data set [default: what has labels].")
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Copy the images beside the polygon files.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Link them instead.")] = False,
    shapes: Annotated[
        LabelmeShapes | None,
        typer.Option(help="Of labelme: outlines to drag, or masks to paint [default: polygon]."),
    ] = None,
    rle: Annotated[
        RunLengths | None,
        typer.Option(
            help="Of COCO JSON: text as pycocotools keeps it, or lists of counts "
            "[default: compressed]."
        ),
    ] = None,
    image_size: ImageSize = None,
    data: Data = None,
    runs: Runs = None,
    force: Force = False,
) -> None:
    """Give masks and labels to another tool, or take corrected ones back.

    All formats become each other without the loss of a pixel. Polygons are drawn as the
    competition draws them.
    """
    from handseg.formats.masks import FileFormat, Place
    from handseg.formats.polygon_files import PolygonFormat

    pixels(image_size)  # before any work: whether it is a size
    target = target_format(to, rle, shapes, copied=with_images, linked=link)
    check_place(out, target, Path(src), force)
    masks = read_source(src, runs_folder(runs), data, image_size, split)
    if isinstance(target, PolygonFormat) and not masks.image_files:
        from handseg.data.masks import with_image_files

        masks = with_image_files(masks, data_folder(data), is_wanted=data is not None)
    for note in masks.notes:
        console.info(f"{masks.path}: {note}")
    for cls, bone in misspelt_bones(masks.classes).items():
        console.warn(f"{masks.path}: {cls!r} is a class of its own: is {bone} meant?")
    for note in target.notes(masks):
        lost = to == "csv" and out == STREAM
        console.info(note + ("; a stream has no sidecar that says why" if lost else ""))
    with console.progress("converting") as bar:
        if out == STREAM and isinstance(target, FileFormat):
            target.stream(console.data_stream(), masks, bar)
            return
        path = target.write(Place(CONVERTED, stem_of(masks.path), out), masks, bar)
    console.info(
        f"{counted(len(masks.images), 'image')} of "
        f"{counted(len(masks.classes), 'class', 'classes')}"
    )
    console.out(str(path))


def target_format(
    to: str,
    rle: RunLengths | None,
    shapes: LabelmeShapes | None,
    *,
    copied: bool,
    linked: bool,
) -> "Format":
    """The format to write; raises UsageError for options that are about another."""
    from handseg.data.images import put_image
    from handseg.formats.coco import CocoFormat
    from handseg.formats.labelme import LabelmeFormat
    from handseg.formats.masks import format_named
    from handseg.formats.polygon_files import PolygonFormat

    found = format_named(to)
    if rle is not None:
        if not isinstance(found, CocoFormat):
            raise UsageError(f"--rle {rle} is about COCO JSON, not --to {to}")
        found = replace(found, compressed=rle == RunLengths.COMPRESSED)
    if shapes is not None:
        if not isinstance(found, LabelmeFormat):
            raise UsageError(f"--shapes {shapes} is about labelme, not --to {to}")
        found = replace(found, masks=shapes == LabelmeShapes.MASK)
    if copied or linked:
        if not isinstance(found, PolygonFormat):
            word = "--link" if linked else "--with-images"
            names = [name for name in FORMATS if isinstance(format_named(name), PolygonFormat)]
            raise UsageError(f"{word} is about polygon files (--to {', '.join(names)})")
        found = replace(found, place_image=partial(put_image, is_link=linked))
    return found


def check_place(out: Path | None, target: "Format", src: Path, force: bool) -> None:
    """Before any work: whether the name that a person gave can be used.

    `--force` replaces a folder of the same format, never one of images.
    """
    from handseg.formats.masks import FolderFormat

    if out is not None and out.exists() and src.exists() and out.samefile(src):
        raise UsageError(f"--out {out} is the source itself", hints=["choose another --out"])
    if not isinstance(target, FolderFormat):
        check_out(out, force, is_csv=False)
        return
    if out == STREAM:
        raise UsageError(
            f"--to {target.name} makes a folder: it has no stream", hints=["--out DIR"]
        )
    if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir() or not target.holds_only(out):
        raise UsageError(
            f"{out} holds other things than {target.contents}", hints=["choose another --out"]
        )
    if not force:
        raise UsageError(f"{out} exists", hints=["--force replaces it", "or choose another --out"])


def stem_of(path: Path) -> str:
    """What a conversion is called after: the source's name without what says its format."""
    from handseg.formats.masks import format_named

    if path == STREAM:
        return "stdin"
    if path.parent.name == "predictions":
        return f"{path.resolve().parent.parent.name}-{path.stem}"
    suffixes = {suffix for format_ in FORMATS for suffix in format_named(format_).suffixes}
    name = path.resolve().name
    while Path(name).suffix.lower() in suffixes:
        name = Path(name).stem
    return name


def read_source(
    src: str, runs: Path, data: Path | None, image_size: str | None, split: str | None
) -> "Masks":
    """The masks of `src`, in whatever format that is; `data` and `runs` are as they were given.

    Raises InputError where there is nothing, UsageError for words that do not go with it.
    """
    from handseg.formats.foreign import refuse_foreign
    from handseg.formats.masks import reader_for

    path = Path(src)
    refuse_foreign(path)
    reader = reader_for(path)
    if reader is None and path.is_dir() and not is_run(path, runs):
        from handseg.data.masks import read_dataset_masks

        say_own_sizes(src, data, image_size)
        return read_dataset_masks(path, split or "all")
    if split is not None:
        raise UsageError(
            f"--split {split} is about the labels of a data set",
            details=f"{src} is none; of a run's predictions RUN:{split} names a split",
        )
    if reader is not None:
        say_own_sizes(src, data, image_size)
        return reader.read(path)
    if path.suffix == ".json" and not path.exists():
        raise InputError(f"there is no file {src}", details=f"looked in {Path.cwd()}")
    from handseg.runs.predictions import find_prediction

    return read_csv(find_prediction(src, runs), data, image_size)


def is_run(path: Path, runs: Path) -> bool:
    """Whether a folder that there is, or one of its name among the runs, is a run."""
    from handseg.runs.layout import RUN

    return (path / RUN).is_file() or (runs / path / RUN).is_file()


def say_own_sizes(src: str, data: Path | None, image_size: str | None) -> None:
    if image_size is not None or data is not None:
        console.info(f"sizes of images: {src} knows them, neither --image-size nor --data is asked")


def read_csv(path: Path, data: Path | None, image_size: str | None) -> "Masks":
    """The masks of a submission, with the sizes that it does not say."""
    from handseg.data.image_sizes import check_assumed_size, sizes_of
    from handseg.formats.submission import grid_of, masks_of
    from handseg.rle.submission import read_submission

    submission = read_submission(path)
    images, _ = grid_of(submission)
    folder = data_folder(data)
    given = None if image_size is None else pixels(image_size)
    sizes = sizes_of(submission, images, folder, given, data_is_wanted=data is not None)
    assumed = sizes.unknown(images)
    say_sizes(sizes, folder, len(assumed))
    check_assumed_size(submission, assumed, sizes.default, is_given=given is not None)
    say_if_unused(image_size, sizes.known, images)
    return masks_of(submission, {image: sizes.of(image) for image in images})


def say_sizes(sizes: "ImageSizes", folder: Path, assumed: int) -> None:
    """Where the sizes come from; `assumed` of them nothing says: a wrong one moves every pixel."""
    read = len(sizes.headers.keys() - sizes.sidecars.keys())
    size = pixels_text(sizes.default)
    if read:
        console.info(f"sizes of {counted(read, 'image')} read in {folder}")
    if assumed and sizes.given:
        console.info(f"sizes of {counted(assumed, 'image')} taken as {size}")
    elif assumed:
        console.warn(
            f"nobody knows the sizes of {counted(assumed, 'image')}: taken as {size}; "
            "--data DIR or --image-size HxW says better"
        )
