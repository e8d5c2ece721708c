"""What a change costs: CPU seconds of this checkout by those of another one, usually its parent.

    git worktree add /tmp/before HEAD~1
    python benchmarks/before_after.py /tmp/before [--pairs N] [--only NAME]… [--keep DIR]

Whole processes take turns: the order of a pair turns round each time. Prints the median ratio with
its quartiles; it is kept where the median is at most 1.05 or the quartiles include 1. Needs 1 GB
of disk for the CSVs, which `--keep` keeps, and about fifteen minutes.
"""

import argparse
import compileall
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from many_runs import build
from measure import spend, warm

from handseg.phantom.writing import write_phantoms

HERE = Path(__file__).parent
MOST = 1.05
PROGRAM = "from handseg.cli.main import main; main()"
RATE = re.compile(r"images a second and core, handseg +([\d.]+)")

Cost = Callable[[Path], float]
"""CPU seconds of some work done with the code of a checkout."""


def python(checkout: Path, *words: str | Path) -> list[str | Path]:
    """A command line that imports the code of a checkout."""
    # -P: else the working folder, which may be a checkout too, comes before the path.
    return ["env", f"PYTHONPATH={checkout}", sys.executable, "-P", *words]


def handseg(*words: str | Path) -> Cost:
    """The CPU seconds of a whole process, its children included."""
    return lambda checkout: spend(python(checkout, "-c", PROGRAM, *words)).cpu


def vote(folder: Path, kind: str) -> Cost:
    """A vote on five submissions with one worker."""
    spend([sys.executable, HERE / "submissions.py", folder, kind])
    files = [folder / f"{kind}-{number}.csv" for number in range(5)]
    warm(files)
    out = folder / "voted.csv"
    return handseg("vote", *files, "--workers", "1", "--out", out, "--force", "--no-progress")


def listing(folder: Path) -> Cost:
    """`handseg runs` of 1,000 runs."""
    runs = folder / "runs"
    return handseg("runs", "--runs", runs if runs.exists() else build(runs))


def loading(folder: Path) -> Cost:
    """CPU seconds an image of the loader, as `loading.py` of each checkout measures them."""
    data = folder / "phantoms"
    if not data.exists():
        write_phantoms(data, people=5, size=2048, seed=3, test_people=0)

    def cost(checkout: Path) -> float:
        # What it prints counts: it exits with 1 where an aim is missed.
        script = f"cd {checkout} && {sys.executable} benchmarks/loading.py 1 {data} || true"
        words = ["env", f"PYTHONPATH={checkout}", "sh", "-c", script]
        found = RATE.search(spend(words).output)
        assert found is not None
        return 1 / float(found[1])

    return cost


def works(folder: Path, only: Sequence[str]) -> Iterator[tuple[str, Cost]]:
    """The works by name; what they need is made when they are asked for."""
    made: dict[str, Callable[[], Cost]] = {
        "help": lambda: handseg("--help"),
        "runs": lambda: listing(folder),
        "smooth": lambda: vote(folder, "smooth"),
        "ragged": lambda: vote(folder, "ragged"),
        "loading": lambda: loading(folder),
    }
    for name, make in made.items():
        if not only or name in only:
            yield name, make()


def ratios(cost: Cost, before: Path, pairs: int) -> list[float]:
    """CPU seconds of this checkout by those of the other, pair by pair."""
    here = HERE.parent
    cost(here)
    found: list[float] = []
    for number in range(pairs):
        sides = [here, before] if number % 2 else [before, here]
        spent = {side: cost(side) for side in sides}
        found.append(spent[here] / spent[before])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("before", type=Path, help="a checkout of the code to compare with")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", type=Path, help="where CSVs, runs and phantoms are, and stay")
    given = parser.parse_args()
    for checkout in (HERE.parent, given.before):
        # As installed: source would be compiled anew at each start where nothing may be written.
        for package in ("handseg", "tui"):
            compileall.compile_dir(checkout / package, quiet=1)
    missed = False
    with tempfile.TemporaryDirectory() as place:
        folder = given.keep or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        for name, cost in works(folder, given.only):
            found = ratios(cost, given.before.resolve(), given.pairs)
            low, median, high = statistics.quantiles(found, n=4, method="inclusive")
            kept = median <= MOST or low <= 1 <= high
            missed |= not kept
            said = f"median {median:.3f}, quartiles {low:.3f} to {high:.3f}"
            print(f"{name:10} {said}   {'kept' if kept else 'MISSED'}", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
