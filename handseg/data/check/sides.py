"""Sides of hands held against file names, and against the other image of the same person."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from handseg.data.check.finding import Finding
from handseg.data.check.population import Measures
from handseg.data.hands import Side, sides_of
from handseg.data.labels import Sample

NAMED = "a hand of another side than its file's name says"
TWICE = "both images of a person show the same side"

_MOST = 0.8
"""Where so many agree, those that do not are odd."""


def side_findings(samples: Sequence[Sample], hands: Measures) -> list[Finding]:
    """Sides that do not fit, where names or pairs of images tell them as a rule.

    `samples` are those of `hands`.
    """
    sides = sides_of(hands.centres)
    return [*_against_names(samples, sides), *_pairs(samples, sides)]


def _against_names(samples: Sequence[Sample], sides: Sequence[Side | None]) -> Iterator[Finding]:
    told = [pair for pair in zip(samples, sides, strict=True) if pair[0].side and pair[1]]
    odd = [(sample, side) for sample, side in told if sample.side != side]
    if len(odd) > (1 - _MOST) * len(told):
        return
    for sample, side in odd:
        detail = f"its bones are a {side} hand's, its name says {sample.side}"
        yield Finding("warning", "anatomy", NAMED, detail, image=sample.image_name)


def _pairs(samples: Sequence[Sample], sides: Sequence[Side | None]) -> Iterator[Finding]:
    people: defaultdict[str, list[tuple[Sample, Side]]] = defaultdict(list)
    for sample, side in zip(samples, sides, strict=True):
        if side is not None:
            people[sample.person].append((sample, side))
    pairs = [both for both in people.values() if len(both) == 2]
    same = [both for both in pairs if both[0][1] == both[1][1]]
    if len(same) > (1 - _MOST) * len(pairs):
        return
    for (one, side), (other, _) in same:
        detail = f"{side}, as {one.image_name}: an image twice, or labels that were mirrored"
        yield Finding("note", "anatomy", TWICE, detail, image=other.image_name)
