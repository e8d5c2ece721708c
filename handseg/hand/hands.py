"""The hands of images as arrays, and the frame of each: wrist, direction of the fingers, size."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM
from handseg.hand.pose import LIMIT

Side = Literal["left", "right"]
Pose = Literal["straight", "bent"]
Floats = NDArray[np.float64]
Centres = NDArray[np.float64]
"""float64 [images, 29, 2]: (x, y) of each bone in pixels, NaN where there is none."""
Areas = NDArray[np.float64]
"""float64 [images, 29] in pixels; NaN where there is none."""

_LONG_FINGERS = tuple(
    BONES.index(bone) for name in FINGERS if name != "thumb" for bone in FINGERS[name]
)
_CARPALS = tuple(BONES.index(bone) for bone in CARPALS)
_FOREARM = tuple(BONES.index(bone) for bone in FOREARM)
_FEWEST = 3
"""Bones of fingers and of the wrist that a frame needs."""


@dataclass(frozen=True)
class Hands:
    """One hand an image; arrays follow `images`, bones those of the anatomy."""

    images: tuple[str, ...]
    centres: Centres
    """float64 [images, 29, 2]: (x, y) in pixels, NaN where there is no such bone."""
    areas: Areas
    """float64 [images, 29] in pixels, NaN where there is no such bone."""
    bends: Floats
    """float64 [images]: degrees clockwise from forearm to third metacarpal, NaN where unknown."""

    @classmethod
    def unmeasured(cls, images: Iterable[str]) -> "Hands":
        """Hands of which nothing is known yet: arrays of NaN to be filled."""
        names = tuple(images)
        shape = len(names), len(BONES)
        return cls(
            names, np.full((*shape, 2), np.nan), np.full(shape, np.nan), np.full(shape[0], np.nan)
        )

    def only(self, rows: NDArray[np.intp]) -> "Hands":
        """The hands of some images, by their places."""
        places: list[int] = rows.tolist()
        images = tuple(self.images[place] for place in places)
        return Hands(images, self.centres[rows], self.areas[rows], self.bends[rows])

    @property
    def degrees(self) -> Floats:
        """float64 [images]: the angle between forearm and hand, to whichever side."""
        return np.abs(self.bends)

    @property
    def sides(self) -> tuple[Side | None, ...]:
        """Which hand it is by its bones; None where the forearm is not there."""
        return sides_of(self.centres)

    @property
    def poses(self) -> tuple[Pose | None, ...]:
        """Bent beyond `LIMIT` degrees or not; None where the angle cannot be told."""
        return tuple(
            None if math.isnan(degrees) else "bent" if degrees > LIMIT else "straight"
            for degrees in self.degrees.tolist()
        )

    @property
    def bent(self) -> NDArray[np.bool_]:
        """bool [images]; not where the angle cannot be told."""
        return self.degrees > LIMIT

    @property
    def straight(self) -> NDArray[np.bool_]:
        """bool [images]; not where the angle cannot be told."""
        return self.degrees <= LIMIT

    @property
    def unknown_poses(self) -> int:
        return int(np.isnan(self.bends).sum())

    @property
    def are_hands(self) -> bool:
        return any(side is not None for side in self.sides) or bool(np.isfinite(self.bends).any())


def sides_of(centres: Centres) -> tuple[Side | None, ...]:
    """Radius left of the Ulna, seen with the fingers up, is a right hand.

    Where too few bones tell where up is, the image is taken as it stands.
    """
    way = frames(centres).wrist - middle_of(centres, FOREARM)
    # Without carpals the wrist's centre is the forearm's own; NaN is not above 1 either.
    known = np.linalg.norm(way, axis=1) > 1
    up = np.where(known[:, None], way, (0.0, -1.0))
    radius, ulna = (centres[:, BONES.index(bone)] for bone in FOREARM)
    to_the_right = dot(radius - ulna, across(up)).tolist()
    return tuple(
        None if math.isnan(far) else "right" if far < 0 else "left" for far in to_the_right
    )


def bone_places(classes: Sequence[str], bones: Mapping[str, str] | None = None) -> dict[str, int]:
    """For each class that is a bone, by its name or by `bones`, its place among the 29.

    Where several classes are one bone, the first is taken.
    """
    found: dict[str, int] = {}
    for cls in classes:
        bone = (bones or {}).get(cls, cls)
        if bone in BONES and BONES.index(bone) not in found.values():
            found[cls] = BONES.index(bone)
    return found


class HandFrame(NamedTuple):
    """Of each image: the wrist's centre, the unit vector to the fingers, and their distance.

    [images, 2], [images, 2], [images]; NaN where too few bones are there.
    """

    wrist: Floats
    up: Floats
    length: Floats


def frames(centres: Centres) -> HandFrame:
    """The frame of each hand. It stays where it is when labels of one hand are exchanged."""
    carpals, fingers = centres[:, _CARPALS], centres[:, _LONG_FINGERS]
    wrist = np.where(
        _enough(carpals)[:, None],
        nan_median(carpals, axis=1),
        nan_median(centres[:, _FOREARM], axis=1),
    )
    way = _mean(fingers) - wrist
    length = np.linalg.norm(way, axis=1)
    usable = _enough(fingers) & (length > 0)
    length = np.where(usable, length, np.nan)
    return HandFrame(wrist, way / length[:, None], length)


def across(up: Floats) -> Floats:
    """The unit vector a quarter turn clockwise on the screen from `up` [images, 2]."""
    return np.stack((-up[:, 1], up[:, 0]), axis=1)


def dot(a: Floats, b: Floats) -> Floats:
    return np.einsum("ni,ni->n", a, b)


def middle_of(centres: Centres, bones: Sequence[str]) -> Floats:
    """The mean of the centres of those bones that are there, [images, 2]."""
    return _mean(centres[:, [BONES.index(bone) for bone in bones]])


def _enough(centres: Centres) -> NDArray[np.bool_]:
    counts = np.isfinite(centres[:, :, 0]).sum(axis=1)
    return np.asarray(counts >= _FEWEST)


def _mean(centres: Centres) -> Floats:
    there = np.isfinite(centres)
    with np.errstate(invalid="ignore"):
        return np.where(there, centres, 0.0).sum(axis=1) / there.sum(axis=1)


def nan_median(values: Floats, axis: int = 0) -> Floats:
    """The median of what is there; NaN, without numpy's warning, where nothing is."""
    absent = np.asarray(np.isnan(values).all(axis=axis))
    filled = np.where(np.expand_dims(absent, axis), 0.0, values)
    return np.where(absent, np.nan, np.nanmedian(filled, axis=axis))
