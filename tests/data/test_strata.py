"""Strata of people are spread evenly over folds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handseg.data.folds import AGE_BANDS, Folds, balance, deal, make_folds, strata_of
from handseg.data.people import Balance, Person


def unevenness(folds, people, k):
    counts = Counter(folds[name] for name in people)
    return max(counts[fold] for fold in range(k)) - min(counts[fold] for fold in range(k))


persons = st.builds(
    Person,
    st.integers(1, 4),
    st.sampled_from(["bent", "straight", None]),
    st.sampled_from([("left", "right"), ("left",), ("right",), ()]),
    st.fixed_dictionaries({}, optional={"sex": st.sampled_from(["male", "female"]),
                                        "age": st.integers(1, 90)}),
)  # fmt: skip


@given(st.lists(persons, min_size=2, max_size=60), st.integers(2, 7), st.integers(0, 99))
def test_no_two_folds_differ_by_more_than_one_person_of_a_pose(found, k, seed):
    people = {f"ID{number:03d}": person for number, person in enumerate(found)}
    strata = strata_of(people)
    images = {name: person.images for name, person in people.items()}
    folds = deal(strata.of_people, images, k, seed)
    assert set(folds) == set(people)
    first = strata.names[0] if strata.names else ""
    if first.startswith("pose"):
        for pose in ("bent", "straight", None):
            assert unevenness(folds, [n for n, p in people.items() if p.pose == pose], k) <= 1
    else:
        assert unevenness(folds, people, k) <= (1 if not first else k)


@given(st.lists(st.integers(1, 4), min_size=10, max_size=60), st.integers(0, 99))
def test_images_are_even_where_people_are_alike(counts, seed):
    people = {f"ID{number:03d}": Person(images) for number, images in enumerate(counts)}
    rows = balance(make_folds(people, 5, seed), people)
    images = [row.images for row in rows]
    assert max(images) - min(images) <= max(counts)


def test_what_is_the_same_for_all_tells_nothing():
    people = {name: Person(2, "straight", ("left", "right")) for name in "ab"}
    assert strata_of(people).names == ()


def test_pose_comes_before_side_sex_and_age():
    facts = [{"sex": "male", "age": 20}, {"sex": "female", "age": 40}, {"age": 70}]
    sides = [("left",), ("right",), ("left", "right")]
    poses = ["bent", "straight", None]
    people = {
        name: Person(1, pose, side, fact)
        for name, pose, side, fact in zip("abc", poses, sides, facts, strict=True)
    }
    strata = strata_of(people)
    assert [name.split()[0] for name in strata.names] == ["pose", "side", "sex", "age"]
    assert strata.of_people["a"] == ("bent", "left", "male", AGE_BANDS[0])
    assert strata.of_people["c"] == ("unknown", "both", "unknown", AGE_BANDS[2])


@pytest.mark.parametrize("age", [float("nan"), "old", None])
def test_an_age_that_is_no_number_is_unknown(age):
    people = {"a": Person(1, facts={"age": age}), "b": Person(1, facts={"age": 4})}
    assert strata_of(people).of_people == {"a": ("unknown",), "b": (AGE_BANDS[0],)}


def test_balance_counts_people_images_and_hands():
    people = {
        "a": Person(2, "bent", ("left", "right"), {"sex": "male", "age": 30}),
        "b": Person(1, "straight", ("left",), {"sex": "male", "age": 50}),
        "c": Person(2),
    }
    folds = Folds(2, 0, "by hand", {"a": 0, "b": 0, "c": 1, "somebody who left": 1})
    assert balance(folds, people) == [
        Balance(2, 3, 1, 0.5, 2, 1, {"male": 2}, 40.0),
        Balance(1, 2, 0, None, 0, 0, {}, None),
    ]
