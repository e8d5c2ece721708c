"""The watcher tells of every run that is followed, however quickly that changes."""

from handseg.runs.writer import RunWriter
from tui.watcher import Watcher


def test_a_run_that_was_let_go_of_for_a_moment_is_read_again(tmp_path):
    """As a filter that is typed quickly does: what was read of the run is forgotten meanwhile."""
    writer = RunWriter.create(tmp_path, "unet", recipe_toml="", facts={"classes": ["Ulna"]})
    writer.end("stopped", "Ctrl-C")
    posted = []
    watcher = Watcher(tmp_path, posted.append)
    watcher.follow(["unet-1"])
    watcher.look()
    watcher.look()
    assert sum(isinstance(message, Watcher.RunRead) for message in posted) == 1
    watcher.follow([])
    watcher.follow(["unet-1"])
    watcher.look()
    assert sum(isinstance(message, Watcher.RunRead) for message in posted) == 2
