"""`handseg check` as a person types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.check import check
from handseg.rle.submission import read_submission, write_submission
from handseg.runs.writer import RunWriter

app = typer.Typer()
app.command()(check)

HEADER = "image_name,class,rle\n"
GOOD = HEADER + "".join(f"{i}.png,{cls},1 3\n" for i in "ab" for cls in ("x", "y"))
DOUBLED = GOOD + "a.png,x,1 3\n"
DUBIOUS = GOOD.replace("a.png,x,1 3", "a.png,x,9 2 1 3")


@pytest.fixture
def type_check(empty_folder):
    """Types a command line in a folder of its own."""
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


@pytest.fixture
def folder(empty_folder):
    """good.csv, doubled.csv (an error), dubious.csv (a warning) and unknown.csv (not to mend)."""
    contents = {
        "good": GOOD,
        "doubled": DOUBLED,
        "dubious": DUBIOUS,
        "unknown": GOOD + "c.png,x,1 5 9\n",
    }
    for name, text in contents.items():
        (empty_folder / f"{name}.csv").write_text(text)
    return empty_folder


def test_a_file_without_faults_is_one_line_with_what_was_looked_at(folder, type_check):
    done = type_check("good.csv", "--image-size", "20x30")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "good.csv: no faults in 4 rows: 2 images, 2 classes, 30 × 20 (from --image-size); "
        "judged by the file itself\n"
    )


def test_a_size_that_nobody_said_is_said_to_be_assumed(folder, type_check):
    assert "2048 × 2048 (assumed; --image-size says it)" in type_check("good.csv").stdout


def test_an_error_is_told_with_place_and_command_and_ends_with_3(folder, type_check):
    done = type_check("doubled.csv")
    assert done.exit_code == 3
    assert "doubled.csv: 1 error in 4 rows" in done.stdout
    assert "a row that came twice, with the same mask" in done.stdout
    assert "line 6, a.png, x: as in line 2" in done.stdout
    assert "→ handseg check doubled.csv --fix" in done.stdout
    assert done.stderr == "error: doubled.csv: 1 error\n  → handseg check doubled.csv --fix\n"


def test_warnings_end_with_3_only_when_strict(folder, type_check):
    done = type_check("dubious.csv")
    assert done.exit_code == 0
    assert "1 warning" in done.stdout
    strict = type_check("dubious.csv", "--strict")
    assert strict.exit_code == 3
    assert "dubious.csv: 1 warning (--strict)" in strict.stderr


def test_the_same_reason_many_times_is_one_line_with_three_places(folder, type_check):
    rows = [f"{number:02d}.png,x,9 2 1 3\n" for number in range(20)]
    (folder / "many.csv").write_text(HEADER + "".join(rows))
    short, long = type_check("many.csv").stdout, type_check("many.csv", "-v").stdout
    assert short.count("1 out of order") == 3
    assert "and 17 more (-v)" in short
    assert long.count("1 out of order") == 20


def test_json_holds_every_finding(folder, type_check):
    done = type_check("doubled.csv", "good.csv", "--json")
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    first, second = document["csvs"]
    assert (first["path"], first["errors"], first["warnings"]) == ("doubled.csv", 1, 0)
    assert (first["rows"], first["images"], first["classes"]) == (4, 2, 2)
    [finding] = first["findings"]
    assert (finding["severity"], finding["line"], finding["image"]) == ("error", 6, "a.png")
    assert second["findings"] == []
    assert document["recipes"] == []


def test_names_from_the_data_are_no_markup(folder, type_check):
    (folder / "odd.csv").write_text(HEADER + "[red]a.png,[bold]x[/],9 2 1 3\n")
    assert "[red]a.png, [bold]x[/]" in type_check("odd.csv").stdout


def test_fix_prints_the_path_of_the_copy_and_says_every_change(folder, type_check):
    done = type_check("doubled.csv", "--fix")
    assert (done.exit_code, done.stdout) == (0, "doubled-fixed-001.csv\n")
    assert "1 doubled rows with equal masks left out\n    line 6, a.png, x" in done.stderr
    assert "checked again: doubled-fixed-001.csv: no faults" in done.stderr
    assert (folder / "doubled-fixed-001.csv").read_text() == GOOD
    assert (folder / "doubled.csv").read_text() == DOUBLED
    assert read_submission(folder / "doubled-fixed-001.csv").sidecar["made_by"] == "check"
    assert type_check("doubled.csv", "--fix").stdout == "doubled-fixed-002.csv\n"


def test_a_name_that_a_person_gave_is_only_taken_with_force(folder, type_check):
    assert type_check("doubled.csv", "--fix", "--out", "new.csv").stdout == "new.csv\n"
    refused = type_check("dubious.csv", "--fix", "--out", "new.csv")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert type_check("dubious.csv", "--fix", "--out", "new.csv", "--force").exit_code == 0
    assert "a.png,x,1 3 9 2" in (folder / "new.csv").read_text()


def test_a_copy_may_go_to_stdout(folder, type_check):
    done = type_check("doubled.csv", "--fix", "--out", "-")
    assert done.stdout == GOOD
    assert not list(folder.glob("*fixed*"))


def test_nothing_to_mend_gives_the_path_of_the_file_itself(folder, type_check):
    done = type_check("good.csv", "--fix")
    assert (done.exit_code, done.stdout) == (0, "good.csv\n")
    assert "nothing to mend" in done.stderr
    assert not list(folder.glob("*fixed*"))


def test_what_nobody_can_know_is_refused_and_may_be_skipped(folder, type_check):
    refused = type_check("unknown.csv", "--fix")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert "line 6, c.png, x: an odd number of figures" in refused.stderr
    assert "--skip-bad" in refused.stderr
    done = type_check("unknown.csv", "--fix", "--skip-bad")
    assert done.exit_code == 0
    assert "1 rows that cannot be read written empty" in done.stderr
    assert (folder / "unknown-fixed-001.csv").read_text().endswith("c.png,x,\nc.png,y,\n")


def test_faults_that_no_program_mends_end_with_3(folder, type_check):
    (folder / "header.csv").write_text(HEADER)
    done = type_check("header.csv", "--fix")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "none that a program could mend" in done.stderr


def test_a_data_set_in_data_is_used_by_itself(workplace):
    from handseg.data.dataset import open_dataset

    test = open_dataset(workplace / "data").test
    rows = [(test[0].image_name, "Ulna", rle.parse("1 3"))]
    write_submission(workplace / "a.csv", rows, {})
    done = CliRunner().invoke(app, ["a.csv", "--no-progress"])
    assert done.exit_code == 3
    assert "192 × 192 (from the images' headers); judged by the data set data" in done.stdout
    assert f"{len(test) - 1}   an image has no row" in done.stdout


def test_a_run_is_checked_by_its_predictions(folder, type_check):
    run = RunWriter.create(folder / "runs", "unet", recipe_toml="", facts={"classes": ["x"]})
    run.end("finished")
    write_submission(run.folder / "predictions/val.csv", [("a.png", "x", rle.parse("1 3"))], {})
    done = type_check("unet-1:val")
    assert done.exit_code == 0
    assert "runs/unet-1/predictions/val.csv: no faults in 1 row" in done.stdout


def test_a_recipe_is_recognised_and_all_its_faults_are_told(folder, type_check):
    assert type_check("recipes/segformer.toml").stdout == "recipes/segformer.toml: no faults\n"
    (folder / "wrong.toml").write_text('schema = 1\n[train]\nepoch = 3\nbatch_size = "x"\n')
    done = type_check("wrong.toml")
    assert done.exit_code == 2
    assert "wrong.toml: " in done.stdout
    assert "wrong.toml:3  train.epoch" in done.stdout
    assert "wrong.toml:4  train.batch_size" in done.stdout
    [recipe] = json.loads(type_check("wrong.toml", "--json").stdout)["recipes"]
    assert [fault["line"] for fault in recipe["faults"]][:2] == [3, 4]
    assert type_check("wrong.toml", "doubled.csv").exit_code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.csv"], 3, "there is no CSV none.csv"),
        (["none.toml"], 2, "there is no recipe"),
        (["."], 3, "no data set found"),
        (["good.csv", "--image-size", "big"], 2, "is no height and width"),
        (["good.csv", "--image-size", "256"], 2, "--image-size 256x256"),
        (["good.csv", "--skip-bad"], 2, "add --fix"),
        (["good.csv", "--out", "b.csv"], 2, "add --fix"),
        (["good.csv", "--fix", "--json"], 2, "one of them"),
        (["good.csv", "doubled.csv", "--fix", "--out", "b.csv"], 2, "--out of one of them"),
        (["recipes/segformer.toml", "--fix"], 2, "--fix is of CSVs"),
        (["good.csv", "--data", "nowhere"], 3, "no data set found"),
        ([], 3, "no data set found"),
    ],
)
def test_what_cannot_be_is_one_message_and_leaves_nothing(folder, type_check, words, code, said):
    before = sorted(folder.iterdir())
    done = type_check(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert sorted(folder.iterdir()) == before


def test_a_check_loads_neither_torch_pandas_textual_nor_cv2(folder):
    script = """
import sys
import typer
import handseg.cli.check
app = typer.Typer()
app.command()(handseg.cli.check.check)
light = sorted({"numpy", "rich.table"} & sys.modules.keys())
app(["good.csv", "--no-progress"], standalone_mode=False)
print(light, sorted({"torch", "pandas", "textual", "cv2", "PIL"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] []"


def test_an_image_and_annotations_of_another_tool_are_named_for_what_they_are(
    empty_folder, type_check, add_hand
):
    image = add_hand(Path("data"))
    Path("a.xml").write_text("<annotations><version>1.1</version>")
    (finding,) = json.loads(type_check(str(image), "--json").stdout)["csvs"][0]["findings"]
    assert finding["detail"] == "it is an image"
    assert finding["command"] == "handseg check data/train/DCM/ID001"
    done = type_check("a.xml")
    assert (done.exit_code, "a.xml is CVAT's XML" in done.stderr) == (3, True)
    assert '"COCO 1.0"' in done.stderr
