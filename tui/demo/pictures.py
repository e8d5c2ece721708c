"""The pictures of the demo: phantoms of two hands with masks that get better."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES
from handseg.data.phantom.phantom import make_phantom
from handseg.data.planes import pack
from handseg.formats.polygons import rasterise
from handseg.runs.previews import write_preview

SIDE = 256
IMAGES = ("image1661130828152_R.png", "image1661319116107_L.png")

Planes = NDArray[np.uint8]


@cache
def hand(number: int) -> tuple[NDArray[np.uint8], Planes]:
    """A radiograph uint8[256, 256] and its label planes."""
    phantom = make_phantom(SIDE, 40 + number, side="left" if number % 2 else "right", bent=False)
    masks = (rasterise(phantom.polygons.get(bone, []), (SIDE, SIDE)) for bone in BONES)
    return phantom.image, pack(masks, (SIDE, SIDE), len(BONES))


def write_pictures(run: Path, step: int, share: float) -> None:
    """Keep the pictures of one validation; `share` says how much of the training is done."""
    for number, name in enumerate(IMAGES):
        image, truth = hand(number)
        # A mask that lies beside its bone: two pixels at first, then one.
        beside = 1 if share > 0.5 else 2
        write_preview(run, step, name, image, np.roll(truth, beside, axis=1), truth)
