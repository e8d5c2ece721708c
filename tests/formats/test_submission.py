"""Submissions as masks: their rows, their sizes, and what cannot be kept."""

import json

import pytest

from handseg import rle
from handseg.data.image_sizes import sizes_of
from handseg.errors import InputError
from handseg.formats.masks import Place, rows
from handseg.formats.submission import CsvFormat, grid_of, masks_of
from handseg.rle.submission import read_submission

SIZES = {"i.png": (3, 5), "j.png": (3, 5)}


def submission(path, text, **sidecar):
    path.write_text("image_name,class,rle\n" + text)
    if sidecar:
        path.with_name(path.name + ".json").write_text(json.dumps(sidecar))
    return read_submission(path)


def keys(masks):
    return [(image, cls) for image, cls, _ in rows(masks)]


def test_missing_rows_come_as_empty_masks_and_are_said(tmp_path):
    masks = masks_of(submission(tmp_path / "a.csv", "i.png,A,1 1\nj.png,B,2 1\n"), SIZES)
    assert keys(masks) == [("i.png", "A"), ("i.png", "B"), ("j.png", "A"), ("j.png", "B")]
    assert [rle.format(runs) for _, _, runs in rows(masks)] == ["1 1", "", "", "2 1"]
    assert "2 rows missing: empty masks; that they were missing is not kept" in masks.notes


def test_where_rows_are_missing_the_order_is_the_sidecars(tmp_path):
    known = {"images": {"h.png": [3, 5], "i.png": [3, 5]}, "classes": ["A", "B"]}
    one = submission(tmp_path / "a.csv", "i.png,B,1 1\n", **known)
    assert grid_of(one) == (("h.png", "i.png"), ("A", "B"))


def test_a_whole_file_keeps_its_own_order(tmp_path):
    known = {"images": {"i.png": [3, 5]}, "classes": ["A", "B"]}
    one = submission(tmp_path / "a.csv", "i.png,B,1 1\ni.png,A,\n", **known)
    assert grid_of(one) == (("i.png",), ("B", "A"))
    assert masks_of(one, SIZES).notes == ()


def test_another_order_of_rows_is_said(tmp_path):
    text = "i.png,A,1 1\nj.png,A,\ni.png,B,\nj.png,B,\n"
    masks = masks_of(submission(tmp_path / "a.csv", text), SIZES)
    assert masks.notes == ("rows come in another order: images, and the classes of each",)


@pytest.mark.parametrize("classes", [5, "AB", [5, None], {"A": 1}])
def test_a_sidecar_with_strange_classes_does_no_harm(tmp_path, classes):
    one = submission(tmp_path / "a.csv", "i.png,A,1 1\n", classes=classes)
    assert grid_of(one) == (("i.png",), ("A",))


def test_a_run_past_the_end_of_its_image_is_an_error_with_its_place(tmp_path):
    masks = masks_of(submission(tmp_path / "a.csv", "i.png,A,15 2\n"), SIZES)
    with pytest.raises(InputError, match=r"a\.csv, line 2, i\.png, A"):
        masks.runs_of("i.png", "A")


def test_a_header_alone_is_nothing_to_convert(tmp_path):
    with pytest.raises(InputError, match="nothing to convert"):
        masks_of(submission(tmp_path / "a.csv", ""), {})


def test_the_sidecar_of_a_conversion_says_sizes_classes_and_source(bars, tmp_path):
    one = read_submission(bars)
    path = CsvFormat().write(Place(tmp_path, "", tmp_path / "b.csv"), masks_of(one, one.sizes))
    sidecar = json.loads((tmp_path / "b.csv.json").read_text())
    assert path.read_bytes() == bars.read_bytes()
    assert sidecar["made_by"] == "convert"
    assert sidecar["images"] == {"i.png": [3, 5], "j.png": [3, 5]}
    assert sidecar["classes"] == ["Ulna", "Radius"]
    assert sidecar["source"] == {"path": str(bars), "sha256": one.sha256, "format": "csv"}
    assert (sidecar["trained_people"], sidecar["fold"]) == (["ID001"], 0)


def test_a_size_comes_from_the_sidecar_else_the_data_set_else_the_default(tmp_path, add_hand):
    data = tmp_path / "data"
    add_hand(data, "ID001/a", size=(20, 30))
    add_hand(data, "ID002/b", size=(40, 50))
    text = "".join(f"{name}.png,A,1 1\n" for name in "abc")
    one = submission(tmp_path / "a.csv", text, images={"d.png": [7, 9]})
    sizes = sizes_of(one, ("d.png", *one.images), data, (1, 2))
    found = {name: sizes.of(name) for name in ("d.png", "b.png", "c.png")}
    assert found == {"d.png": (7, 9), "b.png": (40, 50), "c.png": (1, 2)}
    assert (len(sizes.sidecars), len(sizes.headers)) == (1, 2)
    assert sizes.unknown(one.images) == ("c.png",)


def test_a_data_set_that_was_named_must_be_there(tmp_path):
    one = submission(tmp_path / "a.csv", "i.png,A,1 1\n")
    assert sizes_of(one, one.images, tmp_path / "none", (1, 2)).unknown(one.images) == ("i.png",)
    with pytest.raises(InputError, match="no data set"):
        sizes_of(one, one.images, tmp_path / "none", (1, 2), data_is_wanted=True)


def test_a_data_set_at_fault_is_an_error_though_none_was_named(tmp_path):
    (tmp_path / "dataset.toml").write_text("layout = 3\n")
    one = submission(tmp_path / "a.csv", "i.png,A,1 1\n")
    with pytest.raises(InputError, match=r"dataset\.toml"):
        sizes_of(one, one.images, tmp_path, (1, 2))


def test_a_damaged_image_of_the_data_set_is_an_error(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/i", size=(3, 5)).write_bytes(b"no image")
    one = submission(tmp_path / "a.csv", "i.png,A,1 1\n")
    with pytest.raises(InputError, match="cannot be read as an image"):
        sizes_of(one, one.images, tmp_path / "data", (1, 2))


@pytest.mark.parametrize("size", [(0, 5), (1 << 20, 1 << 20)])
def test_a_size_that_no_image_has_is_refused(tmp_path, size):
    with pytest.raises(InputError, match="pixels"):
        masks_of(submission(tmp_path / "a.csv", "i.png,A,1 1\n"), {"i.png": size})
