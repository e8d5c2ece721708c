"""Compared runs as JSON and CSV for programs."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from handseg.runs.jsonl import plain
from handseg.runs.paired import PairedRuns, ScoredRun
from handseg.score.bootstrap import LEVEL, RESAMPLES
from handseg.score.summary import Difference

CLASS_HEADER = ("a", "b", "class", "dice_a", "dice_b", "difference", "low", "high", "verdict")
IMAGE_HEADER = ("a", "b", "image_name", "person", "dice_a", "dice_b", "difference", "most_in")


def pairs_json(pairs: Sequence[PairedRuns]) -> dict[str, Any]:
    """Each other run against the first; intervals are null where there are too few people."""
    return {
        "a": _run(pairs[0].a),
        "bootstrap": {"of": "people", "resamples": RESAMPLES, "level": LEVEL / 100},
        "others": [_pair(pair) for pair in pairs],
    }


def pairs_csv(pairs: Sequence[PairedRuns], by: Literal["class", "image"]) -> str:
    """A row for each pair of runs and class, or image."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CLASS_HEADER if by == "class" else IMAGE_HEADER)
    for pair in pairs:
        rows = _class_rows(pair) if by == "class" else _image_rows(pair)
        writer.writerows([pair.a.name, pair.b.name, *row] for row in rows)
    return text.getvalue().removesuffix("\n")


def _class_rows(pair: PairedRuns) -> list[list[Any]]:
    return [
        [row.name, plain(row.a), plain(row.b), *_between(row.between).values()]
        for row in pair.by_class
    ]


def _image_rows(pair: PairedRuns) -> list[list[Any]]:
    return [
        [row.name, row.person, plain(row.a), plain(row.b), plain(row.difference), row.most]
        for row in pair.by_image
    ]


def _run(run: ScoredRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "fold": run.fold,
        "step": run.scores.step,
        "is_best": run.is_best,
    }


def _pair(pair: PairedRuns) -> dict[str, Any]:
    mean_a, mean_b = pair.means
    return {
        "b": _run(pair.b),
        "images": len(pair.images),
        "people": len(pair.people),
        "knows_people": pair.knows_people,
        "dice_a": plain(mean_a),
        "dice_b": plain(mean_b),
        **_between(pair.overall),
        "classes": [
            {
                "name": row.name,
                "dice_a": plain(row.a),
                "dice_b": plain(row.b),
                **_between(row.between),
            }
            for row in pair.by_class
        ],
        "by_image": [
            {
                "image_name": row.name,
                "person": row.person,
                "dice_a": plain(row.a),
                "dice_b": plain(row.b),
                "difference": plain(row.difference),
                "most_in": row.most,
                "most_difference": plain(row.most_difference),
            }
            for row in pair.by_image
        ],
    }


def _between(found: Difference) -> dict[str, Any]:
    ends = found.interval
    return {
        "difference": plain(found.mean),
        "low": None if ends is None else ends.low,
        "high": None if ends is None else ends.high,
        "verdict": found.verdict,
    }
