"""`handseg check --fix`: a repaired copy of a CSV, and every change in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.cli import console, options
from handseg.errors import InputError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.score.check import Checked
    from handseg.score.check.changes import Change

STDIN = "-"
PLACES = 3
"""Places of a change that are said; all of them with -v."""


def write_fix(
    checked: "Checked",
    out: Path | None,
    skip_bad: bool,
    dataset: "Dataset | None",
    size: tuple[int, int] | None,
) -> None:
    """Write the repaired copy, say every change, and what is still wrong with it."""
    import sys

    from handseg.rle.submission import write_numbered, write_rows, write_submission
    from handseg.score.check.mending import Mending, left_alone, repair_subject

    mending = Mending(repair_subject(checked), skip_bad=skip_bad)
    if not mending.changes and out is None:
        say_nothing_to_mend(checked, left_alone(mending.measured))
        console.out(str(checked.path))
        return
    with console.progress("mending") as bar:
        rows = mending.rows(bar)
        if out == options.STREAM:
            write_rows(sys.stdout, rows)
            path = None
        elif out is not None:
            path = write_submission(out, rows, mending.sidecar())
        else:
            folder, stem = copy_name(checked.path)
            path = write_numbered(folder, stem, rows, mending.sidecar())
    say_changes(checked.path, mending.changes)
    for words in left_alone(mending.measured):
        console.warn(f"left as they are: {words}")
    if path is not None:
        console.out(str(path))
        check_copy(path, dataset, size)


def say_nothing_to_mend(checked: "Checked", left: Sequence[str]) -> None:
    """Raises InputError where there are faults that only the person can mend."""
    from handseg.data.check.report import verdict
    from handseg.score.check.report import headline

    if checked.count("error"):
        raise InputError(
            f"{checked.path}: {verdict(checked.findings)}, none that a program could mend",
            hints=[f"handseg check {checked.path}"],
        )
    console.info(headline(checked))
    console.info("there is nothing to mend")
    for words in left:
        console.warn(f"left as they are: {words}")


def copy_name(path: Path) -> tuple[Path, str]:
    """The folder and the stem of the copy's name: `a-fixed` for `a.csv` and `a.csv.gz`."""
    if str(path) == STDIN:
        return Path(), "stdin-fixed"
    return path.parent, path.name.removesuffix(".gz").removesuffix(".csv") + "-fixed"


def say_changes(path: Path, changes: "Sequence[Change]") -> None:
    """Each change with its count and a few of its places, all of them with -v."""
    console.info(f"{path}: " + ("changed in the copy:" if changes else "nothing was changed"))
    for change in changes:
        console.info(f"  {change}")
        shown = change.places if console.verbosity.verbose else change.places[:PLACES]
        for place in shown:
            console.info(f"    {place}")
        if len(shown) < len(change.places):
            console.info(f"    and {len(change.places) - len(shown):,} more (-v)")


def check_copy(path: Path, dataset: "Dataset | None", size: tuple[int, int] | None) -> None:
    """Look at the copy as at any other; raise InputError if it is still at fault."""
    from handseg.data.check.report import verdict
    from handseg.score.check import check_submission, open_to_check
    from handseg.score.check.report import headline

    with console.progress(f"checking {path.name}") as bar:
        again = check_submission(
            path, open_to_check(path), dataset=dataset, image_size=size, progress=bar
        )
    console.info(f"checked again: {headline(again)}")
    if again.count("error"):
        raise InputError(
            f"the copy {path} is still at fault: {verdict(again.findings)}",
            details="these faults are not for a program to mend",
            hints=[f"handseg check {path}"],
        )
