"""The `labelme` layout: LabelMe's files beside their images."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from handseg.data.flat import LOOKED_AT, Flat, Tree
from handseg.data.images import SUFFIXES
from handseg.data.labels import Labels, Sample
from handseg.data.layout import Listing, files_below
from handseg.data.settings import Settings
from handseg.formats.labelme import LabelmeFormat
from handseg.formats.polygons import known_name, unknown_class


class Labelme(Flat):
    """As `Flat` or, in folders of people, as `Tree`, with labels as LabelMe saves them.

    What is not drawn is absent.
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
            found = Tree().listing(folder, settings)
        return replace(found, train=_with_reader(found.train), test=_with_reader(found.test))


def _has_labelme(listing: Listing) -> bool:
    """Whether the first label is LabelMe's."""
    samples = listing.train + listing.test
    first = next((one.labels for one in samples if one.labels is not None), None)
    return first is not None and LabelmeFormat().is_file(first)


def _is_beside_image(label: Path) -> bool:
    images = (label.with_suffix(suffix) for suffix in SUFFIXES)
    return (
        label.suffix == ".json"
        and any(map(Path.is_file, images))
        and (LabelmeFormat().is_file(label))
    )


def _with_reader(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    return tuple(replace(sample, reader=read_labelme) for sample in samples)


def read_labelme(path: Path, classes: Sequence[str]) -> Labels:
    """What a file of LabelMe draws of some classes.

    Raises:
        InputError: it is no such file, a shape is at fault, or of a class that is none of these.
    """
    masks = LabelmeFormat().read(path)
    (image, size), *_ = masks.images.items()
    labels = Labels({}, (), {}, size, str(path))
    for written in masks.classes:
        name = known_name(written, classes)
        polygons, runs = masks.polygons_of(image, written), masks.runs_of(image, written)
        if name not in classes and len(runs):
            raise unknown_class(str(path), name, classes)
        if polygons:
            labels.polygons[name] = tuple(polygons)
        elif len(runs):
            labels.runs[name] = runs
    known = masks.known(image) if image in masks.labelled else classes
    return replace(labels, labelled=tuple(name in known for name in classes))
