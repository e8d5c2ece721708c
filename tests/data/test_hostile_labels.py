"""Label files that anybody wrote: read, or refused with a message."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg.data.labels import class_mask, read_polygons
from handseg.errors import InputError
from handseg.formats import handbone as room

CLASSES = ("Radius", "Ulna")
FIXTURE = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBERS = st.integers() | st.floats() | st.integers(-5, 70)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=10,
)


@FIXTURE
@given(
    points=st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=6) | JSON,
    label=st.sampled_from([*CLASSES, "Ulnar"]) | JSON,
    attributes=JSON | st.fixed_dictionaries({"labelled": JSON}),
)
def test_whatever_stands_in_a_label_is_drawn_or_refused(tmp_path, points, label, attributes):
    path = tmp_path / "label.json"
    entries = [{"label": label, "points": points}]
    path.write_text(json.dumps({"annotations": entries, "attributes": attributes}))
    with contextlib.suppress(InputError):
        found = read_polygons(path, CLASSES)
        for name in CLASSES:
            mask = class_mask(found, name, (60, 64))
            assert mask.dtype == np.uint8
            assert mask.max() <= 1


@FIXTURE
@given(content=st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_label_or_refused(tmp_path, content):
    (tmp_path / "label.json").write_bytes(content)
    with contextlib.suppress(InputError):
        read_polygons(tmp_path / "label.json", CLASSES)


def test_a_label_larger_than_any_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "LARGEST_FILE", 1000)
    path = tmp_path / "label.json"
    path.write_text(" " * 1001)
    with pytest.raises(InputError, match=r"label\.json is too large"):
        read_polygons(path, CLASSES)
