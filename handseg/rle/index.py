"""The rows of a CSV, found in one reading: of each only its key and the place of its text are kept.

That is 25 bytes a row; the run-length texts stay on the disk.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from handseg.errors import InputError
from handseg.rle.digits import BLANKS
from handseg.rle.heap import keep_heap
from handseg.rle.records import LONGEST, Record, other_fields, read_records, split_fields, unquoted

COLUMNS = ("image_name", "class", "rle")

BLOCK = 1 << 19
"""Bytes read at a time."""
LONGEST_HEADER = 1 << 16
"""Bytes of a header, and of the names of a row that are looked at without counting commas."""

_ZERO = ord("0")
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")

RowFault = Callable[[int, str], None]
"""Told of a row that cannot be read: its line, and why."""


@dataclass
class Index:
    """What one reading found; what belongs to a row stands at the same place of each array."""

    images: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """Names as they stand in the file, numbered in the order of their first rows."""
    classes: dict[bytes, int] = field(default_factory=dict[bytes, int])
    image_of: "array[int]" = field(default_factory=lambda: array("i"))
    class_of: "array[int]" = field(default_factory=lambda: array("i"))
    lines: "array[int]" = field(default_factory=lambda: array("i"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lengths: "array[int]" = field(default_factory=lambda: array("i"))
    columns: tuple[str, ...] = ()
    """The header as it stands."""
    byte_order_mark: bool = False


def index_file(
    file: int, fault: RowFault, seen: Callable[[bytes | memoryview], object] = lambda data: None
) -> Index:
    """Index an open file, from its beginning to its end.

    Rows that cannot be read are told to `fault`, which may raise, and left out; all that is read is
    handed to `seen`. Raises InputError where there is no header with the three columns, for a quote
    that is never closed and for a record that is too long.
    """
    keep_heap()
    index = Index()
    header = next(read_records(file, seen, buffer=1 << 12), None)
    if header is None:
        raise InputError("the file is empty", details=f"expected the header {','.join(COLUMNS)}")
    rows = _Rows(index, _columns(header, index), fault)
    line, offset = header.last_line, header.following
    for block, size in _blocks(file, offset):
        last = rows.take_block(block, size, line, offset)
        if last is None:
            # From the first quote on, record by record.
            rows.take_records(read_records(file, seen, line=line, offset=offset))
            break
        seen(memoryview(block)[:size])
        line, offset = last, offset + size
    return index


def _blocks(file: int, offset: int) -> Iterator[tuple[bytes, int]]:
    """The rest of the file in blocks, and how many bytes of each are whole lines.

    The last line of the file may lack its end.
    """
    size = BLOCK
    while block := os.pread(file, size, offset):
        cut = block.rfind(b"\n") + 1
        if not cut and len(block) == size:
            # A line longer than the block: the same place again, with more.
            if size > LONGEST:
                raise InputError(f"a line of more than {LONGEST >> 20} MB")
            size *= 4
            continue
        cut, size = cut or len(block), BLOCK
        offset += cut
        yield block, cut


class _Rows:
    """Takes up rows: a block of plain lines at once, what is not plain one by one."""

    def __init__(self, index: Index, columns: list[str], fault: RowFault) -> None:
        self._index, self._fault = index, fault
        self._width = len(columns)
        self._places = [columns.index(name) for name in COLUMNS]

    def take_block(self, block: bytes, size: int, line: int, offset: int) -> int | None:
        """Take up the lines in the first `size` bytes; `line` of them came before.

        Gives the number of the last line; None, and takes up nothing, if there is a quote.
        """
        places = _places(block, size) if self._places[2] == self._width - 1 else None
        if places is not None and self._take_columns(block, places, line, offset):
            return line + len(places.ends)
        if b'"' in block:
            return None
        for text in block[:size].removesuffix(b"\n").split(b"\n"):
            line += 1
            if content := text.rstrip(b"\r"):
                self._take_row(Record(line, offset, content, line, offset))
            offset += len(text) + 1
        return line

    def take_records(self, records: Iterable[Record]) -> None:
        for record in records:
            self._take_row(record)

    def _take_columns(self, block: bytes, places: "_Places", line: int, offset: int) -> bool:
        """Take up whole lines at once; False if one of them is not plain.

        Plain are names without quotes, and a text that begins and ends with a figure.
        """
        begins, ends, commas = (np.array(found, dtype=np.int64) for found in places)
        heads = [
            block[begin:comma] for begin, comma in zip(places.begins, places.commas, strict=True)
        ]
        if (commas - begins).max() > LONGEST_HEADER or any(b'"' in head for head in heads):
            return False
        rows = [head.split(b",") for head in heads]
        if set(map(len, rows)) != {self._width - 1}:
            return False
        images, classes = ([row[place] for row in rows] for place in self._places[:2])
        texts = commas + 1
        lengths = ends - texts
        edges = np.concatenate((texts[lengths > 0], ends[lengths > 0] - 1))
        edge_bytes = np.frombuffer(block, dtype=np.uint8)[edges]
        if not (all(images) and all(classes)) or (edge_bytes < _ZERO).any():
            return False
        index = self._index
        index.image_of.extend(_numbered(images, index.images))
        index.class_of.extend(_numbered(classes, index.classes))
        index.lines.extend(range(line + 1, line + 1 + len(rows)))
        index.lengths.frombytes(lengths.astype(np.int32).tobytes())
        index.offsets.frombytes((texts + offset).tobytes())
        return True

    def _take_row(self, record: Record) -> None:
        try:
            self._add(record, split_fields(record.data, self._width))
        except InputError as error:
            self._fault(record.line, error.message)

    def _add(self, record: Record, fields: list[bytes]) -> None:
        if len(fields) != self._width:
            raise other_fields(len(fields), self._width)
        image, cls, text = (fields[place] for place in self._places)
        image, cls = unquoted(image), unquoted(cls)
        if not image or not cls:
            raise InputError("an image name or a class is missing")
        rle = self._places[2]
        offset, length = record.offset + sum(map(len, fields[:rle])) + rle, len(text)
        if text.startswith(b'"'):
            offset, length, text = offset + 1, length - 2, text[1:-1]
        if not text.strip(BLANKS):
            length = 0
        index = self._index
        index.image_of.append(index.images.setdefault(image, len(index.images)))
        index.class_of.append(index.classes.setdefault(cls, len(index.classes)))
        index.lines.append(record.line)
        index.offsets.append(offset)
        index.lengths.append(length)


class _Places(NamedTuple):
    """Where each line of a block begins and ends, and its last comma."""

    begins: list[int]
    ends: list[int]
    commas: list[int]


def _places(block: bytes, size: int) -> _Places | None:
    """The places of the lines in the first `size` bytes; None if a line has no comma."""
    # `find` and `rfind` look at many bytes at a time, `split` at one.
    find, rfind = block.find, block.rfind
    places = _Places([], [], [])
    begins, ends, commas = (found.append for found in places)
    begin = 0
    while begin < size:
        end = find(b"\n", begin, size)
        if end < 0:
            end = size
        comma = rfind(b",", begin, end)
        if comma < 0:
            return None
        begins(begin)
        ends(end)
        commas(comma)
        begin = end + 1
    return places


def _numbered(names: list[bytes], numbers: dict[bytes, int]) -> Iterable[int]:
    """The number of each name; names that are new get the next ones."""
    for name in dict.fromkeys(names):
        numbers.setdefault(name, len(numbers))
    return map(numbers.__getitem__, names)


def _columns(header: Record, index: Index) -> list[str]:
    """The names of the columns."""
    data = header.data
    if data.startswith(_WIDE):
        raise InputError("the file is UTF-16 text", hints=["save it as UTF-8"])
    index.byte_order_mark = data.startswith(_BOM)
    if len(data) > LONGEST_HEADER:
        raise InputError(
            f"line {header.line}: no header, but a line of {len(data)} bytes",
            details=f"expected: {','.join(COLUMNS)}",
        )
    try:
        fields = split_fields(data.removeprefix(_BOM), len(data))
    except InputError as error:
        raise InputError(f"line {header.line}: {error.message}") from None
    found = [unquoted(field).decode("utf-8", "replace").strip() for field in fields]
    missing = [name for name in COLUMNS if found.count(name) != 1]
    if missing:
        raise InputError(
            f"line {header.line}: the header needs {', '.join(missing)} once",
            details=f"found: {', '.join(found)[:200]}\nexpected: {','.join(COLUMNS)}",
        )
    index.columns = tuple(found)
    return found
