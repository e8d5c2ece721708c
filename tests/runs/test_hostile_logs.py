"""Whatever stands in the files of a run, it is listed, shown or called broken: never an error."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg.cli.runs.lines import when_text
from handseg.errors import InputError
from handseg.runs import jsonl, layout
from handseg.runs.history import read_run
from handseg.runs.index import RunIndex
from handseg.runs.query import SORTS, Filter, run_rows, sort_runs
from handseg.text import epochs_text

numbers = st.one_of(
    st.integers(-3, 40), st.floats(), st.sampled_from([10**30, 2**63, -1e300, True, False])
)
values = st.recursive(
    st.one_of(st.none(), numbers, st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["Radius", "mean", "epoch", "step", "dice"]), inner),
    ),
    max_leaves=4,
)
event_fields = sorted({name for known in layout.KINDS.values() for name in known} | {"t"})
events = st.lists(
    st.builds(
        lambda kind, rest: {**rest, "kind": kind},
        st.one_of(st.sampled_from(sorted(layout.KINDS)), values),
        st.dictionaries(st.sampled_from(event_fields), values, max_size=6),
    ),
    max_size=6,
)
steps = st.lists(
    st.dictionaries(st.sampled_from([*layout.STEP_FIELDS, "loss", "speed"]), values, max_size=5),
    max_size=5,
)
runs = st.dictionaries(st.sampled_from([*layout.RUN_FIELDS, "epochs", "data"]), values, max_size=8)


def write(folder, run, events, steps):
    (folder / layout.RUN).write_text(json.dumps(run))
    for name, lines in ((layout.EVENTS, events), (layout.STEPS, steps)):
        # JSON as Python writes it, with NaN and Infinity, which a strange writer may too.
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


@given(run=runs, events=events, steps=steps)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_run_of_any_content_is_listed_and_read_or_called_broken(tmp_path, run, events, steps):
    folder = tmp_path / "runs" / "strange-1"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, run, events, steps)
    found = RunIndex(folder.parent).refresh()
    assert [one.name for one in found] == ["strange-1"]
    for by in SORTS:
        assert sort_runs(found, by) == found
    json.dumps(jsonl.plain(run_rows(found, 0.0)), allow_nan=False)
    assert epochs_text(found[0].epoch, found[0].epochs) + when_text(found[0], 0.0)
    for text in ("dice>.5", "age<2d", "fold:0", "worst:Radius", "left<1h", "model:x", "host:y"):
        assert Filter.parse(text).matches(found[0], 0.0) in (True, False)
    try:
        details = read_run(folder)
    except InputError:
        assert found[0].state == "broken"
        return
    assert details.dice.shape == (len(details.means), len(details.summary.classes))
