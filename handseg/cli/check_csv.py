"""`handseg check` of CSVs: which they are, and what they are held against."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.cli import console, options
from handseg.errors import InputError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.score.check import Checked


def find_csv(text: str, runs: Path) -> Path:
    """The CSV that the text means."""
    from handseg.runs.predictions import find_prediction

    return find_prediction(text, runs)


def find_dataset(given: Path | None) -> "Dataset | None":
    """The data set that a person named, else `data` where there is one."""
    import os

    from handseg.data.dataset import is_dataset, open_dataset

    folder = options.data_folder(given)
    if given is None and not os.environ.get("HANDSEG_DATA") and not is_dataset(folder):
        return None
    return open_dataset(folder)


def check_all(
    paths: Sequence[Path], dataset: "Dataset | None", size: tuple[int, int] | None
) -> "list[Checked]":
    """Check each CSV, and hold it against the others where no labels are at hand."""
    if not paths:
        return []
    from handseg.score.check import check_submission, open_to_check

    opened = [(path, open_to_check(path)) for path in paths]
    readable = [one.submission for _, one in opened if not isinstance(one, InputError)]
    checks: list[Checked] = []
    for path, one in opened:
        own = None if isinstance(one, InputError) else one.submission
        others = [other for other in readable if other is not own]
        with console.progress(f"checking {path.name}") as bar:
            checks.append(
                check_submission(
                    path, one, dataset=dataset, image_size=size, others=others, progress=bar
                )
            )
    return checks


def print_csv(checked: "Checked") -> None:
    """The verdict on a CSV, and under it what is wrong."""
    from handseg.data.check.report import findings_table
    from handseg.score.check.report import headline

    console.out(headline(checked))
    if checked.findings:
        console.print_table(findings_table(checked.findings, everything=console.verbosity.verbose))


def fault_of(checked: "Checked", strict: bool) -> str:
    """What is at fault with a CSV, in a few words; empty where nothing is."""
    from handseg.data.check.report import verdict

    if checked.count("error"):
        return f"{checked.path}: {verdict(checked.findings)}"
    if strict and checked.count("warning"):
        return f"{checked.path}: {verdict(checked.findings)} (--strict)"
    return ""
