"""Whether votes go at the speed of reading: `handseg vote` and its neighbours against the usual.

    python benchmarks/vote.py [--only NAME]… [--pairs N] [--keep DIR] [--json]

Makes CSVs (`submissions.py`), prints each figure beside its aim and exits 1 where one is missed.
A ratio is the median over pairs of whole processes, interleaved, of their CPU seconds (user and
system, children included), with one worker; every file is read once before. About ten minutes;
`--keep` keeps the CSVs for the next time. Needs 3 GB of disk.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from measure import Spent, cpu_ratio, cpu_words, paired, spend, warm
from submissions import DRESSES

HERE = Path(__file__).parent
RUN = "from handseg.cli.main import main; main()"
HANDSEG = [sys.executable, "-c", RUN]
IO = "import atexit; atexit.register(lambda: print(open('/proc/self/io').read())); "
READING = [sys.executable, "-c", IO + RUN]
"""The same, with what it has read by the end on stdout."""
RIVALS = [sys.executable, str(HERE / "rivals.py")]
ROWS = 288 * 29
PLAIN_ROWS = 40
MODELS = 5


class Line(NamedTuple):
    """One line of the table: a figure between `least` and `most` keeps its aim."""

    name: str
    what: str
    value: float
    unit: str
    least: float | None
    most: float | None
    details: str

    @property
    def kept(self) -> bool:
        """Whether the aim is kept."""
        low, high = self.least, self.most
        return (low is None or self.value >= low) and (high is None or self.value <= high)

    @property
    def aim(self) -> str:
        """The aim in words."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g}–{self.most:g}"
        return f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"


class Bench:
    """The CSVs, and the commands on them."""

    def __init__(self, folder: Path, pairs: int) -> None:
        """`folder` holds the CSVs; they are made when they are first asked for."""
        self.folder = folder
        self.pairs = pairs

    def files(self, kind: str, count: int = MODELS, suffix: str = "csv") -> list[Path]:
        """The first CSVs of a kind, in the page cache."""
        made = "figures" if suffix == "txt" else kind
        spend([sys.executable, HERE / "submissions.py", self.folder, made])
        files = [self.folder / f"{kind}-{number}.{suffix}" for number in range(count)]
        warm(files)
        return files

    def vote(
        self, files: Sequence[Path], workers: int = 1, program: Sequence[str] = HANDSEG
    ) -> list[str | Path]:
        """The command line of a vote."""
        out = self.folder / "voted.csv"
        words = ["--workers", str(workers), "--out", out, "--force", "--no-progress"]
        return [*program, "vote", *files, *words]

    def wall(self, files: Sequence[Path]) -> str:
        """Wall seconds of votes with one worker and with two, in words."""
        walls = [
            statistics.median(spend(self.vote(files, workers)).wall for _ in range(3))
            for workers in (1, 2)
        ]
        return f"wall {walls[0]:.2f} s, with two workers {walls[1]:.2f} s"


def against_plain(bench: Bench) -> Iterator[Line]:
    for kind, least in (("smooth", 500), ("ragged", 150)):
        files = bench.files(kind)
        plain = [*RIVALS, "plain", str(PLAIN_ROWS), *files]
        pairs = paired(plain, bench.vote(files), bench.pairs)
        ratio = statistics.median(scaled(first) / second.cpu for first, second in pairs)
        took = statistics.median(scaled(first) for first, _ in pairs)
        details = (
            f"plain {took:.0f} s CPU ({PLAIN_ROWS} of {ROWS} rows, scaled), "
            f"{cpu_words('vote', [second for _, second in pairs])}, {bench.wall(files)}"
        )
        yield Line("plain", f"the plain way / vote, {kind}", ratio, "×", least, None, details)


def scaled(plain: Spent) -> float:
    """CPU seconds of the plain way for all rows, from those of a few; files are read once."""
    rows = float(plain.output)
    return plain.cpu - rows + rows * ROWS / PLAIN_ROWS


def against_pandas(bench: Bench) -> Iterator[Line]:
    for kind in ("smooth", "ragged"):
        files = bench.files(kind)
        pairs = paired(bench.vote(files), [*RIVALS, "read", *files], bench.pairs)
        yield ratio_line("pandas", f"vote / pandas.read_csv, {kind}", pairs, None, 1.0)


def against_fromstring(bench: Bench) -> Iterator[Line]:
    for kind in ("smooth", "ragged"):
        files, texts = bench.files(kind), bench.files(kind, suffix="txt")
        pairs = paired(bench.vote(files), [*RIVALS, "numbers", *texts], bench.pairs)
        what = f"vote / np.fromstring of the text alone, {kind}"
        yield ratio_line("fromstring", what, pairs, None, 2.5)


def ratio_line(
    name: str,
    what: str,
    pairs: Sequence[tuple[Spent, Spent]],
    least: float | None,
    most: float | None,
) -> Line:
    firsts, seconds = zip(*pairs, strict=True)
    details = f"{cpu_words('one', firsts)}, {cpu_words('other', seconds)}"
    return Line(name, what, cpu_ratio(pairs), "×", least, most, details)


def growth(bench: Bench) -> Iterator[Line]:
    once = bench.vote(bench.files("smooth"))
    more = {
        "2 × the rows": bench.files("twice"),
        "2 × the models": bench.files("smooth", 2 * MODELS),
    }
    for what, files in more.items():
        pairs = paired(bench.vote(files), once, bench.pairs)
        yield ratio_line("growth", what, pairs, 1.6, 2.4)


def dressed(bench: Bench) -> Iterator[Line]:
    """Files as other tools write them cost what ours do, and give the same bytes."""
    plain = bench.vote(bench.files("smooth"))
    spend(plain)
    voted = (bench.folder / "voted.csv").read_bytes()
    for kind in DRESSES:
        command = bench.vote(bench.files(kind))
        pairs = paired(command, plain, bench.pairs)
        spend(command)
        if (bench.folder / "voted.csv").read_bytes() != voted:
            raise AssertionError(f"{kind} is voted on otherwise")
        yield ratio_line("dressed", f"vote, {kind} / as we write it", pairs, None, 1.05)


def memory(bench: Bench) -> Iterator[Line]:
    peaks: dict[str, float] = {}
    for kind in ("smooth", "ragged", "tenfold"):
        files = bench.files(kind)
        runs = [spend(bench.vote(files)).megabytes for _ in range(1 if kind == "tenfold" else 3)]
        peaks[kind] = max(runs)
        if kind == "tenfold":
            continue
        two = spend(bench.vote(files, workers=2)).megabytes
        details = f"the largest process with two workers {two:.0f} MB"
        yield Line("memory", f"peak memory, {kind}", peaks[kind], "MB", None, 100, details)
    more = peaks["tenfold"] - peaks["smooth"]
    details = f"{peaks['tenfold']:.0f} MB for {10 * ROWS} rows"
    yield Line("memory", "peak memory, 10 × the rows: more", more, "MB", None, 40, details)


def bytes_read(bench: Bench) -> Iterator[Line]:
    beginning = characters(spend(bench.vote(bench.files("small"), program=READING)))
    for kind in ("smooth", "ragged"):
        files = bench.files(kind)
        size = sum(file.stat().st_size for file in files)
        read = characters(spend(bench.vote(files, program=READING))) - beginning
        details = f"{read / 1e6:.0f} MB of {size / 1e6:.0f} MB; its modules are left out"
        yield Line("read", f"bytes read / input, {kind}", read / size, "×", None, 2.1, details)


def characters(spent: Spent) -> int:
    """What a process and its children have read, of files or pipes."""
    return int(spent.output.split("rchar:")[1].split()[0])


def score(bench: Bench) -> Iterator[Line]:
    one, other = bench.files("smooth", 2)
    command = [*HANDSEG, "score", one, "--labels", other, "--no-progress"]
    pairs = paired(command, [*RIVALS, "read", one, other], bench.pairs)
    yield ratio_line("score", "score / pandas.read_csv of both, smooth", pairs, None, 1.5)


def masks(bench: Bench) -> Iterator[Line]:
    file = bench.files("small", 1)[0]
    timed = json.loads(spend([*RIVALS, "masks", file, str(max(bench.pairs, 7))]).output)
    ratio = statistics.median(usual / ours for usual, ours in timed)
    usual, ours = (1000 / 29 * statistics.median(times) for times in zip(*timed, strict=True))
    details = f"{usual:.1f} ms and {ours:.2f} ms a mask, in one process"
    yield Line("masks", "29 masks to text: the usual / ours", ratio, "×", 25, None, details)


def small(bench: Bench) -> Iterator[Line]:
    command = bench.vote(bench.files("small", 3))
    spent = [spend(command) for _ in range(max(bench.pairs, 7))]
    wall = statistics.median(one.wall for one in spent)
    details = f"{cpu_words('vote', spent)}, at best {min(one.wall for one in spent):.2f} s wall"
    yield Line("small", "a vote of 3 CSVs of 29 rows", wall, "s", None, 0.25, details)


PARTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "small": small,
    "masks": masks,
    "plain": against_plain,
    "pandas": against_pandas,
    "fromstring": against_fromstring,
    "growth": growth,
    "dressed": dressed,
    "memory": memory,
    "read": bytes_read,
    "score": score,
}


def show(line: Line) -> None:
    verdict = "kept" if line.kept else "MISSED"
    figure = f"{line.value:8.2f} {line.unit:2}  {line.aim:13} {verdict:6}"
    print(f"{line.what:46} {figure}  {line.details}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="NAME", help=", ".join(PARTS)
    )
    parser.add_argument("--pairs", type=int, default=7, help="pairs of processes [default: 7]")
    parser.add_argument("--keep", type=Path, help="where the CSVs are, and stay")
    parser.add_argument("--json", action="store_true", help="print JSON at the end")
    words = parser.parse_args()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as place:
        bench = Bench((words.keep or Path(place)).absolute(), words.pairs)
        for name in words.only or PARTS:
            for line in PARTS[name](bench):
                lines.append(line)
                if not words.json:
                    show(line)
    if words.json:
        print(json.dumps([{**line._asdict(), "kept": line.kept} for line in lines], indent=1))
    sys.exit(not all(line.kept for line in lines))


if __name__ == "__main__":
    main()
