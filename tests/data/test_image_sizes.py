"""Who says the size of an image, and masks that do not fit the size that is assumed."""

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.data.image_sizes import (
    ImageSizes,
    check_assumed_size,
    header_sizes,
    resolve_sizes,
    sidecar_sizes,
)
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_submission


def submission(path, size):
    """Three discs of an image of size²."""
    down, across = np.ogrid[:size, :size]
    discs = [np.hypot(down - size / 2, across - size * place) < size / 9 for place in (0.3, 0.5)]
    rows = [("i.png", f"bone-{n}", rle.from_mask(disc)) for n, disc in enumerate(discs)]
    return read_submission(write_submission(path, rows, {}))


def test_masks_of_another_width_are_refused_with_the_size_to_say(tmp_path):
    small = submission(tmp_path / "a.csv", 256)
    with pytest.raises(
        InputError, match="look like images of 256 pixels a row, not 2048"
    ) as caught:
        check_assumed_size(small, ["i.png"], (2048, 2048))
    assert "--image-size 256x256" in caught.value.hints[0]


def test_masks_of_the_assumed_width_and_images_of_known_size_pass(tmp_path):
    small = submission(tmp_path / "a.csv", 256)
    check_assumed_size(small, ["i.png"], (256, 256))
    check_assumed_size(small, [], (2048, 2048))


def test_a_size_that_fits_the_other_way_round_alone_is_refused_though_it_was_given(tmp_path):
    mask = np.zeros((300, 200), np.uint8)
    mask[40:260, 30:170] = np.tri(220, 140)
    tall = read_submission(
        write_submission(tmp_path / "a.csv", [("i.png", "x", rle.from_mask(mask))], {})
    )
    with pytest.raises(InputError, match="are of images of 200 × 300, not of 300 × 200") as caught:
        check_assumed_size(tall, ["i.png"], (200, 300), is_given=True)
    assert [*caught.value.hints] == ["the height comes first:  --image-size 300x200"]
    check_assumed_size(tall, ["i.png"], (300, 200), is_given=True)
    check_assumed_size(tall, ["i.png"], (150, 400), is_given=True)


@pytest.fixture
def sized(tmp_path):
    """Makes a submission of one row whose sidecar says sizes of images."""

    def make(**sizes):
        path = tmp_path / f"{len(list(tmp_path.glob('*.csv')))}.csv"
        rows = [("i.png", "x", rle.empty())]
        return read_submission(write_submission(path, rows, {"images": sizes}))

    return make


def test_the_header_comes_before_the_sidecar_and_this_before_the_given_and_the_usual_size(sized):
    sizes = resolve_sizes([sized(a=[4, 5], b=[6, 7])], {"a": (4, 5), "c": (8, 9)}, (1, 2))
    assert [sizes.of(image) for image in "abcd"] == [(4, 5), (6, 7), (8, 9), (1, 2)]
    assert sizes.unknown("abcd") == ("d",)
    assert ImageSizes().of("d") == (2048, 2048)
    assert ImageSizes({"a": (4, 5)}, {"a": (9, 9)}).of("a") == (4, 5)


def test_sources_that_disagree_are_refused_and_both_are_named(sized):
    one, other = sized(a=[4, 5]), sized(a=[5, 4])
    with pytest.raises(InputError, match="a has two sizes") as caught:
        resolve_sizes([one], {"a": (3, 3)})
    assert caught.value.details == f"the image itself: 3 × 3\n{one.path}: 5 × 4"
    with pytest.raises(InputError, match="a has two sizes") as caught:
        sidecar_sizes([one, other])
    assert caught.value.details == f"{one.path}: 5 × 4\n{other.path}: 4 × 5"


def test_images_that_are_not_asked_for_may_have_two_sizes(sized):
    sizes = resolve_sizes([sized(a=[4, 5], b=[2, 2]), sized(a=[5, 4])], images=["b"])
    assert sizes.known == {"b": (2, 2)}


def test_headers_are_read_of_the_images_that_are_asked_for_alone(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", size=(20, 30))
    add_hand(tmp_path / "data", "ID002/b").write_bytes(b"no image")
    samples = open_dataset(tmp_path / "data").train
    assert header_sizes(samples, ["a.png", "c.png"]) == {"a.png": (20, 30)}
