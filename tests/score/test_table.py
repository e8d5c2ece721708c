"""What a person and a program read of scores."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from handseg.cli.score import comparison_json, rows_csv, rows_table, worst_csv, worst_table
from handseg.score.scoring import Comparison, report_rows, worst_images

CLASSES = ("[red]x[/]", "y", "z")


@pytest.fixture
def titled(made_up):
    """Three submissions of one image; the class z is not labelled."""
    figures = {
        "weak": [0.5, 0.6, np.nan],
        "strong": [0.9, 0.8, np.nan],
        "vote": [0.8, 0.95, np.nan],
    }
    scored = [made_up([row], f"{name}.csv", CLASSES) for name, row in figures.items()]
    return Comparison(scored, list(figures))


def alone(scored, **settings):
    return Comparison([scored], ["alone"], **settings)


def printed(table, width=120):
    console = Console(width=width, file=io.StringIO(), markup=False)
    console.print(table.to_rich())
    return console.file.getvalue()


def rows_of(text):
    return {words[1]: line for line in text.splitlines() if len(words := line.split()) > 3}


def test_the_difference_is_to_the_other_with_the_best_mean(titled):
    [block] = report_rows(titled, "class")
    difference = block.columns[-1]
    assert difference.title == "vote − strong"
    assert difference.values[1] == pytest.approx(0.15)
    assert difference.footers[0] == pytest.approx(0.875 - 0.85)


def test_one_submission_has_no_difference(titled):
    [block] = report_rows(alone(titled.scored[0]), "class")
    assert [column.title for column in block.columns] == ["alone"]
    assert not block.remarks


def test_the_worst_class_of_each_column_is_marked_and_names_are_no_markup(titled):
    [block] = report_rows(titled, "class")
    lines = rows_of(printed(rows_table(block)))
    assert lines["[red]x[/]"].count("◂") == 2
    assert "0.8000 ◂" in lines["[red]x[/]"]
    assert "0.8000 ◂" in lines["y"]
    assert "–" in lines["z"]


def test_where_all_classes_are_alike_none_is_marked(made_up):
    [block] = report_rows(alone(made_up([[1.0, 1.0, 1.0]])), "class")
    assert "◂" not in printed(rows_table(block))


def test_a_table_of_two_submissions_fits_eighty_columns(made_up):
    rng = np.random.default_rng(0)
    scored = [made_up(rng.random((12, 3)), f"{name}.csv") for name in "ab"]
    [block] = report_rows(Comparison(scored, ["segformer-1", "vote-001"]), "class")
    lines = printed(rows_table(block), 80).splitlines()
    assert len(lines) == 3 + 3 + 1 + 3 + 1  # no line was broken in two
    assert max(map(len, lines)) <= 80


def test_images_and_people_come_worst_first(made_up):
    scored = made_up([[0.9] * 3, [0.5] * 3, [0.8] * 3, [0.7] * 3], people=["p", "p", "q", "r"])
    [images], [people] = (report_rows(alone(scored), by) for by in ("image", "person"))
    assert images.names == ["1.png", "3.png", "2.png", "0.png"]
    assert images.columns[0].values == pytest.approx([0.5, 0.7, 0.8, 0.9])
    assert sorted(people.names[:2]) == ["p", "r"]
    assert people.columns[0].values == pytest.approx([0.7, 0.7, 0.8])
    assert people.columns[0].footers == images.columns[0].footers == pytest.approx([0.725])
    assert "◂" not in printed(rows_table(images))


def test_several_metrics_of_one_submission_are_columns_and_the_largest_distance_is_worst(judged):
    true = np.zeros((1, 2, 20, 20), np.uint8)
    true[:, :, 5:9, 5:9] = 1
    predicted = true.copy()
    predicted[0, 1] = np.roll(true[0, 1], 6, axis=0)
    scored = judged(predicted, true, ("dice", "iou", "hd95"))
    [block] = report_rows(alone(scored, metrics=("dice", "iou", "hd95")), "class")
    assert [column.title for column in block.columns] == ["dice", "iou", "hd95"]
    assert "6.00 ◂" in rows_of(printed(rows_table(block)))["bone-1"]


def test_several_metrics_of_several_submissions_are_blocks(judged):
    masks = np.random.default_rng(0).integers(0, 2, (2, 1, 2, 9, 9), dtype=np.uint8)
    metrics = ("dice", "iou", "overlap")
    scored = [
        judged(mask, masks[0], metrics, name=f"{place}.csv") for place, mask in enumerate(masks)
    ]
    comparison = Comparison(scored, ["a", "b"], metrics)
    blocks = report_rows(comparison, "class")
    assert [block.title for block in blocks] == ["dice", "iou", "Dice inside overlaps"]
    assert blocks[2].names == ["bone-0 ∩ bone-1"]
    assert blocks[2].columns[0].values[0] == blocks[2].columns[0].footers[0] == 1.0
    header, *rows = csv.reader(io.StringIO(rows_csv(blocks)))
    assert header == ["class", "a", "b", "b − a", "a iou", "b iou", "b − a iou"]
    assert [row[0] for row in rows] == [
        "bone-0", "bone-1", "mean", "pair", "bone-0 ∩ bone-1", "two bones or more"
    ]  # fmt: skip
    by_image = report_rows(comparison, "image")
    assert [block.title for block in by_image] == ["dice", "iou", "overlap"]


def test_csv_holds_full_figures_and_nothing_for_the_unlabelled(titled):
    header, first, _, unlabelled, mean = csv.reader(
        io.StringIO(rows_csv(report_rows(titled, "class")))
    )
    assert header == ["class", "weak", "strong", "vote", "vote − strong"]
    assert [float(value) for value in first[1:4]] == [0.5, 0.9, 0.8]
    assert unlabelled == ["z", "", "", "", ""]
    assert mean[:2] == ["mean", "0.55"]


def test_json_holds_every_figure_and_null_for_the_unlabelled(titled):
    document = comparison_json(titled, worst=1)
    first = document["predictions"][0]
    assert first["path"].endswith("weak.csv")
    assert (first["mean"], first["images"], first["people"]) == (pytest.approx(0.55), 1, 1)
    assert first["classes"] == {"[red]x[/]": 0.5, "y": 0.6, "z": None}
    assert first["interval"] is None
    assert first["by_image"][0] == {
        "image_name": "0.png", "person": "0.png", "dice": pytest.approx(0.55),
        "classes": first["classes"],
    }  # fmt: skip
    assert first["by_person"]["dice"] == {"0.png": pytest.approx(0.55)}
    assert [row["class"] for row in first["worst"]] == ["[red]x[/]", "y"]
    change = document["difference"]["metrics"]["dice"]
    assert change["mean"] == pytest.approx(0.025)
    assert change["more_than_noise"] is None
    assert document["difference"]["minus"].endswith("strong.csv")


def test_the_worst_images_of_each_class_have_their_line_in_the_csv(made_up):
    scored = made_up([[0.9, 0.1], [0.5, 0.2], [0.7, np.nan]], classes=("x", "y"))
    found = worst_images(scored, 2)
    of_x, of_y = [("1.png", 0.5, 4), ("2.png", 0.7, 6)], [("0.png", 0.1, 3), ("1.png", 0.2, 5)]
    assert found == [*(("x", *one) for one in of_x), *(("y", *one) for one in of_y)]
    lines = scored.submission.path.read_text().splitlines()
    assert all(lines[one.line - 1].startswith(f"{one.image},{one.cls},") for one in found)
    assert worst_csv({"a": found[:1]}).splitlines()[1] == "a,x,1.png,0.5,4"
    assert "1.png" in rows_of(printed(worst_table(found, "a")))["x"]


def test_a_worst_image_without_a_row_says_so(submission, judged):
    true = np.ones((1, 1, 4, 4), np.uint8)
    scored = judged([("0.png", "bone-0", np.array([[0, 16]]))], true)
    assert worst_images(scored, 1)[0].line == 2
    lacking = judged(true[:, :0], true, name="b.csv")
    assert worst_images(lacking, 1) == [("bone-0", "0.png", pytest.approx(0, abs=1e-4), None)]
    assert "no row" in printed(worst_table(worst_images(lacking, 1), "b"))
