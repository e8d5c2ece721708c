"""How much memory the reader takes for lines that no submission has."""

import gzip
import subprocess
import sys

import pytest

HEADER = b"image_name,class,rle\n"

MEASURE = """
import sys
from pathlib import Path
from handseg.errors import InputError
from handseg.rle.submission import read_submission

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

before = peak()
faults = []
try:
    submission = read_submission(Path(sys.argv[1]), faults=faults)
    for image, cls in list(submission):
        submission.runs(image, cls)
    said = f"{len(submission)} rows, {len(faults)} faults"
except InputError as error:
    said = str(error)[:200]
print(peak() - before, said, sep="\\n")
"""

ONE_LINE = {
    "zeros": (b"\0", b""),
    "no header": (b"image_name,class,rle", b""),
    "a name": (b"x", HEADER),
    "commas": (b",", HEADER + b"a.png,Ulna,"),
    "blanks": (b" ", HEADER + b"a.png,Ulna,"),
    "digits without a blank": (b"1", HEADER + b"a.png,Ulna,"),
    "figures": (b"1234567 1 ", HEADER + b"a.png,Ulna,"),
    "quotes": (b'"', HEADER + b"a.png,Ulna,"),
    "an open quote": (b"1 ", HEADER + b'a.png,Ulna,"'),
}


@pytest.mark.parametrize(
    ("kind", "name", "megabytes"),
    [
        *((kind, "a.csv", 16) for kind in ONE_LINE),
        ("digits without a blank", "a.csv", 50),
        ("zeros", "bomb.csv.gz", 50),
        ("a name", "bomb.csv.gz", 50),
    ],
)
def test_a_long_line_takes_a_few_times_its_size_at_most(tmp_path, kind, name, megabytes):
    filling, head = ONE_LINE[kind]
    data = head + filling * (megabytes * 2**20 // len(filling))
    path = tmp_path / name
    path.write_bytes(gzip.compress(data, 1) if name.endswith("gz") else data)
    # A fresh process: its high-water mark is its own.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    grown, said = done.stdout.split("\n", 1)
    assert int(grown) < 8 * megabytes, said
