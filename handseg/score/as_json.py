"""Scores as JSON for programs: everything that is known, null where there is no figure."""

import math
from collections.abc import Mapping
from typing import Any

from handseg.hand.pose import LIMIT
from handseg.score.blocks import rows_by
from handseg.score.bootstrap import LEVEL, RESAMPLES, Interval
from handseg.score.comparison import Comparison
from handseg.score.metrics import DICE, OVERLAP
from handseg.score.summary import Summary
from handseg.score.worst import worst_images


def comparison_json(comparison: Comparison, worst: int | None = None) -> dict[str, Any]:
    """Predictions, and with several the difference that the table shows.

    A prediction has its path, its Dice (`mean`, `interval`, `classes`), all `metrics`, each image
    (`by_image`) and person; and where they are asked for `pairs`, `pose` and `worst`.
    """
    document: dict[str, Any] = {
        "labels": str(comparison.scored[0].truth.labels.path),
        "bootstrap": {"of": "people", "resamples": RESAMPLES, "level": LEVEL / 100},
        "predictions": [
            _prediction(comparison, index, worst) for index in range(len(comparison.scored))
        ],
    }
    if comparison.other is not None:
        document["difference"] = _difference(comparison, comparison.other)
    return document


def _prediction(comparison: Comparison, index: int, worst: int | None) -> dict[str, Any]:
    one = comparison.scored[index]
    dice = comparison.summaries[index, DICE.name]
    document: dict[str, Any] = {
        "path": str(one.submission.path),
        "mean": _figure(dice.mean),
        "interval": _ends(dice.interval),
        "images": len(one.images),
        "people": len(one.people),
        "classes": _figures(one.scores.by_class()),
        "metrics": {name: _metric(comparison, index, name) for name in comparison.metrics},
        "by_person": {name: _figures(rows_by(one, name, "person")) for name in comparison.metrics},
        "by_image": _images(comparison, index),
    }
    if one.overlaps is not None:
        document["pairs"] = [
            {"classes": list(pair), "dice": _figure(found.dice), "images": found.images}
            for pair, found in one.overlaps.by_pair().items()
        ]
    if comparison.reweight is not None:
        document["pose"] = _pose(comparison, index)
    if worst is not None:
        document["worst"] = [
            {"class": row.cls, "image_name": row.image, "dice": row.dice, "line": row.line}
            for row in worst_images(one, worst)
        ]
    return document


def _metric(comparison: Comparison, index: int, name: str) -> dict[str, Any]:
    one, found = comparison.scored[index], _summary(comparison.summaries[index, name])
    if name != OVERLAP:
        found["classes"] = _figures(rows_by(one, name, "class"))
        found["undefined"] = one.undefined(name)
    return found


def _images(comparison: Comparison, index: int) -> list[dict[str, Any]]:
    """Each image with its means over the classes, and its Dice of each class."""
    one = comparison.scored[index]
    means = {name: rows_by(one, name, "image") for name in comparison.metrics}
    return [
        {
            "image_name": image,
            "person": one.truth.person(image),
            **{name: _figure(values[image]) for name, values in means.items()},
            **({} if comparison.reweight is None else {"bend": _figure(bend)}),
            "classes": _figures(dict(zip(one.truth.classes, dice, strict=True))),
        }
        for image, dice, bend in zip(
            one.images, one.scores.dice.tolist(), comparison.bends(index), strict=True
        )
    ]


def _pose(comparison: Comparison, index: int) -> dict[str, Any]:
    assert comparison.reweight is not None
    hands = comparison.hands[index]
    return {
        "share": comparison.reweight.share,
        "limit": LIMIT,
        "bent": int(hands.bent.sum()),
        "straight": int(hands.straight.sum()),
        "unknown": hands.unknown_poses,
    }


def _difference(comparison: Comparison, other: int) -> dict[str, Any]:
    return {
        "of": str(comparison.scored[-1].submission.path),
        "minus": str(comparison.scored[other].submission.path),
        "same_images": comparison.comparable,
        "metrics": {
            name: {
                **_summary(found),
                "verdict": found.verdict,
                "more_than_noise": found.is_more_than_noise,
            }
            for name, found in comparison.differences.items()
        },
    }


def _summary(summary: Summary) -> dict[str, Any]:
    found: dict[str, Any] = {"mean": _figure(summary.mean), "interval": _ends(summary.interval)}
    if not math.isnan(summary.reweighted):
        found["reweighted"] = {
            "mean": summary.reweighted,
            "interval": _ends(summary.reweighted_interval),
        }
    return found


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else value


def _figures(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _figure(value) for name, value in values.items()}
