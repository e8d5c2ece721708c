"""The job script of the README, run by bash with stand-ins for handseg and Slurm."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
TRAINING = """#!/bin/bash
echo "$*" >> began.txt
trap 'sleep 0.2; mkdir -p runs/segformer-long; exit 143' USR1 TERM
touch listens
end=$((SECONDS + 60))
while [ "$SECONDS" -lt "$end" ] && [ ! -e "finish" ]; do sleep 0.02; done
exit "$(cat finish)"
"""
"""As a training does: it takes its time to put itself away, and ends with 143."""
SCONTROL = '#!/bin/bash\necho "$*" >> requeued.txt\n'


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Start the job; wait until the training and the job's shell listen."""
    found = re.search(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "job.sh").write_text(found[1])
    (tmp_path / "bin").mkdir()
    for name, text in {"handseg": TRAINING, "scontrol": SCONTROL}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "42")

    def start():
        Path("listens").unlink(missing_ok=True)
        process = subprocess.Popen(["bash", "job.sh"])
        end = time.monotonic() + 30
        while not (Path("listens").exists() and catches(process.pid, signal.SIGTERM)):
            assert time.monotonic() < end
            time.sleep(0.01)
        return process

    return start


def catches(pid, wanted):
    """Whether a process has a handler for the signal: a busy shell comes to its traps late."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
    return caught is None or bool(int(caught[1], 16) >> (wanted - 1) & 1)


def test_a_job_that_is_told_of_its_end_keeps_a_checkpoint_and_is_queued_again(job):
    process = job()
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) == 143
    assert Path("requeued.txt").read_text() == "requeue 42\n"
    # The next time the run is there: it goes on.
    process = job()
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) == 143
    assert Path("began.txt").read_text().splitlines() == [
        "train recipes/segformer.toml --name segformer-long --no-progress",
        "train --resume segformer-long --no-progress",
    ]
    assert Path("requeued.txt").read_text() == "requeue 42\n" * 2


@pytest.mark.parametrize("code", [0, 1, 143])
def test_a_job_that_ends_by_itself_is_not_queued_again(job, code):
    process = job()
    Path("draft").write_text(str(code))
    Path("draft").rename("finish")
    assert process.wait(30) == code
    assert not Path("requeued.txt").exists()


def test_a_job_that_is_cancelled_keeps_a_checkpoint_and_is_not_queued_again(job):
    process = job()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert Path("runs/segformer-long").exists()
    assert not Path("requeued.txt").exists()
