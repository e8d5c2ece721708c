"""`handseg vote`: several submissions become one."""

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import (
    STREAM,
    Data,
    Force,
    ImageSize,
    Out,
    Runs,
    Workers,
    check_out,
    command,
    data_folder,
    is_data_named,
    pixels,
    runs_folder,
    say_if_unused,
)
from handseg.errors import UsageError
from handseg.text import counted, shown

if TYPE_CHECKING:
    from handseg.ensemble.out_of_fold import JoinedFolds
    from handseg.ensemble.vote import VoteResult

FAR_BELOW = 0.01
"""A member whose Dice is so much below the best is said: weak ones cost more than they add."""
SHOWN = 5
"""Rows left out that are said one by one."""


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
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Keep a pixel where the votes exceed T; 45% is a share [default: half of them].",
        ),
    ] = None,
    min_votes: Annotated[
        int | None, typer.Option(metavar="K", help="Keep a pixel with K votes or more.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file: members, weights and thresholds, for each class if need be.",
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
        bool, typer.Option("--allow-partial", help="Whole images that a CSV lacks are empty masks.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that cannot be read.")
    ] = False,
    image_size: ImageSize = None,
    data: Data = None,
    runs: Runs = None,
    workers: Workers = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Vote on each pixel of several submissions; one comes out.

    They are joined by image and class. A row that is missing or empty is a vote against.
    """
    from handseg.ensemble.vote import vote_predictions

    size = pixels(image_size)
    check_out(out, force)
    if out_of_fold:
        refuse_rules(
            {
                "--threshold": threshold,
                "--min-votes": min_votes,
                "--plan": plan,
                "--allow-partial": allow_partial or None,
                "--skip-bad": skip_bad or None,
                "--image-size": image_size,
                "--workers": workers,
            }
        )
        report_joined(join_folds(preds or [], data, runs, out), data)
        return
    with console.progress("voting") as bar:
        result = vote_predictions(
            preds or [],
            runs=runs_folder(runs),
            data=data_folder(data),
            data_required=is_data_named(data),
            plan=plan,
            threshold=threshold,
            min_votes=min_votes,
            size=size,
            allow_partial=allow_partial,
            skip_bad=skip_bad,
            workers=workers,
            out=console.data_stream() if out == STREAM else out,
            progress=bar,
        )
    say_if_unused(image_size, result.votes.table.sizes, result.votes.images)
    report(result, data)


def refuse_rules(given: "dict[str, object]") -> None:
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"--out-of-fold joins without a vote: {option} says nothing there")


def join_folds(
    preds: list[str], data: Path | None, runs: Path | None, out: Path | None = None
) -> "JoinedFolds":
    """The held-out predictions of all folds as one CSV; places as they were typed."""
    from handseg.ensemble.out_of_fold import join_predictions

    if preds and out == STREAM:
        raise UsageError("--out-of-fold writes a file with its sidecar: name one")
    return join_predictions(preds, runs_folder(runs), data_folder(data), out)


def report_joined(joined: "JoinedFolds", data: Path | None) -> None:
    console.info(
        f"{joined.folds} folds joined: {joined.images} images, each by the model that never saw "
        "its person"
    )
    console.info(f"every bone:  {score_line(joined.path, data)}")
    console.out(str(joined.path))


def report(result: "VoteResult", data: Path | None) -> None:
    """Who voted, by which rules, what was amiss with their rows, and where the vote lies."""
    for other in result.members.left_out:
        console.info(f"left out, other images or classes: {other.path}")
    order = result.dataset.root if result.dataset else "the CSVs"
    console.debug(f"the order of images and classes is that of {order}")
    report_members(result)
    for paths in result.same_content:
        console.warn(f"the same content votes {len(paths)} times: {', '.join(paths)}")
    report_widths(result)
    report_rules(result)
    report_rows(result)
    if result.path is not None:
        console.info(f"compare it with labels:  {score_line(result.path, data)}")
        console.out(str(result.path))


def score_line(path: Path, data: Path | None) -> str:
    from handseg.runs.control import data_option

    return shlex.join(["handseg", "score", str(path), *data_option(data_folder(data))])


def report_members(result: "VoteResult") -> None:
    """Each member with its validation Dice and what it lacks; then what may be wrong with them."""
    from handseg.ensemble.vote import validation_dice

    votes = result.votes
    names = [str(member.path) for member in votes.members]
    width = max(map(len, names))
    dices = [validation_dice(member) for member in votes.members]
    best = max((dice for dice in dices if dice is not None), default=0.0)
    console.info(
        f"{counted(len(names), 'member')}, {counted(len(votes.images), 'image')}, "
        f"{counted(len(votes.classes), 'class', 'classes')}"
    )
    for name, member, dice, missing in zip(names, votes.members, dices, votes.missing, strict=True):
        words = [f"  {name:<{width}}", dice_words(dice, best)]
        if missing or member.empty_rows:
            words.append(
                f"{counted(missing, 'row')} missing, {member.empty_rows} empty: votes against"
            )
        if member.repeated_rows:
            words.append(f"{counted(member.repeated_rows, 'row')} repeated")
        console.info("  ".join((*words, *member.notes)))
    for member, images in zip(votes.members, votes.absent, strict=True):
        if images:
            console.warn(
                f"{member.path} lacks {counted(len(images), 'image')}: its masks of them are empty"
            )
    if votes.unreadable:
        console.warn(
            f"{counted(len(votes.unreadable), 'image')} that could not be read when they were "
            f"predicted: not in the vote: {shown(votes.unreadable, 3)}"
        )


def dice_words(dice: float | None, best: float) -> str:
    if dice is None:
        return "validation Dice unknown"
    # The margin of a rounding, so that .95 beside .96 is said too.
    below = f", {best - dice:.3f} below the best" if best - dice > FAR_BELOW - 1e-9 else ""
    return f"validation Dice {dice:.4f}{below}"


def report_widths(result: "VoteResult") -> None:
    """Members whose masks seem to be of images of another size."""
    odd = result.width_mismatches
    widths = {one.found for one in odd}
    if len(odd) == len(result.votes.members) and len(widths) == 1:
        width = widths.pop()
        console.warn(
            f"all masks look like images of {width} pixels a row, not {odd[0].expected}; if they "
            f"are, say so: --image-size {width}x{width}"
        )
        return
    for one in odd:
        console.warn(
            f"{one.member.path}: its masks look like images of {one.found} pixels a row, not "
            f"{one.expected}: as they stand, they do not fit the others"
        )


def report_rules(result: "VoteResult") -> None:
    from handseg.ensemble.rules import decimal

    rules = result.rules
    own = f" ({len(rules.of_class)} classes have their own rules)" if rules.of_class else ""
    console.info(f"a pixel is kept where {rules.general}{own}")
    for cls, rule in {"": rules.general, **rules.of_class}.items():
        if len(set(rule.weights)) > 1 or cls:
            weights = " ".join(map(decimal, rule.weights))
            console.info(f"  {cls or 'weights'}: {weights}" + (f", {rule}" if cls else ""))
    if len(result.votes.members) == 1:
        console.info("a vote of one is a copy of it")


def report_rows(result: "VoteResult") -> None:
    """Rows whose runs were brought to order, and rows that were left out."""
    read = result.read
    repaired, stats = read.repaired_rows(), read.stats()
    for place, member in enumerate(result.votes.members):
        if place in repaired:
            kinds = stats[place]._asdict().items()
            words = ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in kinds if count)
            rows = counted(repaired[place], "row")
            console.info(f"{member.path}: runs of {rows} brought to order: {words}")
    left_out = Counter(str(fault.path) for fault in read.faults if fault.kind != "sidecar")
    for path, count in left_out.items():
        console.warn(f"{path}: {counted(count, 'row')} left out: no mask can be read")
    shown = read.faults if console.verbosity.verbose else read.faults[:SHOWN]
    for fault in shown:
        console.warn(str(fault))
    if len(shown) < len(read.faults):
        console.warn(f"and {len(read.faults) - len(shown)} more (-v shows all)")
