"""Images and label planes at one size, prepared once and mapped into memory."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Sample
from handseg.data.fingerprint import file_hashes, sample_files
from handseg.data.fit import Fit
from handseg.data.images import read_image
from handseg.data.labels import Labels, read_polygons
from handseg.data.planes import label_planes, plane_count
from handseg.data.storage import cache_root, whole_folder, write_json
from handseg.errors import FailedError
from handseg.progress import Progress, silent

VERSION = 1


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
        FailedError: the disk is too small.
    """
    folder = cache_root() / "prepared" / key(samples, classes, size)
    if not is_whole(folder, len(samples), len(classes), size):
        check_space(prepared_bytes(len(samples), len(classes), size))
        with whole_folder(folder) as draft:
            make(draft, samples, classes, size, progress)
    facts = np.load(folder / "facts.npz")
    return Prepared(
        tuple(samples),
        classes,
        size,
        np.load(folder / "images.npy", mmap_mode="r"),
        np.load(folder / "planes.npy", mmap_mode="r"),
        facts["labelled"],
        facts["sources"],
        np.arange(len(samples)),
    )


def is_prepared(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> bool:
    """Whether `prepare` would find its work done."""
    folder = cache_root() / "prepared" / key(samples, classes, size)
    return is_whole(folder, len(samples), len(classes), size)


def key(samples: Sequence[Sample], classes: tuple[str, ...], size: int) -> str:
    hashes = file_hashes(sample_files(samples))
    files = [
        (hashes[sample.image], hashes[sample.labels] if sample.labels else "")
        for sample in samples
    ]
    whole = hashlib.sha256(json.dumps([VERSION, classes, size, files]).encode())
    return f"{size}-{whole.hexdigest()[:20]}"


def is_whole(folder: Path, count: int, classes: int, size: int) -> bool:
    try:
        sizes = json.loads((folder / "whole.json").read_text())
        return sizes["bytes"] == prepared_bytes(count, classes, size) and all(
            (folder / name).stat().st_size == length for name, length in sizes["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Anything that cannot be read as whole is made anew.
        return False


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

    # Decoding and drawing let go of Python's lock, so threads use all cores.
    with ThreadPoolExecutor() as pool:
        try:
            for done, name in enumerate(pool.map(fill, range(count)), 1):
                progress(done, count, name)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    images.flush()
    planes.flush()
    np.savez(draft / "facts.npz", labelled=labelled, sources=sources)
    files = {path.name: path.stat().st_size for path in draft.iterdir()}
    total = prepared_bytes(count, len(classes), size)
    write_json(draft / "whole.json", {"bytes": total, "files": files})


def labels_of(sample: Sample, classes: tuple[str, ...]) -> Labels:
    if sample.labels is None:
        return Labels({}, (False,) * len(classes))
    return read_polygons(sample.labels, classes)


