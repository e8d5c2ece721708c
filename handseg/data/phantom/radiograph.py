"""From a posed hand to a radiograph: attenuation, photons, detector, display."""

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.data.phantom.build import Build
from handseg.data.phantom.exposure import Exposure, draw_exposure
from handseg.data.phantom.extras import Extras
from handseg.data.phantom.pose import WORLD, PosedHand
from handseg.data.phantom.skeleton import add_skeleton
from handseg.data.phantom.tissue import Field, tissue_thickness

SOFT_TISSUE = 0.0034
"""Attenuation of soft tissue per world unit (about 0.22 per cm at 50 kV)."""


def take_radiograph(
    hand: PosedHand, build: Build, size: int, rng: np.random.Generator, extras: Extras
) -> NDArray[np.uint8]:
    """The radiograph of a posed hand, uint8 [size, size], bones bright.

    Small pictures are made at twice their size and averaged, as a detector's pixel averages.
    """
    exposure = extras.exposed(draw_exposure(rng))
    pixels = size * 2 if size <= 640 else size
    attenuation = tissue_thickness(hand, build.flesh, pixels, rng)
    attenuation *= np.float32(SOFT_TISSUE * exposure.soft / exposure.bone)
    add_skeleton(attenuation, hand, build.cortex, rng)
    attenuation *= np.float32(exposure.bone)
    extras.add(attenuation, hand)
    photons = _transmitted(attenuation, exposure, pixels / WORLD)
    if pixels != size:
        photons = photons.reshape(size, 2, size, 2).mean(axis=(1, 3))
    density = _detected(photons, exposure, rng)
    shown = _displayed(density, exposure, size / WORLD)
    extras.shut(shown)
    return shown


def _transmitted(attenuation: Field, exposure: Exposure, scale: float) -> Field:
    """The share of photons that arrives: Beer-Lambert's law, the focal spot's blur, scatter."""
    arrived = cv2.exp(-attenuation)
    arrived = cv2.GaussianBlur(arrived, (0, 0), max(exposure.focus * scale, 0.3))
    small = cv2.resize(arrived, (64, 64), interpolation=cv2.INTER_AREA)
    veil = cv2.GaussianBlur(small, (0, 0), 6.0)
    veil = cv2.resize(veil, arrived.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = np.float32(exposure.scatter)
    return arrived * (1 - share) + veil * share


def _detected(photons: Field, exposure: Exposure, rng: np.random.Generator) -> Field:
    """Optical density seen by a detector: uneven beam, photon noise (sd √n), logarithm."""
    size = photons.shape[0]
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    across, down = exposure.heel
    beam = (1 + np.float32(across) * ramp) * (1 + np.float32(down) * ramp)[:, None]
    # A larger pixel collects more photons, but displays are compared at their own size:
    # the count grows with the side, not with the area.
    count = photons * beam
    count *= np.float32(exposure.photons * WORLD / size)
    noise = rng.standard_normal(photons.shape, dtype=np.float32)
    count += noise * np.sqrt(count)
    np.maximum(count, 1.0, out=count)
    return -cv2.log(count) + np.float32(np.log(exposure.photons * WORLD / size))


def _displayed(density: Field, exposure: Exposure, scale: float) -> NDArray[np.uint8]:
    """Edge enhancement, window, gamma and 8 bits."""
    if exposure.enhancement > 0:
        soft = cv2.GaussianBlur(density, (0, 0), 9.0 * scale)
        density += np.float32(exposure.enhancement) * (density - soft)
    black, window = np.float32(exposure.black), np.float32(exposure.white - exposure.black)
    shown = np.clip((density - black) / window, 0.0, 1.0) ** np.float32(exposure.gamma)
    return np.round(shown * 255).astype(np.uint8)
