"""The process behind the live run of the demo: trains nothing, writes as a training does.

`python -m tui.demo.player RUN` goes on until its stdin is closed, or it is sent SIGTERM.
"""

import shutil
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from handseg.anatomy import BONES
from handseg.errors import ExitCode
from handseg.runs import layout
from handseg.runs.writer import RunWriter
from tui.demo.folder import (
    MEMORY_TOTAL,
    PLAYED_FROM,
    STEPS_PER_EPOCH,
    STORIES,
    Story,
    learned,
    losses,
    rates,
    write_pictures,
)

SECONDS_A_STEP = 0.02
PICTURES_EVERY = 4


class PlayerEnded(Exception):  # noqa: N818 - no error: the person has had enough
    """The dashboard was quit, or the run was stopped."""


class Player:
    """Writes a run at the pace of a person who watches."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.stopped = self.left = False
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *signals: object) -> None:
        self.stopped = True
        self.ended.set()

    def wait_for_the_end(self) -> None:
        """The dashboard has gone when our stdin ends; the body of a thread."""
        sys.stdin.read()
        self.left = True
        self.ended.set()

    def pause(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            PlayerEnded: it is time to go.
        """
        if self.ended.wait(seconds):
            raise PlayerEnded

    def play(self, writer: RunWriter, story: Story, begin: int) -> None:
        """Write the epochs after `begin`, then that the run is finished."""
        try:
            for epoch in range(begin + 1, story.epochs + 1):
                self.epoch(writer, story, epoch)
            writer.end("finished")
        except PlayerEnded:
            if self.stopped:
                writer.end("stopped", "SIGTERM")
            raise

    def epoch(self, writer: RunWriter, story: Story, epoch: int) -> None:
        """The steps of an epoch, its validation, and now and then pictures."""
        last = epoch * STEPS_PER_EPOCH
        loss, rate = losses(story, last), rates(story, last)
        writer.gauge(grad=0.4, speed=4 / SECONDS_A_STEP, wait=0.01, memory=MEMORY_TOTAL / 1.1e9)
        for step in range(last - STEPS_PER_EPOCH + 1, last + 1):
            self.pause(SECONDS_A_STEP)
            writer.step(step, loss=float(loss[step - 1]), lr=float(rate[step - 1]))
        dice = dict(zip(BONES, learned(story, story.epochs)[epoch - 1].tolist(), strict=True))
        writer.validation(step=last, epoch=epoch, dice=dice, uses_ema=True, seconds=0.1)
        mean = sum(dice.values()) / len(dice)
        writer.log(f"epoch {epoch:>3}/{story.epochs}  Dice {mean:.4f}")
        if epoch % PICTURES_EVERY == 0:
            write_pictures(writer.folder, last, epoch / story.epochs)


def main(run: Path, player: Player) -> None:
    """Go on with the run; when it is finished, begin another.

    Raises:
        PlayerEnded: it is time to go.
    """
    threading.Thread(target=player.wait_for_the_end, daemon=True).start()
    story = STORIES[0]
    writer = RunWriter.resume(run, step=PLAYED_FROM * STEPS_PER_EPOCH, facts={})
    begin = PLAYED_FROM
    recipe = (run / layout.RECIPE).read_text(encoding="utf-8")
    facts = {"classes": BONES, "fold": 0, "epochs": story.epochs}
    facts |= {"steps_per_epoch": STEPS_PER_EPOCH, "recipe": story.recipe_name}
    while True:
        player.play(writer, story, begin)
        writer = RunWriter.create(run.parent, story.recipe_name, recipe_toml=recipe, facts=facts)
        story, begin = replace(story, name=writer.name), 0


if __name__ == "__main__":
    shown, player = Path(sys.argv[1]), Player()
    try:
        main(shown, player)
    except PlayerEnded:
        if player.left:
            # The dashboard removes the folder, unless it was killed.
            shutil.rmtree(shown.parent.parent, ignore_errors=True)
        raise SystemExit(ExitCode.TERMINATED) from None
