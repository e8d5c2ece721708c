"""The pictures that the viewer can show: previews of runs, and a data set's images with labels."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Dataset, Sample
from handseg.runs.artifacts import Preview
from handseg.view.overlay import dice_of_planes

LARGEST = 1024
"""Longest side, in pixels, of a data set's image as it is kept for looking."""
CACHE_BYTES = 96 * 1024 * 1024


@dataclass(frozen=True)
class PictureKey:
    """Names a picture: the run it belongs to ("" for the data set), its image and its step."""

    run: str
    image_name: str
    step: int | None = None


@dataclass(frozen=True)
class Picture:
    """A grey image uint8[H, W] with the bit planes uint8[H, W, P] of its label and prediction."""

    key: PictureKey
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    prediction: NDArray[np.uint8] | None

    @property
    def bytes(self) -> int:
        arrays = (self.image, self.truth, self.prediction)
        return sum(array.nbytes for array in arrays if array is not None)

    def dice(self, classes: int) -> NDArray[np.float64]:
        """Dice of each class at the picture's resolution; NaN without label or prediction."""
        if self.truth is None or self.prediction is None:
            return np.full(classes, np.nan)
        return dice_of_planes(self.truth, self.prediction, classes)


class PictureCache:
    """The pictures looked at last, within 96 MB."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[PictureKey, Picture] = OrderedDict()

    def get(self, key: PictureKey) -> Picture | None:
        """The picture, if it is still kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, picture: Picture) -> None:
        """Keep a picture; the oldest give way."""
        self._kept[picture.key] = picture
        while len(self._kept) > 1 and sum(kept.bytes for kept in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)


def load_preview(key: PictureKey, preview: Preview) -> Picture:
    """A preview of a run at the step of the key.

    Raises:
        OSError, ValueError: missing or damaged.
    """
    prediction = None if key.step is None else preview.prediction(key.step)
    image, truth = preview.image(), preview.truth()
    for planes in (truth, prediction):
        if planes is not None and planes.shape[:2] != image.shape:
            raise ValueError(f"masks {planes.shape[:2]} do not fit the image {image.shape}")
    return Picture(key, image, truth, prediction)


def load_sample(key: PictureKey, dataset: Dataset, sample: Sample) -> Picture:
    """An image of the data set with its label, shrunk to at most 1,024 pixels a side.

    Raises:
        InputError: image or label cannot be read.
    """
    from handseg.data.images import read_image
    from handseg.data.labels import read_labels
    from handseg.data.letterbox import Letterbox
    from handseg.data.planes import label_planes

    image = read_image(sample.image)
    source = (image.shape[0], image.shape[1])
    fit = Letterbox(source, min(LARGEST, max(source)))
    height, width = fit.inner
    truth = None
    if sample.labels is not None:
        labels = read_labels(sample, dataset.classes)
        truth = label_planes(labels, dataset.classes, source, fit)[:height, :width]
    return Picture(key, fit.image(image)[:height, :width], truth, None)
