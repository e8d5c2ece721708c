"""Areas, overlaps and positions from runs are those of the pixels."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handseg import rle
from handseg.cli.stats import classes_table, overlaps_title
from handseg.data.dataset import open_dataset
from handseg.data.label_runs import label_file
from handseg.data.labels import label_runs
from handseg.rle.geometry import segments
from handseg.statistics import CELLS, class_rows, coverage, measure_masks

SQUARE = [[10, 10], [19, 10], [19, 19], [10, 19]]
BELOW = [[10, 15], [19, 15], [19, 34], [10, 34]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def measured(tmp_path, add_hand):
    """Measures the masks of data/ that `add_hand` makes there."""

    def measure():
        dataset = open_dataset(tmp_path / "data")
        return measure_masks(
            label_file(dataset.train, dataset.classes).submission(), dataset.classes
        )

    return measure


def test_figures_are_those_of_dense_masks(phantom_folder):
    dataset = open_dataset(phantom_folder)
    found = measure_masks(label_file(dataset.train, dataset.classes).submission(), dataset.classes)
    totals = dict.fromkeys(itertools.combinations(dataset.classes, 2), 0)
    for row, sample in enumerate(dataset.train):
        label = label_runs(sample, dataset.classes)
        masks = np.stack([rle.to_mask(runs, label.size) for runs in label.runs])
        assert np.nan_to_num(found.areas[row]).tolist() == masks.sum(axis=(1, 2)).tolist()
        depth = masks.sum(axis=0)
        assert found.depths[row].tolist() == [int((depth >= least).sum()) for least in (1, 2, 3)]
        flat = masks.reshape(len(masks), -1).astype(np.int64)
        shared = flat @ flat.T
        for one, other in itertools.combinations(range(len(masks)), 2):
            totals[dataset.classes[one], dataset.classes[other]] += int(shared[one, other])
    sums = {pair.classes: round(pair.mean_pixels * pair.images) for pair in found.pairs}
    assert sums == {pair: total for pair, total in totals.items() if total}


def test_what_is_no_bone_comes_last_and_is_no_part_of_overlaps(phantom_folder):
    dataset = open_dataset(phantom_folder)
    labels = label_file(dataset.train, dataset.classes).submission()
    first, *others = dataset.classes
    found = measure_masks(labels, dataset.classes, not_bones={first})
    assert found.classes == (*others, first)
    assert [row.name for row in class_rows(found)] == [*others, first]
    for row, sample in enumerate(dataset.train):
        label = label_runs(sample, dataset.classes)
        depth = sum(rle.to_mask(runs, label.size) for runs in label.runs[1:])
        assert found.depths[row].tolist() == [int((depth >= least).sum()) for least in (1, 2, 3)]
    everything = measure_masks(labels, dataset.classes)
    assert set(everything.pairs) - set(found.pairs) == {
        pair for pair in everything.pairs if first in pair.classes
    }
    assert (first in overlaps_title(found), first in overlaps_title(everything)) == (True, False)


def test_the_share_of_an_overlap_is_of_the_smaller(measured, add_hand, tmp_path):
    add_hand(tmp_path / "data", "ID001/a", [("Radius", SQUARE), ("Ulna", BELOW)])
    add_hand(tmp_path / "data", "ID002/b", [("Radius", SQUARE)])
    [pair] = measured().pairs
    assert (pair.classes, pair.images, pair.of_images) == (("Radius", "Ulna"), 1, 1)
    assert (pair.mean_pixels, pair.max_pixels, pair.mean_share) == (50, 50, 0.5)


def test_means_are_over_the_images_that_show_a_class(measured, add_hand, tmp_path):
    wide = [[0, 0], [29, 0], [29, 9], [0, 9]]
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", SQUARE)])
    add_hand(tmp_path / "data", "ID002/b", [("Ulna", wide)])
    add_hand(tmp_path / "data", "ID003/c", [])
    rows = {row.name: row for row in class_rows(measured())}
    ulna = rows["Ulna"]
    assert (ulna.images, ulna.of_images, ulna.mean, ulna.median) == (2, 3, 200, 200)
    assert (ulna.spread, ulna.smallest, ulna.largest) == (100, 100, 300)
    assert ulna.share == pytest.approx(200 / (60 * 80))
    assert (rows["Radius"].images, rows["Radius"].mean) == (0, None)


def test_a_class_that_was_not_labelled_is_not_absent(measured, add_hand, tmp_path):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", SQUARE)], labelled=["Ulna"])
    add_hand(tmp_path / "data", "ID002/b", [("Ulna", SQUARE)])
    rows = {row.name: row for row in class_rows(measured())}
    assert (rows["Ulna"].of_images, rows["Radius"].of_images) == (2, 1)


def test_labels_without_any_mask_have_figures_too(measured, add_hand, tmp_path):
    add_hand(tmp_path / "data", "ID001/a", [])
    found = measured()
    assert (found.foreground, found.deep_share(2), found.pairs) == (0, 0, ())
    assert not found.heat.any()


def test_images_of_several_sizes_are_measured_each_by_its_own(measured, add_hand, tmp_path):
    whole = [[0, 0], [500, 0], [500, 500], [0, 500]]
    for place, size in (("ID001/a", (60, 80)), ("ID002/b", (96, 48)), ("ID003/c", (50, 300))):
        add_hand(tmp_path / "data", place, [("Ulna", whole)], size=size)
    found = measured()
    ulna = found.classes.index("Ulna")
    assert found.shares[:, ulna].tolist() == [1, 1, 1]
    assert found.heat[ulna] == pytest.approx(np.ones((CELLS, CELLS)))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_coverage_is_the_mean_of_the_pixels_of_a_cell(tall, wide, seed):
    shape = CELLS * tall, CELLS * wide
    mask = np.random.default_rng(seed).integers(0, 2, shape, np.uint8)
    found = coverage(segments([rle.from_mask(mask)], [shape[1]]), 1, np.array([shape[0]]))
    expected = mask.reshape(CELLS, tall, CELLS, wide).mean(axis=(1, 3))
    assert found[0] == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(50, 31), (130, 77), (10, 10)])
def test_coverage_keeps_the_area_whatever_the_size(shape):
    mask = np.zeros(shape, np.uint8)
    mask[shape[0] // 3 : shape[0] // 2, 2:-3] = 1
    found = coverage(segments([rle.from_mask(mask)], [shape[1]]), 1, np.array([shape[0]]))[0]
    rows = found[found.any(axis=1)].mean(axis=0).sum() / CELLS
    assert rows == pytest.approx((shape[1] - 5) / shape[1])
    assert found.max() <= 1 + 1e-9


def test_the_table_as_csv_has_empty_fields_where_nothing_is_known(measured, add_hand, tmp_path):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", SQUARE)])
    lines = classes_table(class_rows(measured())).to_csv().splitlines()
    assert lines[0].startswith("class,images,of_images,mean,median,spread")
    assert lines[-1].startswith("Ulna,1,1,100.0,100.0,0.0")
    assert lines[1] == "finger-1,0,1" + "," * 7
    assert json.loads(lines[-1].split(",")[-2]) == pytest.approx(100 / 4800)
