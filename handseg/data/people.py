"""The people of a data set: their images, hands and metadata, and how groups of them compare."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from handseg.data.dataset import Dataset, Sample
from handseg.data.label_runs import known_hands
from handseg.data.metadata import Fact, Metadata, read_metadata
from handseg.errors import InputError
from handseg.hand.hands import Hands, Pose, Side
from handseg.work import Progress, silent


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
        found = set(self.sides)
        return "both" if len(found) == 2 else found.pop() if found else "unknown"


def people_of(
    samples: Sequence[Sample],
    hands: Hands,
    facts: Mapping[str, Mapping[str, Fact]] | None = None,
) -> dict[str, Person]:
    """The people of samples, sorted by name; `hands` may lack images, `facts` people."""
    of_images = zip(hands.images, zip(hands.poses, hands.sides, strict=True), strict=True)
    known: dict[str, tuple[Pose | None, Side | None]] = dict(of_images)
    grouped: dict[str, list[tuple[Pose | None, Side | None]]] = {}
    for sample in samples:
        hand = known.get(sample.image_name, (None, None))
        grouped.setdefault(sample.person, []).append(hand)
    people: dict[str, Person] = {}
    for name in sorted(grouped):
        poses, sides = zip(*grouped[name], strict=True)
        pose = "bent" if "bent" in poses else "straight" if "straight" in poses else None
        known_sides = tuple(side for side in sides if side is not None)
        people[name] = Person(len(poses), pose, known_sides, (facts or {}).get(name, {}))
    return people


class TrainingPeople(NamedTuple):
    """The people of the training images, what labels cannot be read, notes on the metadata."""

    people: dict[str, Person]
    faults: dict[str, InputError]
    notes: tuple[str, ...]


def training_people(dataset: Dataset, progress: Progress = silent) -> TrainingPeople:
    """Look at the labels that can be read, and at the metadata if there is any."""
    hands, faults = known_hands(dataset.train, dataset.classes, dataset.bones, progress)
    metadata = metadata_of(dataset)
    people = people_of(dataset.train, hands, metadata.people)
    return TrainingPeople(people, faults, metadata.notes)


def metadata_of(dataset: Dataset) -> Metadata:
    """Metadata of the people; empty where there is none, or none that can be read (`notes`)."""
    # The table has patients' own ids; what is known of them goes to their pseudonyms.
    people = {sample.patient or sample.person: sample.person for sample in dataset.split("all")}
    try:
        return read_metadata(dataset.root, people) or Metadata(dataset.root)
    except InputError as error:
        # It is a help, not a need: folds and statistics name what they were made from.
        return Metadata(dataset.root, fault=error)


@dataclass(frozen=True)
class Balance:
    """What one fold holds out; shares and means are None where nothing is known."""

    people: int
    images: int
    bent: int
    """People with a bent wrist."""
    bent_share: float | None
    """Of the people whose pose is known."""
    left: int
    """Images of left hands."""
    right: int
    sex: Mapping[str, int]
    """People by sex, of those whose sex is known."""
    age: float | None
    """Mean of those known, in years."""


def balance_of(group: list[Person]) -> Balance:
    poses = Counter(person.pose for person in group if person.pose)
    sides = Counter(side for person in group for side in person.sides)
    sexes = Counter(str(sex) for person in group if (sex := person.facts.get("sex")))
    ages = [age for person in group if (age := finite(person.facts.get("age"))) is not None]
    return Balance(
        people=len(group),
        images=sum(person.images for person in group),
        bent=poses["bent"],
        bent_share=poses["bent"] / poses.total() if poses else None,
        left=sides["left"],
        right=sides["right"],
        sex=dict(sorted(sexes.items())),
        age=sum(ages) / len(ages) if ages else None,
    )


def finite(fact: Fact | None) -> float | None:
    return float(fact) if isinstance(fact, int | float) and np.isfinite(fact) else None
