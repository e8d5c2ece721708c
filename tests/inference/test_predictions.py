"""The predictions of a run: which images, by which checkpoint, to which file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.data.images import image_size
from handseg.errors import InputError, UsageError
from handseg.inference.predictions import plan_prediction, run_prediction
from handseg.rle.submission import read_submission

RUN = Path("runs/tiny-1")


def people(samples):
    return {sample.person for sample in samples}


def test_rows_stand_in_the_order_of_the_images_and_classes_with_all_of_them_in_the_sidecar(
    dataset,
):
    path = run_prediction(plan_prediction(RUN, dataset, "test"))
    assert path == RUN / "predictions/test.csv"
    submission = read_submission(path)
    assert submission.keys() == [
        (sample.image_name, name) for sample in dataset.test for name in dataset.classes
    ]
    sidecar = json.loads(Path(f"{path}.json").read_text())
    facts = json.loads((RUN / "run.json").read_text())
    assert sidecar["images"] == {
        sample.image_name: list(image_size(sample.image)) for sample in dataset.test
    }
    assert (sidecar["made_by"], sidecar["run"], sidecar["recipe"]) == ("predict", "tiny-1", "tiny")
    assert (sidecar["split"], sidecar["fold"]) == ("test", 0)
    assert sidecar["trained_people"] == facts["trained_people"]
    assert sidecar["classes"] == list(dataset.classes)
    assert 0 <= sidecar["validation_dice"] <= 1


def test_the_masks_are_neither_empty_nor_full(dataset):
    submission = read_submission(run_prediction(plan_prediction(RUN, dataset, "test")))
    areas = [rle.area(submission.runs(*key)) for key in submission]
    assert 0 < np.mean(areas) < np.prod(image_size(dataset.test[0].image))


def test_the_labels_of_test_images_are_never_opened(trained):
    for path in (trained / "data/test/outputs_json").rglob("*.json"):
        path.write_text("{ no JSON")
    dataset = open_dataset(Path("data"))
    assert run_prediction(plan_prediction(RUN, dataset, "test")).exists()
    shutil.rmtree(trained / "data/test/outputs_json")
    assert plan_prediction(RUN, open_dataset(Path("data")), "test").is_done()


def test_val_is_the_held_out_people_and_train_those_it_trained_on(dataset):
    facts = json.loads((RUN / "run.json").read_text())
    held_out = {person for person, fold in facts["folds"].items() if fold == facts["fold"]}
    val, train, everything = (
        plan_prediction(RUN, dataset, split).samples for split in ("val", "train", "all")
    )
    assert people(val) == held_out
    assert people(train) == set(facts["trained_people"])
    assert not people(val) & people(train)
    assert everything == dataset.train + dataset.test


def test_the_run_s_own_validation_is_what_predict_makes_again(dataset):
    made = (RUN / "predictions/val.csv").read_bytes()
    job = plan_prediction(RUN, dataset, "val", Path("again.csv"))
    assert run_prediction(job).read_bytes() == made
    assert plan_prediction(RUN, dataset, "val").is_done()


def test_a_prediction_is_done_until_the_checkpoint_or_an_image_is_another(dataset):
    job = plan_prediction(RUN, dataset, "test")
    assert not job.is_done()
    run_prediction(job)
    assert job.is_done()
    assert not replace(job, images={"data_fingerprint": "other"}).is_done()
    other = replace(job.checkpoint, manifest={"sha256": {"model.safetensors": "other"}})
    assert not replace(job, checkpoint=other).is_done()
    job.out.unlink()
    assert not job.is_done()


def test_progress_counts_the_images(dataset):
    seen = []
    run_prediction(
        plan_prediction(RUN, dataset, "test"), lambda done, total, note="": seen.append(done)
    )
    assert seen == list(range(1, len(dataset.test) + 1))


def test_an_unreadable_image_is_named_and_leaves_no_file(dataset):
    dataset.test[1].image.write_bytes(b"no image")
    with pytest.raises(InputError, match=dataset.test[1].image.name):
        run_prediction(plan_prediction(RUN, dataset, "test"))
    assert not (RUN / "predictions/test.csv").exists()


def test_another_split_or_other_classes_are_refused(dataset):
    with pytest.raises(UsageError, match="no split 'tset'"):
        plan_prediction(RUN, dataset, "tset")
    with pytest.raises(InputError, match="other classes"):
        plan_prediction(RUN, replace(dataset, classes=dataset.classes[:5]), "test")
    with pytest.raises(InputError, match="no images of the split test"):
        plan_prediction(RUN, replace(dataset, test=()), "test")
    others = tuple(replace(sample, person="nobody") for sample in dataset.train)
    with pytest.raises(InputError, match="held out: none of its people is there"):
        plan_prediction(RUN, replace(dataset, train=others), "val")


@pytest.mark.parametrize("content", ["[]", "3", "{", '{"classes": []}', None])
def test_a_run_without_its_facts_is_said(dataset, content):
    path = RUN / "run.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(InputError, match=r"run\.json"):
        plan_prediction(RUN, dataset, "test")


def test_a_damaged_best_checkpoint_is_told_of_and_another_one_predicts(dataset):
    best = RUN / "checkpoints" / (RUN / "checkpoints/best").read_text()
    (best / "model.safetensors").write_bytes(b"")
    said = []
    job = plan_prediction(RUN, dataset, "test", said=said.append)
    assert best.name in said[0]
    assert run_prediction(job).exists()


def test_a_run_of_fp16_is_predicted_on_a_cpu_too(dataset):
    text = (RUN / "recipe.toml").read_text()
    assert 'precision = "bf16"' in text
    (RUN / "recipe.toml").write_text(text.replace('"bf16"', '"fp16"'))
    assert run_prediction(plan_prediction(RUN, dataset, "test")).exists()
