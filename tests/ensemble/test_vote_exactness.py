"""Whole files voted by `handseg vote` against a plain pixel oracle: decode, sum, compare, encode.

The oracle counts in fractions and writes its own CSV; the two files are compared byte for byte.
"""

import gzip
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.main import application
from handseg.rle.submission import write_submission

HEADER = "image_name,class,rle"
CLASSES = ("finger-1", "Lunate", "Ulna")


def run_vote(*words):
    """Bytes of the CSV that `handseg vote WORDS` makes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        words = ["vote", *map(str, words), "--out", str(out), "--no-progress"]
        done = CliRunner().invoke(application(), words)
        assert done.exit_code == 0, done.stderr
        assert done.stdout == f"{out}\n"
        return out.read_bytes()


def text(flat):
    """The run-length text of flattened pixels: an array of numbers, not 0 inside."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat != 0, [0]))))
    return " ".join(f"{start + 1} {end - start}" for start, end in edges.reshape(-1, 2).tolist())


def oracle(keys, files, kept):
    """The voted CSV: `kept(cls, [pixels of each file])` says which pixels stay."""
    rows = [
        f"{image},{cls},{text(kept(cls, [masks.get((image, cls)) for masks in files]))}"
        for image, cls in keys
    ]
    return "\n".join([HEADER, *rows, ""]).encode()


def majority(_, masks):
    sums = sum(mask.astype(int) for mask in masks if mask is not None)
    return 2 * sums > len(masks)


@dataclass
class Rule:
    """Who votes on a class, with which weights, and how many votes a pixel has to exceed."""

    weights: list[str]
    """Decimals as a person writes them; None where the file is no member."""
    threshold: str | None = None

    def kept(self, masks):
        weights = [Fraction(weight) for weight in self.weights if weight is not None]
        masks = [m for m, weight in zip(masks, self.weights, strict=True) if weight is not None]
        pixels = max(len(mask) for mask in masks if mask is not None)
        return np.array([self._sum(masks, weights, place) for place in range(pixels)])

    def _sum(self, masks, weights, place):
        votes = sum(
            weight
            for mask, weight in zip(masks, weights, strict=True)
            if mask is not None and mask[place]
        )
        return votes > self.least(sum(weights))

    def least(self, total):
        if self.threshold is None:
            return total / 2
        number = Fraction(self.threshold.rstrip("%"))
        return number * total / 100 if self.threshold.endswith("%") else number


# Files as people's tools write them


@dataclass
class Dialect:
    """How a CSV is written; none of it changes what it says."""

    order: list[str] = field(default_factory=lambda: HEADER.split(","))
    end: str = "\n"
    bom: bool = False
    quotes: bool = False
    floats: bool = False
    blank: str = " "
    zipped: bool = False
    last_end: bool = True
    disorder: Random | None = None

    def write(self, path, rows):
        """Write (image, class, text) rows; gives the path."""
        lines = [self._line(dict(zip(self.order, self.order, strict=True)))]
        for number, (image, cls, runs) in enumerate(rows):
            values = {"image_name": image, "class": cls, "rle": self._runs(runs)}
            lines.append(self._line({"": str(number), **values}))
        content = self.end.join(lines) + self.end * self.last_end
        data = content.encode("utf-8-sig" if self.bom else "utf-8")
        path = path.with_suffix(".csv.gz") if self.zipped else path
        path.write_bytes(gzip.compress(data) if self.zipped else data)
        return path

    def _line(self, values):
        quote = '"' if self.quotes else ""
        return ",".join(f"{quote}{values[name]}{quote}" for name in self.order)

    def _runs(self, runs):
        figures = [int(figure) for figure in runs.split()]
        pairs = list(zip(figures[::2], figures[1::2], strict=True))
        if self.disorder and pairs:
            pairs = disordered(pairs, self.disorder)
        point = ".0" if self.floats else ""
        return self.blank.join(
            f"{start}{point}{self.blank}{length}{point}" for start, length in pairs
        )


def disordered(pairs, random):
    """The same pixels: runs cut in two, some twice, some of no length, shuffled."""
    cut = []
    for start, length in pairs:
        first = random.randint(0, length)
        cut += [(start, first), (start + first, length - first)]
        cut += [(start, length)] * (random.random() < 0.2)
    cut = [pair for pair in cut if pair[1] or random.random() < 0.5]
    random.shuffle(cut)
    return cut


dialects = st.builds(
    Dialect,
    order=st.permutations(["", *HEADER.split(",")]) | st.permutations(HEADER.split(",")),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    quotes=st.booleans(),
    floats=st.booleans(),
    blank=st.sampled_from([" ", " ", "  ", "\t"]),
    zipped=st.booleans(),
    last_end=st.booleans(),
    disorder=st.none() | st.randoms(use_true_random=False),
)


@st.composite
def ballots(draw, fewest, most):
    """Files of masks, (image, class) → pixels (None: an empty field), one of them with all rows."""
    shapes = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 7)), min_size=1, max_size=4))
    keys = [(f"{n}.png", cls) for n in range(len(shapes)) for cls in CLASSES]
    sizes = {f"{n}.png": shape for n, shape in enumerate(shapes)}
    count = draw(st.integers(fewest, most))
    whole = draw(st.integers(0, count - 1))
    files = []
    for number in range(count):
        masks = {}
        for image, cls in draw(st.permutations(keys)):
            # Every image and every class is in each file: a whole one lacking is another matter.
            may_lack = number != whole and cls != CLASSES[0] and image != "0.png"
            if may_lack and draw(st.integers(0, 3)) == 0:
                continue
            pixels = sizes[image][0] * sizes[image][1]
            masks[image, cls] = unpacked(draw(st.integers(0, 2**pixels - 1)), pixels)
        files.append(masks)
    return files, whole, sizes


def unpacked(bits, pixels):
    return np.array([bits >> place & 1 for place in range(pixels)], np.uint8)


def rows_of(masks):
    return [(image, cls, text(flat)) for (image, cls), flat in masks.items()]


def first_whole(files, whole):
    """The keys in the order of the first file that has all rows."""
    return list(next(masks for masks in files if len(masks) == len(files[whole])))


@settings(max_examples=70, deadline=None)
@given(ballots(1, 6), st.data())
def test_any_files_in_any_dress_give_the_bytes_of_the_oracle(ballot, data):
    files, whole, _ = ballot
    threshold = data.draw(
        st.sampled_from([None, *range(len(files)), "0%", "33.4%", "50%", "99.9%"])
    )
    rule = Rule(["1"] * len(files), None if threshold is None else str(threshold))
    options = [] if threshold is None else ["--threshold", threshold]
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            data.draw(dialects).write(Path(folder) / f"{number}.csv", rows_of(masks))
            for number, masks in enumerate(files)
        ]
        voted = run_vote(*paths, *options)
    expected = oracle(first_whole(files, whole), files, lambda _, masks: rule.kept(masks))
    assert voted.decode() == expected.decode()


decimals = st.sampled_from(
    ["0", "1", "2", "3", "0.1", "0.2", "0.3", "0.5", "1.25", "0.0001", "1000000", "0.33333"]
)


@settings(max_examples=70, deadline=None)
@given(ballots(2, 5), st.data())
def test_a_plan_votes_as_the_oracle_that_counts_in_fractions(ballot, data):
    files, whole, _ = ballot
    rules = {cls: data.draw(plan_rules(len(files))) for cls in CLASSES}
    rules["finger-1"].weights = [weight or "0" for weight in rules["finger-1"].weights]
    with tempfile.TemporaryDirectory() as folder:
        for number, masks in enumerate(files):
            Dialect().write(Path(folder) / f"{number}.csv", rows_of(masks))
        plan = Path(folder) / "ensemble.toml"
        plan.write_text(plan_of(rules, len(files)))
        voted = run_vote("--plan", plan)
    keys = first_whole(files, whole)
    expected = oracle(keys, files_with_all(files, keys), lambda cls, masks: rules[cls].kept(masks))
    assert voted.decode() == expected.decode()


@st.composite
def plan_rules(draw, count):
    """Decimal weights, at least one of them not 0, and a threshold that something can exceed."""
    weights = draw(
        st.lists(st.none() | decimals, min_size=count, max_size=count).filter(
            lambda drawn: any(Fraction(weight or 0) for weight in drawn)
        )
    )
    members = [Decimal(weight) for weight in weights if weight is not None]
    ties = [sum(members[:n], Decimal(0)) for n in range(len(members))]
    numbers = [f"{tie:f}" for tie in ties if tie < sum(members)]
    return Rule(weights, draw(st.none() | st.sampled_from([*numbers, "45%", "0%", "66.6%"])))


def plan_of(rules, count):
    """The first class's rule is the plan's, the others override it."""
    common, *others = rules.items()
    lines = ["schema = 1", f"members = {[f'{n}.csv' for n in range(count)]}"]
    lines += threshold_lines(common[1])
    lines += ["[weights]", *weight_lines(common[1])]
    for cls, rule in others:
        voters = [f"{n}.csv" for n, weight in enumerate(rule.weights) if weight is not None]
        # A class without a threshold of its own would have the plan's: the default, said.
        said = threshold_lines(rule) or ['threshold = "50%"']
        lines += [f"[classes.{cls}]", f"members = {voters}", *said]
        lines += [f"[classes.{cls}.weights]", *weight_lines(rule)]
    return "\n".join(lines)


def threshold_lines(rule):
    if rule.threshold is None:
        return []
    share = rule.threshold.endswith("%")
    return [f'threshold = "{rule.threshold}"' if share else f"threshold = {rule.threshold}"]


def weight_lines(rule):
    return [f'"{n}.csv" = {weight}' for n, weight in enumerate(rule.weights) if weight is not None]


def files_with_all(files, keys):
    """A file of zeros for each row that a file lacks, so that a rule without voters has pixels."""
    sizes = {key: len(masks[key]) for masks in files for key in masks}
    return [
        {key: masks.get(key, np.zeros(sizes[key], np.uint8)) for key in keys} for masks in files
    ]


@settings(max_examples=25, deadline=None)
@given(ballots(2, 3), st.randoms(use_true_random=False))
def test_with_sidecars_of_images_of_several_sizes_the_order_is_the_data_sets(ballot, random):
    files, _, sizes = ballot
    images, classes = list(sizes), list(CLASSES)
    random.shuffle(images)
    random.shuffle(classes)
    fields = {"images": {image: sizes[image] for image in images}, "classes": classes}
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            write_submission(
                Path(folder) / f"{number}.csv",
                [(*key, rle.from_mask(flat.reshape(sizes[key[0]]))) for key, flat in masks.items()],
                fields,
            )
            for number, masks in enumerate(files)
        ]
        voted = run_vote(*paths)
    keys = [(image, cls) for image in images for cls in classes]
    assert voted == oracle(keys, files_with_all(files, keys), majority)
