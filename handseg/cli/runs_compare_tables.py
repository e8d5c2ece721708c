"""The tables of `handseg runs compare`."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from handseg.cli.runs_show_tables import DIFFERENCE
from handseg.runs.paired import PairedRuns
from handseg.score.summary import Difference
from handseg.text import NONE, dice_text, difference_text


def means_table(pairs: Sequence[PairedRuns]) -> Table:
    """A row for each run: its mean, the difference to the first, and whether it is more than
    noise."""
    table = _table("run", figures=("Dice", "difference"), words=("95 % interval", ""))
    table.add_row(Text(pairs[0].a.name), Text(dice_text(pairs[0].means[0])), "", "", "")
    for pair in pairs:
        between = pair.overall
        table.add_row(
            Text(pair.b.name),
            Text(dice_text(pair.means[1])),
            signed(between),
            Text(interval_words(between)),
            Text(between.verdict),
        )
    return table


def classes_table(pairs: Sequence[PairedRuns]) -> Table:
    """A row for each class: the Dice of the first, and what each other has more or less."""
    table = _table("class", figures=(pairs[0].a.name, *(pair.b.name for pair in pairs)))
    names = dict.fromkeys(row.name for pair in pairs for row in pair.by_class)
    found = [{row.name: row for row in pair.by_class} for pair in pairs]
    for name in names:
        first = next(rows[name] for rows in found if name in rows)
        cells = [signed(rows[name].between) if name in rows else Text(NONE) for rows in found]
        table.add_row(Text(name), Text(dice_text(first.a)), *cells)
    return table


def images_table(pairs: Sequence[PairedRuns], most: int | None) -> Table:
    """A row for each image of each pair, what differs most first."""
    several = len(pairs) > 1
    table = _table(
        "image",
        figures=(pairs[0].a.name, "other" if several else pairs[0].b.name, "difference"),
        words=("most in", *(("run",) if several else ())),
    )
    rows = [(pair, row) for pair in pairs for row in pair.by_image]
    rows.sort(key=lambda found: -abs(found[1].difference))
    for pair, row in rows[:most]:
        where = "" if row.most is None else f"{row.most} {difference_text(row.most_difference, 3)}"
        table.add_row(
            Text(row.name),
            Text(dice_text(row.a)),
            Text(dice_text(row.b)),
            Text(difference_text(row.difference)),
            Text(where),
            *([Text(pair.b.name)] if several else []),
        )
    return table


def signed(between: Difference) -> Text:
    """A difference, with a sign and a colour where it is more than noise."""
    words = difference_text(between.mean)
    if not between.is_more_than_noise:
        return Text(f"  {words}")
    return Text(f"▲ {words}", "green") if between.mean > 0 else Text(f"▼ {words}", "red")


def interval_words(between: Difference) -> str:
    """`−.0021 to +.0102`; `–` where there are too few people."""
    found = between.interval
    if found is None:
        return NONE
    return f"{difference_text(found.low)} to {difference_text(found.high)}"


def _table(name: str, figures: Sequence[str], words: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text(name), no_wrap=True, overflow="ellipsis")
    for title in figures:
        column = {"justify": "right", "no_wrap": True, "overflow": "ellipsis"}
        table.add_column(Text(title), min_width=DIFFERENCE, **column)
    for title in words:
        table.add_column(Text(title), no_wrap=True, overflow="ellipsis")
    return table
