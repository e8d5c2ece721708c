"""A schematic of the 29 bones: a right hand from the back, in pixels that each belong to one bone.

Drawn after the phantoms' outlines of a mean hand. Carpals are enlarged and moved apart, the
pisiform beside the triquetrum that it lies on, fingers are spread and thickened and the forearm is
cut short: every bone is a few pixels on a terminal of 24 rows.
"""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FINGERTIPS, FOREARM, MEAN_AREAS
from handseg.phantom import outlines
from handseg.phantom.hand import MEAN_LENGTHS, rotation
from handseg.phantom.outlines import Points

NO_BONE = -1

# World units are pixels of a 2048² radiograph, y down, the origin in the middle of the carpals.
_APART, _ENLARGED = 1.9, 1.55
_MOVED = {
    "Pisiform": (52.0, 8.0),
    "Trapezium": (-14.0, 0.0),
    "Trapezoid": (-8.0, -4.0),
    "Lunate": (0.0, 4.0),
}
_RAYS: dict[str, tuple[tuple[float, float], float, float]] = {
    "thumb": ((-390.0, -165.0), -44.0, -30.0),
    "index": ((-165.0, -262.0), -13.0, -13.0),
    "middle": ((0.0, -275.0), -1.0, -1.0),
    "ring": ((150.0, -258.0), 10.0, 9.0),
    "little": ((288.0, -205.0), 23.0, 19.0),
}
"""Where a metacarpal stands, how many degrees it leans, and how many its finger."""
_SHORTER, _THICKER, _GAP = 0.85, 1.45, 34.0
_FOREARM_TOP, _FOREARM_LENGTH, _FOREARM_WIDER = 215.0, 290.0, 1.7
_SAMPLES = 3
_LEAST_COVERED = 0.4


@cache
def polygons() -> dict[str, Points]:
    """The outline of each bone [n, 2] as (x, y) in a box of height 1 and width `ASPECT`."""
    found = {**_carpals(), **_forearm(), **_fingers()}
    corners = np.concatenate(list(found.values()))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return {bone: (found[bone] - low) / (high[1] - low[1]) for bone in BONES}


@cache
def aspect() -> float:
    """Width by height of the box around the hand."""
    return float(np.concatenate(list(polygons().values()))[:, 0].max())


def _carpals() -> dict[str, Points]:
    found: dict[str, Points] = {}
    for bone in CARPALS:
        curve = outlines.closed_curve(np.array(outlines.CARPAL_OUTLINES[bone], float), 3)
        middle = outlines.centroid(curve)
        moved = (middle + _MOVED.get(bone, (0.0, 0.0))) * _APART
        found[bone] = moved + (curve - middle) * _ENLARGED
    return found


def _forearm() -> dict[str, Points]:
    """Radius and ulna from the wrist down, cut off."""
    found: dict[str, Points] = {}
    for bone in FOREARM:
        curve = outlines.closed_curve(np.array(outlines.FOREARM_OUTLINES[bone], float), 3)
        curve *= _FOREARM_WIDER
        top = 68.0 * _FOREARM_WIDER
        curve[:, 1] = np.minimum(curve[:, 1] - top, _FOREARM_LENGTH) + _FOREARM_TOP
        curve[:, 0] += 30.0 * (1 if bone == "Ulna" else -1)
        found[bone] = curve
    return found


def _fingers() -> dict[str, Points]:
    found: dict[str, Points] = {}
    for finger, bones in FINGERS.items():
        base, lean, straight = _RAYS[finger]
        place = np.array(base)
        for bone in reversed(bones):
            turn = rotation(lean if bone == bones[-1] else straight)
            length = MEAN_LENGTHS[bone] * _SHORTER
            found[bone] = _long_bone(bone, length) @ turn.T + place
            place = place + turn @ np.array([0.0, -length - _GAP])
    return found


def _long_bone(bone: str, length: float) -> Points:
    """A phalanx or metacarpal upright on the origin."""
    profile = outlines.METACARPAL
    if bone in FINGERTIPS:
        profile = outlines.TIP
    elif all(bone != finger[-1] for finger in FINGERS.values()):
        profile = outlines.PHALANX
    curve = outlines.closed_curve(outlines.mirrored_profile(profile), 3)
    width = MEAN_AREAS[bone] / MEAN_LENGTHS[bone] / outlines.area(curve) * _THICKER
    return curve * (width, -length)


def fitting(height: int, width: int) -> tuple[int, int]:
    """The largest height and width in square pixels within this room that the hand fills."""
    found = min(height, int(width / aspect()))
    return max(0, found), max(0, min(width, round(found * aspect())))


@lru_cache(maxsize=8)
def bones_of_pixels(height: int, width: int) -> NDArray[np.int8]:
    """The index in `BONES` of the bone of each pixel, int8[height, width]; `NO_BONE` between them.

    A bone has a pixel where it covers two fifths of it, and at least the one in its middle.
    """
    found = np.full((height, width), NO_BONE, np.int8)
    if height < 1 or width < 1:
        return found
    most = np.full((height, width), _LEAST_COVERED)
    scale = np.array([width / aspect(), height])
    for index, bone in enumerate(BONES):
        covered = _covered(polygons()[bone] * scale, height, width)
        found[covered >= most] = index
        most = np.maximum(most, covered)
    for index, bone in enumerate(BONES):
        if not (found == index).any():
            x, y = (outlines.centroid(polygons()[bone]) * scale).astype(int).tolist()
            found[min(y, height - 1), min(x, width - 1)] = index
    return found


def _covered(polygon: Points, height: int, width: int) -> NDArray[np.float64]:
    """The share of each pixel that lies inside a polygon in pixels, of samples in a grid."""
    x = (np.arange(width * _SAMPLES) + 0.5) / _SAMPLES
    y = (np.arange(height * _SAMPLES) + 0.5) / _SAMPLES
    inside = np.zeros((len(y), len(x)), np.bool_)
    after = np.roll(polygon, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(polygon.tolist(), after.tolist(), strict=True):
        # Even-odd rule: the edge flips what lies right of where it crosses a row.
        rows = np.flatnonzero((y0 <= y) != (y1 <= y))
        if rows.size:
            cross = x0 + (y[rows] - y0) / (y1 - y0) * (x1 - x0)
            inside[rows] ^= x > cross[:, None]
    blocks = inside.reshape(height, _SAMPLES, width, _SAMPLES)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float64)


def around(bones: NDArray[np.int8], index: int) -> NDArray[np.bool_]:
    """The free pixels that touch a bone, corners included: its outline; none of no bone."""
    if index == NO_BONE:
        return np.zeros_like(bones, np.bool_)
    own = np.pad(bones == index, 1)
    height, width = bones.shape
    near = np.zeros_like(bones, np.bool_)
    for down in range(3):
        for right in range(3):
            near |= own[down : down + height, right : right + width]
    return near & (bones == NO_BONE)


def nearest(bones: NDArray[np.int8], row: float, column: float, reach: float = 2.0) -> int:
    """The bone of the pixel nearest to a place, at most `reach` pixels away, else `NO_BONE`."""
    rows, columns = np.nonzero(bones != NO_BONE)
    if not rows.size:
        return NO_BONE
    distance = np.hypot(rows - row, columns - column)
    place = int(distance.argmin())
    return int(bones[rows[place], columns[place]]) if distance[place] <= reach else NO_BONE
