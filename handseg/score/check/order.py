"""Findings on the order of rows: images, classes within an image, rows of an image together."""

from collections.abc import Iterator
from itertools import pairwise

from handseg.data.check.finding import Finding
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected
from handseg.score.check.structure import fix_command

ALPHABETICAL = "classes in alphabetical order"
CLASS_ORDER = "classes in another order"
IMAGE_ORDER = "images in another order"
SCATTERED = "the rows of an image are not together"
BY_CLASS = "rows are ordered by class, then by image"
UNSORTED_NAMES = "images are not in the order of their names"


def order_findings(submission: Submission, expected: Expected) -> Iterator[Finding]:
    """What joining by position would make of this order; handseg joins by image and class."""
    blocks = _blocks(submission)
    fix = fix_command(submission.path)
    images = [image for image, _ in blocks]
    if len(set(images)) < len(images):
        if _by_class(submission):
            yield Finding("warning", "order", BY_CLASS, command=fix)
        else:
            yield from _scattered(submission, blocks, fix)
        return
    yield from _classes(submission, expected, blocks, fix)
    if expected.ordered:
        yield from _images(submission, expected, images, fix)
    elif images != sorted(images):
        detail = "nobody says how they should be ordered; --data DIR would"
        yield Finding("note", "order", UNSORTED_NAMES, detail)


def _blocks(submission: Submission) -> list[tuple[str, list[str]]]:
    """(image, classes) of rows that follow each other."""
    blocks: list[tuple[str, list[str]]] = []
    for image, cls in submission:
        if not blocks or blocks[-1][0] != image:
            blocks.append((image, []))
        blocks[-1][1].append(cls)
    return blocks


def _by_class(submission: Submission) -> bool:
    """Whether all rows of a class are together."""
    turns = sum(one != other for (_, one), (_, other) in pairwise(submission))
    return turns == len(submission.classes) - 1


def _scattered(
    submission: Submission, blocks: list[tuple[str, list[str]]], fix: str
) -> Iterator[Finding]:
    seen: set[str] = set()
    for image, classes in blocks:
        if image in seen:
            line = submission.line(image, classes[0])
            yield Finding("warning", "order", SCATTERED, "", line, image, classes[0], fix)
        seen.add(image)


def _classes(
    submission: Submission, expected: Expected, blocks: list[tuple[str, list[str]]], fix: str
) -> Iterator[Finding]:
    place = {cls: number for number, cls in enumerate(expected.classes)}
    for image, classes in blocks:
        numbers = [place.get(cls, len(place)) for cls in classes]
        wrong = next((at for at in range(1, len(numbers)) if numbers[at] < numbers[at - 1]), None)
        if wrong is None:
            continue
        cls, before = classes[wrong], classes[wrong - 1]
        reason = ALPHABETICAL if classes == sorted(classes) else CLASS_ORDER
        line = submission.line(image, cls)
        yield Finding("warning", "order", reason, f"after {before}", line, image, cls, fix)


def _images(
    submission: Submission, expected: Expected, images: list[str], fix: str
) -> Iterator[Finding]:
    place = {image: number for number, image in enumerate(expected.images)}
    known = [image for image in images if image in place]
    first = dict(reversed(submission.keys()))
    for before, image in pairwise(known):
        if place[image] < place[before]:
            line, detail = submission.line(image, first[image]), f"after {before}"
            yield Finding("warning", "order", IMAGE_ORDER, detail, line, image, command=fix)
