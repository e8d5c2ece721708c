"""Statistics as JSON for programs: everything but the raw heat maps' images."""

from dataclasses import asdict
from typing import Any

from handseg.data.statistics.gather import Statistics
from handseg.data.statistics.intensity import PERCENTILES, Intensity
from handseg.data.statistics.masks import MaskFigures
from handseg.data.statistics.splits import Split
from handseg.hand.pose import LIMIT

VERSION = 1


def statistics_json(found: Statistics) -> dict[str, Any]:
    """All of it; heat maps are rows of shares, rounded to thousandths."""
    return {
        "v": VERSION,
        "data": str(found.dataset.root),
        "layout": found.dataset.layout,
        "notes": list(found.dataset.notes),
        "splits": {split.name: _split(split) for split in found.splits},
        "masks_of": found.masks_of or None,
        "classes": [asdict(row) for row in found.classes],
        "overlaps": _overlaps(found.masks) if found.masks else None,
        "heat": _heat(found.masks) if found.masks else None,
        "bent_above_degrees": LIMIT if found.have_hands else None,
        "metadata": [asdict(row) for row in found.facts],
        "labels_left_out": {image: fault.message for image, fault in found.faults.items()},
    }


def _split(split: Split) -> dict[str, Any]:
    return {
        "images": split.images,
        "labelled": split.labelled,
        "unreadable": split.unreadable,
        **split.balance.as_json(),
        "images_a_person": {
            str(images): people for images, people in split.images_a_person.items()
        },
        "sizes": [
            {"height": height, "width": width, "images": count}
            for (height, width), count in split.sizes.items()
        ],
        "hands": [
            {"side": side, "pose": pose, "images": count}
            for (side, pose), count in sorted(split.hands.items())
        ],
        "degrees": [round(value, 2) for value in split.degrees.tolist()],
        "misnamed": split.misnamed,
        "intensity": _intensity(split.intensity) if split.intensity else None,
    }


def _intensity(found: Intensity) -> dict[str, Any]:
    return {
        "images": found.images,
        "of_images": found.of_images,
        "unreadable": found.unreadable,
        "mean": found.mean,
        "spread": found.spread,
        "darkest_image": found.darkest,
        "brightest_image": found.brightest,
        "percentiles": {str(percent): found.percentile(percent) for percent in PERCENTILES},
        "histogram": [round(share, 6) for share in found.histogram.tolist()],
    }


def _overlaps(masks: MaskFigures) -> dict[str, Any]:
    return {
        "foreground_share": masks.foreground,
        "foreground_in_two_or_more": masks.deep_share(2),
        "foreground_in_three_or_more": masks.deep_share(3),
        "pairs": [asdict(pair) for pair in masks.pairs],
    }


def _heat(masks: MaskFigures) -> dict[str, Any]:
    return {
        cls: [[round(share, 3) for share in row] for row in heat.tolist()]
        for cls, heat in zip(masks.classes, masks.heat, strict=True)
    }
