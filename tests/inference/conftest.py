"""What predictions are tested on."""

from pathlib import Path

import pytest

from handseg.data.dataset import open_dataset

RUN = Path("runs/tiny-1")


@pytest.fixture
def dataset(trained):
    """The phantoms of the working folder that holds the run `tiny-1`."""
    return open_dataset(Path("data"))
