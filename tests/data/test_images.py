"""Radiographs as grey arrays."""

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


@pytest.mark.parametrize(
    ("most", "shift"), [(255, 0), (1023, 2), (4095, 4), (16383, 6), (65535, 8)]
)
def test_of_the_bits_that_a_file_uses_the_upper_eight_are_kept(tmp_path, noise, most, shift):
    deep = noise.astype(np.uint16) * (most // 255)
    deep[0, 0] = most
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.array_equal(read_image(tmp_path / "deep.png"), deep >> shift)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_sixteen_bits_keep_the_bits_that_are_used(tmp_path, noise, suffix):
    deep = np.stack([noise.astype(np.uint16) * 16] * 3, -1)
    cv2.imwrite(str(tmp_path / f"deep.{suffix}"), deep)
    assert abs(read_image(tmp_path / f"deep.{suffix}").astype(int) - noise).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_png_is_grey(tmp_path, noise, mode):
    image = Image.fromarray(noise).convert(mode)
    image.save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read.shape == noise.shape
    if mode != "1":
        assert np.array_equal(read, noise)


def png_chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("edge", [20_000, 1 << 20, (1 << 31) - 1])
def test_a_header_that_says_more_than_any_radiograph_is_refused(tmp_path, edge):
    header = struct.pack(">IIBBBBB", edge, edge, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20), 9)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels))
    for read in (image_size, read_image):
        with pytest.raises(InputError, match=r"bomb\.png.*larger than any radiograph"):
            read(path)


def test_texts_in_a_png_that_inflate_to_gigabytes_are_refused(tmp_path, noise):
    write_png(tmp_path / "a.png", noise)
    content = (tmp_path / "a.png").read_bytes()
    bomb = png_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1 << 26), 9))
    (tmp_path / "bomb.png").write_bytes(content[:33] + bomb + content[33:])
    with pytest.raises(InputError, match=r"bomb\.png"):
        read_image(tmp_path / "bomb.png")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    header=st.binary(min_size=13, max_size=13),
    chunks=st.lists(
        st.tuples(
            st.sampled_from(
                [b"IDAT", b"PLTE", b"tRNS", b"zTXt", b"iCCP", b"IEND", b"eXIf", b"acTL"]
            ),
            st.binary(max_size=40),
        ),
        max_size=4,
    ),
)
def test_whatever_stands_in_a_png_is_read_or_refused(tmp_path, header, chunks):
    path = tmp_path / "a.png"
    # Sizes that are possible too, so that more than the header is looked at.
    small = b"\0\0\0" + header[3:4] + b"\0\0\0" + header[7:]
    for ihdr in (header, small):
        parts = [png_chunk(kind, data) for kind, data in ((b"IHDR", ihdr), *chunks)]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
        for read in (image_size, read_image):
            with contextlib.suppress(InputError):
                read(path)


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
