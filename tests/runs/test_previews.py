"""Previews are small, named by any image name, and thinned."""

import numpy as np
import pytest

from handseg.runs.artifacts import list_previews, steps_to_drop, write_preview
from handseg.runs.layout import PREVIEWS_KEPT


def square(side: int, top: int, size: int) -> np.ndarray:
    planes = np.zeros((side, side, 4), np.uint8)
    planes[top : top + size, top : top + size, 3] = 1 << 4
    return planes


@pytest.mark.parametrize("name", ["a.png", "ID001/a_R.png", "..", ".x", "[red]x[/] é.png", "a%2Fb"])
def test_an_image_of_any_name_comes_back(tmp_path, name):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    write_preview(tmp_path, 10, name, image, square(8, 2, 3), square(8, 3, 3))
    (preview,) = list_previews(tmp_path)
    assert (preview.image_name, preview.steps) == (name, (10,))
    np.testing.assert_array_equal(preview.image(), image)
    np.testing.assert_array_equal(preview.prediction(10), square(8, 2, 3))
    np.testing.assert_array_equal(preview.truth(), square(8, 3, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["previews"]


def test_a_large_picture_is_shrunk_and_a_mask_by_the_majority_of_its_area(tmp_path):
    planes = square(2048, 100, 301)
    write_preview(tmp_path, 1, "a", np.zeros((2048, 2048), np.uint8), planes, None)
    (preview,) = list_previews(tmp_path)
    assert preview.image().shape == (1024, 1024)
    assert preview.truth() is None
    small = preview.prediction(1)
    # 301 pixels are 150.5 of the small ones: half an edge counts, a quarter of a corner does not.
    assert np.count_nonzero(small[:, :, 3] == 1 << 4) == 151 * 151 - 1
    assert not small[:, :, :3].any()


def test_validations_are_thinned_to_forty_with_the_first_and_the_last(tmp_path):
    steps = list[int]()
    for step in range(100, 30_100, 100):
        steps.append(step)
        for gone in steps_to_drop(steps, PREVIEWS_KEPT):
            steps.remove(gone)
    assert len(steps) == PREVIEWS_KEPT
    assert (steps[0], steps[-1]) == (100, 30_000)
    assert max(np.diff(steps)) <= 4 * 30_000 / PREVIEWS_KEPT


def test_planes_of_another_size_are_refused(tmp_path):
    with pytest.raises(ValueError, match="do not belong"):
        write_preview(tmp_path, 1, "a", np.zeros((8, 9), np.uint8), square(8, 0, 1), None)


def test_damaged_planes_are_a_value_error(tmp_path):
    image = np.zeros((8, 8), np.uint8)
    write_preview(tmp_path, 1, "a", image, square(8, 0, 1), None)
    (preview,) = list_previews(tmp_path)
    (preview.folder / "00000001.npz").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(ValueError, match="00000001"):
        preview.prediction(1)
