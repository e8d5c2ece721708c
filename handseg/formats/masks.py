"""What every format is read into and written from: a mask for each image and class."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle import Runs

if TYPE_CHECKING:
    from handseg.data.labels import Polygon
    from handseg.data.sample import Sample

Size = tuple[int, int]
"""(height, width) in pixels."""

LARGEST_IMAGE = 1 << 26
"""Pixels: 8192 × 8192. What is said to be larger is damage, and would fill the memory."""
LARGEST_GRID = 10_000_000
"""Images × classes; a row is written for each."""
AHEAD = 8
"""Images whose masks are read before they are asked for."""


@dataclass(frozen=True)
class Masks:
    """The masks of a source; each is read when it is asked for.

    `images` holds the size of every image and `classes` every class, in the order of the rows: one
    row for each pair, an empty mask where the source has none. `runs_of` gives the row-major runs
    of an image and class, in any thread; it raises InputError, with the place, where the source is
    at fault.
    """

    path: Path
    sha256: str
    format: str
    images: Mapping[str, Size]
    classes: tuple[str, ...]
    runs_of: Callable[[str, str], Runs]
    origin: Mapping[str, Any]
    """What is known of the models behind the masks, as fields of a sidecar."""
    notes: tuple[str, ...] = ()
    """What a person should know: things left out, united or lost."""
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of images of which not all classes were labelled, which were: the others have no mask at all,
    which is not the same as an empty one."""
    polygons_of: "Callable[[str, str], Sequence[Polygon]]" = lambda image, cls: ()
    """The polygons that a mask was drawn with, if it was, by `fillPoly`, and with nothing else; a
    person drew them and finds them again where a format has polygons."""
    samples: "Mapping[str, Sample]" = field(default_factory=dict[str, "Sample"])
    """The images in a data set, as far as they are known to be there."""

    def __post_init__(self) -> None:
        """Raises InputError where there is nothing, or more than an image can hold."""
        rows = len(self.images) * len(self.classes)
        if not rows:
            missing = "classes" if self.images else "images"
            raise InputError(f"there is nothing to convert: {self.path} has no {missing}")
        if rows > LARGEST_GRID:
            raise InputError(
                f"{self.path} has {len(self.images)} images of {len(self.classes)} classes",
                details=f"that would be {rows} masks; at most {LARGEST_GRID} are read",
            )
        for name, (height, width) in self.images.items():
            check_size(f"{self.path}: image {name!r}", height, width)

    def known(self, image: str) -> tuple[str, ...]:
        """The classes of an image that have a mask, be it empty: all but the unlabelled ones."""
        labelled = self.labelled.get(image)
        return self.classes if labelled is None else tuple(c for c in self.classes if c in labelled)

    @property
    def unlabelled(self) -> int:
        """How many images and classes nobody labelled."""
        return sum(len(self.classes) - len(self.known(image)) for image in self.labelled)


Found = tuple[str, dict[str, Runs]]
"""An image name and the runs of each class that has a mask."""


def by_image(masks: Masks) -> Iterator[Found]:
    """The masks of each image, in order; those of the next images are read in other threads."""
    from handseg.data.threads import threads

    def read(image: str) -> Found:
        return image, {cls: masks.runs_of(image, cls) for cls in masks.known(image)}

    images = iter(masks.images)
    with threads() as pool:
        waiting: deque[Future[Found]] = deque(pool.submit(read, i) for i in islice(images, AHEAD))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(pool.submit(read, image) for image in islice(images, 1))
            yield found


def rows(masks: Masks, progress: Progress = silent) -> Iterator[tuple[str, str, Runs]]:
    """(image name, class, runs) of every image and class but those that nobody labelled."""
    for done, (image, found) in enumerate(by_image(masks)):
        progress(done, len(masks.images), image)
        for cls, runs in found.items():
            yield image, cls, runs
    progress(len(masks.images), len(masks.images))


def check_size(place: str, height: Any, width: Any) -> Size:
    """The size; raises InputError, which begins with `place`, where no image has it."""
    if not (is_whole(height) and is_whole(width) and height > 0 and width > 0):
        raise InputError(f"{place} has no height and width in whole pixels")
    if height * width > LARGEST_IMAGE:
        raise InputError(
            f"{place} is said to have {height} × {width} pixels",
            details=f"images of up to {LARGEST_IMAGE} pixels are converted",
        )
    return height, width


def check_name(place: str, name: Any) -> str:
    """The name of an image or a class; raises InputError where it is none."""
    if not isinstance(name, str) or not name:
        raise InputError(f"{place} has no name")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        # JSON can escape half a character; no file can hold it.
        raise InputError(f"{place} has a name that is no text: {name!a:.80}") from None
    return name


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool)
