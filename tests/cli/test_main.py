"""The command `handseg` as a whole."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from handseg import __version__
from handseg.cli.main import application, run

VERBS = [
    "demo",
    "phantom",
    "crop",
    "train",
    "predict",
    "vote",
    "score",
    "check",
    "diff",
    "convert",
    "tui",
]
LISTS = ["runs", "recipes"]
HEAVY = [
    "torch",
    "pandas",
    "textual",
    "cv2",
    "PIL",
    "numpy",
    "transformers",
    "segmentation_models_pytorch",
    "albumentations",
    "accelerate",
    "timm",
    "scipy",
]


def type_line(*words):
    return CliRunner().invoke(application(), list(words))


def test_help_and_version_load_nothing_heavy():
    script = """
import sys
from handseg.cli.main import main
for word in ("--help", "--version"):
    sys.argv = ["handseg", word]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = re.findall(r"'([^']*)'", done.stdout.splitlines()[-1])
    assert "typer" in loaded
    assert set(HEAVY) & set(loaded) == set()
    assert f"handseg {__version__}" in done.stdout


def test_help_names_every_verb_and_where_to_begin():
    done = type_line("--help")
    assert done.exit_code == 0
    for verb in VERBS + LISTS:
        assert re.search(rf"^\W*{verb} ", done.stdout, re.MULTILINE), verb
    assert "handseg demo" in done.stdout


def test_without_a_verb_help_is_shown():
    assert "handseg demo" in type_line().output


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_says_what_it_does_and_ends_with_examples(verb):
    done = type_line(verb, "--help")
    assert done.exit_code == 0
    head, examples = done.stdout.split("Examples:")
    assert len(head.split()) > 5
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(line.startswith(f"handseg {verb}") for line in lines)
    for word in ("--quiet", "--verbose", "--debug", "--no-progress"):
        assert word in head


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_a_verb_are_lines_that_it_can_read(verb, empty_folder):
    examples = type_line(verb, "--help").stdout.split("Examples:")[1]
    for line in examples.splitlines():
        words = re.findall(r"[^\s]+", line.partition("  #")[0])[1:]
        if words:
            # --help after the words: they are parsed, nothing is done.
            assert type_line(*words, "--help").exit_code == 0, line


@pytest.mark.parametrize("words", [["tarin"], ["train", "--epochs", "3"], ["crop", "x", "y"]])
def test_a_line_that_cannot_be_read_is_exit_2(words):
    assert type_line(*words).exit_code == 2


def test_a_line_run_in_this_process_gives_its_exit_code(empty_folder, capfd):
    assert run(["--version"]) == 0
    assert run(["vote"]) == 3
    assert run(["train"]) == 2


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["crop", "--regions", "wrist,fingertip"], 3, "no data set found"),
        (["train", "recipes/segformer.toml"], 3, "no data set found"),
        (["train", "recipes/none.toml"], 2, "there is no recipe"),
        (["train", "--resume", "last"], 3, "no run"),
        (["predict"], 3, "there is no finished run"),
        (["predict", "unet-1"], 3, "no run"),
        (["score"], 3, "nothing to score"),
        (["runs"], 3, "there are no runs"),
        (["vote"], 3, ""),
    ],
)
def test_in_an_empty_folder_a_command_says_what_to_type_and_creates_nothing(
    empty_folder, line, code, said
):
    done = type_line(*line)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert "handseg" in done.stderr.partition("→")[2]
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("line", [["crop"], ["train", "recipes/segformer.toml"]])
def test_a_missing_data_set_is_said_with_the_place_the_layout_and_a_way_on(empty_folder, line):
    said = type_line(*line).stderr
    assert str(empty_folder / "data") in said
    assert "train/DCM" in said
    assert "outputs_json" in said
    assert "--data" in said
    assert "handseg demo" in said


@pytest.mark.parametrize(
    "line", [["crop"], ["train", "recipes/segformer.toml"], ["predict"], ["score"], ["vote"]]
)
def test_a_refusal_needs_no_torch(tmp_path, line):
    script = f"""
import sys
from handseg.cli.main import run
assert run({line!r}) == 3
print(sorted({{"torch", "transformers", "albumentations", "textual"}} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
