"""A hard vote of submissions, joined by (image, class), on run boundaries."""

import math
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from handseg.data.image_sizes import turned_size
from handseg.ensemble.members import (
    Members,
    VoteInput,
    WidthMismatch,
    dataset_of_members,
    find_members,
    join,
)
from handseg.ensemble.rules import VoteRules, decimal, read_plan, vote_rules
from handseg.errors import InputError
from handseg.formats.submission import UNREADABLE
from handseg.rle.aligned import DEFAULT_SIZE, AlignedSubmissions, ReadReport
from handseg.rle.set_operations import weighted_vote
from handseg.rle.submission import (
    Submission,
    TextStream,
    line_of,
    write_lines,
    write_numbered_lines,
    write_submission_lines,
)
from handseg.runs.predictions import VOTES
from handseg.work import Progress, silent

if TYPE_CHECKING:
    from concurrent.futures import Future

    from handseg.data.dataset import Dataset

SMALL = 1 << 23
"""Bytes of CSV that one process has voted on before a second one has begun."""
AHEAD = 4
"""Parts for each process that may be done before they are written; more would fill the memory."""
_Value = TypeVar("_Value")
_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class VoteResult:
    """A vote that was held: who voted on what, by which rules, and where the result lies."""

    members: Members
    dataset: "Dataset | None"
    """The data set whose order and sizes hold, if there is one."""
    votes: VoteInput
    rules: VoteRules
    read: ReadReport
    """Rows that were repaired or left out."""
    path: Path | None
    """The CSV; None where it went to a stream."""
    same_content: Sequence[Sequence[str]]
    """Files that vote more than once, under one path or several; that is legal, it weighs them."""
    width_mismatches: Sequence[WidthMismatch]
    """Members whose masks seem to be of images of another width."""


def vote_predictions(
    names: Sequence[str] = (),
    *,
    runs: Path,
    data: Path,
    data_required: bool = False,
    plan: Path | None = None,
    threshold: str | None = None,
    min_votes: int | None = None,
    size: tuple[int, int] = DEFAULT_SIZE,
    allow_partial: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    out: Path | TextStream | None = None,
    progress: Progress = silent,
) -> VoteResult:
    """Find the members, hold the vote on each pixel, and write it.

    Args:
        names: the members, each a CSV or RUN[:SPLIT]; those of the plan where there are none, else
            the newest test predictions in `runs` of each recipe and fold.
        data: the data set whose order and sizes hold if it has all images; it has to where it is
            `data_required`.
        plan: a TOML file of members, weights and thresholds (`ensemble.rules`).
        threshold, min_votes: how many votes a pixel needs (`rule_of`), for all classes that have no
            rule of their own in the plan.
        size: (height, width) of images whose size no sidecar and no data set says.
        allow_partial: whether whole images that a member lacks are empty masks there.
        skip_bad: whether rows that cannot be read are left out; else they end the vote.
        workers: processes; by default one a core where the work is worth it.
        out: a CSV, which gets a sidecar, or a stream; by default the next free votes/vote-NNN.csv.

    Raises:
        InputError: a member is missing or at fault, or they do not fit each other.
        UsageError: the rules cannot be.
        FailedError: the disk refuses.
    """
    voting_plan = None if plan is None else read_plan(plan)
    # Filled twice: with rows that cannot be indexed here, with run lengths while rows are voted on.
    report = ReadReport()
    members = find_members(names, voting_plan, runs, report.faults if skip_bad else None)
    dataset = dataset_of_members(members.submissions, data, required=data_required)
    joined = join(members.submissions, dataset, size=size, allow_partial=allow_partial)
    rules = vote_rules(members.names, joined.classes, voting_plan, threshold, min_votes)
    # Before the sidecar: it records the sha256 of those members that were hashed for this.
    same = same_content(joined.members)
    # Lazy: rows are read and voted on while they are written.
    lines = voted_lines(
        joined, rules, report, workers=workers, skip_bad=skip_bad, progress=progress
    )
    mismatches = joined.width_mismatches()
    if mismatches and not joined.table.sizes and mismatches[0].found == size[0]:
        raise turned_size(mismatches[0].member.path, size)
    try:
        path = _write(lines, vote_sidecar(joined, rules, members.names), out)
    except InputError as error:
        if len({one.found for one in mismatches}) == 1 and len(mismatches) == len(joined.members):
            width = mismatches[0].found
            words = f"all masks look like images of {width} pixels a row"
            error.hints += (f"{words}; if they are square:  --image-size {width}x{width}",)
        raise
    return VoteResult(members, dataset, joined, rules, report, path, same, mismatches)


def same_content(members: Sequence[Submission]) -> list[list[str]]:
    """The paths of members that hold the same bytes, group by group."""
    paths: dict[str, list[str]] = {}
    lengths = Counter(member.text_bytes for member in members)
    for member in members:
        # Only those that may be the same are read once more for it.
        if lengths[member.text_bytes] > 1:
            paths.setdefault(member.sha256, []).append(str(member.path))
    return [same for same in paths.values() if len(same) > 1]


def voted_lines(
    votes: VoteInput,
    rules: VoteRules,
    report: ReadReport | None = None,
    *,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> Iterator[tuple[bytes, int]]:
    """The voted rows as they are written, in the order of `votes.keys`, and how many they are.

    A missing row is a vote against. Raises InputError, with file, line, image and class, for run
    lengths at fault and for a run past the end of an image; with `skip_bad` such rows are left out
    and stand in `report`, which fills while the rows are made.
    """
    voting = _Voting(votes, rules, skip_bad)
    done = 0
    for lines, rows, found in map_in_processes(
        voting.vote, voting.table.parts(), workers or _fitting_workers(votes)
    ):
        progress(done, len(votes.keys), votes.keys[done][0])
        if report is not None:
            report.extend(found)
        done += rows
        yield lines, rows
    progress(len(votes.keys), len(votes.keys))


class _Voting:
    """The votes with their rules as whole numbers, one of each for every class."""

    def __init__(self, votes: VoteInput, rules: VoteRules, skip_bad: bool) -> None:
        classes = votes.classes
        numbers = {cls: number for number, cls in enumerate(classes)}
        whole = [rules.of(cls).whole() for cls in classes]
        class_of = np.array([numbers[cls] for _, cls in votes.keys], dtype=np.intp)
        self._weights = np.array([weights for weights, _ in whole], dtype=np.int64).T[:, class_of]
        self._thresholds = np.array([floor for _, floor in whole], dtype=np.int64)[class_of]
        # Rows of members without a vote are not even read.
        rows = np.where(self._weights > 0, votes.table.rows, -1)
        self.table: AlignedSubmissions = replace(votes.table, rows=rows)
        self._skip_bad = skip_bad

    def vote(self, part: slice) -> tuple[bytes, int, ReadReport]:
        """The voted rows of some keys, how many they are, and what reading them found."""
        batch, found = self.table.read(part, self._skip_bad)
        rows = part.stop - part.start
        row_of_mask = np.tile(np.arange(rows), len(self.table.members))
        # A member without a vote has no mask here: that its weight counts as 1 changes nothing.
        weights = np.maximum(self._weights[:, part], 1).ravel()
        voted = weighted_vote(batch, row_of_mask, weights, self._thresholds[part])
        keys = self.table.keys[part]
        lines = [line_of(*key, text) for key, text in zip(keys, voted.texts(), strict=True)]
        return b"".join(lines), rows, found


def _fitting_workers(votes: VoteInput) -> int:
    """A process a core, and one where the work is done before others have begun."""
    table = votes.table
    size = sum(
        int(member.lengths(rows).sum())
        for member, rows in zip(table.members, table.rows, strict=True)
    )
    return len(os.sched_getaffinity(0)) if size > SMALL else 1


def map_in_processes(
    work: Callable[[_Part], _Result], parts: Sequence[_Part], workers: int
) -> Iterator[_Result]:
    """`work` of each part, in the order of `parts`, by so many forked processes.

    Threads do not help: arrays of this size leave Python's lock too seldom. What a process cannot
    do (it is killed, `work` raises) is done here, so that what `work` raises is raised here. With
    one process, one part, no fork or no semaphores, all is done here.
    """
    workers = min(workers, len(parts))
    if workers < 2 or not sys.platform.startswith("linux"):
        yield from map(work, parts)
        return
    # Loaded only where it is needed: it takes as long as a small vote.
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import get_context

    # A forked process inherits `work`, its arrays and the open files that it reads.
    try:
        pool = ProcessPoolExecutor(workers, get_context("fork"), _start_worker, (work,))
    except (OSError, NotImplementedError):  # a machine without semaphores (/dev/shm)
        yield from map(work, parts)
        return

    def submitted(part: _Part) -> "Future[_Result] | None":
        with suppress(BrokenExecutor):
            return pool.submit(_work_on, part)
        return None

    ahead = AHEAD * workers
    try:
        waiting = deque(map(submitted, parts[:ahead]))
        for number, part in enumerate(parts):
            done = waiting.popleft()
            yield work(part) if done is None or done.exception() else done.result()
            waiting.extend(map(submitted, parts[number + ahead : number + ahead + 1]))
    finally:
        pool.shutdown(cancel_futures=True)


_works: list[Callable[[Any], Any]] = []
"""In a worker: what it does with each part."""


def _start_worker(work: Callable[[Any], Any]) -> None:
    _works.append(work)
    # Ctrl-C reaches all processes of a terminal: it is the parent that ends the work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """End a worker whose parent was killed: nothing else tells it that no part will come."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_on(part: Any) -> Any:
    return _works[-1](part)


def _write(
    lines: Iterator[tuple[bytes, int]], sidecar: dict[str, Any], out: Path | TextStream | None
) -> Path | None:
    if out is None:
        return write_numbered_lines(VOTES, "vote", lines, sidecar)
    if isinstance(out, Path):
        return write_submission_lines(out, lines, sidecar)
    write_lines(out, lines)
    return None


def vote_sidecar(votes: VoteInput, rules: VoteRules, names: Sequence[str]) -> dict[str, Any]:
    """The fields that say how the vote was made; those of the members where all agree."""
    sidecars = [member.sidecar or {} for member in votes.members]
    people = {person for sidecar in sidecars for person in sidecar.get("trained_people") or ()}
    general = rules.general
    return {
        "made_by": "vote",
        "members": [
            _member_fields(*member)
            for member in zip(votes.members, names, map(decimal, general.weights), strict=True)
        ],
        "rule": str(general),
        "threshold": str(general.threshold),
        "class_rules": {
            cls: {"rule": str(rule), "weights": list(map(decimal, rule.weights))}
            for cls, rule in rules.of_class.items()
        },
        "split": _agreed([sidecar.get("split") for sidecar in sidecars]),
        "fold": _agreed([sidecar.get("fold") for sidecar in sidecars]),
        "recipe": _agreed([sidecar.get("recipe") for sidecar in sidecars]),
        "classes": list(votes.classes),
        "images": {
            name: votes.table.sizes[name] for name in votes.images if name in votes.table.sizes
        },
        "data_fingerprint": _agreed([sidecar.get("data_fingerprint") for sidecar in sidecars]),
        "trained_people": sorted(people),
        "validation_dice": None,
        **({UNREADABLE: list(votes.unreadable)} if votes.unreadable else {}),
    }


def validation_dice(member: Submission) -> float | None:
    value = (member.sidecar or {}).get("validation_dice")
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _member_fields(member: Submission, name: str, weight: str) -> dict[str, Any]:
    return {
        "path": str(member.path),
        "named": name,
        # A file without a sidecar is not read once more for it: its path names it.
        "sha256": member.known_sha256,
        "run": (member.sidecar or {}).get("run"),
        "weight": weight,
        "validation_dice": validation_dice(member),
    }


def _agreed(values: Sequence[_Value]) -> _Value | None:
    return values[0] if values and all(value == values[0] for value in values) else None
