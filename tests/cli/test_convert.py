"""`handseg convert` as a person types it."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.convert import convert
from handseg.rle.submission import read_submission, write_submission
from handseg.runs.writer import RunWriter

app = typer.Typer()
app.command()(convert)

TEXT = (
    'image_name,class,rle\ni.png,"Ulna, left",7 6 15 1\ni.png,NA,\n007,"Ulna, left",\n007,NA,1 15\n'
)


@pytest.fixture
def type_convert(empty_folder):
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


@pytest.fixture
def csv(empty_folder):
    """a.csv without a sidecar: two images of 3 × 5 pixels, two classes."""
    path = empty_folder / "a.csv"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (["--to", "coco"], "converted/a-001.json"),
        (["--to", "coco", "--rle", "plain"], "converted/a-001.json"),
        (["--to", "png"], "converted/a-001"),
        (["--to", "labelme"], "converted/a-001"),
        (["--to", "labelme", "--shapes", "mask"], "converted/a-001"),
        (["--to", "handbone"], "converted/a-001"),
        (["--to", "csv"], "converted/a-001.csv"),
    ],
)
def test_a_csv_goes_there_and_comes_back_with_only_paths_on_stdout(csv, type_convert, words, made):
    there = type_convert("a.csv", *words, "--image-size", "3x5")
    assert (there.exit_code, there.stdout) == (0, f"{made}\n")
    back = type_convert(made, "--to", "csv", "--out", "back.csv")
    assert (back.exit_code, back.stdout) == (0, "back.csv\n")
    assert csv.with_name("back.csv").read_text() == TEXT
    sidecar = json.loads(csv.with_name("back.csv.json").read_text())
    assert sidecar["made_by"] == "convert"
    assert sidecar["images"] == {"i.png": [3, 5], "007": [3, 5]}


def test_names_are_numbered_and_nothing_is_overwritten(csv, type_convert):
    for number in (1, 2):
        done = type_convert("a.csv", "--to", "coco")
        assert done.stdout == f"converted/a-00{number}.json\n"


def test_only_a_name_that_a_person_gave_can_be_taken(csv, type_convert):
    words = ["a.csv", "--to", "coco", "--image-size", "3x5", "--out", "o.json"]
    assert type_convert(*words).stdout == "o.json\n"
    refused = type_convert(*words)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert type_convert(*words, "--force").exit_code == 0


@pytest.mark.parametrize("to", ["png", "labelme", "handbone"])
def test_force_replaces_a_folder_of_the_same_format_and_no_other(csv, type_convert, to):
    words = ["a.csv", "--to", to, "--image-size", "3x5", "--out", "made", "--force"]
    for _ in range(2):
        assert type_convert(*words).stdout == "made\n"
    csv.with_name("made").joinpath("notes.txt").write_text("mine")
    refused = type_convert(*words)
    assert refused.exit_code == 2
    assert "holds other things than" in refused.stderr
    assert csv.with_name("made").joinpath("notes.txt").read_text() == "mine"


def test_out_of_a_dash_streams_to_stdout_and_leaves_no_file(csv, type_convert):
    document = json.loads(type_convert("a.csv", "--to", "coco", "--out", "-").stdout)
    assert [entry["file_name"] for entry in document["images"]] == ["i.png", "007"]
    assert type_convert("a.csv", "--to", "csv", "--out", "-").stdout == TEXT
    assert [path.name for path in csv.parent.iterdir()] == ["a.csv"]


def test_a_size_that_nobody_knows_is_said(csv, type_convert):
    assert "taken as 2048 × 2048" in type_convert("a.csv", "--to", "coco").stderr
    said = type_convert("a.csv", "--to", "coco", "--image-size", "3x5").stderr
    assert "sizes of 2 images taken as 5 × 3" in said


def test_a_size_comes_from_the_sidecar_or_from_the_data_set(empty_folder, type_convert, add_hand):
    add_hand(empty_folder / "data", "ID001/i", size=(3, 5))
    rows = [("i.png", "Ulna", rle.parse("15 1"))]
    write_submission(empty_folder / "bare.csv", rows, {})
    write_submission(empty_folder / "known.csv", rows, {"images": {"i.png": [5, 3]}})
    bare = type_convert("bare.csv", "--to", "coco", "--out", "bare.json")
    assert "sizes of 1 image read in data" in bare.stderr
    known = type_convert("known.csv", "--to", "coco", "--out", "k.json", "--image-size", "9x9")
    assert "--image-size 9x9 is not asked: the images are 3 × 5 (width × height)" in known.stderr
    known = type_convert("known.csv", "--to", "coco", "--out", "5.json", "--image-size", "5x3")
    assert "--image-size is not needed" in known.stderr
    for name, size in (("bare", (3, 5)), ("k", (5, 3))):
        [image] = json.loads((empty_folder / f"{name}.json").read_text())["images"]
        assert (image["height"], image["width"]) == size
    refused = type_convert("known.csv", "--to", "coco", "--out", "n.json", "--data", "data")
    assert refused.exit_code == 3
    assert "i.png has two sizes\n  the image itself: 5 × 3\n  known.csv: 3 × 5" in refused.stderr


def test_a_run_is_named_in_what_is_made_of_it(empty_folder, type_convert):
    run = RunWriter.create(empty_folder / "runs", "unet", recipe_toml="", facts={"classes": ["A"]})
    run.end("finished")
    rows = [("i.png", "A", rle.parse("1 1"))]
    write_submission(run.folder / "predictions/val.csv", rows, {"images": {"i.png": [1, 1]}})
    done = type_convert("unet-1:val", "--to", "coco")
    assert (done.exit_code, done.stdout) == (0, "converted/unet-1-val-001.json\n")


def test_polygons_of_another_tool_become_a_csv(empty_folder, type_convert):
    document = {
        "images": [{"id": 1, "file_name": "train/i.png", "height": 3, "width": 5}],
        "categories": [{"id": 5, "name": "Ulna"}],
        "annotations": [
            {"image_id": 1, "category_id": 5, "segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]]}
        ],
    }
    (empty_folder / "labels.json").write_text(json.dumps(document))
    done = type_convert("labels.json", "--to", "csv")
    assert done.stdout == "converted/labels-001.csv\n"
    assert rle.format(
        read_submission(empty_folder / done.stdout.strip()).runs("i.png", "Ulna")
    ) == ("1 2 6 2")


def test_labels_go_to_an_annotation_tool_and_come_back(workplace, type_convert):
    assert type_convert("data", "--to", "csv", "--out", "labels.csv").exit_code == 0
    there = type_convert("data", "--to", "labelme")
    assert (there.exit_code, there.stdout) == (0, "converted/data-001\n")
    document = json.loads(min((workplace / "converted/data-001").iterdir()).read_text())
    assert (workplace / "converted/data-001" / document["imagePath"]).is_file()
    assert not list((workplace / "converted").rglob("*.png"))
    type_convert("converted/data-001", "--to", "csv", "--out", "back.csv")
    check_same(workplace / "back.csv", workplace / "labels.csv")


def check_same(csv, other):
    assert csv.read_bytes() == other.read_bytes()


def test_predictions_beside_linked_images_are_a_data_set(workplace, type_convert):
    type_convert("data", "--split", "test", "--to", "csv", "--out", "test.csv")
    made = type_convert("test.csv", "--to", "handbone", "--link", "--out", "corrected")
    assert made.exit_code == 0
    images = sorted((workplace / "data/test/DCM").glob("*/*"))
    links = sorted((workplace / "corrected/test/DCM").glob("*/*"))
    assert [link.resolve() for link in links] == [image.resolve() for image in images]
    type_convert("corrected", "--to", "csv", "--out", "back.csv")
    check_same(workplace / "back.csv", workplace / "test.csv")


def test_force_never_replaces_a_folder_with_images(workplace, type_convert):
    type_convert("data", "--to", "csv", "--out", "labels.csv")
    refused = type_convert("labels.csv", "--to", "handbone", "--out", "data", "--force")
    assert refused.exit_code == 2
    assert "data holds other things than polygon files" in refused.stderr
    assert list((workplace / "data/train/DCM").glob("*/*.png"))


def test_the_split_of_a_data_set_can_be_named(workplace, type_convert):
    for split, people in (("train", 4), ("test", 2), ("all", 6)):
        done = type_convert("data", "--split", split, "--to", "coco", "--out", "-")
        assert len(json.loads(done.stdout)["images"]) == 2 * people


def test_what_nobody_labelled_is_said_and_comes_back(empty_folder, type_convert, add_hand):
    ulna = [("Ulna", [[1, 1], [2, 1], [2, 2]])]
    add_hand(empty_folder / "data", "ID001/a", ulna, labelled=["Ulna"])
    said = type_convert("data", "--to", "csv", "--out", "a.csv").stderr
    assert "28 masks that nobody labelled have no row" in said
    assert "no sidecar" in type_convert("data", "--to", "csv", "--out", "-").stderr
    for to in ("handbone", "labelme", "coco", "png"):
        there = type_convert("a.csv", "--to", to)
        type_convert(there.stdout.strip(), "--to", "csv", "--out", f"{to}.csv")
        check_same(empty_folder / f"{to}.csv", empty_folder / "a.csv")
        assert json.loads((empty_folder / f"{to}.csv.json").read_text())["labelled"] == {
            "a.png": ["Ulna"]
        }


def test_people_that_nobody_knows_are_said(csv, type_convert):
    done = type_convert("a.csv", "--to", "handbone", "--image-size", "3x5")
    assert "nobody knows the person of 2 images" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a.csv", "--to", "coco", "--image-size", "3"], 2, "no height and width"),
        (["a.csv", "--to", "coco", "--image-size", "0x5"], 2, "no height and width"),
        (["a.csv", "--to", "coco", "--image-size", "99999x99999"], 3, "images of up to"),
        (["a.csv", "--to", "png", "--rle", "plain"], 2, "about COCO JSON"),
        (["a.csv", "--to", "coco", "--shapes", "mask"], 2, "about labelme"),
        (["a.csv", "--to", "png", "--with-images"], 2, "--with-images is about polygon files"),
        (["a.csv", "--to", "csv", "--link"], 2, "--link is about polygon files"),
        (["a.csv", "--to", "csv", "--split", "test"], 2, "about the labels of a data set"),
        (["a.csv", "--to", "labelme", "--link"], 3, "nobody knows where 2 images of 2 lie"),
        (["a.csv", "--to", "labelme", "--data", "none"], 3, "no data set"),
        (["broken", "--to", "csv"], 3, "i.json: shape 0 has no name"),
        (["a.csv", "--to", "labelme", "--out", "-"], 2, "makes a folder"),
        (["a.csv", "--to", "png", "--out", "-"], 2, "makes a folder"),
        (["a.csv", "--to", "csv", "--out", "a.csv", "--force"], 2, "the source itself"),
        (["a.csv", "--to", "coco", "--out", "."], 2, "is a folder"),
        (["a.csv", "--to", "png", "--out", "a.csv"], 2, "the source itself"),
        (["a.csv", "--to", "coco", "--data", "none"], 3, "no data set"),
        (["a.csv", "--to", "coco", "--image-size", "3x4"], 3, "a.csv, line 2, i.png, Ulna, left"),
        (["none.json", "--to", "csv"], 3, "no file none.json"),
        (["none.csv", "--to", "coco"], 3, "no CSV none.csv"),
        (["broken.json", "--to", "csv"], 3, "broken JSON"),
        (["pictures", "--to", "csv"], 3, "pictures has no labels"),
    ],
)
def test_what_cannot_be_is_one_message_and_leaves_nothing(csv, type_convert, words, code, said):
    csv.with_name("broken.json").write_text('{"images": [')
    csv.with_name("broken").mkdir()
    size = {"imagePath": "i.png", "imageHeight": 3, "imageWidth": 5}
    csv.with_name("broken").joinpath("i.json").write_text(json.dumps({"shapes": [{}], **size}))
    csv.with_name("pictures").mkdir()
    csv.with_name("pictures").joinpath("Ulna.png").write_bytes(b"")
    before = sorted(csv.parent.rglob("*"))
    done = type_convert(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert sorted(csv.parent.rglob("*")) == before


def test_a_conversion_of_csvs_loads_neither_torch_pandas_textual_cv2_nor_pillow(csv):
    script = """
import sys
import typer
import handseg.cli.convert
app = typer.Typer()
app.command()(handseg.cli.convert.convert)
light = sorted({"numpy", "rich.table"} & sys.modules.keys())
words = ["--no-progress", "-q", "--image-size", "3x5"]
app(["a.csv", "--to", "coco", *words], standalone_mode=False)
app(["converted/a-001.json", "--to", "csv", *words], standalone_mode=False)
heavy = {"torch", "pandas", "textual", "cv2", "PIL", "transformers"} & sys.modules.keys()
print(light, sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=csv.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "converted/a-001.json\nconverted/a-001-001.csv\n[] []\n"


def test_a_class_that_is_nearly_a_bone_by_name_is_said(csv, type_convert):
    csv.write_text(TEXT.replace("NA", "Lunatte"))
    done = type_convert("a.csv", "--to", "coco", "--image-size", "3x5")
    assert done.exit_code == 0
    assert "'Lunatte' is a class of its own: is Lunate meant?" in done.stderr
    assert "Ulna, left" not in done.stderr
