"""A few validation images with their masks, kept for the dashboard."""

import math

import numpy as np
from torch import Tensor

from handseg.data.cache import Prepared
from handseg.data.planes import Planes, pack
from handseg.runs import fields
from handseg.runs.writer import RunWriter


class Previews:
    """Collects the masks of the first `count` images of a validation and writes them."""

    def __init__(self, writer: RunWriter, held_out: Prepared, count: int) -> None:
        self.writer = writer
        self.held_out = held_out
        self.count = min(count, len(held_out.samples))
        # Every n-th pixel: at most the side that a preview may have.
        self.stride = math.ceil(held_out.size / fields.PREVIEW_SIDE)
        self.planes: dict[int, Planes] = {}

    def keep(self, index: int, logits: Tensor) -> None:
        """Take the masks of an image from its logits `float[classes, size, size]`."""
        if index < self.count:
            chosen = logits[:, :: self.stride, :: self.stride]
            masks = (chosen > 0).byte().cpu().numpy()
            self.planes[index] = pack(masks, masks.shape[1:], len(masks))

    def write(self, step: int) -> None:
        """Write what was kept."""
        for index, planes in sorted(self.planes.items()):
            thin = (slice(None, None, self.stride), slice(None, None, self.stride))
            self.writer.preview(
                step,
                self.held_out.samples[index].image_name,
                np.ascontiguousarray(self.held_out.image(index)[thin]),
                planes,
                np.ascontiguousarray(self.held_out.label_planes(index)[thin]),
            )
        self.planes.clear()
