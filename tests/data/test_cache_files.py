"""Arrays in files that processes share."""

import errno
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from handseg.data.cache import NO_ROOM, NewRows, checksums, copy_of

SHAPE = (40, 60, 90, 4)


@pytest.fixture
def rows():
    return np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


def written(path, rows):
    with NewRows(path, rows.shape) as new:
        for row in reversed(range(len(rows))):
            assert new.write(row, rows[row]) == zlib.crc32(rows[row].tobytes())
    return np.load(path, mmap_mode="r")


def test_rows_written_in_any_order_are_those_that_are_mapped(tmp_path, rows):
    mapped = written(tmp_path / "rows.npy", rows)
    assert np.array_equal(mapped, rows)
    assert checksums(mapped).tolist() == [zlib.crc32(row.tobytes()) for row in rows]
    assert all(np.array_equal(copy_of(mapped, row), rows[row]) for row in (0, 7, 39, 7))


def test_a_row_of_another_memory_order_is_written_as_it_reads(tmp_path):
    row = np.arange(6, dtype=np.uint8).reshape(2, 3).T
    with NewRows(tmp_path / "rows.npy", (1, 3, 2)) as new:
        new.write(0, row)
    assert np.array_equal(np.load(tmp_path / "rows.npy")[0], row)


def test_a_disk_that_sets_nothing_aside_is_written_to_all_the_same(tmp_path, rows, monkeypatch):
    def unable(*arguments):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable, raising=False)
    assert np.array_equal(written(tmp_path / "rows.npy", rows), rows)


def test_room_is_taken_before_the_first_row(tmp_path):
    with NewRows(tmp_path / "rows.npy", SHAPE):
        status = (tmp_path / "rows.npy").stat()
    # Blocks of 512 bytes: a sparse file would have hardly any.
    assert status.st_blocks * 512 >= np.prod(SHAPE)


def test_a_disk_without_room_is_told_apart(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError) as caught:
        NewRows(tmp_path / "rows.npy", SHAPE)
    assert caught.value.errno in NO_ROOM


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="tells resident pages")
def test_reading_every_row_leaves_no_page_of_the_file_in_the_process(tmp_path, rows):
    def resident():
        lines = Path("/proc/self/smaps").read_text().splitlines()
        start = next(n for n, line in enumerate(lines) if line.endswith("rows.npy"))
        return next(int(line.split()[1]) for line in lines[start:] if line.startswith("Rss:"))

    mapped = written(tmp_path / "rows.npy", rows)
    assert mapped.sum() > 0
    before = resident()
    for row in range(len(rows)):
        copy_of(mapped, row)
    assert before > 500
    assert resident() < before / 10
