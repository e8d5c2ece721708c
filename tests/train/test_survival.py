"""A training lives through losses without a number and a device without memory."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from handseg.errors import FailedError, UsageError
from handseg.inference.whole import Inference
from handseg.models.checkpoints import load_checkpoint
from handseg.recipe.load import load_recipe
from handseg.runs.history import read_run
from handseg.runs.index import list_runs
from handseg.train import metrics, trainer
from handseg.train.loss import SegmentationLoss
from handseg.train.step import Stepper

RUNS = Path("runs")
# Two epochs of three steps.
SHORT = ("train.batch_size=2",)


def events(run, kind):
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def logged(details):
    """The first and the last step; between them a loss that hardly moves is told once a line."""
    steps = details.steps["loss"].steps
    assert (np.diff(steps) > 0).all()
    return [int(steps[0]), int(steps[-1])]


def ends(*runs):
    return [load_checkpoint(run / "checkpoints", "last") for run in runs]


def same_tensors(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture
def poison(monkeypatch):
    """Make the loss of some calls not finite; the calls are counted from 0."""

    def arm(is_bad, value=math.nan):
        real, calls = SegmentationLoss.forward, []

        def forward(self, logits, targets, labelled, progress):
            calls.append(progress)
            loss = real(self, logits, targets, labelled, progress)
            return loss * value if is_bad(len(calls) - 1, progress) else loss

        monkeypatch.setattr(SegmentationLoss, "forward", forward)

    monkeypatch.setattr(trainer.Trainer, "step_seconds", lambda self: 0.1)
    return arm


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "nadamw", "lamb"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_step_without_a_finite_loss_moves_nothing_and_is_counted(
    begin, unet_recipe, poison, monkeypatch, optimizer, value
):
    poison(lambda call, progress: call == 2, value)
    before, after = [], []
    real = Stepper.training_step

    def take(self, batch, step, share):
        def state():
            tensors = {n: t.clone() for n, t in self.model.state_dict().items()}
            moments = self.optimizer.state_dict()["state"]
            for index, moment in moments.items():
                tensors |= {
                    f"{index} {n}": t.clone() for n, t in moment.items() if torch.is_tensor(t)
                }
            return tensors

        before.append(state())
        taken = real(self, batch, step, share)
        after.append(state())
        return taken

    monkeypatch.setattr(Stepper, "training_step", take)
    run = begin(*SHORT, f"optimizer.name={optimizer}").run
    same_tensors(before[2], after[2])
    moved = [name for name in before[3] if not torch.equal(before[3][name], after[3][name])]
    assert any("running_mean" in name for name in moved)
    assert any("conv" in name for name in moved)
    (warning,) = events(run, "warning")
    assert warning["about"] == "loss"
    assert "step 3" in warning["message"]
    assert ends(run)[0].state()["position"]["skipped"] == 1
    losses = read_run(run).steps["loss"]
    assert losses.steps[np.isnan(losses.values)].tolist() == [3]
    assert list_runs(RUNS)[0].state == "finished"


def test_a_row_of_them_sends_the_training_back_with_half_the_rate(begin, poison, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_BAD", 2)
    # In the second epoch, the first time through, whenever the losses are looked at.
    poison(lambda call, progress: call in (3, 4))
    run = begin(*SHORT).run
    (resume,) = events(run, "resume")
    assert (resume["step"], resume["rollback"], resume["rate"]) == (3, 1, 0.5)
    details = read_run(run)
    assert logged(details) == [1, 6]
    assert np.isfinite(details.steps["loss"].values).all()
    rates = details.steps["lr"].values
    (whole,) = (begin(*SHORT).run,)
    usual = read_run(whole).steps["lr"].values
    least = 1e-7
    assert rates[:3] == pytest.approx(usual[:3], rel=1e-3)
    assert rates[3:] - least == pytest.approx((usual[3:] - least) / 2, rel=2e-3)
    assert any("back to step 3" in event["message"] for event in events(run, "warning"))
    assert details.summary.state == "finished"


def test_before_the_first_checkpoint_it_goes_back_to_the_start(begin, poison, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_BAD", 2)
    poison(lambda call, progress: call in (1, 2))
    run = begin(*SHORT, "optimizer.lr=1e-9", "schedule.min_lr=0", "train.epochs=1").run
    assert [event["step"] for event in events(run, "resume")] == [0]
    assert logged(read_run(run)) == [1, 3]
    assert list_runs(RUNS)[0].state == "finished"


def test_after_three_times_it_gives_up_and_the_last_good_weights_are_there(
    begin, poison, monkeypatch
):
    monkeypatch.setattr(metrics, "MOST_BAD", 2)
    poison(lambda call, progress: progress >= 0.5)
    with pytest.raises(FailedError, match="going back 3 times") as caught:
        # A checkpoint after every step: none may be of the bad ones.
        begin(*SHORT, "checkpoint.every_minutes=1e-9")
    assert any("optimizer.lr" in hint for hint in caught.value.hints)
    run = RUNS / "tiny-1"
    assert [event["rate"] for event in events(run, "resume")] == [0.5, 0.25, 0.125]
    end = events(run, "end")[-1]
    assert end["state"] == "failed"
    assert "finite" in end["reason"]
    (kept,) = ends(run)
    assert kept.manifest["step"] == 3
    assert all(torch.isfinite(tensor).all() for tensor in kept.weights.values())
    assert not (run / "predictions").exists()


@pytest.fixture
def no_memory(monkeypatch):
    """Take the memory for more than `most` images away, at a place of the step, from a call on."""

    def fail():
        raise torch.OutOfMemoryError("2 GiB wanted")

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(context, loss):
            return loss.clone()

        @staticmethod
        def backward(context, gradient):
            return fail()

    def arm(place, most=1, since=0, seen=None):
        real, calls = SegmentationLoss.forward, [] if seen is None else seen

        def forward(self, logits, targets, labelled, progress):
            calls.append(len(logits))
            loss = real(self, logits, targets, labelled, progress)
            if len(logits) <= most or len(calls) <= since:
                return loss
            # The forward pass has moved the statistics of the norms by now.
            return Backward.apply(loss) if place == "backward" else fail()

        monkeypatch.setattr(SegmentationLoss, "forward", forward)

    monkeypatch.setattr(trainer.Trainer, "step_seconds", lambda self: 0.1)
    return arm


@pytest.mark.parametrize("place", ["backward", "after the norms have moved"])
@pytest.mark.parametrize("recipe", ["tiny_recipe", "unet_recipe"])
def test_without_memory_a_step_is_taken_in_parts_as_if_nothing_had_been(
    begin, no_memory, request, place, recipe
):
    request.getfixturevalue(recipe)
    sets = ("train.batch_size=4", "train.ema=0.9", "train.epochs=1")
    parts = begin(*sets, "train.micro_batch=1").run
    no_memory(place)
    run = begin(*sets).run
    same_tensors(*(end.weights | end.ema for end in ends(parts, run)))
    warnings = [event["message"] for event in events(run, "warning")]
    assert [event["about"] for event in events(run, "warning")] == ["memory", "memory"]
    assert "2 images at once" in warnings[0]
    assert "1 images at once" in warnings[1]
    assert all("BatchNorm" in text for text in warnings)
    # What was found is repeated by whoever trains the run's recipe again.
    assert load_recipe(str(run / "recipe.toml")).recipe.train.micro_batch == 1


def test_memory_that_goes_missing_later_counts_from_that_step_on(begin, no_memory):
    run = begin("train.batch_size=4", "train.epochs=3").run
    no_memory("backward", most=2, since=2)
    later = begin("train.batch_size=4", "train.epochs=3").run
    found = [read_run(folder).steps["loss"] for folder in (run, later)]
    # Of values that hardly move, the log has the ends of each line alone.
    steps = np.arange(1, max(series.steps[-1] for series in found) + 1)
    one, other = (np.interp(steps, series.steps, series.values) for series in found)
    # The log tells a value that hardly moves once a line, to a thousandth.
    assert np.allclose(one[:2], other[:2], rtol=2e-3)
    assert np.allclose(one, other, rtol=0.05)
    assert load_recipe(str(later / "recipe.toml")).recipe.train.micro_batch == 2


def test_a_run_that_found_less_memory_goes_on_with_it_and_may_find_less_still(
    begin, go_on, no_memory
):
    no_memory("backward", most=2)
    run = begin("train.batch_size=4").run
    no_memory("backward", most=1)
    go_on(run.name, "train.epochs=3")
    assert load_recipe(str(run / "recipe.toml")).recipe.train.micro_batch == 1
    assert list_runs(RUNS)[0].state == "finished"


def test_a_part_that_a_person_has_set_is_not_made_smaller(begin, no_memory):
    no_memory("backward")
    with pytest.raises(FailedError, match="out of memory") as caught:
        begin("train.batch_size=4", "train.micro_batch=4")
    assert "--set train.micro_batch=2   # or auto" in caught.value.hints
    summary = list_runs(RUNS)[0]
    assert (summary.state, summary.message) == ("failed", "out of memory")


def test_one_image_for_which_there_is_no_memory_is_the_end(begin, no_memory):
    no_memory("backward", most=0)
    with pytest.raises(FailedError, match="out of memory"):
        begin()
    assert list_runs(RUNS)[0].state == "failed"


@pytest.fixture
def deeplab_recipe(unet_recipe):
    """With a network whose BatchNorm sees one value a channel of a single image."""
    text = unet_recipe.read_text().replace('"unet"', '"deeplabv3plus"')
    text = re.sub(r"options = .*", "options = { decoder_channels = 16 }", text)
    unet_recipe.write_text(text.replace("tu-test_resnet", "resnet18"))
    return unet_recipe


def test_a_network_that_needs_two_images_never_gets_one(begin, deeplab_recipe, no_memory):
    sizes = []
    no_memory("backward", most=3, seen=sizes)
    run = begin("train.batch_size=4", "train.epochs=1").run
    assert set(sizes) == {4, 2}
    assert "2 images at once" in events(run, "warning")[0]["message"]


@pytest.mark.parametrize(
    ("sets", "hint"),
    [
        (["train.batch_size=1"], "--set train.batch_size=2"),
        (["train.batch_size=4", "train.micro_batch=1"], "--set train.micro_batch=2"),
        (["train.batch_size=3", "train.micro_batch=2"], "--set train.micro_batch=3"),
        (["train.batch_size=3", "train.micro_batch=1"], "--set train.micro_batch=3"),
    ],
)
def test_a_recipe_that_gives_it_one_is_refused_by_name(begin, deeplab_recipe, sets, hint):
    with pytest.raises(UsageError, match="deeplabv3plus learns from two") as caught:
        begin(*sets)
    assert caught.value.hints == (hint,)
    assert sets[-1].replace("=", " = ") in caught.value.details
    assert list_runs(RUNS) == []


def test_without_memory_for_two_it_ends_with_keys_that_help(begin, deeplab_recipe, no_memory):
    no_memory("backward", most=1)
    with pytest.raises(FailedError, match="out of memory") as caught:
        begin("train.batch_size=4")
    assert caught.value.exit_code == 1
    assert "--set data.size=512" in caught.value.hints
    assert not any("micro_batch" in hint for hint in caught.value.hints)


def test_without_memory_in_validation_and_prediction_fewer_images_go_at_once(begin, monkeypatch):
    whole = begin("train.epochs=1").run
    real = Inference.logits

    def logits(self, model, images):
        if len(images) > 1:
            raise torch.OutOfMemoryError("2 GiB wanted")
        return real(self, model, images)

    monkeypatch.setattr(Inference, "logits", logits)
    run = begin("train.epochs=1").run
    one, other = ends(whole, run)
    assert one.manifest["dice"] == pytest.approx(other.manifest["dice"], abs=1e-4)
    assert any("validation" in event["message"] for event in events(run, "warning"))
    assert (run / "predictions/val.csv").exists()


def test_without_memory_while_the_weights_move_it_goes_back(begin, monkeypatch):
    real, calls = torch.optim.AdamW.step, []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == 5:
            raise torch.OutOfMemoryError("2 GiB wanted")
        return real(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run = begin(*SHORT).run
    (resume,) = events(run, "resume")
    assert (resume["step"], resume["rollback"], resume["rate"]) == (3, 0, 1.0)
    assert list_runs(RUNS)[0].state == "finished"


class Waits(TorchDispatchMode):
    """Counts how often the device is waited for."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("recipe", ["tiny_recipe", "unet_recipe"])
def test_the_device_is_waited_for_on_logging_steps_only(begin, monkeypatch, request, recipe):
    request.getfixturevalue(recipe)
    # One crop of which not all classes are labelled.
    label = next(iter(sorted(Path("data/train/outputs_json").rglob("*.json"))), None)
    if label is not None:
        content = json.loads(label.read_text())
        content["attributes"] = {"labelled": ["Radius"]}
        label.write_text(json.dumps(content))
    waits, real = [], trainer.Trainer.training_step

    def step(self, batch, waited=0.0):
        with Waits() as mode:
            real(self, batch, waited)
        waits.append(mode.count)

    monkeypatch.setattr(trainer.Trainer, "training_step", step)
    begin(*SHORT, "train.ema=0.9", "train.micro_batch=1")
    assert waits == [0] * 6


def test_the_raw_weights_and_their_average_are_told_apart(begin):
    run = begin(*SHORT, "train.ema=0.9").run
    for event in events(run, "validation"):
        assert event["mean"] == max(event["raw_mean"], event["ema_mean"])
        assert event["uses_ema"] is (event["ema_mean"] > event["raw_mean"])
        assert event["seconds"] > 0


def test_what_a_machine_is_used_for_is_logged(begin):
    run = begin(*SHORT, "train.epochs=1").run
    begin(*SHORT, name="second")
    summary = read_run(run)
    assert {"grad", "speed", "wait"} <= summary.steps.keys()
    assert (summary.steps["speed"].values > 0).all()
