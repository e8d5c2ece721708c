"""A training that is killed at any instant and resumed is the training that was never killed.

Run: python benchmarks/kill.py [--kills 25] [--models segformer,unet] [--workers 2]

Trains a small SegFormer (transformers) and a small UNet (SMP) on phantoms, on the CPU, with loader
processes, moving average, accumulation and a checkpoint every half second. Each run is killed with
SIGKILL at an instant drawn from its whole duration, its preparation included, and then resumed by
`handseg train --resume`. At the end weights, buffers, average and optimiser of the last checkpoint,
the Dice of every class in the last validation and the predictions must be those of a run that was
never killed, bit for bit. Exits with 1 where they are not.
"""

import argparse
import faulthandler
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TINY = """schema = 1
[model]
{model}
[data]
size = 64
channels = 1
normalize = "image"
workers = {workers}
[augment.rotate]
transform = "Affine"
rotate = [-20, 20]
scale = [0.9, 1.1]
p = 0.8
[optimizer]
lr = 1e-3
head_lr = 1.0
[schedule]
warmup_epochs = 1
[train]
epochs = {epochs}
batch_size = 3
micro_batch = 2
ema = 0.9
[validate]
previews = 2
[early_stop]
patience = 0
[checkpoint]
every_minutes = 0.008
"""
MODELS = {
    "segformer": """library = "transformers"
architecture = "segformer"
encoder = "mit-b0"
weights = "none"
[model.options]
hidden_sizes = [8, 16, 24, 32]
depths = [1, 1, 1, 1]
decoder_hidden_size = 32
num_attention_heads = [1, 1, 1, 1]""",
    "unet": """library = "smp"
architecture = "unet"
encoder = "tu-test_resnet"
weights = "none"
options = { encoder_depth = 3, decoder_channels = [16, 16, 8] }""",
}
PLACES = {
    "save_checkpoint": "writing a checkpoint",
    "prune": "writing a checkpoint",
    "prepare": "writing the cache",
    "validate": "validation",
    "write_predictions": "prediction",
    "catch_up": "writing an event",
    "write_preview": "writing a preview",
    "write_scores": "writing scores",
    "training_step": "a step",
    "next": "waiting for the loader",
    "step_seconds": "measuring steps",
    "run_training": "beginning",
    "find_data": "reading the data",
}
"""Where a process was when it was killed, by the innermost of these functions."""
TRACE = Path("trace.txt")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--models", default="segformer,unet")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="DIR", help="work in this folder and leave it")
    arguments = parser.parse_args()
    # What every child needs is loaded once; no operation of torch runs before the forks.
    import segmentation_models_pytorch  # noqa: F401
    from transformers import SegformerForSemanticSegmentation  # noqa: F401

    import handseg.train.session  # noqa: F401

    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(arguments.keep or folder)
        phantom = "phantom data --people 6 --size 256 --seed 7 --test-people 1"
        run_to_end(*phantom.split())
        for model in arguments.models.split(","):
            recipe = TINY.format(
                model=MODELS[model], workers=arguments.workers, epochs=arguments.epochs
            )
            Path("tiny.toml").write_text(recipe)
            wrong += kill_often(model, arguments.kills, random.Random(arguments.seed))
    return 1 if wrong else 0


def kill_often(model: str, kills: int, draw: random.Random) -> int:
    """Kill so many runs; how many of them ended otherwise than the one that was left alone."""
    duration = max(seconds_of("whole"), seconds_of("timed-1"), seconds_of("timed-2"))
    places: Counter[str] = Counter()
    wrong = 0
    for number in range(kills):
        if number % 5 == 0:
            # So that some kills meet the making of the cache.
            shutil.rmtree(".handseg", ignore_errors=True)
        share = (number + draw.random()) / kills
        while (place := killed_at(share * duration)) is None:
            # It had ended: the machine is faster than it was for the first run.
            duration *= 0.95
            shutil.rmtree("runs/killed")
        places[place] += 1
        again = ["--resume", "killed"] if Path("runs/killed").exists() else first_words()
        code = run_to_end("train", *again)
        differs = differences(Path("runs/whole"), Path("runs/killed")) if code == 0 else ["failed"]
        wrong += bool(differs)
        outcome = f"differs: {', '.join(differs)}" if differs else "the same"
        when = f"after {share * duration:5.2f} of {duration:.2f} s"
        print(f"{model} {number + 1:2d}: killed {when}, {place}; resumed: {outcome}", flush=True)
        shutil.rmtree("runs/killed", ignore_errors=True)
    shutil.rmtree("runs")
    listed = ", ".join(f"{place} {count}" for place, count in places.most_common())
    print(f"{model}: {kills - wrong} of {kills} killed runs end bit for bit the same ({listed})")
    return wrong


def seconds_of(name: str) -> float:
    """Train a run that nobody kills; how long it took."""
    begun = time.monotonic()
    code = run_to_end("train", "tiny.toml", "--name", name)
    assert code == 0, f"the run that nobody kills ended with {code}"
    return time.monotonic() - begun


def first_words() -> list[str]:
    return ["tiny.toml", "--name", "killed"]


def killed_at(instant: float) -> str | None:
    """Begin a run, kill it after so many seconds; where it was, in words, or None if at its end."""
    TRACE.unlink(missing_ok=True)
    pid = fork("train", *first_words())
    time.sleep(instant)
    if os.waitpid(pid, os.WNOHANG) != (0, 0):
        return None
    os.kill(pid, signal.SIGUSR2)
    time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return place_of(TRACE.read_text() if TRACE.exists() else "")


def place_of(trace: str) -> str:
    """The innermost function that has a name here, of the main thread (it comes last)."""
    main_thread = trace.rpartition("most recent call first")[2]
    for line in main_thread.splitlines():
        name = line.rpartition(" in ")[2].strip()
        if name in PLACES:
            return PLACES[name]
    return "elsewhere"


def run_to_end(*words: str) -> int:
    """Run a command of handseg in a process of its own; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(*words), 0)[1])


def fork(*words: str) -> int:
    """Begin a command of handseg in a process of its own; its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        log = Path("said.txt").open("ab", buffering=0)  # noqa: SIM115 - closed with the process
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.register(signal.SIGUSR2, file=TRACE.open("w"), all_threads=True)
        from handseg.cli.main import application

        # An application that is called ends the process as a command does.
        application()([*words, "--no-progress"], standalone_mode=True)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def differences(whole: Path, killed: Path) -> list[str]:
    """In words, what of two runs is not the same bit for bit."""
    import torch

    from handseg.models.checkpoints import load_checkpoint

    ends = [load_checkpoint(run / "checkpoints", "last") for run in (whole, killed)]
    found = []
    for what, tensors in (
        ("weights", [end.weights for end in ends]),
        ("average", [end.ema for end in ends]),
        ("optimiser", [flat(end.state()["optimizer"]) for end in ends]),
    ):
        one, other = tensors
        if one.keys() != other.keys() or any(not torch.equal(one[k], other[k]) for k in one):
            found.append(what)
    if ends[0].state()["position"] != ends[1].state()["position"]:
        found.append("position")
    dice = [last_validation(run)["dice"] for run in (whole, killed)]
    if dice[0] != dice[1]:
        found.append("Dice")
    csv = [(run / "predictions/val.csv").read_bytes() for run in (whole, killed)]
    if csv[0] != csv[1]:
        found.append("predictions")
    return found


def flat(state: dict) -> dict:
    """The tensors of an optimiser's state by a name."""
    return {
        f"{index} {name}": value
        for index, moments in state["state"].items()
        for name, value in moments.items()
    }


def last_validation(run: Path) -> dict:
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["kind"] == "validation"][-1]


if __name__ == "__main__":
    sys.exit(main())
