"""Members whose masks are of another size are told by how their runs lie."""

import numpy as np
import pytest

from handseg import rle
from handseg.ensemble.members import join
from handseg.rle.submission import read_submission, write_submission


def discs(size, shift=0):
    """Five discs of an image of size², as runs by class."""
    down, across = np.ogrid[:size, :size]
    for number in range(5):
        centre = size * (0.2 + 0.15 * number)
        disc = np.hypot(down - centre, across - centre - shift) < size * (0.05 + 0.01 * number)
        yield f"bone-{number}", rle.from_mask(disc)


@pytest.fixture
def member(tmp_path):
    made = []

    def make(size, shift=0, sidecar=None):
        path = tmp_path / f"{len(made)}.csv"
        rows = [("i.png", cls, runs) for cls, runs in discs(size, shift)]
        made.append(read_submission(write_submission(path, rows, sidecar or {})))
        return made[-1]

    return make


def test_masks_of_half_the_size_among_others_are_named(member):
    members = [member(512), member(256), member(512, shift=3)]
    odd = join(members, size=(512, 512)).width_mismatches()
    assert [(one.member, one.found, one.expected) for one in odd] == [(members[1], 256, 512)]


def test_masks_of_the_right_size_are_not(member):
    assert join([member(512), member(512, shift=2)], size=(512, 512)).width_mismatches() == ()


def test_a_sidecar_knows_the_width_better_than_the_default(member):
    known = {"images": {"i.png": [256, 256]}}
    assert join([member(256, sidecar=known), member(256)]).width_mismatches() == ()


def test_empty_masks_tell_nothing(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("image_name,class,rle\ni.png,x,\n")
    assert join([read_submission(path)] * 2).width_mismatches() == ()
