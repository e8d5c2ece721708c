"""How even folds are: people, images, bent wrists, sides, sex and age of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handseg.data.folds import Folds
from handseg.data.people import Person
from handseg.data.strata import number


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

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**vars(self), "sex": dict(self.sex)}


def balance(folds: Folds, people: Mapping[str, Person]) -> list[Balance]:
    """The balance of each fold; people who are not in the data set do not count."""
    groups: list[list[Person]] = [[] for _ in range(folds.k)]
    for name, person in people.items():
        groups[folds.folds[name]].append(person)
    return [balance_of(group) for group in groups]


def balance_of(group: list[Person]) -> Balance:
    """The balance of some people."""
    poses = Counter(person.pose for person in group if person.pose)
    sides = Counter(side for person in group for side in person.sides)
    sexes = Counter(str(sex) for person in group if (sex := person.facts.get("sex")))
    ages = [age for person in group if (age := number(person.facts.get("age"))) is not None]
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
