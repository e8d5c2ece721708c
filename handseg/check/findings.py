"""What a check finds: how grave it is, where, why, and the command that shows or mends it."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first. An error is a fault of structure; a warning may be meant so."""

Subject = Literal[
    "structure", "order", "runs", "content", "anatomy", "format", "files", "people", "labels"
]

SEVERAL_PIECES = "a mask in several pieces"
UNLIKE_AREA = "an area unlike that of the class in other images"
FEWEST = 8
"""Fewer hands, or masks of a class, are no population to compare one with."""
TO_SIGMA = 1.4826
"""Makes the median of absolute deviations the standard deviation of a normal distribution."""
SECOND_PIECE = 0.05
"""Of the mask's area: a second piece that is larger is worth a finding, in labels as in a CSV."""


@dataclass(frozen=True)
class Finding:
    """One thing found in a CSV or a data set.

    `reason` has the same words for all findings of a kind, `detail` is what this one adds. The
    place is as exact as it can be: line 0 and empty names mean all of it.
    """

    severity: Severity
    subject: Subject
    reason: str
    detail: str = ""
    line: int = 0
    image: str = ""
    cls: str = ""
    command: str = ""
    weight: float = 0.0
    """Of findings with the same reason the heaviest is the worst."""

    @property
    def place(self) -> str:
        line = f"line {self.line}" if self.line else ""
        return ", ".join(part for part in (line, self.image, self.cls) if part)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.detail) if part)


class FindingGroup(NamedTuple):
    """The findings with one reason, the worst first."""

    severity: Severity
    reason: str
    findings: tuple[Finding, ...]

    @property
    def command(self) -> str:
        """A command that mends all of them, else one that shows the worst."""
        return self.findings[0].command


def count(findings: Iterable[Finding], severity: Severity) -> int:
    return sum(finding.severity == severity for finding in findings)


def verdict(findings: Iterable[Finding]) -> str:
    """`3 errors, 1 warning`, or `no faults`; notes are none."""
    found = tuple(findings)
    words = [
        f"{times:,} {severity}{'' if times == 1 else 's'}"
        for severity in SEVERITIES[:2]
        if (times := count(found, severity))
    ]
    return ", ".join(words) or "no faults"


def grouped(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Findings by severity and reason: the gravest first, then those found most often."""
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.reason), []).append(finding)
    grouping = [
        FindingGroup(
            severity,
            reason,
            tuple(sorted(group, key=lambda one: (-one.weight, one.line, one.image))),
        )
        for (severity, reason), group in groups.items()
    ]
    return sorted(grouping, key=lambda one: (SEVERITIES.index(one.severity), -len(one.findings)))


def fix_command(path: Path) -> str:
    return f"handseg check {shlex.quote(str(path))} --fix"


def show_command(path: Path, line: int) -> str:
    """The command that shows the beginning of a line; none where the file is no plain text."""
    if path.suffix != ".csv":
        return ""
    return f"sed -n {line}p {shlex.quote(str(path))} | cut -c 1-200"
