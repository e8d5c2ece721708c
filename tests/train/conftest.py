"""Trainings that say what they do to a list."""

import contextlib
import os
from pathlib import Path

import pytest

from handseg.recipe.load import load_recipe
from handseg.train.session import resume, train
from handseg.work import Reporter


class Watched:
    """A reporter that keeps what it is told, and runs something at a step or under a title."""

    def __init__(self, at=None, act=lambda: None, during=None):
        self.said = []
        self.at = at
        self.act = act
        self.during = during

    @contextlib.contextmanager
    def bars(self, title):
        def advance(done, total, note=""):
            at_step = note.startswith("epoch") and done == self.at
            if at_step or (self.during and title.startswith(self.during)):
                self.act()

        yield advance

    @property
    def reporter(self):
        return Reporter(self.said.append, self.said.append, self.bars)


UNET = """[model]
library = "smp"
architecture = "unet"
encoder = "tu-test_resnet"
weights = "none"
options = { encoder_depth = 3, decoder_channels = [16, 16, 8] }
"""


@pytest.fixture
def unet_recipe(tiny_recipe):
    """The tiny recipe with a UNet, which has other batch norms and another memory order."""
    head, rest = tiny_recipe.read_text().split("[model]", 1)
    tiny_recipe.write_text(head + UNET + rest[rest.index("[data]") :])
    return tiny_recipe


@pytest.fixture
def begin(tiny_recipe):
    """Train the tiny recipe with some values set; words go to `Watched`."""

    def run(*sets, name=None, limit=None, recipe=tiny_recipe, **watched):
        run.watched = Watched(**watched)
        loaded = load_recipe(str(recipe), sets)
        reporter = run.watched.reporter
        return train(loaded, Path("data"), Path("runs"), reporter, name=name, limit=limit)

    return run


@pytest.fixture
def go_on():
    """Resume a run of the working folder."""

    def run(name, *sets, **watched):
        run.watched = Watched(**watched)
        folder = Path("runs") / name
        loaded = load_recipe(str(folder / "recipe.toml"), sets, resumed=True)
        return resume(folder, loaded, Path("data"), run.watched.reporter)

    return run


@pytest.fixture
def signal_self():
    """What sends this process a signal when called."""
    return lambda number: lambda: os.kill(os.getpid(), number)
