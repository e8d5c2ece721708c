"""Stands in for a training in the tests of the queue: a real process with a real run folder.

How it ends is what the recipe is called; it loads no torch, so that many can be tried.
"""

import os
import signal
import sys
import time
from pathlib import Path

from handseg.runs.writer import RunWriter

FOLDER = Path(os.environ.get("HANDSEG_RUNS", "runs"))


def main(words):
    name = Path(words[1]).stem
    if name == "bare":
        sys.stderr.write("error: nothing here\n")
        return 3
    fold = int(words[words.index("--fold") + 1]) if "--fold" in words else 0
    facts = {"fold": fold, "classes": ["x"]}
    writer = RunWriter.create(FOLDER, name, recipe_toml="", facts=facts)
    writer.validation(step=1, epoch=1, dice={"x": 0.5 + fold / 10})
    if name in ("fails", "waits"):
        (writer.folder / "checkpoints").mkdir()
        (writer.folder / "checkpoints" / "last").write_text("step-00000001")
    if name == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "fails":
        writer.end("failed", "out of memory")
        return 1
    if name == "waits":
        return wait(writer)
    writer.end("finished")
    sys.stdout.write(f"{writer.folder}\n")
    return 0


def wait(writer):
    """Until asked to stop, as a training does."""
    asked = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, lambda number, frame: asked.append(number))
    (writer.folder / "ready").touch()
    while not asked:
        time.sleep(0.02)
    writer.end("stopped", signal.Signals(asked[0]).name)
    names = " ".join(signal.Signals(number).name for number in asked)
    sys.stderr.write(f"asked: {names}\n")
    return 130 if asked[0] == signal.SIGINT else 143


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
