"""`ensemble.toml`: who votes, with what weight, and how many votes are needed, class by class.

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

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from handseg.ensemble.rule import Rule, Rules, rule_of
from handseg.errors import UsageError, did_you_mean

SCHEMA = 1

Table = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What a plan says of all classes or of one; None where it says nothing."""

    members: tuple[str, ...] | None
    threshold: str | None
    weights: Mapping[str, Fraction]


@dataclass(frozen=True)
class Plan:
    """A plan of a vote, checked but not yet held against members and classes."""

    path: Path
    general: Part
    classes: Mapping[str, Part]

    def rules(
        self,
        members: Sequence[str],
        classes: Sequence[str],
        threshold: str | None = None,
        min_votes: int | None = None,
    ) -> Rules:
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
        return Rules(general, of_class)

    def _rule(
        self,
        place: str,
        part: Part,
        general: Part,
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


def read_plan(path: Path) -> Plan:
    """Read a plan; raises UsageError where it is none, naming the key at fault."""
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
        _check_keys(path, place, _table(path, f"classes.{cls}", part), tuple(Part.__annotations__))
    return Plan(
        path,
        _part(path, "", table),
        {cls: _part(path, f"[classes.{cls}] ", part) for cls, part in classes.items()},
    )


def _part(path: Path, place: str, table: Table) -> Part:
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
    return Part(
        members, threshold, {name: _weight(path, place, name, weights[name]) for name in weights}
    )


def _weight(path: Path, place: str, name: str, value: object) -> Fraction:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not number or not Decimal(cast("Decimal", value)).is_finite() or cast("int", value) < 0:
        raise UsageError(f"{path}: {place}the weight of {name} is {value}, not a number from 0")
    return Fraction(cast("Decimal", value))


def _table(path: Path, place: str, value: object) -> Table:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {place} is no table")
    return cast("Table", value)


def _check_keys(path: Path, place: str, table: Table, known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"{path}: {place}the key {key!r} is not known{did_you_mean(key, known)}",
                details=f"known: {', '.join(known)}",
            )
