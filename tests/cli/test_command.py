"""What every command has: its words, errors as messages, exit codes."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from handseg.cli import console
from handseg.cli.command import command
from handseg.errors import (
    FailedError,
    InputError,
    InterruptedByPersonError,
    TerminatedError,
    UsageError,
)


@pytest.fixture
def type_line():
    """Run a command whose body is given; its words come as on a command line."""

    def run(body, *words):
        @command(examples=["handseg thing"])
        def thing() -> None:
            """Do a thing."""
            body()

        app = typer.Typer()
        app.command()(thing)
        return CliRunner().invoke(app, list(words))

    return run


def raising(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FailedError("it failed"), 1),
        (UsageError("it was asked wrongly"), 2),
        (InputError("it is missing"), 3),
        (InterruptedByPersonError("stopped by Ctrl-C"), 130),
        (TerminatedError("stopped by SIGTERM"), 143),
    ],
)
def test_an_error_becomes_a_message_on_stderr_and_its_exit_code(type_line, error, code):
    error.details, error.hints = "first reason\nsecond reason", ("handseg demo",)
    done = type_line(raising(error))
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.splitlines() == [
        f"error: {error.message}",
        "  first reason",
        "  second reason",
        "  → handseg demo",
    ]


def test_ctrl_c_ends_with_130(type_line):
    done = type_line(raising(KeyboardInterrupt()))
    assert (done.exit_code, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("error", [RuntimeError("a cable"), KeyError("x"), AssertionError()])
def test_what_nobody_foresaw_is_one_message_with_where_it_arose_on_demand(type_line, error):
    done = type_line(raising(error))
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error: {type(error).__name__}" in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr
    shown = type_line(raising(error), "--debug")
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr
    assert "in body" in shown.stderr


def test_debug_shows_where_a_foreseen_error_arose_too(type_line):
    assert "Traceback" in type_line(raising(InputError("x")), "--debug").stderr


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_that_a_command_chose_is_its_own(type_line, code):
    done = type_line(raising(typer.Exit(code)))
    assert (done.exit_code, done.stderr) == (code, "")


@pytest.fixture
def slow_work(monkeypatch):
    """Any work is long enough for a bar."""
    monkeypatch.setattr(console, "PATIENCE", 0)


@pytest.mark.usefixtures("slow_work")
def test_quiet_silences_words_and_bars_but_neither_results_warnings_nor_errors(type_line):
    def talk():
        console.info("for a person")
        console.debug("for a curious one")
        console.warn("for every person")
        with console.progress("working") as bar:
            bar(1, 1, "done")
        console.out("result")
        raise InputError("missing")

    loud, quiet, curious = (type_line(talk, *words) for words in ([], ["-q"], ["-v"]))
    assert [one.stdout for one in (loud, quiet, curious)] == ["result\n"] * 3
    assert "for a person" in loud.stderr
    assert "working" in loud.stderr
    assert quiet.stderr == "warning: for every person\nerror: missing\n"
    assert "for a curious one" in curious.stderr
    assert "for a curious one" not in loud.stderr


@pytest.mark.usefixtures("slow_work")
def test_no_progress_leaves_out_the_bars_only(type_line):
    def talk():
        console.info("for a person")
        with console.progress("working") as bar:
            bar(1, 1, "done")

    assert type_line(talk, "--no-progress").stderr == "for a person\n"


def test_the_verbosity_of_one_command_is_not_that_of_the_next(type_line):
    type_line(lambda: None, "-q", "-v", "--debug", "--no-progress")
    assert vars(console.verbosity) == vars(console.Verbosity())
    type_line(raising(RuntimeError()), "-q")
    assert vars(console.verbosity) == vars(console.Verbosity())


def test_what_the_machine_refuses_is_said_in_its_words(type_line):
    done = type_line(raising(PermissionError(13, "Permission denied", "/data/x")))
    assert (done.exit_code, done.stderr) == (1, "error: Permission denied: /data/x\n")


def test_a_word_that_no_command_has_is_exit_2(type_line):
    assert type_line(lambda: None, "--lout").exit_code == 2


def test_work_that_is_done_at_once_draws_no_bar(type_line):
    def quick():
        with console.progress("working") as bar:
            bar(1, 1, "done")

    assert type_line(quick).stderr == ""


@pytest.mark.usefixtures("slow_work")
def test_work_that_finds_itself_done_draws_no_bar(type_line):
    def idle():
        with console.progress("working"):
            pass

    assert type_line(idle).stderr == ""


@pytest.mark.usefixtures("slow_work")
def test_data_is_never_markup_in_a_bar(type_line):
    def talk():
        with console.progress("[red]title[/]") as bar:
            bar(1, 2, "[bold]x[/]")

    done = type_line(talk)
    assert done.exit_code == 0
    assert "[red]title[/]" in done.stderr


def test_a_reader_that_has_gone_ends_a_command_without_a_word():
    script = """
import typer
from handseg.cli import console
from handseg.cli.command import command

@command(examples=[])
def lines() -> None:
    for number in range(100000):
        console.out(str(number))

app = typer.Typer()
app.command()(lines)
app()
"""
    line = f"{sys.executable} -c '{script}' | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.usefixtures("slow_work")
@pytest.mark.parametrize("title", ["wrist: planning", "predicting the held-out people"])
def test_a_narrow_bar_cuts_its_note_not_its_figures(monkeypatch, capsys, title):
    monkeypatch.setenv("COLUMNS", "80")
    with console.progress(title) as bar:
        bar(336, 336, "image1661176168670-finger-16.png")
    line = capsys.readouterr().err.splitlines()[-1]
    assert "336/336" in line
    assert "…" not in line


@pytest.mark.parametrize(
    ("name", "hinted"), [(".handseg", True), (".handseg/labels/x", True), ("runs/x", False)]
)
def test_a_cache_that_cannot_be_written_may_lie_elsewhere(type_line, monkeypatch, name, hinted):
    monkeypatch.delenv("HANDSEG_CACHE", raising=False)
    done = type_line(raising(OSError(30, "Read-only file system", name)))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: Read-only file system: {name}\n")
    assert ("HANDSEG_CACHE=DIR" in done.stderr) is hinted
