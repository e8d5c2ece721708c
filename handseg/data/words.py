"""Numbers and lists of names as a person reads them."""

from collections.abc import Sequence

SHOWN = 5


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def shown(names: Sequence[str], most: int = SHOWN) -> str:
    """The first few names."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
