"""`--image-size` that is the other way round, or that nothing asks for, in every command."""

import numpy as np
import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.rle.submission import write_submission

COMMANDS = [
    ("vote", "a.csv", "a.csv", "--out", "-"),
    ("convert", "a.csv", "--to", "coco", "--out", "made.json"),
    ("score", "a.csv", "--labels", "a.csv", "--metrics", "nsd"),
    ("check", "a.csv"),
]


@pytest.fixture
def handseg(tmp_path, monkeypatch):
    """Types a command beside a.csv: bones of an image of 300 rows of 200 pixels."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDSEG_DATA", "HANDSEG_RUNS"):
        monkeypatch.delenv(name, raising=False)

    def write(**sidecar):
        mask = np.zeros((300, 200), np.uint8)
        mask[40:260, 30:170] = np.tri(220, 140)
        rows = [("i.png", cls, rle.from_mask(mask)) for cls in ("Radius", "Ulna")]
        write_submission(tmp_path / "a.csv", rows, sidecar)

    def type_line(*words):
        return CliRunner().invoke(application(), [*words, "--no-progress"])

    write()
    type_line.write = write
    return type_line


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_size_the_other_way_round_gives_the_line_with_the_right_one(handseg, words):
    turned = handseg(*words, "--image-size", "200x300")
    said = turned.stdout + turned.stderr
    assert "--image-size 300x200" in said
    assert "200 × 300" in said or "300 × 200" in said
    assert turned.exit_code == (0 if words[0] == "check" else 3), "check has it as a finding"
    right = handseg(*words, "--force" if "made.json" in words else "-v", "--image-size", "300x200")
    assert right.exit_code == 0
    assert "x200" not in right.stdout + right.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_size_that_nothing_asks_for_is_said_to_be_so(handseg, words):
    handseg.write(images={"i.png": [300, 200]})
    done = handseg(*words, "--image-size", "30x20")
    assert done.exit_code == 0
    expected = "warning: --image-size 30x20 is not asked: the images are 200 × 300 (width × height)"
    assert expected in done.stderr
