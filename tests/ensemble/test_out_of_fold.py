"""All folds as one submission: each image once, by the model that never saw its person."""

import json

import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.data.dataset import open_dataset
from handseg.ensemble.out_of_fold import join_folds
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_submission


@pytest.fixture
def dataset(workplace):
    return open_dataset(workplace / "data")


@pytest.fixture
def fold(workplace, dataset):
    """Write the held-out predictions of one of two folds; the wrist's bone is the whole image."""
    everyone = sorted({sample.person for sample in dataset.train})

    def write(
        number, *, leave_out=0, also=(), trained=None, recipe="unet", classes=None, **sidecar
    ):
        held_out = everyone[number::2]
        samples = [one for one in dataset.train if one.person in (*held_out, *also)]
        samples = samples[: len(samples) - leave_out]
        path = workplace / "runs" / f"{recipe}-{number + 1}" / "predictions" / "val.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = classes or dataset.classes
        rows = [
            (one.image_name, name, rle.parse("1 5" if name == "Ulna" else ""))
            for one in samples
            for name in names
        ]
        fields = {
            "run": f"{recipe}-{number + 1}",
            "recipe": recipe,
            "fold": number,
            "split": "val",
            "trained_people": [one for one in everyone if one not in held_out]
            if trained is None
            else trained,
            "classes": list(names),
            "images": {one.image_name: [192, 192] for one in samples},
            "validation_dice": 0.5,
        }
        write_submission(path, rows, fields | sidecar)
        return read_submission(path)

    return write


def test_every_image_comes_once_in_the_order_of_the_data_set(dataset, fold):
    path, images, _ = join_folds([fold(1), fold(0)], dataset)
    joined = read_submission(path)
    assert path.as_posix() == "oof/unet-001.csv"
    assert images == len(dataset.train)
    assert joined.images == tuple(sample.image_name for sample in dataset.train)
    assert joined.classes == dataset.classes
    assert len(joined) == images * len(dataset.classes)
    assert rle.format(joined.runs(joined.images[-1], "Ulna")) == "1 5"
    assert join_folds([fold(0), fold(1)], dataset)[0].as_posix() == "oof/unet-002.csv"


def test_the_sidecar_tells_the_folds_and_scoring_does_not_warn(dataset, fold, score_submissions):
    members = [fold(0), fold(1)]
    joined = read_submission(join_folds(members, dataset)[0])
    assert [member["fold"] for member in joined.sidecar["members"]] == [0, 1]
    assert [member["run"] for member in joined.sidecar["members"]] == ["unet-1", "unet-2"]
    assert joined.sidecar["members"][0]["trained_people"]
    assert joined.sidecar["split"] == "oof"
    assert set(joined.sizes.values()) == {(192, 192)}
    whole, first = score_submissions([joined, members[0]], dataset)
    assert whole.trained_on == ()
    assert len(whole.images) == len(dataset.train) > len(first.images)


def test_a_row_that_a_fold_lacks_is_an_empty_mask(dataset, fold, tmp_path):
    one = fold(0)
    lines = one.path.read_text().splitlines(keepends=True)
    one.path.write_text("".join(lines[:-1]))
    sidecar = one.path.with_name("val.csv.json")
    fields = json.loads(sidecar.read_text())
    del fields["sha256"]
    sidecar.write_text(json.dumps(fields))
    joined = read_submission(join_folds([read_submission(one.path), fold(1)], dataset)[0])
    assert len(joined) == len(dataset.train) * len(dataset.classes)


def refused(members, dataset):
    with pytest.raises(InputError) as caught:
        join_folds(members, dataset)
    return str(caught.value)


def test_what_is_not_every_fold_once_is_refused(dataset, fold, workplace):
    first, second = fold(0), fold(1)
    assert "4 of 8 training images are in none of the folds 0" in refused([first], dataset)
    assert "is predicted twice" in refused([first, second, first], dataset)
    assert "1 of 8 training images" in refused([first, fold(1, leave_out=1)], dataset)
    assert not (workplace / "oof").exists()


def test_a_model_that_saw_a_person_whom_it_predicts_is_refused(dataset, fold):
    one = fold(0)
    person = next(sample.person for sample in dataset.train if sample.image_name in one.images)
    leaking = fold(0, trained=[person])
    assert "trained on the person" in refused([leaking, fold(1)], dataset)


def test_folds_of_two_recipes_other_classes_or_unknown_origin_are_refused(dataset, fold):
    said = refused([fold(0), fold(1, recipe="fpn")], dataset)
    assert "folds of one recipe" in said
    assert "fpn" in said
    assert "other classes" in refused([fold(0), fold(1, classes=dataset.classes[:5])], dataset)
    assert "nothing says of which fold" in refused([fold(0), fold(1, fold=None)], dataset)


def type_vote(*words):
    return CliRunner().invoke(application("vote"), ["vote", *words])


def test_vote_joins_named_folds_to_where_it_is_told(fold, workplace):
    names = [str(fold(number).path) for number in (0, 1)]
    done = type_vote("--out-of-fold", *names, "--out", "all.csv")
    assert (done.exit_code, done.stdout) == (0, "all.csv\n")
    assert "handseg score all.csv" in done.stderr
    assert type_vote("--out-of-fold", *names, "--out", "all.csv").exit_code == 2
    assert type_vote("--out-of-fold", *names).stdout == "oof/unet-001.csv\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "a run of every fold"),
        (["a.csv", "--threshold", "1"], 2, "--threshold says nothing there"),
        (["a.csv", "--skip-bad"], 2, "--skip-bad says nothing there"),
        (["a.csv", "--image-size", "4x4"], 2, "--image-size says nothing there"),
        (["a.csv", "--out", "-"], 2, "writes a file"),
        (["a.csv"], 3, "there is no CSV a.csv"),
    ],
)
def test_what_cannot_be_joined_is_one_message(workplace, words, code, said):
    done = type_vote("--out-of-fold", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
