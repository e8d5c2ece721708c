"""The table of the bones of the highlighted run, in as many columns as fit."""

import math

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from handseg.text import MOVED
from tui import palette
from tui.bones import TREND, Bone, BoneColumn, BoneOrder, bones_of, rival
from tui.state import State
from tui.widgets.lines import Lines
from tui.widgets.runs_table import drawn
from tui.widgets.sheet import Sheet
from tui.wording import Cells, cell, change, dice, fitted, joined, rule, without_middle

MARK, DICE, SECOND, BARS, GAP = 1, 6, 7, TREND + 1, 1
LEAST_NAME, MOST_NAME = 10, 20
MOST_COLUMNS = 3
REST = MARK + DICE + SECOND + BARS + GAP
LEGENDS = ("* best  ! worst", f"▲▼ moved > {dice(MOVED, 3)}")


def column_count(width: int, classes: int) -> int:
    return max(1, min(MOST_COLUMNS, width // (REST + LEAST_NAME), classes or 1))


def name_width(item_width: int) -> int:
    return max(1, min(MOST_NAME, item_width - REST))


class BoneTitle(Lines):
    """Whose bones these are, at which epoch, held against which run; a legend where it fits."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        run, pinned = self._state.run, rival(self._state)
        if run is None:
            return [rule("bones", width, palette.FAINT)]
        parts = [f"bones of {run.name}" if width >= 60 else "bones"]
        if math.isfinite(run.validated_epoch):
            parts.append(f"epoch {run.validated_epoch:g}")
        if pinned is not None:
            parts.append(f"Δ to ★ {pinned.name}")
        line = rule(", ".join(parts), width, palette.FAINT)
        legend = "  ".join(LEGENDS if pinned is not None else LEGENDS[:1])
        used = line.plain.rstrip("─").rstrip()
        if len(used) + len(legend) + 6 > width:
            return [line]
        rest = width - len(legend) - 4
        return [joined(line[:rest], Text(f" {legend} ──", palette.FAINT))]


class BoneHeads(Lines):
    """The names of the columns; a click sorts by one."""

    def __init__(self, table: "BonesTable") -> None:
        super().__init__()
        self._table = table

    def columns(self, width: int) -> list[tuple[str, int, BoneColumn]]:
        """Head, width and order of each column, from the left."""
        second = "Δ ★" if self._table.is_against else "best"
        name = name_width(width // self._table.sheet.across)
        return [
            ("", MARK, "data"),
            ("bone", name, "bone"),
            ("now", DICE, "now"),
            (second, SECOND, "best"),
            ("trend", BARS, "trend"),
        ]

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        across, order = self._table.sheet.across, self._table.order
        parts: list[Text] = []
        for head, cells, name in self.columns(width):
            style = palette.TEXT if name == order.name else palette.FAINT
            if name == order.name and name != "data":
                head += order.arrow
            if name == "trend":
                head = " " + head
            right = name in ("now", "best")
            parts.append(cell(head, cells, style, "right" if right else "left"))
        blank = " " * max(0, width // across - sum(len(part) for part in parts))
        return [joined(*[joined(*parts, blank)] * across)]

    def on_click(self, event: events.Click) -> None:
        """Sort by the column that was clicked."""
        width = self.size.width
        at, end = event.x % max(1, width // self._table.sheet.across), 0
        for _, cells, name in self.columns(width):
            end += cells
            if at < end:
                self._table.sort(self._table.order.by(name))
                return


class BoneSheet(Sheet):
    """The classes with their Dice; the cursor is the chosen class."""

    def __init__(self) -> None:
        super().__init__(id="bones")
        self._bones: dict[str, Bone] = {}
        self._against = False
        self._made: tuple[int, dict[str, Cells]] = (0, {})
        """The cells of each class, and for which width of its name."""

    @property
    def across(self) -> int:
        return column_count(self.text_width, len(self._bones))

    def show(self, bones: list[Bone], *, against: bool, chosen: str | None) -> None:
        """Show these classes."""
        self._bones, self._against = {bone.label: bone for bone in bones}, against
        self._made = (0, {})
        self.show_keys(list(self._bones), chosen)

    def token(self, key: str) -> Cells:
        """The cells of a class."""
        name = name_width(self.item_width)
        if self._made[0] != name:
            self._made = (name, {})
        made = self._made[1]
        if key not in made:
            bone = self._bones.get(key)
            made[key] = () if bone is None else bone_cells(bone, name, against=self._against)
        return made[key]

    def segments(self, token: object, width: int) -> list[Segment]:
        return drawn(token)


def bone_cells(bone: Bone, name: int, *, against: bool) -> Cells:
    """The line of one class."""
    colour = {"!": palette.BAD, "*": palette.GOOD, "": ""}[bone.mark]
    second, style = dice(bone.best, 3), palette.DIM
    if against:
        second, style = difference(bone.against)
    return (
        (bone.mark or " ", colour),
        (fitted(without_middle(bone.label, name), name), colour),
        (fitted(dice(bone.now, 3), DICE, "right"), colour),
        (fitted(second, SECOND, "right"), style),
        (fitted(" " + bone.trend, BARS), palette.ACCENT),
    )


def difference(value: float) -> tuple[str, str]:
    """A difference to the pinned run and its colour; marked where it is more than a little."""
    text = change(value)
    if not math.isfinite(value) or abs(value) <= MOVED:
        return text, palette.DIM
    return ("▲", "▼")[value < 0] + text, palette.GOOD if value > 0 else palette.BAD


class BonesTable(Vertical):
    """Title, heads and classes; posts `Sheet.Moved` and `Sheet.Chosen` with a class."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self.order = BoneOrder()
        self.sheet = BoneSheet()
        self._title = BoneTitle(state)
        self._heads = BoneHeads(self)
        self._shown: object = None
        self._headed: object = None

    def compose(self) -> ComposeResult:
        """Title above heads above classes."""
        yield self._title
        yield self._heads
        yield self.sheet

    @property
    def is_against(self) -> bool:
        return rival(self._state) is not None

    @property
    def rows(self) -> int:
        """Lines needed below the title: heads and the classes in columns."""
        run = self._state.run
        classes = len(run.classes) if run else 0
        return 1 + -(-classes // column_count(self.sheet.text_width, classes))

    def take(self) -> None:
        """Show the classes as they are now."""
        state = self._state
        summaries = state.run, rival(state)
        # The summary of a live run is another object each second; its Dice are not.
        made_of = (
            *(
                (run.name, run.dice, run.best_by_class, run.classes) if run else None
                for run in summaries
            ),
            len(state.run_details.epochs) if state.run_details else -1,
            (self.order, palette.NAME),
        )
        if made_of != self._shown:
            self._shown = made_of
            bones = bones_of(state, self.order)
            self.sheet.show(bones, against=self.is_against, chosen=self._chosen())
            self._title.refresh()
            if (heads := (self.is_against, self.order, palette.NAME, self.rows)) != self._headed:
                self._headed = heads
                self._heads.refresh()
        else:
            self.sheet.show_keys(self.sheet.keys, self._chosen())

    def _chosen(self) -> str | None:
        run, chosen = self._state.run, self._state.chosen_class
        return chosen if run is not None and chosen in run.classes else None

    def sort(self, order: BoneOrder) -> None:
        self.order = order
        self.take()
