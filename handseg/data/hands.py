"""Side and pose of every labelled hand, derived from its bones; no file name is asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, FOREARM
from handseg.data.label_masks import ImageMasks, image_masks, measured
from handseg.data.label_runs import label_file
from handseg.hand.frame import Centres, across, dot, frames, middle_of
from handseg.hand.misplaced import Areas
from handseg.hand.pose import HAND, LIMIT, bend
from handseg.reporter import Progress, silent

if TYPE_CHECKING:
    from handseg.data.dataset import Sample
    from handseg.rle.submission import Submission

Side = Literal["left", "right"]
Pose = Literal["straight", "bent"]


@dataclass(frozen=True)
class Hands:
    """The hands of labelled images; arrays follow `images`, bones those of the anatomy."""

    images: tuple[str, ...]
    centres: Centres
    """float64 [images, 29, 2]: (x, y) in pixels, NaN where there is no such bone."""
    areas: Areas
    """float64 [images, 29] in pixels, NaN where there is no such bone."""
    degrees: NDArray[np.float64]
    """float64 [images]: the angle between forearm and third metacarpal, NaN where unknown."""

    @property
    def sides(self) -> tuple[Side | None, ...]:
        """Whose hand it is by its bones; None where the forearm is not there."""
        return sides_of(self.centres)

    @property
    def poses(self) -> tuple[Pose | None, ...]:
        """Bent beyond `LIMIT` degrees or not; None where the angle cannot be told."""
        return tuple(pose_of(degrees) for degrees in self.degrees.tolist())

    @property
    def bent(self) -> NDArray[np.bool_]:
        """bool [images]; not where the angle cannot be told."""
        return self.degrees > LIMIT

    @property
    def are_hands(self) -> bool:
        """Whether any image has bones that tell a side or a pose."""
        return any(side is not None for side in self.sides) or bool(np.isfinite(self.degrees).any())


def labelled_hands(
    samples: "Sequence[Sample]",
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Hands:
    """The hands of samples that have labels; drawn as run lengths once, which the cache keeps.

    `bones` names the bone that a class of another name is. Raises InputError where a label is
    missing or at fault.
    """
    labels = label_file(samples, classes).submission(progress)
    return hands_of(labels, classes, bones)


def hands_of(
    labels: "Submission",
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Hands:
    """The hands of all images of a submission of labels, in the order of its sidecar."""
    images = tuple(labels.sizes)
    place = bone_places(classes, bones)
    chosen = [cls for cls in classes if cls in place]
    columns = [place[cls] for cls in chosen]
    centres = np.full((len(images), len(BONES), 2), np.nan)
    areas = np.full((len(images), len(BONES)), np.nan)
    degrees = np.full(len(images), np.nan)
    done = 0
    for part in image_masks(labels, images, chosen, progress):
        rows = slice(done, done + len(part.images))
        done = rows.stop
        areas[rows, columns], centres[rows, columns] = measured(part)
        degrees[rows] = bends(part, columns)
    return Hands(images, centres, areas, degrees)


def bone_places(classes: Sequence[str], bones: Mapping[str, str] | None = None) -> dict[str, int]:
    """For each class that is a bone, by its name or by `bones`, its place among the 29.

    Where several classes are one bone, the first is taken.
    """
    found: dict[str, int] = {}
    for cls in classes:
        bone = (bones or {}).get(cls, cls)
        if bone in BONES and BONES.index(bone) not in found.values():
            found[cls] = BONES.index(bone)
    return found


def bends(part: ImageMasks, columns: Sequence[int]) -> NDArray[np.float64]:
    """Degrees between forearm and hand of each image; `columns` are the places of the masks' bones.

    NaN where they cannot be told.
    """
    masks, classes = part.batch.masks(), len(columns)
    column_of = {BONES[place]: column for column, place in enumerate(columns)}
    degrees = np.full(len(part.images), np.nan)
    if HAND not in column_of:
        return degrees
    for row, width in enumerate(part.widths):
        of_image = masks[row * classes : (row + 1) * classes]
        forearm = [of_image[column_of[bone]] for bone in FOREARM if bone in column_of]
        degrees[row] = bend(forearm, of_image[column_of[HAND]], width)
    return degrees


def sides_of(centres: Centres) -> tuple[Side | None, ...]:
    """Radius left of the Ulna, seen with the fingers up, is a right hand.

    Where too few bones tell where up is, the image is taken as it stands.
    """
    way = frames(centres).wrist - middle_of(centres, FOREARM)
    # Without carpals the wrist's centre is the forearm's own; NaN is not above 1 either.
    known = np.linalg.norm(way, axis=1) > 1
    up = np.where(known[:, None], way, (0.0, -1.0))
    radius, ulna = (centres[:, BONES.index(bone)] for bone in FOREARM)
    to_the_right = dot(radius - ulna, across(up)).tolist()
    return tuple(
        None if math.isnan(far) else "right" if far < 0 else "left" for far in to_the_right
    )


def pose_of(degrees: float) -> Pose | None:
    """What an angle between forearm and hand means; NaN means nothing."""
    if math.isnan(degrees):
        return None
    return "bent" if degrees > LIMIT else "straight"
