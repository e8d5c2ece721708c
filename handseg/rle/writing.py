"""Writing a submission as a stream: the file and its sidecar are there whole or not at all."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from handseg import disk
from handseg.errors import FailedError
from handseg.rle.codec import format as format_runs
from handseg.rle.index import COLUMNS
from handseg.rle.normal_form import Runs
from handseg.rle.records import quoted
from handseg.rle.sidecar import completed, sidecar_path

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
    A failure or a kill leaves what was there before, or the new CSV without a sidecar. Raises
    FailedError if the disk refuses.
    """
    return write_submission_lines(path, lines_of(rows), sidecar)


def write_submission_lines(path: Path, lines: Lines, sidecar: Mapping[str, Any]) -> Path:
    """The same for rows that are text already."""

    def put(csv: Path) -> Path:
        # The old sidecar goes first: no CSV is ever seen beside the sidecar of another.
        sidecar_path(path).unlink(missing_ok=True)
        return csv.replace(path)

    return _write(path.parent, lines, sidecar, put)


def write_numbered(folder: Path, stem: str, rows: Rows, sidecar: Mapping[str, Any]) -> Path:
    """Write `<stem>-001.csv` or the first free number after it, and its sidecar, in `folder`.

    Two processes that write at once get different numbers. Raises FailedError if the disk refuses.
    """
    return write_numbered_lines(folder, stem, lines_of(rows), sidecar)


def write_numbered_lines(folder: Path, stem: str, lines: Lines, sidecar: Mapping[str, Any]) -> Path:
    """The same for rows that are text already."""

    def put(csv: Path) -> Path:
        number = 1
        while True:
            path = folder / f"{stem}-{number:03d}.csv"
            number += 1
            if path.exists() or sidecar_path(path).exists():
                continue
            if _put_new(csv, path):
                return path

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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with disk.hidden_file(folder) as csv, disk.hidden_file(folder) as sidecar:
            sha256, count = _write_csv(csv, lines)
            text = json.dumps(completed(fields, sha256=sha256, rows=count), indent=1)
            sidecar.write_text(text, encoding="utf-8")
            disk.sync(sidecar)
            path = put(csv)
            sidecar.replace(sidecar_path(path))
            disk.sync(folder)
    except OSError as error:
        raise FailedError(
            f"the CSV could not be written in {folder}", details=str(error)
        ) from error
    return path


def _write_csv(path: Path, lines: Lines) -> tuple[str, int]:
    """sha256 of what was written, and the number of rows."""
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as file:
        for data, rows in chain([(_HEADER.encode(), 0)], lines):
            digest.update(data)
            file.write(data)
            count += rows
    disk.sync(path)
    return digest.hexdigest(), count
