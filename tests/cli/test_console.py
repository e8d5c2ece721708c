"""What is printed reaches every stream: of another encoding, on a full disk, on a terminal."""

import csv
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HANDSEG = (sys.executable, "-m", "handseg")
NASTY = "f\x1b[31m\u202e손"
"""A name that turns a terminal red and the line round, with a letter that Latin-1 lacks."""
FULL = Path("/dev/full")


@pytest.fixture
def masks(empty_folder):
    """A submission with a class of that name."""
    path = empty_folder / "a.csv"
    path.write_text(f"image_name,class,rle\nx.png,{NASTY},1 3\nx.png,Ulna,\n", encoding="utf-8")
    return path


def type_line(*words, encoding="utf-8", **options):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    options = {"capture_output": True, **options}
    return subprocess.run([*HANDSEG, *words], env=environment, check=False, **options)


def on_a_terminal(*words):
    """What a terminal gets of both streams."""
    screen, terminal = pty.openpty()
    with os.fdopen(screen, "rb", buffering=0) as shown:
        done = type_line(*words, capture_output=False, stdout=terminal, stderr=terminal)
        os.close(terminal)
        got = b""
        try:
            while part := shown.read(1 << 16):
                got += part
        except OSError:
            pass  # Linux says so that the other side has gone.
    return done.returncode, got.decode()


@pytest.mark.parametrize("encoding", ["latin-1", "cp949", "ascii"])
def test_signs_that_an_encoding_lacks_have_stand_ins(masks, encoding):
    words = ("score", "a.csv", "--labels", "a.csv", "--image-size", "9x9")
    done = type_line(*words, encoding=encoding)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert "mean" in shown
    assert ("손" if encoding == "cp949" else r"\uc190") in shown
    refused = type_line("runs", encoding=encoding)
    assert refused.returncode == 3
    arrow = "→" if encoding == "cp949" else ">"
    assert f"{arrow} handseg demo" in refused.stderr.decode(encoding)


@pytest.mark.parametrize("encoding", ["latin-1", "cp949", "ascii"])
def test_data_on_stdout_is_utf8_in_every_encoding_and_keeps_names_as_they_are(masks, encoding):
    score = ("score", "a.csv", "--labels", "a.csv", "--image-size", "9x9")
    found = json.loads(type_line(*score, "--json", encoding=encoding).stdout)
    [scored] = found["predictions"]
    assert list(scored["classes"]) == [NASTY, "Ulna"]
    lines = type_line(*score, "--csv", encoding=encoding).stdout.decode().splitlines()
    assert NASTY in [row[0] for row in csv.reader(lines)]
    voted = type_line("vote", "a.csv", "--out", "-", "--image-size", "9x9", encoding=encoding)
    assert voted.stdout == masks.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("score", "a.csv", "--labels", "a.csv", "--image-size", "9x9"),
        ("score", "a.csv", "--labels", "a.csv", "--image-size", "9x9", "--csv"),
        ("vote", "a.csv", "b.csv", "--image-size", "9x9"),
        ("diff", "a.csv", "b.csv"),
        ("runs", "--runs", NASTY),
        ("check", NASTY),
    ],
)
def test_a_terminal_gets_no_escape_sequence_of_a_name(masks, words):
    masks.with_name("b.csv").write_text("image_name,class,rle\nx.png,Ulna,\nx.png,Radius,\n")
    _, got = on_a_terminal(*words)
    assert "[31m" in got
    assert "\x1b[31m" not in got
    assert "\u202e" not in got


@pytest.mark.parametrize("hang_up", [False, True])
def test_a_signal_in_the_middle_shows_the_cursor_again_and_leaves_nothing(empty_folder, hang_up):
    words = [*HANDSEG, "phantom", "hands", "--people", "500", "--size", "1024"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    got = b""
    while b"left" not in got:
        got += os.read(terminal, 1 << 16)
    assert b"\x1b[?25l" in got
    assert [path.name for path in empty_folder.iterdir()] != []
    if hang_up:
        os.close(terminal)
    else:
        os.kill(pid, signal.SIGTERM)
        while b"ended by SIGTERM" not in got:
            got += os.read(terminal, 1 << 16)
        assert got.rfind(b"\x1b[?25h") > got.rfind(b"\x1b[?25l")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143
    if not hang_up:  # before its end that would be another signal
        os.close(terminal)
    assert list(empty_folder.iterdir()) == []


def test_a_made_path_is_given_to_programs_as_it_is(empty_folder):
    done = type_line("phantom", NASTY, "--people", "2", "--size", "64", "-q")
    assert done.stdout.decode() == f"{NASTY}\n"
    assert Path(NASTY).is_dir()


def test_names_that_are_no_text_are_refused_with_the_line_that_converts_them(workplace):
    image = next(Path("data/train/DCM").rglob("*.png"))
    image.rename(image.with_name(os.fsdecode(b"\xbc\xd5.png")))
    done = type_line("stats")
    assert done.returncode == 3
    assert "is not UTF-8" in done.stderr.decode()
    assert "convmv -f cp949 -t utf-8" in done.stderr.decode()


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("flags", [(), ("--json",), ("--csv",)])
def test_stdout_on_a_full_disk_is_an_error(flags):
    with FULL.open("wb") as full:
        done = type_line("recipes", *flags, capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 1
    assert done.stderr.decode() == "error: No space left on device\n"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_work_goes_on_where_the_log_of_what_is_said_has_no_room(masks):
    vote = ("vote", "a.csv", "--image-size", "9x9")
    with FULL.open("wb") as full:
        done = type_line(*vote, capture_output=False, stdout=-1, stderr=full)
        refused = type_line("vote", "missing.csv", capture_output=False, stderr=full)
    assert (done.returncode, done.stdout) == (0, b"votes/vote-001.csv\n")
    assert refused.returncode == 3


def test_words_for_a_person_never_go_to_stdout_where_stderr_is_closed():
    line = f"{shlex.join(HANDSEG)} recipes"
    said = subprocess.run(["sh", "-c", line], capture_output=True, check=True)
    closed = subprocess.run(["sh", "-c", line + " 2>&-"], capture_output=True, check=True)
    assert said.stderr != b""
    assert closed.stdout == said.stdout
