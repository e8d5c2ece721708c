"""What was looked at and found in CSVs, in words and as JSON."""

from collections.abc import Sequence
from typing import Any

from handseg.data.check.report import findings_json, verdict
from handseg.score.check.check import Checked, Measured


def headline(checked: Checked) -> str:
    """The verdict and what was looked at, in one line."""
    measured = checked.measured
    looked = f" in {_looked_at(measured)}" if measured else ""
    return f"{checked.path}: {verdict(checked.findings)}{looked}"


def _looked_at(measured: Measured) -> str:
    submission, expected = measured.opened.submission, measured.expected
    sizes = dict.fromkeys(expected.size(image) for image in submission.images)
    size = " and ".join(f"{height} × {width}" for height, width in list(sizes)[:2])
    more = f" and {len(sizes) - 2} more sizes" if len(sizes) > 2 else ""
    shown = f", {size}{more} ({expected.size_source})" if sizes else ""
    return (
        f"{len(submission):,} rows: {len(submission.images):,} images, "
        f"{len(submission.classes):,} classes{shown}; judged by {expected.source}"
    )


def check_json(checks: Sequence[Checked]) -> list[dict[str, Any]]:
    """An object for each CSV, with all findings, those of a reason together, the gravest first."""
    return [_file_json(checked) for checked in checks]


def _file_json(checked: Checked) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": str(checked.path),
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
    }
    if checked.measured is not None:
        submission, expected = checked.measured.opened.submission, checked.measured.expected
        fields |= {
            "sha256": submission.sha256,
            "rows": len(submission),
            "images": len(submission.images),
            "classes": len(submission.classes),
            "rows_wanted_by": expected.source,
            "sizes_by": expected.size_source,
            "sizes": [
                list(size)
                for size in dict.fromkeys(expected.size(image) for image in submission.images)
            ],
        }
    return {**fields, "findings": findings_json(checked.findings)}
