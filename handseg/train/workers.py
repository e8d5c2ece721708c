"""The processes of a `DataLoader`: what each works on, how it begins, who kills one that hangs.

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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DataLoader, Dataset, get_worker_info

STALL = 300.0
"""Seconds that a process may spend on one image while the training waits."""
TICK = 1.0
"""Seconds between two looks of the watchdog, a tenth of STALL at most."""
GRACE = 10.0
"""Seconds in which processes that are no longer needed end by themselves."""
NO_SAMPLE = -1
CAUSES = {
    signal.SIGKILL: "the system kills where memory runs out",
    signal.SIGBUS: "shared memory (/dev/shm) is full, or a prepared file was cut short",
    signal.SIGSEGV: "a library crashed",
}
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends when the parent is gone."""


class WorkerStatus:
    """Where the processes say what they work on; memory that all of them see.

    `table` is int64[n, 3]: process id, number of the sample (or NO_SAMPLE), a count of the entries.
    """

    def __init__(self, workers: int) -> None:
        self.table = torch.zeros((workers, 3), dtype=torch.int64)
        self.table[:, 1] = NO_SAMPLE
        self.table.share_memory_()

    @property
    def rows(self) -> NDArray[np.int64]:
        return self.table.numpy()

    def begin(self, sample: int = NO_SAMPLE) -> None:
        """Say what this process works on from now on, if it is a loader's."""
        worker = get_worker_info()
        if worker is not None:
            row = self.rows[worker.id]
            row[0], row[1] = os.getpid(), sample
            row[2] += 1

    def sample_of(self, pid: int | None) -> int | None:
        """What a process works on, or did when it ended; None if it was between two samples."""
        for owner, sample, _ in self.rows.tolist():
            if owner == pid and sample != NO_SAMPLE:
                return sample
        return None


def worker_init(parent: int, ends_with_parent: bool, worker: int) -> None:
    """Leave the group that Ctrl-C and the scheduler's signals go to; never outlive the parent.

    The training finishes its step when it is asked to stop, and needs its batch for that.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if ends_with_parent:
        # torch's own watch is between two batches: a process that hangs would never look.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    # Not 1: OpenCV would wait for threads that a fork leaves behind, and crash.
    cv2.setNumThreads(0)


class WorkerFailure(NamedTuple):
    """A process that is gone: the sample that it worked on, how it ended, whether it hung."""

    sample: int | None
    exit_code: int
    """A signal's number is negative."""
    hung: bool

    def cause(self) -> str:
        if self.hung:
            return f"hung for {STALL:g} s"
        if self.exit_code >= 0:
            return f"ended with {self.exit_code}"
        number = signal.Signals(-self.exit_code)
        return f"died of {number.name}" + (f" ({CAUSES[number]})" if number in CAUSES else "")


class WorkerPool:
    """A `DataLoader`, its processes, and a thread that kills those which hang.

    `status` is where the dataset's `__getitems__` says what it works on. Where a process is lost,
    another pool takes over.
    """

    def __init__(
        self, dataset: Dataset[Any], sampler: BatchSampler, status: WorkerStatus, *, pin: bool
    ) -> None:
        workers = len(status.rows)
        # The kernel means the thread that starts them: only the main thread lasts as long as all.
        is_main = threading.current_thread() is threading.main_thread()
        ends_with_parent = is_main and sys.platform == "linux"
        self.loader: DataLoader[Any] | None = DataLoader(
            dataset,
            batch_sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=unchanged,
            pin_memory=pin,
            # Processes share the mapped files and `status`; Python 3.14 would not fork any more.
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
            worker_init_fn=partial(worker_init, os.getpid(), ends_with_parent),
            # Its own: torch draws a seed for each iterator, and a pool more must change nothing.
            generator=torch.Generator(),
        )
        self.status = status
        self.processes: list[BaseProcess] = []
        self.is_waited_for = False
        self.hung: set[int | None] = set()
        self.ended = threading.Event()

    def batches(self) -> Iterator[Any]:
        """The batches of the sampler as it stands; processes are started the first time."""
        assert self.loader is not None, "a pool that was shut down"
        if not self.loader.num_workers:
            return iter(self.loader)
        if self.processes:
            # The processes have to answer before another epoch begins.
            with self.waiting():
                return iter(self.loader)
        before = set(multiprocessing.active_children())
        try:
            with sigchld_handler_kept():
                return iter(self.loader)
        finally:
            self.processes = [one for one in multiprocessing.active_children() if one not in before]
            threading.Thread(target=self.watch, name="loader-watch", daemon=True).start()

    def next(self, batches: Iterator[Any]) -> Any:
        """The next batch; while it is waited for, no process may hang."""
        with self.waiting():
            return next(batches)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, the training waits for the processes."""
        self.is_waited_for = True
        try:
            yield
        finally:
            self.is_waited_for = False

    def watch(self) -> None:
        """Kill what hangs while the training waits, until the pool is shut down."""
        tick = min(TICK, STALL / 10)
        seen, quiet = self.status.rows.copy(), np.zeros(len(self.status.rows))
        while not self.ended.wait(tick):
            rows = self.status.rows.copy()
            changed = (rows != seen).any(axis=1)
            # Ticks are counted, not the clock: a machine that was suspended is no hang.
            quiet = np.where(changed | (not self.is_waited_for), 0.0, quiet + tick)
            seen, stalled = rows, quiet >= STALL
            at_work = stalled & (rows[:, 1] != NO_SAMPLE)
            if at_work.any():
                self.kill(rows[at_work, 0].tolist())
            elif stalled.all():
                # None is at an image, perhaps none has even begun: nothing comes of waiting.
                self.kill([process.pid for process in self.processes])

    def kill(self, pids: list[int | None]) -> None:
        for process in self.processes:
            if process.pid in pids and process.is_alive():
                self.hung.add(process.pid)
                process.kill()

    def failures(self, patience: float = 1.0) -> list[WorkerFailure]:
        """The processes that are gone; one may just be ending, so they get a moment."""
        until = time.monotonic() + patience
        while True:
            gone = [one for one in self.processes if one.exitcode is not None]
            if gone or time.monotonic() > until:
                return [
                    WorkerFailure(
                        self.status.sample_of(one.pid), one.exitcode or 0, one.pid in self.hung
                    )
                    for one in gone
                ]
            time.sleep(0.02)

    def shutdown(self) -> None:
        """End the processes, by force where one does not end in time."""
        self.ended.set()
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


def unchanged(batch: Any) -> Any:
    """A collate function: the dataset's `__getitems__` gives whole batches."""
    return batch


@contextmanager
def sigchld_handler_kept() -> Iterator[None]:
    """Take away the handler of SIGCHLD that is installed inside."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)
