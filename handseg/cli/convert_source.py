"""What `handseg convert` reads: the masks of whatever a person typed."""

from pathlib import Path
from typing import TYPE_CHECKING

from handseg.cli import console, options
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.formats.masks import Masks
    from handseg.formats.sizes import Sizes


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
    from handseg.formats.sizes import sizes_of
    from handseg.formats.submission import grid_of, masks_of
    from handseg.rle.assumed import check_assumed_size
    from handseg.rle.submission import read_submission

    submission = read_submission(path)
    images, _ = grid_of(submission)
    folder = options.data_folder(data)
    size, is_wanted = options.pixels(image_size), data is not None
    sizes = sizes_of(submission, images, folder, size, data_is_wanted=is_wanted)
    say_sizes(sizes, folder, size, is_given=image_size is not None)
    if image_size is None:
        check_assumed_size(submission, sizes.taken, size)
    return masks_of(submission, sizes.by_image)


def say_sizes(sizes: "Sizes", folder: Path, size: tuple[int, int], *, is_given: bool) -> None:
    """Where the sizes come from: a wrong one moves every pixel."""
    if sizes.from_data:
        console.info(f"sizes of {sizes.from_data} images read in {folder}")
    if sizes.taken and is_given:
        console.info(f"sizes of {len(sizes.taken)} images taken as {size[0]} × {size[1]}")
    elif sizes.taken:
        console.warn(
            f"nobody knows the sizes of {len(sizes.taken)} images: taken as {size[0]} × {size[1]}; "
            "--data DIR or --image-size HxW says better"
        )
    elif is_given:
        console.info("--image-size is not needed: the sizes of all images are known")
