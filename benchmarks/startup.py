"""How long a person waits for `handseg --help`, against a Python that only imports torch.

    python benchmarks/startup.py [repeats]

Prints the median wall seconds of whole processes and their ratio. The aim: at most a third of a
second for the help.
"""

import statistics
import subprocess
import sys
import time

HELP = [sys.executable, "-c", "from handseg.cli.main import main; main()", "--help"]
TORCH = [sys.executable, "-c", "import torch"]


def seconds(command: list[str]) -> float:
    """Wall seconds of one process."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    # Interleaved, so that both meet the same weather of the machine.
    pairs = [(seconds(HELP), seconds(TORCH)) for _ in range(repeats)]
    shown, torch = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"handseg --help {shown:.3f} s   import torch {torch:.3f} s   ratio {torch / shown:.1f}")


if __name__ == "__main__":
    main()
