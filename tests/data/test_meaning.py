"""Pixels as their file means them: orientation, white and black, scale, padding, pages, alpha."""

import io
import json
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from handseg.data.dataset import open_dataset
from handseg.data.images import image_header, image_size, pixel_version, put_image, read_image
from handseg.data.labels import label_runs
from handseg.errors import InputError

TURNS = {
    1: lambda shown: shown,
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.T,
    6: lambda shown: np.rot90(shown, 1),
    7: lambda shown: np.rot90(shown, 2).T,
    8: lambda shown: np.rot90(shown, -1),
}
"""What a file with an orientation stores of what it shows."""


@pytest.fixture
def shown():
    """A hand's stand-in without any symmetry."""
    image = np.zeros((40, 60), np.uint8)
    image[3:9, 5:50], image[9:30, 5:12], image[20:24, 30:55] = 200, 120, 60
    return image


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def png_with(path, pixels, *chunks, late=False):
    """A PNG with further chunks before its pixels or behind them."""
    Image.fromarray(pixels).save(path)
    content = path.read_bytes()
    place = len(content) - 12 if late else 33
    bodies = (kind + data for kind, data in chunks)
    more = (struct.pack(">I", len(b) - 4) + b + struct.pack(">I", zlib.crc32(b)) for b in bodies)
    path.write_bytes(content[:place] + b"".join(more) + content[place:])
    return path


def tiff(path, pixels, bits=None, **tags):
    """An uncompressed TIFF of one channel, with tags that Pillow does not write."""
    height, width = pixels.shape
    bits = bits or pixels.dtype.itemsize * 8
    data = pixels.tobytes() if "data" not in tags else tags.pop("data")
    entries = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: height}
    entries |= {279: len(data), 339: 3 if pixels.dtype.kind == "f" else 1}
    entries |= {int(tag[1:]): value for tag, value in tags.items()}
    entries = dict(sorted(entries.items()))
    entries[273] = 8 + 2 + 12 * len(entries) + 4
    table = b"".join(
        struct.pack("<HHIf", tag, 11, 1, value)
        if isinstance(value, float)
        else struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in entries.items()
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    path.write_bytes(head + table + bytes(4) + data)
    return path


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_a_picture_is_read_as_it_is_shown(tmp_path, shown, suffix, orientation):
    path = tmp_path / f"a.{suffix}"
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](shown)))
    # Pillow itself writes the tag of a TIFF and the EXIF of the others.
    stored.save(path, exif=exif(orientation), **({"lossless": True} if suffix == "webp" else {}))
    assert image_size(path) == image_header(path).size == shown.shape
    read = read_image(path)
    assert read.shape == shown.shape
    assert abs(read.astype(int) - shown).max() <= (40 if suffix == "jpg" else 1)
    assert image_header(path).is_turned is (orientation > 1)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_sixteen_bits_are_turned_once(tmp_path, shown, suffix, orientation):
    stored = np.ascontiguousarray(TURNS[orientation](shown)).astype(np.uint16) * 257
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.stack([stored] * 3, -1), [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    if suffix == "png":
        content = path.read_bytes()
        body = b"eXIf" + exif(orientation).tobytes()[6:]
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        path.write_bytes(content[:33] + chunk + content[33:])
    else:
        with_tag(path, 274, orientation)
    assert image_size(path) == shown.shape
    assert np.array_equal(read_image(path), shown)


def with_tag(path, tag, value):
    """Add a tag to the first page of a little-endian TIFF, whose table moves to the end."""
    content = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    entries = [bytes(content[at + 2 + 12 * n :][:12]) for n in range(count)]
    entries.append(struct.pack("<HHII", tag, 3, 1, value))
    entries.sort(key=lambda one: struct.unpack_from("<H", one)[0])
    struct.pack_into("<I", content, 4, len(content))
    content += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(content)


@pytest.mark.parametrize("late", [False, True])
def test_a_png_is_turned_wherever_its_exif_stands(tmp_path, shown, late):
    stored = np.ascontiguousarray(TURNS[6](shown))
    chunk = (b"eXIf", exif(6).tobytes()[6:])
    path = png_with(tmp_path / "a.png", stored, chunk, late=late)
    assert image_size(path) == shown.shape
    assert np.array_equal(read_image(path), shown)


def test_sixteen_bits_are_turned_too(tmp_path, shown):
    stored = np.ascontiguousarray(TURNS[8](shown)).astype(np.uint16) * 257
    path = png_with(tmp_path / "a.png", stored, (b"eXIf", exif(8).tobytes()[6:]))
    assert np.array_equal(read_image(path), shown)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("data", [b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense" * 9])
def test_exif_that_cannot_be_read_turns_nothing(tmp_path, shown, data):
    path = png_with(tmp_path / "a.png", shown, (b"eXIf", data))
    assert image_size(path) == shown.shape
    assert np.array_equal(read_image(path), shown)


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_is_none_turns_nothing(tmp_path, shown, value):
    Image.fromarray(shown).save(tmp_path / "a.png", exif=exif(value))
    assert np.array_equal(read_image(tmp_path / "a.png"), shown)


def test_a_turned_picture_beside_labels_is_written_upright_and_without_the_tag(tmp_path, shown):
    stored = Image.fromarray(np.ascontiguousarray(TURNS[6](shown)))
    stored.save(tmp_path / "a.jpg", exif=exif(6), quality=97)
    for is_link in (False, True):
        target = tmp_path / f"{is_link}/a.jpg"
        target.parent.mkdir()
        put = put_image(tmp_path / "a.jpg", target, only_eight_bits=False, is_link=is_link)
        with Image.open(put) as picture:
            assert (picture.size, picture.getexif().get(274)) == (shown.shape[::-1], None)
        assert np.array_equal(read_image(put), read_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("factor", [257, 16])
def test_zero_is_white_where_a_tiff_of_sixteen_bits_says_so(tmp_path, shown, factor):
    inverse = (255 - shown).astype(np.uint16) * factor
    read = read_image(tiff(tmp_path / "a.tif", inverse, t262=0))
    assert abs(read.astype(int) - shown).max() <= 1


def test_zero_is_white_in_eight_bits_as_it_was(tmp_path, shown):
    path = tiff(tmp_path / "a.tif", 255 - shown, t262=0)
    assert np.array_equal(read_image(path), shown)
    assert pixel_version(path) == 1


def noise_of_twelve_bits():
    return np.random.default_rng(0).integers(0, 4096, (256, 256)).astype(np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_hot_pixel_or_a_white_marker_does_not_set_the_scale(tmp_path, suffix):
    plain = noise_of_twelve_bits()
    hot, marked, framed = plain.copy(), plain.copy(), plain.copy()
    hot[3, 3], marked[5:20, 5:15], framed[:, 100:] = 4096, 65535, 65535
    for name, pixels in {"hot": hot, "marked": marked, "framed": framed}.items():
        path = tmp_path / f"{name}.{suffix}"
        Image.fromarray(pixels).save(path)
        assert np.array_equal(read_image(path), np.minimum(pixels, 4095) >> 4), name


def test_more_than_some_bright_pixels_do_set_the_scale(tmp_path):
    pixels = noise_of_twelve_bits()
    pixels[:20, :20] = 16000
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), pixels >> 6)


def test_a_png_says_its_bits(tmp_path):
    dark = noise_of_twelve_bits() >> 3
    path = png_with(tmp_path / "a.png", dark, (b"sBIT", b"\x0c"))
    assert np.array_equal(read_image(path), dark >> 4)
    # As the standard asks for: the bits in use are the upper ones.
    scaled = noise_of_twelve_bits() << 4
    path = png_with(tmp_path / "b.png", scaled, (b"sBIT", b"\x0c"))
    assert np.array_equal(read_image(path), scaled >> 8)


def test_a_tiff_of_packed_twelve_bits_says_its_bits(tmp_path):
    dark = noise_of_twelve_bits() >> 3
    one, other = dark[:, ::2].astype(int), dark[:, 1::2].astype(int)
    packed = np.stack([one >> 4, (one & 15) << 4 | other >> 8, other & 255], -1).astype(np.uint8)
    path = tiff(tmp_path / "a.tif", dark, bits=12, data=packed.tobytes())
    assert np.array_equal(read_image(path), dark >> 4)


def test_a_tiff_says_its_range(tmp_path, shown):
    pixels = (1000 + shown * 4.0).astype(np.uint16)
    path = tiff(tmp_path / "a.tif", pixels, t340=1000, t341=2020)
    assert np.array_equal(read_image(path), shown)
    fractions = (shown / 255).astype(np.float32)
    path = tiff(tmp_path / "b.tif", fractions, t340=0.0, t341=1.0)
    assert np.array_equal(read_image(path), shown)
    path = tiff(tmp_path / "c.tif", fractions, t340=0.0, t341=1.0, t262=0)
    assert np.array_equal(read_image(path), 255 - shown)


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (np.ones((9, 9), np.float32), "SMaxSampleValue"),
        (np.full((9, 9), 1 << 20, np.int32), "no known range"),
        (np.full((9, 9), -1, np.int32), "no known range"),
    ],
)
def test_what_no_file_says_the_range_of_is_refused_with_the_reason(tmp_path, pixels, why):
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(InputError) as refused:
        read_image(tmp_path / "a.tif")
    assert why in str(refused.value.details)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_what_is_transparent_is_black(tmp_path, shown, mode):
    image = Image.fromarray(shown)
    if mode == "P":
        image.save(tmp_path / "a.png", transparency=60)
        expected = np.where(shown == 60, 0, shown)
    else:
        image = image.convert(mode)
        image.putalpha(Image.fromarray(np.where(shown == 60, 0, 255).astype(np.uint8)))
        image.save(tmp_path / "a.png")
        expected = np.where(shown == 60, 0, shown)
    assert np.array_equal(read_image(tmp_path / "a.png"), expected)


def test_deep_colours_are_transparent_too(tmp_path, shown):
    deep = np.stack([shown.astype(np.uint16) * 257] * 4, -1)
    deep[..., 3] = np.where(shown == 60, 0, 65535)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.where(shown == 60, 0, shown))


def test_an_alpha_channel_that_hides_all_is_none(tmp_path, shown):
    image = Image.fromarray(shown).convert("RGBA")
    image.putalpha(0)
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), shown)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_printers_colours_are_the_grey_they_print(tmp_path, shown, suffix):
    Image.fromarray(shown).convert("CMYK").save(tmp_path / f"a.{suffix}")
    read = read_image(tmp_path / f"a.{suffix}")
    assert abs(read.astype(int) - shown).mean() < 3


@pytest.mark.parametrize("suffix", ["tif", "png", "webp", "gif"])
def test_of_several_pages_the_first_is_read_and_their_number_is_known(tmp_path, shown, suffix):
    first, second = Image.fromarray(shown), Image.fromarray(255 - shown)
    path = tmp_path / f"a.{suffix}"
    more = {"lossless": True} if suffix == "webp" else {}
    first.save(path, save_all=True, append_images=[second], **more)
    assert image_header(path).pages == 2
    assert abs(read_image(path).astype(int) - shown).max() <= 1


def test_a_gamma_or_a_profile_that_is_not_applied_is_known(tmp_path, shown):
    linear = png_with(tmp_path / "a.png", shown, (b"gAMA", struct.pack(">I", 100_000)))
    assert image_header(linear).not_applied == "a gamma of 1"
    screen = png_with(tmp_path / "b.png", shown, (b"gAMA", struct.pack(">I", 45_455)))
    assert image_header(screen).not_applied == ""
    from PIL import ImageCms

    def saved(name):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(name))
        Image.fromarray(shown).save(tmp_path / "c.png", icc_profile=profile.tobytes())
        return image_header(tmp_path / "c.png").not_applied

    assert saved("sRGB") == ""
    assert saved("LAB").startswith("the colour profile")
    Image.fromarray(shown).save(tmp_path / "c.png", icc_profile=b"nonsense")
    assert "cannot be read" in image_header(tmp_path / "c.png").not_applied


def test_plain_pictures_are_what_their_decoder_gives_and_keep_what_was_made_of_them(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (50, 70), np.uint8)
    for name, mode, words in (
        ("l.png", "L", {}),
        ("rgb.png", "RGB", {}),
        ("l.jpg", "L", {"quality": 60}),
        ("rgb.jpg", "RGB", {"quality": 60}),
        ("l.bmp", "L", {}),
        ("p.png", "P", {}),
    ):
        Image.fromarray(noise).convert(mode).save(tmp_path / name, **words)
        with Image.open(io.BytesIO((tmp_path / name).read_bytes())) as image:
            assert np.array_equal(read_image(tmp_path / name), np.asarray(image.convert("L")))
        assert pixel_version(tmp_path / name) == 1


def test_pictures_that_say_more_than_that_are_of_another_version(tmp_path, shown):
    Image.fromarray(shown).save(tmp_path / "turned.jpg", exif=exif(3))
    Image.fromarray(shown).convert("LA").save(tmp_path / "alpha.png")
    Image.fromarray(shown.astype(np.uint16)).save(tmp_path / "deep.png")
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "plain")
    Image.fromarray(shown).save(tmp_path / "said.png", pnginfo=info, dpi=(300, 300))
    found = {path.stem: pixel_version(path) for path in tmp_path.iterdir()}
    assert found == {"turned": 2, "alpha": 2, "deep": 2, "said": 1}


def test_a_label_of_the_unturned_picture_is_refused_with_what_mends_it(tmp_path, shown):
    Image.fromarray(np.rot90(shown)).save(tmp_path / "a.jpg", exif=exif(6))
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 60}],
        "categories": [{"id": 1, "name": "Ulna"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
        ],
    }
    label = tmp_path / "a.coco.json"
    label.write_text(json.dumps(document))
    found = open_dataset(tmp_path)
    with pytest.raises(InputError, match="is the label of an image of") as refused:
        label_runs(found.train[0], found.classes)
    assert "exiftool -Orientation= IMAGE" in refused.value.hints[0]
    document["images"][0] |= {"width": 60, "height": 40}
    label.write_text(json.dumps(document))
    found = open_dataset(tmp_path)
    assert label_runs(found.train[0], found.classes).size == shown.shape
