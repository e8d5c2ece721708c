"""Small real data that the tests share."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Tiny networks: threads that wait for each other by spinning, of a test and of what else the
# machine does, cost twenty times what they save. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The size of the terminal that the tests were started in, or that pytest-xdist gives its workers:
# without it output that is captured is 80 columns wide, and a terminal of a test has its own size.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

SLOW = (
    "check/test_dataset.py",
    "cli/test_predict.py",
    "cli/test_runs.py",
    "cli/test_train.py",
    "cli/test_train_faults.py",
    "cli/test_train_queue.py",
    "cli/test_tui.py",
    "cli/test_vote_traps.py",
    "data/test_people.py",
    "ensemble/test_processes.py",
    "ensemble/test_vote_exactness.py",
    "ensemble/test_vote_large.py",
    "formats/test_round_trips.py",
    "inference",
    "models",
    "phantom",
    "recipe/test_tables.py",
    "runs/test_hostile_logs.py",
    "statistics",
    "rle/test_exactness.py",
    "rle/test_hostile_bytes.py",
    "rle/test_reader_memory.py",
    "surface",
    "train",
    "tui",
)
"""Where tests train, load networks and transforms, kill processes, open terminals or try thousands
of cases: marked `slow`."""

TINY_SEGFORMER = """
schema = 1
[model]
library = "transformers"
architecture = "segformer"
encoder = "mit-b0"
weights = "none"
[model.options]
hidden_sizes = [8, 16, 24, 32]
depths = [1, 1, 1, 1]
decoder_hidden_size = 32
num_attention_heads = [1, 1, 1, 1]
[data]
size = 64
channels = 1
normalize = "image"
workers = 0
[augment.rotate]
transform = "Affine"
rotate = [-20, 20]
scale = [0.9, 1.1]
p = 0.8
[optimizer]
lr = 1e-3
head_lr = 1.0
[schedule]
warmup_epochs = 0
[train]
epochs = 2
batch_size = 4
ema = false
[validate]
previews = 1
[early_stop]
patience = 0
"""


def is_slow(path: Path) -> bool:
    inside = path.relative_to(Path(__file__).parent)
    return any(inside.is_relative_to(place) for place in SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m "not slow"` does not even import what it leaves out: torch alone takes seconds."""
    if config.option.markexpr != "not slow" or collection_path == Path(__file__).parent:
        return None
    return is_slow(collection_path) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_slow(item.path):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people's hands at 192 px, two of them test people; shared, so never written to."""
    from handseg.phantom.writing import write_phantoms

    folder = tmp_path_factory.mktemp("phantoms") / "data"
    return write_phantoms(folder, people=6, size=192, seed=7, test_people=2)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_folder: Path) -> Path:
    """An own working folder with the phantoms in `data`."""
    shutil.copytree(phantom_folder, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for name in ("HANDSEG_DATA", "HANDSEG_RUNS", "HANDSEG_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDSEG_DATA", "HANDSEG_RUNS", "HANDSEG_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def tiny_recipe(workplace: Path) -> Path:
    """A recipe that trains in seconds."""
    path = workplace / "tiny.toml"
    path.write_text(TINY_SEGFORMER)
    return path


@pytest.fixture
def add_hand() -> Callable[..., Path]:
    """Writes one image and its label to a data set; gives the image's path.

    `polygons` are pairs of class and points; None leaves the label out.
    """

    def add(root, place="ID001/a", polygons=(), *, size=(60, 80), split="train", **attributes):
        import numpy as np
        from PIL import Image

        image = root / split / "DCM" / f"{place}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(sum(place.encode()))
        Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(image)
        if polygons is not None:
            label = root / split / "outputs_json" / f"{place}.json"
            label.parent.mkdir(parents=True, exist_ok=True)
            entries = [{"label": name, "points": points} for name, points in polygons]
            label.write_text(json.dumps({"annotations": entries, "attributes": attributes}))
        return image

    return add


@pytest.fixture(scope="session")
def trained_place(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """A working folder with the phantoms and a finished run `tiny-1`; shared, never written to."""
    from handseg.recipe.load import load_recipe
    from handseg.train.session import train
    from handseg.work import Reporter

    @contextlib.contextmanager
    def no_bar(title: str) -> Iterator[object]:
        yield lambda done, total, note="": None

    place = tmp_path_factory.mktemp("trained")
    shutil.copytree(phantom_folder, place / "data")
    with contextlib.chdir(place), pytest.MonkeyPatch.context() as patch:
        for name in ("HANDSEG_DATA", "HANDSEG_RUNS", "HANDSEG_CACHE"):
            patch.delenv(name, raising=False)
        Path("tiny.toml").write_text(TINY_SEGFORMER)
        train(
            # From one half on, masks are neither empty nor full: their Dice says something.
            load_recipe("tiny.toml", ["model.prior=0.5", "train.batch_size=2"]),
            Path("data"),
            Path("runs"),
            Reporter(lambda text: None, lambda text: None, no_bar),  # pyright: ignore[reportArgumentType]
        )
    return place


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_place: Path) -> Path:
    """An own working folder with the phantoms and a finished run; the recipe is `tiny.toml`."""
    place = tmp_path / "place"
    shutil.copytree(trained_place, place)
    monkeypatch.chdir(place)
    for name in ("HANDSEG_DATA", "HANDSEG_RUNS", "HANDSEG_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def score_submissions():
    """Scores submissions on a data set, as `handseg score` does."""
    from handseg.score.ground_truth import labels_of_dataset
    from handseg.score.scoring import score_submission

    def score(submissions, dataset):
        labels = labels_of_dataset(dataset).choose(submissions)
        truth = labels.ground_truth()
        pairs = zip(submissions, labels.images, strict=True)
        return [score_submission(one, truth, images) for one, images in pairs]

    return score
