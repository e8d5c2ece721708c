"""Intervals over people, and whether a difference is more than noise."""

import numpy as np
import pytest

from handseg.hand.hands import Hands
from handseg.score.means import (
    RESAMPLES,
    Interval,
    People,
    Stratum,
    difference,
    interval_of,
    reweighted_mean,
    summarise,
)
from handseg.score.scoring import Comparison, Reweight, report_rows


def values_of(people, images_each=2, classes=3, seed=0, spread=0.1):
    """Dice around .8 of people who differ from each other, and whose images they are."""
    rng = np.random.default_rng(seed)
    persons = [f"p{place // images_each}" for place in range(people * images_each)]
    own = np.repeat(rng.normal(0.8, spread, people), images_each)
    return own[:, None] + rng.normal(0, 0.01, (len(persons), classes)), persons


def test_a_resample_is_the_score_of_its_people_with_all_their_images():
    values, persons = values_of(7)
    values[3, 1] = values[0, 0] = np.nan
    people = People(persons)
    means = people.resampled_means(values)
    assert len(means) == RESAMPLES
    for resample in (0, 17):
        drawn = people.draws[resample].astype(int)
        assert drawn.sum() == 7
        owners = np.array([people.names.index(person) for person in persons])
        again = np.repeat(values, drawn[owners], axis=0)
        assert means[resample] == pytest.approx(np.nanmean(again, axis=0).mean())


def test_the_interval_is_the_same_each_time_and_holds_the_mean():
    values, persons = values_of(20)
    first, second = (summarise(values, People(persons)) for _ in range(2))
    assert first == second
    assert first.interval.low < first.mean < first.interval.high


def test_the_interval_is_as_wide_as_the_theory_of_independent_people_says():
    values, persons = values_of(60, spread=0.05)
    interval = summarise(values, People(persons)).interval
    of_people = values.mean(axis=1).reshape(60, 2).mean(axis=1)
    expected = 2 * 1.96 * of_people.std(ddof=1) / np.sqrt(60)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.08)


def test_two_images_of_a_person_count_as_one_observation():
    values, persons = values_of(30)
    twins = summarise(values, People(persons)).interval
    strangers = summarise(values, People([str(place) for place in range(60)])).interval
    assert (twins.high - twins.low) / (strangers.high - strangers.low) == pytest.approx(
        np.sqrt(2), rel=0.15
    )


def test_what_both_find_hard_is_no_noise_of_their_difference():
    values, persons = values_of(30, spread=0.2)
    found = difference(values + 0.004, values, People(persons))
    assert found.mean == pytest.approx(0.004)
    assert found.verdict == "more than noise"
    alone = summarise(values, People(persons)).interval
    assert alone.high - alone.low > 0.05


def test_a_difference_that_changes_its_sign_from_person_to_person_is_no_more_than_noise():
    values, persons = values_of(30)
    other, _ = values_of(30, seed=1)
    found = difference(other, values, People(persons))
    assert found.interval.low < 0 < found.interval.high
    assert (found.verdict, found.is_more_than_noise) == ("no more than noise", False)


def test_a_submission_does_not_differ_from_itself():
    values, persons = values_of(9)
    found = difference(values, values, People(persons))
    assert (found.mean, found.interval) == (0.0, Interval(0.0, 0.0))
    assert found.verdict == "no more than noise"


def test_of_a_few_people_nothing_is_told():
    values, persons = values_of(4)
    assert summarise(values, People(persons)).interval is None
    found = difference(values + 0.1, values, People(persons))
    assert (found.interval, found.verdict) == (None, "too few people to tell")


def test_a_reweighted_mean_is_that_of_strata_with_their_shares():
    values = np.array([[0.9, 0.8], [0.7, np.nan], [0.5, 0.4], [0.3, 0.2]])
    strata = [
        Stratum(np.array([True, True, False, False]), 0.25),
        Stratum(np.array([False, False, True, True]), 0.75),
    ]
    expected = np.mean([0.25 * 0.8 + 0.75 * 0.4, 0.25 * 0.8 + 0.75 * 0.3])
    assert reweighted_mean(values, strata) == pytest.approx(expected)


def test_a_reweighted_interval_needs_people_enough_in_each_stratum():
    values, persons = values_of(20)
    for bent, is_told in ((8, False), (12, True)):
        members = np.arange(40) < bent
        strata = [Stratum(members, 0.6), Stratum(~members, 0.4)]
        found = summarise(values, People(persons), strata)
        assert (found.reweighted_interval is not None) == is_told
        assert found.interval is not None
    assert found.reweighted_interval.low < found.reweighted < found.reweighted_interval.high


def test_resamples_that_give_nothing_have_no_interval():
    assert interval_of(np.array([np.nan, np.nan])) is None


def test_table_and_remark_say_the_intervals(made_up):
    values, persons = values_of(12)
    pair = [made_up(values + gain, f"{gain}.csv", people=persons) for gain in (0, 0.01)]
    [block] = report_rows(Comparison(pair, ["a", "b"]), "class")
    assert list(block.footers) == ["mean", "95 % from", "95 % to"]
    assert block.columns[-1].footers == pytest.approx([0.01, 0.01, 0.01])
    assert block.remarks == [
        "b − a: +0.0100, 95 % +0.0100 to +0.0100 over 12 people: more than noise"
    ]


def test_a_reweighted_difference_is_remarked_with_its_own_interval(made_up):
    values, persons = values_of(20)
    pair = [made_up(values + gain, f"{gain}.csv", people=persons) for gain in (0, 0.01)]
    hands = Hands.unmeasured(map(str, range(40)))
    hands.bends[:] = np.where(np.arange(40) < 20, 20.0, 3.0)
    comparison = Comparison(pair, ["a", "b"], reweight=Reweight(0.576), hands=[hands] * 2)
    [block] = report_rows(comparison, "class")
    assert block.footers[-1] == "57.6 % bent"
    assert block.columns[-1].footers[-1] == pytest.approx(0.01)
    assert block.remarks[1] == "at 57.6 % bent: +0.0100, 95 % +0.0100 to +0.0100"


def test_of_different_images_no_difference_is_judged(made_up):
    values, persons = values_of(12)
    one = made_up(values, "a.csv", people=persons)
    other = made_up(values[:-2], "b.csv", people=persons[:-2])
    comparison = Comparison([one, other], ["a", "b"])
    assert comparison.differences == {}
    assert "of different images" in report_rows(comparison, "class")[0].remarks[0]
