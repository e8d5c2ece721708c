"""Image files are told whole or not in one reading."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handseg.check.images import read_whole


@pytest.fixture
def picture(tmp_path):
    """Writes a noisy image with the suffix; gives its path."""

    def write(suffix="png"):
        path = tmp_path / f"a.{suffix}"
        noise = np.random.default_rng(1).integers(0, 255, (90, 70), np.uint8)
        Image.fromarray(noise).save(path)
        return path

    return write


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_whole_image_has_no_fault_and_the_hash_of_its_file(picture, suffix):
    path = picture(suffix)
    assert read_whole(path) == (hashlib.sha256(path.read_bytes()).hexdigest(), "")


def test_every_cut_of_a_png_is_told(picture):
    path = picture()
    content = path.read_bytes()
    for end in range(9, len(content), 97):
        path.write_bytes(content[:end])
        assert "truncated" in read_whole(path).fault


def test_every_flipped_bit_after_the_signature_is_told(picture):
    path = picture()
    content = path.read_bytes()
    rng = np.random.default_rng(5)
    for at in rng.integers(8, len(content), 200).tolist():
        broken = bytearray(content)
        broken[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        assert read_whole(path).fault, at


@pytest.mark.parametrize("suffix", ["jpg", "bmp"])
def test_other_formats_that_end_too_early_are_told(picture, suffix):
    path = picture(suffix)
    path.write_bytes(path.read_bytes()[:-300])
    assert "truncated" in read_whole(path).fault


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    assert read_whole(tmp_path / "a.png").fault == "the file is empty"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_and_hashed(tmp_path_factory, content):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM"):
        path = tmp_path_factory.getbasetemp() / "hostile"
        path.write_bytes(start + content)
        assert read_whole(path).digest == hashlib.sha256(start + content).hexdigest()
