"""Scored submissions side by side, the last against the best of the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from handseg.score.means import Figures, Stratum
from handseg.score.metrics import DICE, OVERLAP
from handseg.score.predictions import ScoredSubmission
from handseg.score.summary import Difference, Summary, difference, summarise

if TYPE_CHECKING:
    from handseg.hand.hands import Hands
    from handseg.score.pose import Reweight


@dataclass(frozen=True)
class Comparison:
    """Submissions that were scored by the same metrics, each with its title.

    `hands` are those of the images of each, where means are reweighted.
    """

    scored: Sequence[ScoredSubmission]
    titles: Sequence[str]
    metrics: Sequence[str] = (DICE.name,)
    reweight: "Reweight | None" = None
    hands: "Sequence[Hands]" = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels' classes."""
        return self.scored[0].truth.classes

    @cached_property
    def other(self) -> int | None:
        """Which of all but the last has the best mean Dice; None where there is only one."""
        means = [one.scores.mean() for one in self.scored[:-1]]
        order = [-math.inf if math.isnan(mean) else mean for mean in means]
        return order.index(max(order)) if order else None

    @cached_property
    def comparable(self) -> bool:
        """Whether the last and the best other are of the same images: else a difference of means
        says nothing of the models."""
        return self.other is None or self.scored[-1].images == self.scored[self.other].images

    @property
    def difference_title(self) -> str:
        """Which is taken from which."""
        return "" if self.other is None else f"{self.titles[-1]} − {self.titles[self.other]}"

    def strata(self, index: int) -> tuple[Stratum, ...]:
        """The bent and the straight images of a submission, where means are reweighted.

        Raises InputError where there are none of one kind.
        """
        if self.reweight is None:
            return ()
        from handseg.score.pose import pose_strata

        return pose_strata(self.hands[index], self.reweight)

    def bends(self, index: int) -> list[float]:
        """Degrees between forearm and hand of each image; NaN where nobody asks for them."""
        if self.reweight is None:
            return [math.nan] * len(self.scored[index].images)
        return self.hands[index].degrees.tolist()

    @cached_property
    def summaries(self) -> dict[tuple[int, str], Summary]:
        """The summary of each submission (its index) and metric."""
        return {
            (index, metric): summarise(figures_of(one, metric), one.people, self.strata(index))
            for index, one in enumerate(self.scored)
            for metric in self.metrics
        }

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """The last minus the best other by each metric; empty where they cannot be compared."""
        if self.other is None or not self.comparable:
            return {}
        last, other, strata = self.scored[-1], self.scored[self.other], self.strata(-1)
        return {
            metric: difference(
                figures_of(last, metric), figures_of(other, metric), last.people, strata
            )
            for metric in self.metrics
        }


def figures_of(scored: ScoredSubmission, metric: str) -> Figures:
    """The figures of a metric, float64 [images, classes]; `overlap` has one column."""
    if metric != OVERLAP:
        return scored.figures[metric]
    assert scored.overlaps is not None
    return scored.overlaps.of_images[:, None]
