"""How one picture was taken and shown."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Exposure:
    """How one picture was taken and shown."""

    photons: float
    """Photons a pixel of 2048² where nothing is in the way."""
    soft: float
    """Factor of soft tissue's attenuation: it falls with the tube's voltage."""
    bone: float
    """Factor of bone's attenuation."""
    focus: float
    """Blur (sd) by focal spot and detector, world units."""
    scatter: float
    """Share of photons that come from anywhere."""
    heel: tuple[float, float]
    """Fall of intensity over the image's width and height (heel effect and distance)."""
    black: float
    white: float
    """Densities shown as black and as white."""
    gamma: float
    enhancement: float
    """Strength of the display's edge enhancement."""


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draw how a picture is taken and shown."""
    return Exposure(
        photons=float(np.exp(rng.uniform(np.log(1200), np.log(6000)))),
        soft=float(rng.normal(1.0, 0.10)),
        bone=float(np.clip(rng.normal(1.0, 0.10), 0.75, 1.3)),
        focus=float(rng.uniform(1.0, 2.0)),
        scatter=float(rng.uniform(0.02, 0.07)),
        heel=(float(rng.normal(0.0, 0.08)), float(rng.normal(0.06, 0.08))),
        black=float(rng.normal(-0.08, 0.04)),
        white=float(np.clip(rng.normal(1.55, 0.15), 1.2, 1.95)),
        gamma=float(np.clip(rng.normal(0.95, 0.12), 0.7, 1.25)),
        enhancement=float(rng.uniform(0.0, 0.6)),
    )
