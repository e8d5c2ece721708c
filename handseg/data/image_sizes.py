"""The sizes of a submission's images, which its rows do not say: who knows them, who is believed.

One precedence for all: the image's own header, else a sidecar, else `--image-size`, else the
competition's 2048 × 2048. A header is the fact and a sidecar a statement about it: where two that
are read disagree, masks and images do not belong together. Headers are read where a data set is
opened anyway: where it was named, or where a sidecar lacks sizes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.rle import RleError, Runs, parse
from handseg.rle.aligned import DEFAULT_SIZE
from handseg.rle.geometry import fits_width, infer_width
from handseg.rle.row_index import Key
from handseg.rle.submission import Submission
from handseg.text import counted, pixels_text, shown

if TYPE_CHECKING:
    from handseg.data.labels import Sample

HEADER = "the image itself"
CANDIDATES = 240
"""Keys whose masks may tell a width: to look all of them up would cost a vote a thirtieth."""
MASKS = 5
"""So many masks show whether a width fits: those of the longest texts."""
LONG = 1 << 13
"""Bytes of a text; longer ones are passed over where others will do: they are ragged, and cost
time."""
TEXT = 1 << 15
"""Bytes of texts that are read to infer a width where it does not fit."""


@dataclass(frozen=True)
class ImageSizes:
    """What is known of the sizes of images, by who says it."""

    headers: Mapping[str, Size] = field(default_factory=dict[str, Size])
    sidecars: Mapping[str, Size] = field(default_factory=dict[str, Size])
    given: Size | None = None
    """What the caller says of images that neither knows."""

    @cached_property
    def known(self) -> dict[str, Size]:
        """The sizes that headers or sidecars say; the header's where a check lets them disagree."""
        return {**self.sidecars, **self.headers}

    @property
    def default(self) -> Size:
        return self.given or DEFAULT_SIZE

    def of(self, image: str) -> Size:
        """(height, width) of an image, assumed if need be."""
        return self.known.get(image, self.default)

    def unknown(self, images: Iterable[str]) -> tuple[str, ...]:
        return tuple(image for image in images if image not in self.known)


def resolve_sizes(
    submissions: Sequence[Submission],
    headers: Mapping[str, Size] | None = None,
    given: Size | None = None,
    images: Collection[str] | None = None,
) -> ImageSizes:
    """The sizes that headers and the sidecars of submissions say, of some images or of all.

    Raises InputError where two of them disagree.
    """
    headers = headers or {}
    sources = [(HEADER, headers), *((str(one.path), one.sizes) for one in submissions)]
    _agreed(sources, images)
    return ImageSizes(headers, _agreed(sources[1:], images), given)


def sizes_of(
    submission: Submission,
    images: Sequence[str],
    data: Path,
    given: Size | None = None,
    *,
    data_is_wanted: bool = False,
) -> ImageSizes:
    """The sizes of the images of one submission; headers are read where its sidecar lacks some.

    Raises InputError where there is no data set in `data` though `data_is_wanted`, where it or an
    image of it is at fault, or where a header disagrees with the sidecar.
    """
    headers: dict[str, Size] = {}
    if data_is_wanted or not submission.sizes.keys() >= set(images):
        from handseg.data.dataset import find_dataset

        dataset = find_dataset(data, required=data_is_wanted)
        headers = header_sizes(dataset.split("all"), images) if dataset else {}
    return resolve_sizes([submission], headers, given, images)


def sidecar_sizes(submissions: Sequence[Submission]) -> dict[str, Size]:
    """The sizes that any of the sidecars says; raises InputError where two disagree."""
    return _agreed([(str(one.path), one.sizes) for one in submissions])


def header_sizes(samples: "Iterable[Sample]", images: Collection[str]) -> dict[str, Size]:
    """The sizes of those of the images that are among the samples, from their headers.

    Raises InputError where an image cannot be read.
    """
    from handseg.data.images import image_size

    wanted = set(images)
    return {
        sample.image_name: image_size(sample.image)
        for sample in samples
        if sample.image_name in wanted
    }


def check_all_known(sizes: Mapping[str, Size], images: Iterable[str]) -> None:
    """Raise InputError where the size of an image is needed and nothing says it."""
    unknown = [image for image in images if image not in sizes]
    if unknown:
        raise InputError(
            f"the size of {len(unknown)} images is not known",
            details=shown(unknown),
            hints=["say it, as in: --image-size 2048x2048"],
        )


def check_assumed_size(
    submission: Submission, images: Collection[str], size: Size, *, is_given: bool = False
) -> None:
    """Raise InputError where the masks of images of assumed (height, width) show another width.

    Of a size that was given, only where it fits the other way round.
    """
    wanted = set(images)
    keys = [key for key in submission if key[0] in wanted]
    found = width_mismatch(submission, keys, size[1])
    if found == size[0]:
        raise turned_size(submission.path, size)
    if found is not None and not is_given:
        raise InputError(
            f"{submission.path}: its masks look like images of {found} pixels a row, not {size[1]}",
            details="nothing says how large the images are: no sidecar and no data set",
            hints=[f"if they are square:  --image-size {found}x{found}"],
        )


def turned_size(path: Path, size: Size) -> InputError:
    """The fault of a given (height, width) that fits the masks of `path` the other way round."""
    height, width = size
    return InputError(
        f"{path}: its masks are of images of {pixels_text((width, height))}, "
        f"not of {pixels_text(size)}",
        details=f"they have {height} pixels a row",
        hints=[f"the height comes first:  --image-size {width}x{height}"],
    )


def width_mismatch(submission: Submission, keys: Sequence[Key], width: int) -> int | None:
    """The width that some masks of `keys` show, where it is not `width`; None where all fits.

    At positions in the flattened image, masks of 512² among those of 2048² are legal numbers: how
    the runs lie below each other tells the width. `keys` are of images of one width. None too where
    the masks hold too little to tell.
    """
    texts = _telling_texts(submission, keys)
    if fits_width(_readable(texts[:MASKS]), width):
        return None
    found = infer_width(_readable(texts))
    return None if found == width else found


def _agreed(
    sources: Sequence[tuple[str, Mapping[str, Size]]], images: Collection[str] | None = None
) -> dict[str, Size]:
    """What the sources say together; raises InputError where two disagree."""
    wanted = None if images is None else set(images)
    sizes: dict[str, Size] = {}
    said_by: dict[str, str] = {}
    disagreeing: dict[str, str] = {}
    for source, said in sources:
        for image, size in said.items():
            if wanted is not None and image not in wanted:
                continue
            first = sizes.setdefault(image, size)
            by = said_by.setdefault(image, source)
            if first != size:
                both = f"{by}: {pixels_text(first)}\n{source}: {pixels_text(size)}"
                disagreeing.setdefault(image, both)
    if disagreeing:
        image, both = next(iter(disagreeing.items()))
        others = len(disagreeing) - 1
        raise InputError(
            f"{image} has two sizes",
            details=both + (f"\nand {counted(others, 'more image')}" if others else ""),
            hints=["--data DIR names the data set that the masks are of"] if HEADER in both else [],
        )
    return sizes


def _telling_texts(submission: Submission, keys: Sequence[Key]) -> list[bytes]:
    """Run-length texts from all over the rows, the longest first; those that are too long last."""
    rows = submission.rows(keys[:: max(1, len(keys) // CANDIDATES)])
    lengths = submission.lengths(rows)
    rows, lengths = rows[lengths > 0], lengths[lengths > 0]
    order = np.argsort(np.where(lengths <= LONG, -lengths, lengths), kind="stable")
    before = np.cumsum(lengths[order]) - lengths[order]
    return submission.texts(rows[order[: max(MASKS, np.count_nonzero(before < TEXT))]])


def _readable(texts: Sequence[bytes]) -> list[Runs]:
    """The masks of those texts that can be read: a reader of all rows says what is wrong."""
    masks: list[Runs] = []
    for text in texts:
        try:
            masks.append(parse(text))
        except RleError:
            continue
    return masks
