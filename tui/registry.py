"""The screens of the dashboard; imports none of them: the command line lists their names.

A new screen is a module in `screens/`, a line here, and its rows in the table of keys.
"""

from importlib import import_module
from typing import Any, NamedTuple


class ScreenEntry(NamedTuple):
    """A screen: the key that brings it, what it is called, and the class that draws it."""

    key: str
    title: str
    path: str

    @property
    def label(self) -> str:
        return f"{self.key} {self.title}"

    def load(self) -> Any:
        module, _, name = self.path.rpartition(".")
        return getattr(import_module(module), name)


SCREENS = {
    "runs": ScreenEntry("1", "Runs", "tui.screens.runs.RunsScreen"),
    "classes": ScreenEntry("2", "Classes", "tui.screens.classes.ClassesScreen"),
    "viewer": ScreenEntry("3", "Viewer", "tui.screens.viewer.ViewerScreen"),
    "run": ScreenEntry("5", "Run", "tui.screens.run.RunScreen"),
}
"""By name, in their order; the first is the one to which escape leads."""
