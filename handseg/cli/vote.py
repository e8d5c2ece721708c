"""`handseg vote`: several submissions become one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command

if TYPE_CHECKING:
    from handseg.ensemble.rule import Rule
    from handseg.ensemble.vote import Ballot
    from handseg.rle.submission import Submission

FAR_BELOW = 0.01
"""A member so much below the best is said: weak members cost more than they add."""


@command(
    examples=[
        "handseg vote",
        "handseg vote segformer-1 unet-1 unet-2",
        "handseg vote a.csv b.csv c.csv --threshold 1",
        "handseg vote a.csv b.csv c.csv --min-votes 3 --out best.csv",
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
    runs: options.Runs = None,
    out: options.Out = None,
    force: options.Force = False,
) -> None:
    """Vote on each pixel of several submissions; one comes out.

    They are joined by image and class.
    """
    from handseg.ensemble.rule import rule_of
    from handseg.ensemble.vote import join

    options.check_out(out, force)
    members = find_members(preds or [], options.runs_folder(runs))
    ballot = join(members)
    rule = rule_of(ballot.total, threshold, min_votes)
    say_members(ballot)
    say_rule(ballot, rule)
    path = write_vote(ballot, rule, out)
    if path is not None:
        console.say(f"compare it with labels:  handseg score {path}")
        console.out(str(path))


def find_members(preds: Sequence[str], runs: Path) -> "list[Submission]":
    """The submissions that vote: those named, else the newest per recipe and fold."""
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction

    if preds:
        return [read_submission(find_prediction(text, runs)) for text in preds]
    from handseg.ensemble.members import newest_members

    choice = newest_members(runs)
    for other in choice.others:
        console.say(f"left out, other images or classes: {other.path}")
    return list(choice.members)


def say_members(ballot: "Ballot") -> None:
    """Who votes, how good each was in validation, and what each lacks."""
    from handseg.ensemble.vote import validation_dice

    names = [str(member.path) for member in ballot.members]
    width = max(map(len, names))
    dices = [validation_dice(member) for member in ballot.members]
    best = max((dice for dice in dices if dice is not None), default=0.0)
    console.say(f"{len(names)} members, {len(ballot.images)} images, {len(ballot.classes)} classes")
    for name, member, dice, missing in zip(
        names, ballot.members, dices, ballot.missing, strict=True
    ):
        words = [f"  {name:<{width}}", dice_words(dice, best), *row_words(member, missing)]
        console.say("  ".join(words))
    say_doubles(ballot)


def dice_words(dice: float | None, best: float) -> str:
    if dice is None:
        return "validation Dice unknown"
    # The margin of a rounding, so that .95 beside .96 is said too.
    below = f", {best - dice:.3f} below the best" if best - dice > FAR_BELOW - 1e-9 else ""
    return f"validation Dice {dice:.4f}{below}"


def row_words(member: "Submission", missing: int) -> list[str]:
    words: list[str] = []
    if missing or member.empty_rows:
        words.append(f"{missing} rows missing, {member.empty_rows} empty: votes against")
    if member.repeated_rows:
        words.append(f"{member.repeated_rows} rows repeated")
    return words


def say_doubles(ballot: "Ballot") -> None:
    """A word on files that vote more than once; that is legal, it weighs them."""
    counts: dict[str, list[str]] = {}
    for member in ballot.members:
        counts.setdefault(member.sha256, []).append(str(member.path))
    for paths in counts.values():
        if len(paths) > 1:
            console.warn(f"the same content votes {len(paths)} times: {', '.join(paths)}")


def say_rule(ballot: "Ballot", rule: "Rule") -> None:
    console.say(f"a pixel is kept where {rule}")
    if len(ballot.members) == 1:
        console.say("a vote of one is a copy of it")


def write_vote(ballot: "Ballot", rule: "Rule", out: Path | None) -> Path | None:
    """Write the vote where it goes; None where that is stdout."""
    import sys

    from handseg.ensemble.vote import vote_rows, vote_sidecar
    from handseg.rle.submission import write_numbered, write_rows, write_submission

    with console.progress("voting") as bar:
        rows = vote_rows(ballot, rule, bar)
        if out == options.STREAM:
            write_rows(sys.stdout, rows)
            return None
        fields = vote_sidecar(ballot, rule)
        if out is not None:
            return write_submission(out, rows, fields)
        return write_numbered(options.VOTES, "vote", rows, fields)
