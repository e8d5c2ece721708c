"""What only several images together tell: sizes of their own, the same image or label twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from handseg.data.check.finding import Finding, Severity
from handseg.data.check.look import Look

SIZE = "an image of another size than the others"
SIZES = "images of several sizes"
SAME_FILE = "the same image twice"
SAME_PIXELS = "the same image twice, in files that differ"
SAME_LABEL = "the same label for two images"
NOTHING_DRAWN = "a label that draws nothing"
MISSING = "a class that is not drawn"
RARE = "a class that is drawn in few images"

_MOST = 0.8
"""The share of images of one size from which on the others are odd ones out."""
_RARE = 0.5


def set_findings(looks: Sequence[Look], classes: Sequence[str]) -> list[Finding]:
    """Findings on samples held against each other."""
    return [
        *_sizes(looks),
        *_twice(looks),
        *_missing(looks, classes),
    ]


def _sizes(looks: Sequence[Look]) -> Iterator[Finding]:
    sizes = Counter(look.size for look in looks if look.size is not None)
    if len(sizes) < 2:
        return
    usual, times = sizes.most_common(1)[0]
    if times < _MOST * sizes.total():
        most = ", ".join(_words(size, count) for size, count in sizes.most_common(5))
        more = f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""
        yield Finding("note", "files", SIZES, most + more)
        return
    for look in looks:
        if look.size not in (None, usual):
            detail = f"{look.size[1]} × {look.size[0]}, of {times} others {usual[1]} × {usual[0]}"
            yield Finding("warning", "files", SIZE, detail, image=look.sample.image_name)


def _words(size: tuple[int, int], times: int) -> str:
    return f"{times} of {size[1]} × {size[0]}"


def _twice(looks: Sequence[Look]) -> Iterator[Finding]:
    for look, first in _repeated(looks, [look.digest for look in looks]):
        yield _same(SAME_FILE, look, first)
    for look, first in _repeated(looks, [look.pixels for look in looks]):
        if look.digest != first.digest:
            yield _same(SAME_PIXELS, look, first)
    for look, first in _repeated(looks, [look.drawing for look in looks]):
        if look.digest != first.digest:
            detail = f"as {first.sample.image_name}, point for point"
            yield Finding("error", "labels", SAME_LABEL, detail, image=look.sample.image_name)


def _repeated(looks: Sequence[Look], keys: Sequence[str]) -> Iterator[tuple[Look, Look]]:
    """Samples whose key came before, and with which; an empty key is of nothing."""
    seen: dict[str, Look] = {}
    for look, key in zip(looks, keys, strict=True):
        if key and (first := seen.setdefault(key, look)) is not look:
            yield look, first


def _same(reason: str, look: Look, first: Look) -> Finding:
    one, other = look.sample, first.sample
    severity: Severity = "error"
    if one.split != other.split:
        words = f", which is {other.split}'s"
    elif one.person != other.person:
        words = f" of {other.person}"
    else:
        words, severity = "", "warning"
    return Finding(severity, "files", reason, f"as {other.image_name}{words}", image=one.image_name)


def _missing(looks: Sequence[Look], classes: Sequence[str]) -> Iterator[Finding]:
    """Classes that were labelled and are not drawn, and those that are drawn hardly anywhere."""
    labelled = [
        look
        for look in looks
        if look.label is not None and look.label.readable and look.size is not None
    ]
    lacking: defaultdict[str, list[Look]] = defaultdict(list)
    for look in labelled:
        assert look.label is not None
        if not any(drawn.area for drawn in look.drawn.values()):
            name = look.sample.image_name
            yield Finding("error", "labels", NOTHING_DRAWN, image=name)
            continue
        for cls in look.label.labelled:
            if cls not in look.drawn:
                lacking[cls].append(look)
    for cls in classes:
        yield from _lacking(cls, lacking[cls], len(labelled))


def _lacking(cls: str, lacking: Sequence[Look], labelled: int) -> Iterator[Finding]:
    if len(lacking) > _RARE * labelled:
        detail = f"not in {len(lacking)} of {labelled} labels"
        yield Finding("note", "labels", RARE, detail, cls=cls, weight=len(lacking))
        return
    for look in lacking:
        yield Finding("warning", "labels", MISSING, image=look.sample.image_name, cls=cls)
