"""`handseg check`: is it right? A submission or a recipe, recognised by what it is."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.recipe import RecipeError
    from handseg.score.check import Checked, Opened
    from handseg.score.check.changes import Change

STDIN = "-"
PLACES = 3
"""Places of a change that are said; all of them with -v."""


@command(
    examples=[
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
        list[str],
        typer.Argument(metavar="PATH", help="CSVs, RUN[:SPLIT] or recipes.", show_default=False),
    ],
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a repaired copy and say every change.")
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
            show_default=False,
        ),
    ] = None,
    force: options.Force = False,
    data: options.Data = None,
    runs: options.Runs = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW",
            help="Size of images that neither a sidecar nor the data set knows "
            "[default: 2048x2048].",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings are faults too: exit 3.")
    ] = False,
    json_: options.Json = False,
) -> None:
    """Say what is wrong with submissions and recipes, and what is dubious."""
    from handseg.score.check import open_to_check

    check_words(fix, skip_bad, out, json_)
    options.check_out(out, force)
    size = parse_size(image_size)
    recipes = [text for text in paths if is_recipe(text)]
    csvs = [find_csv(text, options.runs_folder(runs)) for text in paths if text not in recipes]
    if fix and (recipes or (out is not None and len(csvs) > 1)):
        raise UsageError("--fix is of CSVs, and --out of one of them")
    read = [check_recipe(text) for text in recipes]
    dataset = find_dataset(data) if csvs else None
    opened = [(path, open_to_check(path)) for path in csvs]
    checks = check_all(opened, dataset, size)
    if fix:
        for checked in checks:
            write_fix(checked, out, skip_bad, dataset, size)
        return
    print_checks(checks, read, json_)
    raise_faults(checks, read, strict)


def check_words(fix: bool, skip_bad: bool, out: Path | None, as_json: bool) -> None:
    """Raise UsageError for words that do not go together."""
    if skip_bad and not fix:
        raise UsageError("--skip-bad says what --fix may do", hints=["add --fix"])
    if out is not None and not fix:
        raise UsageError("--out is where a repaired copy goes", hints=["add --fix"])
    if fix and as_json:
        raise UsageError("--fix prints the path of the copy, --json what was found: one of them")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) of `2048x2048`; raises UsageError for anything else."""
    if text is None:
        return None
    figures = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text.strip().lower())
    if figures is None:
        raise UsageError(
            f"--image-size {text} is no size",
            hints=["--image-size 2048x1536 is a height of 2048 and a width of 1536 pixels"],
        )
    return int(figures[1]), int(figures[2])


def is_recipe(text: str) -> bool:
    return text.endswith(".toml")


def find_csv(text: str, runs: Path) -> Path:
    """The CSV that the text means; raises UsageError for a folder that is no run."""
    from handseg.runs import fields
    from handseg.runs.predictions import find_prediction

    if Path(text).is_dir() and not (Path(text) / fields.RUN).is_file():
        raise UsageError(
            f"{text} is a folder and no run",
            why="check takes CSVs, RUN[:SPLIT] and recipes",
            hints=["handseg check prediction.csv --data DIR   checks a CSV against a data set"],
        )
    return find_prediction(text, runs)


def find_dataset(given: Path | None) -> "Dataset | None":
    """The data set that a person named, else `data` where there is one."""
    import os

    from handseg.data.dataset import open_dataset
    from handseg.data.handbone import is_layout

    folder = options.data_folder(given)
    if given is None and not os.environ.get("HANDSEG_DATA") and not is_layout(folder):
        return None
    return open_dataset(folder)


def check_recipe(text: str) -> "tuple[str, RecipeError | None, tuple[str, ...]]":
    """The recipe, its faults if it has any, and its warnings; UsageError if there is none."""
    from handseg.recipe import RecipeError, load_recipe

    try:
        return text, None, load_recipe(text).warnings
    except RecipeError as error:
        return text, error, ()


def check_all(
    opened: "Sequence[tuple[Path, Opened | InputError]]",
    dataset: "Dataset | None",
    size: tuple[int, int] | None,
) -> "list[Checked]":
    """Check each CSV, and hold it against the others where no labels are at hand."""
    from handseg.score.check import check_submission

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


def print_checks(
    checks: "Sequence[Checked]",
    recipes: "Sequence[tuple[str, RecipeError | None, tuple[str, ...]]]",
    as_json: bool,
) -> None:
    from handseg.score.check.report import check_json, findings_table, headline

    if as_json:
        found = {"csvs": check_json(checks), "recipes": [recipe_json(*one) for one in recipes]}
        console.print_json(found)
        return
    for checked in checks:
        console.out(headline(checked))
        if checked.findings:
            console.print_table(findings_table(checked, everything=console.manner.verbose))
    for text, error, warnings in recipes:
        console.out(f"{text}: {recipe_verdict(error)}")
        for line in (*(error.faults if error else ()), *warnings):
            console.out(f"  {line}")


def recipe_verdict(error: "RecipeError | None") -> str:
    if error is None:
        return "no faults"
    count = len(error.faults)
    return "1 fault" if count == 1 else f"{count} faults"


def recipe_json(
    text: str, error: "RecipeError | None", warnings: tuple[str, ...]
) -> dict[str, Any]:
    faults = [
        {"file": one.file, "line": one.line, "key": one.key, "message": one.message}
        for one in (error.faults if error else ())
    ]
    return {"path": text, "faults": faults, "warnings": list(warnings)}


def raise_faults(
    checks: "Sequence[Checked]",
    recipes: "Sequence[tuple[str, RecipeError | None, tuple[str, ...]]]",
    strict: bool,
) -> None:
    """Raise InputError if a CSV is at fault, else UsageError if a recipe is."""
    from handseg.score.check.report import verdict

    bad = [one for one in checks if one.count("error") or (strict and one.count("warning"))]
    commands = [one.command for checked in bad for one in checked.findings]
    fixes = dict.fromkeys(line for line in commands if line.endswith(" --fix"))
    if bad:
        said = "; ".join(f"{one.path}: {verdict(one)}" for one in bad)
        word = " (--strict)" if strict and not any(one.count("error") for one in bad) else ""
        raise InputError(f"{said}{word}", hints=list(fixes))
    faulty = [text for text, error, _ in recipes if error is not None]
    if faulty:
        raise UsageError(f"at fault: {', '.join(faulty)}")


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
    from handseg.score.check.report import headline, verdict

    if checked.count("error"):
        raise InputError(
            f"{checked.path}: {verdict(checked)}, none that a program could mend",
            hints=[f"handseg check {checked.path}"],
        )
    console.say(headline(checked))
    console.say("there is nothing to mend")
    for words in left:
        console.warn(f"left as they are: {words}")


def copy_name(path: Path) -> tuple[Path, str]:
    """The folder and the stem of the copy's name: `a-fixed` for `a.csv` and `a.csv.gz`."""
    if str(path) == STDIN:
        return Path(), "stdin-fixed"
    return path.parent, path.name.removesuffix(".gz").removesuffix(".csv") + "-fixed"


def say_changes(path: Path, changes: "Sequence[Change]") -> None:
    """Each change with its count and a few of its places, all of them with -v."""
    console.say(f"{path}: " + ("changed in the copy:" if changes else "nothing was changed"))
    for change in changes:
        console.say(f"  {change}")
        shown = change.places if console.manner.verbose else change.places[:PLACES]
        for place in shown:
            console.say(f"    {place}")
        if len(shown) < len(change.places):
            console.say(f"    and {len(change.places) - len(shown):,} more (-v)")


def check_copy(path: Path, dataset: "Dataset | None", size: tuple[int, int] | None) -> None:
    """Look at the copy as at any other; raise InputError if it is still at fault."""
    from handseg.score.check import check_submission, open_to_check
    from handseg.score.check.report import headline, verdict

    with console.progress(f"checking {path.name}") as bar:
        again = check_submission(
            path, open_to_check(path), dataset=dataset, image_size=size, progress=bar
        )
    console.say(f"checked again: {headline(again)}")
    if again.count("error"):
        raise InputError(
            f"the copy {path} is still at fault: {verdict(again)}",
            why="these faults are not for a program to mend",
            hints=[f"handseg check {path}"],
        )
