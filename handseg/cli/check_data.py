"""`handseg check` of a data folder, and the images that are left out for what was found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from handseg.cli import console
from handseg.errors import InputError

if TYPE_CHECKING:
    from handseg.data.check.check import DataCheck


def check_folder(folder: Path, deep: bool) -> "DataCheck":
    """Check the data set in a folder; raises InputError where there is none."""
    from handseg.data.check.check import check_dataset
    from handseg.data.dataset import open_dataset

    dataset = open_dataset(folder)
    console.info(dataset.recognised)
    with console.progress(f"checking {folder.name}") as bar:
        return check_dataset(dataset, deep=deep, progress=bar)


def print_data(checked: "DataCheck") -> None:
    """A table by reason, and in the last line the verdict and what was looked at."""
    from handseg.data.check.report import findings_table

    if checked.findings:
        console.print_table(findings_table(checked.findings, everything=console.verbosity.verbose))
    console.out(headline(checked))


def headline(checked: "DataCheck") -> str:
    """The verdict, the sizes of the set and what was looked at, in one line."""
    from handseg.data.check.report import verdict

    dataset = checked.dataset
    sizes = [f"{width} × {height}" for height, width in list(checked.sizes)[:2]]
    more = f" and {len(checked.sizes) - 2} more sizes" if len(checked.sizes) > 2 else ""
    looked = "every pixel" if checked.deep else "headers, checksums (--deep: every pixel)"
    return (
        f"{dataset.root}: {verdict(checked.findings)} in {checked.images:,} images "
        f"({len(dataset.train):,} train, {len(dataset.test):,} test) of {checked.people:,} people"
        f"{', ' if sizes else ''}{' and '.join(sizes)}{more}; {checked.labels:,} labels of "
        f"{len(dataset.classes):,} classes; looked at {looked}, hashes, labels and "
        f"{checked.hands:,} hands"
    )


def data_json(checked: "DataCheck") -> dict[str, Any]:
    """The check of one data set as a JSON object, with all findings, the gravest first."""
    from handseg.data.check.report import findings_json

    dataset = checked.dataset
    return {
        "path": str(dataset.root),
        "layout": dataset.layout,
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "images": {"train": len(dataset.train), "test": len(dataset.test)},
        "people": checked.people,
        "labels": checked.labels,
        "hands": checked.hands,
        "classes": len(dataset.classes),
        "sizes": [{"size": list(size), "images": times} for size, times in checked.sizes.items()],
        "deep": checked.deep,
        "findings": findings_json(checked.findings),
    }


def data_fault(checked: "DataCheck", left_out: frozenset[str], strict: bool) -> str:
    """What is at fault and not left out, in a few words; empty where nothing is."""
    from handseg.data.check.report import verdict

    left = [one for one in checked.findings if one.image not in left_out]
    bad = any(one.severity == "error" for one in left)
    if bad or (strict and any(one.severity == "warning" for one in left)):
        after = " after what was left out" if left_out else ""
        word = "" if bad else " (--strict)"
        return f"{checked.dataset.root}: {verdict(left)}{after}{word}"
    return ""


def exclude(checked: "DataCheck", strict: bool) -> frozenset[str]:
    """Have the images at fault left out from now on, and say where that stands.

    Raises:
        InputError: no image would be left to train on, or the file cannot be written.
    """
    from handseg.data.settings import write_excludes

    names = checked.at_fault(strict=strict)
    if not names:
        console.info("no image is at fault: nothing is written")
        return frozenset()
    if {sample.image_name for sample in checked.dataset.train} <= set(names):
        raise InputError(
            f"every training image of {checked.dataset.root} is at fault: none is left out",
            hints=[f"handseg check {checked.dataset.root} --json"],
        )
    path = write_excludes(checked.dataset.root, names)
    count = f"{len(names)} image{'s are' if len(names) > 1 else ' is'}"
    console.info(f"{count} left out from now on: exclude in {path}")
    if path.parent.resolve() != checked.dataset.root.resolve():
        console.info(f"it stands there because {checked.dataset.root} is read-only")
    return frozenset(names)
