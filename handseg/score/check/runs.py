"""Findings on the order of runs inside masks."""

from collections.abc import Iterator

import numpy as np

from handseg.data.check.finding import Finding
from handseg.rle.submission import Submission
from handseg.score.check.masks import Masks
from handseg.score.check.structure import fix_command

DECIMALS = "figures are written with a decimal point"
DISORDERS = (
    ("runs are not sorted", "out of order"),
    ("runs overlap others of their mask", "overlap"),
    ("runs touch the next one", "touch"),
    ("runs of length 0", "of length 0"),
)
"""In the order of `rle.Disorder`: the reason, and a word for the count of such runs."""


def runs_findings(submission: Submission, masks: Masks) -> Iterator[Finding]:
    """One finding a row and kind of disorder; handseg reads such runs as what they mean."""
    fix = fix_command(submission.path)
    for row in np.flatnonzero(masks.decimals).tolist():
        image, cls = masks.keys[row]
        line = submission.line(image, cls)
        yield Finding("warning", "runs", DECIMALS, "", line, image, cls, fix)
    for kind, (reason, word) in enumerate(DISORDERS):
        for row in np.flatnonzero(masks.disorder[:, kind]).tolist():
            image, cls = masks.keys[row]
            count = int(masks.disorder[row, kind])
            yield Finding(
                "warning",
                "runs",
                reason,
                f"{count} {word}",
                submission.line(image, cls),
                image,
                cls,
                fix,
                weight=count,
            )
