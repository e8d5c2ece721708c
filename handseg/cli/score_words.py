"""What `handseg score` says to a person before the figures: what they are of, what is amiss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handseg.cli import console
from handseg.text import shown

if TYPE_CHECKING:
    from handseg.hand.hands import Hands
    from handseg.score.predictions import ScoredSubmission
    from handseg.score.truth import Truth


def say_labels(truth: "Truth") -> None:
    """What a person should know of labels that are a submission."""
    labels = truth.labels
    images = f"{len(labels.images)} images, {len(truth.classes)} classes"
    console.info(f"labels: {labels.path}, {images}")
    if truth.rows_missing:
        console.warn(f"{labels.path}: {truth.rows_missing} rows missing count as empty labels")
    unknown = sum(image not in truth.people for image in labels.images)
    if unknown:
        console.info(
            f"the people of {unknown} images are not known (--data DIR tells them): "
            "each image counts as a person"
        )


def say_notes(scored: "Sequence[ScoredSubmission]") -> None:
    """What a person should know about the figures before reading them."""
    for one in scored:
        say_rows(one)
        for metric in one.figures:
            undefined = one.undefined(metric)
            if undefined:
                console.warn(
                    f"{one.submission.path}: {undefined} masks have no {metric}: of prediction "
                    "and label one is empty; the means leave them out"
                )
        if one.trained_on:
            console.warn(
                f"{one.submission.path} was trained on {len(one.trained_on)} people of these "
                f"images ({shown(one.trained_on)}): its Dice flatters"
            )
    if len({frozenset(one.images) for one in scored}) > 1:
        console.warn("these submissions are of different images: their Dice cannot be compared")


def say_rows(one: "ScoredSubmission") -> None:
    """The images of a submission, and what its rows lack or have too often."""
    path = one.submission.path
    console.info(f"{path}: {len(one.images)} images of {len(one.people)} people")
    bare = len(set(one.submission.images).difference(one.images))
    if bare:
        console.info(f"{path}: {bare} more images have no label and are no part of the score")
    for note in one.submission.notes:
        console.info(f"{path}: {note}")
    if one.submission.repeated_rows:
        console.info(f"{path}: {one.submission.repeated_rows} rows repeated, with the same masks")
    if one.without_rows:
        console.warn(
            f"{len(one.without_rows)} images without rows count as empty: "
            f"{shown(one.without_rows, 3)}"
        )
    if one.rows_missing:
        console.warn(f"{path}: {one.rows_missing} rows missing count as empty masks")


def say_assumed_sizes(scored: "Sequence[ScoredSubmission]", size: tuple[int, int]) -> None:
    """A word where figures rest on sizes that nobody says."""
    for one in scored:
        truth = one.truth
        said = one.submission.sizes.keys() | truth.labels.sizes.keys() | truth.sizes.keys()
        assumed = sum(image not in said for image in one.images)
        if assumed:
            console.warn(
                f"{one.submission.path}: no sidecar says the size of {assumed} images, taken as "
                f"{size[0]} × {size[1]} (--image-size)"
            )


def say_poses(one: "ScoredSubmission", hands: "Hands") -> None:
    """How many wrists are bent."""
    from handseg.hand.pose import LIMIT

    bent, known = int(hands.bent.sum()), len(one.images) - hands.unknown_poses
    share = f" ({bent / known:.1%})" if known else ""
    lost = f"; of {hands.unknown_poses} images the pose is not known" if hands.unknown_poses else ""
    console.info(
        f"{one.submission.path}: {bent} of {known} wrists are bent by more than {LIMIT:g}°"
        f"{share}{lost}"
    )
