"""Masks of images whose size nobody says are not taken to be of a width that they do not have."""

import numpy as np
import pytest

from handseg import rle
from handseg.errors import InputError
from handseg.rle.assumed import check_assumed_size
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
