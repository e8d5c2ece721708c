"""Votes of submissions, joined by image and class."""

import csv
import io

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.ensemble.members import join
from handseg.ensemble.rules import VoteRules, rule_of
from handseg.ensemble.vote import vote_sidecar, voted_lines
from handseg.errors import InputError
from handseg.rle.aligned import ReadReport
from handseg.rle.submission import read_submission, write_submission


@pytest.fixture
def submission(tmp_path):
    """Makes submissions of {(image, class): run-length text}."""
    made = []

    def make(masks, sidecar=None):
        path = tmp_path / f"{'abcdef'[len(made)]}.csv"
        rows = [(*key, rle.parse(text)) for key, text in masks.items()]
        made.append(read_submission(write_submission(path, rows, sidecar or {})))
        return made[-1]

    return make


def rules(members, weights=None, **rule):
    return VoteRules(rule_of(weights or [1] * len(members), **rule))


def voted(members, weights=None, **rule):
    lines = voted_lines(join(members), rules(members, weights, **rule))
    text = b"".join(data for data, _ in lines).decode()
    return {(image, cls): runs for image, cls, runs in csv.reader(io.StringIO(text))}


def test_a_vote_is_the_majority_of_the_pixels(submission):
    generator = np.random.default_rng(0)
    masks = generator.random((3, 16, 16)) > 0.5
    members = [submission({("a", "Ulna"): rle.format(rle.from_mask(mask))}) for mask in masks]
    expected = {
        "default": masks.sum(0) > 1.5,
        "all": masks.all(0),
        "any": masks.any(0),
    }
    assert voted(members)["a", "Ulna"] == rle.format(rle.from_mask(expected["default"]))
    assert voted(members, min_votes=3)["a", "Ulna"] == rle.format(rle.from_mask(expected["all"]))
    assert voted(members, threshold="0")["a", "Ulna"] == rle.format(rle.from_mask(expected["any"]))


def test_rows_are_joined_by_image_and_class_not_by_position(submission):
    one = submission({("a", "x"): "1 2", ("b", "x"): "5 2"})
    two = submission({("b", "x"): "5 2", ("a", "x"): "1 2"})
    assert list(voted([one, two]).items()) == [(("a", "x"), "1 2"), (("b", "x"), "5 2")]


def test_a_missing_or_empty_row_is_a_vote_against_and_is_counted(submission):
    members = [
        submission({("a", "x"): "1 4", ("a", "y"): "1 4"}),
        submission({("a", "x"): "1 2"}),
        submission({("a", "x"): "", ("a", "y"): ""}),
    ]
    assert voted(members) == {("a", "x"): "1 2", ("a", "y"): ""}
    assert join(members).missing == (0, 1, 0)


def test_half_a_submission_is_no_vote_against(submission):
    whole = submission({("a", "x"): "1 4", ("b", "x"): "1 4"})
    half = submission({("a", "x"): "1 4"})
    with pytest.raises(InputError, match=r"b\.csv lacks 1 of 2 images"):
        join([whole, half])


def test_an_image_that_only_a_sidecar_knows_is_lacking_too(submission):
    half = submission({("a", "x"): "1 4"}, {"images": {"a": [4, 4], "b": [4, 4]}})
    with pytest.raises(InputError, match="lacks 1 of 2 images"):
        join([half, half])


def test_a_class_that_one_submission_spells_differently_is_refused(submission):
    right = submission({("a", "finger-3"): "1 4", ("a", "Ulna"): "9 2"})
    wrong = submission({("a", "finger-33"): "1 4", ("a", "Ulna"): "9 2"})
    with pytest.raises(InputError, match="different classes") as caught:
        join([right, wrong])
    assert "a.csv: finger-3\n" in caught.value.details
    assert "finger-33" in caught.value.details


def test_members_may_lack_different_classes_where_another_has_them_all(submission):
    whole = submission({("a", "x"): "1 4", ("a", "y"): "1 4", ("a", "z"): "1 4"})
    without_x = submission({("a", "y"): "1 4", ("a", "z"): "1 4"})
    without_y = submission({("a", "x"): "1 4", ("a", "z"): "1 4"})
    expected = {("a", "x"): "1 4", ("a", "y"): "1 4", ("a", "z"): "1 4"}
    assert voted([whole, without_x, without_y]) == expected


def test_submissions_without_a_row_are_nothing_to_vote_on(submission):
    with pytest.raises(InputError, match="nothing to vote on"):
        join([submission({}), submission({})])


def test_the_order_is_the_data_sets_where_a_sidecar_knows_it(submission):
    first = submission({("b", "y"): "1 1", ("a", "y"): "1 1", ("a", "x"): "", ("b", "x"): ""})
    known = submission(
        {("a", "x"): "", ("a", "y"): "1 1", ("b", "y"): "1 1"},
        {"images": {"a": [2, 2], "b": [2, 2]}, "classes": ["x", "y"]},
    )
    expected = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    assert list(voted([first, known])) == expected


def test_without_sidecars_the_order_is_that_of_the_first_file_with_all_rows(submission):
    short = submission({("a", "x"): "1 1", ("b", "y"): "1 1"})
    full = submission({("b", "y"): "1 1", ("b", "x"): "", ("a", "x"): "1 1"})
    assert list(voted([short, full])) == [("b", "y"), ("b", "x"), ("a", "x")]


def test_where_nobody_has_all_rows_none_is_lost(submission):
    one = submission({("a", "x"): "1 1", ("b", "y"): "1 1"})
    two = submission({("a", "y"): "1 1", ("b", "y"): "1 1"})
    assert list(voted([one, two])) == [("a", "x"), ("a", "y"), ("b", "y")]


def test_a_run_past_the_image_is_found_with_the_size_of_any_sidecar(submission):
    known = submission({("a", "x"): "1 4"}, {"images": {"a": [2, 2]}})
    past = submission({("a", "x"): "2 4"})
    with pytest.raises(InputError, match=r"b\.csv, line 2, a, x: a run ends at pixel 5, past"):
        voted([known, past])


def test_sidecars_that_disagree_on_a_size_are_refused(submission):
    one = submission({("a", "x"): "1 4"}, {"images": {"a": [2, 2]}})
    two = submission({("a", "x"): "1 4"}, {"images": {"a": [4, 4]}})
    with pytest.raises(InputError, match="a has two sizes"):
        join([one, two])


def test_a_sidecar_that_disagrees_with_the_images_own_header_is_refused(
    submission, tmp_path, add_hand
):
    add_hand(tmp_path / "data", "ID001/a", size=(3, 5))
    dataset = open_dataset(tmp_path / "data")
    bare, wrong = submission({("a.png", "x"): "1 4"}), {"images": {"a.png": [5, 3]}}
    assert join([bare], dataset).table.sizes == {"a.png": (3, 5)}
    with pytest.raises(InputError, match=r"a\.png has two sizes") as caught:
        join([bare, submission({("a.png", "x"): "1 4"}, wrong)], dataset)
    assert caught.value.details.splitlines()[0] == "the image itself: 5 × 3"


def test_weights_count_like_as_many_models(submission):
    heavy, light, other = (submission({("a", "x"): text}) for text in ("1 4", "3 4", "3 4"))
    assert voted([heavy, light, other], [3, 1, 1]) == {("a", "x"): "1 4"}


def test_the_sidecar_says_members_rule_and_what_all_agree_on(submission):
    common = {"split": "val", "data_fingerprint": "f", "images": {"a": [2, 2]}, "classes": ["x"]}
    members = [
        submission(
            {("a", "x"): "1 4"},
            {**common, "run": f"unet-{n}", "fold": n, "trained_people": [f"ID{n}", "ID9"]},
        )
        for n in (1, 2)
    ]
    sidecar = vote_sidecar(join(members), rules(members), [str(one.path) for one in members])
    assert sidecar["made_by"] == "vote"
    assert sidecar["rule"] == "votes > 1 of 2"
    assert [member["run"] for member in sidecar["members"]] == ["unet-1", "unet-2"]
    assert [member["sha256"] for member in sidecar["members"]] == [m.sha256 for m in members]
    assert (sidecar["split"], sidecar["fold"]) == ("val", None)
    assert sidecar["images"] == {"a": (2, 2)}
    assert sidecar["trained_people"] == ["ID1", "ID2", "ID9"]


def test_what_was_brought_to_order_is_counted_for_each_member(tmp_path):
    tidy, untidy = tmp_path / "tidy.csv", tmp_path / "untidy.csv"
    tidy.write_text("image_name,class,rle\na,x,1 4\na,y,1 4\n")
    untidy.write_text("image_name,class,rle\na,x,3 2 1 2\na,y,1 2 2 3 9 0\n")
    members = [read_submission(tidy), read_submission(untidy)]
    found = ReadReport()
    lines = b"".join(data for data, _ in voted_lines(join(members), rules(members), found))
    assert lines == b"a,x,1 4\na,y,1 4\n"
    assert found.repaired_rows() == {1: 2}
    assert found.stats() == {1: rle.Disorder(1, 1, 1, 1)}


def test_a_row_that_cannot_be_read_ends_the_vote_or_is_left_out(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("image_name,class,rle\na,x,1 4\na,y,1 4\n")
    bad.write_text("image_name,class,rle\na,x,1 4\na,y,1 4 9\n")
    members = [read_submission(good), read_submission(bad)]
    with pytest.raises(InputError, match=r"bad\.csv, line 3, a, y: an odd number of figures"):
        list(voted_lines(join(members), rules(members)))
    found = ReadReport()
    lines = voted_lines(join(members), rules(members), found, skip_bad=True)
    assert b"".join(data for data, _ in lines) == b"a,x,1 4\na,y,\n"
    assert [(fault.line, fault.image, fault.cls) for fault in found.faults] == [(3, "a", "y")]


def test_partial_submissions_vote_where_that_is_allowed(submission):
    whole = submission({("a", "x"): "1 4", ("b", "x"): "1 4"})
    half = submission({("a", "x"): "1 4"})
    ballot = join([whole, half], allow_partial=True)
    assert ballot.absent == ((), ("b",))
    lines = b"".join(data for data, _ in voted_lines(ballot, rules([whole, half])))
    assert lines == b"a,x,1 4\nb,x,\n"
