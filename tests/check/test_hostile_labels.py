"""Whatever a label file holds, it ends as findings and within bounds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from handseg.anatomy import BONES
from handseg.check.inspection import inspect_sample
from handseg.data.labels import Sample

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none())
VALUES = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=7)
ENTRIES = st.fixed_dictionaries(
    {"label": st.sampled_from(BONES[:4]) | VALUES, "points": POINTS | VALUES}
)
DOCUMENTS = VALUES | st.fixed_dictionaries(
    {"annotations": VALUES | st.lists(ENTRIES | VALUES, max_size=4), "attributes": VALUES}
)


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(folder / "a.png")
    return Sample("a.png", folder / "a.png", folder / "a.json", "a", "train")


@pytest.mark.filterwarnings("error")
@settings(max_examples=150, deadline=None)
@given(document=DOCUMENTS)
def test_any_json_is_looked_at(hand, document):
    hand.labels.write_text(json.dumps(document))
    found = inspect_sample(hand, BONES, {bone: bone for bone in BONES}, deep=True)
    assert found.size == (40, 50)
    assert all(0 <= one.area <= 2000 for one in found.drawn.values())
