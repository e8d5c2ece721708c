"""How long a run still takes."""

import math
from pathlib import Path

import pytest

from handseg.runs.history import RunDetails, eta_range
from handseg.runs.summary import RunSummary


def details(*times: float | str, state="running") -> RunDetails:
    """A run of 100 steps an epoch, validated after each of them at these times (or resumed)."""
    summary = RunSummary(Path("x"), "x", state, epochs=20, steps_per_epoch=100, step=1000)
    events: list[dict[str, object]] = [{"kind": "start", "t": 0.0}]
    step = 0
    for time in times:
        if isinstance(time, str):
            events.append({"kind": "resume", "t": 0.0, "step": step})
            continue
        step += 100
        events.append({"kind": "validation", "t": time, "step": step})
    fields = dict.fromkeys(RunDetails.__dataclass_fields__, ())
    return RunDetails(**{**fields, "summary": summary, "events": tuple(events)})


def test_the_range_spans_the_paces_between_the_last_validations():
    low, high = eta_range(details(100, 200, 300, 500))
    assert low == pytest.approx(1000.0, rel=0.01)
    assert 1500 < high < 2000
    assert eta_range(details(100, 200, 300, 400, 500)) == pytest.approx((1000.0, 1000.0))


def test_the_time_before_a_resume_is_no_pace():
    low, high = eta_range(details(100, 200, "resume", 90000, 90100, 90200))
    assert (low, high) == pytest.approx((1000.0, 1000.0))


@pytest.mark.parametrize("times", [(), (100,), (100, 200, 300), ("resume", 5, 5, 5, 5)])
def test_too_few_paces_give_no_range(times):
    assert all(map(math.isnan, eta_range(details(*times))))


def test_what_does_not_run_has_no_time_left():
    assert all(map(math.isnan, eta_range(details(100, 200, 300, 400, 500, state="dead"))))
