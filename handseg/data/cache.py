"""Images and label planes at one size, made once on disk and mapped into memory.

Room on the disk is taken first, rows are checked one by one, and all processes share the files.
"""

import errno
import hashlib
import json
import math
import mmap
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from handseg.data.fingerprint import file_hashes, sample_files
from handseg.data.images import large_alone, pixel_version
from handseg.data.labels import Labels, Sample, read_labels
from handseg.data.planes import label_planes, plane_count, read_letterboxed
from handseg.data.storage import cache_root, turn
from handseg.disk import whole_folder
from handseg.errors import FailedError
from handseg.text import size_text
from handseg.work import Progress, silent, threads

VERSION = 2
ATTEMPTS = 3
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What systems answer when a file gets no more room: disk, quota, the largest file they hold."""
_NO_FALLOCATE = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})
_FAULT_AROUND = 1 << 21
"""Bytes within which systems map more than the page that was read."""

MemMap = np.memmap[tuple[int, ...], np.dtype[np.uint8]]
"""`uint8[rows, …]` in a `.npy` file."""


@dataclass(frozen=True)
class CachedDataset:
    """Samples at a size, in the order in which they were asked for.

    `labelled` is `bool[n, C]`, `sources` `int32[n, 2]` the full `(height, width)`; images and
    planes lie in mapped files that all workers share, at `rows`.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    size: int
    images: MemMap
    planes: MemMap
    labelled: NDArray[np.bool_]
    sources: NDArray[np.int32]
    rows: NDArray[np.intp]

    def image(self, index: int) -> NDArray[np.uint8]:
        """A copy of the image of a sample, `uint8[size, size]`."""
        return copy_of(self.images, int(self.rows[index]))

    def label_planes(self, index: int) -> NDArray[np.uint8]:
        """A copy of the label of a sample, `uint8[size, size, ceil(C / 8)]`."""
        return copy_of(self.planes, int(self.rows[index]))

    def only(self, samples: Sequence[Sample]) -> "CachedDataset":
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


def cache_bytes(count: int, classes: int, size: int) -> int:
    return count * size * size * (1 + plane_count(classes))


def build_cache(
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress = silent,
    announce: Callable[[int, int], None] = lambda needed, free: None,
) -> CachedDataset:
    """Map the prepared samples; make them first where they are missing, stale or damaged.

    The name of the folder is a hash of the files' contents, the classes and the size, and the
    folder appears whole: a kill, or processes that make it at once, leave nothing that could be
    mistaken for it. Every row is checked against its checksum each time. `announce` is called,
    before anything is made, with the bytes that it will take and those that are free.

    Raises:
        InputError: an image or label is missing or at fault.
        FailedError: the disk is too small, or the files cannot be mapped.
    """
    folder = cache_folder(samples, classes, size)
    cached = map_cache(folder, samples, classes, size)
    if cached is not None:
        return cached

    def waiting() -> None:
        progress(0, len(samples), "another process prepares them")

    needed = cache_bytes(len(samples), len(classes), size)
    # Five folds that start at once prepare once.
    with turn(folder.name, waiting):
        cached = map_cache(folder, samples, classes, size)
        # A process without locks may just be putting its own folder in this one's place.
        for _ in range(ATTEMPTS):
            if cached is not None:
                return cached
            announce(needed, check_space(needed))
            with refused_without_room(needed), whole_folder(folder) as draft:
                write_cache(draft, samples, classes, size, progress)
            cached = map_cache(folder, samples, classes, size)
    if cached is None:
        raise FailedError(f"{folder} was made and cannot be mapped into memory")
    return cached


def cache_folder(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> Path:
    """Named by a hash of what the files hold."""
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
    content: list[Any] = [VERSION, classes, size, files]
    versions = [pixel_version(sample.image) for sample in samples]
    if any(version > 1 for version in versions):
        # Not where all are 1: what has been prepared of plain images is used on.
        content.append(versions)
    whole = hashlib.sha256(json.dumps(content).encode())
    return cache_root() / "prepared" / f"{size}-{whole.hexdigest()[:20]}"


def map_cache(
    folder: Path, samples: Sequence[Sample], classes: tuple[str, ...], size: int
) -> CachedDataset | None:
    """What a folder holds; None where it is missing, partial or damaged and is to be made anew."""
    count, depth = len(samples), plane_count(len(classes))
    try:
        images: MemMap = np.load(folder / "images.npy", mmap_mode="r")
        planes: MemMap = np.load(folder / "planes.npy", mmap_mode="r")
        with np.load(folder / "facts.npz") as facts:
            labelled, sources, sums = (facts[name] for name in ("labelled", "sources", "sums"))
        shapes = ((count, size, size), (count, size, size, depth), (count, len(classes)))
        if tuple(array.shape for array in (images, planes, labelled)) != shapes:
            return None
        if not np.array_equal(sums, [checksums(images), checksums(planes)]):
            return None
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile):
        return None
    return CachedDataset(
        tuple(samples), classes, size, images, planes, labelled, sources, np.arange(count)
    )


def check_space(needed: int) -> int:
    """The free bytes of the disk of the cache.

    Raises:
        FailedError: they are too few.
    """
    cache_root().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_root()).free
    if needed > free:
        raise no_room(needed, f"the disk has {size_text(free)}")
    return free


@contextmanager
def refused_without_room(needed: int) -> Iterator[None]:
    """Say what a disk that filled up meanwhile would have needed; other faults pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise no_room(needed, f"the disk says: {error.strerror}") from error


def no_room(needed: int, found: str) -> FailedError:
    return FailedError(
        f"the prepared data set needs {size_text(needed)}, {found}",
        details=f"it would lie in {cache_root().resolve()}",
        hints=["HANDSEG_CACHE=DIR names another place", "--set data.size=512 makes it smaller"],
    )


def write_cache(
    draft: Path,
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress,
) -> None:
    count, depth = len(samples), plane_count(len(classes))
    labelled = np.ones((count, len(classes)), np.bool_)
    sources = np.zeros((count, 2), np.int32)
    sums = np.zeros((2, count), np.uint32)
    with (
        NewRows(draft / "images.npy", (count, size, size)) as images,
        NewRows(draft / "planes.npy", (count, size, size, depth)) as planes,
        threads() as pool,
    ):

        def fill(index: int) -> str:
            made = prepare(samples[index], classes, size)
            sums[:, index] = images.write(index, made.image), planes.write(index, made.planes)
            labelled[index], sources[index] = made.labelled, made.source
            return samples[index].image_name

        for done, name in enumerate(pool.map(fill, range(count)), 1):
            progress(done, count, name)
    np.savez(draft / "facts.npz", labelled=labelled, sources=sources, sums=sums)


class PreparedSample(NamedTuple):
    """An image and its label at the size of a network."""

    image: NDArray[np.uint8]
    """uint8[size, size]."""
    planes: NDArray[np.uint8]
    """Its masks as bits, uint8[size, size, ceil(classes / 8)]."""
    labelled: tuple[bool, ...]
    """Of each class."""
    source: tuple[int, int]
    """Height and width of the image in pixels."""


def prepare(sample: Sample, classes: tuple[str, ...], size: int) -> PreparedSample:
    """Read a sample and shrink it.

    Raises:
        InputError: the image or the label cannot be read.
    """
    letterbox, image = read_letterboxed(sample.image, size)
    labels = labels_of(sample, classes)
    with large_alone(letterbox.source):
        bits = label_planes(labels, classes, letterbox.source, letterbox)
    return PreparedSample(image, bits, labels.labelled, letterbox.source)


def labels_of(sample: Sample, classes: tuple[str, ...]) -> Labels:
    if sample.labels is None:
        return Labels({}, (False,) * len(classes))
    return read_labels(sample, classes)


class NewRows:
    """A new `.npy` file, `uint8[rows, …]`, whose room on the disk is taken at once.

    Rows are written, not mapped: on a full disk a write to mapped memory ends in a SIGBUS.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Raises OSError where there is no room (`NO_ROOM`) or it cannot be made."""
        self.length = math.prod(shape[1:])
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        with ExitStack() as stack:
            self.stream = stack.enter_context(path.open("wb"))
            np.lib.format.write_array_header_1_0(self.stream, header)
            self.stream.flush()
            self.begin = self.stream.tell()
            reserve(self.stream.fileno(), self.begin, math.prod(shape))
            stack.pop_all()

    def write(self, row: int, content: NDArray[np.uint8]) -> int:
        """Write a row, whichever thread; returns its checksum."""
        view = np.ascontiguousarray(content).data
        place, done = self.begin + row * self.length, 0
        while done < self.length:
            # A disk that fills up takes a part first.
            done += os.pwrite(self.stream.fileno(), view.cast("B")[done:], place + done)
        return zlib.crc32(view)

    def __enter__(self) -> "NewRows":
        return self

    def __exit__(self, *fault: object) -> None:
        # After this its rows outlast a loss of power.
        with self.stream:
            os.fsync(self.stream.fileno())


def reserve(handle: int, begin: int, length: int) -> None:
    """Let the disk set bytes of a file aside; where it cannot, writing will tell."""
    try:
        os.posix_fallocate(handle, begin, length)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_FALLOCATE:
            raise
        os.ftruncate(handle, begin + length)


def checksums(array: MemMap) -> NDArray[np.uint32]:
    """The CRC-32 of each row as it lies in the file: 4 GB a second.

    Read, not mapped: the pages of a large file would count as this process's memory.
    """
    length = math.prod(array.shape[1:])
    path = Path(str(array.filename))

    def of_row(row: int) -> int:
        place = array.offset + row * length
        return zlib.crc32(np.fromfile(path, np.uint8, length, offset=place).data)

    with threads() as pool:
        return np.fromiter(pool.map(of_row, range(len(array))), np.uint32, len(array))


def copy_of(array: MemMap, row: int) -> NDArray[np.uint8]:
    """A copy of a row, whose pages are let go of.

    The system keeps them for all processes; counted as this one's, they would make a worker that
    has seen every sample as large as the file.
    """
    copy = np.array(array[row])
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        # The mapping begins with the page in which the header does.
        begin = array.offset % mmap.ALLOCATIONGRANULARITY + row * copy.nbytes
        first = begin // _FAULT_AROUND * _FAULT_AROUND
        end = min(-(-(begin + copy.nbytes) // _FAULT_AROUND) * _FAULT_AROUND, len(array.base))
        array.base.madvise(mmap.MADV_DONTNEED, first, end - first)
    return copy
