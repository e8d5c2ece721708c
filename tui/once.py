"""One frame of the dashboard without a terminal, as text or SVG."""

import io
from typing import Any, Literal

from rich.console import Console
from textual.pilot import Pilot

from handseg.errors import FailedError
from tui.app import Dashboard
from tui.copying import svg_of

PATIENCE = 20.0
"""Seconds to wait for files to be read."""
LOOK = 0.02

Form = Literal["text", "svg"]


def render(app: Dashboard, cells: tuple[int, int], form: Form) -> str:
    """Run the dashboard of so many columns and rows until it has shown everything; its frame.

    Raises:
        FailedError: it did not come to rest.
    """
    frames: list[str] = []

    async def take(pilot: Pilot[Any]) -> None:
        await _settle(app, pilot)
        frames.append(frame_svg(app) if form == "svg" else frame_text(app))
        app.exit()

    app.run(headless=True, size=cells, auto_pilot=take)
    if not frames:
        raise FailedError("the dashboard ended before it had drawn a frame")
    return frames[0]


async def _settle(app: Dashboard, pilot: Pilot[Any]) -> None:
    for _ in range(round(PATIENCE / LOOK)):
        await pilot.pause(LOOK)
        if app.settled:
            # What arrived last is drawn after the next refresh.
            await pilot.pause(LOOK)
            return
    raise FailedError(f"the dashboard did not come to rest within {PATIENCE:g} seconds")


def frame_text(app: Dashboard) -> str:
    """What is on the screen, without its colours."""
    return _without_trailing_blanks(_recorded(app).export_text())


def frame_svg(app: Dashboard) -> str:
    return svg_of(app)


def _recorded(app: Dashboard) -> Console:
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, record=True
    )
    # The private call that `export_screenshot` makes: Textual has no public one for text.
    frame = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)  # pyright: ignore
    console.print(frame)
    return console


def _without_trailing_blanks(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n") + "\n"
