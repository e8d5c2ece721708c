"""Rings on fingers, a letter of lead in the corner, and sesamoids: bones that nobody labels."""

import cv2
import numpy as np

from handseg.anatomy import FINGERS
from handseg.data.phantom.outlines import Points
from handseg.data.phantom.pose import WORLD, PosedHand
from handseg.data.phantom.skeleton import CORTEX, MEDULLA
from handseg.data.phantom.tissue import RADII, Field

_RING_FINGERS, _RING_CHANCES = ("ring", "middle", "index", "little", "thumb"), (
    0.6, 0.15, 0.12, 0.08, 0.05,
)  # fmt: skip
_SESAMOIDS: tuple[tuple[str, float, float], ...] = (
    ("finger-3", -1.0, 1.0), ("finger-3", 1.0, 1.0), ("finger-7", -1.0, 0.4),
    ("finger-19", 1.0, 0.6),
)  # fmt: skip
"""The metacarpal at whose head one lies, its side of it, and how often it is there."""
_SHIFT = 4
_LETTER = 110.0
_HALF_TURN = np.linspace(0.0, np.pi, 24)


def paint(attenuation: Field, polygon: Points, depth: float) -> None:
    """Add an optical depth inside a polygon [n, 2] in world units."""
    scale = attenuation.shape[0] / WORLD
    mask = np.zeros(attenuation.shape, np.uint8)
    corners = ((polygon * scale - 0.5) * 2**_SHIFT).round().astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, cv2.LINE_8, _SHIFT)
    left, top, width, height = cv2.boundingRect(mask)
    window = slice(top, top + height), slice(left, left + width)
    attenuation[window] += mask[window] * np.float32(depth)


def along_bone(hand: PosedHand, bone: str) -> tuple[Points, Points, Points, float]:
    """Base, unit vector to the head, unit vector across, and length of a long bone's axis."""
    axis = hand[bone].axis
    assert axis is not None
    span = axis[1] - axis[0]
    length = float(np.linalg.norm(span))
    direction = span / length
    return axis[0], direction, np.array([-direction[1], direction[0]]), length


def add_rings(attenuation: Field, hand: PosedHand, flesh: float, rng: np.random.Generator) -> None:
    """One or two rings around proximal phalanges, each a tilted band seen through both walls."""
    count = 1 + int(rng.random() < 0.25)
    for finger in rng.choice(_RING_FINGERS, count, replace=False, p=_RING_CHANCES):
        base, direction, across, length = along_bone(hand, FINGERS[finger][-2])
        middle = base + direction * length * rng.uniform(0.3, 0.55)
        radius = 0.5 * sum(RADII[finger][-3:-1]) * flesh * hand.size
        height = rng.uniform(13, 34)
        opening = radius * np.sin(np.deg2rad(rng.uniform(4, 18)))
        depth = float(rng.uniform(0.7, 1.6))
        side = np.outer(radius * np.cos(_HALF_TURN), across)
        for sign in (-1.0, 1.0):
            bow = np.outer(sign * opening * np.sin(_HALF_TURN), direction)
            edge = middle + side + bow
            band = np.concatenate([edge, edge[::-1] + height * direction])
            paint(attenuation, band, depth)


def add_sesamoids(attenuation: Field, hand: PosedHand, rng: np.random.Generator) -> None:
    """Small round bones at the heads of the thumb's metacarpal and, less often, of two others."""
    # A left hand is a mirrored right one: so is the side of a metacarpal.
    mirrored = 1.0 if hand["Radius"].outline.mean(0)[0] < hand["Ulna"].outline.mean(0)[0] else -1.0
    for bone, side, chance in _SESAMOIDS:
        there = rng.random() < chance
        radii = rng.uniform((17, 13), (25, 19)) * hand.size
        place = rng.uniform((0.86, 0.75), (0.95, 1.15))
        if not there:
            continue
        base, direction, across, length = along_bone(hand, bone)
        middle = base + direction * length * place[0]
        middle = middle + across * (side * mirrored * 44 * hand.size * place[1])
        _add_ellipsoid(attenuation, middle, direction, radii)


def _add_ellipsoid(attenuation: Field, middle: Points, direction: Points, radii: Points) -> None:
    """A small bone of cortex and medulla: the chord through an ellipsoid as deep as it is wide."""
    pixels = attenuation.shape[0]
    scale = pixels / WORLD
    reach = float(radii.max())
    low = np.clip(np.floor((middle - reach) * scale), 0, pixels).astype(int)
    high = np.clip(np.ceil((middle + reach) * scale) + 1, 0, pixels).astype(int)
    x = (np.arange(low[0], high[0]) + 0.5) / scale - middle[0]
    y = ((np.arange(low[1], high[1]) + 0.5) / scale - middle[1])[:, None]
    along = (x * direction[0] + y * direction[1]) / radii[0]
    across = (y * direction[0] - x * direction[1]) / radii[1]
    chord = 2 * radii[1] * np.sqrt(np.maximum(1 - along**2 - across**2, 0))
    lost = (0.8 * CORTEX + 0.2 * MEDULLA) * chord
    attenuation[low[1] : high[1], low[0] : high[0]] += lost.astype(np.float32)


def add_letter(attenuation: Field, letter: str, rng: np.random.Generator) -> None:
    """A letter of lead, R or L, in the corner where the least of the hand is."""
    pixels = attenuation.shape[0]
    scale = pixels / WORLD
    room = round(2.2 * _LETTER * scale)
    margin = round(float(rng.uniform(40, 110)) * scale)
    starts = (margin, pixels - margin - room)
    corners = [attenuation[y : y + room, x : x + room] for y in starts for x in starts]
    # Empty ones are alike: any of them.
    corner = min((corners[k] for k in rng.permutation(4)), key=lambda part: float(part.sum()))
    corner += np.float32(rng.uniform(1.8, 3.0)) * _letter(letter, room, rng)


def _letter(letter: str, room: int, rng: np.random.Generator) -> Field:
    """A letter in [room, room], 0 to 1, a little turned; now and then seen from behind."""
    drawn = np.zeros((256, 256), np.uint8)
    cv2.putText(drawn, letter, (70, 186), cv2.FONT_HERSHEY_SIMPLEX, 5.6, 255, 22, cv2.LINE_AA)
    if rng.random() < 0.15:
        drawn = np.ascontiguousarray(drawn[:, ::-1])
    turn = cv2.getRotationMatrix2D((128, 128), float(rng.normal(0, 8)), 1.0)
    turned = cv2.warpAffine(drawn, turn, (256, 256))
    small = cv2.resize(turned, (room, room), interpolation=cv2.INTER_AREA)
    return (small / np.float32(255)).astype(np.float32)
