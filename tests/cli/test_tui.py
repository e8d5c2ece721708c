"""`handseg tui` from the command line: without a terminal, and in a real one (tmux)."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg.cli.main import application
from handseg.cli.tui import looks_alike
from handseg.runs import layout
from handseg.runs.lock import holder
from handseg.runs.writer import RunWriter

HANDSEG = [sys.executable, "-c", "from handseg.cli.main import main; main()"]

TRAINING = """
import sys, time
from pathlib import Path
import numpy as np
from handseg.anatomy import BONES
from handseg.runs.writer import RunWriter
facts = {"classes": BONES, "fold": 0, "epochs": 400, "steps_per_epoch": 5}
writer = RunWriter.create(Path(sys.argv[1]), "live", recipe_toml="", facts=facts)
image = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (64, 1))
planes = np.full((64, 64, 4), 0b10, np.uint8)
writer.preview(5, "hand.png", image, planes, planes)
for epoch in range(1, 400):
    for step in range(epoch * 5 - 4, epoch * 5 + 1):
        writer.step(step, loss=1 / step, lr=1e-4)
    dice = {name: 1 - 1 / (epoch + 1 + index) for index, name in enumerate(BONES)}
    writer.validation(step=epoch * 5, epoch=epoch, dice=dice)
    time.sleep(0.3)
"""


def handseg(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HANDSEG, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def one_run(tmp_path: Path) -> Path:
    facts = {"classes": ["Radius", "[red]x[/]"], "epochs": 3, "steps_per_epoch": 5}
    writer = RunWriter.create(tmp_path / "runs", "unet", recipe_toml="", facts=facts)
    writer.validation(step=5, epoch=1, dice={"Radius": 0.75, "[red]x[/]": 0.25})
    writer.end("finished")
    return tmp_path / "runs"


def test_without_a_terminal_it_says_so_and_ends_with_2(one_run):
    done = handseg("tui", "--runs", str(one_run))
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr
    assert "handseg tui --once" in done.stderr
    assert "Traceback" not in done.stderr


def test_once_prints_one_frame_on_a_pipe(one_run):
    done = handseg("tui", "--once", "--runs", str(one_run), "--cells", "100x30")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "✔ unet-1" in done.stdout
    assert "[red]x[/]" in done.stdout
    assert len(lines) == 30
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in done.stdout


def test_once_writes_an_svg_that_fetches_nothing(one_run, tmp_path):
    out = tmp_path / "frame.svg"
    done = handseg("tui", "--once", "--runs", str(one_run), "--out", str(out), "--screen", "viewer")
    assert (done.returncode, done.stdout) == (0, f"{out}\n")
    svg = out.read_text()
    assert "@font-face" not in svg
    assert "url(http" not in svg
    assert 'url("http' not in svg
    assert "unet-1" in svg.replace("&#160;", " ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cells", "wide"], "no size in cells"),
        (["--cells", "0x10"], "no size in cells"),
        (["--once", "--screen", "viewr"], "no screen 'viewr' (did you mean viewer?)"),
        (["--once", "--theme", "drak"], "no theme 'drak' (did you mean dark?)"),
        (["--once", "--demo", "--runs", "somewhere"], "--demo brings runs of its own"),
        (["--once", "--out", "frame.png"], "neither .svg nor .txt"),
        (["--out", "frame.svg"], "--once"),
    ],
)
def test_what_cannot_be_is_refused_with_2(arguments, said, monkeypatch, capsys):
    from handseg.cli.main import run

    monkeypatch.setenv("HANDSEG_RUNS", "nowhere")
    try:
        code = run(["tui", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_frame_of_the_demo_is_the_same_each_time_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    words = ("tui", "--once", "--demo", "--screen", "run", "--run", "segformer-2", "--read-only")
    first, second = (handseg(*words, "--theme", "safe", "--cells", "100x30") for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert "segformer-2  ✖ dead" in first.stdout
    assert "X stop" not in first.stdout
    assert list(tmp_path.iterdir()) == []


def test_once_begins_with_the_run_that_is_named(one_run):
    shown = handseg("tui", "--once", "--runs", str(one_run), "--run", "un", "--screen", "run")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "unet-1  ✔ finished" in shown.stdout
    missing = handseg("tui", "--once", "--runs", str(one_run), "--run", "nothing")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "there is no run 'nothing'" in missing.stderr


def test_in_a_terminal_it_draws_until_q_and_leaves_it_as_it_was(one_run):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LINES="24", COLUMNS="80")
        os.execv(HANDSEG[0], [*HANDSEG, "tui", "--runs", str(one_run)])
    drawn = read_until(terminal, b"unet-1")
    # The other screen was asked for; after q it is given back.
    assert b"\x1b[?1049h" in drawn
    os.write(terminal, b"q")
    assert b"\x1b[?1049l" in read_until(terminal, b"\x1b[?1049l")
    while select.select([terminal], [], [], 1)[0] and readable(terminal):
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back_as_q_does(one_run, number):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LINES="24", COLUMNS="80")
        os.execv(HANDSEG[0], [*HANDSEG, "tui", "--runs", str(one_run)])
    drawn = read_until(terminal, b"unet-1")
    os.kill(pid, number)
    drawn += read_until(terminal, b"ended by")
    for mode in (b"?1049", b"?1003", b"?1006", b"?2004"):
        assert drawn.rfind(mode + b"l") > drawn.rfind(mode + b"h")
    assert drawn.rfind(b"?25h") > drawn.rfind(b"?25l")
    while select.select([terminal], [], [], 1)[0] and readable(terminal):
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143
    os.close(terminal)


def read_until(terminal: int, wanted: bytes, seconds: float = 120.0) -> bytes:
    found, limit = b"", time.monotonic() + seconds
    while wanted not in found and time.monotonic() < limit:
        if select.select([terminal], [], [], 0.1)[0]:
            found += readable(terminal)
    return found


def readable(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Linux tells the end of a pseudo terminal so.
        return b""


NOT_OF_A_PANE = ("TMUX", "COLORTERM", "COLUMNS", "LINES")
"""Of the environment; a worker of pytest-xdist has a size of its own, which a pane must not."""
PATIENCE = 120.0
"""Seconds until a screen is given up: several workers may share two cores."""


class Terminal:
    """A terminal in tmux, with a server of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = f"handseg-{uuid.uuid4().hex[:8]}"
        self.folder = folder

    def tmux(self, *arguments: str) -> str:
        environment = {k: v for k, v in os.environ.items() if k not in NOT_OF_A_PANE}
        command = ["tmux", "-L", self.socket, "-f", "/dev/null", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=self.folder
        ).stdout

    def start(self, *command: str) -> None:
        # The shell tells how it ended: a busy tmux may miss that the process of a pane is gone.
        line = f'{shlex.join(command)}; echo "ended with $?"; sleep 60'
        self.tmux("new-session", "-d", "-s", "it", "-x", "120", "-y", "40", "sh", "-c", line)

    @property
    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "it")

    def until(self, holds: Callable[[str], bool]) -> str:
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            if holds(screen := self.screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"never came true; the screen:\n{self.screen}")

    def press(self, key: str) -> None:
        self.tmux("send-keys", "-t", "it", key)


@pytest.fixture
def terminal(tmp_path):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    found = Terminal(tmp_path)
    yield found
    subprocess.run(["tmux", "-L", found.socket, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def training(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", TRAINING, str(tmp_path / "runs")])
    while not (tmp_path / "runs").is_dir():
        time.sleep(0.05)
    yield child
    child.kill()
    child.wait()


def epoch_shown(screen: str) -> int:
    line = next((line for line in screen.splitlines() if "● live-1" in line), "")
    field = next((word for word in line.split() if word.endswith("/400")), "0/400")
    return int(field.partition("/")[0])


def test_the_dashboard_follows_a_training_in_a_real_terminal(terminal, training):
    terminal.start(*HANDSEG, "tui", "--runs", "runs")
    first = epoch_shown(terminal.until(lambda screen: epoch_shown(screen) > 0))
    terminal.until(lambda screen: epoch_shown(screen) > first)
    terminal.press("?")
    terminal.until(lambda screen: "this page" in screen)
    terminal.press("Escape")
    terminal.until(lambda screen: "this page" not in screen)
    terminal.press("Enter")
    terminal.until(lambda screen: "hand.png" in screen and "▀▀▀" in screen)
    terminal.press("1")
    terminal.until(lambda screen: "[1 Runs]" in screen)
    training.kill()
    terminal.until(lambda screen: "✖ live-1" in screen and "--resume live-1" in screen)
    terminal.press("q")
    terminal.until(lambda screen: "ended with 0" in screen)


@pytest.fixture
def real_training(tiny_recipe):
    """A real training of the run `mine`; it is ended, whoever has gone on with it."""
    words = ("train", "tiny.toml", "--name", "mine", "--no-progress", "-q")
    sets = ("--set", "train.epochs=4000", "--set", "train.batch_size=2")
    child = subprocess.Popen([*HANDSEG, *words, *sets])
    yield child
    child.kill()
    child.wait()
    pid = holder(tiny_recipe.parent / "runs" / "mine" / layout.LOCK)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def epoch_of_mine(screen: str) -> int:
    found = re.search(r"● mine +(\d+)/4000", screen) or re.search(r" (\d+)/4000 · step", screen)
    return int(found[1]) if found else 0


def test_a_real_training_is_found_stopped_and_resumed(terminal, real_training, workplace):
    # Until there is a run, the data set is shown.
    terminal.start(*HANDSEG, "tui")
    terminal.until(lambda screen: "●1" in screen)
    terminal.press("1")
    terminal.until(lambda screen: epoch_of_mine(screen) > 0)
    facts = {"classes": ["Radius"], "epochs": 3, "steps_per_epoch": 5}
    RunWriter.create(workplace / "runs", "other", recipe_toml="", facts=facts).end("finished")
    terminal.until(lambda screen: "✔ other-1" in screen)
    terminal.press("Home")
    terminal.until(lambda screen: "─ other-1 ─" in screen)
    terminal.press("Down")
    terminal.until(lambda screen: "─ mine ─" in screen and "Pisiform" in screen)
    terminal.press("2")
    terminal.until(lambda screen: "[2 Classes]" in screen)
    terminal.press("Down")
    terminal.press("5")
    first = epoch_of_mine(terminal.until(lambda screen: "mine  ● running" in screen))
    terminal.until(lambda screen: epoch_of_mine(screen) > first)
    terminal.press("X")
    terminal.until(lambda screen: f"kill -TERM {real_training.pid}" in screen)
    terminal.press("y")
    stopped = terminal.until(lambda screen: "mine  ■ stopped" in screen)
    assert real_training.wait(PATIENCE) == 143
    terminal.press("R")
    terminal.until(lambda screen: "handseg train --resume mine" in screen)
    terminal.press("y")
    done = epoch_of_mine(stopped)
    terminal.until(lambda screen: "mine  ● running" in screen and epoch_of_mine(screen) > done + 1)
    terminal.press("q")
    terminal.until(lambda screen: "ended with 0" in screen)
    # What was resumed outlives the dashboard.
    pid = holder(workplace / "runs" / "mine" / layout.LOCK)
    assert pid is not None
    assert pid != real_training.pid


@pytest.mark.parametrize("option", ["--runs", "--data"])
def test_a_folder_that_does_not_exist_is_refused(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(application(), ["tui", "--once", option, "nowhere"])
    assert done.exit_code == 2
    assert f"{option} nowhere: there is no such folder" in done.stderr


def test_a_terminal_that_cannot_move_its_cursor_is_refused(terminal):
    terminal.start("env", "TERM=dumb", *HANDSEG, "tui")
    terminal.until(lambda screen: "terminal of the kind dumb" in screen)
    terminal.until(lambda screen: "ended with 2" in screen)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"NO_COLOR": "1", "TERM": "xterm-256color"}, "no colours"),
        ({"TERM": "xterm"}, "16 colours"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, ""),
    ],
)
def test_few_colours_are_said_where_bones_look_alike(monkeypatch, environment, said):
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment | {"FORCE_COLOR": "1"}).items():
        monkeypatch.setenv(name, value)
    assert looks_alike().partition(":")[0] == said
