"""Plans of `handseg vote`: weights, thresholds and members by class, in one file."""

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.rle.submission import read_submission

HEADER = "image_name,class,rle\n"
PLAN = """
schema = 1
members = ["a.csv", "b.csv", "c.csv"]
[weights]
"a.csv" = 0.1
"b.csv" = 0.2
"c.csv" = 0.3
[classes.Lunate]
members = ["a.csv", "c.csv"]
threshold = 1
[classes.Lunate.weights]
"a.csv" = 2
"c.csv" = 1
"""


def write_csv(path, rows):
    path.write_text(HEADER + rows)


def type_vote(*words):
    done = CliRunner().invoke(application(), ["vote", *map(str, words), "--no-progress"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def voted(*words):
    """Lines of the CSV that the vote streams, without the header."""
    done = type_vote(*words, "--out", "-")
    assert done.exit_code == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header + "\n" == HEADER
    return rows


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """a, b, c: pixels 1–4, 3–6, 5–8 of each of two bones, and a plan in a folder beside them."""
    monkeypatch.chdir(tmp_path)
    for name, runs in zip("abc", ("1 4", "3 4", "5 4"), strict=True):
        write_csv(tmp_path / f"{name}.csv", f"i,Ulna,{runs}\ni,Lunate,{runs}\n")
    (tmp_path / "ensemble.toml").write_text(PLAN)
    return tmp_path


def test_a_plan_weighs_in_decimals_exactly_and_votes_by_class(planned):
    """.1 + .2 is no more than half of .6: the default threshold keeps none of pixels 3 and 4."""
    assert voted("--plan", "ensemble.toml") == ["i,Ulna,5 2", "i,Lunate,1 4"]


def test_a_number_on_the_command_line_counts_in_the_weights_as_written(planned):
    plan = PLAN.split("[classes", 1)[0]
    (planned / "ensemble.toml").write_text(plan)
    at = [voted("--plan", "ensemble.toml", "--threshold", t)[0] for t in ("0", "0.1", "0.3", ".49")]
    assert at == ["i,Ulna,1 8", "i,Ulna,3 6", "i,Ulna,5 2", "i,Ulna,5 2"]
    assert voted("--plan", "ensemble.toml", "--threshold", "50%")[0] == "i,Ulna,5 2"
    assert voted("--plan", "ensemble.toml", "--threshold", "49.9%")[0] == "i,Ulna,3 6"


def test_members_of_a_plan_lie_beside_it(planned, monkeypatch):
    away = planned / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    assert voted("--plan", "../ensemble.toml") == ["i,Ulna,5 2", "i,Lunate,1 4"]


def test_a_plan_with_integers_has_the_rule_of_so_many_models(planned):
    plan = 'schema = 1\nmembers = ["a.csv", "b.csv"]\nthreshold = 2\n[weights]\n"a.csv" = 3\n'
    (planned / "ensemble.toml").write_text(plan)
    assert voted("--plan", "ensemble.toml")[0] == "i,Ulna,1 4"


def test_members_that_are_typed_replace_those_of_the_plan(planned):
    plan = 'schema = 1\nmembers = ["a.csv", "b.csv"]\nthreshold = "50%"\n'
    (planned / "ensemble.toml").write_text(plan)
    assert voted("b.csv", "c.csv", "--plan", "ensemble.toml")[0] == "i,Ulna,5 2"


def test_union_and_intersection_are_plans_too(planned):
    for threshold, expected in (("0", "1 8"), ("2", "")):
        plan = f'schema = 1\nmembers = ["a.csv", "b.csv", "c.csv"]\nthreshold = {threshold}\n'
        (planned / "ensemble.toml").write_text(plan)
        assert voted("--plan", "ensemble.toml")[0] == f"i,Ulna,{expected}"


def test_a_missing_row_weighs_against_within_the_members_of_its_class(planned):
    write_csv(planned / "c.csv", "i,Ulna,5 4\n")
    assert voted("--plan", "ensemble.toml")[1] == "i,Lunate,1 4"
    text = PLAN.replace('"a.csv" = 2\n"c.csv" = 1', '"a.csv" = 1\n"c.csv" = 2')
    (planned / "ensemble.toml").write_text(text)
    assert voted("--plan", "ensemble.toml")[1] == "i,Lunate,"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 99", "schema"),
        ("schema = 1", "", "schema"),
        ("threshold = 1", "treshold = 1", "treshold"),
        ("threshold = 1", "threshold = -1", "threshold"),
        ("threshold = 1", 'threshold = "most"', "threshold"),
        ("threshold = 1", "threshold = 3", "empty"),
        ('"a.csv" = 0.1', '"a.csv" = -0.1', "a.csv"),
        ('"a.csv" = 0.1', '"a.csv" = nan', "a.csv"),
        ('"a.csv" = 0.1', '"a.csv" = inf', "a.csv"),
        ('"a.csv" = 0.1', '"a.csv" = true', "a.csv"),
        ('"a.csv" = 0.1', '"a.csv" = "x"', "a.csv"),
        ('"a.csv" = 0.1', '"z.csv" = 0.1', "z.csv"),
        ('members = ["a.csv", "c.csv"]', 'members = ["a.csv", "d.csv"]', "d.csv"),
        ("classes.Lunate]", "classes.Lunat]", "Lunat"),
        ("[weights]", "[weight]", "weight"),
        ("schema = 1", "schema = = 1", "ensemble.toml"),
    ],
)
def test_a_plan_at_fault_is_an_error_that_names_the_plan_and_the_word(planned, old, new, said):
    (planned / "ensemble.toml").write_text(PLAN.replace(old, new, 1))
    done = type_vote("--plan", "ensemble.toml", "--out", "never.csv")
    assert done.exit_code in (2, 3)
    assert "this is a fault of handseg" not in done.stderr
    assert "ensemble.toml" in done.stderr
    assert said in done.stderr
    assert not (planned / "never.csv").exists()


def test_no_plan_where_one_is_named_is_said(planned):
    done = type_vote("a.csv", "--plan", "none.toml")
    assert done.exit_code in (2, 3)
    assert "none.toml" in done.stderr


def test_the_sidecar_of_a_weighted_vote_says_the_weights(planned):
    assert type_vote("--plan", "ensemble.toml", "--out", "v.csv").exit_code == 0
    sidecar = json.loads((planned / "v.csv.json").read_text())
    assert len(sidecar["members"]) == 3
    assert "Lunate" in json.dumps(sidecar)
    assert read_submission(planned / "v.csv").sidecar == sidecar


def test_a_weighted_vote_of_many_rows_loads_nothing_heavy_in_any_worker(planned):
    rng = np.random.default_rng(0)
    for name in "abc":
        masks = rng.random((60, 40, 40)) < 0.5
        rows = (f"{n},Ulna,{rle.format(rle.from_mask(mask))}\n" for n, mask in enumerate(masks))
        write_csv(planned / f"{name}.csv", "".join(rows))
    (planned / "ensemble.toml").write_text(PLAN.split("[classes", 1)[0])
    script = """
import os, sys
from handseg.cli.main import run
run(["vote", "--plan", "ensemble.toml", "--workers", sys.argv[1], "--out", "v.csv", "--force"])
heavy = {"torch", "pandas", "textual", "cv2", "PIL", "transformers", "scipy"} & sys.modules.keys()
print(sorted(heavy))
"""
    written = set()
    for workers in "12":
        done = subprocess.run(
            [sys.executable, "-c", script, workers], capture_output=True, text=True, check=True
        )
        assert done.stdout == "v.csv\n[]\n"
        written.add((planned / "v.csv").read_bytes())
    assert len(written) == 1
