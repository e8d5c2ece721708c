"""What a list of checkpoints says, and that it notices what is damaged."""

import json
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from handseg.runs import layout
from handseg.runs.checkpoints import Checkpoints

HEADER = json.dumps(
    {"__metadata__": {"a": "b"}, "w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}
).encode()


@pytest.fixture
def run(tmp_path) -> Path:
    for step in (10, 20, 30):
        write(tmp_path / layout.CHECKPOINTS / f"step-{step:08d}", step)
    (tmp_path / layout.CHECKPOINTS / "last").write_text("step-00000030")
    (tmp_path / layout.CHECKPOINTS / "best").write_text("step-00000020")
    return tmp_path


def write(folder: Path, step: int) -> None:
    folder.mkdir(parents=True)
    header = struct.pack("<Q", len(HEADER)) + HEADER
    (folder / "model.safetensors").write_bytes(header + bytes(8))
    with zipfile.ZipFile(folder / "state.pt", "w") as archive:
        archive.writestr("state", "x" * 100)
    manifest = {"step": step, "epoch": step / 10, "uses_ema": step == 20, "validation_dice": 0.5}
    manifest["sha256"] = {"model.safetensors": "…", "state.pt": "…"}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_newest_is_first_and_last_and_best_are_known(run):
    found = Checkpoints(run).refresh()
    assert [(c.step, c.epoch, c.is_last, c.is_best) for c in found] == [
        (30, 3, True, False),
        (20, 2, False, True),
        (10, 1, False, False),
    ]
    assert [c.uses_ema for c in found] == [False, True, False]
    assert {c.fault for c in found} == {""}
    assert found[0].mean == 0.5
    files = (run / layout.CHECKPOINTS / "step-00000030").iterdir()
    assert found[0].bytes == sum(file.stat().st_size for file in files)


def test_a_run_without_checkpoints_has_none(tmp_path):
    assert Checkpoints(tmp_path).refresh() == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.safetensors", None, "no model.safetensors"),
        ("model.safetensors", b"", "model.safetensors is damaged"),
        ("model.safetensors", struct.pack("<Q", 2**60), "model.safetensors is damaged"),
        ("model.safetensors", struct.pack("<Q", 2) + b"[]", "model.safetensors is damaged"),
        ("model.safetensors", struct.pack("<Q", len(HEADER)) + HEADER + b"1234567", "is damaged"),
        ("state.pt", b"PK\x03\x04 half of an archive", "state.pt is damaged"),
        ("manifest.json", b'{"step": 3', "manifest.json is damaged"),
        ("manifest.json", b'{"step": 30}', "manifest.json is damaged"),
    ],
)
def test_damage_that_shows_without_hashing_is_said(run, name, content, said):
    listing = Checkpoints(run)
    assert listing.refresh()[0].fault == ""
    path = run / layout.CHECKPOINTS / "step-00000030" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    first = listing.refresh()[0]
    assert said in first.fault
    assert (first.name, first.is_last) == ("step-00000030", True)


def test_a_checkpoint_that_is_named_and_gone_is_listed_as_missing(run):
    shutil.rmtree(run / layout.CHECKPOINTS / "step-00000020")
    found = {c.step: c for c in Checkpoints(run).refresh()}
    assert (found[20].fault, found[20].is_best, found[20].is_last) == ("missing", True, False)


def test_a_pointer_that_moves_is_seen(run):
    listing = Checkpoints(run)
    listing.refresh()
    (run / layout.CHECKPOINTS / "best").write_text("step-00000030\n")
    assert [c.is_best for c in listing.refresh()] == [True, False, False]
