"""The hands of labelled images, measured from their masks; no file name is asked."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from handseg.anatomy import BONES, FOREARM
from handseg.data.label_runs import ImageMasks, image_masks, label_file, measured
from handseg.data.labels import Sample, label_runs
from handseg.errors import InputError
from handseg.hand.hands import HAND, Hands, bend, bone_places
from handseg.reporter import Progress, silent
from handseg.rle.batch import batch_of
from handseg.threads import threads

if TYPE_CHECKING:
    from handseg.rle.submission import Submission


def hands_of(
    labels: "Submission",
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
    *,
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Hands:
    """The hands of all images of a submission of labels, drawn with some of its classes.

    `bones` names the bone that a class of another name is; `sizes` are the images and their
    (height, width), by default those of the submission's sidecar. Raises InputError for run lengths
    at fault.
    """
    sizes = labels.sizes if sizes is None else sizes
    place = bone_places(classes, bones)
    chosen = [cls for cls in classes if cls in place]
    columns = [place[cls] for cls in chosen]
    hands = Hands.unmeasured(sizes)
    done = 0
    for part in image_masks(labels, sizes, chosen, progress):
        _measure(hands, done, part, columns)
        done += len(part.images)
    return hands


def known_hands(
    samples: Sequence[Sample],
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> tuple[Hands, dict[str, InputError]]:
    """The hands of those samples whose labels can be read, and by image name what is wrong.

    Nothing is written: labels come from the cache if they are there, else they are drawn for this.
    An image without a label is no fault.
    """
    labelled = [sample for sample in samples if sample.labels is not None]
    place = bone_places(classes, bones)
    if not labelled or not place:
        return Hands.unmeasured(()), {}
    try:
        cached = label_file(labelled, classes).read()
    except InputError:  # one of them cannot be read: it is found below which
        cached = None
    if cached is not None:
        return hands_of(cached, classes, bones, progress), {}
    return _drawn_hands(labelled, classes, place, progress)


def _drawn_hands(
    samples: Sequence[Sample], classes: Sequence[str], place: Mapping[str, int], progress: Progress
) -> tuple[Hands, dict[str, InputError]]:
    hands = Hands.unmeasured(sample.image_name for sample in samples)
    faults: dict[str, InputError] = {}

    def draw(row: int) -> InputError | None:
        try:
            label = label_runs(samples[row], classes)
        except InputError as fault:
            return fault
        runs = [mask for cls, mask in zip(classes, label.runs, strict=True) if cls in place]
        part = ImageMasks((hands.images[row],), (label.size[1],), batch_of(runs))
        _measure(hands, row, part, list(place.values()))
        return None

    with threads() as pool:
        for row, fault in enumerate(pool.map(draw, range(len(samples)))):
            if fault is not None:
                faults[hands.images[row]] = fault
            progress(row + 1, len(samples), hands.images[row])
    return hands.only(np.flatnonzero([image not in faults for image in hands.images])), faults


def _measure(hands: Hands, first: int, part: ImageMasks, columns: Sequence[int]) -> None:
    """Fill the rows of `hands` from `first` on; `columns` are the places of the masks' bones."""
    rows = slice(first, first + len(part.images))
    hands.areas[rows, columns], hands.centres[rows, columns] = measured(part)
    column_of = {BONES[place]: column for column, place in enumerate(columns)}
    if HAND not in column_of:
        return
    masks, classes = part.batch.masks(), len(columns)
    for row, width in enumerate(part.widths):
        of_image = masks[row * classes : (row + 1) * classes]
        forearm = [of_image[column_of[bone]] for bone in FOREARM if bone in column_of]
        hands.bends[first + row] = bend(forearm, of_image[column_of[HAND]], width)
