"""Images and label planes at one size, prepared once and mapped into memory."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Sample
from handseg.data.fingerprint import file_hashes, sample_files
from handseg.data.mapped import Mapped, checksums, copy_of
from handseg.data.planes import plane_count
from handseg.data.preparing import check_space, make, refused_without_room
from handseg.data.storage import cache_root, turn
from handseg.disk import whole_folder
from handseg.errors import FailedError
from handseg.reporter import Progress, silent

VERSION = 2
ATTEMPTS = 3


@dataclass(frozen=True)
class Prepared:
    """Samples at a size, in the order in which they were asked for.

    `labelled` is `bool[n, C]`, `sources` `int32[n, 2]` the full `(height, width)`; images and
    planes lie in mapped files that all workers share, at `rows`.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    size: int
    images: Mapped
    planes: Mapped
    labelled: NDArray[np.bool_]
    sources: NDArray[np.int32]
    rows: NDArray[np.intp]

    def image(self, index: int) -> NDArray[np.uint8]:
        """A copy of the image of a sample, `uint8[size, size]`."""
        return copy_of(self.images, int(self.rows[index]))

    def label_planes(self, index: int) -> NDArray[np.uint8]:
        """A copy of the label of a sample, `uint8[size, size, ceil(C / 8)]`."""
        return copy_of(self.planes, int(self.rows[index]))

    def only(self, samples: Sequence[Sample]) -> "Prepared":
        """Some of the samples, in the order given; nothing is copied."""
        places = {sample: index for index, sample in enumerate(self.samples)}
        chosen = np.array([places[sample] for sample in samples], np.intp)
        return replace(
            self,
            samples=tuple(samples),
            labelled=self.labelled[chosen],
            sources=self.sources[chosen],
            rows=self.rows[chosen],
        )


Announce = Callable[[int, int], None]
"""Told, before anything is made, the bytes that it will take and those that are free."""


def unannounced(needed: int, free: int) -> None:
    """An `Announce` that tells nobody."""


def prepared_bytes(count: int, classes: int, size: int) -> int:
    """The bytes on disk of so many prepared samples."""
    return count * size * size * (1 + plane_count(classes))


def prepare(
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress = silent,
    announce: Announce = unannounced,
) -> Prepared:
    """Map the prepared samples; make them first where they are missing, stale or damaged.

    The name of the folder is a hash of the files' contents, the classes and the size, and the
    folder appears whole: makers at once or a kill leave nothing that could be mistaken for it.
    Every row is checked against its checksum each time.

    Raises:
        InputError: an image or label is missing or at fault.
        FailedError: the disk is too small, or the files cannot be mapped.
    """
    folder = place_of(samples, classes, size)
    found = mapped(folder, samples, classes, size)
    if found is not None:
        return found

    def waiting() -> None:
        progress(0, len(samples), "another process prepares them")

    # Five folds that start at once prepare once.
    with turn(folder.name, waiting):
        found = mapped(folder, samples, classes, size)
        return found or made(folder, samples, classes, size, progress, announce)


def made(
    folder: Path,
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress,
    announce: Announce,
) -> Prepared:
    """Make the folder and map it.

    More than once, should another maker (one that knows no locks) just be putting its own in this
    one's place.
    """
    needed = prepared_bytes(len(samples), len(classes), size)
    for _ in range(ATTEMPTS):
        announce(needed, check_space(needed))
        with refused_without_room(needed), whole_folder(folder) as draft:
            make(draft, samples, classes, size, progress)
        found = mapped(folder, samples, classes, size)
        if found is not None:
            return found
    raise FailedError(f"{folder} was made and cannot be mapped into memory")


def place_of(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> Path:
    return cache_root() / "prepared" / key(samples, classes, size)


def key(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> str:
    hashes = file_hashes(sample_files(samples))
    files = [
        (
            hashes[sample.image],
            hashes[sample.labels] if sample.labels else "",
            sample.entry,
            sample.labelled,
        )
        for sample in samples
    ]
    whole = hashlib.sha256(json.dumps([VERSION, classes, size, files]).encode())
    return f"{size}-{whole.hexdigest()[:20]}"


def mapped(
    folder: Path, samples: Sequence[Sample], classes: tuple[str, ...], size: int
) -> Prepared | None:
    """What a folder holds; None where it is missing, partial or damaged and is to be made anew."""
    count, depth = len(samples), plane_count(len(classes))
    try:
        images: Mapped = np.load(folder / "images.npy", mmap_mode="r")
        planes: Mapped = np.load(folder / "planes.npy", mmap_mode="r")
        with np.load(folder / "facts.npz") as facts:
            labelled, sources, sums = (facts[name] for name in ("labelled", "sources", "sums"))
        shapes = ((count, size, size), (count, size, size, depth), (count, len(classes)))
        if tuple(array.shape for array in (images, planes, labelled)) != shapes:
            return None
        if not np.array_equal(sums, [checksums(images), checksums(planes)]):
            return None
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile):
        return None
    return Prepared(
        tuple(samples), classes, size, images, planes, labelled, sources, np.arange(count)
    )
