"""`handseg diff` as a person types it."""

import csv
import io
import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.diff import diff
from handseg.rle.submission import write_submission
from handseg.runs.writer import RunWriter

app = typer.Typer()
app.command()(diff)


@pytest.fixture
def type_diff(empty_folder):
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


@pytest.fixture
def pair(empty_folder):
    """a.csv and b.csv: one Ulna of two gained 4 of 8 pixels and lost as many."""
    for name, text in (("a", "1 8"), ("b", "5 8")):
        rows = [("i.png", "Ulna", rle.parse(text)), ("j.png", "Ulna", rle.parse("1 8"))]
        write_submission(empty_folder / f"{name}.csv", rows, {})
    return empty_folder


def lines(text):
    return [[word for word in line.split() if word.strip("│")] for line in text.splitlines()]


def test_classes_and_the_worst_masks_are_what_a_person_sees(pair, type_diff):
    done = type_diff("a.csv", "b.csv")
    assert done.exit_code == 0
    assert ["Ulna", "1", "of", "2", "16", "+4", "−4", "0.7500", "i.png", "0.5000"] in lines(
        done.stdout
    )
    assert ["i.png", "Ulna", "8", "+4", "−4", "0.5000"] in lines(done.stdout)
    assert "1 of 2 masks are identical" in done.stderr


@pytest.mark.parametrize(
    ("words", "first_titles"),
    [
        (["--by", "class", "--worst", "0"], ["class"]),
        (["--by", "image", "--worst", "0"], ["image"]),
        (["--by", "both", "--worst", "0"], ["class", "image"]),
        (["--by", "both"], ["class", "image", "image"]),
        (["--by", "mask"], ["image"]),
    ],
)
def test_tables_are_by_what_was_asked_for(pair, type_diff, words, first_titles):
    done = type_diff("a.csv", "b.csv", *words)
    heads = [line.split("┃")[1].strip() for line in done.stdout.splitlines() if line[:1] == "┃"]
    assert heads == first_titles


def test_identical_files_are_one_line(pair, type_diff):
    done = type_diff("a.csv", "a.csv")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert "the same content: 2 masks, none changed" in done.stdout
    (pair / "c.csv").write_text("image_name,class,rle\nj.png,Ulna,1 8\ni.png,Ulna,1 4 5 4\n")
    other = type_diff("a.csv", "c.csv")
    assert (other.exit_code, other.stdout.count("\n")) == (0, 1)
    assert "the same masks" in other.stdout


def test_json_and_csv_are_printed_but_not_both(pair, type_diff):
    document = json.loads(type_diff("a.csv", "b.csv", "--json").stdout)
    assert (document["a"]["path"], document["identical"], document["lost"]) == ("a.csv", 1, 4)
    assert [mask["image"] for mask in document["worst"]] == ["i.png"]
    [row] = csv.DictReader(io.StringIO(type_diff("a.csv", "b.csv", "--csv").stdout))
    assert (row["class"], row["gained"], row["worst_image"]) == ("Ulna", "4", "i.png")
    by_mask = type_diff("a.csv", "b.csv", "--csv", "--by", "mask").stdout
    assert [row["image"] for row in csv.DictReader(io.StringIO(by_mask))] == ["i.png"]
    assert type_diff("a.csv", "b.csv", "--csv", "--json").exit_code == 2
    assert type_diff("a.csv", "b.csv", "--csv", "--by", "both").exit_code == 2


def test_json_of_identical_files_is_json_too(pair, type_diff):
    assert json.loads(type_diff("a.csv", "a.csv", "--json").stdout)["worst"] == []


def test_what_only_one_of_them_has_is_said(pair, type_diff):
    rows = [("i.png", "Radius", rle.parse("1 8")), ("i.png", "Ulna", rle.parse("1 8"))]
    write_submission(pair / "c.csv", rows, {})
    done = type_diff("a.csv", "c.csv")
    assert done.exit_code == 0
    assert "1 row only in A count as empty" in done.stderr
    assert "images only in A: 1 (j.png)" in done.stderr
    assert "classes only in B: 1 (Radius)" in done.stderr


def test_names_are_never_markup(empty_folder, type_diff):
    for name, text in (("a", "1 8"), ("b", "5 8")):
        rows = [("[bold]i[/].png", "[red]x[/]", rle.parse(text))]
        write_submission(empty_folder / f"{name}.csv", rows, {})
    assert "[red]x[/]" in type_diff("a.csv", "b.csv").stdout


def test_a_run_can_be_compared_with_a_csv(pair, type_diff):
    run = RunWriter.create(pair / "runs", "unet", recipe_toml="", facts={"classes": ["Ulna"]})
    run.end("finished")
    rows = [("i.png", "Ulna", rle.parse("1 8")), ("j.png", "Ulna", rle.parse("1 8"))]
    write_submission(run.folder / "predictions/test.csv", rows, {})
    done = type_diff("unet-1", "a.csv")
    assert done.exit_code == 0
    assert "none changed" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a.csv", "none.csv"], 3, "none.csv"),
        (["a.csv", "bad.csv"], 3, "bad.csv, line 2, i.png, Ulna"),
        (["a.csv", "b.csv", "--class", "Ulnar"], 2, "did you mean Ulna?"),
        (["a.csv", "b.csv", "--image", "k.png"], 2, "neither CSV has the image"),
        (["a.csv", "b.csv", "--worst", "-1"], 2, ""),
        (["a.csv", "b.csv", "--by", "person"], 2, "class"),
    ],
)
def test_what_cannot_be_is_one_message(pair, type_diff, words, code, said):
    (pair / "bad.csv").write_text("image_name,class,rle\ni.png,Ulna,0 5\nj.png,Ulna,1 8\n")
    done = type_diff(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_comparison_loads_neither_torch_pandas_textual_cv2_nor_pillow(pair):
    script = """
import sys
import typer
import handseg.cli.diff
app = typer.Typer()
app.command()(handseg.cli.diff.diff)
light = sorted({"numpy", "rich.table"} & sys.modules.keys())
app(["a.csv", "b.csv", "--no-progress"], standalone_mode=False)
heavy = {"torch", "pandas", "textual", "cv2", "PIL", "transformers"} & sys.modules.keys()
print(light, sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=pair, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[] []\n")
