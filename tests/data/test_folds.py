"""Folds: grouped by person, written once and then obeyed."""

import json
import os
import random
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from handseg.data.dataset import Dataset, Sample, open_dataset
from handseg.data.folds import fold_count, load_or_make_folds, make_folds, save_folds, write_folds
from handseg.data.label_runs import label_file
from handseg.data.people import Person, training_people
from handseg.data.settings import Settings
from handseg.errors import InputError, UsageError
from handseg.phantom.writing import write_phantoms

PEOPLE = [f"ID{number:03d}" for number in range(1, 14)]


def load_or_write_folds(dataset, **chosen):
    """What a training does."""
    return save_folds(load_or_make_folds(dataset, **chosen))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def dataset_of(root, people):
    samples = tuple(
        Sample(f"{person}{side}.png", root / f"{person}{side}.png", None, person, "train")
        for person in people
        for side in "LR"
    )
    return Dataset(root, "handbone", ("Ulna",), samples, ())


@contextmanager
def as_nobody():
    """For root a folder's permissions are no hindrance: go without its privileges for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_folds_that_are_made_but_not_kept_are_those_that_are_written_later(workplace):
    dataset = open_dataset(Path("data"))
    made = load_or_make_folds(dataset, k=3)
    assert not made.path.exists()
    assert not made.written
    assert fold_count(dataset, 3) == made.folds.k == 3
    written = save_folds(made)
    assert written.written
    again = load_or_make_folds(dataset)
    assert (again.folds, again.path) == (made.folds, written.path)
    assert not save_folds(again).written
    assert fold_count(dataset) == 3


def test_every_person_is_held_out_once_and_with_all_their_images(empty_folder):
    dataset = dataset_of(empty_folder, PEOPLE)
    folds = load_or_write_folds(dataset).folds
    held_out = []
    for fold in range(folds.k):
        training, validation = folds.split(dataset.train, fold)
        people = {sample.person for sample in validation}
        assert people.isdisjoint(sample.person for sample in training)
        assert len(training) + len(validation) == len(dataset.train)
        assert len(validation) in (4, 6)  # 13 people in 5 folds, two images each
        held_out += people
    assert sorted(held_out) == PEOPLE


def people(names, bent=()):
    """Two images each; without `bent` nothing is known of anybody."""
    poses = {name: "bent" if name in bent else "straight" if bent else None for name in names}
    return {name: Person(2, poses[name]) for name in names}


def test_folds_depend_on_the_people_and_the_seed_only():
    for bent in ((), PEOPLE[::4]):
        one, other = people(PEOPLE, bent), people(PEOPLE[::-1], bent)
        assert make_folds(one, 5, 0) == make_folds(other, 5, 0)
        assert make_folds(one, 5, 0).folds != make_folds(one, 5, 1).folds


def test_where_nothing_is_known_people_are_shuffled():
    assert make_folds(people(PEOPLE), 5, 0).method == "shuffled people"


def test_the_method_names_the_strata_and_the_limit():
    method = make_folds(people(PEOPLE, PEOPLE[:3]), 5, 0).method
    assert method == "people stratified by pose (bent above 12°)"


def test_bent_wrists_are_more_even_than_among_shuffled_people():
    everybody = [f"ID{number:03d}" for number in range(400)]
    bent = set(random.Random(9).sample(everybody, 46))

    def unevenness(known):
        worst = 0
        for seed in range(20):
            folds = make_folds(known, 5, seed).folds
            counts = Counter(folds[person] for person in bent)
            worst = max(worst, max(counts.values()) - min(counts[fold] for fold in range(5)))
        return worst

    assert unevenness(people(everybody, bent)) == 1  # 46 in 5 folds: 9 or 10 each
    assert unevenness(people(everybody)) > 5


def test_folds_of_the_old_method_stay_as_they_are(empty_folder):
    folds = {person: number % 5 for number, person in enumerate(PEOPLE)}
    old = {"version": 1, "k": 5, "seed": 0, "method": "shuffled people", "folds": folds}
    (empty_folder / "folds.json").write_text(json.dumps(old))
    found = load_or_write_folds(dataset_of(empty_folder, PEOPLE))
    assert (found.folds.folds, found.folds.method) == (folds, "shuffled people")
    assert not found.written


def test_the_settings_name_the_file(empty_folder):
    dataset = dataset_of(empty_folder, PEOPLE)
    named = replace(dataset, settings=Settings(folds="made/mine.json"))
    assert load_or_write_folds(named).path == empty_folder / "made" / "mine.json"
    assert not load_or_write_folds(named).written


def test_folds_that_are_there_are_replaced_when_asked(empty_folder):
    dataset = dataset_of(empty_folder, PEOPLE)
    load_or_write_folds(dataset)
    made = write_folds(dataset, people(PEOPLE), k=3, seed=4)
    assert made.written
    assert load_or_write_folds(dataset).folds == made.folds
    assert (made.folds.k, made.folds.seed) == (3, 4)


def test_folds_are_written_once_and_then_obeyed(empty_folder):
    dataset = dataset_of(empty_folder, PEOPLE)
    first = load_or_write_folds(dataset)
    assert (first.path, first.written) == (empty_folder / "folds.json", True)
    assert names(empty_folder) == ["folds.json"]
    value = json.loads(first.path.read_text())
    assert sorted(value) == ["folds", "k", "method", "seed", "version"]
    value["folds"] = {person: index % 2 for index, person in enumerate(PEOPLE)}
    value["k"] = 2
    first.path.write_text(json.dumps(value))
    again = load_or_write_folds(dataset, k=7, seed=3)
    assert (again.folds.k, again.folds.folds, again.written) == (2, value["folds"], False)


def test_there_are_never_more_folds_than_people(empty_folder):
    assert load_or_write_folds(dataset_of(empty_folder, PEOPLE[:3])).folds.k == 3


def test_one_person_is_too_few_and_no_file_is_left(empty_folder):
    with pytest.raises(InputError, match="two people"):
        load_or_write_folds(dataset_of(empty_folder, PEOPLE[:1]))
    assert not list(empty_folder.iterdir())


@pytest.mark.parametrize("k", [1, 0, -3])
def test_less_than_two_folds_cannot_be(empty_folder, k):
    with pytest.raises(UsageError, match="fold"):
        load_or_write_folds(dataset_of(empty_folder, PEOPLE), k=k)
    assert not list(empty_folder.iterdir())


def test_people_whom_the_file_lacks_are_named(empty_folder):
    path = load_or_write_folds(dataset_of(empty_folder, PEOPLE[:-2])).path
    with pytest.raises(InputError) as caught:
        load_or_write_folds(dataset_of(empty_folder, PEOPLE))
    assert str(path) in caught.value.message
    assert "2 of 13" in caught.value.message
    assert caught.value.details == "ID012, ID013"
    assert str(path) in caught.value.hints[0]


def test_people_who_left_the_data_set_do_no_harm(empty_folder):
    load_or_write_folds(dataset_of(empty_folder, PEOPLE))
    dataset = dataset_of(empty_folder, PEOPLE[:5])
    folds = load_or_write_folds(dataset).folds
    assert sum(len(folds.split(dataset.train, fold)[1]) for fold in range(folds.k)) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"folds": {"ID001": 9}},
        {"folds": {"ID001": -1}},
        {"folds": {"ID001": 0.5}},
        {"k": None},
        {"folds": {"ID001": True}},
        {"folds": ["ID001"]},
        {"folds": {"ID001": "x"}},
        {"version": 3},
    ],
)
def test_a_fold_file_at_fault_is_refused_by_name_and_left_alone(empty_folder, change):
    dataset = dataset_of(empty_folder, PEOPLE[:2])
    path = load_or_write_folds(dataset).path
    value = json.loads(path.read_text())
    folds = change.get("folds")
    if isinstance(folds, dict):
        change = {"folds": value["folds"] | folds}
    text = json.dumps(value | change)
    path.write_text(text)
    with pytest.raises(InputError, match=r"folds\.json"):
        load_or_write_folds(dataset)
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"folds": {}}', "\xff"])
def test_a_damaged_fold_file_is_refused(empty_folder, text):
    (empty_folder / "folds.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"folds\.json"):
        load_or_write_folds(dataset_of(empty_folder, PEOPLE))


@pytest.mark.parametrize("fold", [-1, 5])
def test_a_fold_that_does_not_exist_is_a_fault_of_usage(empty_folder, fold):
    dataset = dataset_of(empty_folder, PEOPLE)
    with pytest.raises(UsageError, match="no fold"):
        load_or_write_folds(dataset).folds.split(dataset.train, fold)


def test_folds_of_read_only_data_stand_in_the_cache_and_are_obeyed_there(monkeypatch):
    # pytest's own folders are closed to others, so this one lies beside them.
    with tempfile.TemporaryDirectory() as name:
        root, cache = Path(name) / "data", Path(name) / "cache"
        root.mkdir()
        cache.mkdir()
        Path(name).chmod(0o755)
        root.chmod(0o555)
        cache.chmod(0o777)
        monkeypatch.setenv("HANDSEG_CACHE", str(cache))
        dataset = dataset_of(root, PEOPLE)
        with as_nobody():
            first = load_or_write_folds(dataset)
            again = load_or_write_folds(dataset, seed=5)
        assert first.written
        assert first.path.is_relative_to(cache)
        assert not list(root.iterdir())
        assert (again.folds, again.written, again.path) == (first.folds, False, first.path)


def test_folds_that_cannot_be_replaced_are_not_written_elsewhere(monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        root.mkdir()
        Path(name).chmod(0o755)
        dataset = dataset_of(root, PEOPLE)
        load_or_write_folds(dataset)
        root.chmod(0o555)
        with as_nobody(), pytest.raises(InputError, match="cannot be replaced"):
            write_folds(dataset, people(PEOPLE), k=3)


def test_folds_of_phantoms_are_by_person(workplace):
    dataset = open_dataset(Path("data"))
    folds = load_or_write_folds(dataset).folds
    assert folds.k == 4
    assert set(folds.folds) == {sample.person for sample in dataset.train}


def test_labels_tell_who_is_bent(workplace):
    write_phantoms(Path("bent"), people=12, size=192, seed=3, test_people=0)
    dataset = open_dataset(Path("bent"))
    found = training_people(dataset)
    bent = [name for name, person in found.people.items() if person.pose == "bent"]
    assert 0 < len(bent) < 12
    folds = load_or_write_folds(dataset, k=2).folds
    counts = [sum(folds.folds[name] == fold for name in bent) for fold in range(2)]
    assert "pose" in folds.method
    assert max(counts) - min(counts) <= 1
    assert not Path(".handseg/labels").exists()


def test_a_label_at_fault_leaves_its_person_unknown(workplace):
    dataset = open_dataset(Path("data"))
    broken = dataset.train[0]
    broken.labels.write_text("{")
    found = training_people(dataset)
    assert list(found.faults) == [broken.image_name]
    assert found.people[broken.person].images == 2
    assert len(found.people[broken.person].sides) == 1
    assert set(load_or_write_folds(dataset).folds.folds) == set(found.people)


def test_a_person_without_labels_has_a_fold_too(workplace):
    for sample in open_dataset(Path("data")).train[:2]:
        sample.labels.unlink()
    dataset = open_dataset(Path("data"))
    person = training_people(dataset).people[dataset.train[0].person]
    assert (person.pose, person.hands) == (None, "unknown")
    assert dataset.train[0].person in load_or_write_folds(dataset).folds.folds


def test_labels_that_the_cache_keeps_are_not_drawn_again(workplace, monkeypatch):
    dataset = open_dataset(Path("data"))
    before = training_people(dataset).people
    label_file(dataset.train, dataset.classes).submission()
    monkeypatch.setattr("handseg.data.label_runs.label_runs", None)
    assert training_people(dataset).people == before
