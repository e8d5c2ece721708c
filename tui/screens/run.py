"""One run: its recipe against the pinned run's, log, events, checkpoints; stop and resume."""

import shlex
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from handseg.runs.checkpoints import CheckpointFacts
from handseg.runs.control import runs_option
from tui import palette
from tui.keys import Place, bindings
from tui.messages import RunHighlighted
from tui.run_files import CheckpointsRead, LogRead, LogView, RecipeRead, RecipeText, RunFiles
from tui.screens.run_control import RunControl
from tui.state import State
from tui.widgets.run.checkpoints import checkpoint_rows
from tui.widgets.run.events import FILTERS, EventsSheet, Filter
from tui.widgets.run.head import PaneTabs, RunHead
from tui.widgets.run.log import LogSheet, SearchLine
from tui.widgets.run.pane import Pane
from tui.widgets.run.recipe import recipe_rows
from tui.widgets.run_panel import Compact
from tui.widgets.sheet import Rows
from tui.wording import count

PANES = ("recipe", "log", "checkpoints", "events")


class RunScreen(RunControl):
    """Screen 5."""

    PLACE: ClassVar[Place] = "run"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._head, self._compact = RunHead(state), Compact(state)
        self._tabs = PaneTabs(PANES)
        self._log, self._search = LogSheet(), SearchLine()
        self._events = EventsSheet(state.now)
        self._panes = {
            "recipe": Pane("recipe", Rows(id="recipe-list")),
            "log": Pane("log", self._log, self._search),
            "checkpoints": Pane("checkpoints", Rows(id="checkpoints-list")),
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
        self._panes[self._pane].sheet.focus()

    def take(self) -> None:
        """Show the run as it is now."""
        super().take()
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
        self.call_after_refresh(self.take)

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

    @on(RecipeRead)
    def take_recipe(self, event: RecipeRead) -> None:
        """The recipe, or its differences, have changed."""
        if self._is_of_this_run(event.run):
            self._recipe = event.recipe
            self._show()

    @on(CheckpointsRead)
    def take_checkpoints(self, event: CheckpointsRead) -> None:
        """A checkpoint came, went or was named."""
        if self._is_of_this_run(event.run):
            self._checkpoints = event.checkpoints
            self._show()

    @on(LogRead)
    def take_log(self, event: LogRead) -> None:
        """Other lines of the log."""
        if not self._is_of_this_run(event.run):
            return
        if event.log.fault and not event.log.lines and self._log_view is not None:
            self.say(event.log.fault)
            return
        self._log_view = event.log
        self._log.show(event.log)
        self._show()

    # Showing

    def _show(self) -> None:
        self._head.take()
        if self._compact.display:
            self._compact.refresh()
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
        colour = self.state.colour_of(recipe.against) if recipe.against else palette.DIM
        rows = recipe_rows(recipe, self._only_differences, colour)
        self._fill("recipe", rows, title)

    def _show_checkpoints(self) -> None:
        found = self._checkpoints or []
        title = f"checkpoints  {len(found)}" if found else "checkpoints"
        self._fill("checkpoints", checkpoint_rows(found, self.state.now()), title)

    def _fill(self, name: str, rows: list[tuple[str, Text]], title: str) -> None:
        pane = self._panes[name]
        pane.entitle(title)
        if isinstance(pane.sheet, Rows):
            known = {key for key, _ in rows}
            cursor = pane.sheet.cursor
            pane.sheet.show(rows, cursor if cursor in known else None)

    def _show_log(self) -> None:
        log = self._log_view or LogView()
        parts = ["log"]
        if self._log.searched:
            parts.append(f"/{self._log.searched}   n N next")
        elif log.lines and self._log.follows and self.state.run and self.state.run.is_live:
            parts.append("follows the end")
        elif not log.lines:
            parts.append(log.fault or "empty")
        self._panes["log"].entitle("  ".join(parts))

    def _show_events(self) -> None:
        details = self.state.run_details
        self._events.show(details.events if details is not None else (), self._filter)
        word = "" if self._filter == "all" else f" ({self._filter})"
        fault = f"  {self.state.fault}" if self.state.fault else ""
        self._panes["events"].entitle(f"events  {count(self._events.count)}{word}{fault}")

    # Panes

    def on_descendant_focus(self) -> None:
        """Remember which pane has the keys."""
        for name, pane in self._panes.items():
            if pane.has_focus_within and name != self._pane:
                self._bring(name)

    @on(events.Click)
    def bring_clicked(self, event: events.Click) -> None:
        """The name of a pane was clicked."""
        pane = self._tabs.pane_at(event.x) if event.widget is self._tabs else None
        if pane is not None:
            self._go_to(pane)

    def _bring(self, name: str) -> None:
        self.remove_class(f"-{self._pane}")
        self._pane = name
        self.add_class(f"-{name}")
        self._tabs.show(name)

    def _go_to(self, name: str) -> None:
        self._bring(name)
        self._panes[name].sheet.focus()
        self.call_after_refresh(self.take)

    def action_next_pane(self) -> None:
        self._go_to(PANES[(PANES.index(self._pane) + 1) % len(PANES)])

    def action_other_run(self, by: int) -> None:
        """To the next run of the list, or the one before."""
        names = [run.name for run in self.state.shown]
        if self.state.highlighted in names:
            place = names.index(self.state.highlighted) + by
            if 0 <= place < len(names):
                self.post_message(RunHighlighted(names[place]))

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

    @on(SearchLine.Asked)
    def begin_search(self, event: SearchLine.Asked) -> None:
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

    @on(LogSheet.Wanted)
    def read_more(self, event: LogSheet.Wanted) -> None:
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
