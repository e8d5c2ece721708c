"""Bent wrists of labelled images, and what a mean would be with more or fewer of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FOREARM
from handseg.errors import InputError, UsageError
from handseg.hand.pose import HAND, LIMIT, bend
from handseg.reporter import Progress, silent
from handseg.score.means import Stratum
from handseg.score.truth import GroundTruth, check_all_known


class Reweight(NamedTuple):
    """`pose=SHARE`: the share of people with bent wrists that a mean shall stand for."""

    share: float

    @property
    def words(self) -> str:
        """As a person reads it."""
        return f"{100 * self.share:g} % bent"


@dataclass(frozen=True)
class Poses:
    """The angle between forearm and hand of each image, degrees from 0, NaN where unknown."""

    degrees: NDArray[np.float64]

    @property
    def bent(self) -> NDArray[np.bool_]:
        """bool [images]"""
        return self.degrees > LIMIT

    @property
    def straight(self) -> NDArray[np.bool_]:
        """bool [images]"""
        return self.degrees <= LIMIT

    @property
    def unknown(self) -> int:
        """Images whose pose cannot be told: they are left out of a reweighted mean."""
        return int(np.isnan(self.degrees).sum())

    def strata(self, reweight: Reweight) -> tuple[Stratum, Stratum]:
        """The bent and the straight images with the shares that they shall have.

        Raises InputError where there are none of one kind.
        """
        strata = Stratum(self.bent, reweight.share), Stratum(self.straight, 1 - reweight.share)
        for stratum, name in zip(strata, ("bent", "straight"), strict=True):
            if not stratum.members.any():
                raise InputError(
                    f"no image has a {name} wrist: there is nothing to weight",
                    details=f"{int(self.bent.sum())} of {len(self.degrees)} images are bent by "
                    f"more than {LIMIT:g}°, of {self.unknown} the angle cannot be told",
                )
        return strata


def parse_reweight(text: str) -> Reweight:
    """`pose=SHARE` with a share from 0 to 1; raises UsageError for anything else."""
    name, _, value = text.partition("=")
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if name != "pose" or not 0 <= share <= 1:
        raise UsageError(
            f"--reweight {text} cannot be read",
            details="it is pose=SHARE, the share of people with bent wrists from 0 to 1",
            hints=["as in the competition's test set: --reweight pose=0.576"],
        )
    return Reweight(share)


def poses_of(
    truth: GroundTruth,
    images: tuple[str, ...],
    sizes: Mapping[str, tuple[int, int]],
    progress: Progress = silent,
) -> Poses:
    """The poses of labelled images whose (height, width) are `sizes`.

    Raises InputError where the labels have no such bones or the size of an image is not known.
    """
    class_of = truth.class_of
    lacking = [bone for bone in (*FOREARM, HAND) if bone not in class_of]
    if HAND in lacking or set(FOREARM) <= set(lacking):
        raise InputError(
            "the pose of the wrist cannot be told",
            details=f"the labels have no {', '.join(lacking)}",
        )
    check_all_known(sizes, images)
    degrees = np.full(len(images), np.nan)
    for row, image in enumerate(images):
        size = sizes[image]
        masks = {
            bone: truth.labels.runs(image, class_of[bone], size)
            for bone in (*FOREARM, HAND)
            if bone in class_of
        }
        forearm = [masks[bone] for bone in FOREARM if bone in masks]
        degrees[row] = bend(forearm, masks[HAND], size[1])
        progress(row + 1, len(images), image)
    return Poses(degrees)
