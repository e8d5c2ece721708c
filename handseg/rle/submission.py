"""A submission: the CSV with a run-length text for each image and class, and its sidecar.

A file is read once to find its rows; of each only the place of its run-length text is kept, which
is read and parsed when it is asked for. It is written as a stream: the file and its sidecar are
there whole or not at all.
"""

import hashlib
import json
import os
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handseg import disk
from handseg.errors import FailedError, InputError
from handseg.rle.codec import BoundsError, RleError, Runs, check_bounds, empty, parse
from handseg.rle.codec import format as format_runs
from handseg.rle.csv_records import open_csv, quoted, sha256_of
from handseg.rle.row_index import COLUMNS, Key, RowIndex, index_file
from handseg.rle.sidecar import image_sizes, read_sidecar, sidecar_fields, sidecar_path

GAP = 1 << 12
"""Bytes between the texts of two rows that are rather read than passed over."""

FaultKind = Literal["row", "doubled", "sidecar", "runs", "bounds"]


@dataclass(frozen=True)
class Fault:
    """Something in a CSV that cannot be read as it is meant, and where."""

    path: Path
    line: int
    """From 1; 0 where it is the whole file."""
    image: str
    cls: str
    kind: FaultKind
    message: str
    details: str = ""
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        where = ", ".join(part for part in (str(self.path), line, self.image, self.cls) if part)
        return f"{where}: {self.message}"

    def error(self) -> InputError:
        return InputError(str(self), details=self.details, hints=self.hints)


class Repetition(NamedTuple):
    """A row that came again with the mask of its first line."""

    line: int
    first_line: int
    image: str
    cls: str


class Submission:
    """The rows of a CSV by (image name, class); run lengths are read when they are asked for.

    `sizes` holds (height, width) of the images that the sidecar names, `empty_rows` is the number
    of rows without any run, `repetitions` are rows that came again with the same mask, `notes`
    what a person may want to know of how the file was read. `known_sha256` is that of the file,
    where a sidecar asked for it.
    """

    def __init__(self, path: Path, faults: list[Fault] | None = None) -> None:
        """Index `path`; raises InputError where it is not a submission.

        Faults of single rows are raised too, or put into `faults` where that is a list.
        """
        self.path = path
        self._faults = faults
        opened = open_csv(path)
        self._file = opened.file
        weakref.finalize(self, os.close, self._file)
        # A tenth of a vote's time: only where there is a sidecar to hold it against.
        hashed = opened.sha256 is None and sidecar_path(path).exists()
        digest = hashlib.sha256()
        seen = [digest.update] if hashed else []
        try:
            index = index_file(self._file, self._add_row_fault, *seen)
        except InputError as error:
            raise InputError(
                f"{path}: {error.message}", details=error.details, hints=error.hints
            ) from None
        self._index, self.repetitions = self._without_repetitions(index)
        self.images, self.classes, self.columns = index.images, index.classes, index.columns
        self.known_sha256 = digest.hexdigest() if hashed else opened.sha256
        self.notes = (*opened.notes, *_notes(index))
        self.empty_rows = int((self._index.lengths[:-1] == 0).sum())
        self.sidecar = self._read_sidecar()
        self.sizes = image_sizes(self.path, self.sidecar)

    def __contains__(self, key: Key) -> bool:
        return self._index.row(*key) >= 0

    def __iter__(self) -> Iterator[Key]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def repeated_rows(self) -> int:
        """The number of rows that came again with the same mask."""
        return len(self.repetitions)

    @property
    def text_bytes(self) -> int:
        return int(self._index.lengths.sum(dtype=np.int64))

    @property
    def sha256(self) -> str:
        """The sha256 of the file, read again for it where it is not known."""
        if self.known_sha256 is None:
            self.known_sha256 = sha256_of(self._file)
        return self.known_sha256

    def keys(self) -> list[Key]:
        """(image name, class) of each row, in the order of the file."""
        return list(self._index)

    def line(self, image_name: str, cls: str) -> int:
        """The line, from 1, that the row begins in; raises KeyError where there is no such row."""
        row = self._index.row(image_name, cls)
        if row < 0:
            raise KeyError((image_name, cls))
        return int(self._index.lines[row])

    def text(self, image_name: str, cls: str) -> bytes:
        """The run-length text of a row as it stands in the file; none where it is absent."""
        return self.texts(self._index.rows([(image_name, cls)]))[0]

    def runs(self, image_name: str, cls: str, size: tuple[int, int] | None = None) -> Runs:
        """The runs of one mask; none where the row is absent or empty.

        `size` is the image's (height, width), the sidecar's by default. Raises InputError with
        file, line, image and class if the text is at fault or a run ends past the image.
        """
        text = self.text(image_name, cls)
        if not text:
            return empty()
        size = size or self.sizes.get(image_name)
        try:
            runs = parse(text)
            if size is not None:
                check_bounds(runs, size)
        except RleError as error:
            raise self.fault((image_name, cls), error).error() from None
        return runs

    def rows(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        """The row of each key, int64 [keys]; -1 where there is none."""
        return self._index.rows(keys)

    def has_rows_of(self, other: "Submission") -> bool:
        """Whether both have the same keys in the same order."""
        return self._index.has_keys_of(other._index)

    def lengths(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bytes of the run-length text of each row, int64 [rows]; 0 for row -1."""
        return self._index.lengths[rows].astype(np.int64)

    def texts(self, rows: NDArray[np.int64]) -> list[bytes]:
        """The run-length text of each row; none for row -1. What lies together is read at once.

        Raises InputError where the file cannot be read, or is shorter than it was.
        """
        texts = [b""] * len(rows)
        filled = np.flatnonzero(self.lengths(rows))
        if not len(filled):
            return texts
        begins = self._index.offsets[rows[filled]]
        ends = begins + self._index.lengths[rows[filled]]
        apart = np.flatnonzero((begins[1:] < ends[:-1]) | (begins[1:] - ends[:-1] > GAP)) + 1
        for first, last in pairwise((0, *apart.tolist(), len(filled))):
            begin = int(begins[first])
            data = self._bytes(begin, int(ends[last - 1]))
            spans = (filled, begins - begin, ends - begin)
            for at, start, end in zip(*(span[first:last].tolist() for span in spans), strict=True):
                texts[at] = data[start:end]
        return texts

    def fault(self, key: Key, error: RleError) -> Fault:
        kind: FaultKind = "bounds" if isinstance(error, BoundsError) else "runs"
        return Fault(self.path, self.line(*key), *key, kind, error.message)

    def _bytes(self, begin: int, end: int) -> bytes:
        try:
            data = os.pread(self._file, end - begin, begin)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read", details=str(error)) from None
        if len(data) < end - begin:
            raise InputError(f"{self.path} was cut short while it was read")
        return data

    def _add_row_fault(self, line: int, why: str) -> None:
        self._add_fault("row", why, line)

    def _add_fault(
        self,
        kind: FaultKind,
        what: str,
        line: int = 0,
        key: Key = ("", ""),
        error: InputError | None = None,
    ) -> None:
        """Raise a fault, or add it to the caller's list of faults."""
        why, hints = (error.details, error.hints) if error else ("", ())
        fault = Fault(self.path, line, *key, kind, what, why, hints)
        if self._faults is None:
            raise fault.error()
        self._faults.append(fault)

    def _without_repetitions(self, index: RowIndex) -> tuple[RowIndex, tuple[Repetition, ...]]:
        """The index without rows whose key stood in a row before; where masks differ, a fault."""
        self._index = index
        repeated = index.repeated()
        if not repeated:
            return index, ()
        keys = list(index)
        repetitions: list[Repetition] = []
        for first, row in repeated:
            lines = int(index.lines[first]), int(index.lines[row])
            if _same(*self.texts(np.array([first, row]))):
                repetitions.append(Repetition(lines[1], lines[0], *keys[row]))
            else:
                what = f"lines {lines[0]} and {lines[1]} hold different masks"
                self._add_fault("doubled", what, lines[1], keys[row])
        return index.without(row for _, row in repeated), tuple(repetitions)

    def _read_sidecar(self) -> dict[str, Any] | None:
        try:
            if sidecar_path(self.path).exists():
                return read_sidecar(self.path, self.sha256)
        except InputError as error:
            if self._faults is None:
                raise
            self._add_fault("sidecar", error.message, error=error)
        return None


def read_submission(path: Path, faults: list[Fault] | None = None) -> Submission:
    """Index the submission at `path` and read its sidecar if it has one.

    Columns are found by the header, others (an index) are passed over, names stay text; gzip and
    stdin (`-`) are read too. Raises InputError if the file or a column is missing, a row has too
    few or too many fields, two rows give different masks for one image and class, or the sidecar
    was written for other contents; the faults that leave the rest readable go into `faults` where
    that is given, and the rows at fault are left out.
    """
    return Submission(path, faults)


def _same(one: bytes, other: bytes) -> bool:
    """Whether two run-length texts mean the same mask, or are the same text at least."""
    if one.split() == other.split():
        return True
    try:
        return np.array_equal(parse(one), parse(other))
    except RleError:
        return False


def _notes(index: RowIndex) -> tuple[str, ...]:
    notes: list[str] = []
    if index.byte_order_mark:
        notes.append("a byte order mark")
    if index.encoding != "utf-8":
        notes.append("names read as Korean code page 949")
    others = [name or "(no name)" for name in index.columns if name not in COLUMNS]
    if others:
        notes.append(f"passed over: column {', '.join(others)}")
    if [name for name in index.columns if name in COLUMNS] != list(COLUMNS):
        notes.append("columns in another order")
    return tuple(notes)


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
    try:
        # What `lines` raises is not of this file: reading a member may fail as well.
        for data, rows in chain([(_HEADER.encode(), 0)], lines):
            digest.update(data)
            with _failures(path.parent):
                file.write(data)
            written += rows
        with _failures(path.parent):
            file.flush()
            os.fsync(file.fileno())
    finally:
        # A full disk refuses again what is still to be written.
        with _failures(path.parent):
            file.close()
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
