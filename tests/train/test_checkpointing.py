"""Checkpoints on a disk that is full for a while, without a training around them."""

import errno
import io
import math

import pytest
import torch

from handseg.errors import FailedError
from handseg.models.checkpoints import load_checkpoint, pointed
from handseg.recipe.schema import CheckpointSchedule
from handseg.runs.writer import RunWriter
from handseg.train import checkpointing as module
from handseg.train.checkpointing import RETRY, CheckpointManager, Snapshot, TrainerState


@pytest.fixture
def manager(tmp_path):
    """The checkpoint manager of an open run; its warnings are kept."""
    writer = RunWriter.create(tmp_path / "runs", "unet", recipe_toml="", facts={"classes": ["a"]})
    made = CheckpointManager(
        writer, CheckpointSchedule(every_minutes=15, keep=2), lambda *said: made.said.append(said)
    )
    made.said = []
    yield made
    writer.end("stopped")


@pytest.fixture
def disk(monkeypatch):
    """The room of the disk: `full` refuses all checkpoints."""
    real = module.save_checkpoint

    class Disk:
        full = False

        def save(self, *arguments, **words):
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **words)

    found = Disk()
    monkeypatch.setattr(module, "save_checkpoint", found.save)
    return found


def snapshot(step, *, is_best=False):
    weights = {"w": torch.full((3,), float(step))}
    return Snapshot(step, step / 5, weights, {}, {"n": 1}, {}, is_best)


def test_the_best_waits_for_room_with_the_newest_and_both_are_written(manager, disk):
    manager.save(snapshot(1))
    disk.full = True
    manager.save(snapshot(2, is_best=True))
    manager.save(snapshot(3))
    manager.save(snapshot(4))
    assert [one.step for one in manager.pending] == [2, 4]
    assert pointed(manager.root, "last").name == "step-00000001"
    assert len(manager.said) == 1
    disk.full = False
    manager.save(snapshot(5))
    assert manager.pending == []
    best, last = (load_checkpoint(manager.root, name) for name in ("best", "last"))
    assert (best.manifest["step"], last.manifest["step"]) == (2, 5)
    assert best.weights["w"].tolist() == [2, 2, 2]


def test_a_newer_best_takes_the_place_of_one_that_waits(manager, disk):
    disk.full = True
    manager.save(snapshot(2, is_best=True))
    manager.save(snapshot(4, is_best=True))
    assert [one.step for one in manager.pending] == [4]


def test_what_waits_is_tried_again_sooner_than_the_next_would_be_due(manager, disk):
    manager.save(snapshot(1))
    manager.saved_at -= RETRY + 1
    assert not manager.is_due()
    disk.full = True
    manager.save(snapshot(2))
    assert not manager.is_due()
    manager.saved_at -= RETRY + 1
    assert manager.is_due()


def test_where_there_is_room_for_one_alone_the_others_make_it(manager, monkeypatch):
    real = module.save_checkpoint

    def save(root, **words):
        if len(list(root.glob("step-*"))) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(root, **words)

    manager.save(snapshot(1, is_best=True))
    manager.save(snapshot(2, is_best=True))
    monkeypatch.setattr(module, "save_checkpoint", save)
    manager.save(snapshot(3))
    assert manager.pending == []
    assert [path.name for path in sorted(manager.root.glob("step-*"))] == [
        "step-00000002",
        "step-00000003",
    ]


class FullFile(io.BytesIO):
    """A file on a disk that takes so many bytes."""

    def write(self, data):
        if self.tell() + len(data) > 2000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_known_by_the_errno_though_torch_covers_it_up(manager, monkeypatch):
    def save(*arguments, **words):
        torch.save({"a": torch.zeros(3000)}, FullFile())

    with pytest.raises(RuntimeError, match="unexpected pos"):
        save()
    monkeypatch.setattr(module, "save_checkpoint", save)
    manager.save(snapshot(1))
    assert [one.step for one in manager.pending] == [1]
    assert "is full" in manager.said[0][0]


@pytest.mark.parametrize("message", ["unexpected pos 96477760 vs 96477712", "I/O (os error 5)"])
def test_a_disk_without_room_for_a_checkpoint_is_full_whatever_is_said(
    manager, monkeypatch, message
):
    def fail(*arguments, **words):
        raise RuntimeError(message)

    monkeypatch.setattr(module, "save_checkpoint", fail)
    with pytest.raises(RuntimeError):
        manager.save(snapshot(1))
    assert manager.pending == []
    monkeypatch.setattr(module.disk, "has_room", lambda folder, size: size < 10)
    manager.save(snapshot(1))
    assert [one.step for one in manager.pending] == [1]


def test_another_fault_of_the_disk_is_no_full_disk(manager, monkeypatch):
    def fail(*arguments, **words):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "save_checkpoint", fail)
    with pytest.raises(OSError, match="Input/output"):
        manager.save(snapshot(1))
    assert manager.pending == []


def test_a_disk_that_stays_full_ends_it_and_names_the_last_good_one(manager, disk, monkeypatch):
    monkeypatch.setattr(module, "FINAL_PATIENCE", 0.01)
    manager.save(snapshot(1))
    disk.full = True
    manager.save(snapshot(2))
    with pytest.raises(FailedError, match="stays full") as caught:
        manager.flush()
    assert "step-00000001" in caught.value.details
    manager.full_since -= module.GIVE_UP + 1
    with pytest.raises(FailedError, match="stays full"):
        manager.save(snapshot(3))


def test_a_gain_below_the_delta_is_waited_through():
    state, stale = TrainerState(), []
    for mean in (0.5, 0.55, 0.52, 0.7, 0.7):
        state.take_validation(mean, 0.1, is_best=False)
        stale.append(state.stale_validations)
    assert stale == [0, 1, 2, 0, 1]


def test_a_validation_without_any_label_is_no_gain():
    state = TrainerState()
    state.take_validation(math.nan, 0.0, is_best=False)
    assert (state.best, state.stale_validations) == (-math.inf, 1)
    state.take_validation(0.1, 0.0, is_best=True)
    assert (state.best, state.stale_validations) == (0.1, 0)


def test_small_steady_gains_are_gains():
    state = TrainerState()
    for mean in (0.50, 0.54, 0.58, 0.62):
        state.take_validation(mean, 0.05, is_best=True)
    assert state.stale_validations == 1  # counted from 0.58, the last gain of more than 0.05


def test_the_state_is_kept_as_plain_values_under_the_names_that_runs_have_always_had():
    state = TrainerState(
        step=7,
        epoch=2,
        batch=1,
        best=0.5,
        reference=0.4,
        stale_validations=3,
        plateau_scale=0.25,
        skipped=4,
        bad_streak=2,
        rollbacks=1,
        rollback_scale=0.5,
    )
    on_disk = {
        "step": 7,
        "epoch": 2,
        "batch": 1,
        "best": 0.5,
        "reference": 0.4,
        "waited": 3,
        "plateau": 0.25,
        "skipped": 4,
        "row": 2,
        "rollbacks": 1,
        "shrink": 0.5,
    }
    assert state.state_dict() == on_disk
    assert TrainerState.from_state_dict(on_disk) == state
    assert state.lr_scale == 0.125
