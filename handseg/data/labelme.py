"""The `labelme` layout: LabelMe's files beside their images."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from handseg.data.flat import LOOKED_AT, Flat, Tree
from handseg.data.images import SUFFIXES
from handseg.data.labels import Labels
from handseg.data.layout import Listing, files_below
from handseg.data.settings import FILE, Settings
from handseg.errors import InputError
from handseg.formats.handbone import HandboneFormat
from handseg.formats.labelme import LabelmeFormat
from handseg.formats.polygons import unknown_class

FIRST = 64
"""Labels of which one must be whole for a set to be recognised as LabelMe's."""


class Labelme(Flat):
    """As `Flat` or, in folders of people, as `Tree`, with labels as LabelMe saves them.

    What is not drawn is absent. Classes that the settings leave out are not read.
    """

    looks = "LabelMe's files beside their images"

    def recognises(self, folder: Path) -> bool:
        flat = Flat().listing(folder, Settings())
        if flat.train:
            return _has_labelme(flat)
        below = islice(files_below(folder), LOOKED_AT)
        return _has_labelme(flat) or any(map(_is_beside_image, below))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        found = Flat().listing(folder, settings)
        if not found.train and not _has_labelme(found):
            found = Tree("labelme").listing(folder, settings)
        left_out = settings.leave_out or ()
        folded = frozenset(name.casefold() for name in left_out)
        reader = partial(read_labelme, leave_out=left_out)
        return replace(
            found,
            classes=tuple(name for name in found.classes if name.casefold() not in folded),
            train=tuple(replace(sample, reader=reader) for sample in found.train),
            test=tuple(replace(sample, reader=reader) for sample in found.test),
            notes=(*found.notes, *([f"classes left out: {', '.join(left_out)}"] * bool(left_out))),
        )


def _has_labelme(listing: Listing) -> bool:
    """Whether the first label that can be told is LabelMe's; a broken one cannot."""
    samples = listing.train + listing.test
    labels = islice((one.labels for one in samples if one.labels is not None), FIRST)
    return next((is_labelme for one in labels if (is_labelme := _kind(one)) is not None), False)


def _kind(label: Path) -> bool | None:
    """Whether a label is LabelMe's; None where it is of no known kind."""
    if LabelmeFormat().is_file(label):
        return True
    return False if HandboneFormat().is_file(label) else None


def _is_beside_image(label: Path) -> bool:
    images = (label.with_suffix(suffix) for suffix in SUFFIXES)
    return (
        label.suffix == ".json"
        and any(map(Path.is_file, images))
        and (LabelmeFormat().is_file(label))
    )


def read_labelme(path: Path, classes: Sequence[str], *, leave_out: Sequence[str] = ()) -> Labels:
    """What a file of LabelMe draws of some classes; without a shape, that is nothing.

    Args:
        leave_out: labels of shapes that are not read, whatever their case.

    Raises:
        InputError: it is no such file, a shape is at fault, or of a class that is none of these.
    """
    labelme = LabelmeFormat(leave_out=frozenset(name.casefold() for name in leave_out))
    file = labelme.read_file(path, classes)
    strange = sorted(file.labels.difference(classes))
    if strange:
        without, with_them = (
            json.dumps([*names, *strange], ensure_ascii=False) for names in (leave_out, classes)
        )
        raise InputError(
            unknown_class(str(path), strange[0], classes).message,
            hints=[
                f"in {FILE}:  leave_out = {without}   # what is no bone",
                f"or, as a class:  classes = {with_them}",
            ],
        )
    labels = Labels({}, (), {}, file.size, str(path))
    for name, mask in labelme.drawn_in(file).items():
        if mask.polygons:
            labels.polygons[name] = tuple(mask.polygons)
        elif len(mask.runs):
            labels.runs[name] = mask.runs
    named = file.metadata.labelled
    known = classes if named is None else named | file.labels
    return replace(labels, labelled=tuple(name in known for name in classes))
