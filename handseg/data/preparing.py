"""Making the files of prepared samples: images and label planes at one size, in parallel."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from handseg.data.dataset import Sample
from handseg.data.fit import Fit
from handseg.data.images import read_image
from handseg.data.labels import Labels, read_labels
from handseg.data.mapped import NO_ROOM, NewRows
from handseg.data.planes import label_planes, plane_count
from handseg.data.storage import cache_root
from handseg.errors import FailedError
from handseg.reporter import Progress
from handseg.text import size_text
from handseg.threads import threads


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
    """Tell a disk that filled up meanwhile from other faults."""
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


def make(
    draft: Path,
    samples: Sequence[Sample],
    classes: tuple[str, ...],
    size: int,
    progress: Progress,
) -> None:
    """Write the files of prepared samples into a folder."""
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
            sample = samples[index]
            image = read_image(sample.image)
            fit = Fit((image.shape[0], image.shape[1]), size)
            labels = labels_of(sample, classes)
            bits = label_planes(labels, classes, fit.source, fit)
            sums[:, index] = images.write(index, fit.image(image)), planes.write(index, bits)
            labelled[index], sources[index] = labels.labelled, fit.source
            return sample.image_name

        for done, name in enumerate(pool.map(fill, range(count)), 1):
            progress(done, count, name)
    np.savez(draft / "facts.npz", labelled=labelled, sources=sources, sums=sums)


def labels_of(sample: Sample, classes: tuple[str, ...]) -> Labels:
    if sample.labels is None:
        return Labels({}, (False,) * len(classes))
    return read_labels(sample, classes)
