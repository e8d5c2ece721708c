"""The sizes of a submission's images, which a CSV does not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.errors import InputError
from handseg.formats.masks import Size
from handseg.rle.submission import Submission

if TYPE_CHECKING:
    from handseg.data.dataset import Sample


@dataclass(frozen=True)
class Sizes:
    """The size of each image, and of how many nobody knew it."""

    by_image: dict[str, Size]
    from_sidecar: int
    from_data: int
    taken: tuple[str, ...]
    """Images that were given the default."""


def sizes_of(
    submission: Submission,
    images: Sequence[str],
    data: Path,
    otherwise: Size,
    *,
    data_is_wanted: bool = False,
) -> Sizes:
    """The sizes of `images`: the sidecar's, else those of the data set's images, else `otherwise`.

    Only headers of images are read. Raises InputError where there is no data set in `data` though
    it `is_wanted`, or where an image of it cannot be read.
    """
    by_image = {name: submission.sizes[name] for name in images if name in submission.sizes}
    from_sidecar = len(by_image)
    lacking = [name for name in images if name not in by_image]
    if lacking or data_is_wanted:
        by_image |= _sizes_in(samples_in(data, data_is_wanted), lacking)
    from_data = len(by_image) - from_sidecar
    complete = {name: by_image.get(name, otherwise) for name in images}
    taken = tuple(name for name in images if name not in by_image)
    return Sizes(complete, from_sidecar, from_data, taken)


def samples_in(data: Path, is_wanted: bool) -> "dict[str, Sample]":
    """The samples of the data set by image name; none where there is no data set."""
    from handseg.data.dataset import open_dataset

    try:
        return {sample.image_name: sample for sample in open_dataset(data).split("all")}
    except InputError:
        if is_wanted:
            raise
        return {}


def _sizes_in(samples: "dict[str, Sample]", names: Sequence[str]) -> dict[str, Size]:
    from handseg.data.images import image_size

    return {name: image_size(samples[name].image) for name in names if name in samples}
