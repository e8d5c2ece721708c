"""Folders that are whole or absent."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from handseg import disk
from handseg.data import storage
from handseg.data.storage import cache_root, write_json
from handseg.disk import put_in_place, whole_folder

LONG_AGO = (1e9, 1e9)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def fill(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_text(text)


def test_the_cache_lies_in_the_working_folder_unless_the_environment_names_another(monkeypatch):
    monkeypatch.delenv("HANDSEG_CACHE", raising=False)
    assert cache_root() == Path(".handseg")
    monkeypatch.setenv("HANDSEG_CACHE", "/somewhere")
    assert cache_root() == Path("/somewhere")


def test_a_folder_appears_when_all_went_well_and_replaces_the_one_before(tmp_path):
    place = tmp_path / "deep" / "place"
    for text in ("old", "new"):
        with whole_folder(place) as draft:
            fill(draft, text)
            assert not place.exists() or content(place) == {"file": "old"}
    assert content(place) == {"file": "new"}
    assert names(place.parent) == ["place"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_folder_and_no_rubbish(tmp_path, fault):
    place = tmp_path / "place"
    fill(place, "old")
    with pytest.raises(fault), whole_folder(place) as draft:  # noqa: PT012
        fill(draft, "new")
        raise fault
    assert content(place) == {"file": "old"}
    assert names(tmp_path) == ["place"]


def test_a_failure_leaves_no_parents_that_were_made_for_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "a" / "b" / "place"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.fixture
def in_two_steps(monkeypatch):
    """A file system on which two folders cannot change places."""
    monkeypatch.setattr(disk, "exchange", lambda one, other: False)


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "disk"), KeyboardInterrupt()])
@pytest.mark.usefixtures("in_two_steps")
def test_a_failure_at_the_last_rename_leaves_the_old_folder(tmp_path, monkeypatch, fault):
    place, rename, calls = tmp_path / "place", Path.rename, []

    def failing(path, target):
        calls.append(path)
        if len(calls) == 2:
            raise fault
        return rename(path, target)

    fill(place, "old")
    with pytest.raises(type(fault)), whole_folder(place) as draft:  # noqa: PT012
        fill(draft, "new")
        monkeypatch.setattr(Path, "rename", failing)
    monkeypatch.undo()
    assert content(place) == {"file": "old"}
    assert names(tmp_path) == ["place"]


@pytest.mark.usefixtures("in_two_steps")
def test_another_maker_who_was_faster_is_replaced(tmp_path, monkeypatch):
    place, draft, rename = tmp_path / "place", tmp_path / ".place.mine", Path.rename
    fill(place, "old")
    fill(draft, "mine")
    others = iter(["first other", "second other"])

    def slow(path, target):
        # Between our two renames another maker puts its folder in place.
        if path == draft and (text := next(others, None)):
            fill(place, text)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", slow)
    put_in_place(draft, place)
    assert content(place) == {"file": "mine"}
    assert names(tmp_path) == ["place"]


def test_what_a_killed_maker_left_goes_with_the_next_one_and_a_living_ones_stays(tmp_path):
    place = tmp_path / "place"
    dead, alive, other = (tmp_path / f".place.{n}" for n in ("dead", "alive", "tidy/.placement.x"))
    for folder in (dead, alive, other):
        fill(folder, "half")
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    for folder in (dead, alive, other):
        os.utime(folder, LONG_AGO)
    with whole_folder(place) as draft:
        fill(draft, "new")
    os.close(handle)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
    assert content(place) == {"file": "new"}


def test_the_draft_of_a_maker_at_work_is_locked(tmp_path):
    with whole_folder(tmp_path / "place") as draft:
        os.utime(draft, LONG_AGO)
        with whole_folder(tmp_path / "place") as second:
            assert draft.exists()
            fill(second, "second")
        fill(draft, "first")
    assert content(tmp_path / "place") == {"file": "first"}


def test_json_is_whole_or_as_before(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == '{\n "a": 1\n}'
    assert names(path.parent) == ["a.json"]


def test_two_data_sets_of_similar_paths_share_no_stand_in(tmp_path, monkeypatch):
    monkeypatch.delenv("HANDSEG_CACHE", raising=False)
    places = {storage.stand_in(tmp_path / name) for name in ("a-b/c", "a/b-c", "a/b/c", "a-b-c")}
    assert len(places) == 4
    assert all(place.parent.parent == Path(".handseg") for place in places)
