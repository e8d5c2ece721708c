"""What `handseg convert` reads: the masks of whatever a person typed."""

from pathlib import Path
from typing import TYPE_CHECKING

from handseg.cli import console, options
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.data.image_sizes import ImageSizes
    from handseg.formats.masks import Masks


def read_source(
    src: str, runs: Path, data: Path | None, image_size: str | None, split: str | None
) -> "Masks":
    """The masks of `src`, in whatever format that is; `data` and `runs` are as they were given.

    Raises InputError where there is nothing, UsageError for words that do not go with it.
    """
    from handseg.formats.table import reader_for

    path = Path(src)
    reader = reader_for(path)
    if reader is None and path.is_dir() and not is_run(path, runs):
        from handseg.formats.labels import read_labels

        say_own_sizes(src, data, image_size)
        return read_labels(path, split or "all")
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
    from handseg.runs.fields import RUN

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
    folder = options.data_folder(data)
    given = None if image_size is None else options.pixels(image_size)
    sizes = sizes_of(submission, images, folder, given, data_is_wanted=data is not None)
    assumed = sizes.unknown(images)
    say_sizes(sizes, folder, len(assumed))
    if given is None:
        check_assumed_size(submission, assumed, sizes.default)
    return masks_of(submission, {image: sizes.of(image) for image in images})


def say_sizes(sizes: "ImageSizes", folder: Path, assumed: int) -> None:
    """Where the sizes come from; `assumed` of them nothing says: a wrong one moves every pixel."""
    read = len(sizes.headers.keys() - sizes.sidecars.keys())
    height, width = sizes.default
    if read:
        console.info(f"sizes of {read} images read in {folder}")
    if assumed and sizes.given:
        console.info(f"sizes of {assumed} images taken as {height} × {width}")
    elif assumed:
        console.warn(
            f"nobody knows the sizes of {assumed} images: taken as {height} × {width}; "
            "--data DIR or --image-size HxW says better"
        )
    elif sizes.given:
        console.info("--image-size is not needed: the sizes of all images are known")
