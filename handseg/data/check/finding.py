"""What a check finds: how grave it is, where, why, and the command that shows or mends it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first. An error is a fault of structure; a warning may be meant so."""

Subject = Literal[
    "structure", "order", "runs", "content", "anatomy", "format", "files", "people", "labels"
]


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
        """Line, image and class, as far as they are known."""
        line = f"line {self.line}" if self.line else ""
        return ", ".join(part for part in (line, self.image, self.cls) if part)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.detail) if part)

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object; null where it is not of one line, image or class."""
        return {
            "severity": self.severity,
            "subject": self.subject,
            "line": self.line or None,
            "image": self.image or None,
            "class": self.cls or None,
            "reason": self.reason,
            "detail": self.detail or None,
            "command": self.command or None,
        }


class Group(NamedTuple):
    """The findings with one reason, the worst first."""

    severity: Severity
    reason: str
    findings: tuple[Finding, ...]

    @property
    def command(self) -> str:
        """A command that mends all of them, else one that shows the worst."""
        return self.findings[0].command


def count(findings: Iterable[Finding], severity: Severity) -> int:
    """How many findings are so grave."""
    return sum(finding.severity == severity for finding in findings)


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings by severity and reason: the gravest first, then those found most often."""
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.reason), []).append(finding)
    made = [
        Group(
            severity,
            reason,
            tuple(sorted(group, key=lambda one: (-one.weight, one.line, one.image))),
        )
        for (severity, reason), group in groups.items()
    ]
    return sorted(made, key=lambda one: (SEVERITIES.index(one.severity), -len(one.findings)))


def _worst_first(finding: Finding) -> tuple[float, int, str]:
    return -finding.weight, finding.line, finding.image
