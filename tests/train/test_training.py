"""A training from its recipe to its predictions, small but whole."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.data.labels import SampleLabels
from handseg.errors import FailedError, InputError, UsageError
from handseg.models.checkpoints import load_checkpoint, read_checkpoint
from handseg.recipe.load import load_recipe
from handseg.rle.submission import read_submission
from handseg.runs.artifacts import list_previews, read_scores
from handseg.runs.history import read_run
from handseg.runs.index import list_runs
from handseg.score.dice import Scores
from handseg.train import trainer as loop
from handseg.train.step import Stepper
from handseg.train.validation import image_dice

RUNS = Path("runs")


def events(run, kind):
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


@pytest.mark.parametrize("recipe", ["tiny_recipe", "unet_recipe"])
def test_a_network_learns_and_leaves_a_whole_run_folder(begin, recipe, request):
    request.getfixturevalue(recipe)
    sets = ["train.epochs=8", "train.batch_size=3", "model.prior=0.5", "validate.every_epochs=4"]
    sets.append("optimizer.lr=1e-2")
    outcome = begin(*sets)
    run = outcome.run
    assert run == RUNS / "tiny-1"
    assert load_recipe(str(run / "recipe.toml")).recipe.train.epochs == 8
    facts = json.loads((run / "run.json").read_text())
    dataset = open_dataset(Path("data"))
    assert facts["recipe"] == "tiny"
    assert facts["data_fingerprint"]
    assert facts["data"] == str(Path("data").resolve())
    assert not set(facts["trained_people"]) & {
        person for person, fold in facts["folds"].items() if fold == 0
    }
    details = read_run(run)
    loss = details.steps["loss"].values
    assert len(loss) == 16
    assert np.isfinite(loss).all()
    assert loss[-4:].mean() < 0.95 * loss[:4].mean()
    (start,) = events(run, "start")
    assert (start["epochs"], start["steps_per_epoch"], start["train_images"]) == (8, 2, 6)
    assert start["parameters"] > 1000
    assert [event["epoch"] for event in events(run, "validation")] == [4, 8]
    assert events(run, "end")[-1]["state"] == "finished"
    assert read_scores(run, 16).dice.shape == (2, 29)
    assert read_checkpoint(run / "checkpoints" / (run / "checkpoints/last").read_text())
    assert outcome.predictions == run / "predictions/val.csv"
    assert len(read_submission(outcome.predictions)) == 2 * 29
    assert len(list((run / "previews").iterdir())) == 1
    assert "epoch   8/8" in (run / "log.txt").read_text()
    assert outcome.by_class.keys() == set(dataset.classes)
    assert [(one.state, one.recipe, one.fold) for one in list_runs(RUNS)] == [
        ("finished", "tiny", 0)
    ]


def test_the_validation_is_what_score_says_of_the_predictions(trained, score_submissions):
    run = RUNS / "tiny-1"
    dataset = open_dataset(Path("data"))
    predictions = read_submission(run / "predictions/val.csv")
    scores = score_submissions([predictions], dataset)[0].scores
    best = load_checkpoint(run / "checkpoints", "best").manifest
    assert 0.001 < scores.mean() < 0.999
    assert best["validation_dice"] == pytest.approx(scores.mean(), abs=1e-6)
    assert best["dice"] == pytest.approx(scores.by_class(), abs=1e-6)
    kept = read_scores(run, best["step"])
    assert kept.images == scores.images
    assert np.allclose(kept.dice, scores.dice, atol=1e-6)
    assert json.loads((run / "predictions/val.csv.json").read_text())[
        "validation_dice"
    ] == pytest.approx(scores.mean(), abs=1e-6)


def test_masks_empty_in_label_and_prediction_have_a_dice_of_one_and_are_counted():
    logits = torch.full((4, 32, 32), -1.0)
    logits[1] = 1.0
    labels = SampleLabels((8, 8), (rle.empty(),) * 4, (True, True, True, False))
    dice, both_empty = image_dice(logits, labels, 32)
    assert dice.tolist() == pytest.approx([1, 0, 1, math.nan], abs=1e-5, nan_ok=True)
    assert both_empty.tolist() == [True, False, True, False]
    scores = Scores(("i",), tuple("abcd"), dice[None], ("c",), both_empty[None])
    assert scores.empty_masks() == 1


def test_training_runs_and_score_have_one_mean_and_an_old_run_keeps_its_own(
    begin, go_on, score_submissions
):
    Path("data/dataset.toml").write_text('not_bones = ["Radius", "Ulna"]')
    outcome = begin("train.epochs=1", "model.prior=0.5")
    [event] = events(outcome.run, "validation")
    figures = [value for cls, value in event["dice"].items() if cls not in ("Radius", "Ulna")]
    assert event["not_bones"] == ["Radius", "Ulna"]
    assert event["mean"] == pytest.approx(np.mean(figures)) == outcome.best
    assert event["both_empty"] == 0
    assert event["mean"] != pytest.approx(np.mean([*event["dice"].values()]), abs=1e-6)
    dataset = open_dataset(Path("data"))
    [scored] = score_submissions([read_submission(outcome.predictions)], dataset)
    assert scored.scores.mean() == pytest.approx(event["mean"], abs=1e-6)
    [run] = list_runs(RUNS)
    assert run.best_dice == event["mean"]

    # As an older handseg wrote it.
    log = outcome.run / "events.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines = [{name: one[name] for name in one if name != "not_bones"} for one in lines]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines if line["kind"] != "end"))
    go_on(outcome.run.name, "train.epochs=2")
    last = events(outcome.run, "validation")[-1]
    assert last["not_bones"] == []
    assert last["mean"] == pytest.approx(np.mean([*last["dice"].values()]))
    newest = load_checkpoint(outcome.run / "checkpoints", "last").manifest
    assert newest["validation_dice"] == pytest.approx(last["mean"])


def test_the_same_recipe_trained_twice_gives_the_same_weights(begin):
    runs = [begin("train.batch_size=2").run for _ in range(2)]
    assert [run.name for run in runs] == ["tiny-1", "tiny-2"]
    one, other = (load_checkpoint(run / "checkpoints", "last").weights for run in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_recipe_trained_again_repeats_the_run(begin):
    first = begin("train.batch_size=2").run
    again = begin(recipe=first / "recipe.toml", name="again").run
    one, other = (load_checkpoint(run / "checkpoints", "last").weights for run in (first, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_measuring_a_step_changes_no_weight_and_no_statistic(begin, monkeypatch):
    runs = [begin().run]
    monkeypatch.setattr(loop.Trainer, "step_seconds", lambda self: 0.1)
    runs.append(begin().run)
    one, other = (load_checkpoint(run / "checkpoints", "last").weights for run in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("sets", "error"),
    [
        (["train.memory=low"], UsageError),
        (["data.fold=7"], UsageError),
        (["data.crops=['wrist']"], InputError),
        (["train.precision=fp16"], FailedError),
        (["model.weights=missing/weights"], FailedError),
        (["model.init=no-such-run", "model.weights=none"], InputError),
    ],
)
def test_what_cannot_be_trained_leaves_no_run_folder(begin, monkeypatch, sets, error):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(error):
        begin(*sets)
    assert not RUNS.exists()


def test_a_broken_label_is_named_and_leaves_no_run_folder(begin):
    label = open_dataset(Path("data")).train[2].labels
    label.write_text('{"annotations": [\n}')
    with pytest.raises(InputError, match=f"{label} is broken JSON") as caught:
        begin()
    assert "line 2" in caught.value.details
    assert not RUNS.exists()


def test_a_name_that_a_person_gave_can_be_taken(begin):
    assert begin(name="mine").run == RUNS / "mine"
    before = (RUNS / "mine/run.json").read_bytes()
    with pytest.raises(UsageError, match="mine") as caught:
        begin(name="mine")
    assert caught.value.exit_code == 2
    assert (RUNS / "mine/run.json").read_bytes() == before
    assert [path.name for path in RUNS.iterdir()] == ["mine"]


def test_whatever_ends_a_training_is_written_as_its_end(begin, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("the cable was pulled")

    monkeypatch.setattr(loop.Trainer, "training_step", fail)
    with pytest.raises(RuntimeError):
        begin()
    end = events(RUNS / "tiny-1", "end")[-1]
    assert (end["state"], end["reason"]) == ("failed", "RuntimeError: the cable was pulled")


def test_without_a_gain_a_training_ends_early(begin, go_on):
    sets = ["train.epochs=9", "early_stop.patience=2", "early_stop.delta=2"]
    outcome = begin(*sets)
    assert outcome.reason == "no gain in 2 validations"
    run = outcome.run
    assert len(events(run, "validation")) == 3
    assert events(run, "end")[-1]["state"] == "finished"
    # Resumed as it is, it has ended; with more patience it goes on.
    assert go_on("tiny-1").reason == "no gain in 2 validations"
    assert len(events(run, "validation")) == 3
    go_on("tiny-1", "early_stop.patience=4")
    assert len(events(run, "validation")) == 5


def test_a_plateau_halves_the_rate(begin, monkeypatch):
    monkeypatch.setattr(loop, "PLATEAU_PATIENCE", 1)
    run = begin("schedule.name=plateau", "train.epochs=4", "early_stop.delta=2").run
    rates = read_run(run).steps["lr"].values
    least = 1e-7
    assert rates - least == pytest.approx((1e-3 - least) * np.array([1, 1, 0.5, 0.25]), rel=1e-3)


def test_a_network_can_begin_from_another_run_and_other_heads(begin, trained_place):
    shutil.copytree(trained_place / "runs/tiny-1", RUNS / "before-1")
    donor = load_checkpoint(RUNS / "before-1/checkpoints", "best").chosen()
    run = begin(
        "model.init=before-1", "optimizer.lr=1e-12", "schedule.min_lr=0", "train.epochs=1"
    ).run
    weights = load_checkpoint(run / "checkpoints", "last").weights
    near = [n for n, t in donor.items() if t.is_floating_point() and "running" not in n]
    assert all(torch.allclose(weights[name], donor[name], atol=1e-5) for name in near)


def test_a_part_of_a_batch_counts_for_its_labelled_planes(begin, monkeypatch):
    for sample in open_dataset(Path("data")).train[::3]:
        label = json.loads(sample.labels.read_text())
        label["attributes"] = {"labelled": ["Radius"]}
        sample.labels.write_text(json.dumps(label))

    def brightness(self, batch, share):
        """A mean over labelled planes, as the losses are."""
        value = batch.images.float().mean((1, 2))[:, None].expand_as(batch.labelled)
        anchor = next(self.model.parameters()).sum() * 0
        return anchor + value[batch.labelled].mean()

    monkeypatch.setattr(Stepper, "batch_loss", brightness)
    losses = [
        read_run(begin("train.batch_size=6", f"train.micro_batch={size}").run).steps["loss"].values
        for size in (1, 4, 6)
    ]
    assert losses[0] == pytest.approx(losses[2], rel=1e-4)
    assert losses[1] == pytest.approx(losses[2], rel=1e-4)


@pytest.mark.parametrize("average_is_better", [True, False])
def test_previews_are_of_the_weights_that_counted(begin, monkeypatch, average_is_better):
    calls = []

    def validate(model, held_out, labels, inference, micro_batch, *, on_logits, raise_if_stopped):
        is_average = len(calls) % 2 == 1
        calls.append(is_average)
        classes, size = len(held_out.classes), held_out.size
        on_logits(0, torch.full((classes, size, size), 1.0 if is_average else -1.0))
        dice = 0.5 + (0.1 if is_average is average_is_better else 0.0)
        images = tuple(sample.image_name for sample in held_out.samples)
        return Scores(images, held_out.classes, np.full((len(labels), classes), dice))

    monkeypatch.setattr(loop, "validate", validate)
    run = begin("train.ema=0.9", "train.epochs=1").run
    assert calls == [False, True]
    assert load_checkpoint(run / "checkpoints", "best").manifest["uses_ema"] is average_is_better
    (preview,) = list_previews(run)
    assert preview.prediction(preview.steps[-1]).any() == average_is_better


def test_the_log_says_which_validation_is_the_best_and_the_state_follows(begin):
    """However small the gain is against early stopping's delta."""
    run = begin("early_stop.delta=0.9", "early_stop.patience=9", "train.epochs=4").run
    lines = (run / "events.jsonl").read_text().splitlines()
    *_, event = (line for line in map(json.loads, lines) if line["kind"] == "validation")
    logged = event["best"]
    best, last = (load_checkpoint(run / "checkpoints", name) for name in ("best", "last"))
    assert last.state()["position"]["best"] == logged["mean"] == best.manifest["validation_dice"]
    assert best.manifest["step"] == logged["step"]
    # The first is a gain on nothing; no later one reaches the delta.
    assert last.state()["position"]["waited"] == 3
