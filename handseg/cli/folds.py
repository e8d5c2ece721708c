"""`handseg folds`: who is held out when, and how even that is."""

from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command

if TYPE_CHECKING:
    from rich.table import Table

    from handseg.data.balance import Balance
    from handseg.data.dataset import Dataset
    from handseg.data.folds import FoldFile
    from handseg.data.people import TrainingPeople

SHOWN = 3
"""Labels at fault that are named."""


@command(
    examples=[
        "handseg folds",
        "handseg folds --data phantoms --k 10 --seed 7",
        "handseg folds --force --k 4",
        "handseg folds --json",
    ]
)
def folds(
    data: options.Data = None,
    k: Annotated[
        int | None,
        typer.Option("--k", metavar="N", min=2, help="How many [default: 5].", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="What shuffles [default: 0].", show_default=False),
    ] = None,
    force: options.Force = False,
    json_: options.Json = False,
) -> None:
    """Show who is held out in which fold and how even the folds are; make them if there are none.

    Images of one person stay together. People with bent wrists, left and right hands and, where
    the data set tells, sex and age are spread evenly. Training obeys what is written.
    """
    from handseg.data.balance import balance, balance_of
    from handseg.data.dataset import open_dataset
    from handseg.data.folds import DEFAULT_K, refuse_too_few
    from handseg.data.people import training_people

    dataset = open_dataset(options.data_folder(data))
    console.info(dataset.recognised)
    there = None if force else folds_there(dataset, k, seed)
    if there is None:
        refuse_too_few(len({sample.person for sample in dataset.train}), k or DEFAULT_K)
    with console.progress("measuring hands") as bar:
        found = training_people(dataset, bar)
    say_faults(found)
    file = there or new_folds(dataset, found, k, seed)
    rows = balance(file.folds, found.people)
    if json_:
        print_json(file, rows)
        return
    say_file(file)
    whole = balance_of(list(found.people.values()))
    console.print_table(table_of(rows, whole))
    if whole.bent_share is None:
        console.info("poses are not known: no label shows the forearm and the third metacarpal")


def folds_there(dataset: "Dataset", k: int | None, seed: int | None) -> "FoldFile | None":
    """The folds that are there; raises UsageError where others are asked for."""
    from handseg.data.folds import found_folds
    from handseg.errors import UsageError

    there = found_folds(dataset)
    if there is None:
        return None
    pairs = (("k", k, there.folds.k), ("seed", seed, there.folds.seed))
    other = [f"{name} {has}" for name, wanted, has in pairs if wanted not in (None, has)]
    if other:
        raise UsageError(
            f"{there.path} exists and has {' and '.join(other)}",
            hints=["--force replaces it; runs on the old folds and on the new do not compare"],
        )
    return there


def new_folds(
    dataset: "Dataset", found: "TrainingPeople", k: int | None, seed: int | None
) -> "FoldFile":
    """Write folds, over old ones where there are any; that is said."""
    from handseg.data.folds import DEFAULT_K, fold_paths, write_folds

    replaced = any(path.exists() for path in fold_paths(dataset))
    made = write_folds(dataset, found.people, k=k or DEFAULT_K, seed=seed or 0)
    if replaced:
        console.warn("old folds are replaced: runs on them and runs on the new do not compare")
    if k is not None and made.folds.k < k:
        console.info(f"{made.folds.k} folds, not {k}: there are no more people")
    return made


def say_faults(found: "TrainingPeople") -> None:
    """Labels that cannot be read: what they show is not known, and training would refuse them."""
    for note in found.notes:
        console.warn(note)
    if not found.faults:
        return
    console.warn(f"{len(found.faults)} labels cannot be read; their hands count as unknown")
    for fault in list(found.faults.values())[:SHOWN]:
        console.warn(fault.message)
    console.info("handseg check DIR   finds what is wrong with labels")


def say_file(file: "FoldFile") -> None:
    """Where the folds stand and how they were made."""
    what = "wrote" if file.written else "read"
    folds = file.folds
    console.info(f"{what} {file.path}: {folds.k} folds, seed {folds.seed}, {folds.method}")


def print_json(file: "FoldFile", rows: "list[Balance]") -> None:
    from dataclasses import asdict

    console.print_json(
        {
            "path": str(file.path),
            "written": file.written,
            **asdict(file.folds),
            "balance": [row.as_json() for row in rows],
        }
    )


def table_of(rows: "list[Balance]", whole: "Balance") -> "Table":
    """A row for each fold and one for all people."""
    from rich.table import Table
    from rich.text import Text

    sexes = list(whole.sex)
    has_sides, has_age = bool(whole.left or whole.right), whole.age is not None
    table = Table(box=None, pad_edge=False)
    table.add_column("fold")
    titles = ["people", "images", "bent people", "bent"]
    titles += ["left", "right"] if has_sides else []
    for title in [*titles, *sexes, *(["mean age"] if has_age else [])]:
        table.add_column(Text(title), justify="right")
    for name, row in [*((str(fold), row) for fold, row in enumerate(rows)), ("all", whole)]:
        cells = [str(row.people), str(row.images)]
        cells += ["–", "–"] if row.bent_share is None else [str(row.bent), f"{row.bent_share:.1%}"]
        cells += [str(row.left), str(row.right)] if has_sides else []
        cells += [str(row.sex.get(sex, 0)) for sex in sexes]
        if has_age:
            cells.append("–" if row.age is None else f"{row.age:.1f}")
        table.add_row(Text(name), *map(Text, cells))
    return table
