"""What radiographs show besides a hand: rings, metal, borders, letters, and exposures gone wrong.

None of it changes a label: a ring lies over a bone and a sesamoid belongs to none, as annotators
have it. Whatever is asked for, the hand, its pose and its labels stay those of the plain phantom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handseg.data.phantom.build import Build
from handseg.data.phantom.collimator import Border, add_border, draw_border
from handseg.data.phantom.exposure import Exposure
from handseg.data.phantom.objects import add_letter, add_rings, add_sesamoids
from handseg.data.phantom.pose import PosedHand
from handseg.data.phantom.surgery import add_metal
from handseg.data.phantom.tissue import Field
from handseg.errors import UsageError, did_you_mean

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
    """Which of the named extras a hand has."""
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
