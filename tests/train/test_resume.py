"""A run that was stopped and goes on is the run that was never stopped."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handseg.crops import cut_crops, plan_crops
from handseg.data.crop_manifest import region_folder
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.data.images import PIXEL_VERSION, read_image
from handseg.errors import FailedError, HandsegError, InputError, TerminatedError, UsageError
from handseg.models.checkpoints import load_checkpoint
from handseg.recipe.load import load_recipe
from handseg.runs.history import read_run
from handseg.runs.index import list_runs
from handseg.runs.writer import RunWriter
from handseg.train.trackers import Trackers

RUNS = Path("runs")
# Two epochs of three steps.
SHORT = ("train.batch_size=2",)


def validations(run):
    lines = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "validation"]


def same_end(one, other):
    """Weights, buffers, average and the last validation, bit for bit."""
    ends = [load_checkpoint(run / "checkpoints", "last") for run in (one, other)]
    tensors = [end.weights | {f"ema {name}": t for name, t in end.ema.items()} for end in ends]
    assert tensors[0].keys() == tensors[1].keys()
    assert [name for name in tensors[0] if not torch.equal(*(t[name] for t in tensors))] == []
    assert ends[0].manifest["dice"] == ends[1].manifest["dice"]
    last = [validations(run)[-1] for run in (one, other)]
    assert last[0]["dice"] == last[1]["dice"]
    assert last[0]["best"] == last[1]["best"]
    states = [end.state() for end in ends]
    assert states[0]["position"] == states[1]["position"]
    assert (one / "predictions/val.csv").read_bytes() == (
        other / "predictions/val.csv"
    ).read_bytes()


@pytest.mark.parametrize(
    ("sets", "at"),
    [
        ((), 2),
        ((), 3),
        (("train.ema=0.9",), 4),
        (("train.micro_batch=1", "train.batch_size=3", "train.ema=0.9"), 1),
    ],
    ids=["within an epoch", "at its end", "average", "parts"],
)
def test_a_stopped_run_that_goes_on_ends_bit_for_bit_as_one_that_was_not(
    begin, go_on, signal_self, sets, at
):
    sets = (*SHORT, *sets)
    whole = begin(*sets).run
    with pytest.raises(HandsegError) as caught:
        begin(*sets, name="stopped", at=at, act=signal_self(signal.SIGINT))
    assert caught.value.exit_code == 130
    assert "handseg train --resume stopped" in caught.value.hints
    (summary,) = (run for run in list_runs(RUNS) if run.name == "stopped")
    assert summary.state == "stopped"
    stopped = load_checkpoint(RUNS / "stopped/checkpoints", "last")
    assert stopped.manifest["step"] == at
    outcome = go_on("stopped")
    same_end(whole, outcome.run)
    assert {run.state for run in list_runs(RUNS)} == {"finished"}


def test_a_stopped_unet_goes_on_bit_for_bit_too(unet_recipe, begin, go_on, signal_self):
    whole = begin(*SHORT, "train.ema=0.9").run
    with pytest.raises(HandsegError):
        begin(*SHORT, "train.ema=0.9", name="stopped", at=4, act=signal_self(signal.SIGINT))
    same_end(whole, go_on("stopped").run)


def test_a_run_killed_after_a_checkpoint_goes_on_from_it(begin, go_on, workplace):
    whole = begin(*SHORT).run
    # As after kill -9: the last checkpoint is older than the logs, and nothing was ended.
    killed = RUNS / "killed"
    shutil.copytree(whole, killed)
    first = killed / "checkpoints/step-00000003"
    (killed / "checkpoints/last").write_text(first.name)
    (killed / "checkpoints/best").write_text(first.name)
    shutil.rmtree(killed / "checkpoints/step-00000006")
    shutil.rmtree(killed / "predictions")
    lines = (killed / "events.jsonl").read_text().splitlines()
    (killed / "events.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    same_end(whole, go_on("killed").run)


def test_sigterm_keeps_a_checkpoint_and_ends_with_143(begin, signal_self):
    with pytest.raises(TerminatedError) as caught:
        begin(*SHORT, at=1, act=signal_self(signal.SIGTERM))
    assert caught.value.exit_code == 143
    assert load_checkpoint(RUNS / "tiny-1/checkpoints", "last").manifest["step"] == 1


def test_a_second_ctrl_c_ends_at_once(begin, signal_self):
    def twice():
        signal_self(signal.SIGINT)()
        signal_self(signal.SIGINT)()

    with pytest.raises(KeyboardInterrupt):
        begin(*SHORT, at=1, act=twice)
    assert list_runs(RUNS)[0].state == "stopped"


def test_a_stop_during_a_validation_does_not_wait_for_it_and_it_is_done_later(
    begin, go_on, signal_self
):
    from handseg.train import trainer as loop

    whole = begin(*SHORT).run
    real = loop.validate
    finished = []

    def interrupted(*arguments, **more):
        signal_self(signal.SIGINT)()
        finished.append(real(*arguments, **more))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "validate", interrupted)
        with pytest.raises(HandsegError):
            begin(*SHORT, name="stopped")
    stopped = load_checkpoint(RUNS / "stopped/checkpoints", "last")
    assert stopped.manifest["step"] == 3
    assert "validation_dice" not in stopped.manifest
    assert not finished
    same_end(whole, go_on("stopped").run)
    # No step of the first epoch was left, so that there is no loss to tell.
    first, second = (text for text in go_on.watched.said if text.startswith("epoch"))
    assert first.startswith("epoch   1/2  Dice")
    assert second.startswith("epoch   2/2  loss")
    assert "nan" not in second


def test_a_stop_while_the_held_out_people_are_predicted_ends_that_and_it_is_done_later(
    begin, go_on, signal_self
):
    whole = begin(*SHORT).run

    with pytest.raises(TerminatedError):
        begin(*SHORT, name="stopped", during="predicting", act=signal_self(signal.SIGTERM))
    run = next(run for run in list_runs(RUNS) if run.name == "stopped")
    assert (run.state, run.message) == ("stopped", "SIGTERM")
    assert not (run.folder / "predictions/val.csv").exists()
    same_end(whole, go_on("stopped").run)


def test_a_resumed_run_keeps_its_recipe_s_name_and_is_told_more_epochs_once(trained, go_on):
    run = RUNS / "tiny-1"
    go_on("tiny-1", "train.epochs=3")
    assert json.loads((run / "run.json").read_text())["recipe"] == "tiny"
    assert json.loads((run / "predictions/val.csv.json").read_text())["recipe"] == "tiny"
    assert list_runs(RUNS)[0].recipe == "tiny"
    assert load_recipe(str(run / "recipe.toml")).recipe.train.epochs == 3
    assert [event["epoch"] for event in validations(run)] == [1, 2, 3]
    assert not any("are done" in text for text in go_on.watched.said)
    # Once more, with nothing to do: only the predictions are made again.
    assert go_on("tiny-1").best == validations(run)[-1]["best"]["mean"]
    assert len(validations(run)) == 3
    assert "its 3 epochs are done; for more: --set train.epochs=N" in go_on.watched.said


def test_a_run_whose_folder_is_removed_ends_and_leaves_no_half_of_one(begin):
    gone = RUNS / "gone"
    with pytest.raises(FailedError, match="is gone"):
        begin(*SHORT, name="gone", at=2, act=lambda: shutil.rmtree(gone))
    assert not gone.exists()


def test_a_run_records_its_model_so_that_a_filter_finds_it(trained):
    (run,) = list_runs(RUNS)
    assert run.model == "segformer mit-b0"


def test_the_checkpoint_before_a_damaged_one_goes_on_and_it_is_said(trained, go_on):
    run = RUNS / "tiny-1"
    before = load_checkpoint(run / "checkpoints", "last").weights
    (run / "checkpoints/step-00000006/state.pt").write_bytes(b"")
    go_on("tiny-1")
    assert any("step-00000006" in text and "damaged" in text for text in go_on.watched.said)
    assert any("at step 3" in text for text in go_on.watched.said)
    after = load_checkpoint(run / "checkpoints", "last").weights
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    "setting", ["optimizer.lr=1", "data.size=128", "train.seed=4", "model.prior=0.5"]
)
def test_what_would_make_it_another_run_cannot_be_set(trained, setting):
    run = RUNS / "tiny-1"
    with pytest.raises(UsageError, match="fault"):
        load_recipe(str(run / "recipe.toml"), [setting], resumed=True)


def test_other_labels_and_other_folds_are_refused(trained, go_on):
    run = RUNS / "tiny-1"
    folds = Path("data/folds.json")
    kept = folds.read_text()
    changed = json.loads(kept)
    person = next(person for person, fold in changed["folds"].items() if fold == 1)
    changed["folds"][person] = 0
    folds.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="other folds"):
        go_on("tiny-1")
    folds.write_text(kept)
    label = open_dataset(Path("data")).train[0].labels
    label.write_text(label.read_text() + " ")
    with pytest.raises(InputError, match="other images or labels"):
        go_on("tiny-1")
    assert list_runs(RUNS)[0].state == "finished"
    assert len(validations(run)) == 2


def test_crops_that_were_cut_otherwise_are_other_crops(begin, go_on):
    dataset = open_dataset(Path("data"))
    samples = labelled_training_samples(dataset)
    planned = plan_crops(samples, dataset.classes, "wrist")
    source = fingerprint(sample_files(samples), dataset.root)
    folder = region_folder(dataset, "wrist")
    cut_crops(folder, "wrist", planned, dataset.classes, source)
    begin(*SHORT, "data.crops=['wrist']")
    cut_crops(folder, "wrist", planned[::2], dataset.classes, source)
    with pytest.raises(InputError, match="other crops"):
        go_on("tiny-1")


def test_a_run_that_another_process_trains_is_left_alone(trained, go_on):
    run = RUNS / "tiny-1"
    holder = RunWriter.resume(run, step=6, facts={})
    try:
        with pytest.raises(UsageError, match="being trained"):
            go_on("tiny-1")
    finally:
        holder.end("finished")


def test_a_run_that_is_being_resumed_is_nobody_else_s_from_the_first_moment_on(trained, go_on):
    run = RUNS / "tiny-1"
    refused = []

    def resume_too():
        if not refused:
            with pytest.raises(UsageError, match="being trained") as caught:
                RunWriter.resume(run, step=6, facts={})
            refused.append(caught.value)

    go_on("tiny-1", during="reading files", act=resume_too)
    assert refused
    assert list_runs(RUNS)[0].state == "finished"


def test_a_resume_that_is_refused_gives_the_run_back(trained, go_on):
    label = open_dataset(Path("data")).train[0].labels
    label.write_text(label.read_text() + " ")
    with pytest.raises(InputError):
        go_on("tiny-1")
    RunWriter.resume(RUNS / "tiny-1", step=6, facts={}).end("finished")


def test_ctrl_c_while_a_training_puts_itself_away_does_not_keep_its_end_from_being_written(
    begin, signal_self, monkeypatch
):
    def hang(self, state):
        signal_self(signal.SIGINT)()
        signal_self(signal.SIGINT)()

    monkeypatch.setattr(Trackers, "end", hang)
    with pytest.raises(KeyboardInterrupt):
        begin(*SHORT, at=2, act=signal_self(signal.SIGTERM))
    summary = list_runs(RUNS)[0]
    assert (summary.state, summary.message) == ("stopped", "SIGTERM")


def test_a_second_signal_of_a_scheduler_changes_nothing(begin, signal_self, monkeypatch):
    monkeypatch.setattr(Trackers, "end", lambda self, state: signal_self(signal.SIGUSR1)())
    with pytest.raises(TerminatedError):
        begin(*SHORT, at=2, act=signal_self(signal.SIGUSR1))
    summary = list_runs(RUNS)[0]
    assert (summary.state, summary.message) == ("stopped", "SIGUSR1")


def test_a_run_that_lost_its_checkpoints_cannot_go_on(trained, go_on):
    run = RUNS / "tiny-1"
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(InputError, match="no whole checkpoint"):
        go_on("tiny-1")


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(begin, go_on):
    whole = begin(*SHORT).run

    class KilledError(BaseException):
        pass

    def die():
        raise KilledError

    with pytest.raises(KilledError):
        begin(*SHORT, name="killed", at=2, act=die)
    assert not (RUNS / "killed/checkpoints").exists()
    same_end(whole, go_on("killed").run)
    assert any("from the beginning" in text for text in go_on.watched.said)


def test_a_validation_whose_checkpoint_was_never_written_is_logged_once(begin, go_on, signal_self):
    """Killed between the event of a validation and its checkpoint, after one before it."""
    run = RUNS / "killed"
    with pytest.raises(HandsegError):
        # At the end of the epoch, before its validation.
        begin(*SHORT, name="killed", at=3, act=signal_self(signal.SIGTERM))
    kept = (run / "events.jsonl").read_text().splitlines()
    assert not validations(run)
    whole = begin(*SHORT).run
    first = next(
        line for line in (whole / "events.jsonl").read_text().splitlines() if "means" in line
    )
    (run / "events.jsonl").write_text("\n".join([*kept[:-1], first]) + "\n")
    go_on("killed")
    same_end(whole, run)
    one, other = (read_run(folder) for folder in (whole, run))
    assert one.validation_steps.tolist() == other.validation_steps.tolist() == [3, 6]
    assert one.summary.means == other.summary.means


def test_other_labels_are_named(trained, go_on):
    label = open_dataset(Path("data")).train[0].labels
    label.write_text(label.read_text() + " ")
    with pytest.raises(InputError, match=f"changed .*{label.name}"):
        go_on("tiny-1")


def test_people_of_another_fold_are_named(trained, go_on):
    folds = Path("data/folds.json")
    changed = json.loads(folds.read_text())
    person = next(person for person, fold in changed["folds"].items() if fold == 1)
    changed["folds"][person] = 0
    folds.write_text(json.dumps(changed))
    with pytest.raises(InputError, match=f"other folds: changed {person}"):
        go_on("tiny-1")


def test_a_run_goes_on_in_as_many_threads_as_it_began_with(trained, go_on):
    run = RUNS / "tiny-1"
    facts = json.loads((run / "run.json").read_text())
    before = torch.get_num_threads()
    facts["threads"] = before + 1
    facts["versions"]["torch"] = "2.0"
    (run / "run.json").write_text(json.dumps(facts))
    try:
        go_on("tiny-1")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert any(f"{before + 1} threads" in text for text in go_on.watched.said)
    assert any("torch 2.0 (now" in text for text in go_on.watched.said)


def test_a_run_that_began_when_pixels_were_read_otherwise_goes_on_and_says_so_once(begin, go_on):
    image = open_dataset(Path("data")).train[0].image
    Image.fromarray(read_image(image).astype(np.uint16) * 16).save(image)
    begin(*SHORT)
    facts = RUNS / "tiny-1/run.json"
    before = json.loads(facts.read_text())
    assert before.pop("pixels") == PIXEL_VERSION
    # As an older version wrote it, of crops that have been cut anew since.
    facts.write_text(json.dumps({**before, "added_fingerprints": ["of other pixels"]}))

    def said():
        go_on("tiny-1")
        return [line for line in go_on.watched.said if image.name in line]

    (line,) = said()
    assert "tiny-1 began when 1 image of its data may have been read as other pixels" in line
    assert said() == []
