"""What the runs of the demo went through, and what their bones learned from it."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, MEAN_AREAS

Ending = Literal["running", "quiet", "killed", "stopped", "failed", "finished"]

STEPS_PER_EPOCH = 90
HOST = "hk-03"
MEMORY_TOTAL = 32 * 10**9
DAY = 86400.0


@dataclass(frozen=True)
class Story:
    """One run, from its recipe to how it ended."""

    name: str
    recipe: str
    """Stem of a bundled recipe."""
    sets: tuple[str, ...]
    ending: Ending
    done: int
    """Epochs done."""
    epochs: int
    level: float
    """How good it becomes: 1 is as good as the bones allow."""
    age: float
    """Seconds since it last wrote."""
    epoch_seconds: float
    started_epoch: int = 0
    """The epoch from which its process went on, where it was resumed."""
    reason: str = ""
    collapses: str | None = None
    """A bone that is lost half way."""
    warning: tuple[str, str] | None = None
    """What a warning is about, and what it says."""

    @property
    def recipe_name(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def steps(self) -> int:
        """Steps done: a live run is within an epoch."""
        return self.done * STEPS_PER_EPOCH + (37 if self.ending in ("running", "quiet") else 0)

    @property
    def seed(self) -> int:
        return sum(self.name.encode())


STORIES = (
    Story(
        "segformer-3", "segformer", ("data.size=1024", "train.batch_size=4"), "running",
        done=61, epochs=100, level=1.0, age=0.8, epoch_seconds=58.0, started_epoch=40,
        warning=("memory", "out of memory: micro-batches of 2 instead of 4; BatchNorm sees fewer"),
    ),
    Story(
        "upernet-1", "upernet", ("data.size=512", "train.epochs=80"), "quiet",
        done=33, epochs=80, level=0.981, age=192.0, epoch_seconds=140.0,
    ),
    Story(
        "segformer-2", "segformer", ("data.size=512", "optimizer.lr=1e-3"), "killed",
        done=46, epochs=100, level=0.992, age=7.3 * 3600, epoch_seconds=31.0,
        collapses="Pisiform",
        warning=("loss", "the loss of step 2790 is not finite: the step was skipped"),
    ),
    Story(
        "unetpp-2", "unetpp", ("data.size=512", "data.fold=1"), "finished",
        done=100, epochs=100, level=0.988, age=2.1 * DAY, epoch_seconds=44.0,
    ),
    Story(
        "unet-4", "unet", ("data.size=2048", "train.micro_batch=8", "train.epochs=80"), "failed",
        done=12, epochs=80, level=0.972, age=2.8 * DAY, epoch_seconds=240.0,
        reason="out of memory", warning=("memory", "31.6 of 32.0 GB of the device are taken"),
    ),
    Story(
        "segformer-1", "segformer", ("data.size=512", "train.seed=1"), "finished",
        done=100, epochs=100, level=0.990, age=3.2 * DAY, epoch_seconds=31.0,
    ),
    Story(
        "manet-1", "manet", ("data.size=512", "loss.dice=0.0"), "stopped",
        done=40, epochs=100, level=0.931, age=5.4 * DAY, epoch_seconds=52.0,
        reason="SIGTERM",
    ),
)  # fmt: skip
"""The newest start first. The eighth run of the folder is broken and has no story."""


def learned(story: Story, epochs: int) -> NDArray[np.float64]:
    """Dice of each bone after each epoch, float64[epochs, 29]: small bones are worse and later."""
    rng = np.random.default_rng(story.seed)
    areas = np.log([MEAN_AREAS[bone] for bone in BONES])
    size = (areas - areas.min()) / (areas.max() - areas.min())
    own = rng.normal(0.0, 0.004, len(BONES))
    ceiling = story.level * (0.945 + 0.042 * size**0.7) + own
    pace = 2.2 + 4.0 * (1 - size)
    epoch = np.arange(1, epochs + 1)[:, None]
    noise = rng.normal(0.0, 0.010, (epochs, len(BONES))) * (0.25 + np.exp(-epoch / 14))
    values = ceiling * (1 - np.exp(-(epoch + 1.5) / pace)) + noise * (1.3 - size)
    if story.collapses is not None:
        half = story.epochs * 0.3
        lost = 0.42 / (1 + np.exp(-(epoch[:, 0] - half) / 2.5))
        values[:, BONES.index(story.collapses)] -= lost
    return np.clip(values, 0.0, 0.995)


def losses(story: Story, steps: int) -> NDArray[np.float64]:
    """The loss of each step from 1 on, float64[steps]."""
    rng = np.random.default_rng(story.seed + 1)
    step = np.arange(1, steps + 1)
    trend = 0.035 + 0.9 * np.exp(-step / 260) + 0.16 * np.exp(-step / 2400)
    return trend * (2 - story.level) * np.exp(rng.normal(0.0, 0.18, steps))


def rates(story: Story, steps: int) -> NDArray[np.float64]:
    """The learning rate of each step from 1 on, float64[steps]: warm-up, then a cosine."""
    step = np.arange(1, steps + 1)
    total, warm = story.epochs * STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH
    share = np.clip((step - warm) / (total - warm), 0, 1)
    return 6e-5 * np.minimum(step / warm, 1) * (1 + np.cos(math.pi * share)) / 2
