"""One run: its recipe against the pinned run's, log, events, checkpoints; stop and resume."""

import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.events import DescendantBlur, DescendantFocus
from textual.widget import Widget

from handseg.recipe.load import RecipeDifference
from handseg.runs.checkpoints import CheckpointFacts
from handseg.runs.control import runs_option
from handseg.text import NONE, dice_text, one_line, short_duration, size_text
from tui.keys import bindings
from tui.run_files import LogView, RecipeText, RunFiles
from tui.screens.run_control import RunControlScreen
from tui.state import State
from tui.theme import Theme, theme_of
from tui.widgets.events_table import FILTERS, EventsTable, Filter
from tui.widgets.input_line import SearchLine
from tui.widgets.lines import Lines, cell, count, cut, joined, rule
from tui.widgets.log_table import LogTable
from tui.widgets.run_panel import CompactPanel, RunFacts
from tui.widgets.table import Cell, DataTable, TableColumn
from tui.widgets.tabs import Tabs

PANES = ("recipe", "log", "checkpoints", "events")
MISSING = "not there"


class RunScreen(RunControlScreen):
    """Screen 5."""

    PLACE: ClassVar[str] = "run"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._head, self._compact = RunHead(state), CompactPanel(state)
        self._tabs = Tabs(PANES)
        self._log, self._search = LogTable(), SearchLine()
        self._events = EventsTable(state.now)
        self._recipe_table = DataTable[Text](id="recipe-list")
        self._checkpoints_table = CheckpointsTable(state.now)
        self._panes = {
            "recipe": Pane("recipe", self._recipe_table),
            "log": Pane("log", self._log, self._search),
            "checkpoints": Pane("checkpoints", self._checkpoints_table),
            "events": Pane("events", self._events),
        }
        self._pane = PANES[0]
        self._filter: Filter = "all"
        self._only_differences = False
        self._files: RunFiles | None = None
        self._recipe: RecipeText | None = None
        self._checkpoints: list[CheckpointFacts] | None = None
        self._log_view: LogView | None = None
        self.add_class(f"-{self._pane}")

    def body(self) -> Iterable[Widget]:
        """Head, then the panes: side by side, or one at a time."""
        yield self._head
        yield self._compact
        yield self._tabs
        yield Container(*self._panes.values(), id="body")

    @property
    def settled(self) -> bool:
        read = None not in (self._recipe, self._checkpoints, self._log_view)
        return self.state.run is None or (self.state.is_read and read)

    @property
    def command_line(self) -> str:
        """The run as a table, with its differences to the pinned one."""
        run, where = self.state.highlighted, runs_option(self.state.runs_folder)
        if run is None:
            return shlex.join(["handseg", "runs", *where])
        pinned = self.state.pinned
        against = ["--against", pinned] if pinned is not None and pinned != run else []
        return shlex.join(["handseg", "runs", "show", run, *against, *where])

    def on_mount(self) -> None:
        self._panes[self._pane].table.focus()

    def update(self) -> None:
        super().update()
        if not self.is_current:
            return
        self._follow_run()
        self._look()
        self._show()

    def tick(self) -> None:
        """Ages grow, and files that no event announces."""
        super().tick()
        if self.is_current:
            self._look()
            self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.update)

    # What threads read

    def _follow_run(self) -> None:
        """Begin anew where another run is highlighted."""
        run = self.state.run
        folder = run.folder if run is not None else None
        if folder == (self._files.folder if self._files is not None else None):
            return
        self._files = RunFiles(folder, self.post_message) if folder is not None else None
        self._recipe = self._checkpoints = self._log_view = None
        self._log.clear()

    def _look(self) -> None:
        """Have a thread read what changed, unless one is at it."""
        files = self._files
        busy = any(work.group == "files" and not work.is_finished for work in self.workers)
        if files is not None and not busy:
            pinned = self.state.pinned_run
            place: Path | None = pinned.folder if pinned is not None else None
            self.run_worker(partial(files.look, place), thread=True, group="files")

    def _is_of_this_run(self, name: str) -> bool:
        return self._files is not None and self._files.name == name

    @on(RunFiles.RecipeRead)
    def take_recipe(self, event: RunFiles.RecipeRead) -> None:
        """The recipe, or its differences, have changed."""
        if self._is_of_this_run(event.run):
            self._recipe = event.recipe
            self._show()

    @on(RunFiles.CheckpointsRead)
    def take_checkpoints(self, event: RunFiles.CheckpointsRead) -> None:
        """A checkpoint came, went or was named."""
        if self._is_of_this_run(event.run):
            self._checkpoints = event.checkpoints
            self._show()

    @on(RunFiles.LogRead)
    def take_log(self, event: RunFiles.LogRead) -> None:
        """Other lines of the log."""
        if not self._is_of_this_run(event.run):
            return
        if event.log.fault and not event.log.lines and self._log_view is not None:
            self.say(event.log.fault)
            return
        self._log_view = event.log
        self._log.show_log(event.log)
        self._show()

    # Showing

    def _show(self) -> None:
        self._head.update()
        if self._compact.display:
            self._compact.update()
        self._show_recipe()
        self._show_log()
        self._show_events()
        self._show_checkpoints()

    def _show_recipe(self) -> None:
        recipe = self._recipe or RecipeText()
        title = "recipe"
        if recipe.against is not None:
            found = "cannot be compared" if recipe.fault else f"{len(recipe.differences)} differ"
            title += f" against ★ {recipe.against}: {found}"
        theme, table = theme_of(self), self._recipe_table
        pinned = theme.series[self.state.series_of(recipe.against)] if recipe.against else theme.dim
        rows = RecipeRows(recipe, theme, pinned).rows(only_differences=self._only_differences)
        self._panes["recipe"].set_title(title)
        # What differs is walked through from its first row; a recipe is read.
        first = next(iter(rows), None) if self._only_differences else None
        table.show(rows, table.cursor if table.cursor in rows else first)

    def _show_checkpoints(self) -> None:
        found = self._checkpoints or []
        title = f"checkpoints  {len(found)}" if found else "checkpoints"
        self._panes["checkpoints"].set_title(title)
        self._checkpoints_table.show_checkpoints(found)

    def _show_log(self) -> None:
        log = self._log_view or LogView()
        parts = ["log"]
        if self._log.searched:
            parts.append(f"/{self._log.searched}   n N next")
        elif log.lines and self._log.follows and self.state.run and self.state.run.is_live:
            parts.append("follows the end")
        elif not log.lines:
            parts.append(log.fault or "empty")
        self._panes["log"].set_title("  ".join(parts))

    def _show_events(self) -> None:
        details = self.state.run_details
        self._events.show_events(details.events if details is not None else (), self._filter)
        word = "" if self._filter == "all" else f" ({self._filter})"
        fault = f"  {self.state.fault}" if self.state.fault else ""
        self._panes["events"].set_title(f"events  {count(self._events.count)}{word}{fault}")

    # Panes

    def on_descendant_focus(self) -> None:
        """Remember which pane has the keys."""
        for name, pane in self._panes.items():
            if pane.has_focus_within and name != self._pane:
                self._bring(name)

    @on(Tabs.TabClicked)
    def show_clicked(self, event: Tabs.TabClicked) -> None:
        self._go_to(event.name)

    def _bring(self, name: str) -> None:
        self.remove_class(f"-{self._pane}")
        self._pane = name
        self.add_class(f"-{name}")
        self._tabs.show(name)

    def _go_to(self, name: str) -> None:
        self._bring(name)
        self._panes[name].table.focus()
        self.call_after_refresh(self.update)

    def action_next_pane(self) -> None:
        self._go_to(self._tabs.next())

    def action_other_run(self, by: int) -> None:
        """To the next run of the list, or the one before."""
        names = [run.name for run in self.state.shown]
        if self.state.highlighted in names:
            place = names.index(self.state.highlighted) + by
            if 0 <= place < len(names):
                self.post_message(self.RunHighlighted(names[place]))

    def action_differences(self) -> None:
        """Only what differs from the pinned run's recipe, or all of it."""
        if self.state.pinned_run is None or self.state.pinned == self.state.highlighted:
            self.say("pin another run first: p on the screen Runs")
            return
        self._only_differences = not self._only_differences
        self._go_to("recipe")

    def action_next_filter(self) -> None:
        self._filter = FILTERS[(FILTERS.index(self._filter) + 1) % len(FILTERS)]
        self._go_to("events")

    # The log

    def action_search(self) -> None:
        self._bring("log")
        self._search.open()

    @on(SearchLine.Done)
    def begin_search(self, event: SearchLine.Done) -> None:
        """Mark the text and go to where it stands last."""
        self._log.mark(event.text)
        self._log.focus()
        if event.text:
            self._find(None, back=True)
        self._show_log()

    def action_next_match(self, by: int) -> None:
        """To the match before (1), as a search begins at the end, or after (-1)."""
        if self._log.searched:
            self._find(self._log.here if by > 0 else self._log.beyond, back=by > 0)
        else:
            self.say("/ searches the log")

    def _find(self, start: int | None, *, back: bool) -> None:
        if self._files is not None:
            job = partial(self._files.find, self._log.searched, start, back=back)
            self.run_worker(job, thread=True, group="log")

    @on(LogTable.LinesWanted)
    def read_more(self, event: LogTable.LinesWanted) -> None:
        """The person goes beyond the lines that were read."""
        files = self._files
        if files is None:
            return
        jobs = {
            "earlier": partial(files.earlier, event.cursor),
            "later": partial(files.later, event.cursor),
            "begin": files.to_begin,
            "end": files.to_end,
        }
        self.run_worker(jobs[event.where], thread=True, group="log")

    def step_out(self) -> bool:
        """No search any more; then out."""
        if self._log.searched:
            self._log.mark("")
            self._show_log()
            return True
        return False


class RunHead(Lines):
    """Name, state and process; epoch, Dice and worst bone; what it is compared with."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._drawn: list[Text] = []

    def update(self) -> None:
        if self.size.width and self._drawn != self.lines(*self.size):
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        state, run, theme = self._state, self._state.run, self.theme
        if run is None:
            return [Text(" no run is chosen: choose one on the screen Runs", theme.dim)]
        facts = RunFacts(state, run, theme)
        name = Text(f" {one_line(run.name)}  ", f"bold {theme.text}")
        lines = [joined(name, facts.process)]
        if run.state != "broken":
            more = (facts.progress, facts.scores, joined("worst ", facts.worst))
            lines.append(as_many_as_fit(more, width))
        self._drawn = [cut(line, width) for line in lines]
        return self._drawn


def as_many_as_fit(facts: Sequence[Text], width: int) -> Text:
    """Facts side by side; the first is always there, of the others none is cut."""
    line = joined(" ", facts[0])
    for fact in facts[1:]:
        if line.cell_len + 3 + fact.cell_len > width:
            break
        line = joined(line, "   ", fact)
    return line


class PaneTitle(Lines):
    """A thin line with a title in it, bright where the keys go."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._focused = False

    def show(self, title: str, focused: bool) -> None:
        """Show another title, if it is another."""
        if (title, focused) != (self._title, self._focused):
            self._title, self._focused = title, focused
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        return [rule(self._title, width, self.theme.accent if self._focused else self.theme.faint)]


class Pane(Vertical):
    """A table below its title."""

    def __init__(self, name: str, table: DataTable[Any], *more: Widget) -> None:
        super().__init__(id=name)
        self.table = table
        self._more = more
        self._line = PaneTitle()
        self._text = name

    def compose(self) -> ComposeResult:
        """Title, header, table, and what belongs to it."""
        yield self._line
        if any(column.title for column in self.table.columns):
            yield self.table.header
        yield self.table
        yield from self._more

    def set_title(self, text: str) -> None:
        self._text = text
        self._line.show(text, self.has_focus_within)

    @on(DescendantFocus)
    @on(DescendantBlur)
    def show_focus(self) -> None:
        self.call_after_refresh(lambda: self._line.show(self._text, self.has_focus_within))


class RecipeRows(NamedTuple):
    """The recipe as rows of a table, with what differs from the pinned run's."""

    recipe: RecipeText
    theme: Theme
    pinned: str
    """The colour of the pinned run."""

    def rows(self, *, only_differences: bool) -> dict[str, Text]:
        """A row for each line, or for each difference."""
        recipe = self.recipe
        if recipe.fault and not recipe.lines:
            return self._fault
        if only_differences and recipe.against is not None and not recipe.fault:
            return self._differences
        return self._fault | self._lines

    @property
    def _fault(self) -> dict[str, Text]:
        fault = one_line(self.recipe.fault)
        return {"fault": Text(f" {fault}", self.theme.warn)} if fault else {}

    @property
    def _differences(self) -> dict[str, Text]:
        """What differs, both values side by side."""
        found, theme = self.recipe.differences, self.theme
        if not found:
            return {"same": Text(" no value differs", theme.dim)}
        width = max(len(one.key) for one in found)
        own = min(24, max(len(one.a or MISSING) for one in found))
        return {
            one.key: joined(
                Text(" ≠ ", theme.warn),
                cell(one.key, width + 2, theme.dim),
                cell(one.a or MISSING, own + 2),
                self._other_value(one),
            )
            for one in found
        }

    @property
    def _lines(self) -> dict[str, Text]:
        """The text, its differing lines marked; below, what only the pinned recipe has."""
        recipe = self.recipe
        by_key = {one.key: one for one in recipe.differences}
        rows: dict[str, Text] = {}
        stated: set[str] = set()
        for number, (line, keys) in enumerate(zip(recipe.lines, recipe.keys, strict=True)):
            marked = [by_key[key] for key in keys if key in by_key]
            stated |= {one.key for one in marked}
            rows[f"line {number}"] = self._line(line, marked)
        for one in recipe.differences:
            if one.key not in stated:
                rows[one.key] = self._line(f"{one.key} = {one.a or MISSING}", [one])
        return rows

    def _line(self, line: str, differences: list[RecipeDifference]) -> Text:
        """One line of TOML."""
        text, theme = one_line(line), self.theme
        if differences:
            others = [Text("  ")]
            for one in differences:
                others += [self._other_value(one), Text(" ")]
            return joined(Text(" ≠ ", theme.warn), Text(text, f"bold {theme.text}"), *others)
        if text.startswith("#"):
            return joined("   ", Text(text, theme.faint))
        if text.startswith("["):
            return joined("   ", Text(text, theme.accent))
        key, sign, value = text.partition("=")
        return joined("   ", Text(key, theme.dim), Text(sign + value, theme.text))

    def _other_value(self, one: RecipeDifference) -> Text:
        return Text(f"★ {one_line(one.b or MISSING)}", self.pinned)


@dataclass(frozen=True)
class CheckpointRow:
    """A checkpoint, and its age in words."""

    facts: CheckpointFacts
    age: str


def marks_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    marks = (("last", row.facts.is_last), ("best", row.facts.is_best))
    words = " ".join(word for word, holds in marks if holds)
    return joined(" ", cell(words, width - 1, theme.good))


def step_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    return count(row.facts.step), ""


def epoch_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    facts = row.facts
    if facts.fault:
        # What cannot be loaded has no figures worth a look.
        return Text(f"  ! {one_line(facts.fault)}", theme.bad)
    return f"{facts.epoch:.4g}" if math.isfinite(facts.epoch) else NONE, theme.dim


def dice_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    return "" if row.facts.fault else dice_text(row.facts.mean), ""


def figure(
    title: str, width: int, text: Callable[[CheckpointRow], str]
) -> TableColumn[CheckpointRow]:
    """A column of a figure of checkpoints that can be loaded."""

    def make(row: CheckpointRow, width: int, theme: Theme) -> Cell:
        return "" if row.facts.fault else text(row), theme.dim

    return TableColumn(width, make, title, "right")


CHECKPOINT_COLUMNS = (
    TableColumn(11, marks_cell),
    TableColumn(9, step_cell, "step", "right"),
    TableColumn(7, epoch_cell, "epoch", "right"),
    TableColumn(6, dice_cell, "Dice", "right"),
    figure("by", 5, lambda row: {True: "EMA", False: "raw", None: NONE}[row.facts.uses_ema]),
    figure("size", 9, lambda row: size_text(row.facts.bytes) if row.facts.bytes else NONE),
    figure("age", 5, lambda row: row.age),
)


class CheckpointsTable(DataTable[CheckpointRow]):
    """The checkpoints, the oldest first."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(placeholder=" no checkpoint yet", id="checkpoints-list")
        self._now = now
        self.header.display = False

    @property
    def columns(self) -> Sequence[TableColumn[CheckpointRow]]:
        return CHECKPOINT_COLUMNS

    def show_checkpoints(self, found: Sequence[CheckpointFacts]) -> None:
        now = self._now()
        rows = {
            one.name: CheckpointRow(one, short_duration(now - one.time) if one.time else NONE)
            for one in found
        }
        self.header.display = bool(rows)
        self.show(rows, self.cursor if self.cursor in rows else None)
