"""The line of every key of a TOML document: tomllib gives values without their places.

The scanner is for text that tomllib has accepted, so it tells tokens apart and checks nothing.
"""

import tomllib

from handseg.recipe.faults import KeyPath

_BLANK = " \t"
_WHITE = " \t\r\n"


def line_numbers(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of each table, key and array element of a valid TOML document.

    A table that is only implied by a dotted key or a deeper header has the line of the first of
    these.
    """
    return _Scanner(text).scan()


class _Scanner:
    """One pass over the text; `at` is the place, `lines` the result."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.elements: dict[KeyPath, int] = {}  # arrays of tables: how many so far
        # The present line is counted on from the last place that was asked for.
        self.counted_to, self.line_there = 0, 1

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self.skip_to_token():
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text[self.at] == "[":
                table = self.header(1)
            else:
                self.pair(table)
        return self.lines

    def line(self) -> int:
        self.line_there += self.text.count("\n", self.counted_to, self.at)
        self.counted_to = self.at
        return self.line_there

    def skip_to_token(self, separators: str = "") -> bool:
        """Go past white space, comments and separators; whether anything is left."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in _WHITE or self.text[self.at] in separators:
                self.at += 1
            else:
                return True
        return False

    def skip_blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1

    def header(self, brackets: int) -> KeyPath:
        """`[a.b]` or `[[a.b]]`: note it and give the table that it opens."""
        line = self.line()
        self.at += brackets
        path = self.within_elements(self.key())
        self.at += brackets
        if brackets == 2:
            index = self.elements.get(path, 0)
            self.elements[path] = index + 1
            self.note((), path, line)
            path = (*path, index)
        self.note((), path, line)
        return path

    def within_elements(self, key: tuple[str, ...]) -> KeyPath:
        """A header's path, led through the last element of each array of tables above it."""
        path: KeyPath = ()
        for depth, part in enumerate(key):
            path = (*path, part)
            if path in self.elements and depth < len(key) - 1:
                path = (*path, self.elements[path] - 1)
        return path

    def note(self, table: KeyPath, path: KeyPath, line: int) -> None:
        """Remember a path below a table, and the tables between that it implies."""
        for depth in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:depth], line)

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = (*table, *self.key())
        self.note(table, path, line)
        self.at += 1  # the equals sign
        self.skip_blank()
        self.value(path)

    def key(self) -> tuple[str, ...]:
        """A dotted key; ends before the `=` or `]` after it."""
        parts: list[str] = []
        while True:
            self.skip_blank()
            start = self.at
            if self.text[self.at] in "\"'":
                self.string()
                parts.append(tomllib.loads(f"v = {self.text[start : self.at]}")["v"])
            else:
                while self.text[self.at] not in " \t.=]":
                    self.at += 1
                parts.append(self.text[start : self.at])
            self.skip_blank()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def value(self, path: KeyPath) -> None:
        """Go past a value, noting what an array or an inline table holds."""
        match self.text[self.at]:
            case "[":
                self.array(path)
            case "{":
                self.inline_table(path)
            case '"' | "'":
                self.string()
            case _:
                while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                    self.at += 1

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self.skip_to_token(",") and self.text[self.at] != "]":
            self.note(path, (*path, index), self.line())
            self.value((*path, index))
            index += 1
        self.at += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self.skip_to_token(",") and self.text[self.at] != "}":
            self.pair(path)
        self.at += 1

    def string(self) -> None:
        """Go past a string of one of the four kinds."""
        quote = self.text[self.at]
        end = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(end)
        while not self.text.startswith(end, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(end)
        if len(end) == 3:  # up to two more quotes belong to the string: """ends with two."""""
            while self.text[self.at : self.at + 1] == quote:
                self.at += 1
