"""Damaged submissions: what is invalid is reported with its place, the rest is read as written.

A slow reader of this file's own (Python's `csv`, `int`, sets of pixels) says what is what.
"""

import csv
import gzip
import io
import re
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from handseg.cli.main import application
from handseg.errors import InputError
from handseg.rle.submission import read_submission

HEADER = b"image_name,class,rle\n"
SIZE = (8, 8)
GOOD = HEADER + (
    b"a.png,finger-1,1 3 9 2 64 1\n"
    b"a.png,Ulna,\n"
    b"b.png,finger-1,5 60\n"
    b"b.png,Ulna,1 1 3 1 5 1 7 1 9 1 11 1 13 1 15 1\n"
    b"longer-name-007.png,finger-1,10 20 40 5\n"
    b"longer-name-007.png,Ulna,63 2\n"
)

csv.field_size_limit(2**31 - 1)


# The slow reader


@dataclass
class Expected:
    """What a damaged file holds."""

    rows: dict = field(default_factory=dict)
    """(image, class) → (line, pixels), pixels None where the run lengths are at fault."""
    bad_lines: set = field(default_factory=set)
    """Lines of the rows that are none, and of the second of two that differ."""
    whole_fault: bool = False
    """Whether there is no header: the file is no submission."""
    unsure: bool = False
    """Whether it is a matter of opinion: quotes, line ends of old Macs, names that are no text."""


def read_slowly(data):
    expected = Expected()
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    texts = [line.removesuffix(b"\r").decode("latin-1") for line in lines]
    blank_lines = any(text and not text.strip() for text in texts) or not texts[0]
    if blank_lines or any(letter in '"\r' or letter > "\x7f" for letter in "".join(texts)):
        expected.unsure = True
        return expected
    header = None
    for number, text in enumerate(texts, 1):
        fields = next(csv.reader([text], quoting=csv.QUOTE_NONE), [])
        if not text.strip("\r"):
            continue
        if header is None:
            header = [name.strip() for name in fields]
            if any(header.count(name) != 1 for name in ("image_name", "class", "rle")):
                expected.whole_fault = True
                return expected
        elif len(fields) != len(header):
            expected.bad_lines.add(number)
        else:
            add_row(expected, number, dict(zip(header, fields, strict=True)))
    expected.whole_fault = header is None
    return expected


def add_row(expected, line, fields):
    key = fields["image_name"], fields["class"]
    # Whether "1 2 3 1" repeats "1 3", and whether "1." and "99 0" may pass, are matters of opinion.
    debatable = r"[0-9]\.(\s|$)|(6[5-9]|[7-9][0-9]|[0-9]{3,})(\.0+)?\s+0+(\.0+)?(\s|$)"
    expected.unsure |= key in expected.rows or bool(re.search(debatable, fields["rle"]))
    expected.unsure |= any(name != name.strip() for name in key)
    if all(key):
        expected.rows[key] = line, pixels_of(fields["rle"])
    else:
        expected.bad_lines.add(line)


def pixels_of(text):
    """The pixels of a run-length text, None where it is at fault."""
    tokens = text.replace("\t", " ").replace("\r", " ").split(" ")
    tokens = [token for token in tokens if token]
    if len(tokens) % 2 or not all(re.fullmatch(r"[0-9]+(\.0+)?", token) for token in tokens):
        return None
    figures = [int(token.partition(".")[0]) for token in tokens]
    held = set()
    for start, length in zip(figures[::2], figures[1::2], strict=True):
        if start == 0 or start - 1 + length > SIZE[0] * SIZE[1]:
            return None
        held.update(range(start - 1, start - 1 + length))
    return held


# The damage


small_bytes = st.one_of(
    st.sampled_from(
        [b" ", b",", b"\n", b"\r\n", b"0", b"-", b".", b"_", b"\0", b"\t", b"\x0b", b"e"]
    ),
    st.sampled_from([b"1.0", b"1.5", b"nan", b"1_0", b"+1", b"0x1", b"999999999999999999999999"]),
    st.sampled_from([b"18446744073709551617", b"9223372036854775807", b"4294967297", b"00000001"]),
    st.integers(0, 127).map(lambda code: bytes([code])),
)
wild_bytes = st.one_of(
    small_bytes,
    st.binary(max_size=6),
    st.sampled_from(
        [b'"', b'""', b'",', b',"', b'"\n', b"\r", "손".encode("cp949"), "손".encode()]
    ),
)


@st.composite
def damaged(draw, pieces):
    """A valid file with a few insertions, deletions, replacements, a cut and a swapped piece."""
    data = draw(st.sampled_from([GOOD, GOOD, GOOD.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + GOOD]))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        piece = draw(pieces)
        match draw(st.sampled_from(["insert", "replace", "delete", "cut", "double"])):
            case "insert":
                data = data[:place] + piece + data[place:]
            case "replace":
                data = data[:place] + piece + data[place + len(piece) :]
            case "delete":
                data = data[:place] + data[place + draw(st.integers(1, 9)) :]
            case "cut":
                data = data[: max(place, 60)]
            case "double":
                data = data[:place] + data[max(0, place - 20) :]
    return data


def read(data, name="a.csv"):
    """The submission, its faults, and the pixels or the error of each row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        faults = []
        submission = read_submission(path, faults=faults)
        rows = {}
        for image, cls in submission:
            try:
                runs = submission.runs(image, cls, size=SIZE).tolist()
                rows[image, cls] = {place for start, end in runs for place in range(start, end)}
            except InputError as error:
                rows[image, cls] = error
        return submission, faults, rows


def read_or_error(data, name="a.csv"):
    try:
        return read(data, name)
    except InputError as error:
        return error


@settings(max_examples=400, deadline=None)
@given(damaged(small_bytes))
def test_a_damaged_file_is_read_exactly_or_its_faults_have_their_place(data):
    expected = read_slowly(data)
    if expected.whole_fault:
        with pytest.raises(InputError):
            read(data)
        return
    found = read_or_error(data)
    if expected.unsure:
        return
    assert not isinstance(found, InputError), found
    submission, faults, rows = found
    assert {fault.line for fault in faults} == expected.bad_lines
    assert {fault.kind for fault in faults} <= {"row"}
    assert list(rows) == list(expected.rows)
    for (image, cls), (line, pixels) in expected.rows.items():
        assert submission.line(image, cls) == line
        if pixels is not None:
            assert rows[image, cls] == pixels
            continue
        assert isinstance(rows[image, cls], InputError)
        assert f"line {line}, {image}, {cls}: " in str(rows[image, cls])


@settings(max_examples=300, deadline=None)
@given(damaged(wild_bytes))
def test_quotes_and_foreign_bytes_are_read_or_refused_and_never_anything_else(data):
    found = read_or_error(data)
    if isinstance(found, InputError):
        assert "a.csv" in str(found)
        return
    submission, faults, rows = found
    ends = data.count(b"\n") + data.count(b"\r") + 1
    assert all(0 <= fault.line <= ends for fault in faults)
    assert all("a.csv" in str(fault) for fault in faults)
    assert len(rows) == len(submission) == len(submission.keys())
    assert all(isinstance(row, set | InputError) for row in rows.values())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.binary(max_size=80).map(lambda tail: HEADER + tail))
def test_random_bytes_are_no_submission_or_an_odd_one(data):
    for name in ("a.csv", "a.csv.gz"):
        found = read_or_error(data, name)
        assert not isinstance(found, InputError) or name in str(found)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_damaged_gzip_is_refused_or_reads_as_it_was(place, piece, cut):
    data = gzip.compress(GOOD, mtime=0)
    place %= len(data)
    data = data[:place] if cut else data[:place] + piece + data[place + len(piece) :]
    found = read_or_error(data, "a.csv.gz")
    if isinstance(found, InputError):
        assert "a.csv.gz" in str(found)
        return
    _, faults, rows = found
    # The name, the time and the flags of the header say nothing of the content.
    assert faults == []
    assert {key: pixels for key, (_, pixels) in read_slowly(GOOD).rows.items()} == rows


def dressed_rows(random):
    """A file of some megabytes: its bytes, (line, image, class, runs) of rows, lines at fault."""
    end = random.choice(["\n", "\r\n"])
    lines, line, rows, bad = ["image_name,class,rle" + end], 2, [], set()
    for number in range(random.choice([300, 600])):
        runs = [(1 + 9 * place, random.randint(1, 8)) for place in range(random.choice(LENGTHS))]
        text = " ".join(f"{start} {length}" for start, length in runs)
        key = f"image{number}.png", random.choice(["Ulna", "Radius"])
        kind = random.choices(["plain", "quoted", "broken", "short", "blank"], KINDS)[0]
        row = {
            "quoted": f'"{key[0]}",{key[1]},"{text}"',
            "broken": f'"{key[0]}",{key[1]},"{text.replace(" ", end, 3)}"',
            "short": f"{key[0]},{key[1]}",
            "blank": f"{end}{end}{key[0]},{key[1]},{text}",
        }.get(kind, f"{key[0]},{key[1]},{text}")
        first = line + 2 * (kind == "blank")
        bad |= {first} if kind == "short" else set()
        rows += [] if kind == "short" else [(first, *key, runs)]
        lines.append(row + end)
        line += lines[-1].count("\n")
    return "".join(lines).encode(), rows, bad


LENGTHS = [0, 1, 2, 30, 30, 300, 300, 3000]
KINDS = [300, 1, 1, 1, 1]


@pytest.mark.parametrize("seed", range(6))
def test_odd_rows_among_megabytes_of_plain_ones_are_read_and_placed_exactly(tmp_path, seed):
    data, rows, bad = dressed_rows(Random(seed))
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    faults = []
    submission = read_submission(path, faults=faults)
    assert {fault.line for fault in faults} == bad
    assert submission.keys() == [(image, cls) for _, image, cls, _ in rows]
    assert submission.sha256 == sha256(data).hexdigest()
    for line, image, cls, runs in rows:
        assert submission.line(image, cls) == line
        expected = [[start - 1, start - 1 + length] for start, length in runs]
        assert submission.runs(image, cls, size=(2048, 2048)).tolist() == expected


@settings(max_examples=80, deadline=None)
@given(damaged(small_bytes))
def test_a_vote_on_a_damaged_file_is_right_or_exits_3_and_says_the_place(data):
    expected = read_slowly(data)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.csv", Path(folder) / "out.csv"
        path.write_bytes(data)
        words = ["vote", str(path), "--image-size", "8x8", "--out", str(out), "--no-progress"]
        done = CliRunner().invoke(application(), words)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert done.exit_code in (0, 3), done.stderr
        assert done.exit_code == 0 or (str(path) in done.stderr and not out.exists())
        voted = out.read_bytes() if out.exists() else b""
    if expected.unsure:
        return
    faulty = {line for line, pixels in expected.rows.values() if pixels is None}
    faulty |= expected.bad_lines
    if expected.whole_fault or faulty or not expected.rows:
        assert done.exit_code == 3
        assert not faulty or any(f"line {line}" in done.stderr for line in faulty)
        return
    assert done.exit_code == 0, done.stderr
    written = csv.DictReader(io.StringIO(voted.decode(), newline=""))
    kept = {(row["image_name"], row["class"]): pixels_of(row["rle"]) for row in written}
    assert kept == {key: pixels for key, (_, pixels) in expected.rows.items()}


@settings(max_examples=40, deadline=None)
@given(damaged(small_bytes))
def test_skipping_what_is_bad_votes_on_everything_else(data):
    expected = read_slowly(data)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.csv", Path(folder) / "out.csv"
        path.write_bytes(data)
        options = ["--skip-bad", "--allow-partial", "--image-size", "8x8", "--no-progress"]
        done = CliRunner().invoke(application(), ["vote", str(path), *options, "--out", str(out)])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert done.exit_code in (0, 3), done.stderr
        voted = out.read_bytes() if out.exists() else b""
    if expected.unsure or done.exit_code:
        assert expected.unsure or expected.whole_fault or not readable(expected)
        return
    written = csv.DictReader(io.StringIO(voted.decode(), newline=""))
    kept = {(row["image_name"], row["class"]): pixels_of(row["rle"]) for row in written}
    assert {key: pixels for key, pixels in kept.items() if pixels} == readable(expected)


def readable(expected):
    """The masks of the rows that are right, those without a pixel left out."""
    return {key: pixels for key, (_, pixels) in expected.rows.items() if pixels}


@settings(max_examples=40, deadline=None)
@given(damaged(wild_bytes))
def test_a_check_of_a_damaged_file_ends_with_0_or_3_and_no_traceback(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(data)
        done = CliRunner().invoke(application(), ["check", str(path), "--no-progress"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert done.exit_code in (0, 3), done.output
    assert "this is a fault of handseg" not in done.output
    expected = read_slowly(data)
    if not expected.unsure and (expected.whole_fault or expected.bad_lines):
        assert done.exit_code == 3
