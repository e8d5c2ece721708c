"""Bent wrists of labelled images, and what a mean would be with more or fewer of them."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from handseg.anatomy import FOREARM
from handseg.data.hands import hands_of
from handseg.data.image_sizes import check_all_known
from handseg.errors import InputError, UsageError
from handseg.hand.hands import Hands
from handseg.hand.pose import HAND, LIMIT
from handseg.reporter import Progress, silent
from handseg.score.ground_truth import GroundTruth
from handseg.score.means import Stratum


class Reweight(NamedTuple):
    """`pose=SHARE`: the share of people with bent wrists that a mean shall stand for."""

    share: float

    @property
    def words(self) -> str:
        return f"{100 * self.share:g} % bent"


def parse_reweight(text: str) -> Reweight:
    """`pose=SHARE` with a share from 0 to 1; raises UsageError for anything else."""
    name, _, value = text.partition("=")
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if name != "pose" or not 0 <= share <= 1:
        raise UsageError(
            f"the share of poses {text!r} cannot be read",
            details="it is pose=SHARE, the share of people with bent wrists from 0 to 1",
            hints=["as in the competition's test set: --reweight pose=0.576"],
        )
    return Reweight(share)


def pose_strata(hands: Hands, reweight: Reweight) -> tuple[Stratum, Stratum]:
    """The bent and the straight images with the shares that they shall have.

    Raises InputError where there are none of one kind.
    """
    strata = Stratum(hands.bent, reweight.share), Stratum(hands.straight, 1 - reweight.share)
    for stratum, name in zip(strata, ("bent", "straight"), strict=True):
        if not stratum.members.any():
            raise InputError(
                f"no image has a {name} wrist: there is nothing to weight",
                details=f"{int(hands.bent.sum())} of {len(hands.images)} images are bent by "
                f"more than {LIMIT:g}°, of {hands.unknown_poses} the angle cannot be told",
            )
    return strata


def hands_of_truth(
    truth: GroundTruth,
    images: Sequence[str],
    sizes: Mapping[str, tuple[int, int]],
    progress: Progress = silent,
) -> Hands:
    """The bones that tell the wrist's pose, in labelled images whose (height, width) are `sizes`.

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
    bone_of = {class_of[bone]: bone for bone in (*FOREARM, HAND) if bone in class_of}
    known = {image: sizes[image] for image in images}
    return hands_of(truth.labels, tuple(bone_of), bone_of, progress, sizes=known)
