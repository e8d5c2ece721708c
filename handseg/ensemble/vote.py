"""A hard vote of submissions, joined by (image, class), on run boundaries."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from handseg.ensemble.join import Ballot
from handseg.ensemble.rule import Rules, decimal
from handseg.reporter import Progress, silent
from handseg.rle.codec import Disorder
from handseg.rle.faults import Fault
from handseg.rle.joined import Findings, Joined
from handseg.rle.submission import Submission
from handseg.rle.sweeps import sweep
from handseg.rle.workers import in_order
from handseg.rle.writing import line_of

_Value = TypeVar("_Value")


@dataclass
class Found:
    """What a vote met besides masks; it fills while the rows are made."""

    rows_mended: "Counter[int]" = field(default_factory=Counter[int])
    """Rows of each member whose runs were brought to order."""
    disorder: dict[int, Disorder] = field(default_factory=dict[int, Disorder])
    """How many runs of each member that were."""
    faults: list[Fault] = field(default_factory=list[Fault])
    """Rows that were left out."""

    def take(self, findings: Findings) -> None:
        """Add what a part found."""
        self.faults += findings.faults
        for mended in findings.mended:
            self.rows_mended[mended.member] += 1
            before = self.disorder.get(mended.member, Disorder())
            self.disorder[mended.member] = before.plus(mended.disorder)


def vote_lines(
    ballot: Ballot,
    rules: Rules,
    found: Found | None = None,
    *,
    workers: int = 1,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> Iterator[tuple[bytes, int]]:
    """The voted rows as they are written, in the order of `ballot.keys`, and how many they are.

    A missing row is a vote against. Raises InputError, with file, line, image and class, for run
    lengths at fault and for a run past the end of an image; with `skip_bad` such rows are left out
    and stand in `found`.
    """
    voting = _Voting(ballot, rules, skip_bad)
    done = 0
    for lines, rows, findings in in_order(voting.vote, voting.table.parts(), workers):
        progress(done, len(ballot.keys), ballot.keys[done][0])
        if found is not None:
            found.take(findings)
        done += rows
        yield lines, rows
    progress(len(ballot.keys), len(ballot.keys))


class _Voting:
    """A ballot with its rules as whole numbers, one of each for every class."""

    def __init__(self, ballot: Ballot, rules: Rules, skip_bad: bool) -> None:
        classes = ballot.classes
        numbers = {cls: number for number, cls in enumerate(classes)}
        whole = [rules.of(cls).whole() for cls in classes]
        class_of = np.array([numbers[cls] for _, cls in ballot.keys], dtype=np.intp)
        self._weights = np.array([weights for weights, _ in whole], dtype=np.int64).T[:, class_of]
        self._thresholds = np.array([floor for _, floor in whole], dtype=np.int64)[class_of]
        # Who does not vote on a row is not even read.
        rows = np.where(self._weights > 0, ballot.table.rows, -1)
        self.table: Joined = replace(ballot.table, rows=rows)
        self._skip_bad = skip_bad

    def vote(self, part: slice) -> tuple[bytes, int, Findings]:
        """The voted rows of some keys, how many they are, and what was found in reading them."""
        batch, findings = self.table.read(part, self._skip_bad)
        rows = part.stop - part.start
        place = np.tile(np.arange(rows), len(self.table.members))
        weights = np.maximum(self._weights[:, part], 1).ravel()
        kept = sweep(batch, place, weights, self._thresholds[part])
        keys = self.table.keys[part]
        lines = [line_of(*key, text) for key, text in zip(keys, kept.texts(), strict=True)]
        return b"".join(lines), rows, findings


def vote_sidecar(ballot: Ballot, rules: Rules, names: Sequence[str] = ()) -> dict[str, Any]:
    """The fields that say how the vote was made; those of the members where all agree.

    `names` are the members as a plan or a person named them.
    """
    sidecars = [member.sidecar or {} for member in ballot.members]
    people = {person for sidecar in sidecars for person in sidecar.get("trained_people") or ()}
    general = rules.general
    named = names or [str(member.path) for member in ballot.members]
    return {
        "made_by": "vote",
        "members": [
            _member_fields(*member)
            for member in zip(ballot.members, named, map(decimal, general.weights), strict=True)
        ],
        "rule": str(general),
        "threshold": str(general.threshold),
        "class_rules": {
            cls: {"rule": str(rule), "weights": list(map(decimal, rule.weights))}
            for cls, rule in rules.of_class.items()
        },
        "split": _agreed([sidecar.get("split") for sidecar in sidecars]),
        "fold": _agreed([sidecar.get("fold") for sidecar in sidecars]),
        "recipe": _agreed([sidecar.get("recipe") for sidecar in sidecars]),
        "classes": list(ballot.classes),
        "images": {
            name: ballot.table.sizes[name] for name in ballot.images if name in ballot.table.sizes
        },
        "data_fingerprint": _agreed([sidecar.get("data_fingerprint") for sidecar in sidecars]),
        "trained_people": sorted(people),
        "validation_dice": None,
    }


def validation_dice(member: Submission) -> float | None:
    """What the sidecar says of the member's validation Dice."""
    value = (member.sidecar or {}).get("validation_dice")
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _member_fields(member: Submission, name: str, weight: str) -> dict[str, Any]:
    return {
        "path": str(member.path),
        "named": name,
        # Not read once more for it: a CSV of somebody else's is named by its path.
        "sha256": member.known_sha256,
        "run": (member.sidecar or {}).get("run"),
        "weight": weight,
        "validation_dice": validation_dice(member),
    }


def _agreed(values: Sequence[_Value]) -> _Value | None:
    """The value that all share, else None."""
    return values[0] if values and all(value == values[0] for value in values) else None
