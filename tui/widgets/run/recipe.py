"""The recipe of a run, with what differs from the pinned run's."""

from rich.text import Text

from handseg.recipe.load import RecipeDifference
from tui import palette
from tui.run_files import RecipeText
from tui.wording import cell, joined, one_line

NONE = "not there"
Row = tuple[str, Text]


def recipe_rows(recipe: RecipeText, only_differences: bool, colour: str) -> list[Row]:
    """A row for each line, or for each difference; `colour` is the pinned run's."""
    if recipe.fault and not recipe.lines:
        return [("fault", Text(f" {one_line(recipe.fault)}", palette.WARN))]
    fault = [("fault", Text(f" {one_line(recipe.fault)}", palette.WARN))] if recipe.fault else []
    if only_differences and recipe.against is not None and not recipe.fault:
        return difference_rows(recipe, colour)
    return fault + line_rows(recipe, colour)


def difference_rows(recipe: RecipeText, colour: str) -> list[Row]:
    """What differs, both values side by side."""
    found = recipe.differences
    if not found:
        return [("same", Text(" no value differs", palette.DIM))]
    width = max(len(one.key) for one in found)
    own = min(24, max(len(one.a or NONE) for one in found))
    return [
        (
            one.key,
            joined(
                Text(" ≠ ", palette.WARN),
                cell(one.key, width + 2, palette.DIM),
                cell(one.a or NONE, own + 2),
                other_value(one, colour),
            ),
        )
        for one in found
    ]


def line_rows(recipe: RecipeText, colour: str) -> list[Row]:
    """The text, its differing lines marked; below, what only the pinned recipe has."""
    by_key = {one.key: one for one in recipe.differences}
    rows: list[Row] = []
    stated: set[str] = set()
    for number, (line, keys) in enumerate(zip(recipe.lines, recipe.keys, strict=True)):
        marked = [by_key[key] for key in keys if key in by_key]
        stated |= {one.key for one in marked}
        rows.append((f"line {number}", recipe_line(line, marked, colour)))
    for one in recipe.differences:
        if one.key not in stated:
            rows.append((one.key, recipe_line(f"{one.key} = {one.a or NONE}", [one], colour)))
    return rows


def recipe_line(line: str, differences: list[RecipeDifference], colour: str) -> Text:
    """One line of TOML."""
    text = one_line(line)
    if differences:
        others = [Text("  ")]
        for one in differences:
            others += [other_value(one, colour), Text(" ")]
        return joined(Text(" ≠ ", palette.WARN), Text(text, f"bold {palette.TEXT}"), *others)
    if text.startswith("#"):
        return joined("   ", Text(text, palette.FAINT))
    if text.startswith("["):
        return joined("   ", Text(text, palette.ACCENT))
    key, sign, value = text.partition("=")
    return joined("   ", Text(key, palette.DIM), Text(sign + value, palette.TEXT))


def other_value(one: RecipeDifference, colour: str) -> Text:
    """The value of the pinned run."""
    return Text(f"★ {one_line(one.b or NONE)}", colour)
