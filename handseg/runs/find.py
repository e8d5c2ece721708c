"""What a person may type for a run: a path, a name, a unique prefix, or `last`."""

from pathlib import Path

from handseg.errors import InputError
from handseg.runs import layout
from handseg.runs.index import list_runs, run_names
from handseg.runs.summary import RunSummary
from handseg.text import listed

LAST = "last"
SHOWN = 8


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
