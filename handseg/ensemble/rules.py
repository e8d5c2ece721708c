"""How many votes a pixel needs and how many each member has, for every class alike or its own.

The command line says it, or a plan, `ensemble.toml`:

```toml
schema = 1
members = ["a.csv", "unet-1", "unet-2:test"]   # as on the command line; else given there
threshold = "50%"                              # else more than half
[weights]
"a.csv" = 2                                    # 1 where nothing is said; decimals are exact
[classes.Lunate]                               # what is not said here is as above
members = ["a.csv", "unet-1"]
threshold = 1
[classes.Lunate.weights]
"a.csv" = 0.5
```
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from handseg.errors import UsageError, did_you_mean

SCHEMA = 1
"""Of a plan."""
MOST_VOTES = 2**60
"""Votes in all: far above any wish, and below `MOST_VOTES` of `rle.set_operations`."""

_THRESHOLD = re.compile(r"(\d+\.?\d*|\.\d+)(%?)")


@dataclass(frozen=True)
class Rule:
    """A pixel is kept where the votes for it exceed `threshold`.

    `weights` are what each member's vote counts, 0 for one that does not vote.
    """

    weights: tuple[Fraction, ...]
    threshold: Fraction

    @property
    def total(self) -> Fraction:
        return sum(self.weights, Fraction(0))

    def whole(self) -> tuple[tuple[int, ...], int]:
        """The same in whole numbers: weights, and the threshold that their sum has to exceed.

        A sum of whole numbers exceeds a threshold exactly if it exceeds the threshold's floor.
        Raises UsageError where the weights are too fine to be counted.
        """
        scale = math.lcm(*(weight.denominator for weight in self.weights))
        weights = [int(weight * scale) for weight in self.weights]
        # Small numbers: equal weights become 1, which are counted instead of summed.
        common = math.gcd(*weights) or 1
        if sum(weights) // common > MOST_VOTES:
            raise UsageError(
                "the weights differ too finely to be counted",
                details=f"they are {', '.join(map(decimal, self.weights))}",
                hints=["give weights of a few digits, as in 1, 0.5, 2.25"],
            )
        floor = math.floor(self.threshold * scale / common)
        return tuple(weight // common for weight in weights), floor

    def __str__(self) -> str:
        return f"votes > {decimal(self.threshold)} of {decimal(self.total)}"


@dataclass(frozen=True)
class VoteRules:
    """The rule of all classes, and the own rules of some."""

    general: Rule
    of_class: Mapping[str, Rule] = field(default_factory=dict[str, Rule])

    def of(self, cls: str) -> Rule:
        return self.of_class.get(cls, self.general)


def vote_rules(
    members: Sequence[str],
    classes: Sequence[str],
    plan: "VotePlan | None" = None,
    threshold: str | None = None,
    min_votes: int | None = None,
) -> VoteRules:
    """The rules of a vote of these members, by its plan if it has one; else each has one vote."""
    if plan is not None:
        return plan.rules(members, classes, threshold, min_votes)
    return VoteRules(rule_of([1] * len(members), threshold, min_votes))


def rule_of(
    weights: Sequence[Fraction | int],
    threshold: str | None = None,
    min_votes: int | None = None,
    where: str = "",
) -> Rule:
    """The rule that a command line or a plan asks for, for members of these weights.

    `threshold` is a number of votes or, as in `45%`, a share of all of them; `min_votes` K means a
    threshold of K-1; neither means more than half. Exact: `45%` of 20 votes is 9. Raises
    UsageError if both are given, if the threshold is no number or if nothing could exceed it;
    `where` says in a message where the threshold stands, where that is not the command line.
    """
    fractions = tuple(Fraction(weight) for weight in weights)
    total = sum(fractions, Fraction(0))
    if threshold is not None and min_votes is not None:
        raise UsageError(
            "a threshold and a minimum of votes are two words for one thing; give one of them",
            details="--min-votes K is --threshold K-1",
        )
    if min_votes is not None:
        return _possible(Rule(fractions, Fraction(min_votes - 1)), f"{min_votes} votes or more")
    if threshold is not None:
        words = where or f"threshold {threshold}"
        return _possible(Rule(fractions, _votes(threshold, total, words)), words)
    return _possible(Rule(fractions, total / 2), where or "this vote")


def _votes(threshold: str, total: Fraction, words: str) -> Fraction:
    match = _THRESHOLD.fullmatch(threshold.strip())
    if match is None:
        raise UsageError(
            f"{words} is neither a number of votes nor a share",
            hints=["--threshold 1 keeps what more than one votes for", "--threshold 45%"],
        )
    number = Fraction(match[1])
    return number / 100 * total if match[2] else number


def _possible(rule: Rule, words: str) -> Rule:
    if rule.threshold < 0:
        raise UsageError(f"{words}: a pixel needs at least one vote")
    if rule.threshold >= rule.total:
        raise UsageError(
            f"{words} would leave every mask empty",
            details=f"of {decimal(rule.total)} votes never more than {decimal(rule.total)} are "
            f"cast for a pixel, and they have to exceed {decimal(rule.threshold)}",
            hints=[f"--min-votes {decimal(rule.total)} keeps what all vote for"]
            if rule.total.denominator == 1 and rule.total
            else [],
        )
    return rule


def decimal(value: Fraction) -> str:
    """As a decimal where that is exact, else as a fraction."""
    text = f"{float(value):.12g}"
    return text if Fraction(text) == value else str(value)


@dataclass(frozen=True)
class PlanPart:
    """What a plan says of all classes or of one; None where it says nothing."""

    members: tuple[str, ...] | None
    threshold: str | None
    weights: Mapping[str, Fraction]


@dataclass(frozen=True)
class VotePlan:
    """A plan of a vote whose names are not yet those of its members and classes."""

    path: Path
    general: PlanPart
    classes: Mapping[str, PlanPart]

    def rules(
        self,
        members: Sequence[str],
        classes: Sequence[str],
        threshold: str | None = None,
        min_votes: int | None = None,
    ) -> VoteRules:
        """The rules for members, named as in the plan; a threshold given here beats the plan's.

        Raises UsageError for a name that is no member or class of this vote, and for a rule that
        leaves every mask empty.
        """
        self._check(members, classes)
        general = self._rule("", self.general, self.general, members, threshold, min_votes)
        of_class = {
            cls: self._rule(f"[classes.{cls}] ", part, self.general, members, threshold, min_votes)
            for cls, part in self.classes.items()
        }
        return VoteRules(general, of_class)

    def _rule(
        self,
        place: str,
        part: PlanPart,
        general: PlanPart,
        members: Sequence[str],
        threshold: str | None,
        min_votes: int | None,
    ) -> Rule:
        # The members of this vote are known already: only a class narrows them.
        chosen = members if part is general or part.members is None else part.members
        own = {**general.weights, **part.weights}
        weights = [
            own.get(name, Fraction(1)) if name in chosen else Fraction(0) for name in members
        ]
        if not any(weights):
            raise UsageError(f"{self.path}: {place}nobody votes: every weight is 0")
        if part is not general and part.threshold is not None:
            # What is said of one class stands against what the command line says of all.
            threshold, min_votes = part.threshold, None
            return rule_of(weights, threshold, where=f"{self.path}: {place}threshold {threshold}")
        if threshold is None and min_votes is None and general.threshold is not None:
            words = f"{self.path}: {place}threshold {general.threshold}"
            return rule_of(weights, general.threshold, where=words)
        return rule_of(weights, threshold, min_votes)

    def _check(self, members: Sequence[str], classes: Sequence[str]) -> None:
        # Those who are typed replace the plan's, whose names are no mistakes.
        known = {*members, *(self.general.members or ())}
        for cls, part in {"": self.general, **self.classes}.items():
            place = f"[classes.{cls}] " if cls else ""
            if cls and cls not in classes:
                raise UsageError(
                    f"{self.path}: there is no class {cls!r} in this vote"
                    + did_you_mean(cls, classes),
                    details=f"classes: {', '.join(classes)}",
                )
            for name in (*part.weights, *(part.members or ())):
                if name not in known:
                    raise UsageError(
                        f"{self.path}: {place}{name!r} is no member of this vote"
                        + did_you_mean(name, known),
                        details=f"members: {', '.join(members)}",
                    )


def read_plan(path: Path) -> VotePlan:
    """Read a plan; raises UsageError where it is none, naming the key at fault."""
    import tomllib  # only where there is a plan

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the plan {path} cannot be read", details=str(error)) from None
    _check_keys(path, "", table, ("schema", "members", "threshold", "weights", "classes"))
    if "schema" not in table:
        raise UsageError(f"{path}: the key schema is missing", hints=[f"schema = {SCHEMA}"])
    if table["schema"] != SCHEMA:
        raise UsageError(
            f"{path}: schema {table['schema']} is not known", details=f"known: {SCHEMA}"
        )
    classes = _table(path, "classes", table.get("classes", {}))
    for cls, part in classes.items():
        place = f"[classes.{cls}] "
        _check_keys(
            path, place, _table(path, f"classes.{cls}", part), tuple(PlanPart.__annotations__)
        )
    return VotePlan(
        path,
        _part(path, "", table),
        {cls: _part(path, f"[classes.{cls}] ", part) for cls, part in classes.items()},
    )


def _part(path: Path, place: str, table: dict[str, Any]) -> PlanPart:
    members, threshold = table.get("members"), table.get("threshold")
    if members is not None:
        if not isinstance(members, list) or not all(isinstance(name, str) for name in members):
            raise UsageError(f"{path}: {place}members is no list of names")
        if not members:
            raise UsageError(f"{path}: {place}members is empty: nobody votes")
        members = tuple(cast("list[str]", members))
    if threshold is not None:
        if isinstance(threshold, bool) or not isinstance(threshold, str | int | Decimal):
            raise UsageError(f"{path}: {place}threshold is neither a number nor a share")
        threshold = f"{threshold:f}" if isinstance(threshold, Decimal) else str(threshold)
    weights = _table(path, f"{place}weights", table.get("weights", {}))
    return PlanPart(
        members, threshold, {name: _weight(path, place, name, weights[name]) for name in weights}
    )


def _weight(path: Path, place: str, name: str, value: object) -> Fraction:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not number or not Decimal(cast("Decimal", value)).is_finite() or cast("int", value) < 0:
        raise UsageError(f"{path}: {place}the weight of {name} is {value}, not a number from 0")
    return Fraction(cast("Decimal", value))


def _table(path: Path, place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {place} is no table")
    return cast("dict[str, Any]", value)


def _check_keys(path: Path, place: str, table: dict[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"{path}: {place}the key {key!r} is not known{did_you_mean(key, known)}",
                details=f"known: {', '.join(known)}",
            )
