"""The data of a training: what a recipe asks for, a share of it, a smoke run's few images."""

import json
import shutil
from pathlib import Path

import pytest

from handseg.crops import cut_crops, plan_crops
from handseg.data.crop_manifest import region_folder
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.errors import InputError, UsageError
from handseg.phantom.writing import write_phantoms
from handseg.recipe.faults import RecipeError
from handseg.recipe.load import load_recipe
from handseg.train.data import find_data, share_of

DATA = Path("data")


def data_of(recipe, *sets):
    return find_data(load_recipe(str(recipe), sets), DATA)


def make_crops(region="wrist"):
    dataset = open_dataset(DATA)
    samples = labelled_training_samples(dataset)
    planned = plan_crops(samples, dataset.classes, region)
    source = fingerprint(sample_files(samples), dataset.root)
    cut_crops(region_folder(dataset, region), region, planned, dataset.classes, source)


def people(samples):
    return {sample.person for sample in samples}


@pytest.mark.parametrize(
    ("table", "line", "key"),
    [
        ('[train]\nmemory = "low"', 2, "train.memory"),
        ('[predict]\nmode = "slide"', 2, "predict.mode"),
        ('[predict]\ntta = ["flip"]', 2, "predict.tta"),
    ],
)
def test_what_this_version_cannot_do_is_refused_with_its_line(workplace, table, line, key):
    path = workplace / "asks.toml"
    path.write_text(f'{table}\n[model]\nweights = "none"\n')
    with pytest.raises(RecipeError) as caught:
        data_of(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.key) == ("asks.toml", key)
    assert fault.line in (line, line + 1)
    assert caught.value.exit_code == 2


def test_everything_that_is_not_served_is_named_at_once(workplace):
    path = workplace / "asks.toml"
    path.write_text('[train]\nmemory = "low"\n[predict]\nmode = "slide"\ntta = ["flip"]\n')
    with pytest.raises(RecipeError) as caught:
        data_of(path)
    assert [fault.key for fault in caught.value.faults] == [
        "predict.mode",
        "predict.tta",
        "train.memory",
    ]


def test_missing_crops_are_said_with_the_command_that_makes_them(tiny_recipe):
    with pytest.raises(InputError) as caught:
        data_of(tiny_recipe, "data.crops=['wrist', 'fingertip']")
    assert caught.value.exit_code == 3
    assert "handseg crop --regions wrist,fingertip" in caught.value.hints[0]
    assert not Path("data/folds.json").exists()


def test_a_fold_that_is_not_there_is_a_fault_of_the_recipe(tiny_recipe):
    tiny_recipe.write_text(tiny_recipe.read_text().replace("[data]\n", "[data]\nfold = 9\n"))
    with pytest.raises(RecipeError, match="no fold 9") as caught:
        data_of(tiny_recipe)
    (fault,) = caught.value.faults
    assert (fault.file, fault.key) == ("tiny.toml", "data.fold")
    assert fault.line > 1


def test_all_folds_are_more_than_one_training(tiny_recipe):
    with pytest.raises(UsageError, match="one fold"):
        data_of(tiny_recipe, "data.fold=all")


def test_no_data_set_is_said_and_nothing_is_written(tiny_recipe):
    shutil.rmtree(DATA)
    with pytest.raises(InputError, match="no data set"):
        data_of(tiny_recipe)
    assert not DATA.exists()


def test_an_image_without_a_label_is_named(tiny_recipe):
    bare = open_dataset(DATA).train[0]
    bare.labels.unlink()
    with pytest.raises(InputError) as caught:
        data_of(tiny_recipe)
    assert str(bare.image) in caught.value.details


def test_folds_are_written_once_and_then_obeyed(tiny_recipe):
    first = data_of(tiny_recipe)
    assert first.folds.written
    text = Path("data/folds.json").read_text()
    facts = json.loads(text)
    held_out = people(first.validation)
    assert held_out == {person for person, fold in facts["folds"].items() if fold == 0}
    assert people(first.training) == set(facts["folds"]) - held_out
    again = data_of(tiny_recipe, "data.fold=1")
    assert not again.folds.written
    assert Path("data/folds.json").read_text() == text
    assert not people(again.validation) & held_out


def test_crops_are_of_the_people_trained_on_only(tiny_recipe):
    make_crops("wrist")
    make_crops("fingertip")
    found = data_of(tiny_recipe, "data.crops=['wrist', 'fingertip']")
    assert people(found.crops) == people(found.training) == set(found.people)
    assert not people(found.crops) & people(found.validation)
    fewer = data_of(tiny_recipe, "data.crops=['wrist']", "data.share=0.5")
    assert people(fewer.crops) == people(fewer.training)
    assert 0 < len(fewer.training) < len(found.training)


def test_crops_of_other_labels_are_stale(tiny_recipe):
    make_crops()
    label = open_dataset(DATA).train[0].labels
    label.write_text(label.read_text() + "\n")
    with pytest.raises(InputError, match="other images or labels") as caught:
        data_of(tiny_recipe, "data.crops=['wrist']")
    assert "handseg crop" in caught.value.hints[0]


def test_further_data_is_trained_on_and_never_validated_on(tiny_recipe):
    write_phantoms(Path("further"), people=2, size=64, seed=11)
    found = data_of(tiny_recipe, "data.extra=['further']")
    alone = data_of(tiny_recipe)
    further = open_dataset(Path("further"))
    assert found.validation == alone.validation
    assert found.training == alone.training + further.train
    print_of_it = fingerprint(sample_files(further.train), further.root)
    assert found.added_fingerprints == (print_of_it,)


@pytest.mark.parametrize("folder", ["data", "copy"])
def test_further_data_that_holds_a_held_out_image_is_refused(tiny_recipe, folder):
    shutil.copytree(DATA, "copy")
    with pytest.raises(InputError) as caught:
        data_of(tiny_recipe, f"data.extra=['{folder}']")
    held_out = data_of(tiny_recipe).validation
    assert caught.value.message == f"{folder} holds images that are validated on"
    assert held_out[0].image_name in caught.value.details
    # A run that was begun before this was refused goes on as it began.
    loaded = load_recipe(str(tiny_recipe), [f"data.extra=['{folder}']"])
    assert find_data(loaded, DATA, is_new=False).training


def test_a_share_takes_whole_people_evenly(workplace):
    samples = open_dataset(DATA).train
    everyone = sorted(people(samples))
    assert people(share_of(samples, 0.5)) == {everyone[0], everyone[2]}
    assert share_of(samples, 1.0) == samples
    assert len(people(share_of(samples, 0.01))) == 1


def test_the_labels_of_test_images_are_never_opened(tiny_recipe):
    for path in (DATA / "test/outputs_json").rglob("*.json"):
        path.write_text("{ no JSON")
    assert data_of(tiny_recipe).training


def test_values_that_no_transform_takes_are_faults_with_their_lines(workplace):
    recipe = workplace / "odd.toml"
    recipe.write_text(
        'schema = 1\n[augment.light]\ntransform = "RandomGamma"\ngamma_limit = [-5, 80]\np = 0.5\n'
        '[augment.noise]\ntransform = "GaussNoise"\nstd_range = [2.0, 1.0]\n'
    )
    with pytest.raises(RecipeError) as caught:
        data_of(recipe)
    assert [(fault.key, fault.line) for fault in caught.value.faults] == [
        ("augment.light", 2),
        ("augment.noise", 6),
    ]
    assert "std_range" in caught.value.faults[1].message
    assert "pydantic" not in str(caught.value)


def test_crops_of_read_only_data_are_trained_on_from_where_they_stand(tiny_recipe, monkeypatch):
    monkeypatch.setattr("handseg.data.crop_manifest.writable", lambda folder: False)
    make_crops()
    found = data_of(tiny_recipe, 'data.crops=["wrist"]')
    assert found.crops
    assert not any(crop.image.is_relative_to(DATA) for crop in found.crops)
