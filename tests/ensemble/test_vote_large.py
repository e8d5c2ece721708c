"""Large votes by `handseg vote` against the pixel oracle: many rows, long fields, huge images."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.rle.submission import write_submission

HEADER = "image_name,class,rle"


def run_vote(*words):
    """Bytes of the CSV that `handseg vote WORDS` makes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        words = ["vote", *map(str, words), "--out", str(out), "--no-progress"]
        done = CliRunner().invoke(application(), words)
        assert done.exit_code == 0, done.stderr
        return out.read_bytes()


def text(flat):
    """The run-length text of flattened pixels: an array of numbers, not 0 inside."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat != 0, [0]))))
    return " ".join(f"{start + 1} {end - start}" for start, end in edges.reshape(-1, 2).tolist())


def rows_of(masks):
    return [(image, cls, text(flat)) for (image, cls), flat in masks.items()]


def write_csv(path, rows):
    path.write_text("\n".join([HEADER, *map(",".join, rows), ""]))
    return path


def oracle(keys, files):
    """The voted CSV: pixels that more than half of the files hold; a row lacking holds none."""
    rows = []
    for image, cls in keys:
        masks = [masks[image, cls] for masks in files if (image, cls) in masks]
        kept = 2 * sum(mask.astype(int) for mask in masks) > len(files)
        rows.append(f"{image},{cls},{text(kept)}")
    return "\n".join([HEADER, *rows, ""]).encode()


def random_masks(seed, images, classes, pixels, lacking=0.0):
    """Masks in an order of their own; the rows that lack are never those of one image or class."""
    rng = np.random.default_rng(seed)
    keys = [(f"{n:03}.png", f"c{m}") for n in range(images) for m in range(classes)]
    masks = {}
    for place in rng.permutation(len(keys)):
        lacks = rng.random() < lacking and place % classes > 0
        if not lacks:
            masks[keys[place]] = (rng.random(pixels) < rng.choice([0, 0.1, 0.5, 1])).astype(
                np.uint8
            )
    return masks


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Three files of up to 320 rows, some 700 KB each, in different orders; the second is whole."""
    folder = tmp_path_factory.mktemp("many")
    files = [random_masks(seed, 40, 8, 1600, lack) for seed, lack in ((0, 0.1), (1, 0), (2, 0.05))]
    paths = [
        write_csv(folder / f"{number}.csv", rows_of(masks)) for number, masks in enumerate(files)
    ]
    whole = list(files[1])
    return paths, oracle(whole, files)


@pytest.mark.parametrize(
    "workers", [[], ["--workers", "1"], ["--workers", "2"], ["--workers", "5"]]
)
def test_many_rows_give_the_same_bytes_with_any_number_of_workers(many, workers):
    paths, expected = many
    assert run_vote(*paths, *workers) == expected


def test_files_in_one_order_and_in_three_give_the_same_masks(many, tmp_path):
    paths, expected = many
    lines = [path.read_text().splitlines() for path in paths]
    tidy = []
    for number, (header, *rows) in enumerate(lines):
        tidy.append(tmp_path / f"{number}.csv")
        tidy[-1].write_text("\n".join([header, *sorted(rows), ""]))
    header, *rows = expected.decode().splitlines()
    assert run_vote(*tidy).decode().splitlines() == [header, *sorted(rows)]


@pytest.mark.parametrize("workers", [1, 3])
def test_thousands_of_rows_most_of_them_empty(tmp_path, workers):
    """Whole parts of the work have no run at all."""
    rng = np.random.default_rng(11)
    keys = [(f"{n}.png", cls) for n in range(1000) for cls in ("Ulna", "Radius")]
    filled = {*range(40), 700, 701, *range(1990, 2000)}
    files = [
        {
            key: rng.integers(0, 2, 20, np.uint8) if place in filled else np.zeros(20, np.uint8)
            for place, key in enumerate(keys)
        }
        for _ in range(3)
    ]
    paths = [write_csv(tmp_path / f"{n}.csv", rows_of(masks)) for n, masks in enumerate(files)]
    assert run_vote(*paths, "--workers", workers) == oracle(keys, files)


@pytest.mark.parametrize("workers", [1, 2])
def test_of_several_faults_far_from_each_other_the_first_is_said(tmp_path, workers):
    runs = " ".join(f"{start} 5" for start in range(1, 3000, 9))
    rows = [(f"{n}.png", "Ulna", runs) for n in range(900)]
    good = write_csv(tmp_path / "good.csv", rows)
    rows[800], rows[500] = ("800.png", "Ulna", "5 5 5"), ("500.png", "Ulna", "0 5")
    bad = write_csv(tmp_path / "bad.csv", rows)
    words = ["vote", str(good), str(bad), "--workers", str(workers), "--no-progress"]
    out = ["--out", str(tmp_path / "out.csv")]
    done = CliRunner().invoke(application(), [*words, *out])
    assert done.exit_code == 3
    assert "bad.csv, line 502, 500.png, Ulna: " in done.stderr
    assert not (tmp_path / "out.csv").exists()
    skipped = CliRunner().invoke(application(), [*words, *out, "--skip-bad", "--threshold", "0"])
    assert skipped.exit_code == 0, skipped.stderr
    assert (tmp_path / "out.csv").read_bytes() == good.read_bytes()
    assert [f"line {n}" in skipped.stderr for n in (502, 802)] == [True, True]


@pytest.mark.parametrize("width", [40_000, 400_000])
def test_a_very_long_field_among_short_ones(tmp_path, width):
    rng = np.random.default_rng(width)
    files = []
    for _ in range(3):
        masks = random_masks(rng, 3, 2, 50)
        dots = np.zeros(width, np.uint8)
        dots[::2] = rng.random(len(dots[::2])) < 0.97
        masks["long.png", "c0"] = dots
        masks |= {
            ("long.png", "c1"): rng.integers(0, 2, 9, np.uint8),
            **random_masks(rng, 4, 2, 50),
        }
        files.append(masks)
    longest = max(len(text(masks["long.png", "c0"])) for masks in files)
    assert longest > (131_072 if width < 100_000 else 2**20)
    paths = [
        write_csv(tmp_path / f"{number}.csv", rows_of(masks)) for number, masks in enumerate(files)
    ]
    assert run_vote(*paths) == oracle(list(files[0]), files)


def test_images_of_more_than_ten_million_pixels(tmp_path):
    rng = np.random.default_rng(9)
    side, files = 5000, []
    for _ in range(3):
        mask = np.zeros((side, side), np.uint8)
        for top, left in rng.integers(0, side - 900, (4, 2)):
            mask[top : top + 800, left : left + rng.integers(1, 900)] = 1
        mask[-1, -rng.integers(1, 4000) :] = 1
        files.append({("large.png", "c"): mask.reshape(-1), ("small.png", "c"): mask[-1, -9:]})
    paths = [
        write_csv(tmp_path / f"{number}.csv", rows_of(masks)) for number, masks in enumerate(files)
    ]
    voted = run_vote(*paths, "--image-size", "5000x5000")
    assert voted == oracle(list(files[0]), files)


@pytest.mark.parametrize("side", [2049, 3162, 3163, 46_340, 46_341, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("models", [1, 2, 3])
def test_the_last_pixels_of_images_of_any_size(tmp_path, side, models):
    rng = np.random.default_rng(side)
    last = 64
    files, paths = [], []
    for number in range(models):
        masks = {(f"{n}.png", "c"): rng.integers(0, 2, last, np.uint8) for n in range(30)}
        files.append(masks)
        rows = [(*key, moved(text(flat), side * side - last)) for key, flat in masks.items()]
        rows[7] = (*rows[7][:2], f"1 {side * side}")
        masks["7.png", "c"] = np.ones(last, np.uint8)
        paths.append(write_csv(tmp_path / f"{number}.csv", rows))
    voted = run_vote(*paths, "--image-size", f"{side}x{side}").decode().splitlines()
    expected = oracle(list(files[0]), files).decode().splitlines()
    for line, wanted in zip(voted, expected, strict=True):
        if line.startswith("7.png"):
            assert line == f"7.png,c,1 {side * side}"
        elif line != HEADER:
            place, _, runs = wanted.rpartition(",")
            assert line == f"{place},{moved(runs, side * side - last)}"


def moved(runs, by):
    """The text with `by` more pixels before it."""
    figures = [int(figure) for figure in runs.split()]
    figures[::2] = [start + by for start in figures[::2]]
    return " ".join(map(str, figures))


def test_a_small_image_and_a_huge_one_share_a_file_that_its_sidecar_sizes(tmp_path):
    sizes = {"small.png": (3, 3), "huge.png": (70_000, 70_000), "tiny.png": (1, 1)}
    texts = [
        {"small.png": "1 9", "huge.png": "1 1 4899999999 2", "tiny.png": "1 1"},
        {"small.png": "9 1", "huge.png": "1 4900000000", "tiny.png": ""},
        {"small.png": "1 4 9 1", "huge.png": "4294967295 3 4900000000 1", "tiny.png": "1 1"},
    ]
    paths = [
        write_submission(
            tmp_path / f"{number}.csv",
            [(image, "c", rle.parse(runs)) for image, runs in each.items()],
            {"images": sizes},
        )
        for number, each in enumerate(texts)
    ]
    assert run_vote(*paths).decode().splitlines()[1:] == [
        "small.png,c,1 4 9 1",
        "huge.png,c,1 1 4294967295 3 4899999999 2",
        "tiny.png,c,1 1",
    ]


def test_nine_models_with_every_number_of_votes(tmp_path):
    """Pixel k has k votes: each threshold keeps the pixels after it."""
    for model in range(9):
        rows = [("a.png", "Ulna", f"{model + 2} {9 - model}")]
        write_csv(tmp_path / f"{model}.csv", rows)
    paths = sorted(tmp_path.glob("*.csv"))
    for threshold in range(9):
        expected = f"{HEADER}\na.png,Ulna,{threshold + 2} {9 - threshold}\n"
        assert run_vote(*paths, "--threshold", threshold).decode() == expected
        assert run_vote(*paths, "--min-votes", threshold + 1).decode() == expected
