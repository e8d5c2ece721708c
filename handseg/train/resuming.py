"""What has to be as it was when a run goes on."""

from collections.abc import Mapping
from typing import Any

import torch

from handseg.errors import InputError
from handseg.runs.facts import versions
from handseg.train.speaker import Speaker
from handseg.train.world import World


def restore_surroundings(before: Mapping[str, Any], speaker: Speaker) -> None:
    """Compute in as many threads as before, which changes the last bits; say what else differs."""
    threads = before.get("threads")
    if isinstance(threads, int) and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
        speaker.tell(f"computing in {threads} threads, as this run began")
    present = versions()
    changed = [
        f"{name} {version} (now {present.get(name, 'missing')})"
        for name, version in (before.get("versions") or {}).items()
        if present.get(name) != version
    ]
    if changed:
        speaker.tell("this run began with " + ", ".join(changed))


def refuse_other_data(name: str, before: Mapping[str, Any], world: World) -> None:
    """Raise where going on would silently train on something else.

    Raises:
        InputError: the data, the folds or the crops are not those that the run began with.
    """
    differs = [
        what
        for what, then, now in (
            ("images or labels", before.get("data_fingerprint"), world.fingerprint),
            ("folds", before["folds"], world.folds.folds.folds),
            ("crops", before.get("added_fingerprints"), list(world.added_fingerprints)),
        )
        if then != now
    ]
    if differs:
        raise InputError(
            f"{name} was trained on other " + " and ".join(differs),
            hints=["train a new run, or name the data of this one with --data"],
        )
