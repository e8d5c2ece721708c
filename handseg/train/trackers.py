"""Trackers beside a training: none of them can stop it or slow it down.

They are accelerate's, opened so that they keep to the run's folder and never ask anything.
Numbers and names are sent, never pictures, code, or what the terminal shows.
"""

import math
import netrc
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import Full, Queue, SimpleQueue
from threading import Thread
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from accelerate import PartialState
from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

from handseg.errors import FailedError

PROJECT = "handseg"
PACKAGES = {"tensorboard": "handseg[track]", "wandb": "handseg[track]", "trackio": "trackio"}
"""What to install for a tracker."""
INIT_SECONDS = 40.0
"""How long wandb may look for its server before it goes on without."""
FINISH_SECONDS = 25.0
CALL_SECONDS = 60.0
"""How long a tracker may take for one call."""
START_SECONDS = 120.0
END_SECONDS = 30.0
"""How long the end of a run waits for all of them."""
MOST_WAITING = 1000
"""Entries, about one a second, that a tracker may be behind."""


@dataclass(frozen=True)
class About:
    """What a tracker is told of a run; `step` is where it goes on, 0 for a new one."""

    run_name: str
    run_id: str
    folder: Path
    config: Mapping[str, Any]
    step: int
    say: Callable[[str], None]


class Tracker(Protocol):
    """Takes numbers by name."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def finish(self, state: str) -> None:
        """The run ended: `finished`, `stopped` or `failed`."""
        ...


class TensorBoard:
    """Event files in the run's folder; a run that goes on hides what it had after that step."""

    def __init__(self, about: About) -> None:
        self.tracker = TensorBoardTracker(
            "tensorboard", about.folder, purge_step=about.step or None
        )
        self.tracker.start()
        lines = [f"    {name} = {value!r}" for name, value in sorted(flat(about.config).items())]
        self.tracker.log({"recipe": "\n".join(lines)}, step=about.step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log(dict(values), step=step)

    def finish(self, state: str) -> None:
        self.tracker.finish()


class WandB:
    """A run of Weights & Biases with the id of ours; without a key or its server, on disk only."""

    def __init__(self, about: About) -> None:
        # Its reports of its own errors go to a third party.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        found = wandb.setup(wandb.Settings(silent=True)).settings
        key = key_for(found.base_url)
        if found.mode == "online" and key is None:
            about.say(f"wandb has no key and writes to disk; send it with {sync_of(about)}")
            self.open(about, mode="offline")
            return
        try:
            self.open(about, **({"api_key": key} if key else {}))
        except wandb.Error as error:
            if found.mode != "online":
                raise
            about.say(f"{first_line(error)}; wandb writes to disk, send it with {sync_of(about)}")
            # Its service still takes the run's id for one that is being opened.
            wandb.teardown()
            self.open(about, mode="offline")

    def open(self, about: About, **settings: Any) -> None:
        import wandb

        self.tracker = WandBTracker(
            PROJECT,
            id=about.run_id,
            name=about.run_name,
            dir=str(about.folder),
            resume="allow",
            # Recipes that follow each other in one process are runs of their own.
            reinit="create_new",
            config=dict(about.config),
            settings=wandb.Settings(
                silent=True,
                console="off",
                save_code=False,
                disable_code=True,
                disable_git=True,
                x_disable_meta=True,
                x_save_requirements=False,
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,
                **settings,
            ),
        )
        self.tracker.start()
        # wandb refuses a step that is not beyond the last, but a run may go back to a checkpoint.
        self.tracker.run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log({**values, "step": step})

    def finish(self, state: str) -> None:
        self.tracker.run.summary["state"] = state
        self.tracker.run.finish(exit_code=0 if state == "finished" else 1)


class Trackio:
    """A run in trackio's local database, which is one for all runs (TRACKIO_DIR)."""

    def __init__(self, about: About) -> None:
        import trackio  # pyright: ignore[reportMissingImports] # noqa: F401 - it brings its modules

        # What it says goes to stdout, where only the run's path belongs.
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "trackio":
                vars(module)["print"] = unsaid
        self.tracker = TrackioTracker(
            PROJECT, name=about.run_name, config=dict(about.config), resume="allow", embed=False
        )
        self.tracker.start()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log(dict(values), step=step)

    def finish(self, state: str) -> None:
        self.tracker.finish()


OPENERS: dict[str, Callable[[About], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "trackio": Trackio,
}


def sync_of(about: About) -> str:
    """The command that sends what wandb wrote to disk."""
    return f"wandb sync {about.folder}/wandb/offline-run-*"


def first_line(error: BaseException) -> str:
    """An error's own first line; its class where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def unsaid(*words: object, **options: object) -> None:
    """A `print` that says nothing."""


def key_for(server: str) -> str | None:
    """The key of wandb's server, from where wandb looks; None where it would ask for one."""
    if os.environ.get("WANDB_API_KEY"):
        return os.environ["WANDB_API_KEY"]
    if os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return ""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        found = netrc.netrc(path).authenticators(urlsplit(server).netloc)
    except (OSError, netrc.NetrcParseError):
        return None
    return found[2] if found else None


def flat(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """The values of nested tables under their dotted names."""
    values: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{before}{name}.")
        else:
            values[before + name] = value
    return values


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
