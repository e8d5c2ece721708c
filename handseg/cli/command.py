"""What commands share: options, words after the verb, examples in the help, errors as messages."""

import functools
import inspect
import os
import re
import signal
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.console import say, verbosity
from handseg.errors import ExitCode, HandsegError, UsageError
from handseg.text import pixels_text, shown
from handseg.work import install_handlers, restore_handlers

PLACES = ("HANDSEG_DATA", "HANDSEG_RUNS")
"""Environment variables that name the data set and the folder of runs."""

_SIZE = re.compile(r"([1-9][0-9]{0,5})[xX×]([1-9][0-9]{0,5})")
ENDING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
STREAM = Path("-")
"""As `--out`: stdout."""

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data set [default: HANDSEG_DATA, else data]."),
]
Runs = Annotated[
    Path | None,
    typer.Option(
        "--runs", metavar="DIR", help="The folder of runs [default: HANDSEG_RUNS, else runs]."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Where it goes.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists.")]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="HxW",
        help="Pixels of images whose size nothing else says [default: 2048x2048].",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Processes [default: one a core]."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Change a value of the recipe; may be repeated."),
]


def data_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("HANDSEG_DATA") or "data")


def is_data_named(given: Path | None) -> bool:
    return given is not None or bool(os.environ.get("HANDSEG_DATA"))


def runs_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("HANDSEG_RUNS") or "runs")


def pixels(given: str | None) -> tuple[int, int]:
    """(height, width) of an `--image-size`; the competition's where none was given.

    Raises:
        UsageError: it is not two numbers.
    """
    from handseg.rle.aligned import DEFAULT_SIZE

    if given is None:
        return DEFAULT_SIZE
    match = _SIZE.fullmatch(given.strip())
    if match is None:
        square = f"{given.strip()}x{given.strip()}"
        example = square if _SIZE.fullmatch(square) else "2048x2048"
        raise UsageError(
            f"--image-size {given} is no height and width", hints=[f"--image-size {example}"]
        )
    return int(match[1]), int(match[2])


def say_if_unused(
    given: str | None, said: Mapping[str, tuple[int, int]], images: Iterable[str]
) -> None:
    """Say that an `--image-size` is not asked where files say the sizes of all images."""
    sizes = dict.fromkeys(said.get(image) for image in images)
    if given is None or not sizes or None in sizes:
        return
    if pixels(given) in sizes:
        console.info("--image-size is not needed: the sizes of all images are known")
    else:
        known = shown([pixels_text(size) for size in sizes if size is not None])
        console.warn(f"--image-size {given} is not asked: the images are {known} (width × height)")


def check_out(out: Path | None, force: bool, *, is_csv: bool = True) -> None:
    """Before any work: raise UsageError where `--out` cannot be written, or means no CSV."""
    if out is None or out == STREAM:
        return
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if out.exists() and not out.is_file():
        # A file would take the place of a device or a pipe.
        raise UsageError(f"--out {out} is no file", hints=["--out - writes to stdout"])
    if out.suffix == ".gz":
        raise UsageError(f"--out {out}: what is written is not packed", hints=["--out - | gzip"])
    if is_csv and out.suffix.lower() not in ("", ".csv", ".txt"):
        raise UsageError(
            f"--out {out}: what is written is a CSV",
            hints=[
                f"--out {out.with_suffix('.csv')}",
                "handseg convert CSV --to png   # or coco, labelme: masks for other tools",
            ],
        )
    if out.exists() and not force:
        raise UsageError(f"{out} exists", hints=["--force replaces it", "or choose another --out"])


COMMON: dict[str, Any] = {
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")],
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show where an error arose.")],
    "no_progress": Annotated[bool, typer.Option("--no-progress", help="Show no bars.")],
}


class EndedBySignal(SystemExit):
    """One of `ENDING`: a command ends as by Ctrl-C, with nothing half written and a cursor."""

    def __init__(self, number: int) -> None:
        super().__init__(int(ExitCode.TERMINATED))
        self.name = signal.Signals(number).name


def end_by_signal(number: int, frame: object) -> None:
    raise EndedBySignal(number)


def epilog(examples: Sequence[str]) -> str:
    # \b keeps the lines of a paragraph apart.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)


def command(*, examples: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command of handseg.

    Adds `-q -v --debug --no-progress`, ends its help with the examples and turns what it raises
    into a message on stderr and an exit code.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            flags = {name: arguments.pop(name) for name in COMMON}
            before = vars(verbosity).copy()
            set_verbosity(flags)

            def work() -> None:
                if arguments.get("json_") and arguments.get("csv_"):
                    raise UsageError("--json and --csv are two formats; give one of them")
                function(**arguments)

            before_signals = install_handlers(ENDING, end_by_signal)
            try:
                code = guarded(work)
            except EndedBySignal as end:
                say(f"ended by {end.name}")
                code = ExitCode.TERMINATED
            finally:
                restore_handlers(before_signals)
                vars(verbosity).update(before)
            if code:
                raise typer.Exit(code)

        signature = inspect.signature(function)
        common = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for name, kind in COMMON.items()
        ]
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
        ]
        run.__signature__ = signature.replace(parameters=parameters + common)  # type: ignore[attr-defined]
        run.__annotations__ = {**function.__annotations__, **COMMON}
        run.examples = tuple(examples)  # type: ignore[attr-defined]
        return run

    return decorate


def set_verbosity(flags: dict[str, bool]) -> None:
    """Take over what the command line says of talking; a caller's `-q` or `--no-progress` stays."""
    verbosity.quiet |= flags["quiet"]
    verbosity.verbose |= flags["verbose"]
    verbosity.debug |= flags["debug"]
    verbosity.bars &= not flags["no_progress"]
    if verbosity.quiet or not verbosity.bars:
        # Of downloads: the hub's library asks the environment when it is loaded.
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def guarded(work: Callable[[], None]) -> ExitCode:
    """Run it; a failure becomes a message on stderr and an exit code."""
    try:
        work()
    except HandsegError as error:
        complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our stdout has gone (`| head`): end as other tools do, without a word.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.raise_signal(signal.SIGPIPE)
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except OSError as error:
        # The disk, the rights, the network: the machine's word is the best that there is.
        if verbosity.debug:
            say(traceback.format_exc())
        place = f": {error.filename}" if error.filename else ""
        say(f"error: {error.strerror or error}{place}")
        if is_in_cache(error.filename):
            say("  → HANDSEG_CACHE=DIR names another place for what can be made again")
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - the border where a person is told
        if verbosity.debug:
            say(traceback.format_exc())
        say(f"error: {type(error).__name__}: {error}")
        say("  this is a fault of handseg or of the machine; --debug shows where it arose.")
        return ExitCode.FAILED
    return ExitCode.DONE


def is_in_cache(name: object) -> bool:
    """Whether a file belongs to what can be made again."""
    from handseg.data.storage import cache_root

    place = cache_root()
    return isinstance(name, str) and place in (Path(name), *Path(name).parents)


def complain(error: HandsegError) -> None:
    """What happened, why, and what to type."""
    if verbosity.debug:
        say(traceback.format_exc())
    say(f"error: {error.message}")
    for line in error.details.splitlines():
        say(f"  {line}")
    for hint in error.hints:
        say(f"  → {hint}")
