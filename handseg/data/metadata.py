"""`meta_data.xlsx`: age, sex, weight and height of people, as far as they can be read."""

import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from handseg.errors import InputError
from handseg.text import counted, shown

if TYPE_CHECKING:
    from pandas import DataFrame

Fact = str | float
Sex = Literal["male", "female"]

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

_BLANK = frozenset(
    {"", "-", "--", "?", "n/a", "na", "nan", "none", "null", "#n/a", "unknown", "미상"}
)
_SEXES: dict[str, Sex] = {
    **dict.fromkeys(("m", "male", "man", "boy", "남", "남자", "남성"), "male"),
    **dict.fromkeys(("f", "w", "female", "woman", "girl", "여", "여자", "여성"), "female"),
}
_FIGURE = re.compile(r"([+-]?\d{1,6}(?:[.,]\d{1,6})?)\s*([a-z가-힣²'\"]*)\.?", re.IGNORECASE)
_ESCAPED = re.compile(r"_x[0-9a-f]{4}_", re.IGNORECASE)
"""How Excel writes a character that XML cannot hold; a stray backspace is `_x0008_`."""

OLDEST, HEAVIEST, TALLEST = 120.0, 400.0, 260.0
SMALLEST = 20.0
"""Centimetres; what is below 3 is metres."""
POUND, INCH = 0.45359237, 2.54


@dataclass(frozen=True)
class Metadata:
    """What a data set's `meta_data.xlsx` says of its people, and what it does not say."""

    path: Path
    people: Mapping[str, Mapping[str, Fact]] = field(default_factory=dict[str, dict[str, Fact]])
    """By name: age in years, sex, weight in kilograms, height in centimetres, as far as known."""
    unread: Mapping[str, int] = field(default_factory=dict[str, int])
    """Values of each column that are there and could not be read."""
    unknown: tuple[str, ...] = ()
    """People of the data set whom the table lacks."""
    strangers: int = 0
    """Rows of people who are not in the data set."""
    fault: InputError | None = None
    """Why the file is left out as a whole."""

    @property
    def notes(self) -> tuple[str, ...]:
        if self.fault is not None:
            return (f"metadata is left out: {self.fault.message}",)
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


def read_metadata(root: Path, people: Mapping[str, str]) -> Metadata | None:
    """What `meta_data.xlsx` in the data set's folder says of its people; None without the file.

    `people` has the name of each by the id that the table has.

    Raises:
        InputError: it is no workbook, too large, or has no columns that are known.
    """
    path = root / FILE
    if not path.is_file():
        return None
    import pandas as pd

    table = named_columns(path, read_sheet(path))
    table = table[~table["person"].map(is_blank).astype(bool)]
    names = {person_key(own): name for own, name in people.items()}
    owners = [names.get(person_key(text_of(cell))) for cell in table.pop("person")]
    cells = table.set_axis(owners).loc[[owner is not None for owner in owners]]
    # As objects: pandas would make figures of texts, and NaN of None.
    values = pd.DataFrame({kind: cells[kind].map(READERS[kind]) for kind in cells}, dtype=object)
    unread = (values.isna() & ~cells.map(is_blank).astype(bool)).sum()
    first = values[~values.index.duplicated()]
    facts: dict[str, dict[str, Fact]] = {
        str(person): row.dropna().to_dict() for person, row in first.iterrows()
    }
    return Metadata(
        path,
        facts,
        {str(kind): int(count) for kind, count in unread.items() if count},
        tuple(sorted(set(names.values()) - set(first.index))),
        owners.count(None),
    )


def read_sheet(path: Path) -> "DataFrame":
    """The cells of the first sheet; formulas as they were last computed.

    Raises:
        InputError: it is no workbook or too large.
    """
    import openpyxl
    import pandas as pd
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
        # Not pandas.read_excel: it knows no widest row, and one far cell widens all of them.
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(
            max_row=MOST_ROWS, max_col=MOST_COLUMNS, values_only=True
        )
        return pd.DataFrame(list(rows), dtype=object)
    except (zipfile.BadZipFile, InvalidFileException, *DAMAGE) as error:
        raise InputError(
            f"{path} cannot be read as a workbook", details=f"{type(error).__name__}: {error}"
        ) from error


def named_columns(path: Path, sheet: "DataFrame") -> "DataFrame":
    """The known columns under their names in `COLUMNS`: what stands below the row of their titles.

    Raises InputError where no row names people.
    """
    for row, cells in enumerate(sheet.head(HEADER_WITHIN).itertuples(index=False)):
        places: dict[str, int] = {}
        for place, cell in enumerate(cells):
            name = column_of(text_of(cell))
            if name:
                places.setdefault(name, place)
        if "person" in places and len(places) > 1:
            # In the order in which a person's facts are told.
            kinds = [kind for kind in COLUMNS if kind in places]
            chosen = sheet.iloc[row + 1 :, [places[kind] for kind in kinds]]
            return chosen.set_axis(kinds, axis="columns")
    known = ", ".join(names[0] for names in COLUMNS.values())
    raise InputError(f"{path} has no columns that are known", details=f"expected some of {known}")


def column_of(title: str) -> str | None:
    plain = re.sub(r"[\s_.:-]", "", re.sub(r"[(\[].*", "", title.casefold()))
    return next((name for name, titles in COLUMNS.items() if plain in titles), None)


def person_key(name: str) -> str:
    """`ID001`, `id1`, `1` and `1.0` are one person."""
    plain = name.strip().casefold()
    match = re.fullmatch(r"(?:id)?[\s_-]*0*(\d{1,12})(?:\.0+)?", plain)
    return match[1] if match else plain


def text_of(cell: Any) -> str:
    """A cell as text, without invisible characters."""
    text = "" if cell is None else str(cell)
    visible = "".join(char if char.isprintable() else " " for char in _ESCAPED.sub(" ", text))
    return visible.replace("\u00a0", " ").strip()


def is_blank(cell: Any) -> bool:
    return text_of(cell).casefold() in _BLANK


def sex_of(cell: Any) -> Sex | None:
    """`male` or `female` of `M `, `남`, `female`, …"""
    return _SEXES.get(text_of(cell).casefold().strip(" ."))


def age_of(cell: Any) -> float | None:
    """Years of `34`, `34.5`, `34 y`, `34세`, `18 months`."""
    figure, unit = _figure(cell)
    years = dict.fromkeys(("", "y", "yr", "yrs", "year", "years", "세", "살"), 1.0)
    months = dict.fromkeys(("m", "mo", "month", "months", "개월"), 1 / 12)
    return _within(figure, {**years, **months}.get(unit), 0.0, OLDEST)


def weight_of(cell: Any) -> float | None:
    """Kilograms of `72`, `72kg`, `72,5`, `160 lb`."""
    figure, unit = _figure(cell)
    units = {"": 1.0, "kg": 1.0, "kgs": 1.0, "킬로": 1.0, "lb": POUND, "lbs": POUND, "g": 0.001}
    return _within(figure, units.get(unit), 0.3, HEAVIEST)


def height_of(cell: Any) -> float | None:
    """Centimetres of `175`, `175 cm`, `1.75 m`, `1,75`, `69 in`."""
    figure, unit = _figure(cell)
    if unit == "" and figure is not None and figure < 3:
        unit = "m"
    units = {"": 1.0, "cm": 1.0, "m": 100.0, "mm": 0.1, "in": INCH, "inch": INCH, '"': INCH}
    return _within(figure, units.get(unit), SMALLEST, TALLEST)


def _figure(cell: Any) -> tuple[float | None, str]:
    """A cell that is one figure and maybe its unit; (None, "") for anything else."""
    if isinstance(cell, bool):
        return None, ""
    if isinstance(cell, int | float):
        return (float(cell), "") if abs(cell) < 1e9 and math.isfinite(cell) else (None, "")
    match = _FIGURE.fullmatch(text_of(cell))
    if match is None:
        return None, ""
    return float(match[1].replace(",", ".")), match[2].casefold()


def _within(figure: float | None, unit: float | None, least: float, most: float) -> float | None:
    if figure is None or unit is None or not least <= figure * unit <= most:
        return None
    return figure * unit


READERS = {"age": age_of, "sex": sex_of, "weight": weight_of, "height": height_of}
"""How the cells of a column are read."""
