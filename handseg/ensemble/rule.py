"""How many votes a pixel needs."""

import re
from dataclasses import dataclass
from fractions import Fraction

from handseg.errors import UsageError

_THRESHOLD = re.compile(r"(\d+\.?\d*|\.\d+)(%?)")


@dataclass(frozen=True)
class Rule:
    """A pixel is kept where the votes for it exceed `threshold`, of `total` votes in all."""

    threshold: Fraction
    total: int

    def __str__(self) -> str:
        return f"votes > {_decimal(self.threshold)} of {self.total}"


def rule_of(total: int, threshold: str | None = None, min_votes: int | None = None) -> Rule:
    """The rule that a command line asks for, for `total` votes (the sum of the weights).

    `threshold` is a number of votes or, as in `45%`, a share of all of them; `min_votes` K means a
    threshold of K-1; neither means more than half. Exact: `45%` of 20 votes is 9. Raises
    UsageError if both are given, if the threshold is no number or if nothing could exceed it.
    """
    if threshold is not None and min_votes is not None:
        raise UsageError(
            "--threshold and --min-votes are two words for one thing; give one of them",
            why="--min-votes K is --threshold K-1",
        )
    if min_votes is not None:
        return _possible(Rule(Fraction(min_votes - 1), total), f"--min-votes {min_votes}")
    if threshold is not None:
        return _possible(Rule(_votes(threshold, total), total), f"--threshold {threshold}")
    return Rule(Fraction(total, 2), total)


def _votes(threshold: str, total: int) -> Fraction:
    match = _THRESHOLD.fullmatch(threshold.strip())
    if match is None:
        raise UsageError(
            f"--threshold {threshold} is neither a number of votes nor a share",
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
            why=f"of {rule.total} votes never more than {rule.total} are cast for a pixel, "
            f"and they have to exceed {_decimal(rule.threshold)}",
            hints=[f"--min-votes {rule.total} keeps what all vote for"],
        )
    return rule


def _decimal(value: Fraction) -> str:
    """As a decimal where that is exact, else as a fraction."""
    text = f"{float(value):.12g}"
    return text if Fraction(text) == value else str(value)
