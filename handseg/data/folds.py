"""Folds: which person is held out when; written once beside the data and then obeyed.

People are dealt so that each fold has its share of bent wrists, then of sides, sexes and ages.
"""

import json
import random
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handseg.data.dataset import Dataset, Sample
from handseg.data.people import Balance, Person, balance_of, finite, training_people
from handseg.data.pseudonyms import fold_files
from handseg.data.settings import FILE
from handseg.data.storage import writable, write_json
from handseg.errors import InputError, UsageError
from handseg.hand.hands import LIMIT
from handseg.text import counted, listed
from handseg.work import Progress, silent

VERSION = 1
PUBLISHED_VERSION = 2
"""Of folds in which some people are in no fold; earlier versions of handseg cannot read them."""
PUBLISHED = "published validation split"
METHOD = "shuffled people"
STRATIFIED = "people stratified by"
DEFAULT_K = 5
UNKNOWN = "unknown"
AGE_BANDS = ("youngest third", "middle third", "oldest third")


@dataclass(frozen=True)
class Folds:
    """The held-out fold of every person; None for those who are never held out."""

    k: int
    seed: int
    method: str
    folds: dict[str, int | None]

    def split(
        self, samples: Sequence[Sample], fold: int
    ) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        """The samples to train on and those to validate on.

        Raises:
            UsageError: there is no such fold.
        """
        if not 0 <= fold < self.k:
            raise UsageError(f"there is no fold {fold}", details=f"folds are 0 to {self.k - 1}")
        held_out = tuple(sample for sample in samples if self.folds[sample.person] == fold)
        return tuple(sample for sample in samples if self.folds[sample.person] != fold), held_out


@dataclass(frozen=True)
class FoldFile:
    """The folds, where they stand and whether this call wrote them."""

    folds: Folds
    path: Path
    written: bool


def load_or_make_folds(
    dataset: Dataset, *, k: int = DEFAULT_K, seed: int = 0, progress: Progress = silent
) -> FoldFile:
    """The folds of a data set: those of its `folds.json`, else made now and not written yet.

    Where the data's folder is read-only they stand in the cache's folder.

    Raises:
        InputError: the file is at fault or lacks people, or there are too few people.
        UsageError: `k` is less than two.
    """
    there = found_folds(dataset)
    if there is not None:
        return there
    if dataset.settings.validation is not None:
        return FoldFile(published_folds(dataset), place_for_folds(dataset), written=False)
    refuse_too_few(len({sample.person for sample in dataset.train}), k)
    folds = make_folds(training_people(dataset, progress).people, k, seed)
    return FoldFile(folds, place_for_folds(dataset), written=False)


def save_folds(file: FoldFile) -> FoldFile:
    """The same folds, written where they stand nowhere yet."""
    if file.path.exists():
        return file
    write_json(file.path, fold_fields(file.folds))
    return replace(file, written=True)


def fold_fields(folds: Folds) -> dict[str, Any]:
    version = PUBLISHED_VERSION if None in folds.folds.values() else VERSION
    return {"version": version, **asdict(folds)}


def published_folds(dataset: Dataset) -> Folds:
    """The one fold that a data set was published with.

    Raises:
        InputError: it has no such split, or a person in both parts.
    """
    held_out = {one.person for one in dataset.train if one.is_published_validation}
    others = {one.person for one in dataset.train if not one.is_published_validation}
    if not held_out or not others:
        raise InputError(
            f"{dataset.root} has no published validation split",
            details=f'{FILE} says  validation = "published"',
            hints=["images in a folder val/, or named by a COCO file with val in its path"],
        )
    both = sorted(held_out & others)
    if both:
        raise InputError(
            f"{counted(len(both), 'person', 'people')} of {dataset.root} in both the training and "
            "the validation split",
            details=listed(both),
            hints=[f"name their images under exclude in {FILE}, of one of the two"],
        )
    folds = {person: 0 if person in held_out else None for person in sorted(held_out | others)}
    return Folds(1, 0, PUBLISHED, folds)


def fold_count(dataset: Dataset, k: int = DEFAULT_K) -> int:
    """How many folds the data set has, or would have.

    Raises:
        InputError: the file is at fault or lacks people, or there are too few people.
    """
    there = found_folds(dataset)
    if there is not None:
        return there.folds.k
    if dataset.settings.validation is not None:
        return published_folds(dataset).k
    people = len({sample.person for sample in dataset.train})
    refuse_too_few(people, k)
    return min(k, people)


def found_folds(dataset: Dataset) -> FoldFile | None:
    """The folds that a data set has.

    Raises:
        InputError: the file is at fault or lacks people.
    """
    people = sorted({sample.person for sample in dataset.train})
    for path in fold_paths(dataset):
        if path.exists():
            found = FoldFile(read_folds(path, people), path, written=False)
            refuse_other_method(dataset, found)
            return found
    return None


def write_folds(
    dataset: Dataset, people: Mapping[str, Person], *, k: int = DEFAULT_K, seed: int = 0
) -> FoldFile:
    """Make folds of the people of a data set and write them, over those that are there.

    Raises:
        InputError: there are too few people, or the old folds cannot be replaced.
        UsageError: `k` is less than two.
    """
    is_published = dataset.settings.validation is not None
    folds = published_folds(dataset) if is_published else make_folds(people, k, seed)
    path = place_for_folds(dataset)
    write_json(path, fold_fields(folds))
    return FoldFile(folds, path, written=True)


def make_folds(people: Mapping[str, Person], k: int, seed: int) -> Folds:
    """Deal people to `k` folds, or to as many as there are people, their strata evenly.

    The people and the seed alone decide. Raises as `refuse_too_few`.
    """
    refuse_too_few(len(people), k)
    k = min(k, len(people))
    strata = strata_of(people)
    images = {person: facts.images for person, facts in people.items()}
    method = f"{STRATIFIED} {', '.join(strata.names)}" if strata.names else METHOD
    return Folds(k, seed, method, dict(deal(strata.of_people, images, k, seed)))


def refuse_too_few(people: int, k: int) -> None:
    """Raise InputError for fewer than two people, UsageError for fewer than two folds."""
    if k < 2:
        raise UsageError(f"{k} folds cannot be: there are two or more")
    if people < 2:
        raise InputError(
            "a training needs at least two people, one of them to validate on",
            details=f"found {people}",
        )


def read_folds(path: Path, people: Sequence[str]) -> Folds:
    """Read a fold file and hold it against the people of the data set."""
    again = (
        f"remove {path} to have new folds made (runs on the old ones are then not comparable)",
        "or: handseg folds --force",
    )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["version"] not in (VERSION, PUBLISHED_VERSION):
            raise ValueError(f"version {value['version']} is not known")
        folds: dict[str, int | None] = value["folds"]
        read = Folds(int(value["k"]), int(value["seed"]), str(value["method"]), folds)
        none = value["version"] == PUBLISHED_VERSION
        known = [fold for fold in folds.values() if not (none and fold is None)]
        strange = [fold for fold in known if type(fold) is not int]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise InputError(f"{path} is no fold file", details=why, hints=again) from error
    lacking = [person for person in people if person not in folds]
    if lacking:
        raise InputError(
            f"{path} lacks {len(lacking)} of {len(people)} people",
            details=", ".join(lacking[:10]),
            hints=again,
        )
    if strange or any(not 0 <= fold < read.k for fold in known if fold is not None):
        raise InputError(f"{path} has a fold outside 0 to {read.k - 1}", hints=again)
    return read


def refuse_other_method(dataset: Dataset, file: FoldFile) -> None:
    """Raise InputError where folds are not those of the published split that settings ask for."""
    if dataset.settings.validation is not None and file.folds.method != PUBLISHED:
        raise InputError(
            f"{file.path} has folds of its own, {FILE} asks for the published split",
            details="runs on these folds and on that split do not compare",
            hints=[f"handseg folds --force --data {shlex.quote(str(dataset.root))}"],
        )


def fold_paths(dataset: Dataset) -> tuple[Path, Path]:
    return fold_files(dataset.root, dataset.settings)


def place_for_folds(dataset: Dataset) -> Path:
    """Where new folds go; raises InputError where the old ones could not be replaced."""
    beside, instead = fold_paths(dataset)
    if writable(dataset.root):
        return beside
    if beside.exists():
        # They are obeyed before those in the cache.
        raise InputError(f"{beside} cannot be replaced", details=f"{dataset.root} is read-only")
    return instead


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
    known = (finite(person.facts.get("age")) for person in people.values())
    ages = [age for age in known if age is not None]
    edges = np.quantile(ages, (1 / 3, 2 / 3)).tolist() if ages else []

    def band(person: Person) -> str:
        age = finite(person.facts.get("age"))
        return UNKNOWN if age is None else AGE_BANDS[sum(age > edge for edge in edges)]

    return band


def deal(
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


def balance(folds: Folds, people: Mapping[str, Person]) -> list[Balance]:
    """The balance of each fold; people who are not in the data set do not count."""
    groups: list[list[Person]] = [[] for _ in range(folds.k)]
    for name, person in people.items():
        fold = folds.folds[name]
        if fold is not None:
            groups[fold].append(person)
    return [balance_of(group) for group in groups]
