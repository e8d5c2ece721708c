"""Which runs are meant, in which order, and as rows: what a person or a program asks of a folder.

The small language that filters them: `unet state:running,quiet 'dice>0.9' !fold:0`.
"""

import math
import operator
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from handseg.errors import InputError, UsageError, did_you_mean
from handseg.runs import layout
from handseg.runs.index import list_runs, run_names
from handseg.runs.jsonl import number, plain
from handseg.runs.layout import STATES
from handseg.runs.summary import RunSummary, read_run_file
from handseg.text import listed

LAST = "last"
SHOWN = 8
"""Names of runs that an error tells."""
NEWEST = "started"
RECENT = 5
"""Validations over which the trend is taken."""

Value = Callable[[RunSummary, float], Any]
"""A value of a run at a time in seconds since 1970."""
Key = Callable[[RunSummary], float | str]
Test = Callable[[RunSummary, float], bool]
"""Whether a run holds, at a time in seconds since 1970."""

VALUES: Mapping[str, Value] = {
    "name": lambda run, now: run.name,
    "state": lambda run, now: run.state,
    "reason": lambda run, now: run.message,
    "recipe": lambda run, now: run.recipe,
    "model": lambda run, now: run.model,
    "fold": lambda run, now: run.fold,
    "epoch": lambda run, now: run.epoch,
    "epochs": lambda run, now: run.epochs,
    "step": lambda run, now: run.step,
    "best": lambda run, now: run.best_dice,
    "best_epoch": lambda run, now: run.best_epoch,
    "last": lambda run, now: run.last_dice,
    "worst": lambda run, now: run.worst_class,
    "worst_dice": lambda run, now: worst_dice(run),
    "left": lambda run, now: run.eta,
    "age": lambda run, now: run.age(now),
    "started": lambda run, now: run.started,
    "updated": lambda run, now: run.updated,
    "host": lambda run, now: run.host,
    "pid": lambda run, now: run.pid,
    "folder": lambda run, now: str(run.folder),
}
"""The columns of a list for programs; `age` (since the run last wrote) and `left` in seconds."""
COLUMNS = tuple(VALUES)

FALLING: Mapping[str, Key] = {
    "started": lambda run: run.started,
    "best": lambda run: run.best_dice,
    "last": lambda run: run.last_dice,
    "epoch": lambda run: run.known_epoch,
    "step": lambda run: float(run.step),
    "trend": lambda run: climb(run.means),
}
"""Orders that begin with the largest."""
RISING: Mapping[str, Key] = {
    "name": lambda run: run.name.lower(),
    "recipe": lambda run: run.recipe,
    "state": lambda run: float(STATES.index(run.state)),
    "fold": lambda run: math.nan if run.fold is None else float(run.fold),
    "worst": lambda run: worst_dice(run),
    "left": lambda run: run.eta,
    "age": lambda run: -run.updated if run.updated else math.nan,
}
"""Orders that begin with the smallest; `age` with what wrote last, `worst` with the worst bone."""
SORTS = (*FALLING, *RISING)

TEXTS = ("name", "recipe", "model", "host")
"""Fields of a filter of which a part is enough."""
WHOLES = ("state", "fold", "worst")
"""Fields that are named whole, or with `*` for what is left out."""
NUMBERS = {"dice": "last", **{name: name for name in ("best", "epoch", "step", "age", "left")}}
"""Fields that are compared, with the value that each means."""
FIELDS = (*TEXTS, *WHOLES, *NUMBERS)
TIMES = ("age", "left")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": math.isclose,
}
EXAMPLES = {
    "age": "'age<2d'",
    "left": "'left<1h'",
    "epoch": "'epoch>=10'",
    "state": "state:running,quiet",
    "fold": "fold:0",
    "worst": "worst:Pisiform",
    "recipe": "recipe:segformer",
}
"""A filter by each field that needs another than the usual ones (`_example`)."""

_WORDS = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+""")
_QUOTES = re.compile(r""""([^"]*)"|'([^']*)'""")
_FIELD = re.compile(r"([A-Za-z_]+)(<=|>=|==|=|<|>|:)(.*)", re.DOTALL)
_TIME = re.compile(r"(\d+\.?\d*|\.\d+)([smhdw])")


def find_run(text: str, runs: Path) -> Path:
    """The folder of the run that the text means; an exact name beats a prefix.

    Raises:
        InputError: there is none, or several; names those there are.
    """
    typed = Path(text)
    if (typed / layout.RUN).is_file():
        return typed
    exact = runs / text
    if (exact / layout.RUN).is_file() and exact.parent == runs:
        return exact
    if text == LAST:
        return _newest(list_runs(runs), runs)
    # Names alone: to read a thousand runs takes as long as the rest of a command.
    begun = [name for name in run_names(runs) if text and name.startswith(text)]
    if len(begun) == 1:
        return runs / begun[0]
    found = list_runs(runs)
    raise _nothing_found(text, runs, [run for run in found if run.name in begun], found)


def _newest(found: list[RunSummary], runs: Path) -> Path:
    whole = [run for run in found if run.state != "broken"]
    if not whole:
        raise _nothing_found(LAST, runs, [], found)
    return whole[0].folder


def _nothing_found(
    text: str, runs: Path, named: list[RunSummary], found: list[RunSummary]
) -> InputError:
    if named:
        return InputError(f"{text!r} is the beginning of several runs", details=_names(named))
    if not found:
        return InputError(
            f"there is no run {text!r}: {runs} holds no runs",
            hints=["handseg train recipes/segformer.toml", "handseg demo"],
        )
    return InputError(f"there is no run {text!r} in {runs}", details=f"there are: {_names(found)}")


def _names(found: list[RunSummary]) -> str:
    return listed([run.name for run in found], SHOWN)


def find_run_by_pid(pid: int, since: float, runs: Path) -> Path | None:
    """The folder of the run that process `pid` of this machine opened after `since`.

    `since` is in seconds since 1970: numbers of processes come again. None where it opened none.
    """
    for path in runs.glob(f"*/{layout.RUN}"):
        try:
            run = read_run_file(path.parent)
        except (OSError, ValueError):
            # A run that cannot be read is none that has just been written.
            continue
        if run.get("pid") == pid and number(run.get("process_started"), 0.0) >= since:
            return path.parent
    return None


@dataclass(frozen=True)
class Filter:
    """What runs must hold to be shown; all of its words must hold. An empty one shows all."""

    text: str
    tests: tuple[Test, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Read a filter.

        Words are parts of a name or a recipe; `field:a,b` names one of several; `dice>.9` compares;
        `-` or `!` before a word turns it round; quotes keep blanks.

        Raises:
            UsageError: a word says nothing that a run could hold; names the nearest that does.
        """
        return cls(text.strip(), tuple(_test(word) for word in _WORDS.findall(text)))

    def matches(self, run: RunSummary, now: float | None = None) -> bool:
        """Whether a run holds all words at a time (seconds since 1970; now)."""
        at = time.time() if now is None else now
        return all(test(run, at) for test in self.tests)


def _test(word: str) -> Test:
    if word.startswith(("-", "!")) and len(word) > 1:
        turned = _test(word[1:])
        return lambda run, now: not turned(run, now)
    plain = _QUOTES.sub(lambda match: match[1] if match[1] is not None else match[2], word)
    match = _FIELD.fullmatch(plain) if word[0] not in "\"'" else None
    if match is None:
        part = plain.lower()
        return lambda run, now: part in run.name.lower() or part in run.recipe.lower()
    name, sign, value = match[1].lower(), match[2].replace("==", "="), match[3].strip()
    if name not in FIELDS:
        raise UsageError(
            f"a filter knows no field {match[1]!r}{did_you_mean(name, FIELDS)}",
            details=f"fields: {', '.join(FIELDS)}",
        )
    if not value:
        raise UsageError(f"{plain}: what should {name} be?", hints=[_example(name)])
    if name in NUMBERS:
        return _comparison(name, sign, value)
    if sign not in (":", "="):
        raise UsageError(f"{plain}: {name} cannot be compared", hints=[_example(name)])
    return _choice(name, [part.strip() for part in value.split(",") if part.strip()])


def _choice(name: str, values: list[str]) -> Test:
    """Whether a field is, or holds, one of the values."""
    wanted = [value.lower() for value in values]
    if name == "state":
        for state in wanted:
            if state not in STATES and "*" not in state:
                raise UsageError(
                    f"there is no state {state!r}{did_you_mean(state, STATES)}",
                    details=f"states: {', '.join(STATES)}",
                )
    if name == "fold":
        for fold in wanted:
            if not fold.isdecimal():
                raise UsageError(f"fold:{fold}: folds are numbers", hints=[_example("fold")])
    value_of = VALUES[name]

    def holds(run: RunSummary, now: float) -> bool:
        found = value_of(run, now)
        text = "" if found is None else str(found).lower()
        if name in TEXTS:
            return any(part in text for part in wanted)
        return any(text == value or fnmatchcase(text, value) for value in wanted)

    return holds


def _comparison(name: str, sign: str, value: str) -> Test:
    if sign not in COMPARISONS:
        raise UsageError(f"{name}{sign}{value}: {name} is compared", hints=[_example(name)])
    of_run, compare, limit = VALUES[NUMBERS[name]], COMPARISONS[sign], _limit(name, sign, value)
    # NaN compares with nothing: a run without a Dice is neither above nor below.
    return lambda run, now: compare(of_run(run, now), limit)


def _limit(name: str, sign: str, value: str) -> float:
    """The number that is compared with; times in seconds."""
    try:
        if name not in TIMES:
            return float(value)
        match = _TIME.fullmatch(value.lower())
        if match:
            return float(match[1]) * UNITS[match[2]]
    except ValueError:
        pass
    what = "a time (30m, 12h, 2d, 1w)" if name in TIMES else "a number"
    raise UsageError(f"{name}{sign}{value}: {value!r} is not {what}", hints=[_example(name)])


def _example(name: str) -> str:
    return EXAMPLES.get(name) or (f"'{name}>0.9'" if name in NUMBERS else f"{name}:unet")


def sort_runs(runs: Iterable[RunSummary], by: str, *, reverse: bool = False) -> list[RunSummary]:
    """The runs in an order of `SORTS`; those that lack the value come last, the newest first."""
    key, falls = (FALLING[by], True) if by in FALLING else (RISING[by], False)
    newest = sorted(runs, key=lambda run: -run.started)
    if by == NEWEST and not reverse:
        return newest
    values = [(key(run), run) for run in newest]
    known = [pair for pair in values if not _lacks(pair[0])]
    # Turned round like this, equal ones stay in their order.
    known.sort(key=lambda pair: pair[0], reverse=falls != reverse)
    return [run for _, run in known] + [run for value, run in values if _lacks(value)]


def _lacks(value: float | str) -> bool:
    return value == "" or (isinstance(value, float) and not math.isfinite(value))


def climb(means: Sequence[float]) -> float:
    """How much the mean Dice has risen over the last validations; NaN before there are two."""
    recent = means[-RECENT - 1 :]
    return recent[-1] - recent[0] if len(recent) > 1 else math.nan


def worst_dice(run: RunSummary) -> float:
    return run.dice.get(run.worst_class, math.nan) if run.worst_class is not None else math.nan


def run_row(run: RunSummary, now: float) -> dict[str, Any]:
    """A run by the names of `COLUMNS`; null where there is no value."""
    return {name: plain(value(run, now)) for name, value in VALUES.items()}


def run_rows(runs: Sequence[RunSummary], now: float) -> list[dict[str, Any]]:
    return [
        {**run_row(run, now), "dice": plain(run.dice), "not_bones": list(run.not_bones)}
        for run in runs
    ]
