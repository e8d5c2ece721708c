"""A CSV and its sidecar when something goes wrong: no CSV stands beside the sidecar of another."""

import errno
import json
import os
import resource
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.errors import FailedError, InputError
from handseg.rle import submission as submission_module
from handseg.rle.submission import read_submission, write_numbered, write_submission

OLD = [("a.png", "Ulna", rle.parse("1 2"))]
NEW = [("a.png", "Ulna", rle.parse("5 6"))]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failing(error):
    yield OLD[0]
    raise error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), InputError("cut")])
def test_what_fails_while_rows_are_made_is_raised_as_it_is(tmp_path, error):
    for write in (
        lambda rows: write_submission(tmp_path / "a.csv", rows, {}),
        lambda rows: write_numbered(tmp_path, "a", rows, {}),
    ):
        with pytest.raises(type(error)) as caught:
            write(failing(error))
        assert caught.value is error
        assert contents(tmp_path) == {}


def test_a_vote_on_a_file_that_cannot_be_read_names_it(tmp_path, monkeypatch):
    path = write_submission(tmp_path / "a.csv", OLD, {})
    pread = os.pread

    def refusing(file, size, offset):
        if size == len("1 2"):
            raise OSError(errno.EIO, "Input/output error")
        return pread(file, size, offset)

    monkeypatch.setattr(submission_module.os, "pread", refusing)
    words = ["vote", str(path), "--out", str(tmp_path / "v.csv"), "--workers", "1"]
    done = CliRunner().invoke(application(), words)
    assert done.exit_code == 3
    assert f"error: {path} cannot be read\n  [Errno 5] Input/output error" in done.stderr
    assert "written" not in done.stderr
    assert not (tmp_path / "v.csv").exists()


def test_a_disk_that_refuses_is_said_with_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FailedError, match=r"the CSV could not be written in .*file"):
        write_submission(tmp_path / "file" / "a.csv", OLD, {})


def test_a_disk_that_refuses_at_the_very_end_is_said_too(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The row is in a buffer until the file is closed, which tries once more to write it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(FailedError, match="could not be written"):
            write_submission(tmp_path / "a.csv", OLD, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_csv_that_cannot_be_replaced_keeps_its_sidecar(tmp_path, monkeypatch):
    path = write_submission(tmp_path / "a.csv", OLD, {"made_by": "vote"})
    before = contents(tmp_path)
    replace = Path.replace

    def refusing(self, target):
        if target == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refusing)
    with pytest.raises(FailedError, match="Permission denied"):
        write_submission(path, NEW, {})
    assert contents(tmp_path) == before


@pytest.mark.parametrize("step", range(8))
def test_after_a_kill_at_any_step_no_csv_stands_beside_the_sidecar_of_another(tmp_path, step):
    path = write_submission(tmp_path / "a.csv", OLD, {"made_by": "vote"})
    old = path.read_bytes()
    process = os.fork()
    if not process:
        write_until_killed(path, step)
    _, status = os.waitpid(process, 0)
    sidecar = tmp_path / "a.csv.json"
    assert path.exists()
    if sidecar.exists():
        assert json.loads(sidecar.read_text())["sha256"] == sha256(path.read_bytes()).hexdigest()
    submission = read_submission(path)
    if os.WIFSIGNALED(status) and path.read_bytes() == old:
        assert rle.format(submission.runs("a.png", "Ulna")) == "1 2"
    else:
        assert rle.format(submission.runs("a.png", "Ulna")) == "5 6"


def write_until_killed(path, step):
    """Write in this process, which is killed before it renames or removes so many files."""
    steps = iter(range(step))

    def counted(change):
        def changed(*given, **named):
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*given, **named)

        return changed

    for name in ("rename", "replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    write_submission(path, NEW, {"made_by": "vote"})
    os._exit(0)
