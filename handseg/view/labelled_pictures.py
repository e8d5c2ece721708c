"""Small pictures of labelled images, with their masks in colour."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import anatomy
from handseg.data.dataset import Sample
from handseg.data.images import read_image
from handseg.data.labels import label_runs
from handseg.data.planes import pack
from handseg.errors import InputError
from handseg.rle import to_mask
from handseg.view.geometry import fitted
from handseg.view.overlay import compose

SIDE = 420
"""Pixels of the longer side."""


class Shown(NamedTuple):
    """A picture, uint8[height, width, 3], and what stands beneath it."""

    image: NDArray[np.uint8]
    caption: str


def labelled_pictures(samples: Sequence[Sample], classes: tuple[str, ...]) -> list[Shown]:
    """A picture of each sample that can be read."""
    shown: list[Shown] = []
    for sample in samples:
        try:
            image, label = read_image(sample.image), label_runs(sample, classes)
        except InputError:  # what cannot be read is said elsewhere
            continue
        masks = (to_mask(runs, label.size) for runs in label.runs)
        planes = pack(masks, label.size, len(classes))
        size = fitted(label.size, (SIDE, SIDE))
        picture = compose(image, planes, anatomy.colours(classes), size)
        shown.append(Shown(picture, sample.image_name))
    return shown
