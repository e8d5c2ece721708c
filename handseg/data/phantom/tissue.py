"""The soft tissue around the bones: one outline of fingers, palm and forearm, and its thickness."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FINGERS
from handseg.data.phantom.outlines import Points
from handseg.data.phantom.pose import WORLD, PosedHand

Field = NDArray[np.float32]
"""A picture [H, W] of a quantity, float32."""

_ROUND = np.linspace(0.0, 2 * np.pi, 32, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)
_SHIFT = 4  # cv2 draws in 1/16 pixel
# Radii of a finger's flesh at its tip and its joints from there to the knuckle, in world units.
RADII = {
    "thumb": (60.0, 74.0, 92.0, 100.0),
    "index": (49.0, 58.0, 70.0, 80.0, 84.0),
    "middle": (51.0, 60.0, 73.0, 82.0, 84.0),
    "ring": (49.0, 57.0, 69.0, 78.0, 82.0),
    "little": (43.0, 50.0, 60.0, 72.0, 80.0),
}
_FINGER_RADIUS = 62.0
_PALM_DEPTH = 260.0
_PALM_THICKNESS = 172.0


def tissue_thickness(hand: PosedHand, flesh: float, pixels: int, rng: np.random.Generator) -> Field:
    """Thickness of the hand in world units at every pixel, float32 [pixels, pixels].

    Computed coarsely and enlarged, since it is smooth. Fingers are round; the palm is flatter, and
    thicker at the balls of thumb and little finger.
    """
    coarse = min(pixels, 768)
    pad = coarse // 6
    scale = coarse / WORLD
    mask = _silhouette(hand, flesh, scale, coarse, pad)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / scale
    thickness = _thickness_at(depth.astype(np.float32), flesh * hand.size)
    thickness *= _muscle(hand, coarse, pad, scale, rng)
    thickness = cv2.GaussianBlur(thickness, (0, 0), 8.0 * scale)[pad:-pad, pad:-pad]
    return cv2.resize(thickness, (pixels, pixels), interpolation=cv2.INTER_CUBIC).clip(0)


def _silhouette(
    hand: PosedHand, flesh: float, scale: float, coarse: int, pad: int
) -> NDArray[np.uint8]:
    """The hand's outline as a mask 0/1 [coarse + 2 pad]², padded so that the arm has no end."""
    mask = np.zeros((coarse + 2 * pad,) * 2, np.uint8)

    def fill(points: Points) -> None:
        hull = cv2.convexHull(((points * scale - 0.5 + pad) * 2**_SHIFT).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 1, cv2.LINE_8, _SHIFT)

    for finger, bones in FINGERS.items():
        joints = _joints(hand, bones)
        radii = np.array(RADII[finger]) * flesh * hand.size
        for (a, b), (p, q) in zip(pairwise(joints), pairwise(radii), strict=True):
            fill(np.concatenate([a + p * _CIRCLE, b + q * _CIRCLE]))
    for part in _palm_parts(hand, flesh):
        fill(part)
    smooth = cv2.GaussianBlur(mask * np.uint8(255), (0, 0), 13.0 * hand.size * scale)
    return (smooth > 127).astype(np.uint8)


def _joints(hand: PosedHand, bones: tuple[str, ...]) -> list[Points]:
    """A finger's tip, its joints down to the knuckle, and the base of its metacarpal."""
    axes = [hand[bone].axis for bone in bones]
    heads = [axis[1] for axis in axes if axis is not None]
    bases = [axis[0] for axis in axes if axis is not None]
    tip = heads[0] + 0.12 * (bases[0] - heads[0])
    return [tip, *heads[1:], bases[-1]]


def _palm_parts(hand: PosedHand, flesh: float) -> list[Points]:
    """Convex parts whose union is palm, thumb's web, wrist and forearm."""
    around = flesh * hand.size
    rays = {name: np.array(_joints(hand, bones)[-2:]) for name, bones in FINGERS.items()}
    knuckles, bases = (
        np.array([rays[name][end] for name in ("index", "middle", "ring", "little")])
        for end in (0, 1)
    )
    thumb_middle, web = rays["thumb"].mean(axis=0), 0.45 * knuckles[0] + 0.55 * bases[0]
    carpals = np.array([hand[name].outline.mean(axis=0) for name in ("Scaphoid", "Triquetrum")])
    forearm = np.concatenate([hand[name].outline for name in ("Radius", "Ulna")])
    below = _below(hand, forearm)
    wrist = forearm[below < 90 * hand.size][::6]
    heel = bases[3] + 0.35 * (carpals[1] - bases[3])
    return [
        _around(np.concatenate([knuckles, bases]), 78 * around),
        _around(np.array([heel, *bases, rays["thumb"][1]]), 98 * around),
        _around(np.array([thumb_middle, rays["thumb"][1], web, bases[0]]), 72 * around),
        _around(np.concatenate([carpals, rays["thumb"][1:], bases[3:]]), 92 * around),
        _around(np.concatenate([carpals, rays["thumb"][1:], wrist]), 62 * around),
        _around(forearm[::6], 54 * around),
    ]


def _below(hand: PosedHand, points: Points) -> Points:
    """How far down the forearm points lie from the radius' end, world units [n]."""
    axis = hand["Radius"].axis
    assert axis is not None
    return (points - axis[0]) @ (axis[1] - axis[0]) / float(np.linalg.norm(axis[1] - axis[0]))


def _around(points: Points, radius: float) -> Points:
    """Points [32 n, 2] on circles around `points`: their hull is the flesh over them."""
    return (points[:, None, :] + radius * _CIRCLE).reshape(-1, 2)


def _thickness_at(depth: Field, scale: float) -> Field:
    """Thickness from the distance to the skin: a round edge, then the slow rise of the palm."""
    radius = _FINGER_RADIUS * scale
    edge = np.minimum(depth, radius)
    rounded = 2 * np.sqrt(np.maximum(2 * radius * edge - edge**2, 0))
    rise = np.clip((depth - 0.8 * radius) / (_PALM_DEPTH * scale), 0, 1)
    more = np.float32(_PALM_THICKNESS * scale - 2 * radius)
    return (rounded + more * np.sin(rise * np.pi / 2)).astype(np.float32)


def _muscle(
    hand: PosedHand, coarse: int, pad: int, scale: float, rng: np.random.Generator
) -> Field:
    """Factor of thickness: the balls of thumb and little finger, and unevenness of 4 %."""
    side = coarse + 2 * pad
    grid = np.arange(side, dtype=np.float32)
    factor = np.ones((side, side), np.float32)
    for bones, amount in ((FINGERS["thumb"], 0.22), (FINGERS["little"], 0.14)):
        head, base = _joints(hand, bones)[-2:]
        x, y = ((0.4 * head + 0.6 * base) * scale) + pad
        spread = 2 * (120 * hand.size * scale) ** 2
        across = np.exp(-((grid - x) ** 2) / spread)
        factor += amount * np.exp(-((grid - y) ** 2) / spread)[:, None] * across
    small = rng.standard_normal((12, 12), dtype=np.float32)
    return factor + 0.04 * cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
