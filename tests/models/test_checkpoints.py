"""Checkpoints: whole or absent, verified, never executed."""

import errno
import json
import os
import pickle
import resource
import sys
from pathlib import Path

import pytest
import torch

from handseg import disk
from handseg.errors import InputError
from handseg.models import checkpoints
from handseg.models.checkpoints import (
    load_checkpoint,
    point,
    pointed,
    prune,
    read_checkpoint,
    save_checkpoint,
)


def save(root, step, value=0.0, **facts):
    weights = {"conv": torch.full((4, 3, 2, 2), value).to(memory_format=torch.channels_last)}
    state = {"position": {"step": step, "best": float("-inf")}, "rates": [1.0, 2.0]}
    ema = {"conv": weights["conv"] + 1}
    return save_checkpoint(root, step=step, weights=weights, ema=ema, state=state, facts=facts)


def test_what_was_saved_is_read_channels_last_tensors_too(tmp_path):
    folder = save(tmp_path, 12, 0.5, epoch=3, uses_ema=True)
    assert folder == tmp_path / "step-00000012"
    read = read_checkpoint(folder)
    assert torch.equal(read.weights["conv"], torch.full((4, 3, 2, 2), 0.5))
    assert torch.equal(read.ema["conv"], torch.full((4, 3, 2, 2), 1.5))
    assert read.chosen() is read.ema
    assert (read.manifest["step"], read.manifest["epoch"]) == (12, 3)
    assert read.state()["position"] == {"step": 12, "best": float("-inf")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000012"]


@pytest.fixture
def small_files():
    """Files of more than 64 KB are refused, as a disk or a quota would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("large", ["weights", "state"])
def test_what_the_disk_refuses_is_the_systems_error_and_leaves_nothing(
    tmp_path, small_files, large
):
    some = {"weights": {"a": torch.zeros(9)}, "state": {"a": torch.zeros(9)}}
    some[large] = {"a": torch.zeros(1 << 16)}
    with pytest.raises(OSError, match="File too large") as caught:
        save_checkpoint(tmp_path, step=1, ema={}, facts={}, **some)
    assert (caught.value.errno, caught.value.filename) == (
        errno.EFBIG,
        str(tmp_path / "step-00000001"),
    )
    assert list(tmp_path.iterdir()) == []


def test_plain_weights_are_chosen_where_the_average_did_no_better(tmp_path):
    read = read_checkpoint(save(tmp_path, 1, uses_ema=False))
    assert read.chosen() is read.weights


def test_others_may_read_every_file_of_a_checkpoint(tmp_path):
    assert all(path.stat().st_mode & 0o044 for path in save(tmp_path, 1).iterdir())


@pytest.mark.parametrize(
    ("room", "broken"),
    [(checkpoints, "save_file"), (checkpoints, "hash_file"), (disk, "put_in_place")],
)
def test_a_failure_in_the_middle_leaves_what_was_there_and_nothing_else(
    tmp_path, monkeypatch, room, broken
):
    save(tmp_path, 1, 0.25)

    def fail(*arguments, **words):
        raise OSError("the disk is full")

    monkeypatch.setattr(room, broken, fail)
    for step in (1, 2):
        with pytest.raises(OSError, match="full"):
            save(tmp_path, step, 0.75)
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001"]
    assert read_checkpoint(tmp_path / "step-00000001").weights["conv"].max() == 0.25


def test_a_step_that_is_saved_again_is_replaced(tmp_path):
    save(tmp_path, 1, 0.25)
    assert read_checkpoint(save(tmp_path, 1, 0.75)).weights["conv"].max() == 0.75
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is Linux's")
def test_a_step_that_is_saved_again_is_there_at_every_moment(tmp_path, monkeypatch):
    save(tmp_path, 1, 0.25)

    def killed(*paths):
        raise AssertionError("a kill would come here: the old one is away, the new one not there")

    monkeypatch.setattr(Path, "rename", killed)
    assert read_checkpoint(save(tmp_path, 1, 0.75)).weights["conv"].max() == 0.75
    assert len(list(tmp_path.iterdir())) == 1


def test_where_two_folders_cannot_change_places_one_is_replaced_all_the_same(tmp_path, monkeypatch):
    save(tmp_path, 1, 0.25)
    monkeypatch.setattr(disk, "exchange", lambda one, other: False)
    assert read_checkpoint(save(tmp_path, 1, 0.75)).weights["conv"].max() == 0.75
    assert len(list(tmp_path.iterdir())) == 1


def test_after_a_fall_back_the_new_ones_are_kept_and_the_damaged_later_ones_go(tmp_path):
    for step in (10, 40, 50):
        save(tmp_path, step)
    point(tmp_path, "best", tmp_path / "step-00000010")
    for step in (20, 30):
        point(tmp_path, "last", save(tmp_path, step))
        prune(tmp_path, 2)
    left = sorted(path.name for path in tmp_path.glob("step-*"))
    assert left == ["step-00000010", "step-00000020", "step-00000030"]


def test_a_pointer_names_one_checkpoint(tmp_path):
    assert pointed(tmp_path, "last") is None
    folder = save(tmp_path, 1)
    point(tmp_path, "last", folder)
    point(tmp_path, "last", save(tmp_path, 2))
    assert pointed(tmp_path, "last") == tmp_path / "step-00000002"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["last"]


def test_pruning_keeps_the_newest_and_the_best_and_clears_what_a_kill_left(tmp_path):
    folders = [save(tmp_path, step) for step in range(1, 6)]
    point(tmp_path, "best", folders[0])
    point(tmp_path, "last", folders[-1])
    (tmp_path / ".step-00000006.killed").mkdir()
    (tmp_path / ".step-00000006.killed" / "state.pt").write_bytes(b"half")
    (tmp_path / ".step-00000002").mkdir()
    (tmp_path / ".step-00000002" / "state.pt").write_bytes(b"half removed")
    prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best",
        "last",
        "step-00000001",
        "step-00000004",
        "step-00000005",
    ]


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "short", "a bit"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(tmp_path, name, damage):
    save(tmp_path, 1, 0.1)
    save(tmp_path, 2, 0.2)
    newest = save(tmp_path, 3, 0.3)
    point(tmp_path, "last", newest)
    spoil(newest / name, damage)
    said = []
    assert load_checkpoint(tmp_path, "last", said.append).manifest["step"] == 2
    assert len(said) == 1
    assert "step-00000003" in said[0]
    assert "damaged" in said[0]


def spoil(path: Path, damage: str):
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"sha256": 3, "step": 1}', "null"])
def test_a_manifest_of_another_form_is_damage(tmp_path, manifest):
    folder = save(tmp_path, 1)
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(folder)


def test_a_best_one_that_is_damaged_gives_way_to_a_later_one_where_none_is_before(tmp_path):
    point(tmp_path, "best", save(tmp_path, 1))
    save(tmp_path, 2)
    (tmp_path / "step-00000001" / "state.pt").unlink()
    assert load_checkpoint(tmp_path, "best").manifest["step"] == 2


def test_without_a_pointer_the_newest_counts_and_without_any_it_is_said(tmp_path):
    with pytest.raises(InputError, match="no whole checkpoint"):
        load_checkpoint(tmp_path, "last")
    save(tmp_path, 1)
    save(tmp_path, 2)
    assert load_checkpoint(tmp_path, "last").manifest["step"] == 2


class Touch:
    """Unpickled as pickle would have it, this makes a file."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = save(tmp_path / "checkpoints", 1)
    (folder / "state.pt").write_bytes(pickle.dumps(Touch(), protocol=2))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["state.pt"] = checkpoints.hash_file(folder / "state.pt")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(folder).state()
    assert not Path("executed").exists()
