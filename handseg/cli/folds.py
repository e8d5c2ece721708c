"""`handseg folds`: who is held out when, and how even that is."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.command import Data, Force, Json, command, data_folder
from handseg.cli.tables import Column, Table, plain_text
from handseg.errors import UsageError
from handseg.text import NONE, counted

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.data.folds import FoldFile
    from handseg.data.people import Balance, TrainingPeople

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
    data: Data = None,
    k: Annotated[
        int | None, typer.Option("--k", metavar="N", min=2, help="How many [default: 5].")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="What shuffles [default: 0].")
    ] = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Show who is held out in which fold and how even the folds are; make them if there are none.

    Images of one person stay together. People with bent wrists, left and right hands and, where
    the data set tells, sex and age are spread evenly. Training obeys what is written.
    """
    from handseg.data.dataset import open_dataset
    from handseg.data.folds import DEFAULT_K, balance, refuse_too_few
    from handseg.data.people import balance_of, training_people

    dataset = open_dataset(data_folder(data))
    console.info(dataset.recognised)
    existing = None if force else existing_folds(dataset, k, seed)
    if existing is None:
        refuse_too_few(len({sample.person for sample in dataset.train}), k or DEFAULT_K)
    with console.progress("measuring hands") as bar:
        found = training_people(dataset, bar)
    report_faults(found, dataset.root)
    file = existing or new_folds(dataset, found, k, seed)
    rows = balance(file.folds, found.people)
    if json_:
        balances = [asdict(row) for row in rows]
        place = {"path": str(file.path), "written": file.written}
        console.print_json({**place, **asdict(file.folds), "balance": balances})
        return
    verb, made = "wrote" if file.written else "read", file.folds
    console.info(f"{verb} {file.path}: {counted(made.k, 'fold')}, seed {made.seed}, {made.method}")
    every = balance_of(list(found.people.values()))
    console.print_table(balance_table(rows, every).to_rich())
    if every.bent_share is None:
        console.info("poses are not known: no label shows the forearm and the third metacarpal")


def existing_folds(dataset: "Dataset", k: int | None, seed: int | None) -> "FoldFile | None":
    """The folds that are there; raises UsageError where others are asked for."""
    from handseg.data.folds import found_folds

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


def report_faults(found: "TrainingPeople", root: Path) -> None:
    """Labels that cannot be read: what they show is not known, and training would refuse them."""
    for note in found.notes:
        console.warn(note)
    if not found.faults:
        return
    console.warn(f"{len(found.faults)} labels cannot be read; their hands count as unknown")
    for fault in list(found.faults.values())[:SHOWN]:
        console.warn(fault.message)
    console.info(f"handseg check {shlex.quote(str(root))}   finds what is wrong with labels")


def balance_table(rows: "Sequence[Balance]", every: "Balance") -> Table:
    """A row for each fold and one for all people; what is known of no person has no column."""

    def column(name: str, text: Callable[[Any], str] = plain_text) -> Column:
        return Column(name, text, right=True)

    values: list[tuple[Column, Callable[[Balance], Any]]] = [
        (column("people"), lambda row: row.people),
        (column("images"), lambda row: row.images),
        (column("bent people"), lambda row: None if row.bent_share is None else row.bent),
        (column("bent", share_text), lambda row: row.bent_share),
    ]
    if every.left or every.right:
        values += [(column("left"), lambda row: row.left), (column("right"), lambda row: row.right)]
    values += [(column(sex), lambda row, sex=sex: row.sex.get(sex, 0)) for sex in every.sex]
    if every.age is not None:
        values.append((column("mean age", age_text), lambda row: row.age))
    named = [*((str(fold), row) for fold, row in enumerate(rows)), ("all", every)]
    return Table(
        [Column("fold"), *(column for column, _ in values)],
        [[name, *(value(row) for _, value in values)] for name, row in named],
    )


def share_text(share: float | None) -> str:
    return NONE if share is None else f"{share:.1%}"


def age_text(years: float | None) -> str:
    return NONE if years is None else f"{years:.1f}"
