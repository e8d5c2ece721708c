"""`handseg runs compare`: whether one run is better than another, and where."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from handseg.cli import console
from handseg.cli.command import Csv, Json, Runs, command, runs_folder
from handseg.cli.runs.show import DIFFERENCE, marked
from handseg.cli.tables import Column, Table, json_value
from handseg.errors import UsageError
from handseg.text import NONE, counted, dice_text, difference_text, people_text

if TYPE_CHECKING:
    from rich.text import Text

    from handseg.runs.comparison import RunComparison, ScoredRun
    from handseg.score.means import Difference

EXAMPLES = (
    "handseg runs compare unet-1 segformer-2",
    "handseg runs compare unet-1 unet-2 unet-3 --worst 20",
    "handseg runs compare unet-1 unet-2 --by image --csv",
)
LISTED = 10
"""Images that are listed where no number is given."""

By = Literal["class", "image"]
BETWEEN = ("difference", "low", "high", "verdict")
"""What programs read of a difference."""


@command(examples=EXAMPLES)
def compare(
    context: typer.Context,
    which: Annotated[
        list[str],
        typer.Argument(metavar="A B...", help="The runs; the others are compared with the first."),
    ],
    by: Annotated[By, typer.Option(help="A row for each of these.")] = "class",
    worst: Annotated[
        int, typer.Option(metavar="N", min=0, help="List the N images that differ most.")
    ] = LISTED,
    runs: Runs = None,
    json_: Json = False,
    csv_: Csv = False,
) -> None:
    """Compare runs with the first: Dice of each class and image, and whether it is more than noise.

    Of each run the best validation counts. Differences are paired: the same images in both, people
    drawn anew 2,000 times with all of their images. ▲ and ▼ stand where the 95 % interval leaves
    out 0.
    """
    from handseg.runs.comparison import compare_runs, read_scored_run
    from handseg.runs.query import find_run

    place = runs_folder(runs or context.obj)
    folders = list(dict.fromkeys(find_run(text, place) for text in which))
    if len(folders) < 2:
        raise UsageError("a comparison needs two runs", hints=["handseg runs", EXAMPLES[0]])
    first, *others = [read_scored_run(folder) for folder in folders]
    pairs = [compare_runs(first, other) for other in others]
    report_notes(pairs)
    if json_:
        console.print_json(pairs_json(pairs))
    elif csv_:
        console.print_csv(pairs_csv(pairs, by))
    else:
        print_tables(pairs, by, worst)


def report_notes(pairs: "Sequence[RunComparison]") -> None:
    for one in (pairs[0].a, *(pair.b for pair in pairs)):
        which = "best" if one.is_best else "last"
        console.info(f"{one.name}: its {which} validation, step {one.scores.step}, fold {one.fold}")
    for pair in pairs:
        common = f"{counted(len(pair.images), 'image')} of {people_text(len(pair.people))}"
        console.info(f"{pair.b.name} against {pair.a.name}: {common}")
        most = max(len(pair.a.scores.images), len(pair.b.scores.images))
        if alone := most - len(pair.images):
            console.warn(f"left out: {counted(alone, 'image')} that one of the two alone has")
        if pair.not_bones:
            console.info(f"means leave out {', '.join(sorted(pair.not_bones))}: no bones")
        if not pair.knows_people:
            console.info("whose images these are is not known: each counts as a person")


def print_tables(pairs: "Sequence[RunComparison]", by: By, worst: int) -> None:
    console.print_table(means_table(pairs).to_rich())
    console.out("")
    if by == "class":
        console.print_table(classes_table(pairs).to_rich())
        report_chance(pairs)
        if not worst:
            return
        console.out("")
    console.print_table(images_table(pairs, worst if by == "class" else None).to_rich())


def report_chance(pairs: "Sequence[RunComparison]") -> None:
    """Many intervals: some leave out 0 though nothing differs."""
    from handseg.score.means import LEVEL

    figures = sum(len(pair.classes) for pair in pairs if pair.overall.interval is not None)
    if figures:
        by_chance = figures * (100 - LEVEL) / 100
        console.info(
            f"▲ ▼: the interval leaves out 0; by chance about {by_chance:.0f} of {figures}"
        )


def means_table(pairs: "Sequence[RunComparison]") -> Table:
    """A row for each run: its mean, the difference to the first, and whether it is more than
    noise."""
    columns = [
        Column("run"),
        Column("Dice", dice_text, right=True, min_width=DIFFERENCE),
        Column("difference", signed, right=True, min_width=DIFFERENCE),
        Column("95 % interval"),
        Column(""),
    ]
    name, first = pairs[0].a.name, pairs[0].means[0]
    rows: list[list[Any]] = [[name, first, None, "", ""]]
    for pair in pairs:
        between = pair.overall
        interval, words = interval_text(between), str(between.verdict)
        if dice_text(pair.means[0]) != dice_text(first):
            words += f"; {name} has {dice_text(pair.means[0])} on the images of both"
        rows.append([pair.b.name, pair.means[1], between, interval, words])
    return Table(columns, rows)


def classes_table(pairs: "Sequence[RunComparison]") -> Table:
    """A row for each class: the Dice of the first, and what each other has more or less."""
    columns = [
        Column("class"),
        Column(pairs[0].a.name, dice_text, right=True, min_width=DIFFERENCE),
        *(Column(pair.b.name, signed, right=True, min_width=DIFFERENCE) for pair in pairs),
    ]
    found = [{row.name: row for row in pair.by_class} for pair in pairs]
    rows: list[list[Any]] = []
    for name in dict.fromkeys(row.name for pair in pairs for row in pair.by_class):
        first = next(of_pair[name] for of_pair in found if name in of_pair)
        others = [of_pair[name].between if name in of_pair else NONE for of_pair in found]
        rows.append([name, first.a, *others])
    return Table(columns, rows)


def images_table(pairs: "Sequence[RunComparison]", most: int | None) -> Table:
    """A row for each image of each pair, what differs most first."""
    several = len(pairs) > 1
    dice = {"text": dice_text, "right": True, "min_width": DIFFERENCE}
    columns = [
        Column("image"),
        Column(pairs[0].a.name, **dice),
        Column("other" if several else pairs[0].b.name, **dice),
        Column("difference", difference_text, right=True, min_width=DIFFERENCE),
        Column("most in"),
        Column("run", readers="people" if several else "programs"),
    ]
    found = [(pair, row) for pair in pairs for row in pair.by_image]
    found.sort(key=lambda one: -abs(one[1].difference))
    rows: list[list[Any]] = []
    for pair, row in found[:most]:
        where = "" if row.most is None else f"{row.most} {difference_text(row.most_difference, 3)}"
        rows.append([row.name, row.a, row.b, row.difference, where, pair.b.name])
    return Table(columns, rows)


def signed(between: "Difference | str | None") -> "Text":
    """A difference, marked where it is more than noise."""
    from rich.text import Text

    if between is None or isinstance(between, str):
        return Text(between or "")
    return marked(between.mean, bool(between.is_more_than_noise))


def interval_text(between: "Difference") -> str:
    """`−.0021 to +.0102`; `–` where there are too few people."""
    ends = between.interval
    if ends is None:
        return NONE
    return f"{difference_text(ends.low)} to {difference_text(ends.high)}"


def pairs_csv(pairs: "Sequence[RunComparison]", by: By) -> str:
    if by == "class":
        names = ("a", "b", "class", "dice_a", "dice_b", *BETWEEN)
        rows = [
            [pair.a.name, pair.b.name, row.name, row.a, row.b, *_between(row.between).values()]
            for pair in pairs
            for row in pair.by_class
        ]
    else:
        names = ("a", "b", "image_name", "person", "dice_a", "dice_b", "difference", "most_in")
        figures = attrgetter("name", "person", "a", "b", "difference", "most")
        rows = [
            [pair.a.name, pair.b.name, *figures(row)] for pair in pairs for row in pair.by_image
        ]
    return Table([Column(name) for name in names], rows).to_csv()


def pairs_json(pairs: "Sequence[RunComparison]") -> dict[str, Any]:
    """Each other run against the first; intervals are null where there are too few people."""
    from handseg.score.means import LEVEL, RESAMPLES

    return {
        "a": _run(pairs[0].a),
        "bootstrap": {"of": "people", "resamples": RESAMPLES, "level": LEVEL / 100},
        "others": [_pair(pair) for pair in pairs],
    }


def _run(run: "ScoredRun") -> dict[str, Any]:
    return {
        "name": run.name,
        "fold": run.fold,
        "step": run.scores.step,
        "is_best": run.is_best,
    }


def _pair(pair: "RunComparison") -> dict[str, Any]:
    mean_a, mean_b = pair.means
    return {
        "b": _run(pair.b),
        "images": len(pair.images),
        "people": len(pair.people),
        "knows_people": pair.knows_people,
        "not_bones": sorted(pair.not_bones),
        "dice_a": json_value(mean_a),
        "dice_b": json_value(mean_b),
        **_between(pair.overall),
        "classes": [
            {
                "name": row.name,
                "dice_a": json_value(row.a),
                "dice_b": json_value(row.b),
                **_between(row.between),
            }
            for row in pair.by_class
        ],
        "by_image": [
            {
                "image_name": row.name,
                "person": row.person,
                "dice_a": json_value(row.a),
                "dice_b": json_value(row.b),
                "difference": json_value(row.difference),
                "most_in": row.most,
                "most_difference": json_value(row.most_difference),
            }
            for row in pair.by_image
        ],
    }


def _between(found: "Difference") -> dict[str, Any]:
    ends = found.interval
    low, high = (None, None) if ends is None else (ends.low, ends.high)
    values = (json_value(found.mean), low, high, found.verdict)
    return dict(zip(BETWEEN, values, strict=True))
