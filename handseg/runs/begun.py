"""The run that a process began or went on with: what its parent needs to know of its end."""

from pathlib import Path

from handseg.runs import layout
from handseg.runs.summary import read_run_file
from handseg.runs.validations import number


def run_begun_by(pid: int, since: float, runs: Path) -> Path | None:
    """The folder of the run that process `pid` of this machine opened after `since`.

    `since` is in seconds since 1970: numbers of processes come again. None where it opened none.
    """
    for path in runs.glob(f"*/{layout.RUN}"):
        try:
            run = read_run_file(path.parent)
        except (OSError, ValueError):
            # A run that cannot be read is none that has just been written.
            continue
        if run.get("pid") == pid and number(run.get("process_started"), 0.0) >= since:
            return path.parent
    return None
