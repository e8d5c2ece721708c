"""A log is read in stretches and searched as a whole."""

import pytest

from handseg.runs.log import BLOCK, LONGEST, LogStretch, search


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


def texts(stretch):
    return [line.text for line in stretch.lines]


def numbered(first, after):
    return b"".join(b"line %07d of the log, with some words\n" % n for n in range(first, after))


def test_a_log_that_is_not_there_has_no_lines(log):
    stretch = LogStretch(log)
    stretch.to_end()
    assert (stretch.lines, stretch.is_at_end) == ([], True)
    log.write_text("one\n")
    assert stretch.later()
    assert texts(stretch) == ["one"]


def test_a_line_in_the_making_is_shown_and_goes_on(log):
    log.write_bytes(b"one\ntw")
    stretch = LogStretch(log)
    stretch.to_end()
    assert texts(stretch) == ["one", "tw"]
    with log.open("ab") as file:
        file.write(b"o\nthree\n")
    assert stretch.later()
    assert texts(stretch) == ["one", "two", "three"]
    assert not stretch.later()


def test_bars_line_ends_of_windows_and_damaged_bytes_are_lines_too(log):
    log.write_bytes(b"10 %\r20 %\r\nnext\xff\n\nlast")
    stretch = LogStretch(log)
    stretch.to_end()
    assert texts(stretch) == ["10 %", "20 %", "next\ufffd", "", "last"]


def test_a_line_of_a_megabyte_goes_on_in_many_lines(log):
    log.write_bytes(b"x" * (LONGEST + 10) + b"\nend\n")
    stretch = LogStretch(log)
    stretch.to_end()
    assert [len(text) for text in texts(stretch)] == [LONGEST, 10, 3]
    log.write_bytes(b"y" * 1_000_000)
    stretch.to_end()
    assert sum(map(len, texts(stretch))) == BLOCK


def test_a_log_is_read_from_its_end_and_back_in_blocks_without_losing_a_line(log):
    log.write_bytes(numbered(0, 40_000))
    stretch = LogStretch(log)
    stretch.to_end()
    assert texts(stretch)[-1].startswith("line 0039999")
    assert stretch.is_at_end
    seen = set(texts(stretch))
    while stretch.earlier():
        assert len(stretch.lines) < 4 * BLOCK / 40
        seen |= set(texts(stretch))
    assert len(seen) == 40_000
    assert texts(stretch)[0].startswith("line 0000000")
    assert not stretch.is_at_end


def test_from_the_beginning_it_is_read_on_to_the_end_without_losing_a_line(log):
    log.write_bytes(numbered(0, 40_000))
    stretch = LogStretch(log)
    assert stretch.to(0) == 0
    seen = set(texts(stretch))
    while stretch.later():
        seen |= set(texts(stretch))
    assert len(seen) == 40_000
    assert stretch.is_at_end


def test_any_byte_is_reached_at_once(log):
    log.write_bytes(numbered(0, 60_000))
    stretch = LogStretch(log)
    stretch.to_end()
    index = stretch.to(40 * 12_345 + 12_345)
    assert stretch.lines[index].text.startswith("line 0012345")


def test_a_log_that_was_cut_or_replaced_is_read_anew(log):
    log.write_bytes(numbered(0, 100))
    stretch = LogStretch(log)
    stretch.to_end()
    log.write_bytes(b"anew\n")
    assert stretch.later()
    assert texts(stretch) == ["anew"]


@pytest.mark.parametrize("back", [True, False])
def test_a_text_is_found_wherever_it_stands(log, back):
    content = numbered(0, 20_000)
    log.write_bytes(content)
    # One that lies across the border of two blocks.
    for number in (0, 6_393, 6_394, 12_000, 19_999):
        text = f"LINE {number:07d}"
        start = len(content) if back else 0
        assert search(log, text, start, back=back) == 41 * number
    assert search(log, "nowhere", len(content) if back else 0, back=back) is None
    assert search(log, "", 0, back=back) is None


def test_the_next_one_is_the_nearest(log):
    log.write_bytes(b"a warning\nb\nc warning\nd\n")
    assert search(log, "warning", 12, back=True) == 2
    assert search(log, "warning", 12, back=False) == 14
    assert search(log, "warning", 15, back=False) is None
