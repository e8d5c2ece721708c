"""`meta_data.xlsx`: age, sex, weight and height of people, as far as they can be read."""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handseg.data.measures import Sex, age_of, height_of, is_blank, sex_of, text_of, weight_of
from handseg.errors import InputError
from handseg.text import counted, shown

FILE = "meta_data.xlsx"
MOST_INFLATED = 1 << 26
"""Bytes of the tables inside the file; the competition's have some hundred thousand."""
MOST_ROWS, MOST_COLUMNS = 100_000, 64
HEADER_WITHIN = 20
"""Rows among which the names of the columns stand."""

COLUMNS = {
    "person": ("id", "person", "patient", "patientid", "subject", "번호", "환자번호"),
    "age": ("age", "나이", "연령"),
    "sex": ("sex", "gender", "성별"),
    "weight": ("weight", "체중", "몸무게"),
    "height": ("height", "키", "신장"),
}
"""What a column may be called: in any case, whatever stands in brackets."""


DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError),
    *(SyntaxError, RuntimeError, ArithmeticError, zipfile.LargeZipFile, zlib.error),
)
"""What openpyxl and the reader of its XML raise on damaged files."""


@dataclass(frozen=True)
class Person:
    """What is known of a person: years, kilograms, centimetres; None where nobody says."""

    age: float | None = None
    sex: Sex | None = None
    weight: float | None = None
    height: float | None = None


@dataclass(frozen=True)
class Metadata:
    """The people of a data set whom its `meta_data.xlsx` knows, and what it does not say."""

    path: Path
    people: Mapping[str, Person]
    unread: Mapping[str, int] = field(default_factory=dict[str, int])
    """Values of each column that are there and could not be read; they are None."""
    unknown: tuple[str, ...] = ()
    """People of the data set whom the table lacks."""
    strangers: int = 0
    """Rows of nobody in the data set."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be read or matched, for a person."""
        notes = [
            f"{counted(count, 'value')} of {name} cannot be read"
            for name, count in self.unread.items()
        ]
        if self.unknown:
            people = "1 person is" if len(self.unknown) == 1 else f"{len(self.unknown)} people are"
            notes.append(f"{people} not in the table: {shown(self.unknown)}")
        if self.strangers:
            verb = "is" if self.strangers == 1 else "are"
            notes.append(f"{counted(self.strangers, 'row')} {verb} of nobody in the data set")
        return tuple(f"{self.path.name}: {note}" for note in notes)


def read_metadata(root: Path, people: Iterable[str]) -> Metadata | None:
    """What `meta_data.xlsx` in the data set's folder says of its people; None without the file.

    Raises:
        InputError: it is no workbook, too large, or has no columns that are known.
    """
    path = root / FILE
    if not path.is_file():
        return None
    rows = rows_of(path)
    columns = columns_of(path, rows)
    names = {person_key(name): name for name in people}
    found: dict[str, Person] = {}
    unread: dict[str, int] = {}
    strangers = 0
    for row in rows:
        cells = {name: row[place] for name, place in columns.items() if place < len(row)}
        key = cells.pop("person", None)
        if is_blank(key):
            continue
        name = names.get(person_key(text_of(key)))
        if name is None:
            strangers += 1
        else:
            found.setdefault(name, person_of(cells, unread))
    lacking = tuple(sorted(set(names.values()) - found.keys()))
    return Metadata(path, found, unread, lacking, strangers)


def person_of(cells: Mapping[str, Any], unread: dict[str, int]) -> Person:
    """A row's values; those that cannot be read are None and are counted in `unread`."""
    age, sex = age_of(cells.get("age")), sex_of(cells.get("sex"))
    weight, height = weight_of(cells.get("weight")), height_of(cells.get("height"))
    values = {"age": age, "sex": sex, "weight": weight, "height": height}
    for name, cell in cells.items():
        if values[name] is None and not is_blank(cell):
            unread[name] = unread.get(name, 0) + 1
    return Person(age, sex, weight, height)


def person_key(name: str) -> str:
    """`ID001`, `id1`, `1` and `1.0` are one person."""
    plain = name.strip().casefold()
    match = re.fullmatch(r"(?:id)?[\s_-]*0*(\d{1,12})(?:\.0+)?", plain)
    return match[1] if match else plain


def columns_of(path: Path, rows: Iterator[Sequence[Any]]) -> dict[str, int]:
    """The place of each known column; reads up to the row of their names.

    Raises InputError where no row names people.
    """
    for _, row in zip(range(HEADER_WITHIN), rows, strict=False):
        found: dict[str, int] = {}
        for place, cell in enumerate(row):
            name = column_of(text_of(cell))
            if name:
                found.setdefault(name, place)
        if "person" in found and len(found) > 1:
            return found
    known = ", ".join(names[0] for names in COLUMNS.values())
    raise InputError(f"{path} has no columns that are known", details=f"expected some of {known}")


def column_of(title: str) -> str | None:
    plain = re.sub(r"[\s_.:-]", "", re.sub(r"[(\[].*", "", title.casefold()))
    return next((name for name, titles in COLUMNS.items() if plain in titles), None)


def rows_of(path: Path) -> Iterator[Sequence[Any]]:
    """The values of the first sheet, row by row; formulas as they were last computed.

    Raises:
        InputError: it is no workbook or too large.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as archive:
            inflated = sum(part.file_size for part in archive.infolist())
        if inflated > MOST_INFLATED:
            raise InputError(
                f"{path} is too large to be read",
                details=f"its tables have {inflated >> 20} MB; up to {MOST_INFLATED >> 20} "
                "are read",
            )
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        yield from sheet.iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS, values_only=True)
    except (zipfile.BadZipFile, InvalidFileException, *DAMAGE) as error:
        raise InputError(
            f"{path} cannot be read as a workbook", details=f"{type(error).__name__}: {error}"
        ) from error
