"""Figures as a person reads them."""

import math

import pytest

from handseg.text import dice_text, difference_text, duration, short_duration, size_text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (dice_text(0.96718), ".9672"),
        (dice_text(1.0), "1.000"),
        (dice_text(math.nan), "–"),
        (difference_text(-0.0214), "−.0214"),
        (difference_text(0.00001), ".0000"),
        (difference_text(0.0021), "+.0021"),
        (short_duration(42), "42s"),
        (short_duration(38 * 60), "38m"),
        (short_duration(3 * 86400), "3d"),
        (short_duration(math.nan), "–"),
        (size_text(831), "831 bytes"),
        (size_text(4_200_000), "4.2 MB"),
        (size_text(1.3e12), "1.3 TB"),
        (size_text(2500), "2.5 kB"),
        (size_text(250_000_000), "250 MB"),
    ],
)
def test_figures_are_said_in_few_characters(words, said):
    assert words == said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0123, "0.012 seconds"), (45, "45 seconds"), (600, "10 minutes"), (86_400, "24.0 hours")],
)
def test_a_duration_is_in_the_unit_that_a_person_would_take(seconds, words):
    assert duration(seconds) == words
