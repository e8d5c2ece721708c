"""Whether `handseg demo` keeps its promises: time, Dice of the vote, its worst bone, its gain.

    python benchmarks/demo.py [--quick]

Runs the demo in a temporary folder and prints each figure beside its aim; exits 1 where one is
missed (`--quick` promises only its time).
"""

import json
import subprocess
import sys
import tempfile
import time

PROGRAM = [sys.executable, "-c", "from handseg.cli.main import main; main()"]
MODELS = ("demo-segformer-1", "demo-unet-1", "demo-fpn-1")


def main() -> None:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        demo = [*PROGRAM, "demo", "here", *(["--quick"] if quick else [])]
        subprocess.run(demo, cwd=place, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begun
        score = [*PROGRAM, "score", *MODELS, "votes/vote-001.csv", "--json", "-q"]
        answer = subprocess.run(score, cwd=f"{place}/here", check=True, stdout=subprocess.PIPE)
    *models, vote = json.loads(answer.stdout)["predictions"]
    best = max(model["mean"] for model in models)
    bone = min(vote["classes"], key=vote["classes"].get)
    aims = [
        ("seconds", took, took <= (90 if quick else 300), "at most 90" if quick else "at most 300")
    ]
    if not quick:
        worst = vote["classes"][bone]
        gain = vote["mean"] - best
        aims += [
            ("mean Dice of the vote", vote["mean"], vote["mean"] >= 0.85, "at least .85"),
            (f"its worst bone, {bone}", worst, worst >= 0.6, "at least .6"),
            ("vote less the best model", gain, gain >= -0.002, "at least -.002"),
        ]
    for what, value, kept, aim in aims:
        print(f"{what:32} {value:9.4f}   {aim:14} {'kept' if kept else 'MISSED'}")
    sys.exit(not all(kept for _, _, kept, _ in aims))


if __name__ == "__main__":
    main()
