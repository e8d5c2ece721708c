"""Signals that ask a training to stop."""

import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from handseg.errors import ExitCode
from handseg.train.interruption import StopRequest


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGUSR1, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.TERMINATED),
    ],
)
def test_a_signal_is_noted_and_ends_the_command_with_its_code(number, code):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert stop.name is None
        os.kill(os.getpid(), number)
        assert stop.name == signal.Signals(number).name
    assert signal.getsignal(number) == before
    error = stop.error(Path("runs/tiny-1"))
    assert error.exit_code == code
    assert error.hints == ("handseg train --resume tiny-1",)


def test_what_stopped_is_named_as_a_person_calls_it_and_the_line_to_type_finds_the_run():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.reason == "Ctrl-C"
    error = stop.error(Path("elsewhere/long night"))
    assert error.message == "stopped by Ctrl-C; a checkpoint is kept"
    assert error.hints == ("handseg train --resume 'long night' --runs elsewhere",)
    assert stop.error().hints == ()


def test_a_closed_terminal_stops_nothing_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_requested()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_does_not_wait():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.name == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_put_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError), StopRequest():
        raise ValueError
    assert signal.getsignal(signal.SIGINT) == before


LISTENER = """
import sys, time
from pathlib import Path
from handseg.train.interruption import StopRequest

with StopRequest() as stop:
    print("listening", flush=True)
    until = time.monotonic() + 30
    while not stop.is_requested() and time.monotonic() < until:
        time.sleep(0.01)
    print("a word to nobody", file=sys.stderr, flush=True)
    print("another", flush=True)
    Path("on_signal.txt").write_text(stop.reason)
"""


def test_words_to_a_terminal_that_was_closed_are_no_error(tmp_path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", LISTENER])
    assert b"listening" in os.read(terminal, 100)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (tmp_path / "on_signal.txt").read_text() == "SIGHUP"
