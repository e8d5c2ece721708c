"""Writing a submission as a stream: the file and its sidecar are there whole or not at all."""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from typing import Any, Protocol

from handseg import disk
from handseg.errors import FailedError
from handseg.rle.codec import Runs
from handseg.rle.codec import format as format_runs
from handseg.rle.csv_records import quoted
from handseg.rle.row_index import COLUMNS
from handseg.rle.sidecar import sidecar_fields, sidecar_path

_HEADER = ",".join(COLUMNS) + "\n"

Rows = Iterable[tuple[str, str, Runs]]
Lines = Iterable[tuple[bytes, int]]
"""Whole rows as they are written, in pieces: some bytes and the number of rows in them."""


class TextStream(Protocol):
    """What a submission can be written to."""

    def write(self, text: str, /) -> object: ...


def line_of(image_name: str, cls: str, text: bytes) -> bytes:
    return b"%s,%s,%s\n" % (_field(image_name), _field(cls), text)


@lru_cache(maxsize=1024)  # names come again row after row
def _field(name: str) -> bytes:
    return quoted(name).encode()


def lines_of(rows: Rows) -> Iterator[tuple[bytes, int]]:
    """Each row as it is written; raises ValueError if an image and class come twice."""
    written: set[tuple[str, str]] = set()
    for image_name, cls, runs in rows:
        if (image_name, cls) in written:
            raise ValueError(f"two masks of {image_name}, {cls}")
        written.add((image_name, cls))
        yield line_of(image_name, cls, format_runs(runs).encode()), 1


def write_rows(stream: TextStream, rows: Rows) -> int:
    """Write header and rows, `\\n` at each end; returns the number of rows.

    Raises ValueError if an image and class come twice.
    """
    return write_lines(stream, lines_of(rows))


def write_lines(stream: TextStream, lines: Lines) -> int:
    """Write header and rows that are text already; returns the number of rows."""
    stream.write(_HEADER)
    count = 0
    for data, rows in lines:
        stream.write(data.decode())
        count += rows
    return count


def write_submission(path: Path, rows: Rows, sidecar: Mapping[str, Any]) -> Path:
    """Write the CSV and `<path>.json`, replacing what is there; returns `path`.

    `sidecar` is read after the last row, so that it may fill while the rows are made.

    No CSV ever stands beside the sidecar of another. A failure leaves what was there before, or
    the new CSV without a sidecar; so does a kill, but for one in the moment between two renames:
    two files cannot change together, and the CSV that was there then lacks its sidecar.

    Raises:
        FailedError: the disk refuses. What `rows` raises is raised as it is.
    """
    return write_submission_lines(path, lines_of(rows), sidecar)


def write_submission_lines(path: Path, lines: Lines, sidecar: Mapping[str, Any]) -> Path:
    """The same for rows that are text already."""

    def put(csv: Path) -> Path:
        beside = sidecar_path(path)
        with disk.hidden_file(path.parent) as old:
            # The old sidecar goes first, and comes back if the CSV cannot be replaced.
            if beside.exists():
                beside.rename(old)
            try:
                return csv.replace(path)
            except BaseException:
                if old.exists():
                    old.rename(beside)
                raise

    return _write(path.parent, lines, sidecar, put)


def write_numbered(folder: Path, stem: str, rows: Rows, sidecar: Mapping[str, Any]) -> Path:
    """Write `<stem>-001.csv` or the first free number after it, and its sidecar, in `folder`.

    Two processes that write at once get different numbers. Raises FailedError if the disk refuses.
    """
    return write_numbered_lines(folder, stem, lines_of(rows), sidecar)


def write_numbered_lines(folder: Path, stem: str, lines: Lines, sidecar: Mapping[str, Any]) -> Path:
    """The same for rows that are text already."""

    def put(csv: Path) -> Path:
        for number in count(1):
            path = folder / f"{stem}-{number:03d}.csv"
            if not path.exists() and not sidecar_path(path).exists() and _put_new(csv, path):
                return path
        raise AssertionError("numbers have no end")

    return _write(folder, lines, sidecar, put)


def _put_new(csv: Path, path: Path) -> bool:
    """Give `csv` the name `path` if nothing has it; whether it has it now."""
    try:
        os.link(csv, path)  # refuses, unlike a rename, to replace another's file
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return False
        csv.replace(path)
    return True


def _write(
    folder: Path, lines: Lines, fields: Mapping[str, Any], put: Callable[[Path], Path]
) -> Path:
    """Write hidden files; `put` gives the CSV its name, and the sidecar follows."""
    with _failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with disk.hidden_file(folder) as csv, disk.hidden_file(folder) as sidecar:
        sha256, rows = _write_csv(csv, lines)
        text = json.dumps(sidecar_fields(fields, sha256=sha256, rows=rows), indent=1)
        with _failures(folder):
            sidecar.write_text(text, encoding="utf-8")
            disk.sync(sidecar)
            path = put(csv)
            sidecar.replace(sidecar_path(path))
            disk.sync(folder)
    return path


def _write_csv(path: Path, lines: Lines) -> tuple[str, int]:
    """sha256 of what was written, and the number of rows."""
    digest, written = hashlib.sha256(), 0
    with _failures(path.parent):
        file = path.open("wb")
    with file:
        # What `lines` raises is not of this file: reading a member may fail as well.
        for data, rows in chain([(_HEADER.encode(), 0)], lines):
            digest.update(data)
            with _failures(path.parent):
                file.write(data)
            written += rows
        with _failures(path.parent):
            file.flush()
            os.fsync(file.fileno())
    return digest.hexdigest(), written


@contextmanager
def _failures(folder: Path) -> Generator[None]:
    """What the system says of a failure inside, as the FailedError of writing a CSV."""
    try:
        yield
    except OSError as error:
        raise FailedError(
            f"the CSV could not be written in {folder}", details=str(error)
        ) from error
