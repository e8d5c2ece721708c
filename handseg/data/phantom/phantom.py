"""One phantom in memory: the radiograph of a synthetic hand and the polygons of its bones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handseg.data.phantom.build import Build, draw_build
from handseg.data.phantom.extras import draw_extras
from handseg.data.phantom.labels import Polygon, label_polygons
from handseg.data.phantom.pose import PosedHand, draw_pose
from handseg.data.phantom.radiograph import take_radiograph

Side = Literal["left", "right"]
BENT_SHARE = 0.115
"""The share of bent wrists among the competition's training people."""

_BUILD, _LEFT, _RIGHT = range(3)


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
    image = take_radiograph(hand, build, size, rng, besides)
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
