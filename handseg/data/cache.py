"""Images and label planes at one size, prepared once and mapped into memory."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Sample
from handseg.data.fingerprint import file_hashes, sample_files
from handseg.data.fit import Fit
from handseg.data.images import read_image
from handseg.data.labels import Labels, read_polygons
from handseg.data.planes import label_planes, plane_count
from handseg.data.storage import cache_root, whole_folder, write_json
from handseg.data.threads import threads
from handseg.errors import FailedError
from handseg.progress import Progress, silent

VERSION = 1
ATTEMPTS = 3
FILES = ("images.npy", "planes.npy", "facts.npz")


@dataclass(frozen=True)
class Prepared:
    """Samples at a size, in the order in which they were asked for.

    `labelled` is `bool[n, C]`, `sources` `int32[n, 2]` the full `(height, width)`; images and
    planes lie in mapped files that all workers share, at `rows`.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    size: int
    images: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    labelled: NDArray[np.bool_]
    sources: NDArray[np.int32]
    rows: NDArray[np.intp]

    def image(self, index: int) -> NDArray[np.uint8]:
        """A copy of the image of a sample, `uint8[size, size]`."""
        return np.array(self.images[self.rows[index]])

    def label_planes(self, index: int) -> NDArray[np.uint8]:
        """A copy of the label of a sample, `uint8[size, size, ceil(C / 8)]`."""
        return np.array(self.planes[self.rows[index]])

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


def prepared_bytes(count: int, classes: int, size: int) -> int:
    """The bytes on disk of so many prepared samples."""
    return count * size * size * (1 + plane_count(classes))


def prepare(
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress = silent,
) -> Prepared:
    """Map the prepared samples; make them first where they are missing, stale or damaged.

    The name of the folder is a hash of the files' contents, the classes and the size, and the
    folder appears whole: makers at once or a kill leave nothing that could be mistaken for it.

    Raises:
        InputError: an image or label is missing or at fault.
        FailedError: the disk is too small, or the files cannot be mapped.
    """
    folder = place_of(samples, classes, size)
    found = mapped(folder, samples, classes, size)
    attempts = 0
    while found is None:
        # More than once, should another maker just be putting its own folder in this one's place.
        if attempts == ATTEMPTS:
            raise FailedError(f"{folder} was made and cannot be mapped into memory")
        check_space(prepared_bytes(len(samples), len(classes), size))
        with whole_folder(folder) as draft:
            make(draft, samples, classes, size, progress)
        found = mapped(folder, samples, classes, size)
        attempts += 1
    return found


def is_prepared(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> bool:
    """Whether `prepare` would find its work done."""
    return mapped(place_of(samples, classes, size), samples, classes, size) is not None


def place_of(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> Path:
    return cache_root() / "prepared" / key(samples, classes, size)


def key(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> str:
    hashes = file_hashes(sample_files(samples))
    files = [
        (hashes[sample.image], hashes[sample.labels] if sample.labels else "") for sample in samples
    ]
    whole = hashlib.sha256(json.dumps([VERSION, classes, size, files]).encode())
    return f"{size}-{whole.hexdigest()[:20]}"


def mapped(
    folder: Path, samples: Sequence[Sample], classes: tuple[str, ...], size: int
) -> Prepared | None:
    """What a folder holds; None where it is missing, partial or damaged and is to be made anew."""
    count, depth = len(samples), plane_count(len(classes))
    try:
        sizes: dict[str, int] = json.loads((folder / "whole.json").read_text())
        if any((folder / name).stat().st_size != sizes[name] for name in FILES):
            return None
        images = np.load(folder / "images.npy", mmap_mode="r")
        planes = np.load(folder / "planes.npy", mmap_mode="r")
        with np.load(folder / "facts.npz") as facts:
            labelled, sources = facts["labelled"], facts["sources"]
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile):
        return None
    shapes = ((count, size, size), (count, size, size, depth), (count, len(classes)), (count, 2))
    if tuple(array.shape for array in (images, planes, labelled, sources)) != shapes:
        return None
    rows = np.arange(count)
    return Prepared(tuple(samples), classes, size, images, planes, labelled, sources, rows)


def check_space(needed: int) -> None:
    cache_root().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_root()).free
    if needed > free:
        raise FailedError(
            f"the prepared data set needs {needed / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB",
            why=f"it would lie in {cache_root().resolve()}",
            hints=["HANDSEG_CACHE=DIR names another place", "--set data.size=512 makes it smaller"],
        )


def make(
    draft: Path,
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress,
) -> None:
    count, depth = len(samples), plane_count(len(classes))
    create = np.lib.format.open_memmap
    images = create(draft / "images.npy", "w+", np.uint8, (count, size, size))
    planes = create(draft / "planes.npy", "w+", np.uint8, (count, size, size, depth))
    labelled = np.ones((count, len(classes)), np.bool_)
    sources = np.zeros((count, 2), np.int32)

    def fill(index: int) -> str:
        sample = samples[index]
        image = read_image(sample.image)
        fit = Fit((image.shape[0], image.shape[1]), size)
        labels = labels_of(sample, classes)
        images[index] = fit.image(image)
        planes[index] = label_planes(labels, classes, fit.source, fit)
        labelled[index], sources[index] = labels.labelled, fit.source
        return sample.image_name

    with threads() as pool:
        for done, name in enumerate(pool.map(fill, range(count)), 1):
            progress(done, count, name)
    images.flush()
    planes.flush()
    np.savez(draft / "facts.npz", labelled=labelled, sources=sources)
    write_json(draft / "whole.json", {name: (draft / name).stat().st_size for name in FILES})


def labels_of(sample: Sample, classes: tuple[str, ...]) -> Labels:
    if sample.labels is None:
        return Labels({}, (False,) * len(classes))
    return read_polygons(sample.labels, classes)
