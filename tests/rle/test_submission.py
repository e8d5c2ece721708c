"""Reading and writing submissions."""

import hashlib
import io
import json

import numpy as np
import pytest

from handseg import rle
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_numbered, write_rows, write_submission

HEADER = "image_name,class,rle\n"


def csv(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def text_of(submission, image, cls):
    return rle.format(submission.runs(image, cls))


def test_rows_are_found_by_image_and_class_in_the_order_of_the_file(tmp_path):
    path = csv(tmp_path, HEADER + "b.png,Ulna,1 2\na.png,Ulna,\nb.png,Radius,5 1\n")
    submission = read_submission(path)
    assert submission.keys() == [("b.png", "Ulna"), ("a.png", "Ulna"), ("b.png", "Radius")]
    assert submission.images == ("b.png", "a.png")
    assert submission.classes == ("Ulna", "Radius")
    assert len(submission) == 3
    assert text_of(submission, "b.png", "Radius") == "5 1"
    assert submission.line("b.png", "Radius") == 4
    assert submission.sidecar is None


def test_a_missing_and_an_empty_row_are_empty_masks_that_can_be_told_apart(tmp_path):
    submission = read_submission(csv(tmp_path, HEADER + "a.png,Ulna,\n"))
    assert submission.runs("a.png", "Ulna").shape == (0, 2)
    assert submission.runs("a.png", "Radius").shape == (0, 2)
    assert ("a.png", "Ulna") in submission
    assert ("a.png", "Radius") not in submission
    assert submission.empty_rows == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfimage_name,class,rle\r\na.png,Ulna,1 2 5 1\r\n",
        b'\xef\xbb\xbf"image_name","class","rle"\n"a.png","Ulna","1 2 5 1"\n',
        b",image_name,class,rle\n0,a.png,Ulna,1 2 5 1\n",
        b"rle,Unnamed: 0,class,image_name\n1 2 5 1,0.0,Ulna,a.png\n",
        b"image_name,class,rle\n\na.png,Ulna,1 2 5 1",
        b'image_name,class,rle\na.png,Ulna,"1 2\n5 1"\n',
        b"image_name , class, rle\na.png,Ulna, 5 1 1 2 \n",
    ],
)
def test_other_orders_indexes_quotes_boms_and_line_ends_are_read_right(tmp_path, content):
    submission = read_submission(csv(tmp_path, content))
    assert submission.keys() == [("a.png", "Ulna")]
    assert text_of(submission, "a.png", "Ulna") == "1 2 5 1"


ROW = "{image},{cls},{rle}"


@pytest.mark.parametrize(
    "line",
    [
        ROW + "\r\n",
        ROW + " \n",
        '"{image}","{cls}",{rle}\n',
        '"{image}","{cls}","{rle}"\r\n',
        '"{row}","{image}","{cls}","{rle} "\r\n',
        "{row},{image},{cls},{rle} \r\n",
    ],
)
def test_files_of_other_tools_are_read_like_our_own_and_as_fast(tmp_path, monkeypatch, line):
    rows = [
        {"row": n, "image": f"{n % 40}.png", "cls": f"bone {n // 40}", "rle": f"{n} 2 {n + 3} 1"}
        for n in range(1, 400)
    ]
    rows[5]["rle"] = ""
    header = ("," if "{row}" in line else "") + HEADER
    path = csv(tmp_path, header + "".join(line.format(**row) for row in rows))

    def refuse(scan, record):
        raise AssertionError(f"line {record.line} is read alone")

    monkeypatch.setattr("handseg.rle.row_index._Scan._take_row", refuse)
    found = read_submission(path)
    assert found.keys() == [(row["image"], row["cls"]) for row in rows]
    assert found.texts(np.arange(len(rows))) == [row["rle"].encode() for row in rows]
    assert found.line("9.png", "bone 9") == 370


@pytest.mark.parametrize(
    "row",
    [
        '"a,b.png",Ulna,1 2',
        '"a.png","Ulna","1 2\n3 4"',
        'a"b".png,Ulna,1 2',
        '"a"".png",Ulna,"1 2"',
    ],
)
def test_a_quote_that_hides_something_is_seen_between_those_that_do_not(tmp_path, row):
    plain = [f'"{n}.png","Ulna","{n} 2 "\r\n' for n in range(1, 50)]
    text = HEADER + "".join(plain) + row + "\r\n" + plain[0].replace("1.png", "z.png")
    faults = []
    found = read_submission(csv(tmp_path, text), faults)
    assert len(found) + len(faults) == 51
    assert text_of(found, "z.png", "Ulna") == "1 2"
    names = {"a,b.png", "a.png", 'a".png'} & set(found.images)
    assert len(names) == 1 - len(faults)


@pytest.mark.parametrize("name", ["NA", "007", "NaN", "1e5", "null", "a_b_c", "손.png"])
def test_names_never_become_numbers_or_nothing(tmp_path, name):
    submission = read_submission(csv(tmp_path, f"{HEADER}{name},{name},1 2\n"))
    assert submission.keys() == [(name, name)]


def test_quoted_names_may_hold_commas_quotes_and_line_ends(tmp_path):
    name = 'a,"b"\nc.png'
    path = tmp_path / "a.csv"
    write_submission(path, [(name, "Ulna", rle.parse("3 4")), ("d", "Ulna", rle.empty())], {})
    submission = read_submission(path)
    assert submission.keys() == [(name, "Ulna"), ("d", "Ulna")]
    assert text_of(submission, name, "Ulna") == "3 4"
    assert submission.line("d", "Ulna") == 4


def test_a_field_beyond_the_limit_of_the_csv_module_is_read(tmp_path):
    text = " ".join(f"{start} 1" for start in range(1, 60_001, 2))
    assert len(text) > 131_072
    submission = read_submission(csv(tmp_path, f'{HEADER}a,Ulna,{text}\nb,Ulna,"{text}"\n'))
    assert text_of(submission, "a", "Ulna") == text_of(submission, "b", "Ulna") == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("image,class,rle\na,b,1 2\n", "found: image, class, rle"),
        ("image_name,class,rle,rle\n", "needs rle once"),
        (HEADER + "a,b\n", "line 2: 2 fields where the header has 3"),
        (HEADER + "a,b,1 2\na,b,1,2\n", "line 3: 4 fields"),
        (HEADER + ",b,1 2\n", "line 2: an image name or a class is missing"),
        (HEADER + 'a,"b,1 2\nc,d,\n', "line 2: a quote is never closed"),
        (HEADER + 'a"b",c,1 2\n', "line 2: a quote inside"),
        (HEADER.encode() + b"\xff\xfe,b,1 2\n", "line 2: a name is not UTF-8"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (
            HEADER + "a,b,1 2\nc,b,1 2\na,b,1 3\n",
            "line 4, a, b: lines 2 and 4 hold different masks",
        ),
    ],
)
def test_a_file_at_fault_is_refused_with_its_name_and_the_place(tmp_path, content, said):
    path = csv(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_submission(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_repeated_row_with_the_same_mask_is_counted(tmp_path):
    submission = read_submission(csv(tmp_path, HEADER + 'a,b,1 2\na,b,"1  2"\n'))
    assert submission.repeated_rows == 1
    assert len(submission) == 1


@pytest.mark.parametrize("text", ["0 5", "1 5 9", "a b", "4 -1"])
def test_a_run_length_at_fault_names_file_line_image_and_class(tmp_path, text):
    submission = read_submission(csv(tmp_path, f"{HEADER}a,b,1 2\nc.png,Ulna,{text}\n"))
    with pytest.raises(InputError, match=r"a\.csv, line 3, c\.png, Ulna: "):
        submission.runs("c.png", "Ulna")


def test_a_run_past_the_image_is_refused_when_the_size_is_known(tmp_path):
    path = tmp_path / "a.csv"
    rows = [("a.png", "Ulna", rle.parse("1 2 12 2"))]
    write_submission(path, rows, {"images": {"a.png": [3, 4]}})
    submission = read_submission(path)
    assert submission.sizes == {"a.png": (3, 4)}
    with pytest.raises(InputError, match=r"line 2, a\.png, Ulna: a run ends at pixel 13, past"):
        submission.runs("a.png", "Ulna")
    assert len(submission.runs("a.png", "Ulna", size=(4, 4))) == 2


def test_no_file_and_a_folder_are_said(tmp_path):
    with pytest.raises(InputError, match="no CSV at"):
        read_submission(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_submission(tmp_path)


def test_a_written_submission_has_a_sidecar_with_its_hash_rows_and_versions(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    rows = [("a.png", "Ulna", rle.parse("1 2")), ("a.png", "Radius", rle.empty())]
    assert write_submission(path, iter(rows), {"made_by": "predict"}) == path
    assert path.read_bytes() == b"image_name,class,rle\na.png,Ulna,1 2\na.png,Radius,\n"
    sidecar = json.loads((tmp_path / "deep" / "a.csv.json").read_text())
    assert sidecar["made_by"] == "predict"
    assert sidecar["v"] == 1
    assert sidecar["rows"] == 2
    assert sidecar["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {"handseg", "python", "numpy"} <= sidecar["versions"].keys()
    assert read_submission(path).sidecar == sidecar
    assert sorted(file.name for file in path.parent.iterdir()) == ["a.csv", "a.csv.json"]


def test_a_changed_file_no_longer_fits_its_sidecar(tmp_path):
    path = write_submission(tmp_path / "a.csv", [("a", "b", rle.parse("1 2"))], {})
    path.write_bytes(path.read_bytes().replace(b"1 2", b"1 3"))
    with pytest.raises(InputError, match=r"a\.csv is not the file .* a\.csv\.json"):
        read_submission(path)


@pytest.mark.parametrize("sidecar", ["{", "[]", '{"images": []}', '{"images": {"a": [1]}}', "\xff"])
def test_a_broken_sidecar_is_said(tmp_path, sidecar):
    path = csv(tmp_path, HEADER)
    (tmp_path / "a.csv.json").write_text(sidecar, encoding="latin-1")
    with pytest.raises(InputError, match=r"a\.csv\.json"):
        read_submission(path)


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    path = write_submission(tmp_path / "a.csv", [("a", "b", rle.parse("1 2"))], {})
    before = sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir())

    def rows():
        yield "a", "b", rle.parse("5 6")
        raise InputError("the second image cannot be read")

    with pytest.raises(InputError, match="second image"):
        write_submission(path, rows(), {})
    assert sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir()) == before


def test_one_mask_given_twice_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="two masks of a, b"):
        write_submission(tmp_path / "a.csv", [("a", "b", rle.empty())] * 2, {})
    assert not list(tmp_path.iterdir())


def test_numbered_files_take_the_first_free_number(tmp_path):
    rows = [("a", "b", rle.parse("1 2"))]
    (tmp_path / "vote-002.csv").write_text("mine")
    names = [write_numbered(tmp_path, "vote", rows, {}).name for _ in range(2)]
    assert names == ["vote-001.csv", "vote-003.csv"]
    assert (tmp_path / "vote-002.csv").read_text() == "mine"
    assert read_submission(tmp_path / "vote-003.csv").sidecar is not None


def test_rows_can_be_streamed_anywhere():
    stream = io.StringIO()
    assert write_rows(stream, [("a", "b", rle.parse("1 2"))]) == 1
    assert stream.getvalue() == "image_name,class,rle\na,b,1 2\n"


def test_a_file_that_is_cut_while_it_is_read_is_no_shorter_mask(tmp_path):
    path = csv(tmp_path, HEADER + "a.png,Ulna,1 2 5 10 30 400\n")
    submission = read_submission(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="cut short while it was read"):
        submission.runs("a.png", "Ulna")
