"""Numbers and lists of names as a person reads them."""

from collections.abc import Sequence

SHOWN = 5


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def shown(names: Sequence[str], most: int = SHOWN) -> str:
    """The first few names."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
