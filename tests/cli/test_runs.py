"""`handseg runs` as a person types it."""

import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from handseg.cli.main import application
from handseg.runs.writer import RunWriter

CLASSES = ("finger-1", "Pisiform", "Radius")
IMAGES = [f"image{number}.png" for number in range(24)]
PEOPLE = [f"ID{number // 2}" for number in range(24)]
HELD_BACK = np.random.default_rng(0).uniform(0.6, 0.9, (24, 3))


@pytest.fixture
def type_runs(empty_folder):
    return lambda *words, **given: CliRunner().invoke(application(), ["runs", *words], **given)


@pytest.fixture
def make(empty_folder):
    """Makes a run in `runs/` with one validation, `gain` better than others."""

    def run(name, *, gain=0.0, state="finished", fold=0, images=IMAGES, recipe="unet"):
        facts = {"classes": CLASSES, "fold": fold, "epochs": 10, "steps_per_epoch": 5}
        writer = RunWriter.create(
            Path("runs"), recipe, recipe_toml="schema = 1\n", facts=facts, name=name
        )
        dice = HELD_BACK + gain
        writer.step(5, loss=0.5)
        writer.scores(5, images, CLASSES, dice, PEOPLE)
        means = dict(zip(CLASSES, dice.mean(axis=0).tolist(), strict=True))
        writer.validation(step=5, epoch=1, dice=means)
        if state:
            writer.end(state, "SIGTERM" if state == "stopped" else "")
        return writer

    return run


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_the_list_says_of_each_run_what_matters_the_newest_first(type_runs, make):
    make("unet-1")
    live = make("segf-1", state=None, fold=2, recipe="segformer")
    done = type_runs()
    assert done.exit_code == 0
    head, first, second = done.stdout.splitlines()
    assert head.split()[:5] == ["state", "run", "recipe", "fold", "epoch"]
    worst, dice = min(zip(CLASSES, HELD_BACK.mean(axis=0), strict=True), key=lambda pair: pair[1])
    assert first.split()[:6] == ["●", "running", "segf-1", "segformer", "2", "1/10"]
    assert f"{worst} {dice:.3f}".replace(" 0.", " .") in first
    assert second.split()[:3] == ["✔", "finished", "unet-1"]
    assert "ago" in second
    assert "handseg runs show segf-1" in done.stderr
    live.end("finished")


def test_filters_choose_and_options_may_follow_them(type_runs, make):
    make("unet-1", gain=0.05)
    make("unet-2", fold=1, state="stopped")
    make("manet-1", recipe="manet")
    listed = [row["name"] for row in rows(type_runs("unet", "--csv").stdout)]
    assert listed == ["unet-2", "unet-1"]
    done = type_runs("state:stopped,finished !fold:1", "--sort", "best", "--json")
    assert [row["name"] for row in json.loads(done.stdout)] == ["unet-1", "manet-1"]
    assert type_runs("--csv", "--", "-unet").stdout.count("\n") == 2


def test_programs_get_figures_in_full(type_runs, make):
    make("unet-1", gain=0.05, state="stopped")
    (row,) = json.loads(type_runs("--json").stdout)
    assert row["best"] == pytest.approx((HELD_BACK + 0.05).mean())
    assert (row["state"], row["reason"], row["fold"], row["epochs"]) == (
        "stopped",
        "SIGTERM",
        0,
        10,
    )
    assert set(row["dice"]) == set(CLASSES)
    (line,) = rows(type_runs("--csv").stdout)
    assert float(line["best"]) == row["best"]
    assert type_runs("--csv", "--json").exit_code == 2


def test_a_filter_that_matches_nothing_is_an_empty_table_and_said(type_runs, make):
    make("unet-1")
    done = type_runs("segf")
    assert done.exit_code == 0
    assert "0 of 1 runs hold segf" in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert type_runs("segf", "--json").stdout == "[]\n"
    assert len(type_runs("segf", "--csv").stdout.splitlines()) == 1


def test_a_misspelt_verb_is_taken_for_a_filter_and_that_is_said(type_runs, make):
    make("unet-1")
    assert "shwo is a filter here (did you mean show?)" in type_runs("shwo", "last").stderr
    assert "is a filter here" not in type_runs("segf").stderr
    make("shwo-1")
    assert "is a filter here" not in type_runs("shwo").stderr


def test_a_line_to_type_can_be_pasted_though_the_name_has_blanks(type_runs, make):
    make("long night")
    assert "handseg runs show 'long night'   #" in type_runs().stderr
    Path("runs").rename("elsewhere")
    said = type_runs("--runs", "elsewhere").stderr
    assert "handseg runs show 'long night' --runs elsewhere   #" in said


@pytest.mark.parametrize("verb", [(), ("show", "last"), ("rm", "last"), ("compare", "a", "b")])
def test_without_runs_a_way_on_is_said(type_runs, verb):
    done = type_runs(*verb)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "handseg train" in done.stderr
    assert "handseg demo" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stat:running"], "did you mean state"),
        (["--sort", "bst"], "did you mean best"),
        (["show", "unet-1", "--json", "--csv"], "two formats"),
        (["compare", "unet-1"], "needs two runs"),
        (["compare", "unet-1", "unet-1"], "needs two runs"),
    ],
)
def test_a_line_that_cannot_be_meant_is_exit_2(type_runs, make, words, said):
    make("unet-1")
    done = type_runs(*words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_folder_of_runs_may_be_named_before_or_after_the_verb(type_runs, make, tmp_path):
    make("unet-1")
    Path("runs").rename("elsewhere")
    for words in (
        ["--runs", "elsewhere", "show", "unet"],
        ["show", "--runs", "elsewhere", "unet"],
        ["--runs=elsewhere", "show", "unet"],
    ):
        assert type_runs(*words).exit_code == 0, words
    assert type_runs("--runs", "elsewhere", "unet").exit_code == 0


def test_show_tells_state_classes_and_how_to_go_on(type_runs, make):
    make("unet-1", state="stopped")
    done = type_runs("show", "unet")
    assert "stopped: SIGTERM" in done.stdout
    assert "handseg train --resume unet-1" in done.stdout
    for name in CLASSES:
        assert name in done.stdout
    by_class = rows(type_runs("show", "unet-1", "--sort", "class", "--csv").stdout)
    assert [row["class"] for row in by_class] == list(CLASSES)
    found = json.loads(type_runs("show", "unet-1", "--json").stdout)
    assert found["resume"] == "handseg train --resume unet-1"
    assert [row["name"] for row in found["classes"]] == list(CLASSES)


def test_show_against_another_run_gives_the_differences(type_runs, make):
    make("a", gain=0.05)
    make("b")
    table = rows(type_runs("show", "a", "--against", "b", "--csv").stdout)
    assert [float(row["difference"]) for row in table] == pytest.approx([0.05] * 3)
    done = type_runs("show", "a", "--against", "b")
    assert "▲ +.0500" in done.stdout
    assert "the recipes are the same" in done.stdout


def test_show_writes_a_page_and_prints_its_path_alone(type_runs, make):
    make("a")
    done = type_runs("show", "a", "--html", "a.html")
    assert (done.exit_code, done.stdout) == (0, "a.html\n")
    assert Path("a.html").read_text().startswith("<!doctype html>")
    assert type_runs("show", "a", "--html", "a.html").exit_code == 2
    assert type_runs("show", "a", "--html", "a.html", "--force").exit_code == 0


def test_compare_says_in_words_whether_it_is_more_than_noise(type_runs, make):
    make("a")
    make("b", gain=0.01)
    make("c")
    done = type_runs("compare", "a", "b", "c")
    assert done.exit_code == 0
    assert re.search(r"^b .*▲ \+\.0100 .* more than noise", done.stdout, re.MULTILINE)
    assert re.search(r"^c .* no more than noise", done.stdout, re.MULTILINE)
    assert "24 images of 12 people" in done.stderr
    images = rows(type_runs("compare", "a", "b", "--by", "image", "--csv").stdout)
    assert len(images) == 24
    found = json.loads(type_runs("compare", "a", "b", "--json").stdout)
    assert found["others"][0]["verdict"] == "more than noise"


def test_runs_of_other_folds_are_not_compared(type_runs, make):
    make("a")
    make("b", fold=1, images=[f"x{name}" for name in IMAGES])
    done = type_runs("compare", "a", "b")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "no image in common" in done.stderr


def test_rm_says_what_it_frees_and_asks_only_a_terminal(type_runs, make):
    make("a")
    make("b")
    done = type_runs("rm", "a")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert Path("runs/a").is_dir()
    done = type_runs("rm", "a", "b", "--yes")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "freed" in done.stderr
    assert list(Path("runs").iterdir()) == []


def test_rm_of_a_live_run_removes_nothing_of_the_others_either(type_runs, make):
    make("a")
    live = make("live", state=None)
    done = type_runs("rm", "a", "live", "--yes")
    assert done.exit_code == 2
    assert "live is being trained" in done.stderr
    assert Path("runs/a").is_dir()
    live.end("finished")


def test_rm_of_checkpoints_leaves_the_run(type_runs, make):
    folder = make("a").folder
    for step in (5, 10):
        place = folder / f"checkpoints/step-{step:08d}"
        place.mkdir(parents=True)
        (place / "state.pt").write_bytes(b"x" * 1000)
    (folder / "checkpoints/last").write_text("step-00000010")
    done = type_runs("rm", "a", "--checkpoints", "--yes")
    assert done.exit_code == 0
    assert "steps 5: 1 kB" in done.stderr
    assert [path.name for path in folder.glob("checkpoints/step-*")] == ["step-00000010"]
    assert "nothing to spare" in type_runs("rm", "a", "--checkpoints", "--yes").stderr


def in_terminal(*words, columns=80, answer=b""):
    """What a command prints on a terminal of that width, stdout and stderr together."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-c", "from handseg.cli.main import main; main()", *words]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.write(ours, answer)
    found = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:
            break
        if not block:
            break
        found += block
    os.close(ours)
    assert child.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", found.decode()).replace("\r", "")


@pytest.mark.parametrize("columns", [80, 40, 120])
def test_on_a_terminal_no_line_wraps(make, columns):
    make("a-run-with-a-name-that-is-longer-than-any-column", state="stopped")
    make("b")
    text = in_terminal("runs", "-q", columns=columns)
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 3
    assert all(len(line) <= columns for line in lines)
    for line in lines[1:]:
        assert re.search(r"\.\d{4}", line)


@pytest.mark.parametrize(
    "words",
    [("show", "unet-1", "--against", "long-other-run"), ("compare", "unet-1", "long-other-run")],
)
def test_names_give_way_on_a_narrow_terminal_and_figures_are_whole(make, words):
    make("unet-1")
    make("long-other-run", gain=0.01)
    text = in_terminal("runs", *words, "-q", columns=40)
    assert max(map(len, text.splitlines())) <= 40
    assert not re.search(r"[.\d−+]…", text)
    assert re.search(r"Radius .*\.\d{4}.*\+\.0100|Radius .*\.\d{4}.*−\.0100", text)


def test_rm_asks_on_a_terminal_and_takes_no_for_an_answer(make):
    make("a")
    assert "nothing is removed" in in_terminal("runs", "rm", "a", answer=b"n\n")
    assert Path("runs/a").is_dir()
    assert "remove a for ever?" in in_terminal("runs", "rm", "a", answer=b"y\n")
    assert not Path("runs/a").exists()


def test_the_list_loads_nothing_heavy(make):
    make("a")
    script = """
import sys
from handseg.cli.main import run
assert run(["runs", "unet"]) == 0
heavy = {"torch", "pandas", "cv2", "PIL", "textual", "scipy", "transformers"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [(), ("show",), ("compare",), ("rm",)])
def test_help_ends_with_examples_that_can_be_read(type_runs, words):
    done = type_runs(*words, "--help")
    assert done.exit_code == 0
    examples = done.stdout.split("Examples:")[1].splitlines()
    lines = [line.strip() for line in examples if line.strip()]
    assert lines
    for line in lines:
        typed = re.findall(r"'[^']*'|\S+", line)[2:]
        assert type_runs(*[word.strip("'") for word in typed], "--help").exit_code == 0, line
