"""Series that grow without copies, and the table of steps made of them."""

import numpy as np

from handseg.runs.history import GrowableArray, StepsTable


def test_what_was_handed_out_is_not_changed_by_what_comes_later():
    found = GrowableArray(np.float64)
    found.extend([1.0, 2.0])
    early = found.values
    found.extend([3.0] * 5000)
    found.cut(1)
    found.extend([9.0])
    assert early.tolist() == [1.0, 2.0]
    assert found.values.tolist() == [1.0, 9.0]


def test_values_of_the_same_steps_share_them():
    table = StepsTable()
    table.add({"step": 1, "n": 3, "loss": [3.0, 2.0, 1.0], "dice": [0.1, 0.2, 0.3], "lr": 0.5})
    table.add({"step": 4, "n": 1, "loss": 0.5, "dice": 0.4, "lr": 0.5})
    series = table.series()
    assert series["loss"].steps.tolist() == series["dice"].steps.tolist() == [1, 2, 3, 4]
    assert np.shares_memory(series["loss"].steps, series["dice"].steps)


def test_one_number_for_a_line_is_kept_at_its_first_and_its_last_step():
    table = StepsTable()
    table.add({"step": 1, "n": 1000, "every": 2, "loss": [1.0] * 1000, "lr": 0.5, "grad": 2.0})
    table.add({"step": 2001, "n": 1, "loss": 0.9, "lr": 0.4, "grad": 3.0})
    series = table.series()
    assert len(series["loss"].steps) == 1001
    assert series["lr"].steps.tolist() == [1, 1999, 2001]
    assert series["lr"].values.tolist() == [0.5, 0.5, 0.4]
    assert np.shares_memory(series["lr"].steps, series["grad"].steps)


def test_values_of_single_steps_share_them_until_one_is_told_otherwise():
    table = StepsTable()
    for step in (1, 2, 3):
        table.add({"step": step, "loss": 1.0 / step, "lr": 0.5, "grad": 2.0})
    first = table.series()
    assert np.shares_memory(first["loss"].steps, first["lr"].steps)
    table.add({"step": 4, "n": 3, "loss": [0.3, 0.2, 0.1], "lr": 0.4, "grad": 1.0})
    table.add({"step": 7, "n": 3, "loss": [0.3, 0.2, 0.1], "lr": [0.3, 0.2, 0.1], "grad": 1.0})
    series = table.series()
    assert series["loss"].steps.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert series["lr"].steps.tolist() == [1, 2, 3, 4, 6, 7, 8, 9]
    assert series["lr"].values.tolist() == [0.5, 0.5, 0.5, 0.4, 0.4, 0.3, 0.2, 0.1]
    assert series["grad"].steps.tolist() == [1, 2, 3, 4, 6, 7, 9]
    assert first["lr"].steps.tolist() == [1, 2, 3]


def test_a_resume_in_the_middle_of_a_line_keeps_the_number_at_its_first_step():
    table = StepsTable()
    table.add({"step": 1, "n": 10, "loss": [1.0] * 10, "lr": 0.5})
    table.add({"resume": 5})
    table.add({"step": 6, "n": 2, "loss": [0.6, 0.7], "lr": 0.4})
    series = table.series()
    assert series["loss"].steps.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert series["lr"].steps.tolist() == [1, 6, 7]
    assert series["lr"].values.tolist() == [0.5, 0.4, 0.4]


def test_a_value_that_misses_lines_keeps_the_steps_of_its_own():
    table = StepsTable()
    table.add({"step": 1, "n": 2, "loss": [2.0, 1.0], "grad": 0.5})
    table.add({"step": 3, "n": 2, "loss": [0.9, 0.8]})
    table.add({"step": 5, "n": 1, "loss": 0.7, "grad": 0.4, "late": 7.0})
    series = table.series()
    assert series["loss"].steps.tolist() == [1, 2, 3, 4, 5]
    assert series["grad"].steps.tolist() == [1, 2, 5]
    assert series["grad"].values.tolist() == [0.5, 0.5, 0.4]
    assert series["late"].steps.tolist() == [5]


def test_a_resume_cuts_every_value_and_leaves_what_was_handed_out():
    table = StepsTable()
    table.add({"step": 1, "n": 4, "loss": [4.0, 3.0, 2.0, 1.0]})
    table.add({"step": 5, "n": 1, "loss": 0.5, "grad": 0.1})
    before = table.series()
    table.add({"resume": 2})
    table.add({"step": 3, "n": 1, "loss": 9.0, "grad": 0.3})
    after = table.series()
    assert before["loss"].values.tolist() == [4.0, 3.0, 2.0, 1.0, 0.5]
    assert before["grad"].steps.tolist() == [5]
    assert after["loss"].steps.tolist() == [1, 2, 3]
    assert after["loss"].values.tolist() == [4.0, 3.0, 9.0]
    assert after["grad"].steps.tolist() == [3]
