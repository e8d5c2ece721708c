"""What is wrong with a recipe, and where: every fault of a layer at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handseg.errors import UsageError

KeyPath = tuple[str | int, ...]
"""A value's place in a recipe: keys of tables, indices of arrays."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written: a file and its line from 1, or `--set` and line 0."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class RecipeFault:
    """One thing that is wrong with a recipe."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = str(Origin(self.file, self.line))
        return f"{place}  {self.key}: {self.message}" if self.key else f"{place}  {self.message}"


class RecipeError(UsageError):
    """A recipe that cannot be used; `faults` are all that one layer of checks has found."""

    def __init__(
        self, recipe: str, faults: Sequence[RecipeFault], *, hints: Sequence[str] = ()
    ) -> None:
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"the recipe {recipe} has {count}",
            details="\n".join(str(fault) for fault in faults),
            hints=hints,
        )
        self.faults = tuple(faults)


def dotted(path: KeyPath) -> str:
    """A path as a person writes it: `data.crops[1]`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def enumerated(names: Iterable[str], joint: str = "or") -> str:
    """`a, b or c`."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
