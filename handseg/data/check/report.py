"""Findings as a table for people, as words and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handseg.data.check.finding import SEVERITIES, Finding, Group, count, grouped

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

EXAMPLES = 3
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def verdict(findings: Sequence[Finding]) -> str:
    """`3 errors, 1 warning`, or `no faults`; notes are none."""
    words = [
        f"{times:,} {severity}{'' if times == 1 else 's'}"
        for severity in SEVERITIES[:2]
        if (times := count(findings, severity))
    ]
    return ", ".join(words) or "no faults"


def findings_table(findings: Sequence[Finding], *, everything: bool = False) -> "Table":
    """A row for each reason, the gravest first, with a few places or all of them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=2)
    table.add_column("where", overflow="fold", ratio=3)
    for group in grouped(findings):
        style = _STYLES[group.severity]
        what, where = _what(group), Text("\n".join(_places(group, everything)))
        table.add_row(Text(group.severity, style), f"{len(group.findings):,}", what, where)
    return table


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """All findings, those of a reason together, the gravest first."""
    return [one.to_json() for group in grouped(findings) for one in group.findings]


def _what(group: Group) -> "Text":
    from rich.text import Text

    return Text(f"{group.reason}\n→ {group.command}" if group.command else group.reason)


def _places(group: Group, everything: bool) -> list[str]:
    shown = group.findings if everything else group.findings[:EXAMPLES]
    words = [text for finding in shown if (text := str(finding))]
    left = len(group.findings) - len(shown)
    return [*words, f"and {left:,} more (-v)"] if left and words else words
