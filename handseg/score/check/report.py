"""What was found, as a table for people and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handseg.score.check.check import Checked, Measured
from handseg.score.check.finding import SEVERITIES, Group, grouped

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

EXAMPLES = 3
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def verdict(checked: Checked) -> str:
    """`3 errors, 1 warning`, or `no faults`; notes are none."""
    words = [
        f"{count:,} {severity}{'' if count == 1 else 's'}"
        for severity in SEVERITIES[:2]
        if (count := checked.count(severity))
    ]
    return ", ".join(words) or "no faults"


def headline(checked: Checked) -> str:
    """The verdict and what was looked at, in one line."""
    measured = checked.measured
    looked = f" in {_looked_at(measured)}" if measured else ""
    return f"{checked.path}: {verdict(checked)}{looked}"


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


def findings_table(checked: Checked, *, everything: bool = False) -> "Table":
    """A row for each reason, the gravest first, with a few places or all of them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=2)
    table.add_column("where", overflow="fold", ratio=3)
    for group in grouped(checked.findings):
        style = _STYLES[group.severity]
        what, where = _what(group), Text("\n".join(_places(group, everything)))
        table.add_row(Text(group.severity, style), f"{len(group.findings):,}", what, where)
    return table


def _what(group: Group) -> "Text":
    from rich.text import Text

    return Text(f"{group.reason}\n→ {group.command}" if group.command else group.reason)


def _places(group: Group, everything: bool) -> list[str]:
    shown = group.findings if everything else group.findings[:EXAMPLES]
    words = [text for finding in shown if (text := str(finding))]
    left = len(group.findings) - len(shown)
    return [*words, f"and {left:,} more (-v)"] if left and words else words


def check_json(checks: Sequence[Checked]) -> list[dict[str, Any]]:
    """An object for each CSV, with all findings, those of a reason together, the gravest first."""
    return [_file_json(checked) for checked in checks]


def _file_json(checked: Checked) -> dict[str, Any]:
    found = [one.to_json() for group in grouped(checked.findings) for one in group.findings]
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
    return {**fields, "findings": found}
