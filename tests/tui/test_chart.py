"""The curves: what a person sees of them and does to them."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.app import App
from textual.pilot import Pilot

from handseg.runs.history import RunDetails, Series
from handseg.runs.summary import RunSummary
from tui.state import State
from tui.theme import DARK, THEMES
from tui.widgets.chart import Chart

CLASSES = ("Radius", "[red]Ulna[/]")
BRAILLE = range(0x2801, 0x2900)


def run(name: str, *, epochs: int = 20, top: float = 0.9, steps_per_epoch: int | None = 50):
    """A run read whole: Dice rise to `top` like 1 − exp, the loss falls like 1/step."""
    places = np.arange(1.0, epochs + 1)
    means = top * (1 - np.exp(-places / 4))
    steps = np.arange(1, epochs * 50 + 1)
    loss = 1 / steps
    loss[4] = math.nan
    summary = RunSummary(
        Path(name),
        name,
        "running",
        classes=CLASSES,
        steps_per_epoch=steps_per_epoch,
        best_dice=float(means[-1]),
        best_by_class={"Radius": 0.5},
    )
    return RunDetails(
        summary=summary,
        run={},
        events=(),
        validation_steps=(places * 50).astype(np.int64),
        epochs=places,
        times=places,
        means=means,
        dice=np.stack([means / 2, means], axis=1),
        steps={
            "lr": Series(steps, np.full(len(steps), 6e-5)),
            "loss": Series(steps, loss),
            "grad": Series(steps, loss * 2),
        },
    )


class Bench(App[None]):
    """A chart and nothing else, of runs of which the last one is highlighted."""

    CSS = "Chart { height: 1fr; width: 1fr; }"

    def __init__(self, *runs: RunDetails) -> None:
        super().__init__()
        self.state = State(Path(), None)
        self.state.take_runs([one.summary for one in runs])
        for one in runs[:-1]:
            self.state.toggle_selected(one.summary.name)
        self.state.highlight(runs[-1].summary.name)
        for one in runs:
            self.state.take_details(one.summary.name, one)
        self.chart = Chart(self.state)

    def compose(self):
        yield self.chart


class Person:
    def __init__(self, app: Bench, pilot: Pilot[None]) -> None:
        self.app, self.pilot, self.chart = app, pilot, app.chart

    @property
    def lines(self) -> list[str]:
        return [self.chart.render_line(y).text for y in range(self.chart.size.height)]

    @property
    def screen(self) -> str:
        return "\n".join(self.lines)

    @property
    def colours(self) -> set[str]:
        """The colours in which braille is drawn."""
        return {
            segment.style.color.name
            for y in range(self.chart.size.height)
            for segment in self.chart.render_line(y)
            if segment.style and any(ord(sign) in BRAILLE for sign in segment.text)
        }

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def person(*runs: RunDetails, size: tuple[int, int] = (80, 20)) -> AsyncIterator[Person]:
    app = Bench(*runs)
    async with app.run_test(size=size) as pilot:
        app.chart.focus()
        await pilot.pause()
        yield Person(app, pilot)


async def test_the_mean_dice_of_a_run_rises_over_its_epochs():
    async with person(run("unet-1")) as somebody:
        assert "validation Dice" in somebody.lines[0]
        assert "linear" in somebody.lines[0]
        assert "unet-1 .8939" in somebody.lines[-1]
        rows = [row for row, line in enumerate(somebody.lines) for s in line if ord(s) in BRAILLE]
        left = next(row for row, line in enumerate(somebody.lines) if ord(line[-1]) in BRAILLE)
        assert min(rows) == left, "highest at the right end"
        assert somebody.lines[-2].rstrip().endswith("epoch")


async def test_every_run_has_a_colour_of_its_own_and_a_place_in_the_legend():
    runs = [run(f"run-{n}", top=0.9 - 0.15 * n) for n in range(3)]
    async with person(*runs) as somebody:
        state = somebody.app.state
        expected = {DARK.series[state.series_of(f"run-{n}")] for n in range(3)}
        assert len(expected) == 3
        assert somebody.colours == expected
        assert all(f"run-{n} " in somebody.lines[-1] for n in range(3))


async def test_more_runs_than_the_legend_has_room_for_are_counted():
    async with person(*[run(f"run-{n}") for n in range(8)]) as somebody:
        assert "run-7 " in somebody.lines[-1], "the highlighted one first"
        assert "+" in somebody.lines[-1]


async def test_v_goes_through_the_values_and_shift_v_back():
    async with person(run("unet-1")) as somebody:
        seen = []
        for _ in range(4):
            seen.append(somebody.lines[0].split("  ")[0].removeprefix("─ "))
            await somebody.press("v")
        assert seen == ["validation Dice", "loss", "learning rate", "grad"]
        assert "validation Dice" in somebody.lines[0]
        await somebody.press("V")
        assert "grad" in somebody.lines[0]


async def test_the_chosen_bone_has_a_curve_and_its_name_is_no_markup():
    async with person(run("unet-1")) as somebody:
        somebody.app.state.chosen_class = "[red]Ulna[/]"
        await somebody.press("v")
        assert "Dice of [red]Ulna[/]" in somebody.lines[0]
        assert "unet-1 .8939" in somebody.lines[-1]
        somebody.app.state.chosen_class = "Radius"
        somebody.chart.update()
        assert "Dice of Radius" in somebody.lines[0]
        assert "unet-1 .4470" in somebody.lines[-1]
        somebody.app.state.chosen_class = None
        somebody.chart.update()
        assert "validation Dice" in somebody.lines[0]


async def test_l_draws_logarithms_with_powers_of_ten_at_the_axis():
    async with person(run("unet-1")) as somebody:
        await somebody.press("v")
        assert "linear" in somebody.lines[0]
        await somebody.press("l")
        assert "log" in somebody.lines[0]
        assert " .01┤" in somebody.screen
        await somebody.press("l")
        assert " .01┤" not in somebody.screen


async def test_z_smooths_more_and_more_and_then_no_longer():
    async with person(run("unet-1")) as somebody:
        plain = somebody.lines[1:-1]
        for factor in ("0.6", "0.9", "0.97"):
            await somebody.press("z")
            assert f"smooth {factor}" in somebody.lines[0]
        assert somebody.lines[1:-1] != plain
        await somebody.press("z")
        assert somebody.lines[1:-1] == plain


async def test_x_goes_from_epochs_to_steps():
    async with person(run("unet-1")) as somebody:
        await somebody.press("x")
        assert somebody.lines[-2].rstrip().endswith("step")
        assert "800" in somebody.lines[-2]


async def test_a_run_that_does_not_know_its_epochs_is_drawn_over_steps():
    lost = run("lost-1", steps_per_epoch=None)
    lost = RunDetails(**{**vars(lost), "epochs": np.full(20, np.nan)})
    async with person(lost) as somebody:
        assert "800" in somebody.lines[-2]
        await somebody.press("v")
        assert somebody.lines[-2].rstrip().endswith("step")
        assert somebody.colours


async def test_the_cursor_reads_the_value_at_its_place():
    async with person(run("unet-1"), run("short-1", epochs=10)) as somebody:
        await somebody.press("left")
        assert "epoch 20.0" in somebody.lines[-1], "where the value is, not the cursor"
        assert "unet-1 .8939" in somebody.lines[-1]
        assert "short-1 –" in somebody.lines[-1], "it has ended there"
        assert "19.9▲" in somebody.lines[-2]
        for _ in range(45):
            somebody.chart.action_curve("cursor_left")
        assert "short-1 ." in somebody.lines[-1]
        assert "│" in somebody.lines[2][10:]
        for _ in range(50):
            somebody.chart.action_curve("cursor_right")
        assert "epoch 20.0" in somebody.lines[-1], "it stays within"


async def test_the_cursor_reads_the_nearest_validation_however_close_the_part_is():
    async with person(run("unet-1")) as somebody:
        await somebody.press("left", *["left"] * 10, *["plus"] * 6)
        *_, reading = somebody.lines
        epoch = float(reading.split("at epoch ")[1])
        assert epoch == round(epoch), "validations were at whole epochs"
        assert "unet-1 –" not in reading


async def test_the_cursor_reads_whole_steps():
    async with person(run("unet-1")) as somebody:
        await somebody.press("x", "left", "left", "left")
        place = somebody.lines[-1].split(" at step ")[1].strip().replace(" ", "")
        assert place.isdigit()
        assert "." not in somebody.lines[-2]


async def test_the_title_explains_only_the_signs_that_are_drawn_and_fit():
    async with person(run("unet-1")) as somebody:
        assert "raw band" not in somebody.lines[0], "20 values in 73 columns"
    async with person(run("unet-1", epochs=200)) as somebody:
        assert "raw band" in somebody.lines[0], "200 values in 73 columns"
    async with person(run("unet-1"), size=(45, 20)) as somebody:
        assert "validation Dice  ━ mean  linear" in somebody.lines[0]
        assert "…" not in somebody.lines[0]


async def test_plus_shows_what_is_around_the_cursor_closer_and_zero_all_of_it():
    async with person(run("unet-1")) as somebody:
        await somebody.press("plus", "plus")
        assert "× 4" in somebody.lines[0]
        assert somebody.chart.window.shown == (7.5, 12.5)
        await somebody.press("greater_than_sign")
        assert somebody.chart.window.shown == (8.75, 13.75)
        await somebody.press("less_than_sign", "shift+left")
        assert somebody.chart.window.shown == (6.25, 11.25)
        await somebody.press("minus")
        assert "× 2" in somebody.lines[0]
        await somebody.press("0")
        assert somebody.chart.window.shown == (0.0, 20.0)
        assert "×" not in somebody.lines[0]


async def test_one_cannot_leave_the_curves_by_zoom_or_pan():
    async with person(run("unet-1")) as somebody:
        await somebody.press("minus", "greater_than_sign")
        assert somebody.chart.window.shown == (0.0, 20.0)
        await somebody.press("left", *["plus"] * 3)
        for _ in range(25):
            somebody.chart.action_curve("closer")
        low, high = somebody.chart.window.shown
        assert 0 <= low < high <= 20
        assert somebody.colours, "the line goes on between two values"
        await somebody.press(*["greater_than_sign"] * 5)
        assert somebody.chart.window.shown[1] <= 20


async def test_the_mouse_reads_scrolls_and_drags():
    async with person(run("unet-1")) as somebody:
        pilot, window = somebody.pilot, somebody.chart.window
        await pilot.hover(Chart, offset=(43, 5))
        assert "at epoch 10" in somebody.lines[-1]
        before = window.cursor
        somebody.chart._wheel(_mouse(43), 0.5)
        assert window.scale == pytest.approx(2)
        assert window.cursor == before, "what is under the mouse stays there"
        shown = window.shown
        await pilot.mouse_down(Chart, offset=(43, 5))
        await pilot.hover(Chart, offset=(33, 5))
        await pilot.mouse_up(Chart, offset=(33, 5))
        assert window.shown[0] > shown[0], "drawn to the left: later"


def _mouse(x: int):
    from textual import events

    return events.MouseScrollUp(None, x, 5, 0, 0, 0, False, False, False)


async def test_what_runs_out_of_the_picture_is_marked():
    async with person(run("unet-1")) as somebody:
        await somebody.press("v")
        assert "▲" in somebody.lines[1], "the first losses"


async def test_the_best_of_all_runs_is_a_faint_line():
    best = RunSummary(Path("x"), "x", "finished", best_dice=0.8)
    async with person(run("low-1", top=0.7)) as somebody:
        assert "best of all" in somebody.lines[0]
        somebody.app.state.runs.append(best)
        somebody.chart.update()
        await somebody.press("v")
        assert "best of all" not in somebody.lines[0], "a loss has no such line"
        assert "·" not in somebody.screen


async def test_nothing_is_drawn_anew_as_long_as_nothing_changed():
    one, other = run("one-1"), run("two-1")
    async with person(one, other) as somebody:
        strips, line = somebody.chart._strips, somebody.chart._reduced["one-1"].line
        somebody.chart.update()
        assert somebody.chart._strips is strips
        somebody.app.state.take_details("two-1", run("two-1", top=0.8))
        somebody.chart.update()
        assert somebody.chart._strips is not strips
        assert somebody.chart._reduced["one-1"].line is line, "only what changed is reduced"


async def test_another_theme_draws_in_other_colours():
    async with person(run("unet-1")) as somebody:
        dark = somebody.colours
        somebody.app.register_theme(THEMES["light"].to_textual())
        somebody.app.theme = "light"
        somebody.chart.update()
        assert somebody.colours != dark


async def test_a_run_without_values_says_so_and_no_run_too():
    empty = RunDetails(
        **{
            **vars(run("new-1")),
            "validation_steps": np.empty(0, np.int64),
            "epochs": np.empty(0),
            "means": np.empty(0),
            "dice": np.empty((0, 2)),
            "steps": {},
        }
    )
    async with person(empty) as somebody:
        assert "nothing logged yet" in somebody.screen
        await somebody.press("v", "plus", "left", "0", "l", "z", "x", "less_than_sign")
        somebody.app.state.take_runs([])
        somebody.chart.update()
        assert "no runs" in somebody.screen


async def test_values_that_are_all_no_numbers_draw_an_empty_chart():
    broken = RunDetails(**{**vars(run("nan-1")), "means": np.full(20, np.nan)})
    async with person(broken) as somebody:
        assert not somebody.colours
        assert "nan-1 –" in somebody.lines[-1]


@pytest.mark.parametrize("size", [(2, 1), (1, 1), (8, 3), (9, 4), (20, 6), (200, 60)])
async def test_no_size_stops_it(size):
    async with person(run("unet-1"), run("unet-2"), size=size) as somebody:
        await somebody.press("v", "l", "left", "plus", "x")
        assert all(len(line) == size[0] for line in somebody.lines)
