"""Folds in which strata of people are spread evenly: by pose, then side, sex and age."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from handseg.data.people import Fact, Person
from handseg.hand.pose import LIMIT

UNKNOWN = "unknown"
AGE_BANDS = ("youngest third", "middle third", "oldest third")


class Strata(NamedTuple):
    """What people are told apart by, the most important first, and the values of each person."""

    names: tuple[str, ...]
    of_people: Mapping[str, tuple[str, ...]]


def strata_of(people: Mapping[str, Person]) -> Strata:
    """The strata of people; what is the same for all of them, or unknown of all, tells nothing."""
    band = age_band(people)
    levels: dict[str, Callable[[Person], str]] = {
        f"pose (bent above {LIMIT:g}°)": lambda person: person.pose or UNKNOWN,
        "side": lambda person: person.hands,
        "sex": lambda person: str(person.facts.get("sex") or UNKNOWN),
        "age": band,
    }
    values = {
        name: {person: value(facts) for person, facts in people.items()}
        for name, value in levels.items()
    }
    names = tuple(name for name, found in values.items() if len(set(found.values())) > 1)
    return Strata(
        names, {person: tuple(values[name][person] for name in names) for person in people}
    )


def age_band(people: Mapping[str, Person]) -> Callable[[Person], str]:
    """In which third of the ages of all people one is."""
    known = (number(person.facts.get("age")) for person in people.values())
    ages = [age for age in known if age is not None]
    edges = np.quantile(ages, (1 / 3, 2 / 3)).tolist() if ages else []

    def band(person: Person) -> str:
        age = number(person.facts.get("age"))
        return UNKNOWN if age is None else AGE_BANDS[sum(age > edge for edge in edges)]

    return band


def number(fact: Fact | None) -> float | None:
    """A fact that is a finite number."""
    return float(fact) if isinstance(fact, int | float) and np.isfinite(fact) else None


def dealt(
    strata: Mapping[str, tuple[str, ...]], images: Mapping[str, int], k: int, seed: int
) -> dict[str, int]:
    """The fold, 0 to `k` - 1, of each person; a pure function of what is given.

    People are shuffled, sorted by stratum and dealt one by one to the fold that has the fewest
    people of the same pose; among equals to that with the fewest of the same pose and side, and so
    on; among these to that with the fewest images. So no two folds differ by more than one person
    of a pose.
    """
    shuffled = sorted(strata)
    random.Random(seed).shuffle(shuffled)
    people: Counter[tuple[int, tuple[str, ...]]] = Counter()
    held: Counter[int] = Counter()
    folds: dict[str, int] = {}
    # Those with many images first: the fewest images are met best with what is small at the end.
    for person in sorted(shuffled, key=lambda person: (strata[person], -images[person])):
        kinds = [strata[person][: width + 1] for width in range(len(strata[person]))]
        loads = [(*(people[fold, kind] for kind in kinds), held[fold], fold) for fold in range(k)]
        fold = min(loads)[-1]
        folds[person] = fold
        held[fold] += images[person]
        people.update((fold, kind) for kind in kinds)
    return dict(sorted(folds.items()))
