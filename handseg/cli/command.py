"""What every command has: words after the verb, examples in its help, errors as messages."""

import functools
import inspect
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from handseg.cli.console import verbosity
from handseg.errors import ExitCode, HandsegError, UsageError

COMMON: dict[str, Any] = {
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")],
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show where an error arose.")],
    "no_progress": Annotated[bool, typer.Option("--no-progress", help="Show no bars.")],
}


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

            try:
                code = guarded(work)
            finally:
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


def guarded(work: Callable[[], None]) -> ExitCode:
    """Run it; a failure becomes a message on stderr and an exit code."""
    try:
        work()
    except HandsegError as error:
        complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        tell("interrupted")
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
            traceback.print_exc()
        place = f": {error.filename}" if error.filename else ""
        tell(f"error: {error.strerror or error}{place}")
        if is_in_cache(error.filename):
            tell("  → HANDSEG_CACHE=DIR names another place for what can be made again")
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - the border where a person is told
        if verbosity.debug:
            traceback.print_exc()
        tell(f"error: {type(error).__name__}: {error}")
        tell("  this is a fault of handseg or of the machine; --debug shows where it arose.")
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
        traceback.print_exc()
    tell(f"error: {error.message}")
    for line in error.details.splitlines():
        tell(f"  {line}")
    for hint in error.hints:
        tell(f"  → {hint}")


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
