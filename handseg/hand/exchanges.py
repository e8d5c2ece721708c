"""Which exchange of bones would put a hand in order."""

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, NEIGHBOURS
from handseg.hand.frame import Centres
from handseg.hand.order import rules_of

Exchange = tuple[tuple[str, str], ...]
"""Pairs of bones whose labels change places."""


def exchanges() -> dict[str, Exchange]:
    """Exchanges that happen, by the words for them: bones that touch, levels, whole fingers."""
    found: dict[str, Exchange] = {}
    for one, other in pairwise(FINGERS):
        for a, b in zip(reversed(FINGERS[one]), reversed(FINGERS[other]), strict=False):
            found[f"{a} and {b}"] = ((a, b),)
    for a, b in (*NEIGHBOURS, *combinations(CARPALS, 2)):
        found.setdefault(f"{a} and {b}", ((a, b),))
    for one, other in pairwise(FINGERS):
        tips = (FINGERS[one][0], FINGERS[other][0])
        found.setdefault(f"{tips[0]} and {tips[1]}", (tips,))
        rest = zip(reversed(FINGERS[one][1:]), reversed(FINGERS[other][1:]), strict=False)
        found[f"{one} and {other} finger".replace("thumb", "the thumb")] = (tips, *rest)
    return found


def best_exchange(centres: Centres) -> tuple[list[Exchange], list[str], NDArray[np.int64]]:
    """For each image the exchange that leaves the fewest rules broken, its words, and how many."""
    candidates = exchanges()
    rules = [rules_of(_exchanged(centres, pairs)) for pairs in candidates.values()]
    broken = np.stack([rule.broken.sum(axis=1) for rule in rules])
    # Of those that leave as few rules broken, the one that keeps the weakest rule best.
    weakest = np.stack([np.fmin.reduce(rule.figures, axis=1) for rule in rules])
    best = np.lexsort((-weakest, broken), axis=0)[0]
    words, pairs = list(candidates), list(candidates.values())
    chosen = best.tolist()
    return [pairs[at] for at in chosen], [words[at] for at in chosen], broken.min(axis=0)


def _exchanged(centres: Centres, pairs: Exchange) -> Centres:
    order = np.arange(len(BONES))
    for one, other in _places(pairs):
        order[one], order[other] = order[other], order[one]
    return centres[:, order]


def _places(pairs: Exchange) -> Iterator[tuple[int, int]]:
    return ((BONES.index(one), BONES.index(other)) for one, other in pairs)
