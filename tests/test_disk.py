"""Files that are whole or absent."""

import errno
import os

import pytest

from handseg import disk


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "file.json"
    assert disk.replace(path, b"first") == path
    disk.replace(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_a_full_disk_is_named_where_the_system_names_none(tmp_path):
    with pytest.raises(OSError, match="No space") as caught, disk.naming(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path)
    with pytest.raises(FileNotFoundError) as caught, disk.naming(tmp_path):
        (tmp_path / "missing").read_bytes()
    assert caught.value.filename == str(tmp_path / "missing")


def test_a_full_disk_is_known_by_its_number_under_other_errors():
    full = OSError(errno.ENOSPC, "Kein Speicherplatz")
    closing = RuntimeError("unexpected pos 2 vs 1")
    closing.__context__ = full
    rust = ValueError("I/O error: Kein Speicherplatz (os error 28)")
    assert all(map(disk.is_full, (full, closing, rust, OSError(errno.EDQUOT, ""))))
    broken = OSError(errno.EIO, "No space left on device")
    assert not any(map(disk.is_full, (broken, ValueError("No space left"), None)))


def test_a_folder_that_does_not_fit_names_its_place_and_leaves_nothing(tmp_path):
    place = tmp_path / "new"
    with pytest.raises(OSError, match="new"), disk.whole_folder(place):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = disk.replace(tmp_path / "file", b"before")

    def refuse(handle):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="full"):
        disk.replace(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_permissions_that_the_person_asks_for(tmp_path):
    before = os.umask(0o027)
    try:
        path = disk.replace(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
