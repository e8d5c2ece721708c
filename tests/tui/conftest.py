"""A folder of runs as trainings leave it, made with the real writer; no torch."""

import json
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from handseg.anatomy import BONES
from handseg.runs import layout
from handseg.runs.writer import RunWriter
from tui.app import Dashboard, screen_text
from tui.screens.dashboard_screen import DashboardScreen
from tui.widgets.half_blocks import HalfBlocks

MakeRun = Callable[..., RunWriter]
SIDE = 96
PATIENCE = 8.0
"""Seconds until somebody gives up waiting to see something."""


class Person:
    """Someone at the dashboard: presses keys, reads the screen."""

    def __init__(self, app: Dashboard, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            await self.pilot.pause(0.02)
            if holds():
                return
        raise AssertionError(f"never came true; the screen:\n{self.screen}")

    async def sees(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.screen for text in texts))

    async def sees_no(self, text: str) -> None:
        await self.until(lambda: text not in self.screen)

    def is_at_rest(self) -> bool:
        return self.app.settled or not isinstance(self.app.screen, DashboardScreen)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.until(
            lambda: self.app.settled or not isinstance(self.app.screen, DashboardScreen)
        )
        await self.pilot.pause()

    async def types(self, text: str) -> None:
        """Press the keys of a text."""
        names = {" ": "space", ":": "colon", ">": "greater_than_sign", ".": "full_stop"}
        await self.press(*(names.get(sign, sign) for sign in text))

    async def clicks(self, text: str) -> None:
        """Click the first place of the screen where a text stands."""
        await self.sees(text)
        for y, line in enumerate(self.screen.splitlines()):
            if text in line:
                await self.pilot.click(offset=(line.index(text), y))
                await self.pilot.pause()
                return

    @property
    def screen(self) -> str:
        return screen_text(self.app)

    @property
    def lines(self) -> list[str]:
        return self.screen.splitlines()

    @property
    def colours(self) -> set[tuple[int, int, int]]:
        """The colours of the picture."""
        blocks = self.app.screen.query_one(HalfBlocks)
        strips = [blocks.render_line(y) for y in range(blocks.size.height)]
        found = [seg.style.color for strip in strips for seg in strip if seg.text.strip()]
        return {tuple(colour.triplet) for colour in found}


@pytest.fixture
def person() -> Callable[..., Any]:
    """Opens the dashboard for somebody, who has seen the first screen whole."""

    @asynccontextmanager
    async def sit_down(
        runs: Path, data: Path | None = None, size: tuple[int, int] = (120, 40), **options: Any
    ) -> AsyncIterator[Person]:
        app = Dashboard(runs, data, **options)
        async with app.run_test(size=size) as pilot:
            somebody = Person(app, pilot)
            await somebody.until(lambda: app.settled)
            yield somebody

    return sit_down


def hand(classes: int, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A grey gradient, and a square for each class in a grid: (uint8[H, W], uint8[H, W, P])."""
    image = np.tile(np.linspace(20, 200, SIDE, dtype=np.uint8), (SIDE, 1))
    planes = np.zeros((SIDE, SIDE, -(-classes // 8)), np.uint8)
    for index in range(classes):
        top, left = index // 6 * 15 + 3, index % 6 * 15 + 3 + shift
        planes[top : top + 10, left : left + 10, index // 8] |= np.uint8(1 << index % 8)
    return image, planes


def learned(epoch: int, index: int) -> float:
    """The Dice of a class after so many epochs; Pisiform (26) is learned last."""
    return (0.97 - 0.002 * (index % 7) - 0.06 * (index == 26)) * (1 - math.exp(-epoch / 3))


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a run of so many epochs and leaves it running."""

    def make(
        recipe: str,
        *,
        epochs: int = 12,
        of: int = 20,
        classes: tuple[str, ...] = BONES,
        name: str | None = None,
        pictures: tuple[str, ...] = ("image1.png", "image2.png"),
    ) -> RunWriter:
        facts = {"classes": classes, "fold": 0, "epochs": of, "steps_per_epoch": 10}
        writer = RunWriter.create(
            tmp_path / "runs", recipe, recipe_toml="schema = 1\n", facts=facts, name=name
        )
        for epoch in range(1, epochs + 1):
            for step in range(epoch * 10 - 9, epoch * 10 + 1):
                writer.step(step, loss=1 / step, lr=6e-5)
            dice = {label: learned(epoch, index) for index, label in enumerate(classes)}
            writer.validation(step=epoch * 10, epoch=epoch, dice=dice)
            if epoch in (epochs - 1, epochs):
                for picture in pictures:
                    image, truth = hand(len(classes))
                    _, planes = hand(len(classes), shift=epochs + 2 - epoch)
                    writer.preview(epoch * 10, picture, image, planes, truth)
        return writer

    return make


@pytest.fixture
def runs(make_run: MakeRun, tmp_path: Path) -> Path:
    """Runs in every state; the newest, `unet-1`, is running."""
    make_run("old", epochs=20).end("finished")
    make_run("stopped", epochs=4).end("stopped", "Ctrl-C")
    make_run("failed", epochs=1).end("failed", "out of memory")
    broken = tmp_path / "runs" / "broken-1"
    broken.mkdir()
    (broken / layout.EVENTS).write_bytes(b"\x00\xff no log\n")
    killed(make_run("killed", epochs=6))
    live = make_run("unet")
    # Old enough that the pace is that of a training and not of this fixture.
    aged(tmp_path / "runs" / "unet-1", live)
    return tmp_path / "runs"


def killed(writer: RunWriter) -> None:
    """Leave the run as `kill -9` does: no end, no lock."""
    writer._steps.stop()
    writer._events.close()
    writer._lock.release()


def aged(folder: Path, writer: RunWriter, seconds: float = 30.0) -> None:
    """Spread the events of a run over time: `seconds` an epoch, the last one now."""
    lines = [json.loads(line) for line in (folder / layout.EVENTS).read_text().splitlines()]
    last = lines[-1]["t"]
    for back, line in enumerate(reversed(lines)):
        line["t"] = last - back * seconds
    text = "".join(json.dumps(line) + "\n" for line in lines)
    with (folder / layout.EVENTS).open("r+") as file:
        file.write(text)
        file.truncate()
