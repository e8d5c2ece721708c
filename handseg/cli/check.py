"""`handseg check`: is it right? A data set, a submission, a run or a recipe, told by what it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.data.check.check import DataCheck
    from handseg.recipe import RecipeError
    from handseg.score.check import Checked


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
            show_default=False,
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
            show_default=False,
        ),
    ] = None,
    force: options.Force = False,
    data: options.Data = None,
    runs: options.Runs = None,
    image_size: options.ImageSize = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings are faults too: exit 3.")
    ] = False,
    json_: options.Json = False,
) -> None:
    """Say what is wrong with data, submissions and recipes, and what is dubious.

    Without PATH the data set is checked: files, labels, people, and hands that are unlike the
    others.
    """
    from handseg.cli.check_csv import check_all, find_csv, find_dataset
    from handseg.cli.check_data import check_folder, exclude
    from handseg.cli.check_fix import write_fix
    from handseg.cli.check_recipe import check_recipe, is_recipe

    check_words(fix, skip_bad, out, json_)
    options.check_out(out, force)
    size = None if image_size is None else options.pixels(image_size)
    texts = paths or [str(options.data_folder(data))]
    recipes = [text for text in texts if is_recipe(text)]
    folders = [Path(text) for text in texts if not paths or is_data_folder(text)]
    names = [text for text in texts if text not in recipes and Path(text) not in folders]
    check_subjects(len(names), len(texts), fix=fix, out=out)
    if (deep or write_excludes) and not folders:
        raise UsageError("--deep and --write-excludes are of data folders")
    csvs = [find_csv(text, options.runs_folder(runs)) for text in names]
    read = [check_recipe(text) for text in recipes]
    dataset = find_dataset(data) if csvs else None
    checks = check_all(csvs, dataset, size)
    if fix:
        for checked in checks:
            write_fix(checked, out, skip_bad, dataset, size)
        return
    sets = [check_folder(folder, deep) for folder in folders]
    print_checks(sets, checks, read, json_)
    left = [exclude(one, strict) for one in sets] if write_excludes else []
    raise_faults(sets, checks, read, strict, left)


def check_words(fix: bool, skip_bad: bool, out: Path | None, as_json: bool) -> None:
    """Raise UsageError for words that do not go together."""
    if skip_bad and not fix:
        raise UsageError("--skip-bad says what --fix may do", hints=["add --fix"])
    if out is not None and not fix:
        raise UsageError("--out is where a repaired copy goes", hints=["add --fix"])
    if fix and as_json:
        raise UsageError("--fix prints the path of the copy, --json what was found: one of them")


def check_subjects(csvs: int, subjects: int, *, fix: bool, out: Path | None) -> None:
    """Raise UsageError where something else than CSVs is to be mended."""
    if fix and (csvs < subjects or (out is not None and csvs > 1)):
        raise UsageError("--fix is of CSVs, and --out of one of them")


def is_data_folder(text: str) -> bool:
    """Whether a PATH is a folder that is no run."""
    from handseg.runs import fields

    return Path(text).is_dir() and not (Path(text) / fields.RUN).is_file()


def print_checks(
    sets: "Sequence[DataCheck]",
    checks: "Sequence[Checked]",
    recipes: "Sequence[tuple[str, RecipeError | None, tuple[str, ...]]]",
    as_json: bool,
) -> None:
    """What was found, as tables or as one JSON document."""
    from handseg.cli.check_csv import print_csv
    from handseg.cli.check_data import data_json, print_data
    from handseg.cli.check_recipe import print_recipe, recipe_json

    if as_json:
        from handseg.score.check.report import check_json

        found = {"csvs": check_json(checks), "recipes": [recipe_json(*one) for one in recipes]}
        console.print_json({"data": [data_json(one) for one in sets], **found})
        return
    for checked in checks:
        print_csv(checked)
    for one in recipes:
        print_recipe(*one)
    for one in sets:
        print_data(one)


def raise_faults(
    sets: "Sequence[DataCheck]",
    checks: "Sequence[Checked]",
    recipes: "Sequence[tuple[str, RecipeError | None, tuple[str, ...]]]",
    strict: bool,
    left_out: Sequence[frozenset[str]],
) -> None:
    """Raise InputError if data or a CSV is at fault, else UsageError if a recipe is.

    `left_out` holds for each data set the images that are excluded from now on.
    """
    from handseg.cli.check_csv import fault_of
    from handseg.cli.check_data import data_fault

    excluded = left_out or [frozenset[str]()] * len(sets)
    said = [data_fault(*pair, strict) for pair in zip(sets, excluded, strict=True)]
    said += [fault_of(checked, strict) for checked in checks]
    if any(said):
        commands = [one.command for checked in checks for one in checked.findings]
        fixes = dict.fromkeys(line for line in commands if line.endswith(" --fix"))
        raise InputError("; ".join(filter(None, said)), hints=list(fixes))
    faulty = [text for text, error, _ in recipes if error is not None]
    if faulty:
        raise UsageError(f"at fault: {', '.join(faulty)}")
