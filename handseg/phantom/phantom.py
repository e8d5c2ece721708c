"""One phantom in memory: the radiograph of a synthetic hand and the polygons of its bones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.phantom import outlines
from handseg.phantom.extras import draw_extras
from handseg.phantom.hand import WORLD, Build, PosedHand, draw_build, draw_pose
from handseg.phantom.outlines import Points
from handseg.phantom.radiograph import develop, draw_exposure, hand_attenuation

Side = Literal["left", "right"]
Polygon = NDArray[np.int32]
"""Corners [n, 2] as (x, y) in whole pixels."""

BENT_SHARE = 0.115
"""The share of bent wrists among the competition's training people."""

_BUILD, _LEFT, _RIGHT = range(3)
_TOLERANCE = 0.33


@dataclass(frozen=True)
class Phantom:
    """A synthetic radiograph and its labels."""

    image: NDArray[np.uint8]
    """The radiograph, uint8 [size, size], bones bright."""
    polygons: dict[str, list[Polygon]]
    """For each bone its polygons, int32 [n, 2] as (x, y), in class order."""
    side: Side
    bend: float
    """Degrees between hand and forearm, positive to the little finger's side."""


def make_phantom(
    size: int,
    seed: int,
    *,
    side: Side = "left",
    person: int = 1,
    bent: bool | None = None,
    extras: Iterable[str] = (),
) -> Phantom:
    """The phantom of one hand, the same for the same arguments.

    Both hands of a `person` share their build; every hand has its own pose and exposure. `bent`
    asks for a bent wrist or none; by default a share of `BENT_SHARE` is bent.
    `extras` are some of `SHARES`: what else there may be to see; they change no label.
    """
    build, hand, rng = _posed(seed, person, side, bent)
    besides = draw_extras(extras, build, seed, person, side)
    exposure = besides.exposed(draw_exposure(rng))
    attenuation = hand_attenuation(hand, build, exposure, size, rng)
    besides.add(attenuation, hand)
    image = develop(attenuation, exposure, size, rng)
    besides.shut(image)
    return Phantom(image, label_polygons(hand, size), side, hand.bend)


def make_polygons(
    size: int, seed: int, *, side: Side = "left", person: int = 1, bent: bool | None = None
) -> dict[str, list[Polygon]]:
    """The polygons alone of what `make_phantom` makes from the same arguments: much faster."""
    return label_polygons(_posed(seed, person, side, bent)[1], size)


def _posed(
    seed: int, person: int, side: Side, bent: bool | None
) -> tuple[Build, PosedHand, np.random.Generator]:
    """A person's build, the pose of one hand, and the generator that its picture goes on with."""
    build = draw_build(_generator(seed, person, _BUILD))
    rng = _generator(seed, person, _RIGHT if side == "right" else _LEFT)
    by_chance = rng.random() < BENT_SHARE
    hand = draw_pose(build, rng, side=side, bent=by_chance if bent is None else bent)
    return build, hand, rng


def _generator(seed: int, person: int, part: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, person, part]))


def label_polygons(hand: PosedHand, size: int) -> dict[str, list[Polygon]]:
    """The polygons of every bone at `size` pixels, closed along the border where it leaves.

    cv2.fillPoly paints a polygon's boundary too, so corners stand half a pixel inside.
    """
    polygons: dict[str, list[Polygon]] = {}
    for bone in hand.bones:
        corners = bone.outline * (size / WORLD) - 0.5
        corners -= 0.5 * outlines.outward_normals(bone.outline)
        corners = clipped(corners, size - 1)
        polygon = _whole(corners)
        polygons[bone.name] = [polygon] if len(polygon) >= 3 else []
    return polygons


def clipped(polygon: Points, last: float) -> Points:
    """A polygon cut to [0, last]² (Sutherland and Hodgman 1974), closed along the border."""
    for axis in (0, 1):
        for sign, bound in ((1.0, 0.0), (-1.0, -float(last))):
            polygon = _cut(polygon, axis, sign, bound)
    return polygon


def _cut(polygon: Points, axis: int, sign: float, bound: float) -> Points:
    """The part of a polygon where sign · coordinate ≥ bound."""
    if len(polygon) == 0:
        return polygon
    over = sign * polygon[:, axis] - bound
    if (over >= 0).all():
        return polygon
    kept: list[Points] = []
    for index, point in enumerate(polygon):
        before, over_before, over_here = polygon[index - 1], over[index - 1], over[index]
        if (over_before >= 0) != (over_here >= 0):
            kept.append(before + (point - before) * (over_before / (over_before - over_here)))
        if over_here >= 0:
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _whole(corners: Points) -> Polygon:
    """Corners in whole pixels: as few as keep the outline within a third of a pixel, no repeats."""
    if len(corners) < 3:
        return np.empty((0, 2), np.int32)
    few = cv2.approxPolyDP(corners.astype(np.float32)[:, None], _TOLERANCE, True)[:, 0]
    rounded = np.round(few).astype(np.int32)
    return rounded[(rounded != np.roll(rounded, 1, axis=0)).any(axis=1)]
