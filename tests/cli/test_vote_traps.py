"""The traps of real submissions, one a test, as a person meets them with `handseg vote`."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.rle.submission import write_submission

HEADER = "image_name,class,rle\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a file of the working folder: rows under the usual header, or bytes as they are."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDSEG_DATA", "HANDSEG_RUNS"):
        monkeypatch.delenv(name, raising=False)

    def write(name, content):
        data = content if isinstance(content, bytes) else (HEADER + content).encode()
        (tmp_path / name).write_bytes(data)
        return name

    return write


def type_vote(*words):
    done = CliRunner().invoke(application(), ["vote", *map(str, words), "--no-progress"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def voted(*words):
    """Lines of the CSV that the vote streams, without the header."""
    done = type_vote(*words, "--out", "-")
    assert done.exit_code == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header + "\n" == HEADER
    return rows


def refused(*words):
    """What is said where the input is at fault; nothing is made."""
    done = type_vote(*words, "--out", "never.csv")
    assert (done.exit_code, done.stdout) == (3, ""), done.stderr
    assert "this is a fault of handseg" not in done.stderr
    assert not Path("never.csv").exists()
    return done.stderr


BAD_RUNS = [
    "1 5 9",
    "0 5",
    "0 0",
    "-1 5",
    "1 -5",
    "99999999999999999999999999 1",
    "1 99999999999999999999999999",
    "18446744073709551617 1",
    "4294967297 1",
    "4194304 2",
    "1_0 5",
    "1.5 3",
    "1e3 5",
    "nan nan",
    "[1 5]",
    "1;5",
    "1 5 x",
    "1\x005 5",
    "1 5\x0b",
    "\x0c1 5",
    "1 5\xa0",
]


@pytest.mark.parametrize("runs", BAD_RUNS)
def test_run_lengths_at_fault_are_said_with_file_line_image_and_class(file, runs):
    file("a.csv", f"i.png,Radius,1 4\ni.png,Ulna,{runs}\ni.png,Lunate,7 1\n")
    file("b.csv", "i.png,Radius,1 4\ni.png,Ulna,5 5\ni.png,Lunate,7 1\n")
    assert "a.csv, line 3, i.png, Ulna: " in refused("b.csv", "a.csv")


@pytest.mark.parametrize("runs", BAD_RUNS)
def test_with_skip_bad_they_are_left_out_and_vote_against(file, runs):
    file("a.csv", f"i.png,Radius,1 4\ni.png,Ulna,{runs}\n")
    file("b.csv", "i.png,Radius,1 4\ni.png,Ulna,5 5\n")
    done = type_vote("a.csv", "b.csv", "--skip-bad", "--threshold", "0", "--out", "out.csv")
    assert done.exit_code == 0, done.stderr
    assert "a.csv, line 3, i.png, Ulna: " in done.stderr
    assert voted("out.csv") == ["i.png,Radius,1 4", "i.png,Ulna,5 5"]
    assert voted("a.csv", "b.csv", "--skip-bad") == ["i.png,Radius,1 4", "i.png,Ulna,"]


@pytest.mark.parametrize("rows", ["i.png,Ulna\n", "i.png,Ulna,1 2,3\n", ",Ulna,1 2\n"])
def test_rows_that_are_none_are_said_with_their_line_or_skipped(file, rows):
    file("a.csv", f"i.png,Radius,1 4\n{rows}i.png,Ulna,2 2\n")
    said = refused("a.csv")
    assert "a.csv" in said
    assert "line 3" in said
    assert voted("a.csv", "--skip-bad") == ["i.png,Radius,1 4", "i.png,Ulna,2 2"]


def test_every_fault_is_where_it_is_however_the_rows_are_ordered(file):
    rows = [f"{n:03}.png,Ulna,{n + 1} 2" for n in range(200)]
    file("a.csv", "\n".join(rows))
    rows[150] = "150.png,Ulna,7"
    file("b.csv", "\n".join(reversed(rows)))
    assert "b.csv, line 51, 150.png, Ulna: " in refused("a.csv", "b.csv")


@pytest.mark.parametrize("name", ["NA", "007", "NaN", "null", "None", "1e5", "1.0", "True", "-inf"])
def test_names_stay_the_text_that_they_are(file, name):
    file("a.csv", f"{name},{name},1 4\n")
    file("b.csv", f"{name},{name},3 4\n")
    assert voted("a.csv", "b.csv") == [f"{name},{name},3 2"]


def test_names_that_only_look_the_same_as_numbers_are_different_images(file):
    rows = "007,Ulna,1 1\n7,Ulna,2 1\n7.0,Ulna,3 1\n"
    file("a.csv", rows)
    file("b.csv", "\n".join(reversed(rows.splitlines())))
    assert voted("a.csv", "b.csv") == rows.splitlines()


def test_underscores_in_names_of_images_and_classes_part_nothing(file):
    rows = ["a_b,c,1 1", "a,b_c,2 1", "_,_,3 1", "a_,b,4 1", "a,_b,5 1"]
    file("a.csv", "\n".join(rows))
    file("b.csv", "\n".join(sorted(rows, reverse=True)))
    done = type_vote("a.csv", "b.csv", "--allow-partial", "--out", "-")
    assert done.stdout.splitlines()[1:] == rows


def test_base_names_that_collide_are_different_images(file):
    rows = ["ID001/image.png,Ulna,1 2", "ID002/image.png,Ulna,11 2"]
    file("a.csv", "\n".join(rows))
    file("b.csv", "\n".join(reversed(rows)))
    assert voted("a.csv", "b.csv") == rows


def test_a_row_missing_from_the_first_file_only_is_voted_on_in_its_place(file):
    file("a.csv", "i,x,1 4\ni,z,1 4\n")
    file("b.csv", "i,x,1 4\ni,y,1 4\ni,z,1 4\n")
    file("c.csv", "i,z,1 4\ni,y,3 4\ni,x,1 4\n")
    done = type_vote("a.csv", "b.csv", "c.csv", "--out", "-")
    assert done.stdout == HEADER + "i,x,1 4\ni,y,3 2\ni,z,1 4\n"
    assert "1 row missing" in done.stderr


def test_a_row_beyond_the_others_votes_alone_and_loses(file):
    file("a.csv", "i,x,1 4\n")
    file("b.csv", "i,x,1 4\n")
    file("c.csv", "i,x,1 4\ni,y,1 4\n")
    assert voted("a.csv", "b.csv", "c.csv") == ["i,x,1 4", "i,y,"]


def test_equal_rows_that_come_twice_count_once_and_are_said(file):
    file("a.csv", "i,x,1 4\ni,y,9 1\ni,x,1 4\n")
    file("b.csv", "i,x,3 4\ni,y,9 1\n")
    done = type_vote("a.csv", "b.csv", "--threshold", "1", "--out", "-")
    assert done.stdout == HEADER + "i,x,3 2\ni,y,9 1\n"
    assert "a.csv" in done.stderr
    assert "repeated" in done.stderr


def test_different_rows_for_one_mask_are_an_error_with_both_lines(file):
    file("a.csv", "i,x,1 4\ni,y,9 1\ni,x,1 5\n")
    said = refused("a.csv")
    assert "a.csv" in said
    assert "2" in said.split("a.csv", 1)[1]
    assert "4" in said.split("a.csv", 1)[1]
    assert "i, x" in said
    assert voted("a.csv", "--skip-bad") == ["i,x,1 4", "i,y,9 1"]


def test_an_empty_row_that_comes_again_with_a_mask_is_a_different_row(file):
    file("a.csv", "i,x,\ni,y,9 1\ni,x,1 5\n")
    assert "i, x" in refused("a.csv")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_longer_than_the_csv_module_reads(file, quote):
    runs = " ".join(f"{start} 1" for start in range(1, 40_001, 2))
    assert len(runs) > 131_072
    file("a.csv", f"i,x,1 2\ni,y,{quote}{runs}{quote}\ni,z,4 1\n")
    file("b.csv", f"i,x,1 2\ni,y,{quote}{runs} 50000 7{quote}\ni,z,4 1\n")
    assert voted("a.csv", "b.csv") == ["i,x,1 2", f"i,y,{runs}", "i,z,4 1"]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_header_without_rows_is_nothing_to_vote_on(file, content):
    file("a.csv", content)
    file("b.csv", content)
    assert "a.csv" in refused("a.csv", "b.csv") or "no submission has a row" in refused("a.csv")


def test_a_file_with_a_header_only_among_others_is_no_vote_against(file):
    file("a.csv", "i,x,1 2\n")
    file("b.csv", "")
    assert "b.csv" in refused("a.csv", "b.csv")
    assert voted("a.csv", "b.csv", "--allow-partial", "--threshold", "0") == ["i,x,1 2"]


def test_names_in_korean_code_page_949_are_read_and_said(file):
    rows = "손.png,요골,1 4\n발.png,요골,9 1\n"
    file("a.csv", (HEADER + rows).encode("cp949"))
    file("b.csv", rows)
    done = type_vote("a.csv", "b.csv", "--out", "-")
    assert done.stdout == HEADER + rows
    assert "949" in done.stderr


@pytest.mark.parametrize("runs", ["1.0 4.0", "1.0 4", "1 4.0", "1.00 4.000"])
def test_figures_that_went_through_floats_are_read(file, runs):
    file("a.csv", f"i,x,{runs}\n")
    assert voted("a.csv") == ["i,x,1 4"]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_gzip_is_read_whatever_its_name(file, name):
    file(name, gzip.compress((HEADER + "i,x,1 4\ni,y,\n").encode()))
    file("b.csv", "i,y,\ni,x,2 4\n")
    assert voted(name, "b.csv") == ["i,x,2 3", "i,y,"]


@pytest.mark.parametrize(
    "data",
    [
        b"image_name,class,rle\r\ni.png,x,1 4\r\ni.png,y,\r\n",
        b"\xef\xbb\xbfimage_name,class,rle\ni.png,x,1 4\ni.png,y,\n",
        b'\xef\xbb\xbf"image_name","class","rle"\r\n"i.png","x","1 4"\r\n"i.png","y",""',
        b",image_name,class,rle\n0,i.png,x,1 4\n1,i.png,y,\n",
        b"Unnamed: 0.1,Unnamed: 0,image_name,class,rle\n0,0.0,i.png,x,1 4\n1,,i.png,y,\n",
        b"rle,class,image_name\n1 4,x,i.png\n,y,i.png\n",
        b'class,rle,note,image_name\nx,1 4,"a, b",i.png\ny,,,i.png\n',
        b"image_name,class,rle\n\n\ni.png,x,1 4 \n\ni.png,y, \n",
        b"image_name,class,rle\ni.png,x, 3\t2  1 2\ni.png,y,5 0",
    ],
)
def test_line_ends_marks_indexes_orders_and_quotes_change_nothing(file, data):
    file("a.csv", data)
    file("b.csv", "i.png,y,\ni.png,x,2 4\n")
    assert voted("a.csv", "b.csv") == ["i.png,x,2 3", "i.png,y,"]


def test_names_with_commas_quotes_and_line_ends_come_out_as_they_went_in(file):
    rows = '"a, ""b"".png",x,1 4\n"c\nd.png",x,2 2\n'
    file("a.csv", rows)
    file("b.csv", rows)
    assert type_vote("a.csv", "b.csv", "--out", "-").stdout == HEADER + rows


def test_what_was_out_of_order_is_counted_and_said(file):
    file("a.csv", "i,x,9 1 1 4 3 4 7 2 20 0\n")
    done = type_vote("a.csv", "--out", "-")
    assert done.stdout == HEADER + "i,x,1 9\n"
    assert "a.csv" in done.stderr
    for word in ("unsorted", "overlap", "touch", "zero"):
        assert word in done.stderr


def test_a_csv_that_lacks_whole_images_is_an_error_unless_partial_is_allowed(file):
    file("a.csv", "i,x,1 4\nj,x,1 4\n")
    file("b.csv", "i,x,1 4\nj,x,3 4\n")
    file("c.csv", "i,x,3 4\n")
    said = refused("a.csv", "b.csv", "c.csv")
    assert "c.csv lacks 1 of 2 images" in said
    assert "--allow-partial" in said
    done = type_vote("a.csv", "b.csv", "c.csv", "--allow-partial", "--out", "-")
    assert done.exit_code == 0, done.stderr
    assert "c.csv" in done.stderr
    assert done.stdout.splitlines()[1] == "i,x,1 4"
    assert done.stdout.splitlines()[2].startswith("j,x,3 2")


def test_bounds_are_those_of_the_competition_unless_another_size_is_given(file):
    file("a.csv", f"i,x,{2048 * 2048} 1\n")
    file("past.csv", f"i,x,{2048 * 2048} 2\n")
    assert voted("a.csv") == [f"i,x,{2048 * 2048} 1"]
    assert "past.csv, line 2, i, x: " in refused("past.csv")
    assert voted("past.csv", "--image-size", "2049x2048") == [f"i,x,{2048 * 2048} 2"]
    assert "a.csv, line 2, i, x: " in refused("a.csv", "--image-size", "10x20")


def test_the_image_size_is_height_by_width_and_only_its_product_counts_here(file):
    file("a.csv", "i,x,200 1\n")
    assert voted("a.csv", "--image-size", "10x20") == ["i,x,200 1"]
    assert "line 2" in refused("a.csv", "--image-size", "10x19")


@pytest.mark.parametrize("size", ["2048", "x", "0x5", "-1x4", "axb", "10x"])
def test_a_size_that_is_none_is_an_error_of_the_command_line(file, size):
    file("a.csv", "i,x,1 1\n")
    assert type_vote("a.csv", "--image-size", size).exit_code == 2


def test_a_sidecar_knows_its_sizes_better_than_the_command_line(tmp_path, file):
    fields = {"images": {"i": [3, 3], "j": [3000, 3000]}}
    rows = [("i", "x", rle.parse("9 1")), ("j", "x", rle.parse("9000000 1"))]
    write_submission(tmp_path / "a.csv", rows, fields)
    assert voted("a.csv") == ["i,x,9 1", "j,x,9000000 1"]
    file("b.csv", "i,x,10 1\nj,x,1 1\n")
    assert "b.csv, line 2, i, x: " in refused("a.csv", "b.csv")


def test_a_changed_file_beside_its_sidecar_is_refused(tmp_path, file):
    write_submission(tmp_path / "a.csv", [("i", "x", rle.parse("1 2"))], {})
    file("a.csv", "i,x,1 3\n")
    assert "a.csv.json" in refused("a.csv")


@pytest.mark.parametrize("workers", ["0", "-1", "x"])
def test_a_number_of_workers_that_is_none_is_an_error_of_the_command_line(file, workers):
    file("a.csv", "i,x,1 1\n")
    assert type_vote("a.csv", "--workers", workers).exit_code == 2


def test_a_pipe_or_a_device_is_never_replaced(file):
    os.mkfifo("pipe")
    done = type_vote(file("a.csv", "i,Ulna,1 1\n"), "--out", "pipe", "--force")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--out pipe is no file" in done.stderr
    assert Path("pipe").is_fifo()


def test_masks_past_the_end_of_a_wrong_image_size_say_how_wide_their_images_are(file):
    down, across = np.ogrid[:256, :256]
    rows = "".join(
        f"i.png,{cls},{rle.format(rle.from_mask(np.hypot(down - 180, across - at) < 30))}\n"
        for cls, at in (("x", 80), ("y", 150))
    )
    for name in ("a.csv", "b.csv"):
        file(name, rows)
    said = refused("a.csv", "b.csv", "--image-size", "128x128")
    assert "a.csv, line 2, i.png, x: " in said
    assert "all masks look like images of 256 pixels a row" in said
    assert "--image-size 256x256" in said
    assert voted("a.csv", "b.csv", "--image-size", "256x256") == rows.splitlines()
    assert "pixels a row" not in refused("a.csv", file("bad.csv", "i.png,x,1 5 9\n"))


def test_a_data_set_at_fault_ends_a_vote_that_asks_it(file):
    Path("data").mkdir()
    file("data/dataset.toml", b"layout = 3\n")
    file("a.csv", "i.png,x,1 5\n")
    assert "dataset.toml" in refused("a.csv", "a.csv")
