"""Workers of the loader that die, hang, raise or are signalled: real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from handseg.data.cache import build_cache
from handseg.data.dataset import open_dataset
from handseg.errors import FailedError
from handseg.recipe.schema import Transform
from handseg.train import loader as loading
from handseg.train import workers
from handseg.train.augment import Augmentation
from handseg.train.loader import EpochLoader, EpochSampler, TrainingSamples

ROTATE = {"rotate": Transform("Affine", {"rotate": [-20, 20], "p": 0.8})}
ORDER = EpochSampler(0, 8, 0, 0.0, None, 2)


class Samples(TrainingSamples):
    """Samples that do something at some samples, each of them as often as is said."""

    def __init__(self, parts, act=None, at=(), times=1, transforms=ROTATE):
        super().__init__(parts, Augmentation(transforms))
        self.act = act
        self.at = at
        self.left = torch.full((len(self),), times).share_memory_()

    def __getitem__(self, ref):
        if ref.sample in self.at and self.left[ref.sample] > 0:
            self.left[ref.sample] -= 1
            self.act()
        return super().__getitem__(ref)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(60)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """torch looks at its processes every five seconds, of which a test need not see each."""
    get = torch.utils.data.dataloader._MultiProcessingDataLoaderIter._try_get_data
    monkeypatch.setattr(get, "__defaults__", (0.1,))
    monkeypatch.setattr(loading, "STOP_GRACE", 0.05)


@pytest.fixture
def make(workplace):
    """A loader of eight images, two a batch, whose warnings are kept; its workers end with it."""
    dataset = open_dataset(Path("data"))
    prepared = build_cache(dataset.train, dataset.classes, 64)
    made = []

    def build(workers=2, order=ORDER, stopping=lambda: False, samples=Samples, **acts):
        warnings = []
        loader = EpochLoader(
            samples([prepared], **acts),
            order,
            workers,
            pin=False,
            warn=warnings.append,
            stopping=stopping,
        )
        loader.warnings = warnings
        made.append(loader)
        return loader

    yield build
    for loader in made:
        loader.close()


def named(loader, sample):
    return loader.samples.image_name(sample)


def processes(loader):
    return [psutil.Process(one.pid) for one in loader.pool.processes]


def assert_same(batches, others):
    assert len(batches) == len(others)
    for one, other in zip(batches, others, strict=True):
        assert all(torch.equal(*parts) for parts in zip(one, other, strict=True))


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_is_killed_is_named_with_its_image_and_no_batch_differs(make, count):
    plain = list(make(workers=0).epoch(3))
    loader = make(workers=count, act=die, at=[5])
    assert_same(list(loader.epoch(3)), plain)
    (warning,) = loader.warnings
    assert named(loader, 5) in warning
    assert "SIGKILL" in warning
    assert_same(list(loader.epoch(4)), list(make(workers=0).epoch(4)))


def test_the_batches_go_on_from_where_they_were_when_all_workers_are_killed(make):
    plain = list(make(workers=0).epoch(0))
    loader = make()
    batches = loader.epoch(0)
    got = [next(batches)]
    for process in processes(loader):
        process.kill()
    got += batches
    assert_same(got, plain)
    assert len(loader.warnings) in (0, 1)
    assert list(loader.epoch(1))
    assert len(loader.warnings) == 1
    assert "SIGKILL" in loader.warnings[0]


def test_a_worker_that_hangs_is_killed_and_its_image_named(make, monkeypatch):
    monkeypatch.setattr(workers, "STALL", 0.4)
    monkeypatch.setattr(workers, "GRACE", 0.3)
    plain = list(make(workers=0).epoch(0))
    loader = make(act=hang, at=[2])
    assert_same(list(loader.epoch(0)), plain)
    (warning,) = loader.warnings
    assert named(loader, 2) in warning
    assert "hung for 0.4 s" in warning


def stand_still():
    os.kill(os.getpid(), signal.SIGSTOP)


def test_a_worker_that_cannot_even_hand_over_what_it_made_is_killed(make, monkeypatch):
    monkeypatch.setattr(workers, "STALL", 0.4)
    monkeypatch.setattr(workers, "GRACE", 0.3)
    plain = list(make(workers=0).epoch(0))
    # It stops right after its first batch, whose memory the training still has to ask for.
    second = ORDER.samples(0)[ORDER.batch_size].sample
    loader = make(workers=1, act=stand_still, at=[second])
    assert_same(list(loader.epoch(0)), plain)
    (warning,) = loader.warnings
    assert named(loader, second) in warning
    assert "hung for 0.4 s" in warning


def test_workers_that_stand_still_before_their_first_image_are_replaced(make, monkeypatch):
    monkeypatch.setattr(workers, "STALL", 0.4)
    monkeypatch.setattr(workers, "GRACE", 0.1)
    loader = make()
    list(loader.epoch(0))
    for process in processes(loader):
        process.suspend()
    assert_same(list(loader.epoch(1)), list(make(workers=0).epoch(1)))
    (warning,) = loader.warnings
    assert "between two images" in warning


def test_an_image_that_kills_two_workers_ends_the_training(make):
    loader = make(act=die, at=[5], times=9)
    with pytest.raises(FailedError) as caught:
        list(loader.epoch(0))
    assert named(loader, 5) in caught.value.message
    assert "SIGKILL" in caught.value.details
    assert "--set data.workers=0" in caught.value.hints
    assert len(loader.warnings) == 1


def test_too_many_deaths_in_an_epoch_end_the_training(make):
    order = EpochSampler(0, 8, 0, 0.0, None, 1)
    loader = make(workers=1, order=order, act=die, at=range(8))
    with pytest.raises(FailedError, match="4 times in an epoch"):
        list(loader.epoch(0))
    assert len(loader.warnings) == 3
    fresh = make(workers=1, order=order, act=die, at=range(3))
    assert len(list(fresh.epoch(0))) == 8


def broken():
    raise ValueError("a row that nobody can read")


@pytest.mark.parametrize("count", [0, 1])
def test_an_error_names_image_and_line_without_a_wall_of_text(make, count):
    loader = make(workers=count, act=broken, at=[5], times=9)
    with pytest.raises(FailedError) as caught:
        list(loader.epoch(0))
    assert caught.value.message == f"{named(loader, 5)} could not be loaded"
    assert caught.value.details.startswith("ValueError: a row that nobody can read\n(in broken, ")
    assert "DataLoader worker process" not in str(caught.value)


TOO_LARGE = ROTATE | {"cut": Transform("RandomCrop", {"height": 128, "width": 128, "p": 1.0})}


@pytest.mark.parametrize("count", [0, 1])
def test_a_transform_that_raises_is_named_by_its_key_in_the_recipe(make, count):
    loader = make(workers=count, transforms=TOO_LARGE)
    with pytest.raises(FailedError) as caught:
        list(loader.epoch(0))
    first = ORDER.samples(0)[0].sample
    assert caught.value.message == f"augment.cut failed on {named(loader, first)}"
    assert "crop size" in caught.value.details.lower()
    assert caught.value.hints == ("--set augment.cut=false",)


def no_memory(shape, dtype):
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>")


def test_shared_memory_that_is_full_is_said_with_what_helps(make, monkeypatch):
    monkeypatch.setattr(loading, "empty", no_memory)
    with pytest.raises(FailedError, match="no room in shared memory") as caught:
        next(make(workers=1).epoch(0))
    assert "unable to allocate" in caught.value.details
    assert any("--shm-size" in hint for hint in caught.value.hints)


def test_no_handler_of_dying_children_is_left_in_the_training(make):
    heard = []
    before = signal.signal(signal.SIGCHLD, lambda *_: heard.append(1))
    try:
        ours = signal.getsignal(signal.SIGCHLD)
        loader = make()
        next(loader.epoch(0))
        assert signal.getsignal(signal.SIGCHLD) is ours
        processes(loader)[0].kill()
        time.sleep(0.1)
        assert heard
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_workers_outlive_what_asks_the_training_to_stop(make, number):
    loader = make()
    list(loader.epoch(0))
    batches = loader.epoch(1)
    next(batches)
    for process in processes(loader):
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
        for _ in range(3):
            process.send_signal(number)
    assert len(list(batches)) == 3
    assert len(list(loader.epoch(2))) == 4
    assert loader.warnings == []


def test_an_epoch_just_ends_where_the_signal_that_stopped_all_took_the_workers(make):
    asked = []
    loader = make(stopping=lambda: bool(asked))
    batches = loader.epoch(0)
    next(batches)
    asked.append("SIGTERM")
    # Not from the parent, whose SIGTERM is torch's own way of ending them.
    subprocess.run(["kill", *(str(process.pid) for process in processes(loader))], check=True)
    assert len(list(batches)) < 4
    assert loader.warnings == []


def test_workers_use_one_thread_each(make):
    class Counting(Samples):
        threads = torch.zeros(2, dtype=torch.int64).share_memory_()

        def __getitem__(self, ref):
            import cv2

            self.threads[0], self.threads[1] = torch.get_num_threads(), cv2.getNumThreads()
            return super().__getitem__(ref)

    next(make(workers=1, samples=Counting).epoch(0))
    assert Counting.threads.tolist() == [1, 1]


def test_the_training_draws_the_same_numbers_with_and_without_workers(make):
    drawn = []
    for count in (0, 2):
        loader = make(workers=count, act=die, at=[5] if count else [])
        torch.manual_seed(1)
        list(loader.epoch(0))
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


ORPHANS = """
import sys, time
from pathlib import Path
from handseg.data.cache import build_cache
from handseg.data.dataset import open_dataset
from handseg.train.augment import Augmentation
from handseg.train.loader import EpochLoader, EpochSampler, TrainingSamples

class Stuck(TrainingSamples):
    def __getitem__(self, ref):
        if ref.sample == 7:
            time.sleep(600)
        return super().__getitem__(ref)

dataset = open_dataset(Path("data"))
samples = Stuck([build_cache(dataset.train, dataset.classes, 64)], Augmentation({}))
loader = EpochLoader(samples, EpochSampler(0, 8, 0, 0.0, None, 1), 3, pin=False)
next(loader.epoch(0))
print(*(one.pid for one in loader.pool.processes), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends them")
def test_no_worker_outlives_a_training_that_is_killed(make):
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True
    ) as training:
        left = [psutil.Process(int(pid)) for pid in training.stdout.readline().split()]
        training.kill()
        assert len(left) == 3
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.wait_procs(left, timeout=10)[1] == []


SUSPENDED = """
import time
from pathlib import Path
from handseg.data.cache import build_cache
from handseg.data.dataset import open_dataset
from handseg.train import workers
from handseg.train.augment import Augmentation
from handseg.train.loader import EpochLoader, EpochSampler, TrainingSamples

class Slow(TrainingSamples):
    def __getitem__(self, ref):
        print("begun", flush=True)
        time.sleep(0.5)
        return super().__getitem__(ref)

workers.STALL = 0.8
dataset = open_dataset(Path("data"))
samples = Slow([build_cache(dataset.train, dataset.classes, 64)], Augmentation({}))
warnings = []
sampler = EpochSampler(0, 2, 0, 0.0, None, 2)
loader = EpochLoader(samples, sampler, 1, pin=False, warn=warnings.append)
print(len(list(loader.epoch(0))), warnings, flush=True)
loader.close()
"""


def test_a_machine_that_was_suspended_is_no_worker_that_hangs(make):
    with subprocess.Popen(
        [sys.executable, "-c", SUSPENDED], stdout=subprocess.PIPE, text=True
    ) as training:
        assert training.stdout.readline() == "begun\n"
        (worker,) = psutil.Process(training.pid).children()
        time.sleep(0.25)
        for one in (training, worker):
            one.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        for one in (training, worker):
            one.send_signal(signal.SIGCONT)
        assert training.stdout.read() == "begun\n1 []\n"
