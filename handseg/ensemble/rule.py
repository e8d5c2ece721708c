"""How many votes a pixel needs, and how many each member has; for every class alike or its own."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from handseg.errors import UsageError

MOST_VOTES = 2**60
"""Votes in all: far above any wish, and exact in the sums of a sweep."""

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
        """All votes that can be cast for a pixel."""
        return sum(self.weights, Fraction(0))

    def whole(self) -> tuple[tuple[int, ...], int]:
        """The same as whole numbers: weights, and the most votes with which a pixel is left out.

        A sum of whole numbers exceeds a threshold exactly if it exceeds the threshold's floor.
        Raises UsageError where the weights are too fine to be counted.
        """
        scale = math.lcm(*(weight.denominator for weight in self.weights))
        weights = [int(weight * scale) for weight in self.weights]
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
class Rules:
    """The rule of all classes, and the own rules of some."""

    general: Rule
    of_class: Mapping[str, Rule] = field(default_factory=dict[str, Rule])

    def of(self, cls: str) -> Rule:
        """The rule of a class."""
        return self.of_class.get(cls, self.general)


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
            "--threshold and --min-votes are two words for one thing; give one of them",
            details="--min-votes K is --threshold K-1",
        )
    if min_votes is not None:
        return _possible(Rule(fractions, Fraction(min_votes - 1)), f"--min-votes {min_votes}")
    if threshold is not None:
        words = where or f"--threshold {threshold}"
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
