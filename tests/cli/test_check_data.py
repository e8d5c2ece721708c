"""`handseg check` of a data folder as a person types it."""

import json

import pytest
import typer
from typer.testing import CliRunner

from handseg.cli.check import check

app = typer.Typer()
app.command()(check)


@pytest.fixture
def type_check(workplace):
    """Types a command line where `data` holds phantoms."""
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


@pytest.fixture
def labels(workplace):
    """The training labels, in order."""
    return sorted((workplace / "data/train/outputs_json").glob("*/*.json"))


def change(path, edit):
    document = json.loads(path.read_text())
    edit(document["annotations"])
    path.write_text(json.dumps(document))


def unknown(entries):
    entries[3]["label"] = "[red]x[/]"


def doubled(entries):
    entries.append(entries[3])


def test_without_a_path_the_data_set_is_checked_and_the_last_line_says_of_what(type_check):
    done = type_check()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == (
        "data: no faults in 12 images (8 train, 4 test) of 6 people, 192 × 192; 12 labels of 29 "
        "classes; looked at headers, checksums (--deep: every pixel), hashes, labels and 12 hands"
    )
    assert type_check("data", "--deep").stdout.count("looked at every pixel") == 1


def test_an_error_is_told_with_image_and_command_and_ends_with_3(type_check, labels):
    change(labels[2], unknown)
    done = type_check("data")
    assert done.exit_code == 3
    assert f"{labels[2].stem}.png: annotation 3 is of '[red]x[/]'" in done.stdout
    assert "→ handseg tui --data data --screen viewer" in done.stdout
    assert done.stderr.splitlines()[-1] == "error: data: 1 error, 1 warning"


def test_warnings_end_with_3_only_when_strict(type_check, labels):
    change(labels[2], doubled)
    assert type_check("data").exit_code == 0
    done = type_check("data", "--strict")
    assert done.exit_code == 3
    assert "error: data: 1 warning (--strict)" in done.stderr


def test_one_reason_many_times_is_one_line_with_three_examples(type_check, labels):
    for label in labels[:5]:
        change(label, doubled)
    short, long = type_check("data").stdout, type_check("data", "-v").stdout
    assert "and 2 more (-v)" in short
    assert [sum(label.stem in text for label in labels) for text in (short, long)] == [3, 5]


def test_json_holds_every_finding_and_the_sizes_of_the_set(type_check, labels):
    change(labels[2], unknown)
    done = type_check("data", "--json")
    assert done.exit_code == 3
    [found] = json.loads(done.stdout)["data"]
    assert (found["images"], found["people"]) == ({"train": 8, "test": 4}, 6)
    assert (found["errors"], found["warnings"], found["layout"]) == (1, 1, "handbone")
    assert found["sizes"] == [{"size": [192, 192], "images": 12}]
    first = found["findings"][0]
    assert (first["severity"], first["image"]) == ("error", f"{labels[2].stem}.png")


def test_images_at_fault_are_left_out_and_the_next_check_is_content(type_check, labels, workplace):
    change(labels[2], unknown)
    change(labels[3], doubled)
    done = type_check("data", "--write-excludes")
    assert done.exit_code == 0
    assert "1 image is left out from now on: exclude in data/dataset.toml" in done.stderr
    again = type_check("data")
    assert (again.exit_code, "1 warning in 11 images" in again.stdout) == (0, True)
    strict = type_check("data", "--write-excludes", "--strict")
    assert strict.exit_code == 0
    assert type_check("data", "--strict").exit_code == 0
    text = (workplace / "data/dataset.toml").read_text()
    assert all(f"{label.stem}.png" in text for label in labels[2:4])


def test_faults_that_no_image_is_left_out_for_still_end_with_3(type_check, labels):
    labels[2].with_suffix(".png").write_bytes(b"")
    change(labels[3], unknown)
    done = type_check("data", "--write-excludes", "--strict")
    assert done.exit_code == 3
    assert "1 warning after what was left out" in done.stderr


def test_never_are_all_training_images_left_out(type_check, labels, workplace):
    for label in labels:
        change(label, unknown)
    done = type_check("data", "--write-excludes")
    assert done.exit_code == 3
    assert "every training image of data is at fault" in done.stderr
    assert not (workplace / "data/dataset.toml").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["data", "--fix"], 2, "--fix is of CSVs"),
        (["recipes/segformer.toml", "--deep"], 2, "are of data folders"),
        (["a.csv", "--write-excludes"], 2, "are of data folders"),
        (["nowhere"], 3, ""),
        (["data/train"], 3, "no data set found"),
        (["--data", "nowhere"], 3, "no data set found"),
    ],
)
def test_what_cannot_be_is_one_message(type_check, words, code, said):
    done = type_check(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_test_images_at_fault_stay_to_be_predicted(type_check, workplace):
    bad = sorted((workplace / "data/test/DCM").glob("*/*.png"))[0]
    bad.write_bytes(b"no image")
    done = type_check("data", "--write-excludes")
    assert done.exit_code == 3
    assert f"1 test image is at fault and stays in the set: {bad.name}" in done.stderr
    assert "every training image" not in done.stderr
    assert not (workplace / "data/dataset.toml").exists()
