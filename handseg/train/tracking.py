"""Trackers beside a training: none of them can stop it or slow it down."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from queue import Full, Queue, SimpleQueue
from threading import Thread
from typing import Any, Self

from accelerate import PartialState

from handseg.errors import FailedError
from handseg.train.trackers import OPENERS, PACKAGES, About, Tracker, first_line

CALL_SECONDS = 60.0
"""How long a tracker may take for one call."""
START_SECONDS = 120.0
END_SECONDS = 30.0
"""How long the end of a run waits for all of them."""
MOST_WAITING = 1000
"""Entries, about one a second, that a tracker may be behind."""


class Lane:
    """A tracker in a thread of its own; what it is handed waits in a queue, not in the training.

    The thread is no one's to end: where a tracker hangs, it is left to itself.
    """

    def __init__(self, name: str, about: Callable[[Callable[[str], None]], About]) -> None:
        self.name = name
        self.waiting: Queue[tuple[int, Mapping[str, float]] | str] = Queue(MOST_WAITING)
        self.notes: SimpleQueue[str] = SimpleQueue()
        self.fault: str | None = None
        """Why it was dropped."""
        self.told = False
        self.until = time.monotonic() + START_SECONDS
        self.about = about(self.notes.put)
        self.thread = Thread(target=self.work, name=f"track-{name}", daemon=True)
        self.thread.start()

    def work(self) -> None:
        """Open the tracker and hand it the entries, until one is a word: the state at the end."""
        try:
            tracker = OPENERS[self.name](self.about)
            while self.fault is None:
                self.until = math.inf
                entry = self.waiting.get()
                self.until = time.monotonic() + CALL_SECONDS
                if self.passed(tracker, entry):
                    return
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is a tracker's own affair
            self.fault = f"{type(error).__name__}: {first_line(error)}"
        finally:
            self.until = math.inf

    def passed(self, tracker: Tracker, entry: tuple[int, Mapping[str, float]] | str) -> bool:
        """Hand over one entry; whether it was the last."""
        if isinstance(entry, str):
            tracker.finish(entry)
            return True
        tracker.log(*entry)
        return False

    def hand(self, entry: tuple[int, Mapping[str, float]] | str) -> None:
        """Put an entry into the queue, unless the tracker was dropped."""
        if self.fault is None and time.monotonic() > self.until:
            self.fault = "it does not answer"
        if self.fault is None:
            try:
                self.waiting.put_nowait(entry)
            except Full:
                self.fault = "it is too slow"

    def end(self, state: str, until: float) -> None:
        """Let it finish, but not longer than until a time of the monotonic clock."""
        self.hand(state)
        if self.fault is None:
            self.thread.join(max(0.0, until - time.monotonic()))
            if self.thread.is_alive():
                self.fault = "it did not end in time"

    def news(self) -> list[str]:
        """What is to be told since the last time."""
        news: list[str] = []
        while not self.notes.empty():
            news.append(self.notes.get())
        if self.fault is not None and not self.told:
            self.told = True
            news.append(f"{self.name} is dropped, the training goes on: {self.fault}")
        return news


class Trackers:
    """The trackers of a run; `warn` is told, once, of one that is dropped.

    It is only called from the calls below, never from another thread.
    """

    def __init__(self, lanes: Sequence[Lane], warn: Callable[[str], None]) -> None:
        self.lanes = lanes
        self.warn = warn

    @classmethod
    def start(
        cls,
        names: Sequence[str],
        run_name: str,
        folder: Path,
        config: Mapping[str, Any],
        warn: Callable[[str], None],
        *,
        run_id: str,
        step: int = 0,
    ) -> Self:
        """Open trackers for the run in a folder; one that goes on at a step goes on in them.

        `run_id` is the one in `run.json`.
        """
        if not names:
            return cls([], warn)
        # Trackers ask accelerate which process they are in; it must not be a thread that begins it.
        PartialState()

        def about(say: Callable[[str], None]) -> About:
            return About(run_name, run_id, folder, config, step, say)

        return cls([Lane(name, about) for name in names], warn)

    def steps(self, step: int, values: Mapping[str, float | None]) -> None:
        self.hand(step, {f"train/{name}": value for name, value in values.items()})

    def validation(
        self,
        step: int,
        epoch: int,
        mean: float,
        dice: Mapping[str, float | None],
        **more: float | None,
    ) -> None:
        """The Dice of a validation, by class; `more` are further means (`ema`, `raw`).

        None and NaN stand for none, and are no values.
        """
        values: dict[str, float | None] = {"epoch": epoch, "dice/mean": mean}
        values |= {f"dice/{name}": value for name, value in {**dice, **more}.items()}
        self.hand(
            step, {name: v for name, v in values.items() if v is not None and not math.isnan(v)}
        )

    def end(self, state: str) -> None:
        """The run ended: `finished`, `stopped` or `failed`."""
        until = time.monotonic() + END_SECONDS
        for lane in self.lanes:
            lane.end(state, until)
        self.tell()

    def hand(self, step: int, values: Mapping[str, float | None]) -> None:
        known = {name: float(value) for name, value in values.items() if value is not None}
        for lane in self.lanes:
            lane.hand((step, known))
        self.tell()

    def tell(self) -> None:
        for lane in self.lanes:
            for news in lane.news():
                self.warn(news)


def refuse_missing(names: Sequence[str]) -> None:
    """Say which trackers are asked for and not installed, before anything is made.

    Raises:
        FailedError: with the command that installs them.
    """
    missing = [name for name in names if not installed(name)]
    if missing:
        packages = sorted({PACKAGES[name] for name in missing})
        raise FailedError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            hints=[f"pip install {' '.join(repr(package) for package in packages)}"],
        )


def installed(name: str) -> bool:
    """Whether there is such a package; a mere folder of its name, as wandb leaves, is none."""
    found = find_spec(name)
    return found is not None and found.origin is not None
