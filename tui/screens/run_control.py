"""Stop and resume on the Run screen: a proof, a question, then the action, in a thread."""

import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from handseg.errors import ExitCode, HandsegError
from handseg.runs import control, layout
from handseg.runs.control import resume_command
from handseg.runs.summary import RunSummary
from handseg.text import one_line
from tui.screens.dashboard_screen import DashboardScreen
from tui.theme import theme_of

ENDED_WELL = (ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERMINATED)

STOP = (
    "The training is sent SIGTERM. It finishes its step, keeps a checkpoint",
    "and ends; the list shows it as stopped, and R goes on with it.",
)
RESUME = (
    "The training goes on from its last checkpoint, in a process of its own:",
    f"it stays when this dashboard is quit. What it says goes to {layout.LOG}.",
)


class AskScreen(ModalScreen[bool]):
    """Says what would be done and asks; or, without a question, only what to type."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n,escape", "answer(False)", "no", show=False),
    ]

    def __init__(
        self, title: str, says: Sequence[str], command: str = "", *, asks: bool = True
    ) -> None:
        super().__init__()
        self._title = title
        self._says = tuple(says)
        self._command = command
        self._asks = asks

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="ask"):
            yield Static(self._text())

    def _text(self) -> Text:
        theme = theme_of(self)
        lines = [Text(one_line(self._title), f"bold {theme.text}"), Text("")]
        lines += [Text(one_line(line), theme.text) for line in self._says]
        if self._command:
            lines += [Text(""), Text(f"  {one_line(self._command)}", theme.accent)]
        return Text("\n").join([*lines, Text(""), self._keys()])

    def _keys(self) -> Text:
        theme = theme_of(self)
        if not self._asks:
            return Text("esc closes this", theme.dim)
        parts = [(" y ", theme.accent), ("do it    ", theme.dim)]
        return Text.assemble(*parts, (" n ", theme.accent), ("leave it", theme.dim))

    def action_answer(self, answer: bool) -> None:
        """Close with the answer; without a question it is always no."""
        self.dismiss(answer and self._asks)


class RunControlScreen(DashboardScreen):
    """A screen from which the highlighted run is stopped and resumed."""

    @dataclass
    class Proven(Message):
        """Something may be done to a run: ask the person."""

        run: RunSummary
        action: Literal["stop", "resume"]

    @dataclass
    class Refused(Message):
        """Something may not be done to a run from here."""

        error: HandsegError

    def action_stop(self) -> None:
        """Ask whether the run is to be stopped, if it is proven which process that is."""
        run = self._run_to_change()
        if run is None:
            return
        if not run.is_live:
            self.say(f"{run.name} does not run: it is {run.state}")
            return
        self._try(lambda: control.proven_process(run.folder), self.Proven(run, "stop"))

    def action_resume(self) -> None:
        """Ask whether to go on with the run, if that can be done from here."""
        run = self._run_to_change()
        if run is not None and self.state.demo:
            self.say("a run of the demo cannot go on: it trains nothing")
        elif run is not None:
            self._try(lambda: control.check_resumable(run.folder), self.Proven(run, "resume"))

    def _run_to_change(self) -> RunSummary | None:
        """The highlighted run, unless nothing may be changed."""
        if self.state.read_only:
            return None
        if self.state.run is None:
            self.say("no run is chosen")
        return self.state.run

    def _try(self, work: Callable[[], object], then: Message) -> None:
        """Do it in a thread: a file system may let one wait. `then` tells that it is done."""

        def attempt() -> None:
            try:
                work()
            except HandsegError as error:
                self.post_message(self.Refused(error))
            except OSError as error:
                self.post_message(self.Said(f"error: {error.strerror or error}"))
            else:
                self.post_message(then)

        self.run_worker(attempt, thread=True, group="control")

    @on(Refused)
    def explain(self, event: Refused) -> None:
        """Say why not, and what to type instead."""
        error = event.error
        command = error.hints[0] if error.hints else ""
        self._push(AskScreen(error.message, error.details.splitlines(), command, asks=False))

    @on(Proven)
    def ask(self, event: Proven) -> None:
        """Show the command and ask."""
        run = event.run
        if event.action == "stop":
            title, says, command = f"Stop {run.name}?", STOP, control.stop_command(run)
            says = (*says, f"pid {run.pid} on {run.host} holds the lock of the run.")
        else:
            title, says, command = f"Resume {run.name}?", RESUME, resume_command(run) or ""

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(run, event.action)

        self._push(AskScreen(title, says, command), answered)

    def _push(
        self, question: AskScreen, answered: Callable[[bool | None], None] | None = None
    ) -> None:
        self.app.push_screen(question, answered)  # pyright: ignore[reportUnknownMemberType]

    def _do(self, run: RunSummary, action: Literal["stop", "resume"]) -> None:
        if action == "stop":
            said = self.Said(f"{run.name} was asked to stop: it finishes its step")
            self._try(lambda: control.ask_to_stop(run.folder), said)
        else:
            said = self.Said(f"{run.name} goes on in a process of its own: its log tells how")
            self._try(lambda: self._start(run.folder), said)

    def _start(self, folder: Path) -> None:
        child = control.start_resume(folder)
        # No worker: quitting would wait for it, and so for the whole training.
        threading.Thread(target=self._await_end, args=(folder.name, child), daemon=True).start()

    def _await_end(self, name: str, child: subprocess.Popen[bytes]) -> None:
        """Reap the process, and say so where it failed."""
        code = child.wait()
        if code not in ENDED_WELL:
            self.post_message(self.Said(f"{name} could not go on (exit {code}): its log tells why"))
