"""Ages, sexes, weights and heights from the texts that people type into tables."""

import math
import re
from typing import Any, Literal

Sex = Literal["male", "female"]

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


def text_of(cell: Any) -> str:
    """A cell as text, without what nobody sees."""
    text = "" if cell is None else str(cell)
    visible = "".join(char if char.isprintable() else " " for char in _ESCAPED.sub(" ", text))
    return visible.replace("\u00a0", " ").strip()


def is_blank(cell: Any) -> bool:
    """Whether a cell says nothing: empty, a dash, `n/a`."""
    return text_of(cell).casefold() in _BLANK


def sex_of(cell: Any) -> Sex | None:
    """`male` or `female` of `M `, `남`, `female`, …"""
    return _SEXES.get(text_of(cell).casefold().strip(" ."))


def age_of(cell: Any) -> float | None:
    """Years of `34`, `34.5`, `34 y`, `34세`, `18 months`."""
    figure, unit = _figure(cell)
    years = {
        "": 1.0,
        "y": 1.0,
        "yr": 1.0,
        "yrs": 1.0,
        "year": 1.0,
        "years": 1.0,
        "세": 1.0,
        "살": 1.0,
    }
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
