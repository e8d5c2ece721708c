"""Checkpoints on a disk that is full for a while, without a training around them."""

import errno

import pytest
import torch

from handseg.errors import FailedError
from handseg.models.checkpoints import load_checkpoint, pointed
from handseg.recipe.schema import CheckpointSchedule
from handseg.runs.writer import RunWriter
from handseg.train import keeper as module
from handseg.train.keeper import RETRY, Keeper, Snapshot


@pytest.fixture
def keeper(tmp_path):
    """The keeper of an open run; its warnings are kept."""
    writer = RunWriter.create(tmp_path / "runs", "unet", recipe_toml="", facts={"classes": ["a"]})
    made = Keeper(
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


def test_the_best_waits_for_room_with_the_newest_and_both_are_written(keeper, disk):
    keeper.keep(snapshot(1))
    disk.full = True
    keeper.keep(snapshot(2, is_best=True))
    keeper.keep(snapshot(3))
    keeper.keep(snapshot(4))
    assert [held.step for held in keeper.held] == [2, 4]
    assert pointed(keeper.root, "last").name == "step-00000001"
    assert len(keeper.said) == 1
    disk.full = False
    keeper.keep(snapshot(5))
    assert keeper.held == []
    best, last = (load_checkpoint(keeper.root, name) for name in ("best", "last"))
    assert (best.manifest["step"], last.manifest["step"]) == (2, 5)
    assert best.weights["w"].tolist() == [2, 2, 2]


def test_a_newer_best_takes_the_place_of_one_that_waits(keeper, disk):
    disk.full = True
    keeper.keep(snapshot(2, is_best=True))
    keeper.keep(snapshot(4, is_best=True))
    assert [held.step for held in keeper.held] == [4]


def test_what_waits_is_tried_again_sooner_than_the_next_would_be_due(keeper, disk):
    keeper.keep(snapshot(1))
    keeper.saved -= RETRY + 1
    assert not keeper.is_due()
    disk.full = True
    keeper.keep(snapshot(2))
    assert not keeper.is_due()
    keeper.saved -= RETRY + 1
    assert keeper.is_due()


def test_where_there_is_room_for_one_alone_the_others_make_it(keeper, monkeypatch):
    real = module.save_checkpoint

    def save(root, **words):
        if len(list(root.glob("step-*"))) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(root, **words)

    keeper.keep(snapshot(1, is_best=True))
    keeper.keep(snapshot(2, is_best=True))
    monkeypatch.setattr(module, "save_checkpoint", save)
    keeper.keep(snapshot(3))
    assert keeper.held == []
    assert [path.name for path in sorted(keeper.root.glob("step-*"))] == [
        "step-00000002",
        "step-00000003",
    ]


def test_another_fault_of_the_disk_is_no_full_disk(keeper, monkeypatch):
    def fail(*arguments, **words):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "save_checkpoint", fail)
    with pytest.raises(OSError, match="Input/output"):
        keeper.keep(snapshot(1))
    assert keeper.held == []


def test_a_disk_that_stays_full_ends_it_and_names_the_last_good_one(keeper, disk, monkeypatch):
    monkeypatch.setattr(module, "FINAL_PATIENCE", 0.01)
    keeper.keep(snapshot(1))
    disk.full = True
    keeper.keep(snapshot(2))
    with pytest.raises(FailedError, match="stays full") as caught:
        keeper.settle()
    assert "step-00000001" in caught.value.details
    keeper.full_since -= module.GIVE_UP + 1
    with pytest.raises(FailedError, match="stays full"):
        keeper.keep(snapshot(3))
