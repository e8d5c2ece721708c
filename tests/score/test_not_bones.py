"""Classes that are no bones: no part of means and overlaps unless asked for."""

from dataclasses import replace

import numpy as np
import pytest

from handseg import anatomy
from handseg.cli.score import comparison_json
from handseg.data.dataset import open_dataset
from handseg.errors import InputError
from handseg.score.ground_truth import images_to_score, read_truth
from handseg.score.scoring import Comparison, report_rows, score_submission

CLASSES = ["Radius", "Ulna", "Soft Tissue"]


@pytest.fixture
def masks():
    """Two bones that overlap in a row, and tissue around both; the prediction has half the row."""
    true = np.zeros((1, 3, 8, 8), np.uint8)
    true[0, 0, :4], true[0, 1, 3:7], true[0, 2] = 1, 1, 1
    predicted = true.copy()
    predicted[0, 1, 3, 4:] = 0
    predicted[0, 2, :, :4] = 0
    return predicted, true


@pytest.mark.parametrize(
    "name",
    ["SoftTissue", "soft_tissues", "SOFT TISSUE", "Sesamoids", "ring", "Rings", "Metal-Implant",
     "Background", "Ring 1", "Intravenous cannula", "markers"],
)  # fmt: skip
def test_what_is_no_bone_is_known_by_its_name_however_it_is_written(name):
    assert anatomy.not_bones(["Radius", name]) == {name}


@pytest.mark.parametrize(
    "classes",
    [anatomy.BONES, anatomy.ALIASES, ("Thumb", "Index", "Middle", "Ring", "Little"),
     ("ring-1", "ring-2"), ("SoftTissue", "Ring"), ("femur", "tibia")],
)  # fmt: skip
def test_bones_of_any_name_are_bones_and_without_any_all_count(classes):
    assert not anatomy.not_bones(classes)


def test_a_class_is_a_bone_or_none_as_its_owner_says():
    aliases = {"Ring": ("finger-12",)}
    assert not anatomy.not_bones(["Radius", "Ring"], aliases=aliases)
    assert anatomy.not_bones(["Radius", "plaster"], ["plaster"]) == {"plaster"}


def test_means_and_overlaps_are_of_bones_unless_all_classes_are_asked_for(judged, masks):
    metrics = ("dice", "overlap")
    bones = judged(*masks, metrics, CLASSES)
    everything = score_submission(
        bones.submission, replace(bones.truth, counts_all=True), bones.images, metrics
    )
    ulna, tissue = 56 / 60, 2 / 3
    for one, mean, overlap in (
        (bones, (1 + ulna) / 2, 2 / 3),
        (everything, (1 + ulna + tissue) / 3, 64 / 88),
    ):
        assert one.scores.mean() == pytest.approx(mean, abs=1e-4)
        table, pairs = report_rows(Comparison([one], ["a"], metrics), "class")
        assert list(table.names) == CLASSES, "each class has its row"
        assert table.columns[0].footers[0] == pytest.approx(mean, abs=1e-4)
        assert pairs.columns[0].footers[0] == pytest.approx(overlap, abs=1e-4)
        [images] = report_rows(Comparison([one], ["a"]), "image")
        assert images.columns[0].values == pytest.approx([mean], abs=1e-4)
        assert any("Soft Tissue" in remark for remark in table.remarks) == (one is bones)
    [found] = comparison_json(Comparison([bones], ["a"]))["predictions"]
    assert found["not_bones"] == ["Soft Tissue"]
    assert found["classes"]["Soft Tissue"] == pytest.approx(tissue, abs=1e-4)


def test_classes_without_the_anatomys_names_have_no_pairs_with_what_is_no_bone(judged, masks):
    scored = judged(*masks, ("dice", "overlap"), ["tibia", "fibula", "marker"])
    assert scored.overlaps.pairs == (("tibia", "fibula"),)


def test_dataset_toml_says_what_else_is_no_bone(data, submission):
    (data / "dataset.toml").write_text('not_bones = ["Ulna"]')
    assert open_dataset(data).not_bones == {"Ulna"}
    true = np.ones((1, 2, 4, 4), np.uint8)
    labels = submission(true, "labels.csv", ["Radius", "Ulna"])
    assert not read_truth(labels.path, data).not_bones, "it has none of these images"
    rows = [("image_ID001_R.png", cls, np.array([[0, 4]])) for cls in ("Radius", "Ulna")]
    truth = read_truth(submission(rows, "l.csv").path, data)
    assert truth.not_bones == {"Ulna"}
    ours = submission([("image_ID001_R.png", "Radius", np.array([[0, 4]]))], "p.csv")
    scored = score_submission(ours, truth, images_to_score(ours, truth))
    assert scored.scores.mean() == 1.0

    (data / "dataset.toml").write_text('not_bones = ["Ulnae"]')
    with pytest.raises(InputError, match=r"not_bones.*did you mean Ulna"):
        open_dataset(data)


def test_masks_that_are_empty_in_label_and_prediction_are_counted(judged):
    true = np.zeros((3, 2, 4, 4), np.uint8)
    true[0] = 1
    predicted = true.copy()
    predicted[1, 0] = 1
    scored = judged(predicted, true)
    assert scored.empty == (3, 0, 1)
    [block] = report_rows(Comparison([scored], ["a"]), "class")
    assert block.remarks == ["masks empty in label and prediction, Dice 1: 3"]
    assert comparison_json(Comparison([scored], ["a"]))["predictions"][0]["empty_masks"] == {
        "both": 3, "missed": 0, "extra": 1
    }  # fmt: skip


def test_a_class_that_is_nearly_a_bone_by_name_is_told_from_one_of_its_own():
    own = ("Sesamoid", "SoftTissue", "finger-20", "MC1", "Trapzium", "Epiphysis", "scaphoid")
    assert anatomy.misspelt_bones((*own, "finger-2", "Trapezium")) == {}
    slips = ("fingr-1", "Lunatte", "scaphoid")
    assert anatomy.misspelt_bones((*slips, "Scaphoid")) == {
        "fingr-1": "finger-1",
        "Lunatte": "Lunate",
        "scaphoid": "Scaphoid",
    }
