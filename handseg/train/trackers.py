"""accelerate's trackers, opened so that they keep to the run's folder and never ask anything.

Numbers and names are sent, never pictures, code, or what the terminal shows.
"""

import netrc
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

PROJECT = "handseg"
PACKAGES = {"tensorboard": "handseg[track]", "wandb": "handseg[track]", "trackio": "trackio"}
"""What to install for a tracker."""
INIT_SECONDS = 40.0
"""How long wandb may look for its server before it goes on without."""
FINISH_SECONDS = 25.0


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
