"""Takes things out of the dashboard: a command line to the clipboard, a picture of the screen."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from textual.app import App

from tui.order import RunOrder

SUBCOMMANDS = ("show", "compare", "rm")
"""Words that `handseg runs` takes for something else than a filter."""
PATIENCE = 2.0
"""Seconds that tmux may take."""


def filter_words(text: str) -> list[str]:
    """A filter as `handseg runs` takes it; none where nothing is filtered."""
    text = text.strip()
    if text in SUBCOMMANDS:
        # Quotes make it a word to look for.
        text = f'"{text}"'
    # `!` says the same as `-`, which would be an option.
    return [f"!{text[1:]}" if text.startswith("-") else text] if text else []


def sort_words(order: RunOrder) -> list[str]:
    """An order as `handseg runs` takes it; none for the usual one, or one that only we know."""
    if order.name == "trend":
        return []
    words = [] if order.name == "started" else ["--sort", order.name]
    return [*words, "--reverse"] if order.turned else words


def to_tmux(text: str) -> bool:
    """Hand text to tmux, which keeps it and hands it on to its terminal; whether it took it.

    tmux ignores OSC 52 of programs within it unless it is told otherwise.
    """
    if "TMUX" not in os.environ:
        return False
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def svg_of(app: App[Any]) -> str:
    """What is on the screen as SVG; no font is fetched from the net."""
    svg = app.export_screenshot(simplify=True)
    return re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)


def save_picture(svg: str, folder: Path, name: str) -> Path:
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
