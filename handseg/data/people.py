"""The people of a data set: how many images, whose hands, bent or straight, and who they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from handseg.data.dataset import Sample
from handseg.hand.hands import Hands, Pose, Side

Fact = str | float


@dataclass(frozen=True)
class Person:
    """What is known of one person; a pose is bent where one of the hands is."""

    images: int
    pose: Pose | None = None
    sides: tuple[Side, ...] = ()
    """Of the images whose side is known."""
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    """Metadata by name: sex, age in years, …"""

    @property
    def hands(self) -> str:
        """Which hands the images show: left, right, both, or unknown."""
        found = set(self.sides)
        return "both" if len(found) == 2 else found.pop() if found else "unknown"


class _Hand(NamedTuple):
    pose: Pose | None
    side: Side | None


_UNKNOWN = _Hand(None, None)


def people_of(
    samples: Sequence[Sample],
    hands: Hands,
    facts: Mapping[str, Mapping[str, Fact]] | None = None,
) -> dict[str, Person]:
    """The people of samples, sorted by name; `hands` may lack images, `facts` people."""
    of_image = {
        image: _Hand(pose, side)
        for image, pose, side in zip(hands.images, hands.poses, hands.sides, strict=True)
    }
    grouped: dict[str, list[_Hand]] = {}
    for sample in samples:
        hand = of_image.get(sample.image_name, _UNKNOWN)
        grouped.setdefault(sample.person, []).append(hand)
    return {
        person: _person(grouped[person], (facts or {}).get(person, {}))
        for person in sorted(grouped)
    }


def _person(hands: Sequence[_Hand], facts: Mapping[str, Fact]) -> Person:
    poses = {hand.pose for hand in hands}
    pose: Pose | None = "bent" if "bent" in poses else "straight" if "straight" in poses else None
    sides: list[Side] = [hand.side for hand in hands if hand.side is not None]
    return Person(len(hands), pose, tuple(sides), facts)
