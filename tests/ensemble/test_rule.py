"""How many votes a pixel needs."""

from fractions import Fraction

import pytest

from handseg.ensemble.rules import rule_of as rule_of_weights
from handseg.errors import UsageError


def rule_of(members, *words, **more):
    """The rule of so many members that have a vote each."""
    return rule_of_weights([1] * members, *words, **more)


def test_more_than_half_is_the_rule_unless_another_is_given():
    assert rule_of(3).threshold == Fraction(3, 2)
    assert rule_of(4).threshold == 2
    assert str(rule_of(3)) == "votes > 1.5 of 3"


@pytest.mark.parametrize(
    ("total", "text", "threshold"),
    [(3, "1", 1), (3, "0", 0), (3, ".5", Fraction(1, 2)), (20, "45%", 9), (3, "10 %", None)],
)
def test_a_threshold_is_a_number_of_votes_or_an_exact_share(total, text, threshold):
    if threshold is None:
        with pytest.raises(UsageError, match="neither a number of votes nor a share"):
            rule_of(total, text)
    else:
        assert rule_of(total, text).threshold == threshold


def test_a_third_of_a_share_is_written_as_a_fraction_when_no_decimal_is_exact():
    assert str(rule_of(3, "33.3%")) == "votes > 0.999 of 3"
    assert rule_of_weights([10**15], "0.0000000000000001%").threshold == Fraction(1, 1000)


def test_decimal_weights_are_exact_and_counted_as_whole_numbers():
    rule = rule_of_weights([Fraction("0.1"), Fraction("0.2"), Fraction("0.3")], "0.3")
    assert rule.whole() == ((1, 2, 3), 3)  # .1 + .2 meets .3 and does not exceed it
    assert str(rule) == "votes > 0.3 of 0.6"
    assert rule_of_weights([2, 2, 2]).whole() == ((1, 1, 1), 1)


def test_weights_that_no_sum_can_hold_are_refused():
    rule = rule_of_weights([Fraction(1, 10**19), 1])
    with pytest.raises(UsageError, match="too finely"):
        rule.whole()


def test_min_votes_is_a_threshold_of_one_less():
    assert rule_of(5, min_votes=3).threshold == 2
    assert rule_of(5, min_votes=1).threshold == 0


@pytest.mark.parametrize(
    ("threshold", "min_votes", "said"),
    [
        ("1", 2, "two words for one thing"),
        ("3", None, "leave every mask empty"),
        ("100%", None, "leave every mask empty"),
        (None, 4, "leave every mask empty"),
        (None, 0, "at least one vote"),
        ("half", None, "neither"),
        ("-1", None, "neither"),
        ("nan", None, "neither"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(threshold, min_votes, said):
    with pytest.raises(UsageError, match=said):
        rule_of(3, threshold, min_votes)
