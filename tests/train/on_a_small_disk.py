"""Trains on a disk of a few megabytes that somebody fills; run by `test_full_disk.py`.

    python on_a_small_disk.py WORKPLACE full-for-a-while|stays-full

The working folder has data and a recipe; its `runs` is the small disk. Prints what was said.
"""

import contextlib
import os
import sys
from pathlib import Path

from handseg.errors import HandsegError
from handseg.recipe.load import load_recipe
from handseg.runs import writer
from handseg.train import checkpointing
from handseg.train.session import train
from handseg.work import Reporter

FILL_AT, FREE_AT = 2, 5
BALLAST = Path("runs/ballast")


def fill():
    """Take what room there is."""
    with BALLAST.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@contextlib.contextmanager
def bars(title):
    def advance(done, total, note=""):
        if note.startswith("epoch") and done == FILL_AT:
            fill()
        if note.startswith("epoch") and done == FREE_AT and sys.argv[2] == "full-for-a-while":
            BALLAST.unlink()

    yield advance


os.chdir(sys.argv[1])
checkpointing.RETRY = 0.0
if sys.argv[2] == "stays-full":
    checkpointing.FINAL_PATIENCE = writer.END_PATIENCE = 1.0
# Three epochs of three steps, a checkpoint after each.
sets = ("train.batch_size=2", "train.epochs=3", "checkpoint.every_minutes=1e-9")
loaded = load_recipe("tiny.toml", sets)


def say(text):
    sys.stdout.write(text + "\n")


reporter = Reporter(say, say, bars)
try:
    train(loaded, Path("data"), Path("runs"), reporter, name="small")
except HandsegError as error:
    sys.stdout.write(f"{error}\n")
    sys.exit(int(error.exit_code))
