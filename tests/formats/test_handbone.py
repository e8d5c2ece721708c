"""Label files in the competition's schema, read with every fault in them."""

import json

import pytest

from handseg.errors import InputError
from handseg.formats.handbone import AnnotationFault, LabelledPolygon, read_label_file

CLASSES = ("Radius", "Ulna")
BOX = [[2, 1], [3, 1.4], [3, 2]]


@pytest.fixture
def label(tmp_path):
    """Writes a label file of annotations and reads it."""

    def write(*annotations, **attributes):
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"annotations": annotations, "attributes": attributes}))
        return read_label_file(path, CLASSES)

    return write


def test_what_can_be_drawn_and_every_fault_come_in_the_order_of_the_file(label):
    found = label(
        {"label": "Ulna", "points": BOX},
        {"label": "Ulnar", "points": BOX},
        5,
        {"label": "Radius", "points": [[1, None]]},
        {"label": "Radius", "points": []},
    )
    drawn, unknown, nothing, no_points, empty = found.annotations
    assert (drawn.number, drawn.label, drawn.points.tolist()) == (0, "Ulna", BOX)
    assert [one[:3] for one in (unknown, nothing, no_points)] == [
        (1, "class", "Ulnar"), (2, "class", None), (3, "points", "Radius")
    ]  # fmt: skip
    assert "annotation 1 has the unknown class 'Ulnar' (did you mean Ulna?)" in str(unknown.error)
    assert "annotation 3 (Radius) has a point that is not finite" in str(no_points.error)
    assert isinstance(empty, LabelledPolygon)
    assert empty.points.shape == (0, 2)


def test_a_strict_reading_ends_at_the_first_fault(label):
    found = label({"label": "Ulna", "points": BOX}, {"label": "Ulna"}, 5)
    assert [isinstance(one, AnnotationFault) for one in found.annotations] == [False, True, True]
    with pytest.raises(InputError, match=r"annotation 1 \(Ulna\)"):
        found.polygons()
    with pytest.raises(InputError, match=r"annotation 0 \(Ulna\) has no list of"):
        label({"label": "Ulna", "points": []}).polygons()


def test_a_list_of_what_was_labelled_that_is_at_fault_is_a_fault_too(label):
    assert label(labelled=["Ulna"]).labelled == {"Ulna"}
    assert label().labelled == set(CLASSES)
    found = label(labelled=["Ulna", "Ulnar"])
    assert found.labelled == {"Ulna"}
    with pytest.raises(InputError, match="unknown class 'Ulnar'"):
        found.polygons()
