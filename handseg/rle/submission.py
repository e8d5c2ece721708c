"""A submission: the CSV with a run-length text for each image and class, and its sidecar.

A file is read once to find its rows; of each only the place of its run-length text is kept, which
is read and parsed when it is asked for.
"""

import hashlib
import io
import os
import weakref
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from handseg.errors import InputError
from handseg.rle.codec import RleError, parse
from handseg.rle.normal_form import Runs, empty
from handseg.rle.records import Record, field_spans, field_text, read_records
from handseg.rle.sidecar import image_sizes, read_sidecar
from handseg.rle.writing import COLUMNS, write_numbered, write_rows, write_submission

__all__ = ["Submission", "read_submission", "write_numbered", "write_rows", "write_submission"]

_BOM = b"\xef\xbb\xbf"


class Submission:
    """The rows of a CSV by (image name, class); run lengths are read when they are asked for.

    `sizes` holds (height, width) of the images that the sidecar names, `repeated_rows` is the
    number of rows that came again with the same content, `empty_rows` of those without any run.
    """

    path: Path
    sha256: str
    sidecar: dict[str, Any] | None
    sizes: dict[str, tuple[int, int]]
    images: tuple[str, ...]
    classes: tuple[str, ...]
    repeated_rows: int
    empty_rows: int

    def __init__(self, path: Path) -> None:
        """Index `path`; raises InputError where it is not a submission."""
        self.path = path
        self._rows: dict[tuple[str, str], int] = {}
        self._lines, self._offsets, self._lengths = array("q"), array("q"), array("q")
        self._file = _open(path)
        weakref.finalize(self, os.close, self._file)
        try:
            self._index()
        except InputError as error:
            raise InputError(f"{path}: {error.what}", why=error.why, hints=error.hints) from None
        self.sidecar = read_sidecar(path, self.sha256)
        self.sizes = image_sizes(path, self.sidecar)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self) -> list[tuple[str, str]]:
        """(image name, class) of each row, in the order of the file."""
        return list(self._rows)

    def line(self, image_name: str, cls: str) -> int:
        """The line, from 1, that the row begins in; raises KeyError where there is no such row."""
        return self._lines[self._rows[image_name, cls]]

    def runs(self, image_name: str, cls: str, size: tuple[int, int] | None = None) -> Runs:
        """The runs of one mask; none where the row is absent or empty.

        `size` is the image's (height, width), the sidecar's by default. Raises InputError with
        file, line, image and class if the text is at fault or a run ends past the image.
        """
        row = self._rows.get((image_name, cls))
        if row is None or not self._lengths[row]:
            return empty()
        try:
            runs = parse(os.pread(self._file, self._lengths[row], self._offsets[row]))
            _check_bounds(runs, size or self.sizes.get(image_name))
        except RleError as error:
            raise InputError(
                f"{self.path}, line {self._lines[row]}, {image_name}, {cls}: {error.what}"
            ) from None
        return runs

    def text(self, image_name: str, cls: str) -> bytes:
        """The run-length text of a row as it stands in the file; none where it is absent."""
        row = self._rows.get((image_name, cls))
        return b"" if row is None else os.pread(self._file, self._lengths[row], self._offsets[row])

    def _index(self) -> None:
        digest = hashlib.sha256()
        records = read_records(_lines(self._file, digest.update))
        header = next(records, None)
        if header is None:
            raise InputError("the file is empty", why=f"expected the header {','.join(COLUMNS)}")
        width, places = _columns(header)
        names: dict[str, str] = {}  # one object for each name, however many rows have it
        images: dict[str, None] = {}
        classes: dict[str, None] = {}
        self.repeated_rows = 0
        for record in records:
            spans = field_spans(record)
            if len(spans) != width:
                raise InputError(
                    f"line {record.line}: {len(spans)} fields where the header has {width}"
                )
            image, cls = (_name(record, spans[place], names) for place in places[:2])
            images[image] = classes[cls] = None
            self._add((image, cls), record, spans[places[2]])
        self.images, self.classes = tuple(images), tuple(classes)
        self.empty_rows = self._lengths.count(0)
        self.sha256 = digest.hexdigest()

    def _add(self, key: tuple[str, str], record: Record, span: tuple[int, int]) -> None:
        field = record.data[span[0] : span[1]]
        start, end = (span[0] + 1, span[1] - 1) if field.startswith(b'"') else span
        if not record.data[start:end].strip():
            end = start
        if key in self._rows:
            self._check_repetition(self._rows[key], key, record, record.data[start:end])
            return
        self._rows[key] = len(self._rows)
        self._lines.append(record.line)
        self._offsets.append(record.offset + start)
        self._lengths.append(end - start)

    def _check_repetition(
        self, row: int, key: tuple[str, str], record: Record, text: bytes
    ) -> None:
        before = os.pread(self._file, self._lengths[row], self._offsets[row])
        if before.split() != text.split():
            raise InputError(
                f"lines {self._lines[row]} and {record.line} hold different masks of "
                f"{key[0]}, {key[1]}"
            )
        self.repeated_rows += 1


def read_submission(path: Path) -> Submission:
    """Index the submission at `path` and read its sidecar if it has one.

    Columns are found by the header, others (an index) are passed over, names stay text. Raises
    InputError if the file or a column is missing, a row has too few or too many fields, two rows
    give different masks for one image and class, or the sidecar was written for other contents.
    """
    return Submission(path)


def _open(path: Path) -> int:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a CSV")
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"no CSV at {path}", why=str(error.strerror or error)) from None


def _lines(file: int, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    """The lines of the open file, each handed to `seen` first."""
    with io.FileIO(file, closefd=False) as raw, io.BufferedReader(raw, 1 << 20) as lines:
        for line in lines:
            seen(line)
            yield line


def _columns(header: Record) -> tuple[int, tuple[int, int, int]]:
    """The number of columns and the places of image_name, class and rle."""
    header = header._replace(data=header.data.removeprefix(_BOM))
    found = [field_text(header, span).strip() for span in field_spans(header)]
    missing = [name for name in COLUMNS if found.count(name) != 1]
    if missing:
        raise InputError(
            f"line {header.line}: the header needs {', '.join(missing)} once",
            why=f"found: {', '.join(found)[:200]}\nexpected: {','.join(COLUMNS)}",
        )
    image, cls, rle = (found.index(name) for name in COLUMNS)
    return len(found), (image, cls, rle)


def _name(record: Record, span: tuple[int, int], names: dict[str, str]) -> str:
    name = field_text(record, span)
    if not name:
        raise InputError(f"line {record.line}: an image name or a class is missing")
    return names.setdefault(name, name)


def _check_bounds(runs: Runs, size: tuple[int, int] | None) -> None:
    if size is None or not len(runs):
        return
    height, width = size
    if runs[-1, 1] > height * width:
        raise RleError(
            f"a run ends at pixel {runs[-1, 1]}, past the image of {height} × {width} "
            f"({height * width} pixels)"
        )
