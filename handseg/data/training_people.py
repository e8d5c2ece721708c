"""The people that a data set trains and validates on, by its labels and its metadata."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

from handseg.data.dataset import Dataset
from handseg.data.hands import known_hands
from handseg.data.metadata import read_metadata
from handseg.data.people import Fact, Person, people_of
from handseg.errors import InputError
from handseg.reporter import Progress, silent


class Facts(NamedTuple):
    """Metadata of people by name, and what a person should know of it."""

    of_people: Mapping[str, Mapping[str, Fact]]
    notes: tuple[str, ...] = ()


class TrainingPeople(NamedTuple):
    """The people of the training images, what labels cannot be read, notes on the metadata."""

    people: dict[str, Person]
    faults: dict[str, InputError]
    notes: tuple[str, ...]


def training_people(dataset: Dataset, progress: Progress = silent) -> TrainingPeople:
    """Look at the labels that can be read, and at the metadata if there is any."""
    hands, faults = known_hands(dataset.train, dataset.classes, dataset.bones, progress)
    facts = facts_of(dataset)
    people = people_of(dataset.train, hands, facts.of_people)
    return TrainingPeople(people, faults, facts.notes)


def facts_of(dataset: Dataset) -> Facts:
    """Metadata of people; none where there is none or it cannot be read, which `notes` says."""
    people = sorted({sample.person for sample in dataset.split("all")})
    try:
        found = read_metadata(dataset.root, people)
    except InputError as error:
        # It is a help, not a need: folds and statistics name what they were made from.
        return Facts({}, (f"metadata is left out: {error.message}",))
    if found is None:
        return Facts({})
    facts = {
        name: {kind: value for kind, value in asdict(person).items() if value is not None}
        for name, person in found.people.items()
    }
    return Facts(facts, found.notes)
