"""What the dashboard knows and what the person has chosen; screens are drawn from it."""

from dataclasses import dataclass, field
from pathlib import Path

from handseg.data.dataset import Dataset
from handseg.runs.reader import RunDetails
from handseg.runs.summary import RunSummary


@dataclass
class State:
    """Runs by name, bones by class: rows move, names stay."""

    runs_folder: Path
    data_folder: Path | None
    dataset: Dataset | None = None
    runs: list[RunSummary] = field(default_factory=list[RunSummary])
    listed: bool = False
    """Whether the folder of runs has been read at all."""
    details: RunDetails | None = None
    """Of the highlighted run, once it is read."""
    fault: str = ""
    """Why the highlighted run cannot be read whole."""
    highlighted: str | None = None
    """Name of the run under the cursor."""
    chosen_class: str | None = None

    @property
    def run(self) -> RunSummary | None:
        """The highlighted run."""
        return next((run for run in self.runs if run.name == self.highlighted), None)

    @property
    def run_details(self) -> RunDetails | None:
        """The highlighted run read whole, if what was read last is that run."""
        if self.details is None or self.details.summary.name != self.highlighted:
            return None
        return self.details

    @property
    def marks(self) -> list[tuple[str, str, float]]:
        """What tells whether anything of a run changed: its state, and when it last wrote."""
        return [(run.name, run.state, run.updated) for run in self.runs]

    def take_runs(self, runs: list[RunSummary]) -> None:
        """Take in a new list; a run that vanished hands the cursor to the newest."""
        self.runs, self.listed = runs, True
        if self.run is None:
            self.highlighted = runs[0].name if runs else None
