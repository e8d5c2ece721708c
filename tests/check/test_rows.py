"""Rows that cannot be read, are missing, came twice or are of no image."""

import gzip

import pytest

from handseg import rle
from handseg.check import submission as structure
from handseg.data.dataset import open_dataset
from handseg.rle.submission import read_submission, write_submission

GRID = [(image, cls, "1 3") for image in ("a.png", "b.png") for cls in ("x", "y")]


def reasons(findings):
    return [reason for _, reason, *_ in findings]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 5 9", "odd number of figures"),
        ("-1 5", "negative"),
        ("1 99999999999999999999999", "beyond any image"),
        ("1 5 hello", "'hello'"),
    ],
)
def test_run_lengths_that_cannot_be_read_are_errors_with_their_place(write, found, text, said):
    path = write([*GRID[:3], ("b.png", "y", text)])
    [(severity, reason, place, detail)] = found(path)
    assert (severity, reason) == ("error", structure.UNREADABLE_RUNS)
    assert place == "line 5, b.png, y"
    assert said in detail


def test_a_run_may_touch_the_last_pixel_but_not_pass_it(write, found):
    assert found(write([("a.png", "x", "16 1")]), (4, 4)) == []
    [(severity, reason, place, detail)] = found(write([("a.png", "x", "16 2")]), (4, 4))
    assert (severity, reason, place) == ("error", structure.PAST_THE_END, "line 2, a.png, x")
    assert "ends at pixel 17" in detail


def test_an_image_may_have_a_single_pixel(write, found):
    assert found(write([("a.png", "x", "1 1"), ("b.png", "x", "")]), (1, 1)) == [
        ("note", "a class is empty in some images", "x", "1 of 2 images (b.png)")
    ]


def test_rows_missing_from_the_grid_are_errors(write, found):
    assert found(write(GRID[:3])) == [("error", structure.MISSING, "b.png, y", "")]


def test_rows_that_nobody_labelled_are_not_missing(tmp_path, found):
    """As `handseg convert` writes labels of which not all classes were drawn."""
    rows = [("a.png", "x", rle.parse("1 3")), ("b.png", "x", rle.parse("1 3"))]
    rows.append(("b.png", "y", rle.parse("1 3")))
    sizes = {"a.png": [4, 4], "b.png": [4, 4]}
    sidecar = {"images": sizes, "classes": ["x", "y"], "labelled": {"a.png": ["x"]}}
    assert found(write_submission(tmp_path / "labels.csv", rows, sidecar)) == []


def test_rows_that_came_twice_are_errors_with_both_lines(write, found):
    equal, other = ("a.png", "x", "1 3"), ("a.png", "y", "1 4")
    assert found(write([*GRID, equal, other])) == [
        (
            "error",
            "rows with different masks of one image and class",
            "line 7, a.png, y",
            "lines 3 and 7 hold different masks",
        ),
        ("error", structure.DOUBLED, "line 6, a.png, x", "as in line 2"),
    ]


def test_a_row_with_too_few_fields_is_an_error_of_its_own_and_its_mask_is_missing(tmp_path, found):
    path = tmp_path / "a.csv"
    path.write_text("image_name,class,rle\na.png,x,1 3\na.png,y,\nb.png,x,1 2\nb.png,y\n")
    findings = found(path)
    assert findings[0][:3] == ("error", "a row that cannot be read", "line 5")
    assert ("error", structure.MISSING, "b.png, y", "") in findings


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "the file is empty"), ("name,rle\na,1 2\n", "the header needs image_name, class once")],
)
def test_what_is_no_submission_at_all_is_one_error(tmp_path, found, content, said):
    path = tmp_path / "a.csv"
    path.write_text(content)
    [(severity, reason, _, detail)] = found(path)
    assert (severity, reason) == ("error", "no submission")
    assert said in detail


def test_a_header_alone_is_an_error(write, found):
    assert reasons(found(write([]))) == ["no rows"]


def test_a_sidecar_of_other_contents_is_an_error(tmp_path, found):
    path = write_submission(tmp_path / "a.csv", [], {})
    path.write_text("image_name,class,rle\na.png,x,1 3\n")
    [(severity, reason, _, detail)] = found(path)
    assert (severity, reason) == ("error", "the sidecar is of other contents")
    assert "sha256" in detail


def test_names_are_text_whatever_they_look_like(write, found):
    rows = [(image, cls, "1 3") for image in ("007", "NA", "NaN") for cls in ("NA", "a_b", "nan")]
    assert found(write(rows)) == []


def test_a_last_line_without_its_end_is_a_warning(write, found):
    path = write(GRID)
    path.write_bytes(path.read_bytes()[:-1])
    assert found(path)[0][:3] == (
        "warning",
        "the last line has no end: the file may be cut off",
        "line 5, b.png, y",
    )


def test_how_a_file_had_to_be_read_is_a_note(tmp_path, found):
    path = tmp_path / "a.csv.gz"
    text = "\ufeff,class,image_name,rle\r\n0,x,a.png,1 3\r\n"
    path.write_bytes(gzip.compress(text.encode()))
    findings = found(path)
    assert {severity for severity, *_ in findings} == {"note"}
    assert {"gzip", "a byte order mark", "columns in another order"} <= set(reasons(findings))


def test_a_data_set_knows_images_classes_and_sizes(workplace, found):
    dataset = open_dataset(workplace / "data")
    rows = [(sample.image_name, cls, "") for sample in dataset.test for cls in dataset.classes]
    path = workplace / "a.csv"

    def check(rows):
        path.write_text("image_name,class,rle\n" + "".join(f"{i},{c},{t}\n" for i, c, t in rows))
        return found(path, None, dataset=dataset)

    assert reasons(check(rows)) == ["every mask is empty"]
    first = dataset.test[0].image_name
    assert ("error", structure.IMAGE_MISSING, first) in [one[:3] for one in check(rows[29:])]
    assert ("error", structure.MISSING, f"{first}, Ulna", "") in check(rows[:28] + rows[29:])
    strange = check([*rows, ("other.png", "Ulna", ""), (first, "Una", "")])
    assert ("error", structure.STRANGE_IMAGE, f"line {len(rows) + 2}, other.png", "") in strange
    assert ("error", structure.STRANGE_CLASS, "Una", "did you mean Ulna?") in strange
    # 192 × 192 pixels, as the image's header says.
    [past] = [one for one in check([(first, "finger-1", "36865 1"), *rows[1:]]) if "past" in one[1]]
    assert "past the image of 192 × 192" in past[3]


def test_a_sidecar_of_another_size_than_the_image_is_a_finding_and_the_image_is_believed(
    tmp_path, add_hand, found
):
    add_hand(tmp_path / "data", "ID001/a", size=(3, 5))
    rows = [("a.png", "Ulna", rle.parse("14 1"))]
    path = write_submission(tmp_path / "a.csv", rows, {"images": {"a.png": [2, 5]}})
    assert (
        "error",
        "the sidecar's size is not the image's",
        "a.png",
        "5 × 2, the image has 5 × 3",
    ) in found(path, None, dataset=open_dataset(tmp_path / "data"))


def test_a_base_name_that_several_images_have_is_told_from_their_paths(workplace, add_hand, found):
    for person in ("ID900", "ID901"):
        add_hand(workplace / "data", f"{person}/same", split="test")
    dataset = open_dataset(workplace / "data")
    names = [sample.image_name for sample in dataset.test]
    assert "ID900/same.png" in names
    rows = [(name, cls, "") for name in ["same.png", *names] for cls in dataset.classes]
    path = workplace / "a.csv"
    path.write_text("image_name,class,rle\n" + "".join(f"{i},{c},\n" for i, c, _ in rows))
    assert (
        "error",
        structure.STRANGE_IMAGE,
        "line 2, same.png",
        "meant is ID900/same.png or ID901/same.png",
    ) in found(path, None, dataset=dataset)


def test_a_data_set_of_other_images_is_not_looked_at_and_said(workplace, write, found):
    dataset = open_dataset(workplace / "data")
    [(severity, reason, _, detail)] = found(write(GRID), None, dataset=dataset)
    assert (severity, reason) == ("note", "images of another data set")
    assert "none of its images" in detail


def test_images_and_classes_of_the_sidecar_must_have_rows(tmp_path, found):
    rows = [(image, cls, rle.parse(text)) for image, cls, text in GRID]
    fields = {"images": {"a.png": [9, 9], "b.png": [9, 9], "c.png": [9, 9]}, "classes": ["x", "y"]}
    path = write_submission(tmp_path / "a.csv", rows, fields)
    assert read_submission(path).sizes["c.png"] == (9, 9)
    [(severity, reason, place, _)] = found(path)
    assert (severity, reason, place) == ("error", structure.IMAGE_MISSING, "c.png")


def test_bones_without_any_row_are_a_warning(write, found, few):
    for masks in few.values():
        del masks["Pisiform"]
    assert found(write(few)) == [("warning", "a class of the 29 bones has no row", "Pisiform", "")]
