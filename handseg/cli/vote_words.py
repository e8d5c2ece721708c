"""What `handseg vote` says of its members, its rules and what it met."""

from collections import Counter
from typing import TYPE_CHECKING

from handseg.cli import console

if TYPE_CHECKING:
    from handseg.ensemble.join import Ballot
    from handseg.ensemble.rule import Rules
    from handseg.ensemble.vote import Found
    from handseg.rle.codec import Disorder
    from handseg.rle.submission import Submission

FAR_BELOW = 0.01
"""A member so much below the best is said: weak members cost more than they add."""
SHOWN = 5


def say_members(ballot: "Ballot") -> None:
    """Who votes, how good each was in validation, and what each lacks."""
    from handseg.ensemble.vote import validation_dice

    names = [str(member.path) for member in ballot.members]
    width = max(map(len, names))
    dices = [validation_dice(member) for member in ballot.members]
    best = max((dice for dice in dices if dice is not None), default=0.0)
    console.info(
        f"{len(names)} members, {len(ballot.images)} images, {len(ballot.classes)} classes"
    )
    for name, member, dice, missing in zip(
        names, ballot.members, dices, ballot.missing, strict=True
    ):
        words = [f"  {name:<{width}}", dice_words(dice, best), *row_words(member, missing)]
        console.info("  ".join(words))
    say_absent(ballot)
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
    return [*words, *member.notes]


def say_absent(ballot: "Ballot") -> None:
    """Members that lack whole images, where that was allowed."""
    for member, images in zip(ballot.members, ballot.absent, strict=True):
        if images:
            console.warn(f"{member.path} lacks {len(images)} images: its masks of them are empty")


def say_doubles(ballot: "Ballot") -> None:
    """A word on files that vote more than once; that is legal, it weighs them."""
    counts: dict[str, list[str]] = {}
    lengths = [member.text_bytes for member in ballot.members]
    for member in ballot.members:
        # Only those that may be the same are read once more for it.
        if lengths.count(member.text_bytes) > 1:
            counts.setdefault(member.sha256, []).append(str(member.path))
    for paths in counts.values():
        if len(paths) > 1:
            console.warn(f"the same content votes {len(paths)} times: {', '.join(paths)}")


def say_odd_widths(ballot: "Ballot") -> None:
    """Members whose masks seem to be of images of another size."""
    from handseg.ensemble.join import width_mismatches

    odd = width_mismatches(ballot)
    widths = {one.found for one in odd}
    if len(odd) == len(ballot.members) and len(widths) == 1:
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


def say_rules(ballot: "Ballot", rules: "Rules") -> None:
    """The rule of all classes, and of those that have their own."""
    from handseg.ensemble.rule import decimal

    own = f" ({len(rules.of_class)} classes have their own rules)" if rules.of_class else ""
    console.info(f"a pixel is kept where {rules.general}{own}")
    for cls, rule in {"": rules.general, **rules.of_class}.items():
        if len(set(rule.weights)) > 1 or cls:
            weights = " ".join(map(decimal, rule.weights))
            console.info(f"  {cls or 'weights'}: {weights}" + (f", {rule}" if cls else ""))
    if len(ballot.members) == 1:
        console.info("a vote of one is a copy of it")


def say_found(ballot: "Ballot", found: "Found") -> None:
    """What was brought to order, and what was left out."""
    for place, member in enumerate(ballot.members):
        if rows := found.rows_mended[place]:
            words = disorder_words(found.disorder[place])
            console.info(f"{member.path}: runs of {rows} rows brought to order: {words}")
    rows = Counter(str(fault.path) for fault in found.faults if fault.kind != "sidecar")
    for path, count in rows.items():
        console.warn(f"{path}: {count} rows left out, they cannot be read")
    for fault in found.faults[: None if console.verbosity.verbose else SHOWN]:
        console.warn(str(fault))
    if len(found.faults) > SHOWN and not console.verbosity.verbose:
        console.warn(f"and {len(found.faults) - SHOWN} more (-v shows all)")


def disorder_words(disorder: "Disorder") -> str:
    """The kinds that occurred, as in `3 touching, 1 unsorted`."""
    counts = disorder._asdict().items()
    return ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in counts if count)
