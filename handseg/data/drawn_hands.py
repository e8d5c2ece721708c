"""The hands of samples of which some may have no label, or one at fault; nothing is written."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from handseg.anatomy import BONES
from handseg.data.dataset import Sample
from handseg.data.hands import Hands, bends, bone_places, hands_of
from handseg.data.label_masks import ImageMasks, measured
from handseg.data.label_runs import label_file
from handseg.data.labels import label_runs
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle.batch import batch_of
from handseg.threads import threads


class KnownHands(NamedTuple):
    """The hands of those samples whose labels can be read, and what is wrong with others'."""

    hands: Hands
    faults: dict[str, InputError]
    """By image name; an image without a label is no fault."""


def known_hands(
    samples: Sequence[Sample],
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> KnownHands:
    """Measure what can be read: from the cache if labels are kept there, else drawn for this."""
    labelled = [sample for sample in samples if sample.labels is not None]
    place = bone_places(classes, bones)
    if not labelled or not place:
        return KnownHands(_stacked([], []), {})
    try:
        kept = label_file(labelled, classes).found()
    except InputError:  # one of them cannot be read: it is found below which
        kept = None
    if kept is not None:
        return KnownHands(hands_of(kept, classes, bones, progress), {})
    return _drawn(labelled, classes, place, progress)


def _drawn(
    samples: Sequence[Sample], classes: Sequence[str], place: Mapping[str, int], progress: Progress
) -> KnownHands:
    found: dict[str, Hands] = {}
    faults: dict[str, InputError] = {}
    with threads() as pool:
        hands = pool.map(lambda sample: _hand_or_fault(sample, classes, place), samples)
        for done, (sample, hand) in enumerate(zip(samples, hands, strict=True), 1):
            if isinstance(hand, InputError):
                faults[sample.image_name] = hand
            else:
                found[sample.image_name] = hand
            progress(done, len(samples), sample.image_name)
    return KnownHands(_stacked(list(found), list(found.values())), faults)


def _hand_or_fault(
    sample: Sample, classes: Sequence[str], place: Mapping[str, int]
) -> Hands | InputError:
    try:
        label = label_runs(sample, classes)
    except InputError as fault:
        return fault
    runs = [mask for cls, mask in zip(classes, label.runs, strict=True) if cls in place]
    part = ImageMasks((sample.image_name,), (label.size[1],), batch_of(runs))
    columns = list(place.values())
    hand = _stacked([sample.image_name], [])
    hand.areas[:, columns], hand.centres[:, columns] = measured(part)
    hand.degrees[:] = bends(part, columns)
    return hand


def _stacked(images: Sequence[str], hands: Sequence[Hands]) -> Hands:
    """Hands of one image each as those of all; without any, hands of which nothing is known."""
    if hands:
        return Hands(
            tuple(images),
            np.concatenate([hand.centres for hand in hands]),
            np.concatenate([hand.areas for hand in hands]),
            np.concatenate([hand.degrees for hand in hands]),
        )
    count = len(images)
    return Hands(
        tuple(images),
        np.full((count, len(BONES), 2), np.nan),
        np.full((count, len(BONES)), np.nan),
        np.full(count, np.nan),
    )
