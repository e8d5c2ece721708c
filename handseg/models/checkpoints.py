"""Checkpoints: whole or absent, verified when they are read.

checkpoints/step-00001200/model.safetensors   the weights, and those of the EMA
checkpoints/step-00001200/state.pt            optimiser, scaler, and `position`: where it stands
checkpoints/step-00001200/manifest.json       sha256 of both, step, epoch, Dice
checkpoints/last, checkpoints/best            the name of one of the folders
"""

import json
import pickle
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from handseg import disk
from handseg.data.fingerprint import hash_file
from handseg.errors import InputError
from handseg.runs.checkpoints import MANIFEST, STATE, WEIGHTS

VERSION = 1
FILES = (WEIGHTS, STATE)
EMA_PREFIX = "ema:"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified."""

    folder: Path
    weights: dict[str, Tensor]
    ema: dict[str, Tensor]
    manifest: dict[str, Any]

    @property
    def sha256(self) -> str:
        return self.manifest["sha256"][WEIGHTS]

    def state(self) -> dict[str, Any]:
        """What training needs beside the weights; nothing in it is executed.

        Raises:
            InputError: it holds something else than plain values and tensors.
        """
        try:
            return torch.load(self.folder / STATE, weights_only=True, map_location="cpu")
        except (pickle.UnpicklingError, RuntimeError, OSError) as error:
            raise InputError(
                f"the state of the checkpoint {self.folder} cannot be read", details=str(error)
            ) from error

    def chosen(self) -> dict[str, Tensor]:
        """The weights that did best in the validation: the EMA's or the plain ones."""
        return self.ema if self.manifest.get("uses_ema") and self.ema else self.weights


def save_checkpoint(
    root: Path,
    *,
    step: int,
    weights: Mapping[str, Tensor],
    ema: Mapping[str, Tensor],
    state: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> Path:
    """Write `root/step-<step>`, which appears whole or not at all."""
    place = root / f"step-{step:08d}"
    with disk.whole_folder(place) as draft:
        # safetensors refuses the strides of channels-last tensors.
        tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
        averaged = {EMA_PREFIX + name: tensor.contiguous() for name, tensor in ema.items()}
        save_file(tensors | averaged, draft / WEIGHTS)
        # Into a file of Python's: what torch writes itself fails without the system's error.
        with (draft / STATE).open("wb") as file:
            torch.save(dict(state), file)
        hashes = {name: hash_file(draft / name) for name in FILES}
        manifest = {"version": VERSION, "step": step, **facts, "sha256": hashes}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for path in draft.iterdir():
            # safetensors writes for the owner alone; a run folder is read by others too.
            path.chmod(0o644)
            disk.sync(path)
        disk.sync(draft)
    disk.sync(root)
    return place


def point(root: Path, pointer: str, folder: Path) -> None:
    """Let `last` or `best` name a checkpoint, in one step for every reader."""
    disk.replace(root / pointer, folder.name.encode())
    disk.sync(root)


def prune(root: Path, keep: int) -> None:
    """Remove all checkpoints but the newest `keep` and those that a pointer names.

    Later ones than `last` are damaged, or of steps that a resume has cancelled.
    Drafts that a killed process left go too, so it is for the process that holds the run's lock.
    """
    for hidden in root.glob(".step-*"):
        shutil.rmtree(hidden)
    last, best = pointed(root, "last"), pointed(root, "best")
    folders = sorted(root.glob("step-*"))
    counted = [folder for folder in folders if last is None or folder.name <= last.name]
    kept = {*counted[-keep:], last, best}
    for folder in folders:
        if folder not in kept:
            # Under another name first: a kill leaves no checkpoint with half of its files.
            shutil.rmtree(folder.rename(root / f".{folder.name}"))


def pointed(root: Path, pointer: str) -> Path | None:
    """The checkpoint that `last` or `best` names."""
    try:
        return root / (root / pointer).read_text().strip()
    except FileNotFoundError:
        return None


def load_checkpoint(
    root: Path, pointer: str, said: Callable[[str], None] = lambda text: None
) -> Checkpoint:
    """Read the checkpoint that a pointer names; a damaged one falls back to the one before.

    Where none before is whole either, a later one is better than nothing. `said` is told of a
    fall-back.

    Raises:
        InputError: there is none that is whole.
    """
    first = pointed(root, pointer)
    newest_first = sorted(root.glob("step-*"), reverse=True)
    candidates = [first] if first else []
    candidates += [folder for folder in newest_first if first is None or folder.name < first.name]
    candidates += [folder for folder in newest_first if folder not in candidates]
    for folder in candidates:
        try:
            return read_checkpoint(folder)
        except InputError as error:
            said(f"{error.message}; trying another")
    raise InputError(f"there is no whole checkpoint in {root}")


def load_best(root: Path, said: Callable[[str], None] = lambda text: None) -> Checkpoint:
    """Read what a run is used by: its best checkpoint, or the last before its first validation.

    Raises:
        InputError: there is none that is whole.
    """
    return load_checkpoint(root, "best" if (root / "best").exists() else "last", said)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and verify one checkpoint.

    Raises:
        InputError: a file is missing or its hash differs.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["step"] = int(manifest["step"])
        for name in FILES:
            if hash_file(folder / name) != manifest["sha256"][name]:
                raise InputError(f"the checkpoint {folder} is damaged: {name} has another hash")
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(f"the checkpoint {folder} is damaged", details=str(error)) from error
    ema = {
        name.removeprefix(EMA_PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(EMA_PREFIX)
    }
    weights = {name: t for name, t in tensors.items() if not name.startswith(EMA_PREFIX)}
    return Checkpoint(folder, weights, ema, manifest)
