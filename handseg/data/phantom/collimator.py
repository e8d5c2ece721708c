"""The collimator's border: the edge of the field that the beam lights up."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.data.phantom.outlines import Points
from handseg.data.phantom.pose import WORLD, PosedHand
from handseg.data.phantom.tissue import Field

_LEAD = 2.6
"""Optical depth of the collimator's blades: what passes them is mostly scatter."""
_PENUMBRA = 5.0
_SHIFT = 4
_INSIDE = 22.0
"""How far inside the field's edge a display's shutter stands, world units."""
_BEYOND = 400.0
_AROUND = 110.0
"""World units around the bones that are always lit: the flesh is in the picture too."""


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
    angle = np.deg2rad(rng.normal(0.0, 1.2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Border((corners - middle) @ turn.T + middle, bool(rng.random() < 0.4))


def add_border(attenuation: Field, border: Border) -> None:
    """Take the beam away outside the border, with a narrow penumbra."""
    pixels = attenuation.shape[0]
    dark = (1 - border.mask(pixels)).astype(np.float32)
    cv2.GaussianBlur(dark, (0, 0), max(_PENUMBRA * pixels / WORLD, 0.4), dst=dark)
    attenuation += np.float32(_LEAD) * dark
