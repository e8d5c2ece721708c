"""What has to be as it was when a run goes on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch

from handseg.errors import InputError
from handseg.models.checkpoints import Checkpoint, load_checkpoint
from handseg.reporter import Reporter
from handseg.runs import jsonl, layout
from handseg.runs.process import versions
from handseg.text import listed
from handseg.train.world import World

NAMED = 3
"""Files and people that are named before the rest is counted."""


def restore_surroundings(before: Mapping[str, Any], reporter: Reporter) -> None:
    """Compute in as many threads as before, which changes the last bits; say what else differs."""
    threads = before.get("threads")
    if isinstance(threads, int) and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
        reporter.info(f"computing in {threads} threads, as this run began")
    present = versions()
    changed = [
        f"{name} {version} (now {present.get(name, 'missing')})"
        for name, version in (before.get("versions") or {}).items()
        if present.get(name) != version
    ]
    if changed:
        reporter.info("this run began with " + ", ".join(changed))


def last_checkpoint(run: Path, damaged: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint of a run; None where none has been written yet.

    `damaged` is told of those that were passed over.

    Raises:
        InputError: there have been some, and none is whole.
    """
    root = run / layout.CHECKPOINTS
    try:
        return load_checkpoint(root, "last", damaged)
    except InputError:
        if any(root.glob("step-*")) or had_checkpoints(run):
            raise
        return None


def had_checkpoints(run: Path) -> bool:
    """Whether the log of a run tells of a checkpoint."""
    try:
        events = list(jsonl.backwards(run / layout.EVENTS))
    except OSError:
        return False
    return any(event.get("kind") == layout.CHECKPOINT for event in events)


def refuse_other_data(run: Path, before: Mapping[str, Any], world: World) -> None:
    """Raise where going on would silently train on something else; say what differs.

    Raises:
        InputError: the data, the folds or the crops are not those that the run began with.
    """
    differs = [
        f"other {what}: {how}" if how else f"other {what}"
        for what, then, now, how in (
            (
                "images or labels",
                before.get("data_fingerprint"),
                world.fingerprint,
                changes(read_files(run), world.files),
            ),
            (
                "folds",
                before["folds"],
                world.folds.folds.folds,
                changes(before["folds"], world.folds.folds.folds),
            ),
            ("crops", before.get("added_fingerprints"), list(world.added_fingerprints), ""),
        )
        if then != now
    ]
    if differs:
        raise InputError(
            f"{run.name} was trained on " + " and ".join(differs),
            hints=["train a new run, or name the data of this one with --data"],
        )


def read_files(run: Path) -> dict[str, Any]:
    """The hashes of the images and labels that a run began with; none where they are not known."""
    try:
        found: object = json.loads((run / layout.DATA).read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In words, which names changed their value, are new or gone; empty where nothing is known."""
    if not before:
        return ""
    kinds = {
        "changed": [name for name in before if name in now and now[name] != before[name]],
        "gone": [name for name in before if name not in now],
        "new": [name for name in now if name not in before],
    }
    return "; ".join(
        f"{kind} {listed(sorted(names), NAMED)}" for kind, names in kinds.items() if names
    )
