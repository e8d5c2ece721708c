"""Trackers beside a training: what reaches them, and that none can stop or slow it."""

import math
import struct
import sys
import threading
import time

import pytest
from accelerate import PartialState

from handseg.errors import FailedError
from handseg.recipe.load import load_recipe
from handseg.train import trackers
from handseg.train.data import find_data
from handseg.train.trackers import RunInfo, Trackers, refuse_missing

RUN_ID = "0123456789abcdef"
CONFIG = {"model": {"library": "smp", "options": {}}, "optimizer": {"lr": 1e-3}}
DICE = {"finger-1": 0.9, "[red]Räder[/]": 0.5, "never drawn": None}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """An empty run folder; nothing of the person's own wandb is looked at."""
    PartialState(cpu=True)
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    folder = tmp_path / "tiny-1"
    folder.mkdir()
    return folder


@pytest.fixture
def track(run):
    """Begin trackers whose warnings are kept."""

    def begin(*names, step=0):
        warnings = []
        known = RunInfo("tiny-1", RUN_ID, run, CONFIG, step)
        made = Trackers.start(names, known, warnings.append)
        made.warnings = warnings
        return made

    return begin


def scalars(run):
    """Tag → its (step, value) in the event files of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    return {
        tag: [(event.step, event.value) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def test_tensorboard_gets_losses_and_the_dice_of_each_class_by_name(run, track):
    made = track("tensorboard")
    made.steps(1, {"loss": 0.5, "lr": 1e-3, "memory": None})
    made.steps(2, {"loss": 0.25, "lr": 1e-3})
    made.validation(2, 1, 0.7, DICE, ema=0.75, raw=None)
    made.end("finished")
    found = scalars(run)
    assert found["train/loss"] == [(1, 0.5), (2, 0.25)]
    assert found["dice/mean"] == [(2, pytest.approx(0.7))]
    assert found["dice/finger-1"] == [(2, pytest.approx(0.9))]
    assert found["dice/[red]Räder[/]"] == [(2, 0.5)]
    assert found["dice/ema"] == [(2, 0.75)]
    assert set(found) == {
        *("train/loss", "train/lr", "epoch"),
        *("dice/mean", "dice/finger-1", "dice/[red]Räder[/]", "dice/ema"),
    }
    assert made.warnings == []


def test_a_dice_that_there_is_not_is_no_value(run, track):
    made = track("tensorboard")
    made.validation(2, 1, 0.7, {"a": 0.7, "never drawn": math.nan}, raw=0.7, ema=math.nan)
    made.end("finished")
    assert set(scalars(run)) == {"epoch", "dice/mean", "dice/a", "dice/raw"}


def test_tensorboard_of_a_run_that_goes_on_forgets_what_came_after_the_checkpoint(run, track):
    first = track("tensorboard")
    for step in (1, 2, 3):
        first.steps(step, {"loss": 1.0})
    first.end("stopped")
    # The files are read in the order of their names, which hold the second of their birth.
    (begun,) = (run / "tensorboard").iterdir()
    begun.rename(begun.with_name("events.out.tfevents.1.host.1.0"))
    second = track("tensorboard", step=2)
    second.steps(2, {"loss": 0.5})
    second.end("finished")
    assert scalars(run)["train/loss"] == [(1, 1.0), (2, 0.5)]


def pieces(content):
    """The records of a LevelDB log, which wandb writes behind seven bytes of its own."""
    block, place, held = 32768, 7, b""
    while place + 7 <= len(content):
        if block - place % block < 7:
            place += block - place % block
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        held += content[place + 7 : place + 7 + length]
        place += 7 + length
        # 1: whole; 4: the last part of one.
        if kind in (1, 4):
            yield held
            held = b""


def records(run):
    """What wandb wrote to disk."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = (run / "wandb").glob(f"offline-run-*-{RUN_ID}/run-{RUN_ID}.wandb")
    return [Record.FromString(piece) for piece in pieces(path.read_bytes())]


def written(run):
    """The records of a run once they are whole: the exit is the last of them."""
    found = records(run)
    return found if any(one.WhichOneof("record_type") == "exit" for one in found) else []


def test_wandb_without_a_key_asks_nobody_and_writes_into_the_run(run, track, monkeypatch):
    # A busy machine may be slow to start wandb's own process; that is not what this is run.
    monkeypatch.setattr(trackers, "END_SECONDS", 150.0)
    made = track("wandb")
    made.steps(1, {"loss": 0.5})
    made.validation(1, 1, 0.7, DICE)
    made.end("stopped")
    (warning,) = made.warnings
    # wandb's own process writes the file; on a busy machine it is a little later than the end.
    until = time.monotonic() + 60
    while not (found := written(run)) and time.monotonic() < until:
        time.sleep(0.2)
    names = {
        item.key or "/".join(item.nested_key)
        for record in found
        for item in record.history.item
        if not (item.key or item.nested_key[0]).startswith("_")
    }
    assert names == {
        *("step", "epoch", "train/loss", "dice/mean", "dice/finger-1", "dice/[red]Räder[/]"),
    }
    assert [one.exit.exit_code for one in found if one.WhichOneof("record_type") == "exit"] == [1]
    assert not list((run / "wandb").rglob("*.py"))
    assert not list((run / "wandb").rglob("requirements.txt"))
    assert "no key" in warning
    assert f"wandb sync {run}/wandb/offline-run-*" in warning


def test_a_key_is_looked_for_where_wandb_looks(run, monkeypatch, tmp_path):
    server = "https://wandb.example.org/sub"
    assert trackers.key_for(server) is None
    (tmp_path / "no-netrc").write_text("machine wandb.example.org login user password secret\n")
    assert trackers.key_for(server) == "secret"
    assert trackers.key_for("https://other.example.org") is None
    monkeypatch.setenv("WANDB_API_KEY", "from the environment")
    assert trackers.key_for(server) == "from the environment"


class Fake:
    """A tracker that notes what it is told, and does something each time."""

    def __init__(self, act=lambda *told: None):
        self.act = act
        self.told = []

    def __call__(self, run, say):
        self.act("open")
        return self

    def log(self, step, values):
        self.told.append((step, values))
        self.act("log", step)

    def finish(self, state):
        self.told.append(state)
        self.act("finish")


@pytest.fixture
def fake(monkeypatch):
    """Put a tracker in the place of trackio, which is not needed for that."""

    def put(act=lambda *told: None):
        made = Fake(act)
        monkeypatch.setitem(trackers.OPENERS, "trackio", made)
        return made

    return put


def raising(error, at):
    def act(*told):
        if told[: len(at)] == at:
            raise error

    return act


def settle(made):
    for tracker in made.trackers:
        tracker.thread.join(5)


@pytest.mark.parametrize("error", [ValueError("no such host\nand more"), SystemExit(3)])
@pytest.mark.parametrize("at", [("open",), ("log", 2), ("finish",)])
def test_a_tracker_that_fails_is_dropped_with_one_warning(track, fake, run, error, at):
    broken = fake(raising(error, at))
    made = track("trackio", "tensorboard")
    for step in (1, 2, 3):
        made.steps(step, {"loss": 1.0 / step})
    if at != ("finish",):
        made.trackers[0].thread.join(5)
    made.steps(4, {"loss": 0.25})
    made.end("finished")
    (warning,) = made.warnings
    assert warning.startswith("trackio is dropped, the training goes on: ")
    assert type(error).__name__ in warning
    assert "and more" not in warning
    assert len(broken.told) == {"open": 0, "log": 2, "finish": 5}[at[0]]
    assert [step for step, _ in scalars(run)["train/loss"]] == [1, 2, 3, 4]


def test_a_tracker_that_hangs_does_not_hold_the_training_up(track, fake, monkeypatch):
    monkeypatch.setattr(trackers, "END_SECONDS", 0.2)
    release = threading.Event()
    fake(lambda *told: release.wait(20))
    made = track("trackio")
    begun = time.monotonic()
    for step in range(100):
        made.steps(step, {"loss": 1.0})
    made.end("finished")
    assert time.monotonic() - begun < 10
    release.set()
    assert [warning.rpartition(": ")[2] for warning in made.warnings] == ["it did not end in time"]
    settle(made)


def test_a_call_that_takes_too_long_drops_the_tracker(track, fake, monkeypatch):
    monkeypatch.setattr(trackers, "CALL_SECONDS", 0.05)
    release, inside = threading.Event(), threading.Event()

    def act(*told):
        if told[0] == "log":
            inside.set()
            release.wait(20)

    slow = fake(act)
    made = track("trackio")
    made.steps(1, {"loss": 1.0})
    made.steps(2, {"loss": 1.0})
    assert inside.wait(5)
    time.sleep(0.1)
    made.steps(3, {"loss": 1.0})
    made.steps(4, {"loss": 1.0})
    release.set()
    made.end("finished")
    settle(made)
    assert [warning.rpartition(": ")[2] for warning in made.warnings] == ["it does not answer"]
    assert slow.told == [(1, {"train/loss": 1.0})]


def test_a_tracker_that_falls_behind_for_good_is_dropped(track, fake, monkeypatch):
    monkeypatch.setattr(trackers, "MOST_WAITING", 5)
    release = threading.Event()
    fake(lambda *told: release.wait(20))
    made = track("trackio")
    for step in range(20):
        made.steps(step, {"loss": 1.0})
    release.set()
    settle(made)
    assert [warning.rpartition(": ")[2] for warning in made.warnings] == ["it is too slow"]


def test_a_slow_tracker_gets_everything_before_the_run_ends(track, fake):
    slow = fake(lambda *told: time.sleep(0.01))
    made = track("trackio")
    for step in range(20):
        made.steps(step, {"loss": 1.0})
    made.end("failed")
    assert [step for step, _ in slow.told[:-1]] == list(range(20))
    assert slow.told[-1] == "failed"
    assert made.warnings == []


def test_no_trackers_are_no_threads(track):
    before = threading.active_count()
    made = track()
    made.steps(1, {"loss": 1.0})
    made.validation(1, 1, 0.5, DICE)
    made.end("finished")
    assert threading.active_count() == before


def test_trackers_that_are_not_installed_are_said_with_what_installs_them(monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(FailedError) as caught:
        refuse_missing(["wandb", "trackio"])
    assert caught.value.message == "wandb and trackio are not installed"
    assert caught.value.hints == ("pip install 'handseg[track]' 'trackio'",)
    assert caught.value.exit_code == 1
    refuse_missing([])


def test_a_folder_that_wandb_left_is_not_taken_for_the_package(monkeypatch, tmp_path):
    (tmp_path / "leftover").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert not trackers.installed("leftover")
    assert trackers.installed("tensorboard")


def test_a_recipe_that_wants_a_missing_tracker_is_refused_before_anything_is_made(
    tiny_recipe, monkeypatch, workplace
):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    wanted = load_recipe(str(tiny_recipe), ["track.wandb=true", "track.tensorboard=false"])
    with pytest.raises(FailedError, match="wandb is not installed"):
        find_data(wanted, workplace / "data")
    assert not (workplace / "data" / "folds.json").exists()
