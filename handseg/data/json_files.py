"""JSON that anybody may have written: read within bounds, refused with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handseg.errors import InputError

LARGEST = 1 << 29
"""Bytes of a file: twice what the largest public sets have."""
MOST_NODES = 1 << 23
"""Lists and objects in one file: each takes up to 200 bytes, however short it is written."""


def read_json(
    path: Path, *, largest: int = LARGEST, hook: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """The value of a JSON file; `hook` may replace each object by something smaller.

    Raises:
        InputError: the file is missing, too large, too deep or broken; the message names the place.
    """
    try:
        size = path.stat().st_size
        if size > largest:
            raise InputError(
                f"{path} is too large to be read",
                details=f"it has {size / 1e6:.0f} MB; up to {largest / 1e6:.0f} MB are read",
            )
        content = path.read_bytes()
        if content.count(b"[") + content.count(b"{") > MOST_NODES:
            raise InputError(f"{path} has more than {MOST_NODES} lists and objects: it is no label")
        return json.loads(content.decode("utf-8-sig"), object_hook=hook)
    except OSError as error:
        raise InputError(f"{path} cannot be read", details=str(error)) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is broken JSON",
            details=f"line {error.lineno}, column {error.colno}: {error.msg}",
        ) from error
    except (ValueError, RecursionError) as error:
        # Bytes that are no text, a figure of thousands of digits, thousands of brackets.
        raise InputError(f"{path} is broken JSON", details=str(error)) from error
