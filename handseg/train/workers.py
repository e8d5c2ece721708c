"""The processes of a loader: what each works on, how it begins, who looks after it.

torch has two ways of noticing that one is gone. Its SIGCHLD handler raises at any instruction of
the main thread, be it in the middle of a checkpoint; it is taken away. What is left is a look at
the processes every five seconds of waiting. A process that hangs is killed from a thread of our
own, and so found in the same way: with `DataLoader(timeout=…)` torch would not look any more.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from handseg.errors import FailedError

STALL = 300.0
"""Seconds that a process may spend on one image."""
GRACE = 10.0
"""Seconds in which processes that are no longer needed end by themselves."""
NOTHING = -1
MOST_LOSSES = 3
"""Times in an epoch that processes may be replaced."""
SHARED_MEMORY_HINTS = ("docker run --shm-size=8g …", "--set data.workers=0")
CAUSES = {
    signal.SIGKILL: "the system kills where memory runs out",
    signal.SIGBUS: "shared memory (/dev/shm) is full, or a prepared file was cut short",
    signal.SIGSEGV: "a library crashed",
}
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends when the parent is gone."""


class Desks:
    """Where the processes say what they work on; memory that all of them see.

    `table` is int64[n, 3]: process id, number of the sample (or NOTHING), a count of the entries.
    """

    def __init__(self, workers: int) -> None:
        self.table = torch.zeros((workers, 3), dtype=torch.int64)
        self.table[:, 1] = NOTHING
        self.table.share_memory_()

    @property
    def rows(self) -> NDArray[np.int64]:
        """The table itself, not a copy."""
        return self.table.numpy()

    def sample_of(self, pid: int | None) -> int | None:
        """What a process works on, or did last of all; None between two samples."""
        for owner, sample, _ in self.rows.tolist():
            if owner == pid and sample != NOTHING:
                return sample
        return None


class _Own:
    """The row of this process; None in one that is no loader's."""

    row: NDArray[np.int64] | None = None


def work_on(sample: int = NOTHING) -> None:
    """Say what this process works on from now on."""
    row = _Own.row
    if row is not None:
        row[1] = sample
        row[2] += 1


@dataclass(frozen=True)
class Beginning:
    """What a process does first of all; `DataLoader` calls it with the number of the worker."""

    desks: Desks
    parent: int
    ends_with_parent: bool

    def __call__(self, worker: int) -> None:
        """Leave the group that Ctrl-C and the scheduler's signals go to; never outlive the parent.

        The training finishes its step when it is asked to stop, and needs its batch for that.
        """
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        if self.ends_with_parent:
            # torch's own watch is between two batches: a process that hangs would never look.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.parent:
                os._exit(1)
        # Not 1: OpenCV would wait for threads that a fork leaves behind, and crash.
        cv2.setNumThreads(0)
        row = self.desks.rows[worker]
        row[0] = os.getpid()
        _Own.row = row


class Watch:
    """A thread that kills processes which hang.

    It counts the time in which it runs itself: a machine that sleeps is no hang.
    """

    def __init__(self, desks: Desks, processes: list[BaseProcess]) -> None:
        self.desks = desks
        self.processes = processes
        self.waiting = False
        self.killed: set[int | None] = set()
        self.ended = threading.Event()
        threading.Thread(target=self.look, name="loader-watch", daemon=True).start()

    @contextmanager
    def waits(self) -> Iterator[None]:
        """Inside, the training waits for the processes."""
        self.waiting = True
        try:
            yield
        finally:
            self.waiting = False

    def look(self) -> None:
        tick = min(1.0, STALL / 10)
        seen, before = self.desks.rows.copy(), time.monotonic()
        quiet = np.zeros(len(seen))
        waited = 0.0
        while not self.ended.wait(tick) and any(one.is_alive() for one in self.processes):
            rows, now = self.desks.rows.copy(), time.monotonic()
            passed = min(now - before, 2 * tick)
            changed = (rows != seen).any(axis=1)
            quiet = np.where(changed, 0.0, quiet + passed)
            waited = waited + passed if self.waiting and not changed.any() else 0.0
            # One that has not even begun is no one's image, yet nothing comes of waiting.
            hangs = (quiet >= STALL) & ((rows[:, 1] != NOTHING) | (waited >= STALL))
            self.kill(rows[hangs, 0].tolist(), everyone=waited >= STALL)
            seen, before = rows, now

    def kill(self, pids: list[int], everyone: bool) -> None:
        for process in self.processes:
            if (everyone or process.pid in pids) and process.is_alive():
                self.killed.add(process.pid)
                process.kill()


class WorkerFailure(NamedTuple):
    """A process that is gone: the sample that it worked on, how it ended, whether it hung."""

    sample: int | None
    exit_code: int
    hung: bool


class Crew:
    """A `DataLoader` with its processes; where one is lost, another crew takes over."""

    def __init__(self, loader: DataLoader[Any], desks: Desks) -> None:
        self.loader: DataLoader[Any] | None = loader
        self.desks = desks
        self.processes: list[BaseProcess] = []
        self.watch: Watch | None = None

    def batches(self) -> Iterator[Any]:
        """The batches of the sampler as it stands; processes are started the first time."""
        assert self.loader is not None, "a crew that was dismissed"
        if not self.loader.num_workers:
            return iter(self.loader)
        if self.watch is not None:
            # The processes have to answer before another epoch begins.
            with self.watch.waits():
                return iter(self.loader)
        before = set(multiprocessing.active_children())
        try:
            with child_signal_kept():
                return iter(self.loader)
        finally:
            self.processes = [one for one in multiprocessing.active_children() if one not in before]
            self.watch = Watch(self.desks, self.processes)

    def next_of(self, batches: Iterator[Any]) -> Any:
        """The next batch; while it is waited for, the watch knows."""
        if self.watch is None:
            return next(batches)
        with self.watch.waits():
            return next(batches)

    def losses(self, patience: float = 1.0) -> list[WorkerFailure]:
        """The processes that are gone; one may just be ending, so they get a moment."""
        until = time.monotonic() + patience
        while True:
            lost = [self.loss(one) for one in self.processes if one.exitcode is not None]
            if lost or time.monotonic() > until:
                return lost
            time.sleep(0.02)

    def loss(self, process: BaseProcess) -> WorkerFailure:
        hung = self.watch is not None and process.pid in self.watch.killed
        return WorkerFailure(self.desks.sample_of(process.pid), process.exitcode or 0, hung)

    def dismiss(self) -> None:
        """End the processes, by force where one does not end in time."""
        if self.watch is not None:
            self.watch.ended.set()
        # torch ends them with the last reference to its loader. From a thread: where a process was
        # killed while it held a lock of theirs, that never returns.
        held = [self.loader]
        self.loader = None
        ending = threading.Thread(target=held.clear, name="loader-end", daemon=True)
        ending.start()
        ending.join(GRACE)
        for process in self.processes:
            if process.is_alive():
                process.kill()


def beginning(desks: Desks) -> Beginning:
    """What processes that this thread starts do first."""
    # The kernel means the thread that started them: only the main thread lasts as long as all.
    lasting = threading.current_thread() is threading.main_thread()
    return Beginning(desks, os.getpid(), lasting and sys.platform == "linux")


@contextmanager
def child_signal_kept() -> Iterator[None]:
    """Take away the handler of SIGCHLD that is installed inside."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)


class LostWorkers:
    """The losses of one epoch."""

    def __init__(self, image_name: Callable[[int], str]) -> None:
        self.image_name = image_name
        self.count = 0
        self.of_image: Counter[int] = Counter()

    def take(self, lost: Sequence[WorkerFailure]) -> str:
        """Note losses found at once; what to tell.

        Raises:
            FailedError: they are too many, or an image was worked on before too.
        """
        self.count += 1
        self.of_image.update({loss.sample for loss in lost if loss.sample is not None})
        said = "; ".join(self.told(loss) for loss in lost)
        twice = [self.image_name(one) for one, times in self.of_image.items() if times > 1]
        if twice:
            raise FailedError(
                f"{', '.join(twice)} ended a process of the loader twice",
                details=said,
                hints=hints(lost),
            )
        if self.count > MOST_LOSSES:
            what = f"processes of the loader were lost {self.count} times in an epoch"
            raise FailedError(what, details=said, hints=hints(lost))
        return f"{said}; started anew, nothing is lost"

    def told(self, loss: WorkerFailure) -> str:
        """One loss in words."""
        sample = loss.sample
        place = "between two images" if sample is None else f"at {self.image_name(sample)}"
        if loss.hung:
            return f"a process of the loader hung for {STALL:g} s {place}"
        return f"a process of the loader {ending(loss.exit_code)} {place}"


def ending(code: int) -> str:
    """How a process ended, from its exit code; a signal's number is negative."""
    if code >= 0:
        return f"ended with {code}"
    number = signal.Signals(-code)
    cause = f" ({CAUSES[number]})" if number in CAUSES else ""
    return f"died of {number.name}{cause}"


def hints(lost: Sequence[WorkerFailure]) -> tuple[str, ...]:
    """What a person may try."""
    if any(loss.exit_code == -signal.SIGBUS for loss in lost):
        return SHARED_MEMORY_HINTS
    return ("--set data.workers=0",)
