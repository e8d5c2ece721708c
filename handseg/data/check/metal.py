"""Rings and metal inside bones, told from their pixels in a deep check.

A bone's bright tail, the distance from its median grey to its 97th percentile in units of the
hand's bones, is held against that bone in the other images. On phantoms of the seed 111 every hand
without metal stays below z 6.5.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from handseg.data.check.finding import Finding
from handseg.data.check.look import Look
from handseg.data.check.reference import FEWEST, TO_SIGMA, middle_of

BRIGHT = "something bright in a bone, as a ring or metal"

_FAR = 8.0
_LEAST_SPREAD = 0.02
_LARGEST = 3.0
"""Times the bones' grey; 1.5 is white for most radiographs."""


def bright_findings(looks: Sequence[Look], classes: Sequence[str]) -> Iterator[Finding]:
    """Notes on bones with a brighter part than the same bones of other images have."""
    known = [look for look in looks if look.greys]
    if len(known) < FEWEST:
        return
    tails = np.array([_tails(look, classes) for look in known])
    usual = middle_of(tails)
    spread = np.maximum(TO_SIGMA * middle_of(np.abs(tails - usual)), _LEAST_SPREAD)
    z = (tails - usual) / spread
    with np.errstate(invalid="ignore"):
        out = np.argwhere(z > _FAR).tolist()
    for at, place in out:
        detail = f"its brightest part is {tails[at, place]:.2g} times the bones' grey above it"
        yield Finding(
            "note",
            "labels",
            BRIGHT,
            f"{detail}, usually {usual[place]:.2g} (robust z {z[at, place]:.0f})",
            image=known[at].sample.image_name,
            cls=classes[place],
            weight=float(z[at, place]),
        )


def _tails(look: Look, classes: Sequence[str]) -> NDArray[np.float64]:
    """[classes]: how far the bright tail of each mask reaches; NaN where it is not drawn."""
    greys = np.array([look.greys.get(name, (np.nan, np.nan)) for name in classes])
    of_bones = max(float(np.nanmedian(greys[:, 0])), 1.0)
    return np.minimum((greys[:, 1] - greys[:, 0]) / of_bones, _LARGEST)
