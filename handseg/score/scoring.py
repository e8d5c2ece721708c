"""Scores of submissions against labels, one by one and side by side, and what is reported of them.

Of several submissions the last is compared with the best of the others. Rows of a report are
classes, images, people or pairs of bones. One submission has a column for each metric; several have
rows for each metric with a column for each submission and one for the difference.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.data.image_sizes import check_all_known, resolve_sizes
from handseg.errors import InputError, UsageError
from handseg.formats.documents import Size
from handseg.hand.hands import LIMIT
from handseg.rle.aligned import Overlaps, compare
from handseg.rle.submission import Submission
from handseg.score.dice import Scores
from handseg.score.ground_truth import GroundTruth
from handseg.score.means import (
    Difference,
    Interval,
    People,
    Stratum,
    Summary,
    Values,
    column_means,
    difference,
    row_means,
    summarise,
)
from handseg.score.metrics import (
    DICE,
    IMAGES,
    METRICS,
    OF_AREAS,
    OVERLAP,
    Metric,
    OverlapScores,
    needs_sizes,
    overlap_scores,
    surface_metrics,
    touching_pairs,
)
from handseg.text import counted, listed, people_text
from handseg.work import Progress, silent

if TYPE_CHECKING:
    from handseg.hand.hands import Hands

By = Literal["class", "image", "person"]
MEAN = "mean"
FROM, TO = "95 % from", "95 % to"


class EmptyMasks(NamedTuple):
    """Labelled masks of the classes that means are taken over, of which something is empty."""

    both: int = 0
    """Label and prediction: the Dice is 1."""
    missed: int = 0
    """The prediction alone."""
    extra: int = 0
    """The label alone."""


@dataclass(frozen=True)
class ScoredSubmission:
    """A submission with its scores and what a person should know about them."""

    submission: Submission
    truth: GroundTruth
    images: tuple[str, ...]
    labelled: NDArray[np.bool_]
    """bool [images, classes]: where there are values."""
    values: Mapping[str, Values]
    """For each metric that classes have: float64 [images, classes], NaN where unlabelled, and for
    `hd95` where one of the two masks is empty."""
    overlaps: OverlapScores | None = None
    trained_on: tuple[str, ...] = ()
    """People in its images that its models trained on: the scores flatter."""
    sizes: Mapping[str, Size] = field(default_factory=dict[str, Size])
    """(height, width) of the images, as far as known."""
    empty: EmptyMasks = field(default_factory=EmptyMasks)

    @property
    def scores(self) -> Scores:
        truth = self.truth
        return Scores(self.images, truth.classes, self.values[DICE.name], truth.not_bones)

    @cached_property
    def people(self) -> People:
        return People([self.truth.person(image) for image in self.images])

    @cached_property
    def without_rows(self) -> tuple[str, ...]:
        """Images that it has no row of: they count as empty."""
        found = set(self.submission.images)
        return tuple(image for image in self.images if image not in found)

    @property
    def rows_missing(self) -> int:
        """Rows that images with others lack: they count as empty masks."""
        scored = set(self.images).intersection(self.submission.images)
        # Every row is of a class of the labels, else it were refused.
        rows = sum(image in scored for image, _ in self.submission)
        return len(scored) * len(self.truth.classes) - rows

    def undefined(self, metric: str) -> int:
        """Labelled masks that have no value of a metric: its means leave them out."""
        return int((np.isnan(self.values[metric]) & self.labelled & self.truth.counted).sum())


def score_submission(
    submission: Submission,
    truth: GroundTruth,
    images: tuple[str, ...],
    metrics: Sequence[str] = (DICE.name,),
    *,
    image_size: Size | None = None,
    progress: Progress = silent,
) -> ScoredSubmission:
    """Compare one submission with the labels of `images`; a missing row is an empty mask.

    Args:
        images: names of the images, in the order of the rows of all arrays.
        metrics: names of `METRICS`. Those of areas come from runs; `hd95` and `nsd` decode masks in
            their boxes, and need sizes.
        image_size: (height, width) of images whose size no sidecar and no header says.

    Returns:
        The scores, float64 [images, classes] for each metric, NaN where unlabelled.

    Raises:
        InputError: run lengths are at fault or pass the end of the image (with file, line, image
            and class); or sizes differ, or are needed and not known.
    """
    resolved = resolve_sizes([truth.labels, submission], truth.sizes, image_size, images)
    known = images if image_size else [image for image in images if image in resolved.known]
    sizes = {image: resolved.of(image) for image in known}
    trained = set((submission.sidecar or {}).get("trained_people") or ())
    labelled = truth.labelled(images)
    keys = [(image, cls) for image in images for cls in truth.classes]
    counts = compare(submission, truth.labels, keys, sizes)
    values = {name: OF_AREAS[name](counts) for name in metrics if name in OF_AREAS}
    if needs_sizes(metrics):
        values |= _of_surfaces(submission, truth, keys, labelled, sizes, progress)
    shaped = {
        name: np.where(labelled, values[name].reshape(labelled.shape), np.nan)
        for name in metrics
        if name != OVERLAP
    }
    return ScoredSubmission(
        submission,
        truth,
        images,
        labelled,
        shaped,
        _overlaps(submission, truth, images, labelled, progress) if OVERLAP in metrics else None,
        tuple(sorted(trained & {truth.person(image) for image in images})),
        sizes,
        _empty_masks(counts, (labelled & truth.counted).ravel()),
    )


def _empty_masks(counts: Overlaps, known: NDArray[np.bool_]) -> EmptyMasks:
    found, true = counts.area_a > 0, counts.area_b > 0
    kinds = (~found & ~true, ~found & true, found & ~true)
    return EmptyMasks(*(int((kind & known).sum()) for kind in kinds))


def _of_surfaces(
    submission: Submission,
    truth: GroundTruth,
    keys: Sequence[tuple[str, str]],
    labelled: NDArray[np.bool_],
    sizes: Mapping[str, Size],
    progress: Progress,
) -> dict[str, Values]:
    check_all_known(sizes, dict.fromkeys(image for image, _ in keys))
    known = np.flatnonzero(labelled)
    chosen = [keys[place] for place in known.tolist()]
    found = surface_metrics(submission, truth.labels, chosen, sizes, progress)
    values = {name: np.full(len(keys), np.nan) for name in found}
    for name, of_labelled in found.items():
        values[name][known] = of_labelled
    return values


def _overlaps(
    submission: Submission,
    truth: GroundTruth,
    images: tuple[str, ...],
    labelled: NDArray[np.bool_],
    progress: Progress,
) -> OverlapScores:
    known = {
        image: tuple(cls for cls, is_known in zip(truth.classes, flags, strict=True) if is_known)
        for image, flags in zip(images, (labelled & truth.counted).tolist(), strict=True)
    }
    bones = [cls for cls in truth.classes if cls not in truth.not_bones]
    pairs = touching_pairs(truth.labels, bones, truth.class_of, images)
    return overlap_scores(submission, truth.labels, known, pairs, progress)


class Reweight(NamedTuple):
    """`pose=SHARE`: the share of people with bent wrists that a mean shall stand for."""

    share: float

    @property
    def words(self) -> str:
        return f"{100 * self.share:g} % bent"


def parse_reweight(text: str) -> Reweight:
    """`pose=SHARE` with a share from 0 to 1; raises UsageError for anything else."""
    name, _, value = text.partition("=")
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if name != "pose" or not 0 <= share <= 1:
        raise UsageError(
            f"the share of poses {text!r} cannot be read",
            details="it is pose=SHARE, the share of people with bent wrists from 0 to 1",
            hints=["as in the competition's test set: --reweight pose=0.576"],
        )
    return Reweight(share)


def pose_strata(hands: "Hands", reweight: Reweight) -> tuple[Stratum, Stratum]:
    """The bent and the straight images with the shares that they shall have.

    Raises InputError where there are none of one kind.
    """
    strata = Stratum(hands.bent, reweight.share), Stratum(hands.straight, 1 - reweight.share)
    for stratum, name in zip(strata, ("bent", "straight"), strict=True):
        if not stratum.members.any():
            raise InputError(
                f"no image has a {name} wrist: there is nothing to weight",
                details=f"{int(hands.bent.sum())} of {len(hands.images)} images are bent by "
                f"more than {LIMIT:g}°, of {hands.unknown_poses} the angle cannot be told",
            )
    return strata


@dataclass(frozen=True)
class Comparison:
    """Submissions that were scored by the same metrics, each with its title.

    `hands` are those of the images of each, where means are reweighted.
    """

    scored: Sequence[ScoredSubmission]
    titles: Sequence[str]
    metrics: Sequence[str] = (DICE.name,)
    reweight: Reweight | None = None
    hands: "Sequence[Hands]" = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return self.scored[0].truth.classes

    @cached_property
    def compared(self) -> Sequence[ScoredSubmission]:
        """The same with the values alone that all submissions of the same images have.

        Of a mask that one of them misses there is no distance: without it the others would be
        compared on masks that are harder than its own.
        """
        return [_on_common_masks(one, self.scored) for one in self.scored]

    @cached_property
    def other(self) -> int | None:
        """Which of all but the last has the best mean Dice; None where there is only one."""
        means = [one.scores.mean() for one in self.scored[:-1]]
        order = [-math.inf if math.isnan(mean) else mean for mean in means]
        return order.index(max(order)) if order else None

    @cached_property
    def comparable(self) -> bool:
        return self.other is None or self.scored[-1].images == self.scored[self.other].images

    @property
    def difference_title(self) -> str:
        return "" if self.other is None else f"{self.titles[-1]} − {self.titles[self.other]}"

    def strata(self, index: int) -> tuple[Stratum, ...]:
        """The bent and the straight images of a submission, where means are reweighted.

        Raises InputError where there are none of one kind.
        """
        if self.reweight is None:
            return ()
        return pose_strata(self.hands[index], self.reweight)

    def bends(self, index: int) -> list[float]:
        """Degrees between forearm and hand of each image; NaN where they are not asked for."""
        if self.reweight is None:
            return [math.nan] * len(self.scored[index].images)
        return self.hands[index].degrees.tolist()

    @cached_property
    def summaries(self) -> dict[tuple[int, str], Summary]:
        """The summary of each submission (its index) and metric."""
        return {
            (index, metric): summarise(counted_values(one, metric), one.people, self.strata(index))
            for index, one in enumerate(self.compared)
            for metric in self.metrics
        }

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """The last minus the best other by each metric; empty where they cannot be compared."""
        if self.other is None or not self.comparable:
            return {}
        last, other, strata = self.compared[-1], self.compared[self.other], self.strata(-1)
        return {
            metric: difference(
                counted_values(last, metric), counted_values(other, metric), last.people, strata
            )
            for metric in self.metrics
        }


def values_of(scored: ScoredSubmission, metric: str) -> Values:
    """The values of a metric, float64 [images, classes]; `overlap` has one column."""
    if metric != OVERLAP:
        return scored.values[metric]
    assert scored.overlaps is not None
    return scored.overlaps.of_images[:, None]


def counted_values(scored: ScoredSubmission, metric: str) -> Values:
    values = values_of(scored, metric)
    return values if metric == OVERLAP else values[:, scored.truth.counted]


def _on_common_masks(
    scored: ScoredSubmission, among: Sequence[ScoredSubmission]
) -> ScoredSubmission:
    alike = [one for one in among if one.images == scored.images]
    values = {
        name: _where_all_known(own, [one.values[name] for one in alike])
        for name, own in scored.values.items()
    }
    overlaps = scored.overlaps
    if overlaps is not None:
        others = [one.overlaps for one in alike if one.overlaps is not None]
        overlaps = replace(
            overlaps,
            of_pairs=_where_all_known(overlaps.of_pairs, [one.of_pairs for one in others]),
            of_images=_where_all_known(overlaps.of_images, [one.of_images for one in others]),
        )
    return replace(scored, values=values, overlaps=overlaps)


def _where_all_known(own: Values, alike: Sequence[Values]) -> Values:
    return np.where(np.isnan(alike).any(axis=0), np.nan, own)


@dataclass(frozen=True)
class ReportColumn:
    """A value for each row, NaN where there is none, and for each of its footers."""

    title: str
    metric: Metric
    values: Sequence[float]
    footers: Sequence[float]
    is_signed: bool = False
    """Whether it is a difference."""
    is_marked: bool = True
    """Whether the worst row is worth a mark."""


@dataclass(frozen=True)
class ReportRows:
    """Named rows of values, and beneath them rows that sum up (`footers`)."""

    heading: str
    """What the rows are: class, image, person, pair."""
    names: Sequence[str]
    footers: Sequence[str]
    columns: Sequence[ReportColumn]
    title: str = ""
    remarks: Sequence[str] = ()
    """Sentences beneath."""
    is_ranked: bool = False
    """Whether the worst rows stand first."""


def report_rows(comparison: Comparison, by: By) -> list[ReportRows]:
    """The rows of the metrics that they have, then those of pairs of bones."""
    metrics = [name for name in comparison.metrics if name != OVERLAP or by != "class"]
    groups = [metrics] if len(comparison.scored) == 1 else [[name] for name in metrics]
    found = [_rows(comparison, by, chosen) for chosen in groups]
    if OVERLAP in comparison.metrics and by == "class":
        found.append(pair_rows(comparison))
    return found


def pair_rows(comparison: Comparison) -> ReportRows:
    """Dice inside the overlap of each touching pair; the mean is that of all overlaps."""
    found = [one.overlaps.by_pair() for one in comparison.compared if one.overlaps is not None]
    # Of different images, labels without the anatomy's names have different pairs.
    every = dict.fromkeys(pair for rows in found for pair in rows)
    pairs = [pair for pair in every if any(pair in rows and rows[pair].images for rows in found)]
    names = [f"{a} ∩ {b}" for a, b in pairs]
    named = list(zip(names, pairs, strict=True))
    rows = [
        {OVERLAP: {name: rows[pair].dice for name, pair in named if pair in rows}} for rows in found
    ]
    footers = ["two bones or more", *_footers(comparison)[1:]]
    columns = _columns(comparison, [OVERLAP], rows, names)
    if len(found) == 1:
        counts = [float(found[0][pair].images) for pair in pairs]
        nothing = [math.nan] * len(footers)
        columns.append(ReportColumn(IMAGES.name, IMAGES, counts, nothing, is_marked=False))
    title = "Dice inside overlaps"
    return ReportRows("pair", names, footers, columns, title, _remarks(comparison, [OVERLAP]))


def _rows(comparison: Comparison, by: By, metrics: Sequence[str]) -> ReportRows:
    rows = [{metric: rows_by(one, metric, by) for metric in metrics} for one in comparison.compared]
    names = list(dict.fromkeys(name for by_metric in rows for name in by_metric[metrics[0]]))
    if by != "class":
        names.sort(key=lambda name: _rank(rows, name))
    has_title = len(comparison.scored) > 1 and len(comparison.metrics) > 1
    return ReportRows(
        by,
        names,
        _footers(comparison),
        _columns(comparison, metrics, rows, names),
        metrics[0] if has_title else "",
        _remarks(comparison, metrics),
        is_ranked=by != "class",
    )


def rows_by(scored: ScoredSubmission, metric: str, by: By) -> dict[str, float]:
    if by == "class":
        means = column_means(values_of(scored, metric)).tolist()
        return dict(zip(scored.truth.classes, means, strict=True))
    means = row_means(counted_values(scored, metric))
    if by == "image":
        return dict(zip(scored.images, means.tolist(), strict=True))
    return scored.people.means(means)


def _rank(rows: Sequence[Mapping[str, Mapping[str, float]]], name: str) -> float:
    """What puts the worst rows first: the last submission's value of the first metric."""
    metric, values = next(iter(rows[-1].items()))
    value = values.get(name, math.nan)
    if math.isnan(value):
        return math.inf
    return value if METRICS[metric].more_is_better else -value


def _columns(
    comparison: Comparison,
    metrics: Sequence[str],
    rows: Sequence[Mapping[str, Mapping[str, float]]],
    names: Sequence[str],
) -> list[ReportColumn]:
    several = len(comparison.scored) > 1
    columns = [
        ReportColumn(
            title if several else metric if len(metrics) > 1 or metric != DICE.name else title,
            METRICS[metric],
            [rows[index][metric].get(name, math.nan) for name in names],
            _summed_up(comparison, index, metric),
        )
        for index, title in enumerate(comparison.titles)
        for metric in metrics
    ]
    if comparison.other is not None:
        columns.append(_difference(comparison, columns[-1], columns[comparison.other]))
    return columns


def _difference(comparison: Comparison, last: ReportColumn, other: ReportColumn) -> ReportColumn:
    """The last column minus that of the best other; its interval is that of paired resamples."""
    footers = [a - b for a, b in zip(last.footers, other.footers, strict=True)]
    found = comparison.differences.get(last.metric.name)
    if not _few(comparison):
        footers[1:3] = _ends(found.interval if found else None)
    return ReportColumn(
        comparison.difference_title,
        last.metric,
        [a - b for a, b in zip(last.values, other.values, strict=True)],
        footers,
        is_signed=True,
        is_marked=False,
    )


def _footers(comparison: Comparison) -> list[str]:
    names = [MEAN] if _few(comparison) else [MEAN, FROM, TO]
    return names if comparison.reweight is None else [*names, comparison.reweight.words]


def _few(comparison: Comparison) -> bool:
    return all(one.people.too_few() for one in comparison.scored)


def _summed_up(comparison: Comparison, index: int, metric: str) -> list[float]:
    summary = comparison.summaries[index, metric]
    ends = [] if _few(comparison) else _ends(summary.interval)
    weighted = [] if comparison.reweight is None else [summary.reweighted]
    return [summary.mean, *ends, *weighted]


def _ends(interval: Interval | None) -> list[float]:
    return [math.nan, math.nan] if interval is None else [interval.low, interval.high]


def _remarks(comparison: Comparison, metrics: Sequence[str]) -> list[str]:
    remarks = [remark for metric in metrics for remark in _what_counts(comparison, metric)]
    if comparison.other is None:
        return remarks
    if not comparison.comparable:
        return [*remarks, f"{comparison.difference_title}: of different images, so it says nothing"]
    for metric in metrics:
        found, signed = comparison.differences[metric], METRICS[metric].signed
        people = f"over {people_text(len(comparison.scored[-1].people))}: {found.verdict}"
        change = _with_ends(found.mean, found.interval, signed)
        remarks.append(f"{comparison.difference_title}: {change} {people}")
        if comparison.reweight is not None:
            change = _with_ends(found.reweighted, found.reweighted_interval, signed)
            remarks.append(f"at {comparison.reweight.words}: {change}")
    return remarks


def _what_counts(comparison: Comparison, metric: str) -> list[str]:
    """What a mean is taken over, where that is not as one might think."""
    scored, titles = comparison.scored, comparison.titles
    if metric == DICE.name:
        left_out = sorted(scored[0].truth.not_bones)
        remarks = [f"no bones, and no part of means: {listed(left_out)}"] if left_out else []
        both = [one.empty.both for one in scored]
        return remarks + _counts("masks empty in label and prediction, Dice 1", titles, both)
    own = [~np.isnan(counted_values(one, metric)) for one in scored]
    if len({one.images for one in scored}) > 1 or all((one == own[0]).all() for one in own):
        return []
    common = counted(int(np.all(own, axis=0).sum()), "image" if metric == OVERLAP else "mask")
    lacking = [int((np.any(own, axis=0) & ~one).sum()) for one in own]
    return _counts(f"{metric}: over {common} of which all have one; without", titles, lacking)


def _counts(what: str, titles: Sequence[str], counts: Sequence[int]) -> list[str]:
    """`what: A 3, B 0`, or `what: 3` of one; nothing where all are 0."""
    if not any(counts):
        return []
    named = [f"{title} {count}" for title, count in zip(titles, counts, strict=True)]
    return [f"{what}: {', '.join(named) if len(counts) > 1 else counts[0]}"]


def _with_ends(mean: float, interval: Interval | None, signed: Callable[[float], str]) -> str:
    """A difference and the interval around it, if it has one."""
    if interval is None:
        return signed(mean)
    return f"{signed(mean)}, 95 % {signed(interval.low)} to {signed(interval.high)}"


class WorstImage(NamedTuple):
    """One of the worst images of a class, with the line of its row in the CSV, if it has one."""

    cls: str
    image: str
    dice: float
    line: int | None


def worst_images(scored: ScoredSubmission, count: int) -> list[WorstImage]:
    """Up to `count` images of each class, those with the lowest Dice first."""
    dice, submission = scored.scores.dice, scored.submission
    found: list[WorstImage] = []
    for column, cls in enumerate(scored.truth.classes):
        order = np.argsort(dice[:, column], kind="stable")  # NaN, the unlabelled, comes last
        for row in order[:count].tolist():
            value, image = float(dice[row, column]), scored.images[row]
            if np.isnan(value):
                break
            line = submission.line(image, cls) if (image, cls) in submission else None
            found.append(WorstImage(cls, image, value, line))
    return found
