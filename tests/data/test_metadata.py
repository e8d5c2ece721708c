"""`meta_data.xlsx`: dirty texts to figures."""

import zipfile

import openpyxl
import pytest

from handseg.data.metadata import age_of, height_of, read_metadata, sex_of, weight_of
from handseg.errors import InputError


@pytest.fixture
def sheet(tmp_path):
    """Writes rows as `meta_data.xlsx`."""

    def write(*rows):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / "meta_data.xlsx")
        return tmp_path

    return write


def test_without_the_file_there_is_nothing(tmp_path):
    assert read_metadata(tmp_path, {"ID001": "ID001"}) is None


def test_the_competition_s_table_is_read(sheet):
    root = sheet(
        ["ID", "나이", "성별", "체중(몸무게)", "키(신장)", None],
        [1, 34, "_x0008_남", 72, 175, None],
        [2, "27", " 여 ", "51.5kg", "1.62 m", "넷째손가락"],
    )
    found = read_metadata(root, {one: one for one in ("ID001", "ID002")})
    assert found.people == {
        "ID001": {"age": 34, "sex": "male", "weight": 72, "height": 175},
        "ID002": {"age": 27, "sex": "female", "weight": 51.5, "height": 162},
    }
    assert (found.unread, found.unknown, found.strangers, found.notes) == ({}, (), 0, ())


def test_what_cannot_be_read_is_none_and_counted_and_blanks_are_not(sheet):
    root = sheet(
        ["notes of the ward"],
        ["Patient ID", "Age", "Sex", "Weight [kg]", "Height"],
        ["id001", "old", "M ", "-", "tall"],
        ["7.0", "-", "", None, "9999"],
        [99, 1, "M", 1, 1],
    )
    found = read_metadata(root, {one: one for one in ("ID001", "ID007", "ID008")})
    assert found.people == {"ID001": {"sex": "male"}, "ID007": {}}
    assert found.unread == {"age": 1, "height": 2}
    assert found.notes == (
        "meta_data.xlsx: 1 value of age cannot be read",
        "meta_data.xlsx: 2 values of height cannot be read",
        "meta_data.xlsx: 1 person is not in the table: ID008",
        "meta_data.xlsx: 1 row is of nobody in the data set",
    )


@pytest.mark.parametrize(
    ("read", "cell", "value"),
    [
        (sex_of, "M ", "male"), (sex_of, "남", "male"), (sex_of, "Female.", "female"),
        (sex_of, "x", None), (sex_of, None, None), (sex_of, "\u00a0여자\u00a0", "female"),
        (age_of, "34세", 34), (age_of, "18 months", 1.5), (age_of, "-3", None),
        (age_of, "400", None),
        (weight_of, "72kg", 72), (weight_of, "72,5 Kg.", 72.5), (weight_of, "160 lb", 72.57),
        (weight_of, "72-75", None), (weight_of, True, None), (weight_of, float("nan"), None),
        (height_of, "1.75 m", 175), (height_of, "1,75", 175), (height_of, 175, 175),
        (height_of, "175cm", 175), (height_of, "69 in", 175.26), (height_of, "0", None),
    ],
)  # fmt: skip
def test_dirty_texts_are_figures_or_none(read, cell, value):
    found = read(cell)
    assert found == (pytest.approx(value, abs=0.01) if isinstance(value, float) else value)


def test_a_table_without_known_columns_is_refused(sheet):
    with pytest.raises(InputError, match="no columns that are known"):
        read_metadata(sheet(["a", "b"], [1, 2]), {})


def test_what_is_no_workbook_is_refused(tmp_path, sheet):
    path = tmp_path / "meta_data.xlsx"
    path.write_bytes(b"no workbook")
    with pytest.raises(InputError, match="cannot be read as a workbook"):
        read_metadata(tmp_path, {})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(InputError, match="cannot be read as a workbook"):
        read_metadata(tmp_path, [])


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path):
    with zipfile.ZipFile(tmp_path / "meta_data.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (1 << 27))
    with pytest.raises(InputError, match="too large"):
        read_metadata(tmp_path, [])


def test_damaged_workbooks_are_read_or_refused(tmp_path, sheet):
    import contextlib
    import random

    path = sheet(["ID", "age"], *([n, n] for n in range(1, 30))) / "meta_data.xlsx"
    content = path.read_bytes()
    for seed in range(60):
        damaged = bytearray(content)
        for place in random.Random(seed).choices(range(len(content)), k=4):
            damaged[place] = seed
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            read_metadata(tmp_path, ["ID001"])
