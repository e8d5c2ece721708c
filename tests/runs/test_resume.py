"""A resume at step s cancels what was logged for later steps, for every reader."""

import numpy as np
import pytest

from handseg.errors import UsageError
from handseg.runs import layout
from handseg.runs.artifacts import list_previews
from handseg.runs.history import RunFollower, read_run
from handseg.runs.index import summarise_run
from handseg.runs.writer import RunWriter


@pytest.fixture
def resumed(make_run):
    """Trained to step 15 with the best at 15, then resumed at 10 and validated worse at 12."""
    writer = make_run()
    image, planes = np.zeros((8, 8), np.uint8), np.ones((8, 8, 1), np.uint8)
    for step, value in ((5, 0.5), (10, 0.6), (15, 0.9)):
        writer.step(step, loss=float(step))
        writer.scores(step, ["a"], ["finger-1", "Radius"], np.full((1, 2), value))
        writer.preview(step, "a.png", image, planes, planes)
        writer.validation(
            step=step, epoch=step / 5, dice=dict.fromkeys(("finger-1", "Radius"), value)
        )
    writer.end("stopped")
    return RunWriter.resume(writer.folder, step=10, facts={"threads": 2})


def test_the_best_is_the_best_of_what_still_counts(resumed):
    assert summarise_run(resumed.folder).best_dice == 0.6
    assert not resumed.validation(step=12, epoch=2.4, dice={"finger-1": 0.55, "Radius": 0.55})
    resumed.end("finished")
    summary = summarise_run(resumed.folder)
    assert (summary.best_dice, summary.last_dice) == (0.6, 0.55)
    assert summary.means == (0.5, 0.6, 0.55)


def test_cancelled_validations_steps_scores_and_previews_are_gone(resumed):
    resumed.step(11, loss=11.0)
    resumed.end("finished")
    found = read_run(resumed.folder)
    assert found.validation_steps.tolist() == [5, 10]
    assert found.steps["loss"].steps.tolist() == [5, 10, 11]
    assert list_previews(resumed.folder)[0].steps == (5, 10)
    assert not (resumed.folder / layout.SCORES / "00000015.npz").exists()


def test_the_run_is_running_again_under_its_old_id(resumed):
    summary = summarise_run(resumed.folder)
    assert (summary.state, summary.step) == ("running", 10)
    assert read_run(resumed.folder).run["threads"] == 2
    resumed.end("finished")


def test_a_run_that_is_being_trained_cannot_be_resumed(resumed):
    with pytest.raises(UsageError, match="another process"):
        RunWriter.resume(resumed.folder, step=10, facts={})
    resumed.end("finished")


def test_a_reader_that_follows_sees_the_resume_too(make_run):
    writer = make_run()
    follower = RunFollower(writer.folder)
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    writer.validation(step=10, epoch=2, dice={"finger-1": 0.7})
    assert follower.refresh().validation_steps.tolist() == [5, 10]
    writer.end("stopped")
    again = RunWriter.resume(writer.folder, step=5, facts={})
    again.validation(step=8, epoch=1.6, dice={"finger-1": 0.6})
    assert follower.refresh().validation_steps.tolist() == [5, 8]
    again.end("finished")


def test_a_line_torn_by_a_kill_is_passed_over_and_does_not_spoil_the_next(make_run):
    writer = make_run()
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    writer.end("stopped")
    with (writer.folder / layout.EVENTS).open("ab") as file:
        file.write(b'{"v":1,"kind":"valida')
    assert summarise_run(writer.folder).last_dice == 0.5
    again = RunWriter.resume(writer.folder, step=5, facts={})
    again.validation(step=10, epoch=2, dice={"finger-1": 0.6})
    again.end("finished")
    details = read_run(writer.folder)
    assert details.validation_steps.tolist() == [5, 10]
    # The very next one after the torn line too.
    assert [event["step"] for event in details.events if event["kind"] == "resume"] == [5]


def test_a_resume_that_fails_gives_the_lock_back(make_run):
    writer = make_run()
    writer.end("stopped")
    facts = writer.folder / layout.RUN
    content = facts.read_bytes()
    facts.unlink()
    with pytest.raises(FileNotFoundError):
        RunWriter.resume(writer.folder, step=0, facts={})
    facts.write_bytes(content)
    RunWriter.resume(writer.folder, step=0, facts={}).end("stopped")


def test_the_epochs_are_those_that_the_resume_was_told(make_run):
    writer = make_run(epochs=1)
    writer.end("finished")
    RunWriter.resume(writer.folder, step=5, facts={"epochs": 2}).end("finished")
    assert summarise_run(writer.folder).epochs == 2
