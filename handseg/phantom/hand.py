"""A person's hand: every bone in its own frame, sizes and shapes drawn anew, and its pose."""

from dataclasses import dataclass

import numpy as np

from handseg.anatomy import BONES, CARPALS, FINGERS, FINGERTIPS, FOREARM, MEAN_AREAS, METACARPALS
from handseg.phantom import outlines
from handseg.phantom.outlines import Points

WORLD = 2048.0
"""Width and height of the image in world units."""

MEAN_LENGTHS: dict[str, float] = {
    "finger-1": 142, "finger-2": 208, "finger-3": 300,
    "finger-4": 108, "finger-5": 156, "finger-6": 262, "finger-7": 430,
    "finger-8": 117, "finger-9": 188, "finger-10": 288, "finger-11": 412,
    "finger-12": 115, "finger-13": 178, "finger-14": 264, "finger-15": 362,
    "finger-16": 99, "finger-17": 126, "finger-18": 212, "finger-19": 332,
}  # fmt: skip
"""Lengths in pixels at 2048² (1 mm is about 6.5), after the usual proportions of the rays."""

_METACARPAL_SHAPES = {
    "finger-3": outlines.THUMB_METACARPAL,
    "finger-7": outlines.SECOND_METACARPAL,
    "finger-15": outlines.FOURTH_METACARPAL,
}

_FOREARM_SHIFT = {"Radius": (0.0, -11.0), "Ulna": (0.0, -6.0)}

# Where each metacarpal's base stands in the wrist's frame and how many degrees it leans.
_RAYS: dict[str, tuple[tuple[float, float], float]] = {
    "thumb": ((-176.0, -88.0), -37.0),
    "index": ((-81.0, -100.0), -10.0),
    "middle": ((-3.0, -107.0), -2.5),
    "ring": ((63.0, -97.0), 5.5),
    "little": ((119.0, -75.0), 14.0),
}
_FINGER_LEAN = {"thumb": 10.0, "index": 3.0, "middle": 1.0, "ring": -1.0, "little": -2.0}
_SPREAD = {"thumb": -0.5, "index": -1.0, "middle": -0.15, "ring": 0.7, "little": 1.7}
_DISTAL_ROW = ("Trapezium", "Trapezoid", "Capitate", "Hamate")
_CAPITATE_HEAD = np.array([0.0, 36.0])
_PROXIMAL_CENTRE = np.array([-32.0, 30.0])
_PROXIMAL_SHARE = 0.45
_CARPAL_CENTRE = np.array([1008.0, 1428.0])
# Most hands are laid near the middle and a few far off: a t distribution of four degrees spans
# the range of the 800 labelled hands.
_CARPAL_CENTRE_SPREAD = np.array([24.0, 41.0])
_CARPAL_CENTRE_RANGE = np.array([[840.0, 1182.0], [1164.0, 1742.0]])
_MARGIN = 22.0
_JOINT_GAP = 9.0


@dataclass(frozen=True)
class Build:
    """The bones of one person, not yet posed.

    `long_bones` holds outlines [n, 2] (across, along) from the base at 0 to the head at the
    length; `wrist` holds carpals and forearm in the wrist's frame. `size` scales it all.
    """

    size: float
    lengths: dict[str, float]
    long_bones: dict[str, Points]
    wrist: dict[str, Points]
    flesh: float
    """Thickness of the soft tissue, 1 for the mean person."""
    cortex: float
    """Thickness of the cortex, 1 for the mean person."""
    base_angles: dict[str, float]
    """Degrees that each ray's metacarpal leans from the mean."""


def draw_build(rng: np.random.Generator) -> Build:
    width = float(np.clip(rng.normal(1.0, 0.055), 0.87, 1.15))
    lengths = _draw_lengths(rng)
    return Build(
        size=float(np.clip(rng.normal(1.003, 0.062), 0.82, 1.2)),
        lengths=lengths,
        long_bones={bone: _long_bone(bone, lengths[bone], width, rng) for bone in lengths},
        wrist=_draw_wrist(rng, width),
        flesh=float(np.clip(rng.normal(1.0, 0.09), 0.82, 1.28)),
        cortex=float(np.clip(rng.normal(1.0, 0.16), 0.6, 1.4)),
        base_angles={finger: float(rng.normal(0.0, 1.6)) for finger in FINGERS},
    )


def _draw_lengths(rng: np.random.Generator) -> dict[str, float]:
    """Lengths that vary together (all fingers), by finger, by level and a little each alone."""
    every = rng.normal(1.0, 0.035)
    level = rng.normal(1.0, 0.025, size=4)
    lengths: dict[str, float] = {}
    for bones in FINGERS.values():
        finger = rng.normal(1.0, 0.03)
        for place, bone in enumerate(bones):
            alone = rng.normal(1.0, 0.02)
            lengths[bone] = MEAN_LENGTHS[bone] * float(every * level[place] * finger * alone)
    return lengths


def _long_bone(bone: str, length: float, width: float, rng: np.random.Generator) -> Points:
    """The outline of a phalanx or metacarpal whose area is the mean's at the mean length."""
    left, right = rng.normal(1.0, 0.04, size=2)
    profile = _profile(bone)
    curve = outlines.closed_curve(outlines.mirrored_profile(profile, left, right))
    across = MEAN_AREAS[bone] / MEAN_LENGTHS[bone] / outlines.area(curve)
    across *= width * float(rng.normal(1.0, 0.025))
    outline = curve * (across, length)
    bow = float(rng.normal(0.0, 0.012)) * length
    outline[:, 0] += bow * np.sin(np.pi * np.clip(curve[:, 1], 0, 1))
    return outlines.ripple(outline, rng, 0.018 * across * 2)


def _profile(bone: str) -> list[tuple[float, float]]:
    if bone in FINGERTIPS:
        return outlines.TIP
    if bone in METACARPALS:
        return _METACARPAL_SHAPES.get(bone, outlines.METACARPAL)
    return outlines.PHALANX


def _draw_wrist(rng: np.random.Generator, width: float) -> dict[str, Points]:
    """Carpals and forearm of a person in the wrist's frame."""
    wrist = {name: _carpal(name, width, rng) for name in CARPALS}
    for name in FOREARM:
        outline = outlines.closed_curve(np.array(outlines.FOREARM_OUTLINES[name], float), 12)
        middle = outlines.centroid(outline)[0]
        outline[:, 0] = middle + (outline[:, 0] - middle) * width * rng.normal(1.0, 0.03)
        outline += rng.normal(_FOREARM_SHIFT[name], (3.0, 5.0))
        wrist[name] = outlines.ripple(outline, rng, 3.0)
    return wrist


def _carpal(name: str, width: float, rng: np.random.Generator) -> Points:
    """A carpal of the mean area times the person's and its own variation, moved and turned."""
    outline = outlines.closed_curve(np.array(outlines.CARPAL_OUTLINES[name], float))
    middle = outlines.centroid(outline)
    scale = np.sqrt(MEAN_AREAS[name] / outlines.area(outline))
    scale *= np.sqrt(width) * rng.normal(1.0, 0.03, size=2)
    turned = (outline - middle) * scale @ rotation(rng.normal(0.0, 4.0)).T
    moved = turned + middle + rng.normal(0.0, 3.0, size=2)
    return outlines.ripple(moved, rng, 0.03 * np.sqrt(MEAN_AREAS[name]))


def rotation(degrees: float) -> Points:
    """The matrix [2, 2] that turns (x, y) clockwise on the screen (y points down)."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@dataclass(frozen=True)
class PosedBone:
    """A bone in the image's world: outline [n, 2] and the axis [2, 2] from base to head.

    `axis` is None for a carpal. 1 unit is 1 pixel at 2048².
    """

    name: str
    outline: Points
    axis: Points | None


@dataclass(frozen=True)
class PosedHand:
    """All bones of a hand in the image's world, in class order."""

    bones: tuple[PosedBone, ...]
    size: float
    bend: float
    """Degrees of the hand against the forearm, positive to the little finger's side."""

    def __getitem__(self, name: str) -> PosedBone:
        return self.bones[BONES.index(name)]


def draw_pose(build: Build, rng: np.random.Generator, *, side: str, bent: bool) -> PosedHand:
    """Pose a build as a `side` ("left" or "right") hand; `bent` bends the wrist by 16 to 30°."""
    bend = _draw_bend(rng, bent)
    turn = float(np.clip(rng.normal(0.0, 4.0), -16, 16))
    wrist = {name: PosedBone(name, outline, None) for name, outline in build.wrist.items()}
    rays = _articulate(build, rng)
    share = float(rng.uniform(0.25, 0.6))
    posed: dict[str, PosedBone] = {}
    for name in BONES:
        bone = rays[name] if name in rays else wrist[name]
        if name in FOREARM:
            bone = PosedBone(name, bone.outline, _forearm_axis(bone.outline))
        bone = _bend_wrist(bone, bend)
        posed[name] = _moved(bone, rotation(turn - share * bend) * build.size)
    if side == "left":
        posed = {name: _moved(bone, np.diag([-1.0, 1.0])) for name, bone in posed.items()}
    shift = _draw_shift(posed, rng)
    bones = tuple(_moved(posed[name], np.eye(2), shift) for name in BONES)
    return PosedHand(bones, build.size, bend)


def _draw_bend(rng: np.random.Generator, bent: bool) -> float:
    """Degrees of the wrist's bend; bent wrists lean to the little finger two times in three."""
    if not bent:
        return float(np.clip(rng.normal(0.0, 4.0), -12, 12))
    return float(rng.uniform(16, 30) * (1 if rng.random() < 0.67 else -1))


def _articulate(build: Build, rng: np.random.Generator) -> dict[str, PosedBone]:
    """Metacarpals and phalanges of a right hand in the wrist's frame, each on the one before."""
    spread = float(np.clip(rng.normal(5.0, 2.6), -2, 12))
    placed: dict[str, PosedBone] = {}
    for finger, bones in FINGERS.items():
        base, lean = _RAYS[finger]
        angle = lean + build.base_angles[finger] + 0.25 * _SPREAD[finger] * spread
        angle += float(rng.normal(0.0, 4.0 if finger == "thumb" else 1.0))
        place = np.array(base) + rng.normal(0.0, 2.5, size=2)
        for level, bone in enumerate(reversed(bones)):
            if level == 1:
                angle += _FINGER_LEAN[finger] + _SPREAD[finger] * spread * 0.75
                angle += float(rng.normal(0.0, 3.5 if finger == "thumb" else 1.5))
            elif level > 1:
                angle += float(rng.normal(0.0, 1.7))
            foreshortened = float(np.cos(np.deg2rad(abs(rng.normal(0.0, 9.0))))) if level else 1.0
            placed[bone], place = _placed(bone, build, place, angle, foreshortened, rng)
    return placed


def _placed(
    bone: str,
    build: Build,
    base: Points,
    angle: float,
    foreshortened: float,
    rng: np.random.Generator,
) -> tuple[PosedBone, Points]:
    """A long bone put on `base`, leaning by `angle`; and where the next one's base comes."""
    local = build.long_bones[bone] * (1.0, -foreshortened)
    length = build.lengths[bone] * foreshortened
    turn = rotation(angle)
    axis = np.array([[0.0, 0.0], [0.0, -length]]) @ turn.T + base
    gap = float(np.clip(rng.normal(_JOINT_GAP, 1.8), 5.0, 14.0))
    next_base = np.array([0.0, -length - gap]) @ turn.T + base
    return PosedBone(bone, local @ turn.T + base, axis), next_base


def _forearm_axis(outline: Points) -> Points:
    """From the distal end of radius or ulna down its shaft."""
    top, bottom = outline[:, 1].min(), outline[:, 1].max()
    middle = (outline[:, 0].min() + outline[:, 0].max()) / 2
    return np.array([[middle, top], [middle, bottom]])


def _bend_wrist(bone: PosedBone, bend: float) -> PosedBone:
    """Turn the distal row and the fingers by `bend`, the proximal row by a part of it."""
    if bone.name in FOREARM:
        return bone
    proximal = bone.name in CARPALS and bone.name not in _DISTAL_ROW
    centre = _PROXIMAL_CENTRE if proximal else _CAPITATE_HEAD
    matrix = rotation(bend * (_PROXIMAL_SHARE if proximal else 1.0))
    return _moved(bone, matrix, centre - matrix @ centre)


def _draw_shift(posed: dict[str, PosedBone], rng: np.random.Generator) -> Points:
    """Where the hand lies: the carpal box's centre as in the competition, fingers in the image."""
    carpals = np.concatenate([posed[name].outline for name in CARPALS])
    box_centre = (carpals.min(axis=0) + carpals.max(axis=0)) / 2
    target = _CARPAL_CENTRE + rng.standard_t(4.0, size=2) * _CARPAL_CENTRE_SPREAD
    shift = np.clip(target, *_CARPAL_CENTRE_RANGE) - box_centre
    fingers = np.concatenate([posed[bone].outline for bone in BONES if bone not in FOREARM])
    lowest, highest = fingers.min(axis=0) + shift, fingers.max(axis=0) + shift
    shift += np.maximum(_MARGIN - lowest, 0.0)
    return shift - np.maximum(highest - (WORLD - _MARGIN), 0.0)


def _moved(bone: PosedBone, matrix: Points, shift: Points | float = 0.0) -> PosedBone:
    axis = None if bone.axis is None else bone.axis @ matrix.T + shift
    return PosedBone(bone.name, bone.outline @ matrix.T + shift, axis)
