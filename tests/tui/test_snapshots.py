"""Every screen at four sizes looks as it is kept in `snapshots/`.

A file holds the text of the screen, then for each line its stretches of one look: `0-12 a 13 b`
are the cells 0 to 12 in look a and cell 13 in look b; the looks stand at the end. Pictures are
kept as text only. To write the files anew, look at them and commit them:

    HANDSEG_RENEW=1 pytest tests/tui/test_snapshots.py
"""

import difflib
import os
import re
import time
from itertools import groupby
from pathlib import Path
from string import ascii_letters
from typing import Any

import pytest
from rich.style import Style

from tui.app import Dashboard, screen_svg
from tui.demo.folder import frozen_demo, frozen_now
from tui.widgets.half_blocks import HalfBlocks

FOLDER = Path(__file__).parent / "snapshots"
RENEW = "HANDSEG_RENEW"
PICTURE = "picture"
SIZES = ((40, 12), (80, 24), (120, 40), (200, 60))
SCREENS = ("runs", "classes", "viewer", "run")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Any:
    """The demo's runs at a moment that stands still, shown where clocks tell UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        with frozen_demo(tmp_path_factory.mktemp("demo") / "runs") as runs:
            patch.setenv("HANDSEG_RUNS", str(runs))
            yield runs
    time.tzset()


async def settled(app: Dashboard, pilot: Any) -> None:
    for _ in range(500):
        await pilot.pause(0.02)
        if app.settled:
            break
    await pilot.pause(0.05)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_should(demo, screen, size):
    app = Dashboard(demo, None, screen, demo=True, clock=frozen_now)
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        matches(app, f"{screen}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["light", "safe"])
async def test_a_theme_looks_as_it_should(demo, theme):
    app = Dashboard(demo, None, "runs", demo=True, clock=frozen_now, theme=theme)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        matches(app, f"runs-120x40-{theme}")


async def test_the_difference_to_a_pinned_run_looks_as_it_should(demo):
    app = Dashboard(demo, None, "runs", run="segformer-2", demo=True, clock=frozen_now)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        await pilot.press("p", "up", "up")
        await settled(app, pilot)
        matches(app, "runs-120x40-pinned")
        await pilot.press("5")
        await settled(app, pilot)
        matches(app, "run-120x40-pinned")


async def test_the_page_of_keys_looks_as_it_should(demo):
    app = Dashboard(demo, None, "runs", demo=True, clock=frozen_now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(app, pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        matches(app, "help-80x24")


@pytest.mark.parametrize("screen", ["runs", "run"])
async def test_a_picture_of_the_screen_is_as_it_should_be(demo, screen):
    app = Dashboard(demo, None, screen, demo=True, clock=frozen_now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(app, pilot)
        compare(plain_svg(screen_svg(app)), FOLDER / f"{screen}-80x24.svg")


def matches(app: Dashboard, name: str) -> None:
    """Compare the screen with what is kept under a name, or keep it.

    Raises:
        AssertionError: it differs; shows how, and how to renew it.
    """
    compare(described(app), FOLDER / f"{name}.txt")


def compare(found: str, path: Path) -> None:
    """Compare a text with a file, or write the file."""
    if os.environ.get(RENEW):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
        return
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    if found != kept:
        lines = difflib.unified_diff(
            kept.splitlines(), found.splitlines(), "kept", "found", lineterm="", n=0
        )
        difference = "\n".join(list(lines)[:80])
        raise AssertionError(
            f"{path.name} differs; if that is wanted: {RENEW}=1 pytest {__file__}\n{difference}"
        )


def described(app: Dashboard) -> str:
    """The screen as text, then its styles."""
    rows = [looks_of_line(app, y) for y in range(app.size.height)]
    names = {look: ascii_letters[place] for place, look in enumerate(sorted(looks(rows)))}
    text = ["".join(sign for sign, _ in row).rstrip() for row in rows]
    styles = [stretches(row, names) for row in rows]
    legend = [f"{letter} {look}" for look, letter in names.items()]
    return "\n".join([*text, "", *styles, "", *legend, ""])


def looks_of_line(app: Dashboard, y: int) -> list[tuple[str, str]]:
    """Each cell of a line of the screen: its sign and its look."""
    pictures = [widget.region for widget in app.screen.query(HalfBlocks)]
    # As for the frame of `--once`: Textual has no public way to what is on the screen.
    strips: list[Any] = app.screen._compositor.render_strips(app.size)
    cells: list[tuple[str, str]] = []
    for segment in strips[y]:
        look = look_of(segment.style or Style())
        for sign in segment.text:
            is_picture = any(region.contains(len(cells), y) for region in pictures)
            cells.append((sign, PICTURE if is_picture and sign == "▀" else look))
    return cells


def look_of(style: Style) -> str:
    """A style in words that do not depend on the terminal."""
    words = [word for word in ("bold", "reverse", "underline") if getattr(style, word)]
    colours = [
        colour.triplet.hex if colour is not None and colour.triplet else "-"
        for colour in (style.color, style.bgcolor)
    ]
    return " on ".join(colours) + "".join(f" {word}" for word in words)


def looks(rows: list[list[tuple[str, str]]]) -> set[str]:
    return {look for row in rows for _, look in row}


def stretches(row: list[tuple[str, str]], names: dict[str, str]) -> str:
    """The looks of a line, each with the cells that have it."""
    found, start = [], 0
    for look, group in groupby(look for _, look in row):
        end = start + len(list(group)) - 1
        found.append(f"{start}-{end} {names[look]}" if end > start else f"{start} {names[look]}")
        start = end + 1
    return " ".join(found)


def plain_svg(svg: str) -> str:
    """An SVG without the numbers by which Rich tells several on one page apart."""
    return re.sub(r"terminal-\d+", "terminal", svg)
