"""Writes a run folder: the only thing through which a training is seen."""

import errno
import json
import os
import shlex
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg import disk
from handseg.errors import UsageError
from handseg.runs import artifacts, jsonl, layout
from handseg.runs.artifacts import ImageScores
from handseg.runs.control import acquire_lock, run_command
from handseg.runs.events import BestTracker, event_line, last_validation, steps_line
from handseg.runs.lock import RunLock
from handseg.runs.process import new_run, present_process

END_PATIENCE = 30.0
"""Seconds for which the end of a run waits for room on a full disk."""
BURST = 1024 * 1024
"""Bytes of `steps.jsonl` up to which there is a line a second."""
LONG_LINE = 32
"""Steps of a line from then on: its other fields cost little then."""


class RunWriter:
    """The run that this process trains: holds its lock and appends to its logs until `end`.

    Made by `create` or `resume`. Events may be written from any thread. On a full disk events and
    steps wait in memory and are written once there is room; what only shows something (previews,
    scores, the text of the log) is done without. `complain` is told of it, once.
    """

    folder: Path
    name: str

    def __init__(self, folder: Path, lock: RunLock) -> None:
        self.folder = folder
        self.name = folder.name
        self.complain: Callable[[str], None] = lambda text: None
        self.best = BestTracker()
        """What the validations so far have shown: for reading, `validation` and `rewind` set it."""
        self._lock = lock
        self._guard = threading.RLock()
        self._ended = False
        self._is_full = False
        self._waiting: deque[dict[str, Any]] = deque()
        self._events = jsonl.Appender(folder / layout.EVENTS)
        self._steps = StepsThread(folder / layout.STEPS, each_beat=self.catch_up)

    @classmethod
    def create(
        cls,
        runs: Path,
        recipe_name: str,
        *,
        recipe_toml: str,
        facts: Mapping[str, Any],
        files: Mapping[str, str] | None = None,
        name: str | None = None,
        not_bones: Collection[str] = (),
    ) -> "RunWriter":
        """Make `runs/<recipe_name>-<n>` with the first free n, or `runs/<name>`.

        The folder appears with its lock held and its first event written. `facts` go into
        `run.json`, those that `layout.KINDS["start"]` names into the start event too; `files`, the
        hashes of images and labels by path, into `data.json`. `not_bones` are classes that means
        leave out.

        Raises:
            UsageError: the given name is taken or is no name.
            OSError: the folder cannot be written.
        """
        if name is not None:
            _check_name(name)
        runs.mkdir(parents=True, exist_ok=True)
        draft = runs / f".new-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        draft.mkdir()
        lock = RunLock(draft / layout.LOCK)
        try:
            started = {**facts, **new_run("", recipe_name), "locked": lock.locked}
            data = json.dumps(files or {}, indent=0)
            with disk.naming(runs):
                (draft / layout.RECIPE).write_text(recipe_toml, encoding="utf-8")
                (draft / layout.DATA).write_text(data, encoding="utf-8")
                jsonl.Appender(draft / layout.STEPS).close()
                folder = _publish(draft, runs, recipe_name, name, started)
        except BaseException:
            lock.release()
            shutil.rmtree(draft, ignore_errors=True)
            raise
        writer = cls(folder, lock)
        writer.best = BestTracker(not_bones)
        writer._steps.start()
        return writer

    @classmethod
    def resume(
        cls,
        folder: Path,
        *,
        step: int,
        facts: Mapping[str, Any],
        validated: bool = True,
        lock: RunLock | None = None,
        not_bones: Collection[str] = (),
    ) -> "RunWriter":
        """Go on with a run from a checkpoint: what was logged for later steps is cancelled.

        Where it was not `validated` at that step yet, a validation of it is cancelled too.

        `lock` is the run's, where it is held already; if this fails it is given back. `not_bones`
        counts where no validation says what its mean leaves out.

        Raises:
            UsageError: another training holds the run.
            OSError, ValueError: the folder cannot be read or written.
        """
        lock = lock or acquire_lock(folder)
        try:
            before = jsonl.decode((folder / layout.RUN).read_bytes()) or {}
            present = {**present_process(time.time()), "locked": lock.locked}
            with disk.naming(folder):
                _write_run(folder, {**before, **facts, **present})
            writer = cls(folder, lock)
            writer.best = BestTracker(not_bones)
            writer.rewind(step, validated=validated)
            writer._steps.start()
        except BaseException:
            # A lock that is not given back would call the run alive as long as this process lives.
            lock.release()
            raise
        return writer

    def rewind(self, step: int, *, validated: bool = True, **values: Any) -> None:
        """Go on from a step: what was logged for later ones is cancelled, for every reader.

        Raises:
            OSError: the folder cannot be read or written.
        """
        last_kept = step if validated else step - 1
        artifacts.cancel_artifacts(self.folder, last_kept)
        events = self.folder / layout.EVENTS
        self.best = BestTracker.from_event(last_validation(events, last_kept), self.best.not_bones)
        self.event(layout.RESUME, step=step, validated=validated, **values)
        self._steps.cancel(step)

    def event(self, kind: str, **values: Any) -> None:
        """Append an event; it is on the file system when this returns, if that is not full.

        Raises:
            ValueError: an unknown kind, or a field that it needs is missing.
            OSError: the file system fails otherwise.
        """
        line = event_line(kind, values)
        with self._guard:
            self._waiting.append(line)
            self.catch_up()

    def catch_up(self) -> None:
        """Write the events that wait for room on the disk, in their order.

        Raises:
            OSError: the file system fails otherwise.
        """
        with self._guard:
            while self._waiting:
                try:
                    self._events.append(self._waiting[0])
                except OSError as error:
                    self._note_full(error)
                    return
                self._waiting.popleft()
                self._is_full = False

    def _note_full(self, error: OSError) -> None:
        """Say once that the disk is full; any other error is raised."""
        if not disk.is_full(error):
            raise error
        if not self._is_full:
            self._is_full = True
            self.complain(f"the disk of {self.folder} is full: what is logged waits for room")

    def _write_if_room(self, write: Callable[[], object]) -> None:
        """Write what only shows something; a full disk does without."""
        try:
            write()
        except OSError as error:
            self._note_full(error)

    def gauge(self, **values: float) -> None:
        """Values that the next lines of steps tell once a line: speed, memory, ..."""
        self._steps.gauge(values)

    def step(self, step: int, **values: float) -> None:
        """Log the values of an optimiser step; a thread writes them once a second."""
        self._steps.add(step, values)

    def validation(
        self, *, step: int, epoch: float, dice: Mapping[str, float], **values: Any
    ) -> bool:
        """Log the Dice of each class (NaN: none labelled); whether their mean is a new best."""
        is_best = self.best.update(step, epoch, dice)
        event = {"step": step, "epoch": epoch, "mean": self.best.means[-1], "dice": dice}
        self.event(layout.VALIDATION, **event, **values, **self.best.as_fields())
        if is_best:
            self._keep_scores()
        return is_best

    def scores(
        self,
        step: int,
        images: Sequence[str],
        classes: Sequence[str],
        dice: NDArray[np.floating],
        persons: Sequence[str] = (),
    ) -> None:
        """Keep Dice of image × class (float32[images, classes]) for the last and the best step.

        `persons` has the person of each image, where they are known.
        """
        values = np.asarray(dice, np.float32)
        found = ImageScores(step, tuple(images), tuple(classes), values, tuple(persons))
        self._write_if_room(lambda: artifacts.write_scores(self.folder, found))
        self._keep_scores()

    def _keep_scores(self) -> None:
        last = artifacts.score_steps(self.folder)[-1:]
        artifacts.keep_scores(self.folder, [*last, self.best.step])

    def preview(
        self,
        step: int,
        image_name: str,
        image: NDArray[np.uint8],
        planes: NDArray[np.uint8],
        truth: NDArray[np.uint8] | None,
    ) -> None:
        """Keep a picture: grey uint8[H, W], bit planes uint8[H, W, P] of prediction and labels."""
        self._write_if_room(
            lambda: artifacts.write_preview(self.folder, step, image_name, image, planes, truth)
        )

    def write_recipe(self, recipe_toml: str) -> None:
        """Put another recipe in the place of the run's: something was found while it trained."""
        path = self.folder / layout.RECIPE
        self._write_if_room(lambda: disk.replace(path, recipe_toml.encode()))

    def log(self, text: str) -> None:
        """Append what the process printed to `log.txt`; a removed run has none."""

        def write() -> None:
            if not self.folder.exists():
                return
            with (self.folder / layout.LOG).open("a", encoding="utf-8") as file:
                file.write(text if text.endswith("\n") else text + "\n")

        with self._guard:
            self._write_if_room(write)

    def end(self, state: str, reason: str = "", **values: Any) -> None:
        """Close the run: `finished`, `stopped` or `failed`; a second call does nothing.

        Raises:
            ValueError: another state.
            OSError: the disk is full and stays so.
        """
        if self._ended:
            return
        if state not in layout.END_STATES:
            raise ValueError(f"{state!r} is none of {layout.END_STATES}")
        self._ended = True
        try:
            self._steps.stop()
            self.event(layout.END, state=state, reason=reason, **values)
            until = time.monotonic() + END_PATIENCE
            while self._waiting and time.monotonic() < until:
                time.sleep(min(1.0, END_PATIENCE))
                self.catch_up()
            if self._waiting:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        finally:
            self._events.close()
            self._lock.release()


def _publish(
    draft: Path, runs: Path, recipe_name: str, name: str | None, started: dict[str, Any]
) -> Path:
    """Give the finished draft its name: renaming onto a folder with files fails, so one wins."""
    start = {key: started[key] for key in layout.KINDS[layout.START] if key in started}
    events = jsonl.Appender(draft / layout.EVENTS)
    events.append(event_line(layout.START, start))
    events.close()
    for number in count(1):
        folder = runs / (name or f"{recipe_name}-{number}")
        if not folder.exists():
            _write_run(draft, {**started, "name": folder.name})
            try:
                return draft.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
        if name is not None:
            break
    raise _taken(runs, str(name))


def refuse_taken(runs: Path, name: str) -> None:
    """Say that a name is taken before time is spent on what comes before `RunWriter.create`.

    Raises:
        UsageError: there is a run of that name, or it can be none.
    """
    _check_name(name)
    if (runs / name).exists():
        raise _taken(runs, name)


def _taken(runs: Path, name: str) -> UsageError:
    return UsageError(
        f"there is a run {name} in {runs} already",
        hints=[
            f"{run_command(['train', '--resume'], runs / name)}   # to go on with it",
            f"handseg train ... --name {shlex.quote(f'{name}-2')}",
        ],
    )


def _check_name(name: str) -> None:
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"{name!r} cannot be the name of a run: it becomes a folder's name")


def _write_run(folder: Path, run: Mapping[str, Any]) -> None:
    disk.replace(folder / layout.RUN, jsonl.encode(run))


class StepsThread:
    """Writes the steps logged since its last line, once a second; touches the file in any case.

    The touch is the heartbeat of the run, during validation too. When the disk is full the points
    are kept and tried again. A file that has grown beyond `BURST` gets longer lines less often: a
    million steps stay below 15 MB at any pace.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        each_beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._log = jsonl.Appender(path)
        self._clock = clock
        self._each_beat = each_beat
        self._points: list[tuple[int, dict[str, float]]] = []
        self._gauges: dict[str, float] = {}
        self._cut: int | None = None
        """A step after which all is to be cancelled, as long as the disk has no room for that."""
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="handseg-steps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self, step: int) -> None:
        """Cancel what was logged for later steps; waits for room like the steps themselves."""
        with self._guard:
            self._points = [point for point in self._points if point[0] <= step]
            self._cut = step if self._cut is None else min(step, self._cut)
        self._write(last=False)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        with self._guard:
            self._points.append((step, {name: float(value) for name, value in values.items()}))

    def gauge(self, values: Mapping[str, float]) -> None:
        with self._guard:
            self._gauges.update(values)

    def stop(self) -> None:
        """Write what is left and end the thread."""
        self._ended.set()
        self._thread.join()
        self._write(last=True)
        self._log.close()

    def _beat(self) -> None:
        while not self._ended.wait(layout.HEARTBEAT):
            self._write(last=False)
            with suppress(OSError):
                # What cannot be touched is silent: that is what a reader should see.
                os.utime(self._path)
                self._each_beat()

    def _write(self, *, last: bool) -> None:
        with self._guard, suppress(OSError):
            if self._cut is not None:
                self._log.append({"t": round(self._clock(), 1), "resume": self._cut})
                self._cut = None
            # In a file that is long already, a short line would cost too much.
            least = 1 if last or self._log.size < BURST else LONG_LINE
            while len(self._points) >= least:
                count = _even_stretch([step for step, _ in self._points])
                self._log.append(steps_line(self._clock(), self._points[:count], self._gauges))
                del self._points[:count]


def _even_stretch(steps: Sequence[int]) -> int:
    """How many of the steps, from the first on, lie at equal distances."""
    distance = steps[1] - steps[0] if len(steps) > 1 else 0
    if distance < 1:
        return 1
    count = 2
    while count < len(steps) and steps[count] - steps[count - 1] == distance:
        count += 1
    return count
