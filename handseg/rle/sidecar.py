"""`X.csv.json`, the file beside a submission that says what made it."""

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from handseg import __version__
from handseg.errors import InputError

VERSION = 1


def sidecar_path(csv: Path) -> Path:
    return csv.with_name(csv.name + ".json")


def sidecar_fields(fields: Mapping[str, Any], *, sha256: str, rows: int) -> dict[str, Any]:
    """The given fields and those that every sidecar has: v, sha256, rows, versions, created."""
    versions = {
        "handseg": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "v": VERSION,
        "created": created,
        **fields,
        "sha256": sha256,
        "rows": rows,
        "versions": {**versions, **fields.get("versions", {})},
    }


def read_sidecar(csv: Path, sha256: str) -> dict[str, Any] | None:
    """The sidecar of `csv` (whose contents have this sha256); None where there is none.

    Raises InputError if it is no JSON object or was written for other contents.
    """
    path = sidecar_path(csv)
    try:
        fields: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"the sidecar {path} cannot be read", details=str(error)) from None
    if not isinstance(fields, dict):
        raise InputError(f"the sidecar {path} is no JSON object")
    sidecar = cast("dict[str, Any]", fields)
    written = sidecar.get("sha256")
    if written is not None and written != sha256:
        raise InputError(
            f"{csv} is not the file that its sidecar {path.name} was written for",
            details=f"sha256 of {csv.name}: {sha256}\nsha256 in {path.name}: {written}",
            hints=[f"if the change is wanted: rm {path}"],
        )
    return sidecar


def image_sizes(csv: Path, sidecar: Mapping[str, Any] | None) -> dict[str, tuple[int, int]]:
    """(height, width) of each image that the sidecar of `csv` names, in its order.

    Raises InputError if a size is not two whole numbers.
    """
    images: object = (sidecar or {}).get("images")
    if images is None:
        return {}
    if not isinstance(images, dict):
        raise InputError(f"{sidecar_path(csv)}: `images` is no object of sizes")
    sizes: dict[str, tuple[int, int]] = {}
    for name, size in cast("dict[str, object]", images).items():
        match size:
            case [int(height), int(width)]:
                sizes[name] = (height, width)
            case _:
                raise InputError(f"{sidecar_path(csv)}: the size of {name} is {size!r}")
    return sizes
