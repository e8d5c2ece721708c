"""Run lengths against a plain pixel oracle: decode, sum, compare, encode, one pixel at a time.

What is far away (images of billions of pixels) is a small mask moved to where it lies: the oracle
counts its pixels as anywhere else.
"""

import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handseg import rle
from handseg.rle.aligned import compare
from handseg.rle.batch import parse_batch
from handseg.rle.codec import NormalizationStats, RleError, check_bounds, read
from handseg.rle.submission import read_submission

EPSILON = 1e-4


@st.composite
def stacks(draw, least=1, most=9):
    """Masks of one size, 0 and 1, [models, H, W]; the simplest are empty, full ones are usual."""
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    full = 2 ** (height * width) - 1
    bits = draw(st.lists(mask_bits(full), min_size=least, max_size=most))
    flat = [[one >> place & 1 for place in range(height * width)] for one in bits]
    return np.array(flat, np.uint8).reshape(-1, height, width)


def mask_bits(full):
    return st.one_of(st.just(full), st.integers(0, full))


whole_weights = st.one_of(
    st.integers(0, 4), st.integers(0, 10**6), st.sampled_from([10**9, 2**31, 2**40 + 1, 2**53 - 1])
)
places = st.one_of(
    st.just(0),
    st.integers(0, 10_000_000),
    st.integers(2, 11).flatmap(lambda digits: st.integers(10**digits - 30, 10**digits + 30)),
    st.integers(2**31 - 70, 2**31 + 10),
    st.integers(2**32 - 70, 2**32 + 10),
    st.just(70_000**2 - 64),
)
"""Pixels before a mask: figures of 1 to 12 digits, and where 32 bits end."""


def figures(flat, first=0):
    """Start, length, start, length, … of flattened pixels of which `first` lie before."""
    found, length = [], 0
    for place, inside in enumerate([*flat, 0]):
        if inside:
            length += 1
        elif length:
            found += [first + place - length + 1, length]
            length = 0
    return found


def text(flat, first=0):
    return " ".join(map(str, figures(flat, first)))


def pixels_of(runs_text, count, first=0):
    """The pixels that a text holds, run by run, as a list of 0 and 1."""
    flat = [0] * count
    numbers = [int(figure) for figure in runs_text.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for place in range(start - 1 - first, start - 1 - first + length):
            flat[place] = 1
    return flat


def flat_masks(stack):
    return [mask.reshape(-1).tolist() for mask in stack]


@given(stacks(1, 1))
def test_a_mask_is_written_pixel_for_pixel_whatever_its_type(stack):
    mask = stack[0]
    expected = text(mask.reshape(-1).tolist())
    for variant in (mask, mask.astype(bool), mask * 255, np.asfortranarray(mask), mask[:, :]):
        assert rle.format(rle.from_mask(variant)) == expected
    back = rle.to_mask(rle.parse(expected), mask.shape)
    assert (back.shape, back.dtype) == (mask.shape, np.uint8)
    assert (back == mask).all()


@given(stacks(1, 1), places)
def test_figures_of_any_number_of_digits_are_read_and_written_exactly(stack, first):
    flat = flat_masks(stack)[0]
    written = text(flat, first)
    runs = rle.parse(written)
    pairs = np.array(figures(flat, first), np.int64).reshape(-1, 2)
    assert runs.dtype == np.int64
    assert runs.tolist() == [[start - 1, start - 1 + length] for start, length in pairs.tolist()]
    assert rle.format(runs) == written
    assert rle.parse(written.encode()).tolist() == runs.tolist()
    assert rle.area(runs) == sum(flat)


@given(st.lists(st.integers(1, 2**38), max_size=40, unique=True), st.data())
def test_any_mixture_of_short_and_long_figures_comes_back(starts, data):
    ordered, pairs = sorted(starts), []
    for start, following in pairwise([*ordered, 2**39]):
        room = following - start - 1
        if room > 0:
            pairs.append((start, data.draw(st.integers(1, min(room, 10 ** (start % 12))))))
    written = " ".join(f"{start} {length}" for start, length in pairs)
    runs = rle.parse(written)
    assert runs.tolist() == [[start - 1, start - 1 + length] for start, length in pairs]
    assert rle.format(runs) == written


@pytest.mark.parametrize("digits", range(1, 13))
def test_figures_at_the_edge_of_a_number_of_digits(digits):
    low, high = 10 ** (digits - 1), 10**digits - 1
    assert rle.parse(f"{low} 1").tolist() == [[low - 1, low]]
    assert rle.parse(f"{high} {high}").tolist() == [[high - 1, 2 * high - 1]]
    assert rle.format(rle.parse(f"{low} 1 {high + 9} {high}")) == f"{low} 1 {high + 9} {high}"


@given(stacks(), places, st.data())
def test_a_vote_is_the_text_of_the_pixels_whose_votes_exceed_the_threshold(stack, first, data):
    count = len(stack)
    weights = data.draw(st.lists(whole_weights, min_size=count, max_size=count))
    threshold = data.draw(thresholds(weights))
    flats = flat_masks(stack)
    votes = [
        sum(w * p for w, p in zip(weights, at, strict=True)) for at in zip(*flats, strict=True)
    ]
    expected = [int(Fraction(vote) > Fraction(threshold)) for vote in votes]
    masks = [rle.parse(text(flat, first)) for flat in flats]
    assert rle.format(rle.vote(masks, weights, threshold)) == text(expected, first)


def thresholds(weights):
    """0, fractions, floats, shares, and what some of the weights sum to (a tie is not kept)."""
    total = sum(weights)
    sums = [sum(weights[:n]) for n in range(len(weights) + 1)]
    return st.one_of(
        st.sampled_from(sums),
        st.fractions(0, total + 1, max_denominator=1000),
        st.floats(0, float(total + 1)),
        st.integers(0, 100).map(lambda share: Fraction(share * total, 100)),
    )


@given(st.integers(1, 9), st.integers(60, 70))
def test_weights_beyond_int64_are_exact_or_refused(models, power):
    masks = [rle.parse("1 4")] * models
    try:
        kept = rle.vote(masks, [2**power] * models, models * 2**power - 1)
        none = rle.vote(masks, [2**power] * models, models * 2**power)
    except (ValueError, OverflowError):
        return
    assert (rle.format(kept), rle.format(none)) == ("1 4", "")


@given(stacks(2, 2), places)
def test_dice_overlap_union_and_intersection_count_pixels(stack, first):
    one, two = flat_masks(stack)
    a, b = rle.parse(text(one, first)), rle.parse(text(two, first))
    both = [p & q for p, q in zip(one, two, strict=True)]
    either = [p | q for p, q in zip(one, two, strict=True)]
    assert rle.overlap(a, b) == rle.overlap(b, a) == sum(both)
    assert rle.format(rle.intersect(a, b)) == text(both, first)
    assert rle.format(rle.union(a, b)) == text(either, first)
    expected = (2 * sum(both) + EPSILON) / (sum(one) + sum(two) + EPSILON)
    assert rle.dice(a, b) == pytest.approx(expected, rel=1e-12)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), max_size=12),
    places,
    st.sampled_from([" ", "  ", "\t", " \n"]),
)
def test_what_is_in_disorder_is_united_pixel_for_pixel_and_counted(pairs, first, blank):
    written = blank.join(f"{first + start} {length}" for start, length in pairs)
    runs, disorder = read(written.encode())
    flat = pixels_of(written, 60, first)
    assert rle.format(runs) == text(flat, first)
    assert rle.parse(written).tolist() == runs.tolist()
    assert disorder.zero_length == sum(length == 0 for _, length in pairs)
    found = {
        "unsorted": any(b[0] < a[0] for a, b in pairwise([p for p in pairs if p[1]])),
        "overlapping": sum(length for _, length in pairs) > sum(flat),
    }
    assert {kind: getattr(disorder, kind) > 0 for kind in found} == found
    assert (disorder == NormalizationStats()) == (written.split() == text(flat, first).split())


def test_touching_runs_in_order_are_counted_as_nothing_else():
    runs, disorder = read(b"1 2 3 2 9 1 10 1 11 1")
    assert runs.tolist() == [[0, 4], [8, 11]]
    assert disorder == NormalizationStats(touching=3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2048, 2048)])
@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_masks_of_any_size(shape, value):
    mask = np.full(shape, value, np.uint8)
    written = f"1 {shape[0] * shape[1]}" if value else ""
    runs = rle.from_mask(mask)
    assert rle.format(runs) == written
    assert (rle.to_mask(rle.parse(written), shape) == mask).all()
    assert rle.dice(runs, runs) == 1.0


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_a_single_pixel_in_a_corner_of_a_large_image(corner):
    mask = np.zeros((3001, 3003), bool)
    mask[corner] = True
    place = 1 + corner[0] % 3001 * 3003 + corner[1] % 3003
    assert rle.format(rle.from_mask(mask)) == f"{place} 1"


def test_a_mask_that_is_a_view_of_a_larger_one():
    whole = np.random.default_rng(3).random((50, 60)) > 0.4
    for view in (whole[5:40, 7:31], whole[::2, ::3], whole.T, whole[::-1, ::-1]):
        assert rle.format(rle.from_mask(view)) == text(view.reshape(-1).tolist())


cells = st.one_of(st.none(), st.integers(0, 2**12 - 1))
"""A row of 3 × 4 pixels as bits; None: there is no such row."""
grids = st.lists(st.lists(cells, min_size=6, max_size=6), min_size=2, max_size=2)


@settings(max_examples=60)
@given(grids, st.lists(st.integers(0, 7), max_size=12), places, st.randoms(use_true_random=False))
def test_many_pairs_of_two_files_are_compared_pixel_for_pixel(grid, wanted, first, random):
    keys = [(image, cls) for image in "pqr" for cls in ("Ulna", "Radius")] + [("s", "Ulna")] * 2
    asked = [keys[place] for place in wanted]
    pixels = [
        {key: bit_list(bits) for key, bits in zip(keys, row, strict=False) if bits} for row in grid
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write_shuffled(Path(folder) / f"{number}.csv", keys, row, first, random)
            for number, row in enumerate(grid)
        ]
        overlaps = compare(
            *map(read_submission, files), asked, {key[0]: (1, 10**12) for key in keys}
        )
    nothing = [0] * 12
    flats = [[each.get(key, nothing) for key in asked] for each in pixels]
    shared = [sum(map(min, a, b)) for a, b in zip(*flats, strict=True)]
    areas = [[sum(flat) for flat in each] for each in flats]
    assert [counts.tolist() for counts in overlaps] == [*areas, shared]
    expected = [
        (2 * s + EPSILON) / (a + b + EPSILON) for a, b, s in zip(*areas, shared, strict=True)
    ]
    assert overlaps.dice().tolist() == pytest.approx(expected, rel=1e-12)


def bit_list(bits):
    return [bits >> place & 1 for place in range(12)]


def write_shuffled(path, keys, row, first, random):
    lines = [
        f"{image},{cls},{text(bit_list(bits), first)}"
        for (image, cls), bits in zip(keys, row, strict=False)
        if bits is not None
    ]
    random.shuffle(lines)
    path.write_text("\n".join(["image_name,class,rle", *lines, ""]))
    return path


def test_thousands_of_runs_of_hundreds_of_pairs_are_compared_pixel_for_pixel(tmp_path):
    rng = np.random.default_rng(5)
    keys = [(f"{n}.png", cls) for n in range(120) for cls in ("Ulna", "Radius", "Lunate")]
    shares = rng.choice([0.0, 0.2, 0.5, 1.0], (2, len(keys), 1))
    pixels = rng.random((2, len(keys), 1500)) < shares
    files = []
    for number, order in enumerate((np.arange(len(keys)), rng.permutation(len(keys))[20:])):
        pixels[number, np.setdiff1d(np.arange(len(keys)), order)] = False
        lines = [f"{','.join(keys[n])},{text(pixels[number, n].tolist())}" for n in order]
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text("\n".join(["image_name,class,rle", *lines]))
    overlaps = compare(*map(read_submission, files), keys)
    assert overlaps.area_a.tolist() == pixels[0].sum(1).tolist()
    assert overlaps.area_b.tolist() == pixels[1].sum(1).tolist()
    assert overlaps.overlap.tolist() == pixels.all(0).sum(1).tolist()


figure_bytes = st.one_of(
    st.sampled_from([b" ", b"0", b"1", b"7 1", b"12", b"99999999", b"100000000", b"4294967296"]),
    st.sampled_from(
        [b"  ", b"\t", b"\r\n", b"\x0b", b"\xa0", b"\0", b"+", b"-", b".0", b"/", b":"]
    ),
)
batches = st.lists(st.lists(figure_bytes, max_size=6).map(b"".join), min_size=1, max_size=5)


@settings(max_examples=400)
@given(batches, st.booleans())
def test_texts_read_at_once_are_read_as_each_by_itself(texts, spaced):
    if spaced:  # most of them are plain then
        texts = [b" ".join(text.split()) for text in texts]
    parsed = parse_batch(texts, [(2**20, 2**20)] * len(texts))
    faults = {index: str(error) for index, error in parsed.faults}
    repaired = dict(parsed.repaired)
    for index, (text, runs) in enumerate(zip(texts, parsed.runs.masks(), strict=True)):
        expected, stats, fault = read_or_fault(text)
        assert faults.get(index) == fault
        assert runs.tolist() == expected.tolist()
        assert repaired.get(index, NormalizationStats()) == stats


def read_or_fault(text):
    try:
        runs, stats = read(text)
        check_bounds(runs, (2**20, 2**20))
    except RleError as error:
        return rle.empty(), NormalizationStats(), str(error)
    return runs, stats, None
