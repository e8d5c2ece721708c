"""What a person sees and does, through Textual's pilot."""

import shutil

import numpy as np
import pytest

from handseg.runs import layout
from tui.screens.viewer import ViewerScreen
from tui.widgets.lines import without_middle


async def test_every_run_is_shown_with_its_state(person, runs):
    async with person(runs) as somebody:
        await somebody.sees("● unet-1", "✖ killed-1", "✗ failed-1", "■ stopped-1", "✔ old-1")
        await somebody.sees("! broken-1", "12/20", "oom", "4m", "●1 ✖1 ■1 ✗1 ✔1 !1")


async def test_all_bones_of_the_highlighted_run_are_shown_and_the_worst_is_marked(person, runs):
    async with person(runs) as somebody:
        await somebody.sees(
            "bones of unet-1, epoch 12", "!Pisiform", "finger-1 ", "finger-15", "Ulna"
        )
        await somebody.sees("worst   Pisiform .884", "pid ")


async def test_moving_the_cursor_shows_another_run(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down", "down")
        await somebody.sees(
            "─ failed-1 ─", "bones of failed-1, epoch 1 ", "handseg train --resume failed-1"
        )
        await somebody.press("end")
        await somebody.sees("─ broken-1 ─", "! broken")


async def test_the_cursor_stays_with_its_run_when_a_new_one_comes(person, runs, make_run):
    async with person(runs) as somebody:
        await somebody.press("down")
        make_run("newer", epochs=1)
        await somebody.sees("● newer-1", "─ killed-1 ─")


async def test_a_live_run_moves_on_the_screen(person, make_run):
    writer = make_run("live", epochs=2, of=9)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("2/9")
        writer.step(30, loss=0.125)
        writer.validation(step=30, epoch=3, dice={"finger-1": 0.123})
        await somebody.sees("3/9", "bones of live-1, epoch 3", ".1230")
        writer.end("finished")
        await somebody.sees("✔ live-1", "✔ finished")


async def test_a_folder_that_vanishes_takes_only_its_own_line_along(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down")
        shutil.rmtree(runs / "killed-1")
        await somebody.sees("killed-1 is gone", "5 of 5 shown")
        await somebody.sees("▸ ✗ failed-1", "─ failed-1 ─")


async def test_a_log_that_breaks_while_it_is_shown_marks_only_its_run(person, runs):
    async with person(runs) as somebody:
        (runs / "unet-1" / layout.EVENTS).write_bytes(b"nonsense\n")
        await somebody.sees("! unet-1", "✔ old-1", "bad log")


async def test_v_draws_the_next_curve_and_shift_v_the_one_before(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down")  # killed: its steps are written
        await somebody.sees("─ validation Dice", "━ killed-1")
        await somebody.press("v")
        await somebody.sees("─ loss")
        await somebody.press("V")
        await somebody.sees("─ validation Dice")


async def test_text_of_data_is_never_markup(person, make_run):
    names = ("[red]x[/]", "[/]", "[bold", "\x1b[31m\n")
    writer = make_run("[link]", classes=names, pictures=("[b]i[/].png",))
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("[link]-1", "[red]x[/]", "[bold")
        await somebody.press("enter")
        await somebody.sees("[b]i[/].png", "[red]x[/]")


async def test_45_classes_are_shown(person, make_run):
    writer = make_run("many", classes=tuple(f"class {n}" for n in range(45)))
    async with person(writer.folder.parent, size=(200, 60)) as somebody:
        await somebody.sees("class 0 ", "class 44 ")


async def test_question_mark_opens_the_help_and_escape_closes_it(person, runs):
    async with person(runs) as somebody:
        await somebody.press("question_mark")
        await somebody.sees("choose a run, or a bone", "1 Runs", "● running")
        await somebody.press("escape")
        await somebody.until(lambda: "choose a bone" not in somebody.screen)


async def test_enter_opens_the_pictures_of_the_run_and_escape_goes_back(person, runs):
    async with person(runs) as somebody:
        await somebody.press("enter")
        await somebody.sees("[3 Viewer]", "image1.png", "1/2", "unet-1", "epoch 12", ".800")
        assert len(somebody.colours) > 29
        await somebody.press("n")
        await somebody.sees("image2.png", "2/2")
        await somebody.press("N")
        await somebody.sees("image1.png", "1/2")
        await somebody.press("escape")
        await somebody.sees("[1 Runs]")


async def test_a_chosen_bone_is_highlighted_and_o_hides_the_others(person, runs):
    def saturated(colours):
        return [c for c in colours if max(c) - min(c) > 60]

    async with person(runs) as somebody:
        await somebody.press("enter")
        everything = len(saturated(somebody.colours))
        await somebody.press("down")
        await somebody.sees("prediction  finger-1")
        alone = saturated(somebody.colours)
        assert 0 < len(alone) < everything / 2
        assert all(red > blue for red, _, blue in alone), "finger-1 is red"
        await somebody.press("o")
        await somebody.sees("finger-1 only")
        painted = [c for c in somebody.colours if max(c) != min(c)]
        assert len(painted) <= len(alone) + 4
        await somebody.press("a")
        await somebody.sees("prediction  all bones")
        assert len(saturated(somebody.colours)) == everything


async def test_v_goes_from_prediction_to_label_to_both(person, runs):
    async with person(runs) as somebody:
        await somebody.press("enter")
        before = somebody.colours
        await somebody.press("v")
        await somebody.sees(" label  all bones")
        assert somebody.colours != before
        await somebody.press("v")
        await somebody.sees("prediction against label", "missed", "too much")
        await somebody.press("v")
        await somebody.sees(" prediction  all bones")


async def test_brackets_go_through_the_validations(person, runs):
    async with person(runs) as somebody:
        await somebody.press("enter", "left_square_bracket")
        await somebody.sees("epoch 11  (1 of 2)", ".700")
        await somebody.press("right_square_bracket")
        await somebody.sees("epoch 12", ".800")


async def test_a_new_preview_of_a_live_run_is_shown(person, make_run):
    writer = make_run("live", epochs=3, pictures=("a.png",))
    async with person(writer.folder.parent) as somebody:
        await somebody.press("enter")
        await somebody.sees("a.png", "epoch 3", ".800")
        image, planes = np.zeros((96, 96), np.uint8), np.zeros((96, 96, 4), np.uint8)
        writer.preview(40, "a.png", image, planes, None)
        writer.validation(step=40, epoch=4, dice={"finger-1": 0.1})
        await somebody.sees("epoch 4", ".000")


async def test_a_damaged_preview_says_so(person, runs):
    (runs / "unet-1" / "previews" / "image1.png" / "00000120.npz").write_bytes(b"no")
    async with person(runs) as somebody:
        await somebody.press("enter")
        await somebody.sees("image1.png", "00000120.npz")
        await somebody.press("n")
        await somebody.sees("image2.png", "prediction  all bones")


async def test_without_runs_the_viewer_shows_the_data_set_with_its_labels(
    person, tmp_path, phantom_folder
):
    async with person(tmp_path / "runs", phantom_folder) as somebody:
        assert isinstance(somebody.app.screen, ViewerScreen)
        await somebody.sees("data set", " label  all bones", "1/12", "finger-19")
        assert len(somebody.colours) > 29
        first = somebody.screen.splitlines()[1]
        await somebody.press("n")
        await somebody.sees("2/12")
        assert somebody.screen.splitlines()[1] != first


async def test_with_neither_runs_nor_data_it_says_how_to_begin(person, tmp_path, make_run):
    async with person(tmp_path / "runs", tmp_path / "data") as somebody:
        await somebody.sees("no runs and no data set", "handseg demo", "tui --demo", "? help")
        make_run("first", epochs=1)
        await somebody.sees("● first-1", "[1 Runs]")


async def test_q_quits(person, runs):
    async with person(runs) as somebody:
        await somebody.pilot.press("q")
        await somebody.pilot.pause()
        assert somebody.app.return_code == 0


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_every_bone_and_the_help_fit_on_usual_terminals(person, runs, size):
    async with person(runs, size=size) as somebody:
        await somebody.sees("finger-1 ", "finger-15", "Ulna", "? help", "● unet-1")
        await somebody.press("enter")
        await somebody.sees("image1.png", "finger-1 ", "? help")
        assert all(len(line) <= size[0] for line in somebody.screen.splitlines())


async def test_in_a_narrow_window_tab_goes_from_the_bones_to_the_curve_to_the_run(person, runs):
    async with person(runs, size=(80, 24)) as somebody:
        await somebody.press("down")
        await somebody.sees("[bones]", "killed-1, epoch 6", "finger-1 ")
        await somebody.press("tab", "tab")
        await somebody.sees("[curve]", "─ validation Dice")
        await somebody.sees_no("finger-1 ")
        await somebody.press("tab")
        await somebody.sees("[run]", "state   ✖ dead", "resume  handseg train --resume killed-1")
        await somebody.press("tab")
        await somebody.sees("[bones]", "finger-1 ")


async def test_in_a_narrow_window_a_click_brings_a_part_and_v_the_curve(person, runs):
    async with person(runs, size=(80, 24)) as somebody:
        await somebody.clicks("run  ")
        await somebody.clicks(" run   ")
        await somebody.sees("[run]", "state   ● running")
        await somebody.press("v")
        await somebody.sees("[curve]", "─ validation Dice")


async def test_a_very_small_window_keeps_what_matters(person, runs):
    async with person(runs, size=(40, 12)) as somebody:
        await somebody.sees("running", "12/20", ".9445", "Pisiform .884", "? help")


async def test_no_size_stops_it(person, runs):
    async with person(runs) as somebody:
        for size in ((2, 1), (1, 1), (10, 3), (60, 18), (80, 24)):
            await somebody.pilot.resize_terminal(*size)
            for key in ("3", "1", "question_mark", "escape"):
                await somebody.pilot.press(key)
        await somebody.sees("● unet-1")


def test_a_long_name_keeps_its_number():
    assert without_middle("demo-segformer-3", 14) == "demo-seg…mer-3"
    assert without_middle("unet-1", 14) == "unet-1"
