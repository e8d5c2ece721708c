"""The folder of the demo: runs written as their stories tell, held as by living trainings.

A run has the very format of a training; the folder is made anew, and removed at the end.
"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, MEAN_AREAS
from handseg.data.planes import pack
from handseg.formats.polygons import rasterise
from handseg.phantom.phantom import make_phantom
from handseg.recipe.load import load_recipe
from handseg.recipe.write import to_toml
from handseg.runs import jsonl, layout
from handseg.runs.artifacts import ImageScores, write_preview, write_scores
from handseg.runs.events import BestTracker, steps_line
from handseg.runs.lock import RunLock
from handseg.runs.process import boot_id
from handseg.score.dice import mean_of_classes, worst_first

BROKEN = "old-1"
PLAYED_FROM = 12
"""Epochs that the live run has behind it when it begins to be played."""
GRACE = 5.0
"""Seconds that the player has to end."""
LINE_STEPS = 30
PID = 4711
CHECKPOINT_EVERY = 10
SCORED = tuple(f"image16611308281{number:02d}.png" for number in range(16))
END_STATES = {"stopped": "stopped", "failed": "failed", "finished": "finished"}
GIGABYTE = 10**9
WEIGHT_BYTES = 14_880_000
SIDE = 256
IMAGES = ("image1661130828152_R.png", "image1661319116107_L.png")
_TENSOR = {"dtype": "F32", "shape": [WEIGHT_BYTES // 4], "data_offsets": [0, WEIGHT_BYTES]}

Ending = Literal["running", "quiet", "killed", "stopped", "failed", "finished"]

STEPS_PER_EPOCH = 90
HOST = "hk-03"
MEMORY_TOTAL = 32 * 10**9
DAY = 86400.0


@dataclass(frozen=True)
class Story:
    """One run, from its recipe to how it ended."""

    name: str
    recipe: str
    """Stem of a bundled recipe."""
    sets: tuple[str, ...]
    ending: Ending
    done: int
    """Epochs done."""
    epochs: int
    level: float
    """How good it becomes: 1 is as good as the bones allow."""
    age: float
    """Seconds since it last wrote."""
    epoch_seconds: float
    started_epoch: int = 0
    """The epoch from which its process went on, where it was resumed."""
    reason: str = ""
    collapses: str | None = None
    """A bone that is lost half way."""
    warning: tuple[str, str] | None = None
    """What a warning is about, and what it says."""

    @property
    def recipe_name(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def steps(self) -> int:
        """Steps done: a live run is within an epoch."""
        return self.done * STEPS_PER_EPOCH + (37 if self.ending in ("running", "quiet") else 0)

    @property
    def seed(self) -> int:
        return sum(self.name.encode())


STORIES = (
    Story(
        "segformer-3", "segformer", ("data.size=1024", "train.batch_size=4"), "running",
        done=61, epochs=100, level=1.0, age=0.8, epoch_seconds=58.0, started_epoch=40,
        warning=("memory", "out of memory: micro-batches of 2 instead of 4; BatchNorm sees fewer"),
    ),
    Story(
        "upernet-1", "upernet", ("data.size=512", "train.epochs=80"), "quiet",
        done=33, epochs=80, level=0.981, age=192.0, epoch_seconds=140.0,
    ),
    Story(
        "segformer-2", "segformer", ("data.size=512", "optimizer.lr=1e-3"), "killed",
        done=46, epochs=100, level=0.992, age=7.3 * 3600, epoch_seconds=31.0,
        collapses="Pisiform",
        warning=("loss", "the loss of step 2790 is not finite: the step was skipped"),
    ),
    Story(
        "unetpp-2", "unetpp", ("data.size=512", "data.fold=1"), "finished",
        done=100, epochs=100, level=0.988, age=2.1 * DAY, epoch_seconds=44.0,
    ),
    Story(
        "unet-4", "unet", ("data.size=2048", "train.micro_batch=8", "train.epochs=80"), "failed",
        done=12, epochs=80, level=0.972, age=2.8 * DAY, epoch_seconds=240.0,
        reason="out of memory", warning=("memory", "31.6 of 32.0 GB of the device are taken"),
    ),
    Story(
        "segformer-1", "segformer", ("data.size=512", "train.seed=1"), "finished",
        done=100, epochs=100, level=0.990, age=3.2 * DAY, epoch_seconds=31.0,
    ),
    Story(
        "manet-1", "manet", ("data.size=512", "loss.dice=0.0"), "stopped",
        done=40, epochs=100, level=0.931, age=5.4 * DAY, epoch_seconds=52.0,
        reason="SIGTERM",
    ),
)  # fmt: skip
"""The newest start first. The eighth run of the folder is broken and has no story."""


def learned(story: Story, epochs: int) -> NDArray[np.float64]:
    """Dice of each bone after each epoch, float64[epochs, 29]: small bones are worse and later."""
    rng = np.random.default_rng(story.seed)
    areas = np.log([MEAN_AREAS[bone] for bone in BONES])
    size = (areas - areas.min()) / (areas.max() - areas.min())
    own = rng.normal(0.0, 0.004, len(BONES))
    ceiling = story.level * (0.945 + 0.042 * size**0.7) + own
    pace = 2.2 + 4.0 * (1 - size)
    epoch = np.arange(1, epochs + 1)[:, None]
    noise = rng.normal(0.0, 0.010, (epochs, len(BONES))) * (0.25 + np.exp(-epoch / 14))
    values = ceiling * (1 - np.exp(-(epoch + 1.5) / pace)) + noise * (1.3 - size)
    if story.collapses is not None:
        half = story.epochs * 0.3
        lost = 0.42 / (1 + np.exp(-(epoch[:, 0] - half) / 2.5))
        values[:, BONES.index(story.collapses)] -= lost
    return np.clip(values, 0.0, 0.995)


def losses(story: Story, steps: int) -> NDArray[np.float64]:
    """The loss of each step from 1 on, float64[steps]."""
    rng = np.random.default_rng(story.seed + 1)
    step = np.arange(1, steps + 1)
    trend = 0.035 + 0.9 * np.exp(-step / 260) + 0.16 * np.exp(-step / 2400)
    return trend * (2 - story.level) * np.exp(rng.normal(0.0, 0.18, steps))


def rates(story: Story, steps: int) -> NDArray[np.float64]:
    """The learning rate of each step from 1 on, float64[steps]: warm-up, then a cosine."""
    step = np.arange(1, steps + 1)
    total, warm = story.epochs * STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH
    share = np.clip((step - warm) / (total - warm), 0, 1)
    return 6e-5 * np.minimum(step / warm, 1) * (1 + np.cos(math.pi * share)) / 2


def frozen_now() -> float:
    """The moment at which the demo stands still: 2026-03-02, 14:03:22 where it is shown."""
    # The time of the place where it is shown: the frame has the same clock everywhere.
    return datetime(2026, 3, 2, 14, 3, 22).timestamp()  # noqa: DTZ001


@contextmanager
def frozen_demo(runs: Path | None = None) -> Generator[Path]:
    """The folder at a moment that never passes, `frozen_now()`; in `runs` if it is given.

    While it is open this process holds the locks of the runs that live.
    """
    with ExitStack() as stack:
        if runs is None:
            runs = _temporary(stack) / "runs"
        for story in STORIES:
            folder = write_run(runs, story, frozen_now())
            stack.enter_context(_locked(folder, story))
        _write_broken(runs)
        yield runs


@contextmanager
def live_demo() -> Generator[Path]:
    """The folder as it is now, with a run that a process of its own goes on writing."""
    now = time.time()
    with ExitStack() as stack:
        runs = _temporary(stack) / "runs"
        live, *others = STORIES
        for story in others:
            folder = write_run(runs, story, now)
            stack.enter_context(_locked(folder, story))
        _write_broken(runs)
        write_run(runs, replace(live, done=PLAYED_FROM, started_epoch=0), now)
        stack.enter_context(_played(runs, live.name))
        yield runs


def _temporary(stack: ExitStack) -> Path:
    # Its player may be writing in it to the last.
    folder = tempfile.TemporaryDirectory(prefix="handseg-demo-", ignore_cleanup_errors=True)
    return Path(stack.enter_context(folder))


@contextmanager
def _locked(folder: Path, story: Story) -> Generator[None]:
    """Leave the lock of a run as its process has left it: held or free."""
    lock = RunLock(folder / layout.LOCK)
    if story.ending not in ("running", "quiet"):
        lock.release()
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _write_broken(runs: Path) -> None:
    folder = runs / BROKEN
    folder.mkdir(parents=True)
    (folder / layout.RUN).write_text('{"v": 1, "name": "old-1", "started": 0}\n')
    (folder / layout.EVENTS).write_bytes(b"\x00\xff no log\n")


@contextmanager
def _played(runs: Path, name: str) -> Generator[None]:
    """Have a process go on with the run; it ends with this one, however that ends."""
    command = [sys.executable, "-m", "tui.demo.player", str(runs / name)]
    player = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        assert player.stdin is not None
        player.stdin.close()
        try:
            player.wait(GRACE)
        except subprocess.TimeoutExpired:
            player.kill()
            player.wait()


def write_run(runs: Path, story: Story, now: float) -> Path:
    """Write the folder of a run as it is at `now` (seconds since 1970); its lock is free."""
    folder = runs / story.name
    folder.mkdir(parents=True)
    last = now - story.age
    _write_facts(folder, story, last)
    recipe = load_recipe(f"recipes/{story.recipe}.toml", story.sets).recipe
    command = f"handseg train recipes/{story.recipe}.toml"
    sets = "".join(f" --set {text}" for text in story.sets)
    text = to_toml(recipe, comments=(command + sets, "a run of the demo"))
    (folder / layout.RECIPE).write_text(text, encoding="utf-8")
    events = list(_events(story, last))
    _write_lines(folder / layout.EVENTS, events)
    _write_lines(folder / layout.STEPS, _step_lines(story, last))
    log = "".join(f"{line}\n" for line in _log(story, events))
    (folder / layout.LOG).write_text(log, encoding="utf-8")
    _write_checkpoints(folder, story, last)
    _write_scores(folder, story)
    (folder / layout.LOCK).touch()
    for epoch in {max(1, story.done // 2), story.done}:
        write_pictures(folder, epoch * STEPS_PER_EPOCH, epoch / story.epochs)
    for path in (folder / layout.RUN, folder / layout.EVENTS, folder / layout.STEPS):
        os.utime(path, (last, last))
    return folder


def _write_facts(folder: Path, story: Story, last: float) -> None:
    recipe = f"recipes/{story.recipe}.toml"
    begun = last - story.done * story.epoch_seconds
    run = {
        "v": layout.VERSION,
        "id": story.name.encode().hex(),
        "name": story.name,
        "recipe": story.recipe_name,
        "fold": 1 if "data.fold=1" in story.sets else 0,
        "classes": BONES,
        "started": begun,
        "process_started": begun + story.started_epoch * story.epoch_seconds,
        "host": HOST,
        "boot_id": boot_id(),
        "pid": PID,
        "pid_namespace": "",
        "start_ticks": None,
        "locked": True,
        "argv": ["handseg", "train", recipe],
        "cwd": "/home/demo/hands",
        "epochs": story.epochs,
        "steps_per_epoch": STEPS_PER_EPOCH,
        "device": "NVIDIA RTX 5000 Ada",
        "model": story.recipe_name,
    }
    (folder / layout.RUN).write_bytes(jsonl.encode(run))


def _events(story: Story, last: float) -> Iterator[Mapping[str, Any]]:
    """All events, oldest first, each with its time."""
    begin = last - story.done * story.epoch_seconds

    def event(kind: str, after: float, /, **values: Any) -> Mapping[str, Any]:
        moment = round(begin + after * story.epoch_seconds, 3)
        return {"v": layout.VERSION, "t": moment, "kind": kind, **values}

    start = {"epochs": story.epochs, "classes": BONES, "steps_per_epoch": STEPS_PER_EPOCH}
    start |= {"recipe": story.recipe_name, "fold": 1 if "data.fold=1" in story.sets else 0}
    yield event(layout.START, 0, **start, train_images=640, validation_images=160)
    best, table = BestTracker(), learned(story, story.done)
    for epoch in range(1, story.done + 1):
        if epoch == story.started_epoch + 1 > 1:
            yield event(layout.RESUME, epoch - 0.99, step=story.started_epoch * STEPS_PER_EPOCH)
        if epoch % 5 == 1:
            yield event(layout.SYSTEM, epoch - 0.98, **_machine(story))
        if story.warning is not None and epoch == story.done * 2 // 3:
            about, message = story.warning
            yield event(layout.WARNING, epoch - 0.4, message=message, about=about)
        yield from _validation(story, epoch, table[epoch - 1], best, event)
    if story.ending in END_STATES:
        yield event(layout.END, story.done, state=END_STATES[story.ending], reason=story.reason)


def _validation(
    story: Story, epoch: int, dice: np.ndarray[Any, Any], best: BestTracker, event: Any
) -> Iterator[Mapping[str, Any]]:
    """A validation and, where one was kept, its checkpoint."""
    step, values = epoch * STEPS_PER_EPOCH, dict(zip(BONES, map(_short, dice), strict=True))
    is_best, mean = best.update(step, epoch, values), mean_of_classes(values)
    fields_ = {"step": step, "epoch": epoch, "mean": _short(mean), "dice": values}
    extra = {"raw_mean": _short(mean - 0.0016), "ema_mean": _short(mean), "uses_ema": True}
    seconds = round(story.epoch_seconds * 0.12, 1)
    yield event(layout.VALIDATION, epoch, **fields_, **extra, seconds=seconds, **best.as_fields())
    if epoch % CHECKPOINT_EVERY == 0 or epoch == story.done:
        path = f"{layout.CHECKPOINTS}/step-{step:08d}"
        facts = {"path": path, "best": is_best, "bytes": WEIGHT_BYTES}
        yield event(layout.CHECKPOINT, epoch, step=step, epoch=epoch, **facts)


def _machine(story: Story) -> Mapping[str, Any]:
    rng = np.random.default_rng(story.seed + 2)
    return {
        "cpu": round(float(rng.uniform(180, 320)), 1),
        "ram": int(rng.uniform(6, 9) * GIGABYTE),
        "ram_total": 64 * GIGABYTE,
        "device": "NVIDIA RTX 5000 Ada",
        "memory": int(rng.uniform(20, 29) * GIGABYTE),
        "memory_total": MEMORY_TOTAL,
    }


def _step_lines(story: Story, last: float) -> Iterator[Mapping[str, Any]]:
    loss, rate = losses(story, story.steps), rates(story, story.steps)
    seconds = story.epoch_seconds / STEPS_PER_EPOCH
    rng = np.random.default_rng(story.seed + 3)
    memory = _machine(story)["memory"] / GIGABYTE
    for first in range(0, story.steps, LINE_STEPS):
        numbers = range(first, min(first + LINE_STEPS, story.steps))
        points = [(i + 1, {"loss": float(loss[i]), "lr": float(rate[i])}) for i in numbers]
        gauges = {
            "grad": float(rng.uniform(0.3, 0.6)),
            "speed": float(rng.normal(8 / seconds, 0.3)),
            "wait": float(rng.uniform(0.0, 0.03)),
            "memory": memory,
        }
        moment = last - (story.steps - points[-1][0]) * seconds
        yield steps_line(moment, points, gauges)


def _log(story: Story, events: list[Mapping[str, Any]]) -> Iterator[str]:
    """What the training printed."""
    yield "640 training images and 0 crops of 320 people, 160 to validate on (fold 0 of 5)"
    yield f"model {story.recipe_name}, 29 classes"
    for event in events:
        kind = event["kind"]
        if kind == layout.VALIDATION:
            name, worst = worst_first(event["dice"])[0]
            epoch = f"epoch {event['epoch']:>3}/{story.epochs}"
            yield f"{epoch}  Dice {event['mean']:.4f}  {name} {worst:.4f}"
        elif kind == layout.WARNING:
            yield f"warning: {event['message']}"
        elif kind == layout.RESUME:
            yield f"resuming {story.name} at step {event['step']}"
    if story.ending in END_STATES:
        yield f"ended: {story.reason or story.ending}"


def _write_checkpoints(folder: Path, story: Story, last: float) -> None:
    """The two newest checkpoints and the best; weights are holes that take no room."""
    table = learned(story, story.done)
    best = int(table.mean(axis=1).argmax()) + 1
    newest = story.done - story.done % CHECKPOINT_EVERY or story.done
    root = folder / layout.CHECKPOINTS
    for epoch in sorted({best, newest, story.done}):
        place = root / f"step-{epoch * STEPS_PER_EPOCH:08d}"
        place.mkdir(parents=True)
        header = json.dumps({"weight": _TENSOR}).encode()
        with (place / "model.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + WEIGHT_BYTES)
        with zipfile.ZipFile(place / "state.pt", "w") as archive:
            # A name alone would be given the time of now.
            archive.writestr(zipfile.ZipInfo("state/version"), "3")
        manifest = {
            "version": 1,
            "step": epoch * STEPS_PER_EPOCH,
            "epoch": epoch,
            "validation_dice": _short(float(table[epoch - 1].mean())),
            "uses_ema": True,
            "sha256": {"model.safetensors": "0" * 64, "state.pt": "0" * 64},
        }
        (place / "manifest.json").write_text(json.dumps(manifest, indent=1))
        moment = last - (story.done - epoch) * story.epoch_seconds
        for path in place.iterdir():
            os.utime(path, (moment, moment))
    for pointer, epoch in (("last", story.done), ("best", best)):
        (root / pointer).write_text(f"step-{epoch * STEPS_PER_EPOCH:08d}")


def _write_scores(folder: Path, story: Story) -> None:
    """Dice of image × class of the last validation."""
    rng = np.random.default_rng(story.seed + 4)
    means = learned(story, story.done)[-1]
    dice = np.clip(means + rng.normal(0, 0.015, (len(SCORED), len(BONES))), 0, 1)
    step = story.done * STEPS_PER_EPOCH
    write_scores(folder, ImageScores(step, SCORED, BONES, dice))


def _write_lines(path: Path, lines: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> None:
    path.write_bytes(b"".join(jsonl.encode(line) for line in lines))


def _short(value: float) -> float:
    return float(f"{value:.5f}")


@cache
def hand(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A radiograph uint8[256, 256] and its label planes."""
    phantom = make_phantom(SIDE, 40 + number, side="left" if number % 2 else "right", bent=False)
    masks = (rasterise(phantom.polygons.get(bone, []), (SIDE, SIDE)) for bone in BONES)
    return phantom.image, pack(masks, (SIDE, SIDE), len(BONES))


def write_pictures(run: Path, step: int, share: float) -> None:
    """Keep the pictures of one validation; `share` says how much of the training is done."""
    for number, name in enumerate(IMAGES):
        image, truth = hand(number)
        # A mask that lies beside its bone: two pixels at first, then one.
        beside = 1 if share > 0.5 else 2
        write_preview(run, step, name, image, np.roll(truth, beside, axis=1), truth)
