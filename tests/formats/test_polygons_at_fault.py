"""Polygon files that somebody broke or made to do harm: refused with their place."""

import base64
import io
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from handseg import rle
from handseg.errors import InputError
from handseg.formats.masks import format_named, reader_for, rows

HERE = {"labelme": "i.json", "handbone": "train/outputs_json/unknown/i.json"}
"""Where the file of `i.png` lies."""
BOX = [[2, 1], [3, 1], [3, 2], [2, 2]]


def read_polygons(path):
    return reader_for(path).read(path)


def texts(masks):
    return {(image, cls): rle.format(runs) for image, cls, runs in rows(masks)}


def base64_png(picture):
    with io.BytesIO() as stream:
        picture.save(stream, "PNG")
        return base64.b64encode(stream.getvalue()).decode()


def change(path, how):
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document))


def facts(document):
    return document["handseg"] if "handseg" in document else document["attributes"]["handseg"]


@pytest.fixture
def entries(folder, name):
    """Changes the shapes of i.png; gives its masks."""

    def put(*shapes):
        key = {"labelme": "shapes", "handbone": "annotations"}[name]
        change(folder / HERE[name], lambda document: document.update({key: list(shapes)}))
        return texts(read_polygons(folder))

    return put


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (5, "has no name"),
        ({"label": "Ulnaa", "points": BOX}, r"unknown class 'Ulnaa' \(did you mean Ulna\?\)"),
        ({"label": "Ulna"}, "has no list of"),
        ({"label": "Ulna", "points": []}, "has no list of"),
        ({"label": "Ulna", "points": [[1, float("nan")]]}, "not finite"),
        ({"label": "Ulna", "points": [["a", 1]]}, "no numbers"),
    ],
)
def test_a_shape_at_fault_is_an_error_with_its_file(entries, shape, said):
    with pytest.raises(InputError, match=said) as caught:
        entries(shape)
    assert "i.json" in str(caught.value)


@pytest.mark.parametrize("name", ["labelme"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "points", "mask", "said"),
    [
        ("circle", [[1, 1], [2, 2]], None, "is a 'circle'"),
        ({}, [[1, 1]], None, "polygons, rectangles and masks"),
        ("rectangle", [[1, 1]], None, "with 1 points"),
        ("mask", [[1, 1], [2, 2]], None, "no PNG in base64"),
        ("mask", [[1, 1], [2, 2]], "?", "no PNG in base64"),
        ("mask", [[1, 1], [2, 2]], [1], "no PNG in base64"),
        ("mask", [[1, 1], [2, 2]], "AAAA", "no PNG in base64"),
    ],
)
def test_a_shape_of_labelme_that_has_no_inside_is_an_error(entries, kind, points, mask, said):
    if kind == {}:
        assert entries({"label": "Ulna", "shape_type": kind, "points": points})["i.png", "Ulna"]
        return
    with pytest.raises(InputError, match=said):
        entries({"label": "Ulna", "shape_type": kind, "points": points, "mask": mask})


@pytest.mark.parametrize("name", ["labelme"], indirect=True)
def test_a_mask_larger_than_its_image_is_never_decoded(entries):
    bomb = base64_png(Image.new("1", (20000, 4000)))
    with pytest.raises(InputError, match="larger than the image"):
        entries({"label": "Ulna", "shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": bomb})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda facts: facts.update(v=2), "version 2"),
        (lambda facts: facts.update(image_name=5), "has no name"),
        (lambda facts: facts.update(image_name="j.png"), "two files are of the image 'j.png'"),
        (lambda facts: facts.update(size=[3]), "no height and width"),
        (lambda facts: facts.update(size=[1 << 20, 1 << 20]), "images of up to"),
        (lambda facts: facts.update(classes="Ulna"), "no list of names"),
        (lambda facts: facts.update(classes=["Ulna", "Ulna"]), "a name twice"),
        (lambda facts: facts.update(classes=[["Ulna"]]), "has no name"),
    ],
)
def test_what_handseg_wrote_and_somebody_broke_is_an_error(folder, name, how, said):
    change(folder / HERE[name], lambda document: how(facts(document)))
    with pytest.raises(InputError, match=said) as caught:
        read_polygons(folder)
    assert "i.json" in str(caught.value)


def test_labels_of_others_without_images_do_not_say_their_size(folder):
    path = folder / HERE["handbone"]
    if not path.exists():
        return
    change(path, lambda document: document["attributes"].clear())
    with pytest.raises(InputError, match="does not say the size"):
        read_polygons(folder)


def test_no_link_leads_out_of_the_folder(folder, tmp_path, name):
    path = folder / HERE[name]
    (tmp_path / "secret.json").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "secret.json")
    with pytest.raises(InputError, match="leads out of"):
        read_polygons(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"shapes": ' + "[" * 100_000, "{", "\xff", "5"])
def test_deep_and_broken_files_are_errors(tmp_path, text, name):
    (tmp_path / "x.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"x\.json"):
        format_named(name).read(tmp_path / "x.json")


def test_a_file_of_gigabytes_is_refused_unread(tmp_path, name):
    with (tmp_path / "x.json").open("wb") as file:
        os.truncate(file.fileno(), 1 << 33)
    with pytest.raises(InputError, match="too large"):
        format_named(name).read(tmp_path / "x.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
FACTS = {"v": 1, "image_name": "i.png", "size": [3, 5], "number": 0, "classes": ["Ulna"]}
FACTS |= {"labelled": ["Ulna"], "origin": {"fold": 1}}
DOCUMENTS = {
    "labelme": {
        "imagePath": "i.png", "imageHeight": 3, "imageWidth": 5, "handseg": FACTS,
        "shapes": [
            {"label": "Ulna", "points": BOX, "shape_type": "polygon"},
            {"label": "Ulna", "points": BOX[:2], "shape_type": "mask", "mask": "iVBORw0KGgo="},
        ],
    },
    "handbone": {
        "annotations": [{"label": "Ulna", "points": BOX}],
        "attributes": {"labelled": ["Ulna"], "handseg": FACTS},
    },
}  # fmt: skip


def ways_in(value, way=()):
    """The keys that lead to every value inside."""
    yield way
    if not isinstance(value, dict | list):
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from ways_in(part, (*way, key))


@st.composite
def spoilt(draw, name):
    """A document in which one value is another."""
    document = json.loads(json.dumps(DOCUMENTS[name]))
    way = draw(st.sampled_from(list(ways_in(document))))
    if not way:
        return draw(JSON)
    inner = document
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = draw(JSON)
    return document


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_stands_anywhere_is_read_or_refused(name, data):
    document = data.draw(spoilt(name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        path.write_text(json.dumps(document))
        with suppress(InputError):
            list(rows(format_named(name).read(path)))
