"""The check of a submission: what is wrong with a CSV, recognised and named, and its repair."""

from handseg.data.check.finding import Finding, Group, grouped
from handseg.score.check.check import Checked, Opened, check_submission, open_to_check

__all__ = [
    "Checked",
    "Finding",
    "Group",
    "Opened",
    "check_submission",
    "grouped",
    "open_to_check",
]
