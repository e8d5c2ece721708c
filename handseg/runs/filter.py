"""The small language that chooses runs: `unet state:running,quiet 'dice>0.9' !fold:0`."""

import math
import operator
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from handseg.errors import UsageError, did_you_mean
from handseg.runs.summary import STATES, RunSummary

Test = Callable[[RunSummary, float], bool]
"""Whether a run holds, at a time in seconds since 1970."""

TEXTS: Mapping[str, Callable[[RunSummary], str]] = {
    "name": lambda run: run.name,
    "recipe": lambda run: run.recipe,
    "model": lambda run: run.model,
    "host": lambda run: run.host,
}
"""Fields of which a part is enough."""
WHOLES: Mapping[str, Callable[[RunSummary], str]] = {
    "state": lambda run: run.state,
    "fold": lambda run: "" if run.fold is None else str(run.fold),
    "worst": lambda run: run.worst_class or "",
}
"""Fields that are named whole, or with `*` for what is left out."""
NUMBERS: Mapping[str, Callable[[RunSummary, float], float]] = {
    "dice": lambda run, now: run.last_dice,
    "best": lambda run, now: run.best_dice,
    "epoch": lambda run, now: run.epoch,
    "step": lambda run, now: float(run.step),
    "age": lambda run, now: run.age(now),
    "left": lambda run, now: run.eta,
}
"""Fields that are compared; `age` (since the run last wrote) and `left` are times."""
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

_WORDS = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+""")
_QUOTES = re.compile(r""""([^"]*)"|'([^']*)'""")
_FIELD = re.compile(r"([A-Za-z_]+)(<=|>=|==|=|<|>|:)(.*)", re.DOTALL)
_TIME = re.compile(r"(\d+\.?\d*|\.\d+)([smhdw])")


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
    plain = _unquoted(word)
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
    if name in TEXTS:
        text = TEXTS[name]
        return lambda run, now: any(part in text(run).lower() for part in wanted)
    if name == "state":
        _check_states(wanted)
    if name == "fold":
        _check_folds(wanted)
    whole = WHOLES[name]

    def is_one(run: RunSummary, now: float) -> bool:
        found = whole(run).lower()
        return any(found == value or fnmatchcase(found, value) for value in wanted)

    return is_one


def _check_states(wanted: list[str]) -> None:
    for state in wanted:
        if state not in STATES and "*" not in state:
            raise UsageError(
                f"there is no state {state!r}{did_you_mean(state, STATES)}",
                details=f"states: {', '.join(STATES)}",
            )


def _check_folds(wanted: list[str]) -> None:
    for fold in wanted:
        if not fold.isdecimal():
            raise UsageError(f"fold:{fold}: folds are numbers", hints=[_example("fold")])


def _comparison(name: str, sign: str, value: str) -> Test:
    if sign not in COMPARISONS:
        raise UsageError(f"{name}{sign}{value}: {name} is compared", hints=[_example(name)])
    of_run, compare, limit = NUMBERS[name], COMPARISONS[sign], _limit(name, sign, value)
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
    if name in NUMBERS:
        return {"age": "'age<2d'", "left": "'left<1h'", "epoch": "'epoch>=10'"}.get(
            name, f"'{name}>0.9'"
        )
    values = {"state": "running,quiet", "fold": "0", "worst": "Pisiform", "recipe": "segformer"}
    return f"{name}:{values.get(name, 'unet')}"


def _unquoted(word: str) -> str:
    return _QUOTES.sub(lambda match: match[1] if match[1] is not None else match[2], word)
