"""Two runs are compared on the same images of the same people."""

import json
import math

import numpy as np
import pytest

from handseg.cli.runs.compare import means_table, pairs_csv, pairs_json
from handseg.errors import InputError
from handseg.runs.comparison import compare_runs, read_scored_run
from handseg.text import dice_text

CLASSES = ("finger-1", "Radius")
PEOPLE = [f"ID{number // 2:03d}" for number in range(24)]
IMAGES = [f"image{number}.png" for number in range(24)]


@pytest.fixture
def scored(make_run):
    """Makes a run with these Dice, float[images, classes], at its only validation."""

    def make(name, dice, *, images=IMAGES, persons=PEOPLE, fold=0, classes=CLASSES, step=5):
        writer = make_run(name=name, fold=fold)
        means = dict(zip(classes, np.nanmean(dice, axis=0).tolist(), strict=True))
        writer.scores(step, images, classes, np.asarray(dice), persons)
        writer.validation(step=step, epoch=1, dice=means)
        writer.end("finished")
        return read_scored_run(writer.folder)

    return make


@pytest.fixture
def dice():
    return np.random.default_rng(3).uniform(0.5, 0.9, (24, 2))


def test_what_is_better_on_every_person_is_more_than_noise(scored, dice):
    pair = compare_runs(scored("a", dice), scored("b", dice + np.array([0.01, -0.05])))
    first, second = pair.by_class
    assert first.between.mean == pytest.approx(0.01, abs=1e-6)
    assert second.between.mean == pytest.approx(-0.05, abs=1e-6)
    assert (first.between.verdict, second.between.verdict) == ("more than noise",) * 2
    assert pair.overall.mean == pytest.approx(-0.02, abs=1e-6)
    assert pair.overall.interval.high < 0


def test_what_goes_up_and_down_with_people_is_noise(scored, dice):
    sway = np.where(np.arange(24) // 2 % 2, 0.03, -0.03)[:, None]
    pair = compare_runs(scored("a", dice), scored("b", dice + sway))
    assert pair.overall.verdict == "no more than noise"
    assert pair.overall.interval.low < 0 < pair.overall.interval.high


def test_people_are_drawn_not_images(scored, dice):
    """24 images of 4 people are as sure as 4 people are."""
    four = [f"ID{number // 6}" for number in range(24)]
    a, b = scored("a", dice, persons=four), scored("b", dice + 0.1, persons=four)
    assert compare_runs(a, b).overall.verdict == "too few people to tell"


def test_images_are_joined_by_name_whatever_their_order(scored, dice):
    order = np.random.default_rng(1).permutation(24)
    shuffled = [IMAGES[place] for place in order]
    a = scored("a", dice)
    b = scored("b", dice[order], images=shuffled, persons=[PEOPLE[place] for place in order])
    assert compare_runs(a, b).overall.mean == 0
    assert all(row.difference == 0 for row in compare_runs(a, b).by_image)


def test_what_one_of_them_does_not_know_counts_in_neither(scored, dice):
    other = dice.copy()
    other[0, 0] = math.nan
    pair = compare_runs(scored("a", dice), scored("b", other))
    assert pair.overall.mean == 0
    assert pair.by_class[0].a == pytest.approx(dice[1:, 0].mean(), abs=1e-6)


def test_the_images_that_differ_most_come_first_with_the_class(scored, dice):
    other = dice.copy()
    other[7, 1] -= 0.4
    row = compare_runs(scored("a", dice), scored("b", other)).by_image[0]
    assert (row.name, row.person, row.most) == ("image7.png", "ID003", "Radius")
    assert row.difference == pytest.approx(-0.2, abs=1e-6)


def test_runs_of_other_folds_have_no_image_in_common(scored, dice):
    a = scored("a", dice)
    b = scored("b", dice, images=[f"x{name}" for name in IMAGES], fold=1)
    with pytest.raises(InputError, match=r"no image in common\n.*fold 0, b fold 1"):
        compare_runs(a, b)


def test_images_and_classes_that_one_alone_has_are_left_out(scored, dice):
    a = scored("a", dice)
    b = scored("b", dice[4:, :1], images=IMAGES[4:], persons=PEOPLE[4:], classes=CLASSES[:1])
    pair = compare_runs(a, b)
    assert (len(pair.images), pair.classes) == (20, ("finger-1",))


def test_the_best_validation_counts_and_without_its_scores_the_last(make_run, dice):
    writer = make_run(name="two")
    for step, gain in ((5, 0.05), (10, 0.0)):
        writer.scores(step, IMAGES, CLASSES, dice + gain, PEOPLE)
        writer.validation(step=step, epoch=step / 5, dice=dict.fromkeys(CLASSES, 0.5 + gain))
    writer.end("finished")
    best = read_scored_run(writer.folder)
    assert (best.scores.step, best.is_best) == (5, True)
    (writer.folder / "scores" / "00000005.npz").unlink()
    last = read_scored_run(writer.folder)
    assert (last.scores.step, last.is_best) == (10, False)


def test_people_that_the_scores_do_not_tell_are_those_of_the_data_set(make_run, phantom_folder):
    from handseg.data.dataset import open_dataset

    samples = open_dataset(phantom_folder).train
    names = [sample.image_name for sample in samples]
    dice = np.full((len(names), 2), 0.5)
    found = []
    for name in ("old", "older"):
        writer = make_run(name=name, data=str(phantom_folder))
        writer.scores(5, names, CLASSES, dice)
        writer.validation(step=5, epoch=1, dice=dict.fromkeys(CLASSES, 0.5))
        writer.end("finished")
        found.append(read_scored_run(writer.folder))
    pair = compare_runs(*found)
    assert pair.knows_people
    assert pair.persons == tuple(sample.person for sample in samples)


def test_whose_images_nobody_knows_each_count_as_a_person(scored, dice):
    pair = compare_runs(scored("a", dice, persons=()), scored("b", dice, persons=()))
    assert not pair.knows_people
    assert len(pair.people) == 24


def test_damaged_or_missing_scores_are_said(make_run, dice):
    writer = make_run(name="bare")
    writer.end("finished")
    with pytest.raises(InputError, match="no Dice of images"):
        read_scored_run(writer.folder)
    (writer.folder / "scores").mkdir()
    (writer.folder / "scores" / "00000005.npz").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(InputError, match="cannot be read"):
        read_scored_run(writer.folder)


def test_programs_get_every_class_and_image(scored, dice):
    pairs = [compare_runs(scored("a", dice), scored("b", dice + 0.01))]
    found = json.loads(json.dumps(pairs_json(pairs), allow_nan=False))
    (other,) = found["others"]
    assert (found["a"]["name"], other["b"]["name"], other["people"]) == ("a", "b", 12)
    assert [row["name"] for row in other["classes"]] == list(CLASSES)
    assert len(other["by_image"]) == 24
    by_class = pairs_csv(pairs, "class").splitlines()
    assert by_class[0] == "a,b,class,dice_a,dice_b,difference,low,high,verdict"
    assert by_class[1].startswith("a,b,finger-1,")
    assert len(pairs_csv(pairs, "image").splitlines()) == 25


def test_a_run_of_other_images_is_compared_with_what_the_first_has_of_them(scored, dice):
    a, b = scored("a", dice), scored("b", dice)
    some = scored("c", dice[:12] + 0.01, images=IMAGES[:12], persons=PEOPLE[:12])
    first, same, other = means_table([compare_runs(a, b), compare_runs(a, some)]).rows
    assert first[1] == pytest.approx(dice.mean(), abs=1e-6)
    assert "has" not in same[-1]
    assert f"a has {dice_text(dice[:12].mean())} on the images of both" in other[-1]


def test_means_leave_out_what_is_no_bone_whichever_mean_the_runs_had(scored, dice):
    classes = ("Radius", "SoftTissue")
    a = scored("a", dice, classes=classes)
    pair = compare_runs(a, scored("b", dice + np.array([0.01, 0.5]), classes=classes))
    assert pair.overall.mean == pytest.approx(0.01, abs=1e-6)
    assert pair.means[0] == pytest.approx(dice[:, 0].mean(), abs=1e-6)
    assert {row.most for row in pair.by_image} == {"Radius"}
    assert [row.name for row in pair.by_class] == list(classes)
    [document] = pairs_json([pair])["others"]
    assert document["not_bones"] == ["SoftTissue"]
