"""The page of a data set's statistics shows all that is known, and no image unless asked."""

import contextlib
import re

import pytest

from handseg.data.dataset import open_dataset
from handseg.statistics import gather
from handseg.view.statistics_page import labelled_pictures, statistics_page

ULNA = [[10, 10], [19, 10], [19, 19], [10, 19]]


@contextlib.contextmanager
def no_bar(title):
    yield lambda done, total, note="": None


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


def titles(page):
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_it_has_a_map_for_each_class_and_no_image_of_the_data(phantom_folder):
    page = statistics_page(gather(open_dataset(phantom_folder), no_bar, 2))
    assert titles(page) == [
        "Hands", "Areas", "Overlaps", "Positions", "Grey values", "Images and people",
    ]  # fmt: skip
    assert page.count("<figure>") == 29
    assert "images that were read: 2/8 of train, 2/4 of test" in page
    assert "Triquetrum ∩ Pisiform" in page


def test_images_are_shown_when_they_are_handed_over(phantom_folder):
    dataset = open_dataset(phantom_folder)
    shown = labelled_pictures(dataset.train[:2], dataset.classes)
    page = statistics_page(gather(dataset, no_bar, 1), shown)
    assert titles(page)[-1] == "Images"
    assert page.count("<figure>") == 31
    assert shown[0].image.shape == (420, 420, 3)
    assert (shown[0].image.max(axis=2) > shown[0].image.min(axis=2)).mean() > 0.05  # colour


def test_without_labels_it_shows_the_rest(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", None)
    page = statistics_page(gather(open_dataset(tmp_path / "data"), no_bar))
    assert titles(page) == ["Grey values", "Images and people"]


def test_names_of_classes_are_text(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", [("<b>x</b>", ULNA)])
    (tmp_path / "data" / "dataset.toml").write_text('classes = ["<b>x</b>"]')
    page = statistics_page(gather(open_dataset(tmp_path / "data"), no_bar))
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
