"""Parts of a work done by forked processes, their results in order.

Threads do not help: arrays of this size leave Python's lock too seldom.
"""

import fcntl
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

_LENGTH = struct.Struct("<q")
_PIPE = 1 << 20
"""Bytes of a result that a worker can leave behind before they are taken."""


def in_order(
    work: Callable[[Part], Result], parts: Sequence[Part], workers: int
) -> Iterator[Result]:
    """`work` of each part, in the order of `parts`, by so many processes.

    What a worker cannot do (it is killed, `work` raises) is done here, so that what `work` raises
    is raised here. With one worker, one part or no fork, all is done here.
    """
    workers = min(workers, len(parts))
    if workers < 2 or not sys.platform.startswith("linux"):
        yield from map(work, parts)
        return
    crew = [_started(work, parts[number::workers]) for number in range(workers)]
    try:
        for place, part in enumerate(parts):
            answer = _answer(crew[place % workers][1])
            yield work(part) if answer is None else pickle.loads(answer)
    finally:
        for _, pipe in crew:
            os.close(pipe)
        for process, _ in crew:
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def _started(work: Callable[[Part], Result], parts: Sequence[Part]) -> tuple[int, int]:
    """The process that works on some parts, and the pipe that its results come through."""
    ours, theirs = os.pipe()
    with suppress(OSError):
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE)
    process = os.fork()
    if process:
        os.close(theirs)
        return process, ours
    try:
        os.close(ours)
        _work_through(work, parts, theirs)
    finally:
        # Nothing of the parent's may be flushed or closed a second time.
        os._exit(0)


def _work_through(work: Callable[[Part], Result], parts: Sequence[Part], pipe: int) -> None:
    for part in parts:
        try:
            answer = pickle.dumps(work(part), pickle.HIGHEST_PROTOCOL)
        except Exception:  # noqa: BLE001 - the parent does the part again, and meets the same error
            answer = b""
        rest = memoryview(_LENGTH.pack(len(answer)) + answer)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def _answer(pipe: int) -> bytes | None:
    """The next result in the pipe; None if the worker could not do it or is gone."""
    head = _read(pipe, _LENGTH.size)
    answer = _read(pipe, _LENGTH.unpack(head)[0]) if head else None
    return answer or None


def _read(pipe: int, size: int) -> bytes | None:
    pieces: list[bytes] = []
    while size:
        piece = os.read(pipe, size)
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
