"""What `handseg train` says when trainings have ended."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from handseg.cli import console
from handseg.reporter import Progress
from handseg.runs.commands import run_command

if TYPE_CHECKING:
    from handseg.train.dry_run import Measured
    from handseg.train.session import Outcome

Bars = Callable[[str], AbstractContextManager[Progress]]

TABLE_COLUMNS = 3
"""Of the Dice that a training ends with: 29 bones in ten lines."""
SPEED_STEPS = 50
"""Steps over which the speed of a training is told."""


def report(outcome: "Outcome") -> None:
    """The Dice of every bone, where everything lies, and what to type next."""
    if outcome.reason:
        console.info(f"ended early: {outcome.reason}")
    for line in dice_lines(outcome.by_class):
        console.info(line)
    console.info(f"best Dice {outcome.best:.4f} (validation){weights_words(outcome)}")
    console.info(f"held-out people: {outcome.predictions}")
    lines = [run_command(["score"], outcome.run, "val"), run_command(["predict"], outcome.run)]
    width = max(map(len, lines))
    console.info(f"next:  {lines[0]:<{width}}    every bone")
    console.info(f"       {lines[1]:<{width}}    the test images")
    console.out(str(outcome.run))


def weights_words(outcome: "Outcome") -> str:
    """Which weights the best Dice is of, where there were two to choose from."""
    from handseg.runs.reader import read_run
    from handseg.runs.validations import number

    events = read_run(outcome.run).events
    both = [event for event in events if event.get("ema_mean") is not None]
    if not both:
        return ""
    best = min(both, key=lambda event: abs(number(event.get("mean")) - outcome.best))
    if outcome.uses_ema:
        other = number(best.get("raw_mean"))
        return f" of the weights' moving average; the weights themselves had {other:.4f}"
    other = number(best.get("ema_mean"))
    return f" of the weights themselves; their moving average had {other:.4f}"


def speed(batch_size: int) -> Bars:
    """Bars that say how fast a training is beside what it says itself."""

    @contextmanager
    def bars(title: str) -> Iterator[Progress]:
        with console.progress(title) as bar:
            seen: deque[tuple[float, int]] = deque(maxlen=SPEED_STEPS)
            present = ""

            def advance(done: int, total: int, note: str = "") -> None:
                nonlocal present
                if not note.startswith("epoch"):
                    bar(done, total, note)
                    return
                if (epoch := note.split("  ")[0]) != present:
                    # A validation came between: its time is none of the steps'.
                    present = epoch
                    seen.clear()
                seen.append((time.monotonic(), done))
                seconds = seen[-1][0] - seen[0][0]
                images = (done - seen[0][1]) * batch_size
                pace = f"{images / seconds:.3g} images/s  " if seconds > 0 else ""
                bar(done, total, pace + note)

            yield advance

    return bars


def dice_lines(by_class: Mapping[str, float]) -> list[str]:
    """The table of Dice, down in columns, the worst bones first."""
    from handseg.score.dice import worst_first

    scored = worst_first(by_class)
    height = -(-len(scored) // TABLE_COLUMNS)
    width = max((len(name) for name in by_class), default=0)
    cells = [f"{name:<{width}}  {dice:.4f}" for name, dice in scored]
    return ["    ".join(cells[row::height]) for row in range(height)]


def print_measured(title: str, measured: "Measured") -> None:
    """The figures of a dry run, one a line."""
    for name, value in {"training": title, **measured.figures()}.items():
        console.out(f"{name:<16} {value}")
