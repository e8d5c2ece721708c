"""A person's build: every bone of the right hand in its own frame, sizes and shapes drawn anew."""

from dataclasses import dataclass

import numpy as np

from handseg.anatomy import CARPALS, FINGERS, FINGERTIPS, FOREARM, MEAN_AREAS, METACARPALS
from handseg.data.phantom import outlines
from handseg.data.phantom.outlines import Points

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
    """Draw a person's build: size, proportions, thickness of bone, shapes."""
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
