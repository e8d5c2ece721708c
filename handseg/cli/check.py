"""`handseg check`: is it right? A data set, a submission, a run or a recipe, told by what it is."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.command import (
    STREAM,
    Data,
    Force,
    ImageSize,
    Json,
    Runs,
    check_out,
    command,
    data_folder,
    is_data_named,
    pixels,
    runs_folder,
    say_if_unused,
)
from handseg.cli.tables import Column, Table
from handseg.errors import InputError, UsageError
from handseg.text import counted, people_text, pixels_text, shown

if TYPE_CHECKING:
    from rich.text import Text

    from handseg.check.dataset import DataCheck
    from handseg.check.findings import Finding, FindingGroup
    from handseg.check.repair import RepairChange
    from handseg.check.submission import SubmissionCheck
    from handseg.data.dataset import Dataset
    from handseg.recipe.faults import RecipeError

EXAMPLES = 3
"""Places of a finding or of a change that are shown; all of them with -v."""
STDIN = "-"
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@command(
    examples=[
        "handseg check",
        "handseg check data --deep",
        "handseg check data --write-excludes",
        "handseg check prediction.csv",
        "handseg check unet-1 segformer-1:val --strict",
        "handseg check prediction.csv --data data --json",
        "handseg check prediction.csv --fix",
        "handseg check prediction.csv --fix --skip-bad --out mended.csv",
        "handseg check recipes/segformer.toml",
    ]
)
def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Data folders, CSVs, RUN[:SPLIT] or recipes [default: the data set].",
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Of data: decode every pixel of every image too.")
    ] = False,
    write_excludes: Annotated[
        bool,
        typer.Option(
            "--write-excludes",
            help="Of data: put images with errors (--strict: or warnings) into dataset.toml.",
        ),
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Of CSVs: write a repaired copy and say every change.")
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="With --fix: write rows that cannot be read as empty masks."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the repaired copy goes [default: a numbered name beside the CSV].",
        ),
    ] = None,
    force: Force = False,
    data: Data = None,
    runs: Runs = None,
    image_size: ImageSize = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings are faults too: exit 3.")
    ] = False,
    json_: Json = False,
) -> None:
    """Say what is wrong with data, submissions and recipes, and what is dubious.

    Without PATH the data set is checked: files, labels, people, and hands that are unlike the
    others.
    """
    refuse_contradictions(fix, skip_bad, out, json_)
    check_out(out, force)
    size = None if image_size is None else pixels(image_size)
    texts = paths or [str(data_folder(data))]
    recipe_names = [text for text in texts if text.endswith(".toml")]
    folders = [Path(text) for text in texts if not paths or is_data_folder(text)]
    names = [text for text in texts if text not in recipe_names and Path(text) not in folders]
    if fix and (len(names) < len(texts) or (out is not None and len(names) > 1)):
        raise UsageError("--fix is of CSVs, and --out of one of them")
    if (deep or write_excludes) and not folders:
        raise UsageError("--deep and --write-excludes are of data folders")
    csvs = find_csvs(names, runs_folder(runs))
    recipes = [check_recipe(text) for text in recipe_names]
    dataset = data_set_for(data) if csvs else None
    submissions = check_csvs(csvs, dataset, size)
    for one in submissions:
        if one.measured is not None:
            expected = one.measured.expected
            say_if_unused(image_size, expected.sizes.known, one.measured.submission.images)
    if image_size is not None and not csvs:
        console.warn(f"--image-size {image_size} is not asked: images of a data set have their own")
    if fix:
        for checked in submissions:
            report_fix(checked, write_fix(checked, out, skip_bad, dataset, size))
        return
    datasets = [check_data_folder(folder, deep) for folder in folders]
    if json_:
        console.print_json(checks_json(datasets, submissions, recipes))
    else:
        report_checks(datasets, submissions, recipes)
    excluded = [exclude(one, strict) for one in datasets] if write_excludes else []
    raise_faults(datasets, submissions, recipes, strict, excluded)


def refuse_contradictions(fix: bool, skip_bad: bool, out: Path | None, as_json: bool) -> None:
    if skip_bad and not fix:
        raise UsageError("--skip-bad says what --fix may do", hints=["add --fix"])
    if out is not None and not fix:
        raise UsageError("--out is where a repaired copy goes", hints=["add --fix"])
    if fix and as_json:
        raise UsageError("--fix prints the path of the copy, --json what was found: one of them")


def is_data_folder(text: str) -> bool:
    from handseg.runs import layout

    return Path(text).is_dir() and not (Path(text) / layout.RUN).is_file()


def find_csvs(names: Sequence[str], runs: Path) -> list[Path]:
    """The CSVs that are meant by paths and names of runs."""
    if not names:
        return []
    from handseg.runs.predictions import find_prediction

    return [find_prediction(name, runs) for name in names]


def data_set_for(given: Path | None) -> "Dataset | None":
    """The data set that CSVs are compared with: one that was named, else `data` if it is there."""
    from handseg.data.dataset import find_dataset

    return find_dataset(data_folder(given), required=is_data_named(given))


def check_csvs(
    paths: Sequence[Path], dataset: "Dataset | None", size: tuple[int, int] | None
) -> "list[SubmissionCheck]":
    """Check each CSV, and compare it with the others where no labels are at hand."""
    if not paths:
        return []
    from handseg.check.submission import check_submission, open_to_check

    opened = [(path, open_to_check(path)) for path in paths]
    readable = [one.submission for _, one in opened if not isinstance(one, InputError)]
    checks: list[SubmissionCheck] = []
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


def check_data_folder(folder: Path, deep: bool) -> "DataCheck":
    """Check the data set in a folder; raises InputError where there is none."""
    from handseg.check.dataset import check_dataset
    from handseg.data.dataset import open_dataset

    dataset = open_dataset(folder)
    console.info(dataset.recognised)
    with console.progress(f"checking {folder.name}") as bar:
        return check_dataset(dataset, deep=deep, progress=bar)


@dataclass(frozen=True)
class RecipeCheck:
    """A recipe as it was named, the error that holds all its faults, and its warnings."""

    path: str
    error: "RecipeError | None" = None
    warnings: tuple[str, ...] = ()


def check_recipe(text: str) -> RecipeCheck:
    from handseg.recipe.faults import RecipeError
    from handseg.recipe.load import load_recipe

    try:
        return RecipeCheck(text, warnings=load_recipe(text).warnings)
    except RecipeError as error:
        return RecipeCheck(text, error)


def report_checks(
    datasets: "Sequence[DataCheck]",
    submissions: "Sequence[SubmissionCheck]",
    recipes: Sequence[RecipeCheck],
) -> None:
    """What was found, as tables; of CSVs the verdict comes first, of long data sets last."""
    everything = console.verbosity.verbose
    for one in submissions:
        console.out(submission_headline(one))
        if one.findings:
            console.print_table(findings_table(one.findings, everything).to_rich())
    for one in recipes:
        faults = one.error.faults if one.error else ()
        console.out(f"{one.path}: {counted(len(faults), 'fault') if faults else 'no faults'}")
        for line in (*faults, *one.warnings):
            console.out(f"  {line}")
    for one in datasets:
        if one.findings:
            console.print_table(findings_table(one.findings, everything).to_rich())
        console.out(data_headline(one))


def findings_table(findings: "Sequence[Finding]", everything: bool = False) -> Table:
    """A row for each reason, the gravest first, with a few places or all of them."""
    from handseg.check.findings import grouped

    def severity_text(severity: str) -> "Text":
        from rich.text import Text

        return Text(severity, _STYLES[severity])

    columns = (
        Column("severity", severity_text, title=""),
        Column("times", lambda times: f"{times:,}", right=True),
        Column("what", fold=True, ratio=2),
        Column("where", fold=True, ratio=3),
    )
    rows = [
        (
            group.severity,
            len(group.findings),
            f"{group.reason}\n→ {group.command}" if group.command else group.reason,
            "\n".join(shown_places(group, everything)),
        )
        for group in grouped(findings)
    ]
    return Table(columns, rows, look="head")


def shown_places(group: "FindingGroup", everything: bool) -> list[str]:
    """The places of a reason that are shown, and how many more there are."""
    shown = group.findings if everything else group.findings[:EXAMPLES]
    lines = [text for finding in shown if (text := str(finding))]
    left = len(group.findings) - len(shown)
    return [*lines, f"and {left:,} more (-v)"] if left and lines else lines


def submission_headline(checked: "SubmissionCheck") -> str:
    """The verdict on a CSV and what was looked at, in one line."""
    from handseg.check.findings import verdict

    line = f"{checked.path}: {verdict(checked.findings)}"
    if checked.measured is None:
        return line
    submission, expected = checked.measured.submission, checked.measured.expected
    found = dict.fromkeys(map(expected.sizes.of, submission.images))
    sizes = [pixels_text(size) for size in found]
    size = f", {some_sizes(sizes)} ({expected.size_source})" if sizes else ""
    return (
        f"{line} in {counted(len(submission), 'row')}: {counted(len(submission.images), 'image')}, "
        f"{counted(len(submission.classes), 'class', 'classes')}{size}; judged by {expected.source}"
    )


def data_headline(checked: "DataCheck") -> str:
    """The verdict on a data set, its sizes and what was looked at, in one line."""
    from handseg.check.findings import verdict

    dataset = checked.dataset
    sizes = [pixels_text(size) for size in checked.sizes]
    looked = "every pixel" if checked.deep else "headers, checksums (--deep: every pixel)"
    people, classes = people_text(checked.people), counted(len(dataset.classes), "class", "classes")
    return (
        f"{dataset.root}: {verdict(checked.findings)} in {counted(checked.images, 'image')} "
        f"({len(dataset.train):,} train, {len(dataset.test):,} test) of {people}"
        f"{', ' if sizes else ''}{some_sizes(sizes)}; {counted(checked.labels, 'label')} of "
        f"{classes}; looked at {looked}, hashes, labels and {counted(checked.hands, 'hand')}"
    )


def some_sizes(sizes: Sequence[str]) -> str:
    more = f" and {len(sizes) - 2} more sizes" if len(sizes) > 2 else ""
    return " and ".join(sizes[:2]) + more


def checks_json(
    datasets: "Sequence[DataCheck]",
    submissions: "Sequence[SubmissionCheck]",
    recipes: Sequence[RecipeCheck],
) -> dict[str, Any]:
    return {
        "data": [data_json(one) for one in datasets],
        "csvs": [submission_json(one) for one in submissions],
        "recipes": [recipe_json(one) for one in recipes],
    }


def data_json(checked: "DataCheck") -> dict[str, Any]:
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


def submission_json(checked: "SubmissionCheck") -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": str(checked.path),
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
    }
    if checked.measured is not None:
        submission, expected = checked.measured.submission, checked.measured.expected
        sizes = dict.fromkeys(map(expected.sizes.of, submission.images))
        fields |= {
            "sha256": submission.sha256,
            "rows": len(submission),
            "images": len(submission.images),
            "classes": len(submission.classes),
            "rows_wanted_by": expected.source,
            "sizes_by": expected.size_source,
            "sizes": [list(size) for size in sizes],
        }
    return {**fields, "findings": findings_json(checked.findings)}


def recipe_json(checked: RecipeCheck) -> dict[str, Any]:
    faults = [
        {"file": one.file, "line": one.line, "key": one.key, "message": one.message}
        for one in (checked.error.faults if checked.error else ())
    ]
    return {"path": checked.path, "faults": faults, "warnings": list(checked.warnings)}


def findings_json(findings: "Sequence[Finding]") -> list[dict[str, Any]]:
    """All findings, those of a reason together, the gravest first."""
    from handseg.check.findings import grouped

    return [finding_json(one) for group in grouped(findings) for one in group.findings]


def finding_json(finding: "Finding") -> dict[str, Any]:
    """The finding as a JSON object; null where it is not of one line, image or class."""
    return {
        "severity": finding.severity,
        "subject": finding.subject,
        "line": finding.line or None,
        "image": finding.image or None,
        "class": finding.cls or None,
        "reason": finding.reason,
        "detail": finding.detail or None,
        "command": finding.command or None,
    }


def raise_faults(
    datasets: "Sequence[DataCheck]",
    submissions: "Sequence[SubmissionCheck]",
    recipes: Sequence[RecipeCheck],
    strict: bool,
    excluded: Sequence[frozenset[str]],
) -> None:
    """Raise InputError if data or a CSV is at fault, else UsageError if a recipe is.

    `excluded` holds for each data set the images that are left out from now on.
    """
    left_out = excluded or [frozenset[str]()] * len(datasets)
    faults = [data_fault(*pair, strict) for pair in zip(datasets, left_out, strict=True)]
    faults += [fault_of(f"{one.path}", one.findings, strict) for one in submissions]
    if any(faults):
        commands = [one.command for checked in submissions for one in checked.findings]
        fixes = dict.fromkeys(line for line in commands if line.endswith(" --fix"))
        raise InputError("; ".join(filter(None, faults)), hints=list(fixes))
    faulty = [one.path for one in recipes if one.error]
    if faulty:
        raise UsageError(f"at fault: {', '.join(faulty)}")


def data_fault(checked: "DataCheck", left_out: frozenset[str], strict: bool) -> str:
    """What is at fault with a data set and not left out; empty where nothing is."""
    left = [one for one in checked.findings if one.image not in left_out]
    after = " after what was left out" if left_out else ""
    return fault_of(f"{checked.dataset.root}", left, strict, after)


def fault_of(name: str, findings: "Sequence[Finding]", strict: bool, after: str = "") -> str:
    """What is at fault, in a few words; empty where nothing is."""
    from handseg.check.findings import count, verdict

    if count(findings, "error"):
        return f"{name}: {verdict(findings)}{after}"
    if strict and count(findings, "warning"):
        return f"{name}: {verdict(findings)}{after} (--strict)"
    return ""


def exclude(checked: "DataCheck", strict: bool) -> frozenset[str]:
    """Have the images at fault left out from now on, and say where that stands.

    Raises:
        InputError: no image would be left to train on, or the file cannot be written.
    """
    from handseg.data.settings import write_excludes

    root, at_fault = checked.dataset.root, checked.at_fault(strict=strict)
    training = {sample.image_name for sample in checked.dataset.train}
    names = [name for name in at_fault if name in training]
    tested = [name for name in at_fault if name not in training]
    if tested:
        # What is left out would have no prediction either.
        number = counted(len(tested), "test image is", "test images are")
        console.info(f"{number} at fault and stays in the set: {shown(tested)}")
    if not names:
        console.info("no training image is at fault: nothing is written")
        return frozenset()
    if training <= set(names):
        raise InputError(
            f"every training image of {root} is at fault: none is left out",
            hints=[f"handseg check {shlex.quote(str(root))} --json"],
        )
    path = write_excludes(root, names)
    count = counted(len(names), "image is", "images are")
    console.info(f"{count} left out from now on: exclude in {path}")
    if path.parent.resolve() != root.resolve():
        console.info(f"it stands there because {root} is read-only")
    return frozenset(names)


@dataclass(frozen=True)
class RepairedCopy:
    """What `--fix` did to a CSV: where the copy is, the log, and what is still to be said."""

    path: Path | None
    """The CSV itself where there was nothing to mend; None where the copy went to stdout."""
    changes: "tuple[RepairChange, ...]" = ()
    left_alone: tuple[str, ...] = ()
    again: "SubmissionCheck | None" = None
    """The check of the copy; None where there is no file of it."""
    needless: bool = False
    """There was nothing to mend: no copy was written."""


def write_fix(
    checked: "SubmissionCheck",
    out: Path | None,
    skip_bad: bool,
    dataset: "Dataset | None",
    size: tuple[int, int] | None,
) -> RepairedCopy:
    """Write the repaired copy of a CSV and check it as any other.

    Raises InputError where there are faults that only the person can mend.
    """
    from handseg.check.findings import verdict
    from handseg.check.repair import Repair, left_alone, repairable
    from handseg.rle.submission import write_numbered, write_rows, write_submission

    repair = Repair(repairable(checked), skip_bad=skip_bad)
    untouched = tuple(left_alone(repair.measured))
    if not repair.changes and out is None:
        if checked.count("error"):
            raise InputError(
                f"{checked.path}: {verdict(checked.findings)}, none that a program could mend",
                hints=[f"handseg check {checked.path}"],
            )
        return RepairedCopy(checked.path, left_alone=untouched, needless=True)
    with console.progress("mending") as bar:
        rows = repair.rows(bar)
        if out == STREAM:
            write_rows(console.data_stream(), rows)
            return RepairedCopy(None, tuple(repair.changes), untouched)
        if out is not None:
            path = write_submission(out, rows, repair.sidecar())
        else:
            path = write_numbered(*copy_name(checked.path), rows, repair.sidecar())
    [again] = check_csvs([path], dataset, size)
    return RepairedCopy(path, tuple(repair.changes), untouched, again)


def copy_name(path: Path) -> tuple[Path, str]:
    """The folder and the stem of the copy's name: `a-fixed` for `a.csv` and `a.csv.gz`."""
    if str(path) == STDIN:
        return Path(), "stdin-fixed"
    return path.parent, path.name.removesuffix(".gz").removesuffix(".csv") + "-fixed"


def report_fix(checked: "SubmissionCheck", copy: RepairedCopy) -> None:
    """Say every change, print where the copy is, and raise InputError if it is still at fault."""
    from handseg.check.findings import verdict

    if copy.needless:
        console.info(submission_headline(checked))
        console.info("there is nothing to mend")
    else:
        say_changes(checked.path, copy.changes)
    for reason in copy.left_alone:
        console.warn(f"left as they are: {reason}")
    if copy.path is not None:
        console.out(str(copy.path))
    if copy.again is None:
        return
    console.info(f"checked again: {submission_headline(copy.again)}")
    if copy.again.count("error"):
        raise InputError(
            f"the copy {copy.path} is still at fault: {verdict(copy.again.findings)}",
            details="these faults are not for a program to mend",
            hints=[f"handseg check {copy.path}"],
        )


def say_changes(path: Path, changes: "Sequence[RepairChange]") -> None:
    """Each change with its count and a few of its places, all of them with -v."""
    console.info(f"{path}: " + ("changed in the copy:" if changes else "nothing was changed"))
    for change in changes:
        console.info(f"  {change}")
        shown = change.places if console.verbosity.verbose else change.places[:EXAMPLES]
        for place in shown:
            console.info(f"    {place}")
        if len(shown) < len(change.places):
            console.info(f"    and {len(change.places) - len(shown):,} more (-v)")
