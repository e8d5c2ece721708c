"""What a training's bar says."""

from contextlib import contextmanager

import pytest

from handseg.cli import console
from handseg.cli.console import note_tail
from handseg.cli.train import command as train


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (60, "4.2 images/s  epoch 20  loss 0.9775"),
        (30, "epoch 20  loss 0.9775"),
        (15, "loss 0.9775"),
        (4, "9775"),
        (0, ""),
    ],
)
def test_where_there_is_little_room_the_last_words_of_a_note_stay_whole(room, shown):
    assert note_tail("4.2 images/s  epoch 20  loss 0.9775", room) == shown


def test_of_a_files_name_the_end_stays():
    assert note_tail("image1661130828152_R.png", 10) == "8152_R.png"


def test_the_speed_is_that_of_the_steps_of_this_epoch(monkeypatch):
    shown = []

    @contextmanager
    def recorded(title):
        yield lambda done, total, note="": shown.append(note)

    clock = iter([0.0, 2.0, 100.0, 101.0])
    monkeypatch.setattr(console, "progress", recorded)
    monkeypatch.setattr(train.time, "monotonic", lambda: next(clock))
    with train.speed(8)("unet-1") as bar:
        for done, note in ((5, "epoch 1"), (6, "epoch 1"), (7, "epoch 2"), (9, "epoch 2")):
            bar(done, 20, note)
        bar(1, 3, "image.png")
    # Between two epochs there may have been a validation.
    assert shown == [
        "epoch 1",
        "4 images/s  epoch 1",
        "epoch 2",
        "16 images/s  epoch 2",
        "image.png",
    ]
