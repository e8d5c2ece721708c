"""Many run folders as long trainings leave them, written without training.

    python benchmarks/many_runs.py FOLDER [runs] [validations] [steps]

The last runs are stopped, failed and finished in turn; none lives. A few patterns are copied, so
that a thousand runs are written in seconds: nothing that reads them notices.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handseg.anatomy import BONES
from handseg.runs import jsonl, layout
from handseg.runs.events import BestTracker, steps_line
from handseg.score.dice import mean_of_classes

PATTERNS = 8
RECIPES = ("segformer", "unetpp", "upernet", "manet")
SECONDS = 60.0
"""Between two validations."""
LINE = 32
"""Steps of a line of steps."""
ENDS = (("finished", ""), ("stopped", "SIGTERM"), ("failed", "out of memory"))


def build(
    folder: Path,
    runs: int = 1000,
    validations: int = 500,
    steps: int = 10_000,
    ended: float = 86400,
) -> Path:
    """Write the runs into `folder`, the last of them ended so many seconds ago."""
    now = time.time()
    patterns = [_logs(number, validations, steps, now - ended) for number in range(PATTERNS)]
    for number in range(runs):
        recipe = RECIPES[number % len(RECIPES)]
        run = folder / f"{recipe}-{number // len(RECIPES) + 1}"
        events, points = patterns[number % PATTERNS]
        state, reason = ENDS[number % len(ENDS)]
        end = {"v": 1, "t": now - ended, "kind": "end", "state": state, "reason": reason}
        run.mkdir(parents=True)
        (run / layout.RUN).write_bytes(jsonl.encode(_facts(run.name, recipe, number, now - ended)))
        (run / layout.EVENTS).write_bytes(events + jsonl.encode(end))
        (run / layout.STEPS).write_bytes(points)
        (run / layout.RECIPE).write_text(f'schema = 1\n[model]\narchitecture = "{recipe}"\n')
        (run / layout.LOCK).touch()
        at = now - ended - number
        for path in run.iterdir():
            os.utime(path, (at, at))
    return folder


def _facts(name: str, recipe: str, number: int, ended: float) -> dict[str, object]:
    return {
        "v": 1,
        "id": f"{number:032x}",
        "name": name,
        "recipe": recipe,
        "model": f"{recipe} mit-b0",
        "fold": number % 5,
        "classes": list(BONES),
        "epochs": 500,
        "started": ended - 40_000 - number,
        "host": "benchmark",
        "pid": 4711,
        "locked": True,
        "data": "/data",
        "folds": {f"ID{person:03d}": person % 5 for person in range(400)},
    }


def _logs(seed: int, validations: int, steps: int, ended: float) -> tuple[bytes, bytes]:
    """The events and the steps of one pattern."""
    rng = np.random.default_rng(seed)
    per_epoch = max(1, steps // max(1, validations))
    begun = ended - SECONDS * validations
    start = {"v": 1, "t": begun, "kind": "start", "epochs": validations}
    start |= {"steps_per_epoch": per_epoch, "classes": list(BONES), "fold": 0}
    events = [start, *_validations(rng, validations, per_epoch, begun)]
    return b"".join(map(jsonl.encode, events)), b"".join(_steps(rng, steps, begun))


def _validations(
    rng: np.random.Generator, count: int, per_epoch: int, begun: float
) -> Iterator[dict[str, object]]:
    best = BestTracker()
    ceilings = rng.uniform(0.9, 0.98, len(BONES))
    for epoch in range(1, count + 1):
        noise = rng.normal(0, 0.002, len(BONES))
        values = ceilings * (1 - math.exp(-epoch / (count / 8))) + noise
        dice = {bone: round(float(v), 6) for bone, v in zip(BONES, values, strict=True)}
        best.update(epoch * per_epoch, epoch, dice)
        event = {"v": 1, "t": begun + epoch * SECONDS, "kind": "validation"}
        event |= {"step": epoch * per_epoch, "epoch": epoch, "mean": mean_of_classes(dice)}
        yield {**event, "dice": dice, **best.as_fields(), "seconds": 9.5}


def _steps(rng: np.random.Generator, count: int, begun: float) -> Iterator[bytes]:
    for first in range(1, count + 1, LINE):
        stretch = range(first, min(first + LINE, count + 1))
        points = [
            (step, {"loss": 2 * math.exp(-step / 900) + float(rng.random()) / 9, "lr": 6e-5})
            for step in stretch
        ]
        yield jsonl.encode(
            steps_line(begun + first, points, {"speed": 31.2, "wait": 0.01, "grad": 0.4})
        )


def main() -> None:
    folder, *numbers = sys.argv[1:]
    begun = time.perf_counter()
    build(Path(folder), *map(int, numbers))
    print(json.dumps({"folder": folder, "seconds": round(time.perf_counter() - begun, 1)}))


if __name__ == "__main__":
    main()
