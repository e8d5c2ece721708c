"""The tables of what changed between two submissions, and the same as CSV and JSON."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from handseg.rle.submission import Submission
from handseg.score.diff import Alone, Difference, GroupChange, MaskChange

if TYPE_CHECKING:
    from rich.table import Table

By = Literal["class", "image"]
OTHER: dict[By, By] = {"class": "image", "image": "class"}
"""What the worst mask of a class, or of an image, is named by."""


def groups_table(groups: Sequence[GroupChange], total: GroupChange, by: By) -> "Table":
    """A row for each class or image, in their order, and one for all."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column(by, overflow="fold")
    for title in ("changed", "pixels in A", "gained", "lost", "Dice"):
        table.add_column(title, justify="right")
    table.add_column(f"worst {OTHER[by]}", overflow="fold")
    table.add_column("its Dice", justify="right")
    for group in (*groups, total):
        if group is total:
            table.add_section()
        worst, dice = group.worst or ("", None)
        figures = (f"{group.changed} of {group.masks}", *_figures(group), f"{group.dice:.4f}")
        cells = [group.name, *figures, worst, "" if dice is None else f"{dice:.4f}"]
        # Names come from data: as Text they are never read as markup.
        table.add_row(*map(Text, cells), style="bold" if group is total else None)
    return table


def masks_table(masks: Sequence[MaskChange]) -> "Table":
    """A row for each mask."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for title in ("image", "class"):
        table.add_column(title, overflow="fold")
    for title in ("pixels in A", "gained", "lost", "Dice"):
        table.add_column(title, justify="right")
    for mask in masks:
        cells = [mask.image, mask.cls, *_figures(mask), f"{mask.dice:.4f}"]
        table.add_row(*map(Text, cells))
    return table


def groups_csv(groups: Sequence[GroupChange], by: By) -> str:
    """A line for each class or image; the worst mask is left empty where none changed."""
    header = [by, "masks", "changed", "pixels_a", "pixels_b", "gained", "lost", "dice"]
    header += [f"worst_{OTHER[by]}", "worst_dice"]
    return _csv(header, map(_group_line, groups))


def masks_csv(masks: Sequence[MaskChange]) -> str:
    """A line for each mask."""
    header = ["image", "class", "pixels_a", "pixels_b", "gained", "lost", "dice"]
    return _csv(header, ([mask.image, mask.cls, *mask.pixels, mask.dice] for mask in masks))


def difference_json(difference: Difference, masks: Sequence[MaskChange]) -> dict[str, Any]:
    """All of it; `masks` are those that are listed one by one."""
    total = difference.total()
    return {
        "a": {**_file(difference.a), "only_here": _alone(difference.only_in_a())},
        "b": {**_file(difference.b), "only_here": _alone(difference.only_in_b())},
        "masks": total.masks,
        "identical": difference.identical,
        **_pixels(total),
        "dice": total.dice,
        "classes": [_group(group, "class") for group in difference.by_class()],
        "images": [_group(group, "image") for group in difference.by_image()],
        "worst": [
            {"image": mask.image, "class": mask.cls, **_pixels(mask), "dice": mask.dice}
            for mask in masks
        ],
    }


def _figures(change: GroupChange | MaskChange) -> tuple[str, str, str]:
    pixels = change.pixels
    return str(pixels.in_a), f"+{pixels.gained}", f"−{pixels.lost}"


def _pixels(change: GroupChange | MaskChange) -> dict[str, int]:
    in_a, in_b, gained, lost = change.pixels
    return {"pixels_a": in_a, "pixels_b": in_b, "gained": gained, "lost": lost}


def _file(submission: Submission) -> dict[str, Any]:
    return {"path": str(submission.path), "sha256": submission.sha256, "rows": len(submission)}


def _alone(alone: Alone) -> dict[str, Any]:
    return {"rows": alone.rows, "images": list(alone.images), "classes": list(alone.classes)}


def _group(group: GroupChange, by: By) -> dict[str, Any]:
    counts = {"masks": group.masks, "changed": group.changed}
    worst = group.worst and {OTHER[by]: group.worst[0], "dice": group.worst[1]}
    return {by: group.name, **counts, **_pixels(group), "dice": group.dice, "worst": worst}


def _group_line(group: GroupChange) -> list[Any]:
    worst = group.worst or ("", "")
    return [group.name, group.masks, group.changed, *group.pixels, group.dice, *worst]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
