"""What the dashboard knows and what the person has chosen; screens are drawn from it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from handseg.data.dataset import Dataset
from handseg.errors import UsageError
from handseg.runs.history import RunDetails
from handseg.runs.query import Filter
from handseg.runs.summary import RunSummary
from tui.notifications import Notification, merged, notifications_between
from tui.order import NEWEST_FIRST, Order
from tui.theme import DARK

SERIES = len(DARK.series)
"""Colours of runs; every theme has so many."""


View = Literal["prediction", "label", "errors"]
"""What is painted over an image."""


@dataclass
class State:
    """Runs by name, bones by class: rows move, names stay."""

    runs_folder: Path
    data_folder: Path | None
    dataset: Dataset | None = None
    clock: Callable[[], float] = time.time
    """Seconds since 1970; tests stop it."""
    first_image: str | None = None
    first_view: View | None = None
    first_epoch: float | None = None
    """What the viewer begins with; None for the first image, the prediction, the newest epoch."""
    read_only: bool = False
    """Whether nothing may be stopped or resumed from here."""
    demo: bool = False
    """Whether the runs are those of the demo, in a folder that is not there for long."""
    looks_alike: str = ""
    """What cannot be told apart in the colours that the terminal has."""
    runs: list[RunSummary] = field(default_factory=list[RunSummary])
    """All runs, the newest start first."""
    shown: list[RunSummary] = field(default_factory=list[RunSummary])
    """Those that the filter lets through, in the order that the person wants."""
    listed: bool = False
    """Whether the folder of runs has been read at all."""
    details: dict[str, RunDetails] = field(default_factory=dict[str, RunDetails])
    """Of the runs that are highlighted, selected or pinned, once they are read."""
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Why one of these cannot be read whole."""
    highlighted: str | None = None
    """Name of the run under the cursor."""
    selected: tuple[str, ...] = ()
    """Names of the runs whose curves are drawn together, in the order of their selection."""
    pinned: str | None = None
    """Name of the run that the others are compared with."""
    chosen_class: str | None = None
    """The bone that is chosen, on every screen."""
    order: Order[RunSummary] = NEWEST_FIRST
    filter_text: str = ""
    filter_fault: str = ""
    """What is wrong with the filter; nothing is filtered as long as there is something."""
    notifications: list[Notification] = field(default_factory=list[Notification])
    _filter: Filter | None = None
    _by_name: dict[str, RunSummary] = field(default_factory=dict[str, RunSummary])
    _series: dict[str, int] = field(default_factory=dict[str, int])

    def now(self) -> float:
        return self.clock()

    def summary(self, name: str | None) -> RunSummary | None:
        return self._by_name.get(name) if name is not None else None

    @property
    def run(self) -> RunSummary | None:
        return self.summary(self.highlighted)

    @property
    def run_details(self) -> RunDetails | None:
        return self.details.get(self.highlighted) if self.highlighted is not None else None

    @property
    def pinned_run(self) -> RunSummary | None:
        return self.summary(self.pinned)

    @property
    def baseline(self) -> RunSummary | None:
        return self.pinned_run if self.pinned != self.highlighted else None

    @property
    def fault(self) -> str:
        return self.faults.get(self.highlighted or "", "")

    @property
    def wanted(self) -> tuple[str, ...]:
        names = (self.highlighted, *self.selected, self.pinned)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def is_read(self) -> bool:
        """Whether all wanted runs were read, or said why not."""
        return all(
            name in self.details or name in self.faults or run is None or run.state == "broken"
            for name, run in ((name, self.summary(name)) for name in self.wanted)
        )

    # What the watcher found

    def take_runs(self, runs: list[RunSummary]) -> None:
        """Take in a new list; a run that vanished is forgotten, the cursor goes to another."""
        if self.listed:
            found = notifications_between(self._by_name, runs, self.now())
            self.notifications = merged(self.notifications, found)
        self.runs, self.listed = runs, True
        self._by_name = {run.name: run for run in runs}
        self.selected = tuple(name for name in self.selected if name in self._by_name)
        if self.pinned not in self._by_name:
            self.pinned = None
        self.arrange()

    def take_details(self, name: str, details: RunDetails) -> None:
        """A wanted run was read whole."""
        if name in self.wanted:
            self.details[name] = details
            self.faults.pop(name, None)

    def take_fault(self, name: str, fault: str) -> None:
        """A wanted run could not be read."""
        if name in self.wanted:
            self.details.pop(name, None)
            self.faults[name] = fault

    # What the person chooses

    def highlight(self, name: str) -> None:
        """Put the cursor on a run."""
        if name in self._by_name:
            self.highlighted = name
            self._forget()

    def toggle_selected(self, name: str) -> None:
        """Select a run, or no longer."""
        if name in self.selected:
            self.selected = tuple(other for other in self.selected if other != name)
        elif name in self._by_name:
            self._keep_colour(name)
            self.selected = (*self.selected, name)
        self._forget()

    def toggle_pinned(self, name: str) -> None:
        """Compare the others with a run, or no longer."""
        if self.pinned == name:
            self.pinned = None
        elif name in self._by_name:
            self._keep_colour(name)
            self.pinned = name
        self._forget()

    def filter_by(self, text: str) -> None:
        """Show the runs that hold the words of a filter; all while something is wrong with it."""
        self.filter_text, self.filter_fault, self._filter = text, "", None
        if text.strip():
            try:
                self._filter = Filter.parse(text)
            except UsageError as error:
                self.filter_fault = error.message
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort; the cursor stays with its run while that is shown."""
        now, chosen = self.now(), self._filter
        found = self.runs if chosen is None else [r for r in self.runs if chosen.matches(r, now)]
        before = [run.name for run in self.shown]
        self.shown = self.order.sorted(found)
        names = [run.name for run in self.shown]
        if self.highlighted not in names:
            # A run that vanished gives way to the one that took its place.
            is_gone = self.highlighted in before and self.highlighted not in self._by_name
            at = before.index(self.highlighted or "") if is_gone else 0
            self.highlighted = names[min(at, len(names) - 1)] if names else None
        self._forget()

    def _forget(self) -> None:
        """Let go of what was read of runs that are no longer wanted: memory."""
        wanted = set(self.wanted)
        for known in (self.details, self.faults):
            for name in known.keys() - wanted:
                del known[name]

    # Colours

    def series_of(self, name: str) -> int:
        """Which of the colours of runs one has on every screen; kept from its first selection."""
        others = {self._series[other] for other in self._coloured() if other != name}
        own = self._series.get(name)
        if own is not None and (own not in others or name in self._coloured()):
            return own
        free = (place for place in range(SERIES) if place not in others)
        return next(free, len(self._series) % SERIES)

    def _keep_colour(self, name: str) -> None:
        self._series[name] = self.series_of(name)

    def _coloured(self) -> Iterable[str]:
        return (*self.selected, self.pinned) if self.pinned is not None else self.selected
