"""`--limit`: a smoke run on a few images, whose files stay truthful."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from handseg.data.labels import Sample
from handseg.recipe.load import load_recipe
from handseg.rle.submission import read_submission
from handseg.train.data import few_samples, find_data


def samples(**counts):
    return tuple(
        Sample(f"{person}{n}.png", Path(f"{person}{n}.png"), None, person, "train")
        for person, count in counts.items()
        for n in range(count)
    )


def taken(chosen):
    return dict(Counter(sample.person for sample in chosen))


def test_people_are_taken_whole_as_far_as_they_fit():
    hands = samples(a=2, b=3, c=1, d=2)
    assert taken(few_samples(hands, 5)) == {"a": 2, "b": 3}
    assert taken(few_samples(hands, 4)) == {"a": 2, "c": 1}
    assert taken(few_samples(hands, 100)) == {"a": 2, "b": 3, "c": 1, "d": 2}


def test_of_one_person_some_are_taken_where_nobody_fits_whole():
    assert taken(few_samples(samples(a=3, b=2), 1)) == {"a": 1}


def test_the_order_of_the_samples_does_not_change_who_is_taken():
    hands = samples(a=2, b=3, c=1, d=2)
    assert set(few_samples(hands[::-1], 4)) == set(few_samples(hands, 4))
    assert few_samples(hands[::-1], 4) == few_samples(hands, 4)[::-1]


@pytest.fixture
def whole(tiny_recipe):
    return find_data(load_recipe(str(tiny_recipe)), Path("data"))


def test_limited_data_has_few_images_but_is_of_the_same_data_and_folds(whole):
    small = whole.limited(3)
    assert (len(small.training), len(small.validation)) == (2, 2)
    assert set(small.dataset.train) == {*small.training, *small.validation}
    assert len(small.people) == 1
    assert (small.fingerprint, small.folds) == (whole.fingerprint, whole.folds)
    assert whole.limited(None) == whole
    assert len(whole.limited(4, 1).validation) == 1


def test_a_smoke_run_prepares_and_predicts_few_images_and_says_so(begin, go_on):
    outcome = begin("train.batch_size=2", limit=2)
    assert outcome.run.name == "tiny-limit2-1"
    facts = json.loads((outcome.run / "run.json").read_text())
    assert (facts["limit"], facts["recipe"], facts["train_images"]) == (2, "tiny-limit2", 2)
    predicted = read_submission(outcome.predictions)
    assert len(predicted.images) == len(predicted.sizes) == 2
    assert predicted.sidecar["trained_people"] == facts["trained_people"]
    assert len(facts["trained_people"]) == 1
    (prepared,) = Path(".handseg/prepared").iterdir()
    assert len(np.load(prepared / "images.npy")) == 4
    again = go_on(outcome.run.name, "train.epochs=3")
    assert json.loads((again.run / "run.json").read_text())["train_images"] == 2
    assert len(read_submission(again.predictions).images) == 2


def test_nobody_means_a_smoke_run_who_does_not_name_it(begin):
    from handseg.cli.predict import finished_runs
    from handseg.errors import InputError
    from handseg.runs.predictions import newest_predictions

    begin("train.epochs=1", limit=2)
    assert newest_predictions(Path("runs"), "val") == []
    with pytest.raises(InputError, match="no finished run"):
        finished_runs(Path("runs"))
