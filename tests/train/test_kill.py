"""kill -9 at any instant and `--resume` end bit for bit as if nothing had been (real processes)."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks/kill.py"


def test_a_killed_run_that_goes_on_is_the_run_that_was_not_killed(tmp_path):
    words = ["--kills", "2", "--epochs", "3", "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = (tmp_path / "said.txt").read_text(errors="replace") if done.returncode else ""
    assert done.returncode == 0, done.stdout + done.stderr + said
    for model in ("segformer", "unet"):
        assert f"{model}: 2 of 2 killed runs end bit for bit the same" in done.stdout
