"""Radiographs as grey arrays."""

import contextlib

import numpy as np
import pytest
from PIL import Image

from handseg.data.images import image_size, read_image, write_png
from handseg.errors import InputError


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (50, 70), np.uint8)


def test_the_size_is_height_and_width_and_needs_the_header_only(tmp_path, noise):
    write_png(tmp_path / "a.png", noise)
    assert image_size(tmp_path / "a.png") == (50, 70)
    (tmp_path / "head.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    assert image_size(tmp_path / "head.png") == (50, 70)


def test_a_grey_png_and_its_three_channel_twin_are_read_alike(tmp_path, noise):
    write_png(tmp_path / "grey.png", noise)
    Image.fromarray(np.stack([noise] * 3, -1)).save(tmp_path / "colour.png")
    Image.fromarray(noise).save(tmp_path / "grey.bmp")
    for name in ("grey.png", "colour.png", "grey.bmp"):
        read = read_image(tmp_path / name)
        assert read.dtype == np.uint8
        assert np.array_equal(read, noise)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_upper_eight_instead_of_going_white(tmp_path, noise, suffix):
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(noise.astype(np.uint16) * 256 + 77).save(path)
    assert np.array_equal(read_image(path), noise)


def test_pixels_of_an_unknown_range_are_refused(tmp_path, noise):
    Image.fromarray(noise.astype(np.float32) / 255).save(tmp_path / "float.tif")
    with pytest.raises(InputError, match=r"float\.tif"):
        read_image(tmp_path / "float.tif")


def test_a_truncated_image_is_refused_by_name(tmp_path, noise):
    write_png(tmp_path / "a.png", noise)
    content = (tmp_path / "a.png").read_bytes()
    for length in range(0, len(content) - 16, 97):
        (tmp_path / "cut.png").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.png cannot be read as an image"):
            read_image(tmp_path / "cut.png")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg"])
def test_a_damaged_image_gives_an_image_or_an_input_error_and_nothing_else(tmp_path, noise, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = content.copy()
        for place in rng.integers(0, min(len(damaged), 300), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            assert read_image(path).dtype == np.uint8


def test_what_is_missing_or_no_image_is_refused_by_name(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("missing.png", "text.png", "empty.png", "folder.png"):
        for read in (read_image, image_size):
            with pytest.raises(InputError, match=name):
                read(tmp_path / name)
