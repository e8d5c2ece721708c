"""What lies in a run's folder of checkpoints, told without reading a weight."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

from handseg.runs import jsonl, layout
from handseg.runs.jsonl import mapping, number
from handseg.runs.layout import RESUMABLE
from handseg.runs.summary import RunSummary

WEIGHTS, STATE, MANIFEST = "model.safetensors", "state.pt", "manifest.json"
HEADER_LIMIT = 64 * 1024 * 1024
"""Bytes of a header of safetensors: what says more is no such file."""


@dataclass(frozen=True)
class CheckpointFacts:
    """A checkpoint as a list shows it: NaN and None where its manifest does not tell."""

    name: str
    step: int
    epoch: float
    mean: float
    uses_ema: bool | None
    """Whether the moving average did better than the weights themselves."""
    bytes: int
    time: float
    """When it was written, seconds since 1970."""
    is_last: bool
    is_best: bool
    fault: str
    """What is missing or damaged, as far as can be seen without hashing; empty: it looks whole."""


class Checkpoints:
    """The checkpoints of a run, asked again and again: only what changed is looked at."""

    def __init__(self, run: Path) -> None:
        self.root = run / layout.CHECKPOINTS
        self._known: dict[str, tuple[object, CheckpointFacts]] = {}

    def refresh(self) -> list[CheckpointFacts]:
        """All of them, the newest step first; none where there is no folder."""
        last, best = _pointed(self.root, "last"), _pointed(self.root, "best")
        before, self._known = self._known, {}
        for name in _names(self.root):
            stamp = _stamp(self.root / name), name == last, name == best
            known = before.get(name)
            if known is None or known[0] != stamp:
                known = stamp, _look(self.root / name, name == last, name == best)
            self._known[name] = known
        found = [facts for _, facts in self._known.values()]
        gone = {last, best} - self._known.keys() - {""}
        found += [_missing(name, name == last, name == best) for name in gone]
        return sorted(found, key=lambda facts: -facts.step)


def spare_checkpoints(run: RunSummary) -> list[CheckpointFacts]:
    """The checkpoints that a run can do without, the newest first: it predicts with the best.

    A run that can go on needs the last too. Where no whole best is known, the last stands for it.
    """
    there = [one for one in Checkpoints(run.folder).refresh() if one.bytes]
    best = [one for one in there if one.is_best and not one.fault]
    last = [one for one in there if one.is_last] or there[:1]
    needed = [*best, *last] if run.state in RESUMABLE or not best else best
    return [one for one in there if one not in needed]


def _names(root: Path) -> list[str]:
    try:
        return sorted(path.name for path in root.iterdir() if path.name.startswith("step-"))
    except OSError:
        return []


def _pointed(root: Path, pointer: str) -> str:
    try:
        return (root / pointer).read_text(errors="replace").strip()
    except OSError:
        return ""


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files: what changes when one of them does."""
    try:
        files = sorted(folder.iterdir())
        return tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    except OSError:
        return ()


def _missing(name: str, is_last: bool, is_best: bool) -> CheckpointFacts:
    unknown = (math.nan, math.nan, None, 0, 0.0)
    return CheckpointFacts(name, _step(name), *unknown, is_last, is_best, "missing")


def _step(name: str) -> int:
    digits = name.removeprefix("step-")
    return int(digits) if digits.isdecimal() else 0


def _look(folder: Path, is_last: bool, is_best: bool) -> CheckpointFacts:
    found = _manifest(folder)
    manifest = found or {}
    stamp = _stamp(folder)
    uses_ema = manifest.get("uses_ema")
    return CheckpointFacts(
        name=folder.name,
        step=int(number(manifest.get("step"), _step(folder.name))),
        epoch=number(manifest.get("epoch")),
        mean=number(manifest.get("validation_dice")),
        uses_ema=uses_ema if isinstance(uses_ema, bool) else None,
        bytes=sum(size for _, size, _ in stamp),
        time=max((moment for _, _, moment in stamp), default=0) / 1e9,
        is_last=is_last,
        is_best=is_best,
        fault=_fault(folder, found),
    )


def _manifest(folder: Path) -> jsonl.Object | None:
    try:
        return jsonl.decode((folder / MANIFEST).read_bytes())
    except OSError:
        return None


def _fault(folder: Path, manifest: jsonl.Object | None) -> str:
    missing = [name for name in (WEIGHTS, STATE, MANIFEST) if not (folder / name).is_file()]
    if missing:
        return f"no {' and no '.join(missing)}"
    if manifest is None or not mapping(manifest.get("sha256")):
        return f"{MANIFEST} is damaged"
    if not _is_whole(folder / WEIGHTS):
        return f"{WEIGHTS} is damaged"
    # Commands that only type a line for a run import this module without it.
    import zipfile

    return "" if zipfile.is_zipfile(folder / STATE) else f"{STATE} is damaged"


def _is_whole(weights: Path) -> bool:
    """Whether a file of safetensors is as long as its header says.

    The format: 8 bytes with the length of the header, the header in JSON, the tensors
    (https://github.com/huggingface/safetensors#format).
    """
    try:
        with weights.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > HEADER_LIMIT:
                return False
            header = mapping(json.loads(file.read(length)))
        ends = [mapping(entry).get("data_offsets", [0, 0])[1] for entry in header.values()]
        return bool(ends) and weights.stat().st_size == 8 + length + max(ends)
    except (OSError, ValueError, struct.error, TypeError, LookupError):
        return False
