"""What handseg says and writes is what was recorded: `python tests/surface/record.py` renews it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES
from record import difference
from surface import EXPECTED


@pytest.mark.parametrize("name", CASES)
def test_an_invocation_says_and_writes_what_was_recorded(name):
    found = difference(CASES[name])
    assert not found, f"\n{found}"


def test_every_record_is_of_a_case():
    assert {path.stem for path in EXPECTED.glob("*.txt")} == set(CASES)
