"""What radiographs show besides a hand: rings, metal, borders, letters, and exposures gone wrong.

None of it changes a label: a ring lies over a bone and a sesamoid belongs to none, as annotators
have it. Whatever is asked for, the hand, its pose and its labels stay those of the plain phantom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FINGERS, METACARPALS
from handseg.errors import UsageError, did_you_mean
from handseg.phantom.hand import WORLD, Build, PosedHand, rotation
from handseg.phantom.outlines import Points, centroid
from handseg.phantom.radiograph import CORTEX, MEDULLA, RADII, Exposure, Field

SHARES: dict[str, float] = {
    "rings": 0.5,
    "metal": 0.4,
    "collimator": 0.8,
    "markers": 1.0,
    "sesamoids": 0.9,
    "exposure": 0.5,
}
"""The share of the hands that have each, where it is asked for."""

_APART = 100

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
_PLATED = (*METACARPALS[1:], "Radius", "Radius")
_WIRED = ("finger-2", "finger-5", "finger-6", "finger-9", "finger-10", "finger-14", "finger-18")
_ROUND = np.linspace(0.0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)

_LEAD = 2.6
"""Optical depth of the collimator's blades: what passes them is mostly scatter."""
_PENUMBRA = 5.0
_INSIDE = 22.0
"""How far inside the field's edge a display's shutter stands, world units."""
_BEYOND = 400.0
_AROUND = 110.0
"""World units around the bones that are always lit: the flesh is in the picture too."""


def known_extras(names: Iterable[str]) -> tuple[str, ...]:
    """The extras that are named, in the order of `SHARES`; `all` names every one.

    Raises UsageError for a name that is none.
    """
    asked = set(names)
    for name in sorted(asked - {*SHARES, "all"}):
        raise UsageError(
            f"phantoms have no {name!r}{did_you_mean(name, [*SHARES, 'all'])}",
            details="they can have " + ", ".join(SHARES) + " or all",
        )
    return tuple(name for name in SHARES if name in asked or "all" in asked)


class Extras:
    """The extras that one hand has, each with its own generator: one more changes no other."""

    def __init__(self, chosen: Mapping[str, np.random.Generator], build: Build, side: str) -> None:
        self.chosen = chosen
        self.build = build
        self.side = side
        self.border: Border | None = None

    def exposed(self, exposure: Exposure) -> Exposure:
        """The exposure as it was, or as it went wrong: too little or too much of it."""
        rng = self.chosen.get("exposure")
        if rng is None:
            return exposure
        if rng.random() < 0.5:
            return _under(exposure, rng)
        return _over(exposure, rng)

    def add(self, attenuation: Field, hand: PosedHand) -> None:
        """Add to the attenuation float32 [P, P] what lies in the beam."""
        if rng := self.chosen.get("sesamoids"):
            add_sesamoids(attenuation, hand, rng)
        if rng := self.chosen.get("metal"):
            add_metal(attenuation, hand, rng)
        if rng := self.chosen.get("rings"):
            add_rings(attenuation, hand, self.build.flesh, rng)
        if rng := self.chosen.get("markers"):
            add_letter(attenuation, "R" if self.side == "right" else "L", rng)
        if rng := self.chosen.get("collimator"):
            self.border = draw_border(hand, rng)
            add_border(attenuation, self.border)

    def shut(self, shown: NDArray[np.uint8]) -> None:
        """Black outside the collimator's border, where the display has a shutter."""
        if self.border is not None:
            self.border.shut(shown)


def draw_extras(names: Iterable[str], build: Build, seed: int, person: int, side: str) -> Extras:
    chosen: dict[str, np.random.Generator] = {}
    for number, (name, share) in enumerate(SHARES.items()):
        place = [seed, person, _APART + 2 * number + (side == "right")]
        rng = np.random.default_rng(np.random.SeedSequence(place))
        if rng.random() < share and name in names:
            chosen[name] = rng
    return Extras(chosen, build, side)


def _under(exposure: Exposure, rng: np.random.Generator) -> Exposure:
    """Too few photons: noise, and everything too light."""
    lighter = float(rng.uniform(0.2, 0.45))
    return replace(
        exposure,
        photons=exposure.photons * float(rng.uniform(0.02, 0.08)),
        black=exposure.black - lighter,
        white=exposure.white - 0.5 * lighter,
    )


def _over(exposure: Exposure, rng: np.random.Generator) -> Exposure:
    """Too many: no noise, the flesh burnt away, the bones faint."""
    darker = float(rng.uniform(0.25, 0.5))
    return replace(
        exposure,
        photons=exposure.photons * 5,
        black=exposure.black + darker,
        white=exposure.white + 1.6 * darker,
    )


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


def add_metal(attenuation: Field, hand: PosedHand, rng: np.random.Generator) -> None:
    """Add one of the three to the attenuation float32 [P, P]."""
    kind = rng.choice(("plate", "wire", "screw"), p=(0.45, 0.35, 0.2))
    if kind == "plate":
        _add_plate(attenuation, hand, rng)
    elif kind == "wire":
        _add_wire(attenuation, hand, rng)
    else:
        _add_screw(attenuation, hand, rng)


def _add_plate(attenuation: Field, hand: PosedHand, rng: np.random.Generator) -> None:
    """A plate along a shaft, seen from the front: screws stand in it as deeper rounds."""
    bone = str(rng.choice(_PLATED))
    start, direction, _, length = along_bone(hand, bone)
    forearm = bone == "Radius"
    first, last = (40.0, 40.0 + rng.uniform(230, 330)) if forearm else (0.2 * length, 0.8 * length)
    half = 24.0 if forearm else 15.0
    ends = start + direction * first, start + direction * last
    paint(attenuation, _bar(*ends, half), float(rng.uniform(0.9, 1.5)))
    for share in np.linspace(0.08, 0.92, 6 if forearm else 5):
        if rng.random() < 0.85:
            middle = ends[0] + (ends[1] - ends[0]) * share
            paint(attenuation, middle + 0.5 * half * _CIRCLE, float(rng.uniform(0.8, 1.4)))


def _add_wire(attenuation: Field, hand: PosedHand, rng: np.random.Generator) -> None:
    """A Kirschner wire through a phalanx, a little askew, out beyond its head."""
    start, direction, across, length = along_bone(hand, str(rng.choice(_WIRED)))
    askew = direction + across * np.tan(np.deg2rad(rng.normal(0.0, 6.0)))
    middle = start + direction * length * 0.5
    ends = middle - askew * length * 0.45, middle + askew * length * rng.uniform(0.6, 0.95)
    paint(attenuation, _bar(*ends, float(rng.uniform(3.5, 5.5))), float(rng.uniform(1.0, 1.8)))


def _add_screw(attenuation: Field, hand: PosedHand, rng: np.random.Generator) -> None:
    """A headless screw in the scaphoid: a stem, thicker where its two threads are."""
    middle = centroid(hand["Scaphoid"].outline)
    angle = np.deg2rad(rng.uniform(35, 75)) * (1 if rng.random() < 0.5 else -1)
    reach = np.array([np.cos(angle), np.sin(angle)]) * 48 * hand.size
    depth = float(rng.uniform(0.8, 1.3))
    paint(attenuation, _bar(middle - reach, middle + reach, 7.0), depth)
    for sign in (-1.0, 1.0):
        thread = _bar(middle + sign * 0.45 * reach, middle + sign * reach, 11.0)
        paint(attenuation, thread, 0.7 * depth)


def _bar(start: Points, end: Points, half: float) -> Points:
    """A bar with round ends, [n, 2]: `half` is half its width."""
    direction = (end - start) / float(np.linalg.norm(end - start))
    across = np.array([-direction[1], direction[0]])
    turn = np.linspace(0.0, np.pi, 12)
    cap = np.outer(np.cos(turn), across) * half
    out = np.outer(np.sin(turn), direction) * half
    return np.concatenate([end + cap + out, start - cap - out])


@dataclass(frozen=True)
class Border:
    """The corners [4, 2] of the lit field in world units, and whether the display blackens."""

    corners: Points
    shutter: bool

    def mask(self, pixels: int) -> NDArray[np.uint8]:
        """The lit field as 0 and 1, uint8 [pixels, pixels]."""
        mask = np.zeros((pixels, pixels), np.uint8)
        corners = ((self.corners * (pixels / WORLD) - 0.5) * 2**_SHIFT).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 1, cv2.LINE_8, _SHIFT)
        return mask

    def shut(self, shown: NDArray[np.uint8]) -> None:
        """Black outside, where the display has a shutter."""
        if self.shutter:
            reach = 2 * round(_INSIDE * shown.shape[0] / WORLD) + 1
            mask = cv2.erode(self.mask(shown.shape[0]), np.ones((reach, reach), np.uint8))
            shown[mask == 0] = 0


def draw_border(hand: PosedHand, rng: np.random.Generator) -> Border:
    """A slightly turned rectangle around the hand; one or two of its sides may be out of sight."""
    points = np.concatenate([bone.outline for bone in hand.bones]).clip(0, WORLD)
    low, high = points.min(axis=0) - _AROUND, points.max(axis=0) + _AROUND
    # How far each side stands from the hand, as a share of the way to the image's border.
    low, high = low * rng.uniform(0.35, 1.0, 2), WORLD - (WORLD - high) * rng.uniform(0.35, 1.0, 2)
    hidden = rng.random(4) < 0.25
    # The forearm leaves the image: a blade across it is rare.
    hidden[3] |= bool(rng.random() < 0.8)
    left, top = np.where(hidden[:2], -_BEYOND, low)
    right, bottom = np.where(hidden[2:], WORLD + _BEYOND, high)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    middle = corners.mean(axis=0)
    turn = rotation(rng.normal(0.0, 1.2))
    return Border((corners - middle) @ turn.T + middle, bool(rng.random() < 0.4))


def add_border(attenuation: Field, border: Border) -> None:
    """Take the beam away outside the border, with a narrow penumbra."""
    pixels = attenuation.shape[0]
    dark = (1 - border.mask(pixels)).astype(np.float32)
    cv2.GaussianBlur(dark, (0, 0), max(_PENUMBRA * pixels / WORLD, 0.4), dst=dark)
    attenuation += np.float32(_LEAD) * dark
