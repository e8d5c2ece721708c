"""`handseg preview` as a person types it."""

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from handseg.cli.preview import preview

app = typer.Typer()
app.command()(preview)


def type_preview(*words):
    return CliRunner().invoke(app, [*words, "--no-progress"])


def test_a_sheet_is_written_with_masks_over_the_samples_and_nothing_else(tiny_recipe, workplace):
    before = {path for path in workplace.rglob("*") if ".handseg" not in path.parts}
    done = type_preview(str(tiny_recipe), "-n", "3", "--out", "sheet.png")
    assert (done.exit_code, done.stdout) == (0, "sheet.png\n")
    assert "3 samples of the first epoch at 64 px" in done.stderr
    with Image.open("sheet.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    # Grey images, and bones in colours.
    assert (np.ptp(pixels, axis=2) > 60).mean() > 0.01
    after = {path for path in workplace.rglob("*") if ".handseg" not in path.parts}
    assert {path.name for path in after - before} == {"sheet.png"}
    assert type_preview(str(tiny_recipe), "--out", "sheet.png").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "stdout is no terminal, where no picture can be drawn"),
        (["--out", "sheet.jpg"], "--out sheet.png"),
        (["--out", "sheet.png", "--data", "nowhere"], "nowhere"),
        (["--out", "sheet.png", "--set", "data.crops=['wrist']"], "handseg crop --regions wrist"),
        (["--out", "sheet.png", "-n", "0"], "0"),
    ],
)
def test_what_cannot_be_shown_is_said_with_what_to_type(tiny_recipe, workplace, words, said):
    done = type_preview(str(tiny_recipe), *words)
    assert done.exit_code in (2, 3)
    assert said in done.stderr
    assert not (workplace / "sheet.png").exists()
