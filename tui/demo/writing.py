"""Writes the folder of a run as its story tells it, in the very format of a training."""

import json
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handseg.anatomy import BONES
from handseg.recipe import load_recipe
from handseg.recipe.write import to_toml
from handseg.runs import fields, jsonl, scores, steps
from handseg.runs.process import boot_id
from handseg.runs.validations import RunningBest
from handseg.score.dice import mean_of_classes, worst_first
from tui.demo.pictures import write_pictures
from tui.demo.stories import HOST, MEMORY_TOTAL, STEPS_PER_EPOCH, Story, learned, losses, rates

LINE_STEPS = 30
PID = 4711
CHECKPOINT_EVERY = 10
SCORED = tuple(f"image16611308281{number:02d}.png" for number in range(16))
END_STATES = {"stopped": "stopped", "failed": "failed", "finished": "finished"}
GIGABYTE = 10**9
WEIGHT_BYTES = 14_880_000
_TENSOR = {"dtype": "F32", "shape": [WEIGHT_BYTES // 4], "data_offsets": [0, WEIGHT_BYTES]}


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
    (folder / fields.RECIPE).write_text(text, encoding="utf-8")
    events = list(_events(story, last))
    _write_lines(folder / fields.EVENTS, events)
    _write_lines(folder / fields.STEPS, _step_lines(story, last))
    log = "".join(f"{line}\n" for line in _log(story, events))
    (folder / fields.LOG).write_text(log, encoding="utf-8")
    _write_checkpoints(folder, story, last)
    _write_scores(folder, story)
    (folder / fields.LOCK).touch()
    for epoch in {max(1, story.done // 2), story.done}:
        write_pictures(folder, epoch * STEPS_PER_EPOCH, epoch / story.epochs)
    for path in (folder / fields.RUN, folder / fields.EVENTS, folder / fields.STEPS):
        os.utime(path, (last, last))
    return folder


def _write_facts(folder: Path, story: Story, last: float) -> None:
    recipe = f"recipes/{story.recipe}.toml"
    begun = last - story.done * story.epoch_seconds
    run = {
        "v": fields.VERSION,
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
    (folder / fields.RUN).write_bytes(jsonl.encode(run))


def _events(story: Story, last: float) -> Iterator[Mapping[str, Any]]:
    """All events, oldest first, each with its time."""
    begin = last - story.done * story.epoch_seconds

    def event(kind: str, after: float, /, **values: Any) -> Mapping[str, Any]:
        moment = round(begin + after * story.epoch_seconds, 3)
        return {"v": fields.VERSION, "t": moment, "kind": kind, **values}

    start = {"epochs": story.epochs, "classes": BONES, "steps_per_epoch": STEPS_PER_EPOCH}
    start |= {"recipe": story.recipe_name, "fold": 1 if "data.fold=1" in story.sets else 0}
    yield event(fields.START, 0, **start, train_images=640, validation_images=160)
    best, table = RunningBest(), learned(story, story.done)
    for epoch in range(1, story.done + 1):
        if epoch == story.started_epoch + 1 > 1:
            yield event(fields.RESUME, epoch - 0.99, step=story.started_epoch * STEPS_PER_EPOCH)
        if epoch % 5 == 1:
            yield event(fields.SYSTEM, epoch - 0.98, **_machine(story))
        if story.warning is not None and epoch == story.done * 2 // 3:
            about, message = story.warning
            yield event(fields.WARNING, epoch - 0.4, message=message, about=about)
        yield from _validation(story, epoch, table[epoch - 1], best, event)
    if story.ending in END_STATES:
        yield event(fields.END, story.done, state=END_STATES[story.ending], reason=story.reason)


def _validation(
    story: Story, epoch: int, dice: np.ndarray[Any, Any], best: RunningBest, event: Any
) -> Iterator[Mapping[str, Any]]:
    """A validation and, where one was kept, its checkpoint."""
    step, values = epoch * STEPS_PER_EPOCH, dict(zip(BONES, map(_short, dice), strict=True))
    is_best, mean = best.take(step, epoch, values), mean_of_classes(values)
    fields_ = {"step": step, "epoch": epoch, "mean": _short(mean), "dice": values}
    extra = {"raw_mean": _short(mean - 0.0016), "ema_mean": _short(mean), "uses_ema": True}
    seconds = round(story.epoch_seconds * 0.12, 1)
    yield event(fields.VALIDATION, epoch, **fields_, **extra, seconds=seconds, **best.as_fields())
    if epoch % CHECKPOINT_EVERY == 0 or epoch == story.done:
        path = f"{fields.CHECKPOINTS}/step-{step:08d}"
        told = {"path": path, "best": is_best, "bytes": WEIGHT_BYTES}
        yield event(fields.CHECKPOINT, epoch, step=step, epoch=epoch, **told)


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
        yield steps.line(moment, points, gauges)


def _log(story: Story, events: list[Mapping[str, Any]]) -> Iterator[str]:
    """What the training printed."""
    yield "640 training images and 0 crops of 320 people, 160 to validate on (fold 0 of 5)"
    yield f"model {story.recipe_name}, 29 classes"
    for event in events:
        kind = event["kind"]
        if kind == fields.VALIDATION:
            name, worst = worst_first(event["dice"])[0]
            epoch = f"epoch {event['epoch']:>3}/{story.epochs}"
            yield f"{epoch}  Dice {event['mean']:.4f}  {name} {worst:.4f}"
        elif kind == fields.WARNING:
            yield f"warning: {event['message']}"
        elif kind == fields.RESUME:
            yield f"resuming {story.name} at step {event['step']}"
    if story.ending in END_STATES:
        yield f"ended: {story.reason or story.ending}"


def _write_checkpoints(folder: Path, story: Story, last: float) -> None:
    """The two newest checkpoints and the best; weights are holes that take no room."""
    table = learned(story, story.done)
    best = int(table.mean(axis=1).argmax()) + 1
    newest = story.done - story.done % CHECKPOINT_EVERY or story.done
    root = folder / fields.CHECKPOINTS
    for epoch in sorted({best, newest, story.done}):
        place = root / f"step-{epoch * STEPS_PER_EPOCH:08d}"
        place.mkdir(parents=True)
        _write_weights(place / "model.safetensors")
        _write_state(place / "state.pt")
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


def _write_weights(path: Path) -> None:
    header = json.dumps({"weight": _TENSOR}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + WEIGHT_BYTES)


def _write_state(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        # A name alone would be given the time of now.
        archive.writestr(zipfile.ZipInfo("state/version"), "3")


def _write_scores(folder: Path, story: Story) -> None:
    """Dice of image × class of the last validation."""
    rng = np.random.default_rng(story.seed + 4)
    means = learned(story, story.done)[-1]
    dice = np.clip(means + rng.normal(0, 0.015, (len(SCORED), len(BONES))), 0, 1)
    step = story.done * STEPS_PER_EPOCH
    scores.write_scores(folder, scores.as_scores(step, SCORED, BONES, dice))


def _write_lines(path: Path, lines: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> None:
    path.write_bytes(b"".join(jsonl.encode(line) for line in lines))


def _short(value: float) -> float:
    return float(f"{value:.5f}")
