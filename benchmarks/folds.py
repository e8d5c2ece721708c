"""How even bent wrists are over folds: stratified people against shuffled ones.

Run: python benchmarks/folds.py [PHANTOM PEOPLE]

Prints, over 100 seeds, the largest difference between two of five folds in people with a bent
wrist: of 400 people of whom 46 are bent (the competition's share), and of phantoms, whose poses
are told by their labels.
"""

import os
import random
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from handseg.data.dataset import open_dataset
from handseg.data.folds import make_folds
from handseg.data.people import Person, training_people
from handseg.phantom.writing import write_phantoms

K = 5
SEEDS = 100


def main(phantoms: int) -> None:
    bent = set(random.Random(1).sample(range(400), 46))
    competition = {
        f"ID{number:03d}": Person(2, "bent" if number in bent else "straight")
        for number in range(400)
    }
    report("400 people, 46 bent", competition)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HANDSEG_CACHE"] = str(Path(folder) / "cache")
        write_phantoms(Path(folder) / "data", people=phantoms, size=256, seed=11, test_people=0)
        people = training_people(open_dataset(Path(folder) / "data")).people
    count = sum(person.pose == "bent" for person in people.values())
    report(f"{phantoms} phantoms, {count} bent", people)


def report(title: str, people: Mapping[str, Person]) -> None:
    unknown = {name: Person(person.images) for name, person in people.items()}
    stratified, shuffled = (
        [difference(people, make_folds(dealt, K, seed).folds) for seed in range(SEEDS)]
        for dealt in (people, unknown)
    )
    ratio = statistics.mean(shuffled) / max(1e-9, statistics.mean(stratified))
    print(
        f"{title}: largest difference of folds, stratified {statistics.mean(stratified):.1f} "
        f"(at most {max(stratified)}), shuffled {statistics.mean(shuffled):.1f} "
        f"(at most {max(shuffled)}): {ratio:.1f} times as even"
    )


def difference(people: Mapping[str, Person], folds: Mapping[str, int]) -> int:
    counts = Counter(folds[name] for name, person in people.items() if person.pose == "bent")
    return max(counts[fold] for fold in range(K)) - min(counts[fold] for fold in range(K))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
