"""Where the row of each key (image name, class) stands in a CSV, found in one reading.

Of each row only its key and the place of its run-length text are kept, some 32 bytes; the texts
stay on the disk.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.rle.codec import BLANKS
from handseg.rle.csv_records import (
    LONGEST,
    Record,
    read_records,
    split_fields,
    unquoted,
    wrong_field_count,
)

Key = tuple[str, str]
"""(image name, class)."""
COLUMNS = ("image_name", "class", "rle")
NAME_ENCODINGS = ("utf-8", "cp949")
"""UTF-8, else what Excel writes in Korea, where the competition's tables come from."""

BLOCK = 1 << 19
"""Bytes read at a time."""
LONGEST_HEADER = 1 << 16
"""Bytes of a header, and of the names of a row that are looked at without counting commas."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

RowFault = Callable[[int, str], None]
"""Is called with the line of a row that cannot be read, and why."""
Seen = Callable[[bytes | memoryview], object]
"""Is called with all that is read, in order."""


@dataclass(frozen=True, eq=False)
class RowIndex:
    """The rows of a CSV: of each its key, its line and where its text lies.

    `image_of` and `class_of`, int32 [rows], count in `images` and `classes`; `lines` int32 [rows]
    count from 1; `offsets` int64 [rows] and `lengths` int32 [rows + 1] are the bytes of the texts,
    the last length that of row -1, which stands for a row that is not there.
    """

    columns: tuple[str, ...]
    """The header as it stands."""
    byte_order_mark: bool
    encoding: str
    """That of the names, one of NAME_ENCODINGS."""
    images: tuple[str, ...]
    classes: tuple[str, ...]
    image_of: NDArray[np.int32]
    class_of: NDArray[np.int32]
    lines: NDArray[np.int32]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Key]:
        for image, cls in zip(self.image_of.tolist(), self.class_of.tolist(), strict=True):
            yield self.images[image], self.classes[cls]

    def row(self, image: str, cls: str) -> int:
        """The row of a key; -1 where there is none."""
        return int(self.rows([(image, cls)])[0])

    def rows(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        """The row of each key, int64 [keys]; -1 where there is none."""
        image_numbers, class_numbers = self._numbers
        images, classes = image_numbers.get, class_numbers.get
        pairs = [(images(image, -1), classes(cls, -1)) for image, cls in keys]
        numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        codes, order = self._sorted
        if not len(codes):
            return np.full(len(numbers), -1, dtype=np.int64)
        wanted = numbers[:, 0] * len(self.classes) + numbers[:, 1]
        nearest = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        found = (codes[nearest] == wanted) & (numbers >= 0).all(axis=1)
        return np.where(found, nearest if order is None else order[nearest], -1)

    def repeated(self) -> list[tuple[int, int]]:
        """(first row, row) for each row whose key stood in a row before."""
        codes, order = self._sorted
        same = np.flatnonzero(codes[1:] == codes[:-1])
        if order is None or not len(same):
            return []
        firsts = np.searchsorted(codes, codes[same])
        return sorted(zip(order[firsts].tolist(), order[same + 1].tolist(), strict=True))

    def has_keys_of(self, other: "RowIndex") -> bool:
        """Whether both have the same keys in the same order."""
        return (
            len(self) == len(other)
            and self.images == other.images
            and self.classes == other.classes
            and np.array_equal(self.image_of, other.image_of)
            and np.array_equal(self.class_of, other.class_of)
        )

    def without(self, rows: Iterable[int]) -> "RowIndex":
        keep = np.ones(len(self), dtype=np.bool_)
        keep[list(rows)] = False
        return replace(
            self,
            image_of=self.image_of[keep],
            class_of=self.class_of[keep],
            lines=self.lines[keep],
            offsets=self.offsets[keep],
            lengths=self.lengths[np.append(keep, True)],
        )

    @cached_property
    def _numbers(self) -> tuple[dict[str, int], dict[str, int]]:
        """The number of each image and of each class."""
        images, classes = (
            {name: number for number, name in enumerate(names)}
            for names in (self.images, self.classes)
        )
        return images, classes

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.intp] | None]:
        """A number for each key, ascending, and the row of each; None where rows are in order."""
        codes = self.image_of.astype(np.int64) * len(self.classes) + self.class_of
        if not (codes[1:] <= codes[:-1]).any():
            return codes, None
        order = np.argsort(codes, kind="stable")
        return codes[order], order


def index_file(file: int, fault: RowFault, seen: Seen = lambda data: None) -> RowIndex:
    """Index an open file, from its beginning to its end.

    Blocks of whole lines are read in the fastest way that is right for them:

    1. All lines of a block at once, where each ends with a text whose first and last letter is a
       figure and quotes hide neither commas nor line ends (`_Scan.take_columns`): nearly always.
    2. Else line by line, where there is no quote in the block (`_Scan.take_block`).
    3. From the first such quote on, record by record to the end of the file: a quoted field may
       hold line ends, so that blocks of lines are none (`_Scan.take_records`).

    Rows that cannot be read are handed to `fault`, which may raise, and left out; all that is read
    is handed to `seen`. Raises InputError where there is no header with the three columns, for a
    quote that is never closed, for a record that is too long and for a name that is no text.
    """
    _raise_mmap_threshold()
    header = next(read_records(file, seen, buffer=1 << 12), None)
    if header is None:
        raise InputError("the file is empty", details=f"expected the header {','.join(COLUMNS)}")
    scan = _Scan(_columns(header), fault)
    line, offset = header.last_line, header.following
    for block, size in _blocks(file, offset):
        last = scan.take_block(block, size, line, offset)
        if last is None:
            scan.take_records(read_records(file, seen, line=line, offset=offset))
            break
        seen(memoryview(block)[:size])
        line, offset = last, offset + size
    return scan.index(byte_order_mark=header.data.startswith(_BOM))


def _raise_mmap_threshold() -> None:
    """Have freed arrays of up to 24 MB kept for the next ones.

    glibc gives blocks above 128 KB back to the kernel at once, until one that is larger has been
    freed (`M_MMAP_THRESHOLD` in mallopt(3), at most 32 MB): then it keeps all up to that size.
    Arrays of a few hundred KB are made by the thousand here and in votes; a third of the time would
    go into page faults. This one is never touched, so it takes no memory; other allocators
    are not harmed.
    """
    np.empty(24 << 20, dtype=np.uint8)


def _columns(header: Record) -> tuple[str, ...]:
    """The names of the columns."""
    data = header.data
    if data.startswith(_UTF16):
        raise InputError("the file is UTF-16 text", hints=["save it as UTF-8"])
    if len(data) > LONGEST_HEADER:
        raise InputError(
            f"line {header.line}: no header, but a line of {len(data)} bytes",
            details=f"expected: {','.join(COLUMNS)}",
        )
    try:
        fields = split_fields(data.removeprefix(_BOM), len(data))
    except InputError as error:
        raise InputError(f"line {header.line}: {error.message}") from None
    names = tuple(unquoted(field).decode("utf-8", "replace").strip() for field in fields)
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise InputError(
            f"line {header.line}: the header needs {', '.join(missing)} once",
            details=f"found: {', '.join(names)[:200]}\nexpected: {','.join(COLUMNS)}",
        )
    return names


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


class _Scan:
    """Takes up the rows of a file, one after the other."""

    def __init__(self, columns: tuple[str, ...], fault: RowFault) -> None:
        self._columns, self._fault = columns, fault
        self._image, self._class, self._text = map(columns.index, COLUMNS)
        # Names as they stand in the file, numbered in the order of their first rows.
        self._images: dict[bytes, int] = {}
        self._classes: dict[bytes, int] = {}
        self._image_of, self._class_of, self._lines = array("i"), array("i"), array("i")
        self._offsets, self._lengths = array("q"), array("i")

    def index(self, *, byte_order_mark: bool) -> RowIndex:
        """The rows that were taken up.

        Raises InputError, with the line, for a name that is text in none of NAME_ENCODINGS.
        """
        encoding, images, classes = self._decoded()
        return RowIndex(
            self._columns,
            byte_order_mark,
            encoding,
            images,
            classes,
            np.array(self._image_of),
            np.array(self._class_of),
            np.array(self._lines),
            np.array(self._offsets),
            np.append(np.array(self._lengths), np.int32(0)),
        )

    def take_block(self, block: bytes, size: int, line: int, offset: int) -> int | None:
        """Take up the lines in the first `size` bytes; `line` of them came before.

        Gives the number of the last line; None, and takes up nothing, if there is a quote.
        """
        bounds = _line_bounds(block, size) if self._text == len(self._columns) - 1 else None
        if bounds is not None and self.take_columns(block, bounds, line, offset):
            return line + len(bounds.ends)
        if b'"' in block:
            return None
        for text in block[:size].removesuffix(b"\n").split(b"\n"):
            line += 1
            if content := text.rstrip(b"\r"):
                self._take_row(Record(line, offset, content, line, offset))
            offset += len(text) + 1
        return line

    def take_columns(self, block: bytes, bounds: "_LineBounds", line: int, offset: int) -> bool:
        """Take up whole lines at once; False, and takes up nothing, if one of them is not plain.

        Plain are fields with quotes around them or none, no comma in a name, and a text that begins
        and ends with a figure, but for one blank behind it.
        """
        begins, ends, commas = (np.array(some, dtype=np.int64) for some in bounds)
        heads = [
            block[begin:comma] for begin, comma in zip(bounds.begins, bounds.commas, strict=True)
        ]
        if (commas - begins).max() > LONGEST_HEADER:
            return False
        fields = [head.split(b",") for head in heads]
        if set(map(len, fields)) != {len(self._columns) - 1}:
            return False
        images, classes = ([some[at] for some in fields] for at in (self._image, self._class))
        texts = commas + 1
        letters = np.frombuffer(block, dtype=np.uint8)
        ends -= letters[ends - 1] == ord("\r")
        if b'"' in block:
            inside = (ends - texts > 1) & (letters[ends - 1] == ord('"'))
            inside[inside] = letters[texts[inside]] == ord('"')
            texts, ends = texts + inside, ends - inside
            # No quote is left, so that no field goes on behind the end of its line.
            quotes = sum(head.count(b'"') for head in heads) + 2 * np.count_nonzero(inside)
            if quotes != block.count(b'"', 0, bounds.ends[-1]) or not _are_whole(fields):
                return False
        ends -= (ends > texts) & (letters[ends - 1] == ord(" "))
        lengths = ends - texts
        edges = np.concatenate((texts[lengths > 0], ends[lengths > 0] - 1))
        blank = {b"", b'""'}
        if not blank.isdisjoint(images + classes) or (letters[edges] < ord("0")).any():
            return False
        self._image_of.extend(_numbered(images, self._images))
        self._class_of.extend(_numbered(classes, self._classes))
        self._lines.extend(range(line + 1, line + 1 + len(fields)))
        self._lengths.frombytes(lengths.astype(np.int32).tobytes())
        self._offsets.frombytes((texts + offset).tobytes())
        return True

    def take_records(self, records: Iterable[Record]) -> None:
        for record in records:
            self._take_row(record)

    def _take_row(self, record: Record) -> None:
        try:
            self._add(record, split_fields(record.data, len(self._columns)))
        except InputError as error:
            self._fault(record.line, error.message)

    def _add(self, record: Record, fields: list[bytes]) -> None:
        if len(fields) != len(self._columns):
            raise wrong_field_count(len(fields), len(self._columns))
        image, cls = unquoted(fields[self._image]), unquoted(fields[self._class])
        if not image or not cls:
            raise InputError("an image name or a class is missing")
        text, before = fields[self._text], fields[: self._text]
        offset, length = record.offset + sum(map(len, before)) + len(before), len(text)
        if text.startswith(b'"'):
            offset, length, text = offset + 1, length - 2, text[1:-1]
        # What lies behind the last figure belongs to no text, whichever way the row was read.
        length -= len(text) - len(text.rstrip(BLANKS))
        self._image_of.append(self._images.setdefault(image, len(self._images)))
        self._class_of.append(self._classes.setdefault(cls, len(self._classes)))
        self._lines.append(record.line)
        self._offsets.append(offset)
        self._lengths.append(length)

    def _decoded(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The first of NAME_ENCODINGS in which all names are text, the images and the classes."""
        fault: UnicodeDecodeError | None = None
        for encoding in NAME_ENCODINGS:
            try:
                images, classes = (
                    tuple(name.decode(encoding) for name in names)
                    for names in (self._images, self._classes)
                )
            except UnicodeDecodeError as error:
                fault = fault or error
            else:
                return encoding, images, classes
        assert fault is not None
        name = fault.object
        numbers, number = (
            (self._image_of, self._images[name])
            if name in self._images
            else (self._class_of, self._classes[name])
        )
        line, why = self._lines[numbers.index(number)], f"{fault}: {name[:60]!r}"
        raise InputError(f"line {line}: a name is not UTF-8 text", details=why)


class _LineBounds(NamedTuple):
    """Where each line of a block begins and ends, and its last comma."""

    begins: list[int]
    ends: list[int]
    commas: list[int]


def _line_bounds(block: bytes, size: int) -> _LineBounds | None:
    """The bounds of the lines in the first `size` bytes; None if a line has no comma."""
    # `find` and `rfind` look at many bytes at a time, `split` at one.
    find, rfind = block.find, block.rfind
    bounds = _LineBounds([], [], [])
    begins, ends, commas = (found.append for found in bounds)
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
    return bounds


def _are_whole(rows: list[list[bytes]]) -> bool:
    # A quote at both ends or none: no comma inside quotes has divided one.
    fields = set(chain.from_iterable(rows))
    return all(
        field.count(b'"') == 2 and field[:1] == field[-1:] == b'"'
        for field in fields
        if b'"' in field
    )


def _numbered(names: list[bytes], numbers: dict[bytes, int]) -> Iterable[int]:
    """The number of each name, as it stands in the file; names that are new get the next ones."""
    found = {
        name: numbers.setdefault(unquoted(name), len(numbers)) for name in dict.fromkeys(names)
    }
    return map(found.__getitem__, names)
