"""Writes the tables of `ARCHITECTURE.md` that the code knows: rooms, commands, keys, fields.

Run: python tests/architecture/generate.py

A table stands between `<!-- NAME: generated -->` and `<!-- end -->`; what is around it is written
by hand. `test_architecture.py` refuses a document whose tables are not those of the code.
"""

import ast
import dataclasses
import inspect
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer.main

from handseg.cli.main import VERBS, application
from handseg.recipe import schema
from handseg.runs import layout
from tui.keys import HEADS, KEYS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "ARCHITECTURE.md"
BLOCK = re.compile(r"(<!-- ([\w ]+): generated -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(escaped(cell) for cell in line) + " |\n" for line in lines)


def escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def summary(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def rooms() -> str:
    """The rooms in the order in which they may import each other, the lowest last."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    rows = []
    for name in layers:
        folder = ROOT / "handseg" / name
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        shown = f"{name}/" if folder.is_dir() else f"{name}.py"
        rows.append([f"`{shown}`", summary(path)])
    return table(["room", "what it is"], [["`tui/`", summary(ROOT / "tui/__init__.py")], *rows])


def commands() -> str:
    """Every verb with its arguments and options."""
    group = typer.main.get_command(application())
    rows = []
    for verb in VERBS:
        command = group.commands[verb]  # type: ignore[attr-defined]
        for name, one in [(verb, command), *subcommands(verb, command)]:
            words = [
                parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
                for parameter in one.params
            ]
            given = " ".join(f"`{word}`" for word in words if word and word != "--help")
            rows.append([f"`{name}`", first_sentence(one.help or ""), given])
    return table(["command", "what it does", "takes"], rows)


def subcommands(verb: str, command: object) -> list[tuple[str, typing.Any]]:
    """The verbs of a verb (`runs show`), by their whole name."""
    own = getattr(command, "commands", {})
    return [(f"{verb} {name}", one) for name, one in own.items()]


def first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def recipe_keys() -> str:
    """Every key of a recipe: what it may be, its default, what it means."""
    return table(["key", "values", "default", "meaning"], keys_of(schema.Recipe, ""))


def keys_of(kind: type, before: str) -> Iterator[list[str]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    meanings = attribute_docstrings(kind)
    for field in dataclasses.fields(kind):
        hint, key = hints[field.name], f"{before}{field.name}"
        if dataclasses.is_dataclass(hint):
            yield from keys_of(typing.cast("type", hint), f"{key}.")
            continue
        yield [f"`{key}`", values(hint), default(field), meanings.get(field.name, "")]


def attribute_docstrings(kind: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[ast.unparse(field.target)] = " ".join(ast.literal_eval(text.value).split())
    return found


def values(hint: object) -> str:
    """What a key may be, in the words of TOML."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if isinstance(arguments[1], dict):
            # A registry: its names are the choices.
            return ", ".join(toml(name) for name in arguments[1])
        bounds = ", ".join(str(one) for one in arguments[1:])
        return f"{values(arguments[0])} {bounds}"
    if origin is typing.Literal:
        return ", ".join(toml(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(values(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {values(arguments[0])}"
    if origin is dict:
        return f"table of {values(arguments[1])}"
    names: dict[object, str] = {
        int: "whole number",
        float: "number",
        str: "string",
        bool: "true or false",
        typing.Any: "any value",
    }
    return names.get(hint, f"table `{getattr(hint, '__name__', hint)}`")


def default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return toml(field.default_factory())
    return "" if field.default is dataclasses.MISSING else toml(field.default)


def toml(value: object) -> str:
    """A value as TOML has it, in code marks; nothing for what TOML cannot say."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, (tuple, list)):
        return "`[]`" if not value else f"`{list(value)}`"
    return "`{}`" if value == {} else f"`{value}`"


def dashboard_keys() -> str:
    rows = [[HEADS[one.place], f"`{one.shown}`", one.means] for one in KEYS]
    return table(["where", "key", "what it does"], rows)


def run_json() -> str:
    return table(["field of `run.json`", "meaning"], code_rows(layout.RUN_FIELDS))


def events() -> str:
    rows = [
        [f"`{kind}`" if number == 0 else "", f"`{name}`", meaning]
        for kind, fields in layout.KINDS.items()
        for number, (name, meaning) in enumerate(fields.items())
    ]
    return table(["kind", "field", "meaning"], rows)


def steps() -> str:
    return table(["field of a line of `steps.jsonl`", "meaning"], code_rows(layout.STEP_FIELDS))


def code_rows(fields: dict[str, str]) -> list[list[str]]:
    return [[f"`{name}`", meaning] for name, meaning in fields.items()]


TABLES: dict[str, Callable[[], str]] = {
    "rooms": rooms,
    "commands": commands,
    "recipe keys": recipe_keys,
    "dashboard keys": dashboard_keys,
    "run json": run_json,
    "events": events,
    "steps": steps,
}


def generated(text: str) -> str:
    """The document with its tables as the code has them now."""
    return BLOCK.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


if __name__ == "__main__":
    DOCUMENT.write_text(generated(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
