"""A log whose last start lies further back than a tail reaches is no bad log."""

from handseg.runs import jsonl, layout
from handseg.runs.index import summarise_run


def test_a_run_that_started_five_megabytes_ago_is_read(make_run):
    writer = make_run("unet")
    dice = dict.fromkeys(("finger-1", "Radius"), 0.5)
    writer.validation(step=5, epoch=1, dice=dice)
    events = writer.folder / layout.EVENTS
    validation = events.read_bytes().splitlines(keepends=True)[-1]
    with events.open("ab") as log:
        log.write(validation * (jsonl.TAIL_LIMIT // len(validation) + 1000))
    summary = summarise_run(writer.folder)
    assert (summary.state, summary.last_dice) == ("running", 0.5)
    writer.end("finished")
    assert summarise_run(writer.folder).state == "finished"
