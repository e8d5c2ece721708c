"""What is removed is gone at once; what lives, or is no run, is never touched."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handseg.errors import InputError, UsageError
from handseg.runs import control, layout
from handseg.runs.checkpoints import spare_checkpoints
from handseg.runs.control import removable, remove_run, remove_spare
from handseg.runs.index import list_runs, summarise_run
from handseg.runs.lock import is_held
from handseg.runs.writer import RunWriter


def add_checkpoint(folder, step):
    place = folder / layout.CHECKPOINTS / f"step-{step:08d}"
    place.mkdir(parents=True)
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (place / "model.safetensors").write_bytes(content)
    import zipfile

    with zipfile.ZipFile(place / "state.pt", "w") as archive:
        archive.writestr("x", b"y" * 500)
    (place / "manifest.json").write_text(
        f'{{"step": {step}, "epoch": {step / 5}, "sha256": {{"model.safetensors": "0"}}}}'
    )
    return place


@pytest.fixture
def kept(make_run):
    """Makes a run with checkpoints at 5, 10 and 15; 5 is the best, 15 the last."""

    def make(state="finished", best=5):
        writer = make_run()
        for step in (5, 10, 15):
            add_checkpoint(writer.folder, step)
        root = writer.folder / layout.CHECKPOINTS
        (root / "last").write_text("step-00000015")
        if best is not None:
            (root / "best").write_text(f"step-{best:08d}")
        writer.end(state)
        return summarise_run(writer.folder)

    return make


def steps(run):
    return sorted(int(path.name[5:]) for path in run.folder.glob("checkpoints/step-*"))


def test_a_run_is_removed_with_all_that_it_holds(kept):
    run = kept()
    remove_run(removable(run.folder))
    assert list(run.folder.parent.iterdir()) == []


@pytest.mark.parametrize("remove", [remove_run, remove_spare])
def test_nobody_can_begin_to_train_a_run_while_it_is_being_removed(kept, monkeypatch, remove):
    run, real, held = kept("stopped"), Path.rename, []

    def rename(path, target):
        held.append(is_held(run.folder / layout.LOCK))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    remove(run)
    assert held
    assert all(held)


def test_a_live_run_is_refused(make_run):
    writer = make_run()
    with pytest.raises(UsageError, match="being trained"):
        removable(writer.folder)
    writer.end("stopped")


def test_a_run_that_is_resumed_between_the_look_and_the_removal_stays(kept):
    run = kept("stopped")
    assert removable(run.folder) == run
    again = RunWriter.resume(run.folder, step=5, facts={})
    for remove in (remove_run, remove_spare):
        with pytest.raises(UsageError, match="being trained"):
            remove(run)
    assert steps(run) == [5, 10, 15]
    again.end("stopped")


def test_a_folder_that_is_no_run_is_never_removed(tmp_path):
    notes = tmp_path / "runs" / "notes"
    notes.mkdir(parents=True)
    (notes / "paper.txt").write_text("years of work")
    with pytest.raises(InputError, match="is no run"):
        removable(notes)


def test_a_link_to_a_run_is_not_followed(kept, tmp_path):
    run = kept()
    link = tmp_path / "link"
    link.symlink_to(run.folder)
    with pytest.raises(InputError, match="is a link"):
        removable(link)


def test_a_broken_run_can_be_removed(kept):
    run = kept()
    (run.folder / layout.RUN).write_bytes(b"{")
    remove_run(removable(run.folder))
    assert not run.folder.exists()


def test_a_finished_run_keeps_its_best_checkpoint(kept):
    run = kept()
    assert [one.step for one in spare_checkpoints(run)] == [15, 10]
    remove_spare(run)
    assert steps(run) == [5]
    # `last` never names what is not there.
    assert (run.folder / "checkpoints/last").read_text() == "step-00000005"
    assert spare_checkpoints(run) == []


def test_a_run_that_can_be_resumed_keeps_its_last_too(kept):
    run = kept("stopped")
    remove_spare(run)
    assert steps(run) == [5, 15]
    assert (run.folder / "checkpoints/last").read_text() == "step-00000015"


@pytest.mark.parametrize("fault", ["nothing is called best", "the best is damaged"])
def test_without_a_whole_best_the_last_stays(kept, fault):
    run = kept(best=None if fault.startswith("nothing") else 5)
    if fault.startswith("the best"):
        (run.folder / "checkpoints/step-00000005/model.safetensors").write_bytes(b"short")
    assert 15 not in [one.step for one in spare_checkpoints(run)]


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from handseg.runs import control
shutil.rmtree = lambda path: os.kill(os.getpid(), signal.SIGKILL)
control.remove_run(control.removable(Path(sys.argv[1])))
"""


def test_a_removal_that_is_killed_leaves_no_half_run(kept):
    run, other = kept(), kept()
    done = subprocess.run([sys.executable, "-c", KILLED, str(run.folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one.name for one in list_runs(run.folder.parent)] == [other.name]
    remove_run(removable(other.folder))
    assert os.listdir(run.folder.parent) == []  # noqa: PTH208


def test_what_vanishes_while_it_is_measured_counts_as_nothing(kept):
    run = kept()
    size = control.size_of(run.folder)
    shutil.rmtree(run.folder / "checkpoints")
    assert 0 < control.size_of(run.folder) < size
    assert control.size_of(run.folder / "gone") == 0
