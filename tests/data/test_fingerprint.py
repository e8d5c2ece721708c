"""What a data set holds, as one hash."""

import json
import os
import shutil
import time

import pytest

from handseg.data import fingerprint as rooms
from handseg.data.dataset import open_dataset
from handseg.data.fingerprint import file_hashes, fingerprint, sample_files
from handseg.errors import InputError

LONG_AGO = 10**18


@pytest.fixture
def files(empty_folder):
    folder = empty_folder / "data"
    folder.mkdir()
    paths = [folder / "a", folder / "b"]
    for path in paths:
        path.write_text(path.name * 5)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return paths


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were really read."""
    names, hash_file = [], rooms.hash_file
    monkeypatch.setattr(rooms, "hash_file", lambda p: (names.append(p.name), hash_file(p))[1])
    return names


def test_it_is_of_contents_and_relative_paths_and_not_of_times_or_order(files, tmp_path):
    root = files[0].parent
    before = fingerprint(files, root)
    os.utime(files[0], (5, 5))
    assert fingerprint(files[::-1], root) == before
    moved = shutil.move(root, tmp_path / "elsewhere")
    assert fingerprint([moved / "a", moved / "b"], moved) == before
    (moved / "b").rename(moved / "c")
    assert fingerprint([moved / "a", moved / "c"], moved) != before


def test_another_content_of_the_same_length_is_another_fingerprint(files):
    before = fingerprint(files, files[0].parent)
    files[0].write_text("z" * 5)
    assert fingerprint(files, files[0].parent) != before


def test_a_content_changed_behind_the_clocks_back_is_seen(files):
    before = fingerprint(files, files[0].parent)
    time.sleep(0.02)  # more than a tick of the file system's clock
    files[0].write_text("z" * 5)
    os.utime(files[0], ns=(LONG_AGO, LONG_AGO))
    assert fingerprint(files, files[0].parent) != before


def test_a_known_file_is_not_read_again(files, read):
    first = file_hashes(files)
    assert sorted(read) == ["a", "b"]
    read.clear()
    assert file_hashes(files) == first
    assert read == []
    files[1].write_text("other")
    file_hashes(files)
    assert read == ["b"]


def test_a_file_that_may_still_be_being_written_is_read_again(files, read):
    # Two writes within one tick of the file system's clock look alike from outside.
    files[0].write_text("fresh")
    file_hashes(files)
    read.clear()
    file_hashes(files)
    assert read == ["a"]


def test_the_memory_holds_each_file_once(files, empty_folder):
    for text in ("one", "two", "three"):
        files[0].write_text(text)
        os.utime(files[0], ns=(LONG_AGO, LONG_AGO))
        file_hashes(files)
    assert len(json.loads((empty_folder / ".handseg/hashes.json").read_text())) == 2


@pytest.mark.parametrize("damage", ["{", "[]", "7", '{"a": 1}', "\xff", "KEYS"])
def test_a_damaged_memory_is_made_anew(files, empty_folder, damage):
    before = fingerprint(files, files[0].parent)
    memory = empty_folder / ".handseg/hashes.json"
    if damage == "KEYS":
        damage = json.dumps(dict.fromkeys(json.loads(memory.read_text()), 5))
    memory.write_text(damage, encoding="latin-1")
    assert fingerprint(files, files[0].parent) == before


def test_where_nothing_can_be_remembered_the_hashes_are_the_same(files, monkeypatch):
    before = file_hashes(files)
    (files[0].parent / "no-folder").touch()
    monkeypatch.setenv("HANDSEG_CACHE", str(files[0].parent / "no-folder"))
    assert file_hashes(files) == before


def test_a_file_that_cannot_be_read_is_an_input_error_that_names_it(files):
    dangling = files[0].with_name("dangling")
    dangling.symlink_to("nowhere")
    for path in (dangling, files[0].parent):
        with pytest.raises(InputError, match=path.name):
            file_hashes([path])


def test_the_files_of_samples_are_their_images_and_labels(tmp_path, add_hand):
    add_hand(tmp_path)
    add_hand(tmp_path, "ID002/b", polygons=None)
    names = [path.name for path in sample_files(open_dataset(tmp_path).train)]
    assert names == ["a.png", "a.json", "b.png"]
