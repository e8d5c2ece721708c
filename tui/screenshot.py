"""What is on the screen as text or SVG, and as a file."""

import io
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from textual.app import App


def screen_text(app: App[Any]) -> str:
    """What is on the screen, without its colours."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, record=True
    )
    # The private call that `export_screenshot` makes: Textual has no public one for text.
    frame = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)  # pyright: ignore
    console.print(frame)
    text = console.export_text()
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n") + "\n"


def screen_svg(app: App[Any]) -> str:
    """What is on the screen as SVG; no font is fetched from the net."""
    svg = app.export_screenshot(simplify=True)
    return re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)


def save_screenshot(svg: str, folder: Path, name: str) -> Path:
    """Write a picture under the first number that is free: `handseg-runs-1.svg`.

    Raises:
        OSError: it cannot be written.
    """
    number = 1
    while True:
        path = folder / f"handseg-{name}-{number}.svg"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(svg)
        except FileExistsError:
            number += 1
        else:
            return path
