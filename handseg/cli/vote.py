"""`handseg vote`: several submissions become one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.cli.out_of_fold import join_predictions
from handseg.cli.vote_words import say_found, say_members, say_odd_widths, say_rules
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.ensemble.join import Ballot
    from handseg.ensemble.plan import Plan
    from handseg.ensemble.rule import Rules
    from handseg.ensemble.vote import Found
    from handseg.rle.submission import Submission

SMALL = 1 << 23
"""Bytes of CSV that one process has voted on before a second one has begun."""


@command(
    examples=[
        "handseg vote",
        "handseg vote segformer-1 unet-1 unet-2",
        "handseg vote a.csv b.csv c.csv --threshold 1",
        "handseg vote a.csv b.csv c.csv --min-votes 3 --out best.csv",
        "handseg vote --plan ensemble.toml",
        "handseg vote --out-of-fold unet-1 unet-2 unet-3 unet-4 unet-5",
    ]
)
def vote(
    preds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PRED",
            help="CSVs or RUN[:SPLIT] [default: the newest test predictions per recipe and fold].",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Keep a pixel where the votes exceed T; 45% is a share [default: half of them].",
            show_default=False,
        ),
    ] = None,
    min_votes: Annotated[
        int | None,
        typer.Option(metavar="K", help="Keep a pixel with K votes or more.", show_default=False),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file: members, weights and thresholds, for each class if need be.",
            show_default=False,
        ),
    ] = None,
    out_of_fold: Annotated[
        bool,
        typer.Option(
            "--out-of-fold",
            help="No vote: join the held-out predictions of all folds, each image once.",
        ),
    ] = False,
    allow_partial: Annotated[
        bool,
        typer.Option("--allow-partial", help="Whole images that a CSV lacks are empty masks."),
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that cannot be read.")
    ] = False,
    image_size: options.ImageSize = None,
    data: options.Data = None,
    runs: options.Runs = None,
    workers: options.Workers = None,
    out: options.Out = None,
    force: options.Force = False,
) -> None:
    """Vote on each pixel of several submissions; one comes out.

    They are joined by image and class. A row that is missing or empty is a vote against.
    """
    from handseg.ensemble.join import join
    from handseg.ensemble.vote import Found

    size = options.pixels(image_size)
    options.check_out(out, force)
    if out_of_fold:
        refuse_rules({"--threshold": threshold, "--min-votes": min_votes, "--plan": plan})
        join_predictions(preds or [], data, options.runs_folder(runs), out)
        return
    found = Found()
    planned = read_plan(plan)
    members, names = find_members(preds or [], planned, options.runs_folder(runs), skip_bad, found)
    dataset = data_set_of(members, data)
    ballot = join(members, dataset, size=size, allow_partial=allow_partial)
    rules = rules_of(ballot, names, planned, threshold, min_votes)
    say_members(ballot)
    say_odd_widths(ballot)
    say_rules(ballot, rules)
    path = write_vote(ballot, rules, names, found, out, skip_bad, workers)
    say_found(ballot, found)
    if path is not None:
        console.info(f"compare it with labels:  handseg score {path}")
        console.out(str(path))


def refuse_rules(given: "dict[str, object]") -> None:
    """Raise UsageError where a rule is given, though nobody votes."""
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"--out-of-fold joins without a vote: {option} says nothing there")


def read_plan(path: Path | None) -> "Plan | None":
    if path is None:
        return None
    from handseg.ensemble.plan import read_plan as read

    return read(path)


def find_members(
    preds: list[str], plan: "Plan | None", runs: Path, skip_bad: bool, found: "Found"
) -> "tuple[list[Submission], list[str]]":
    """The submissions that vote, and how they were named: those typed, those of the plan, else the
    newest per recipe and fold."""
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction

    faults = found.faults if skip_bad else None
    if preds:
        return [read_submission(find_prediction(text, runs), faults) for text in preds], preds
    if plan is not None and plan.general.members:
        names = list(plan.general.members)
        # What a plan names lies beside it, wherever it is used from.
        paths = [
            plan.path.parent / name if (plan.path.parent / name).is_file() else None
            for name in names
        ]
        found_paths = [
            path or find_prediction(name, runs) for name, path in zip(names, paths, strict=True)
        ]
        return [read_submission(path, faults) for path in found_paths], names
    from handseg.ensemble.members import newest_members

    choice = newest_members(runs)
    for other in choice.others:
        console.info(f"left out, other images or classes: {other.path}")
    # The run's name is what a plan would say.
    names = [str((member.sidecar or {}).get("run") or member.path) for member in choice.members]
    return list(choice.members), names


def data_set_of(members: "list[Submission]", data: Path | None) -> "Dataset | None":
    """The data set whose order and sizes hold, if it is there and has all images of the members.

    Raises:
        InputError: one was named that is none, or that lacks images.
    """
    folder = options.data_folder(data)
    named = data is not None or "HANDSEG_DATA" in os.environ
    if not named and (not folder.is_dir() or all(map(knows_the_data_set, members))):
        return None
    from handseg.data.dataset import open_dataset

    try:
        dataset = open_dataset(folder)
    except InputError:
        if named:
            raise
        return None
    known = {sample.image_name for sample in dataset.split("all")}
    strange = {image for member in members for image in member.images} - known
    if not strange:
        return dataset
    if named:
        shown = ", ".join(sorted(strange)[:5]) + (", …" if len(strange) > 5 else "")
        raise InputError(f"{len(strange)} images are not in the data set {folder}", details=shown)
    console.debug(f"{folder} has not all of these images: their order is that of the CSVs")
    return None


def knows_the_data_set(member: "Submission") -> bool:
    """Whether its sidecar tells images, sizes and classes, in the data set's order."""
    from handseg.formats.submission import sidecar_classes

    return bool(member.sizes) and bool(sidecar_classes(member))


def rules_of(
    ballot: "Ballot",
    names: list[str],
    plan: "Plan | None",
    threshold: str | None,
    min_votes: int | None,
) -> "Rules":
    from handseg.ensemble.rule import Rules, rule_of

    if plan is not None:
        return plan.rules(names, ballot.classes, threshold, min_votes)
    return Rules(rule_of([1] * len(names), threshold, min_votes))


def write_vote(
    ballot: "Ballot",
    rules: "Rules",
    names: list[str],
    found: "Found",
    out: Path | None,
    skip_bad: bool,
    workers: int | None,
) -> Path | None:
    """Write the vote where it goes; None where that is stdout."""
    import sys

    from handseg.ensemble.vote import vote_lines, vote_sidecar
    from handseg.rle.writing import write_lines, write_numbered_lines, write_submission_lines

    with console.progress("voting") as bar:
        lines = vote_lines(
            ballot,
            rules,
            found,
            workers=workers or fitting_workers(ballot),
            skip_bad=skip_bad,
            progress=bar,
        )
        if out == options.STREAM:
            write_lines(sys.stdout, lines)
            return None
        fields = vote_sidecar(ballot, rules, names)
        if out is not None:
            return write_submission_lines(out, lines, fields)
        return write_numbered_lines(options.VOTES, "vote", lines, fields)


def fitting_workers(ballot: "Ballot") -> int:
    """A process a core, and one where the work is done before others have begun."""
    table = ballot.table
    size = sum(
        int(member.lengths(rows).sum())
        for member, rows in zip(table.members, table.rows, strict=True)
    )
    return len(os.sched_getaffinity(0)) if size > SMALL else 1
