"""Makes runs as trainings do."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from handseg.runs.writer import RunWriter

MakeRun = Callable[..., RunWriter]
CLASSES = ("finger-1", "Radius")


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Makes a run of two classes in `runs/` and leaves it open."""

    def make(
        recipe: str = "unet",
        *,
        name: str | None = None,
        not_bones: Collection[str] = (),
        **facts: object,
    ) -> RunWriter:
        known = {"classes": CLASSES, "fold": 0, "epochs": 10, "steps_per_epoch": 5, **facts}
        return RunWriter.create(
            tmp_path / "runs",
            recipe,
            recipe_toml="schema = 1\n",
            facts=known,
            name=name,
            not_bones=not_bones,
        )

    return make
