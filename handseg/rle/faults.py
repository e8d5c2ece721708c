"""What is wrong with a submission, with its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from handseg.errors import InputError

Kind = Literal["row", "doubled", "sidecar", "runs", "bounds"]


@dataclass(frozen=True)
class Fault:
    """Something in a CSV that cannot be read as it is meant."""

    path: Path
    line: int
    """From 1; 0 where it is the whole file."""
    image: str
    cls: str
    kind: Kind
    message: str
    details: str = ""
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(part for part in (str(self.path), line, self.image, self.cls) if part)
        return f"{place}: {self.message}"

    def error(self) -> InputError:
        return InputError(str(self), details=self.details, hints=self.hints)


class Repetition(NamedTuple):
    """A row that came again with the mask of its first line."""

    line: int
    first_line: int
    image: str
    cls: str
