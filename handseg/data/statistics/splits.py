"""Images, people, hands and grey values of one split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.balance import Balance, balance_of
from handseg.data.dataset import Sample
from handseg.data.images import image_size
from handseg.data.people import Fact, people_of
from handseg.data.statistics.intensity import Intensity
from handseg.errors import InputError
from handseg.hand.hands import Hands

Size = tuple[int, int]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Split:
    """What is in one split."""

    name: str
    images: int
    labelled: int
    balance: Balance
    """Of all its people."""
    images_a_person: Mapping[int, int]
    """People by how many images they have."""
    sizes: Mapping[Size, int]
    """Images by (height, width)."""
    unreadable: int
    """Images of which not even the size can be read."""
    hands: Mapping[tuple[str, str], int]
    """Labelled images by side and pose, unknown ones too; empty where no bone can tell."""
    degrees: NDArray[np.float64]
    """The angles between forearm and hand that are known."""
    misnamed: int
    """Images whose file name says another side than the bones do."""
    intensity: Intensity | None


def split_of(
    name: str,
    samples: Sequence[Sample],
    hands: Hands | None,
    facts: Mapping[str, Mapping[str, Fact]],
    intensity: Intensity | None,
) -> Split:
    """Count what there is; `hands` are those of the labelled images."""
    hands = hands if hands is not None and hands.are_hands else None
    known = hands or Hands.unmeasured(())
    people = people_of(samples, known, facts)
    sizes = [size_of(sample) for sample in samples]
    return Split(
        name,
        len(samples),
        sum(sample.labels is not None for sample in samples),
        balance_of(list(people.values())),
        dict(sorted(Counter(person.images for person in people.values()).items())),
        dict(Counter(size for size in sizes if size).most_common()),
        sizes.count(None),
        kinds_of(known),
        known.degrees[np.isfinite(known.degrees)],
        misnamed(samples, known),
        intensity,
    )


def kinds_of(hands: Hands) -> Counter[tuple[str, str]]:
    """Images by side and pose."""
    pairs = zip(hands.sides, hands.poses, strict=True)
    return Counter((side or UNKNOWN, pose or UNKNOWN) for side, pose in pairs)


def misnamed(samples: Sequence[Sample], hands: Hands) -> int:
    """Images whose name says another side than their bones."""
    sides = dict(zip(hands.images, hands.sides, strict=True))
    pairs = ((sample.side, sides.get(sample.image_name)) for sample in samples)
    return sum(said is not None and seen is not None and said != seen for said, seen in pairs)


def size_of(sample: Sample) -> Size | None:
    """(height, width) by the header; None where that cannot be read."""
    try:
        return image_size(sample.image)
    except InputError:
        return None
