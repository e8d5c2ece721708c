"""Metal that surgeons leave in hands: a plate with its screws, a wire, a screw."""

import numpy as np

from handseg.anatomy import METACARPALS
from handseg.data.phantom.objects import along_bone, paint
from handseg.data.phantom.outlines import Points, centroid
from handseg.data.phantom.pose import PosedHand
from handseg.data.phantom.tissue import Field

_PLATED = (*METACARPALS[1:], "Radius", "Radius")
_WIRED = ("finger-2", "finger-5", "finger-6", "finger-9", "finger-10", "finger-14", "finger-18")
_ROUND = np.linspace(0.0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)


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
