"""`handseg stats` as a person types it."""

import csv
import io
import json

import pytest
import typer
from typer.testing import CliRunner

from handseg.cli.stats import stats
from handseg.data.dataset import open_dataset

app = typer.Typer()
app.command()(stats)

ULNA = [[10, 10], [19, 10], [19, 19], [10, 19]]


def typed(*words):
    return CliRunner().invoke(app, [*words, "--no-progress"])


def test_the_tables_say_what_is_there(workplace):
    result = typed()
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["people", "4", "2"] in lines
    left = [line for line in lines if line[:1] == ["left"]]
    assert sum(int(line[2]) for line in left) == 4
    assert [line[0] for line in lines if line and line[0].startswith("Pisiform")] == ["Pisiform"]
    assert "Triquetrum ∩ Pisiform" in result.stdout
    assert "labels become run lengths, once" in result.stderr
    assert "labels become run lengths" not in typed().stderr


def test_the_map_of_a_class_is_asked_for_by_name(workplace):
    result = typed("--class", "Radius")
    below = result.stdout.split("Where Radius lies")[1]
    drawn = [line.strip("│") for line in below.splitlines() if line.startswith("│")]
    assert (len(drawn), {len(line) for line in drawn}) == (24, {48})
    # A forearm lies in the lower half.
    assert not "".join(drawn[:12]).strip()
    assert "█" in "".join(drawn[12:])
    wrong = typed("--class", "Radios")
    assert wrong.exit_code == 2
    assert "did you mean Radius" in wrong.stderr


def test_csv_is_the_table_of_classes(workplace):
    rows = list(csv.DictReader(io.StringIO(typed("--csv").stdout)))
    assert [row["class"] for row in rows][-2:] == ["Radius", "Ulna"]
    assert float(rows[-1]["mean"]) > 0
    assert len(rows) == 29


def test_json_is_all_of_it_and_nothing_else_on_stdout(workplace):
    value = json.loads(typed("--json").stdout)
    assert value["splits"]["train"]["people"] == 4
    assert value["bent_above_degrees"] == 12


def test_a_page_is_written_once(workplace):
    result = typed("--html", "out/page.html", "-q")
    page = (workplace / "out" / "page.html").read_text()
    assert (result.exit_code, page.count("<figure>")) == (0, 29)
    again = typed("--html", "out/page.html")
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert typed("--html", "out/page.html", "--force", "--with-images", "-q").exit_code == 0
    assert (workplace / "out" / "page.html").read_text().count("<figure>") == 29 + 6


def test_a_page_that_cannot_be_written_is_a_failure(workplace):
    (workplace / "file").write_text("")
    result = typed("--html", "file/page.html", "-q")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json", "--csv"], "two formats"),
        (["--with-images"], "--html"),
        (["--html", "."], "no file"),
        (["--html", "-"], "no file"),
    ],
)
def test_words_that_do_not_go_together_are_refused(workplace, words, said):
    result = typed(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_without_a_data_set_it_says_where_it_looked(empty_folder):
    result = typed()
    assert result.exit_code == 3
    assert "no data set" in result.stderr
    assert not list(empty_folder.iterdir())


def test_labels_at_fault_are_left_out_and_that_is_said(empty_folder, add_hand):
    add_hand(empty_folder / "data", "ID001/a", [("Ulna", ULNA)])
    add_hand(empty_folder / "data", "ID002/b", [("Elbow", ULNA)])
    result = typed()
    assert result.exit_code == 0
    assert "1 labels cannot be read and are left out" in result.stderr
    assert "Elbow" in result.stderr


def test_names_of_classes_are_never_markup(empty_folder, add_hand):
    add_hand(empty_folder / "data", "ID001/a", [("[red]x[/]", ULNA)])
    (empty_folder / "data" / "dataset.toml").write_text('classes = ["[red]x[/]"]')
    result = typed("--class", "[red]x[/]")
    assert result.exit_code == 0
    assert "Where [red]x[/] lies" in result.stdout
    assert "side and pose are not known" in result.stderr


@pytest.mark.parametrize("name", ["[red]x[/]", "radius left", 'a "b".c', "Länge\\"])
def test_the_line_that_makes_a_class_a_bone_is_accepted_as_it_is(empty_folder, add_hand, name):
    add_hand(empty_folder / "data", "ID001/a", [(name, ULNA)])
    toml = empty_folder / "data" / "dataset.toml"
    toml.write_text(f"classes = [{json.dumps(name)}]")
    (line,) = [line for line in typed().stderr.splitlines() if "as in:  " in line]
    toml.write_text(f"{toml.read_text()}\n{line.partition('as in:  ')[2]}\n")
    assert set(open_dataset(empty_folder / "data").bones) == {name}


def test_metadata_that_cannot_be_read_is_left_out_and_that_is_said(workplace):
    (workplace / "data" / "meta_data.xlsx").write_bytes(b"no workbook")
    result = typed("--csv")
    assert result.exit_code == 0
    assert "meta_data.xlsx" in result.stderr


def test_images_alone_have_no_table_of_classes(empty_folder, add_hand):
    add_hand(empty_folder / "data", "ID001/a", None)
    result = typed()
    assert result.exit_code == 0
    assert "no label can be read" in result.stderr
    assert "Areas" not in result.stdout
