"""Images, people, hands and grey values of one split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES
from handseg.data.dataset import Sample
from handseg.data.hands import Hands
from handseg.data.images import image_size, read_image
from handseg.data.people import Balance, Fact, balance_of, people_of
from handseg.data.threads import threads
from handseg.errors import InputError
from handseg.reporter import Progress, silent

Size = tuple[int, int]
UNKNOWN = "unknown"
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
LEVELS = 256


@dataclass(frozen=True)
class Intensity:
    """Grey values, 0 to 255, of the images that were read; every image counts the same."""

    images: int
    of_images: int
    unreadable: int
    histogram: NDArray[np.float64]
    """float64 [256]: the share of pixels of each grey value; adds up to 1."""
    mean: float
    spread: float
    """The standard deviation of pixels."""
    darkest: float
    """The lowest mean of an image."""
    brightest: float

    def percentile(self, percent: float) -> int:
        """The grey value that so many per cent of pixels do not exceed."""
        return int(np.searchsorted(np.cumsum(self.histogram), percent / 100 - 1e-12))


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
    known = hands or nobody()
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


def nobody() -> Hands:
    """Hands of no image."""
    return Hands((), np.empty((0, len(BONES), 2)), np.empty((0, len(BONES))), np.empty(0))


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


def intensity_of(
    samples: Sequence[Sample], most: int, progress: Progress = silent
) -> Intensity | None:
    """Read at most `most` images, taken evenly; None where none can be read."""
    chosen = [samples[place * len(samples) // most] for place in range(most)]
    chosen = chosen if len(samples) > most else list(samples)
    found: list[NDArray[np.float64]] = []
    with threads() as pool:
        for done, histogram in enumerate(pool.map(_histogram, chosen), 1):
            if histogram is not None:
                found.append(histogram)
            progress(done, len(chosen), chosen[done - 1].image_name)
    if not found:
        return None
    levels = np.arange(LEVELS)
    means = [float(one @ levels) for one in found]
    whole = np.mean(found, axis=0)
    mean = float(whole @ levels)
    return Intensity(
        len(found),
        len(samples),
        len(chosen) - len(found),
        whole,
        mean,
        float(np.sqrt(whole @ (levels - mean) ** 2)),
        min(means),
        max(means),
    )


def _histogram(sample: Sample) -> NDArray[np.float64] | None:
    try:
        image = read_image(sample.image)
    except InputError:
        return None
    return np.bincount(image.ravel(), minlength=LEVELS) / max(1, image.size)
