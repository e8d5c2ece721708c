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
class RunInfo:
    """What a tracker gets to know of a run; `step` is where it goes on, 0 for a new one."""

    name: str
    id: str
    folder: Path
    config: Mapping[str, Any]
    step: int = 0


class Tracker(Protocol):
    """Takes numbers by name."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def finish(self, state: str) -> None:
        """The run ended: `finished`, `stopped` or `failed`."""
        ...


class TensorBoard:
    """Event files in the run's folder; a run that goes on hides what it had after that step."""

    def __init__(self, run: RunInfo, say: Callable[[str], None]) -> None:
        self.tracker = TensorBoardTracker("tensorboard", run.folder, purge_step=run.step or None)
        self.tracker.start()
        lines = [f"    {name} = {value!r}" for name, value in sorted(flat(run.config).items())]
        self.tracker.log({"recipe": "\n".join(lines)}, step=run.step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log(dict(values), step=step)

    def finish(self, state: str) -> None:
        self.tracker.finish()


class WandB:
    """A run of Weights & Biases with the id of ours; without a key or its server, on disk only."""

    def __init__(self, run: RunInfo, say: Callable[[str], None]) -> None:
        # Its reports of its own errors go to a third party.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        found = wandb.setup(wandb.Settings(silent=True)).settings
        key = key_for(found.base_url)
        if found.mode == "online" and key is None:
            say(f"wandb has no key and writes to disk; send it with {sync_of(run)}")
            self.open(run, mode="offline")
            return
        try:
            self.open(run, **({"api_key": key} if key else {}))
        except wandb.Error as error:
            if found.mode != "online":
                raise
            say(f"{first_line(error)}; wandb writes to disk, send it with {sync_of(run)}")
            # Its service still takes the run's id for one that is being opened.
            wandb.teardown()
            self.open(run, mode="offline")

    def open(self, run: RunInfo, **settings: Any) -> None:
        import wandb

        self.tracker = WandBTracker(
            PROJECT,
            id=run.id,
            name=run.name,
            dir=str(run.folder),
            resume="allow",
            # Recipes that follow each other in one process are runs of their own.
            reinit="create_new",
            config=dict(run.config),
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

    def __init__(self, run: RunInfo, say: Callable[[str], None]) -> None:
        import trackio  # pyright: ignore[reportMissingImports] # noqa: F401 - it brings its modules

        # What it says goes to stdout, where only the run's path belongs.
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "trackio":
                vars(module)["print"] = unsaid
        self.tracker = TrackioTracker(
            PROJECT, name=run.name, config=dict(run.config), resume="allow", embed=False
        )
        self.tracker.start()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log(dict(values), step=step)

    def finish(self, state: str) -> None:
        self.tracker.finish()


OPENERS: dict[str, Callable[[RunInfo, Callable[[str], None]], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "trackio": Trackio,
}


def sync_of(run: RunInfo) -> str:
    return f"wandb sync {run.folder}/wandb/offline-run-*"


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


Entry = tuple[int, Mapping[str, float]]
"""A step and its values."""


class AsyncTracker:
    """A tracker in a thread of its own; what is logged waits in a queue, not in the training.

    The thread is left to itself where a tracker hangs: nothing could end it.
    """

    def __init__(self, name: str, run: RunInfo) -> None:
        self.name = name
        self.run = run
        self.queue: Queue[Entry | str] = Queue(MOST_WAITING)
        """Entries; a string is the state at the end, and the last."""
        self.notes: SimpleQueue[str] = SimpleQueue()
        self.fault: str | None = None
        """Why it was dropped."""
        self.fault_is_reported = False
        self.deadline = time.monotonic() + START_SECONDS
        """Of the call at work."""
        self.thread = Thread(target=self.work, name=f"track-{name}", daemon=True)
        self.thread.start()

    def work(self) -> None:
        """Open the tracker and log the entries, until the state at the end comes."""
        try:
            tracker = OPENERS[self.name](self.run, self.notes.put)
            while self.fault is None:
                self.deadline = math.inf
                entry = self.queue.get()
                self.deadline = time.monotonic() + CALL_SECONDS
                if isinstance(entry, str):
                    tracker.finish(entry)
                    return
                tracker.log(*entry)
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is a tracker's own affair
            self.fault = f"{type(error).__name__}: {first_line(error)}"
        finally:
            self.deadline = math.inf

    def put(self, entry: Entry | str) -> None:
        """Put an entry into the queue, unless the tracker was dropped."""
        if self.fault is None and time.monotonic() > self.deadline:
            self.fault = "it does not answer"
        if self.fault is None:
            try:
                self.queue.put_nowait(entry)
            except Full:
                self.fault = "it is too slow"

    def finish(self, state: str, deadline: float) -> None:
        """Let it finish, but not longer than until a time of the monotonic clock."""
        self.put(state)
        if self.fault is None:
            self.thread.join(max(0.0, deadline - time.monotonic()))
            if self.thread.is_alive():
                self.fault = "it did not end in time"

    def new_warnings(self) -> list[str]:
        """What is to be said since the last time."""
        warnings: list[str] = []
        while not self.notes.empty():
            warnings.append(self.notes.get())
        if self.fault is not None and not self.fault_is_reported:
            self.fault_is_reported = True
            warnings.append(f"{self.name} is dropped, the training goes on: {self.fault}")
        return warnings


class Trackers:
    """The trackers of a run; `warn` is called once for one that is dropped.

    Only from the calls below, never from another thread.
    """

    def __init__(self, trackers: Sequence[AsyncTracker], warn: Callable[[str], None]) -> None:
        self.trackers = trackers
        self.warn = warn

    @classmethod
    def start(cls, names: Sequence[str], run: RunInfo, warn: Callable[[str], None]) -> Self:
        """Open trackers for a run; one that goes on at a step goes on in them."""
        if names:
            # Trackers ask accelerate which process they are in; no thread must begin it.
            PartialState()
        return cls([AsyncTracker(name, run) for name in names], warn)

    def steps(self, step: int, values: Mapping[str, float | None]) -> None:
        self.log(step, {f"train/{name}": value for name, value in values.items()})

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
        self.log(
            step, {name: v for name, v in values.items() if v is not None and not math.isnan(v)}
        )

    def end(self, state: str) -> None:
        """The run ended: `finished`, `stopped` or `failed`."""
        deadline = time.monotonic() + END_SECONDS
        for tracker in self.trackers:
            tracker.finish(state, deadline)
        self.warn_new()

    def log(self, step: int, values: Mapping[str, float | None]) -> None:
        known = {name: float(value) for name, value in values.items() if value is not None}
        for tracker in self.trackers:
            tracker.put((step, known))
        self.warn_new()

    def warn_new(self) -> None:
        for tracker in self.trackers:
            for warning in tracker.new_warnings():
                self.warn(warning)


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
