"""The layout of the hand-bone competition: images under `DCM`, labels under `outputs_json`."""

from collections.abc import Iterator
from pathlib import Path

from handseg.data.labels import Sample
from handseg.data.layout import Listing, Names, is_image
from handseg.data.settings import Settings
from handseg.formats.handbone import (
    CLASSES,
    IMAGES,
    LABELS,
    has_images,
    is_validation,
    label_beside,
    split_folders,
)


class Handbone:
    """A folder a person: `<split>/DCM/<person>/<image>`, labels in `<split>/outputs_json`."""

    looks = """expected layout:
  DIR/train/DCM/ID001/image1661130828152_R.png
  DIR/train/outputs_json/ID001/image1661130828152_R.json
  DIR/test/DCM/ID040/image1661319116107.png"""

    def recognises(self, folder: Path) -> bool:
        return has_images(folder)

    def listing(self, folder: Path, settings: Settings) -> Listing:
        names = Names.of(settings)
        found: dict[str, list[Sample]] = {"train": [], "test": []}
        for split, base in split_folders(folder):
            found[split] += _samples(base, split, names)
        return Listing(settings.classes or CLASSES, tuple(found["train"]), tuple(found["test"]))

    def label_path(self, root: Path, image: Path) -> Path:
        split, _, *inside = image.relative_to(root).parts
        return label_beside((root / split / LABELS).joinpath(*inside))


def _samples(folder: Path, split: str, names: Names) -> Iterator[Sample]:
    """Every image of a split in sorted path order, with its label if that is there.

    A pair is person folder and stem; what a label says of its file name is stale and not read.
    """
    base = folder / IMAGES
    if not base.is_dir():
        return
    for image in sorted(path for path in base.glob("*/*") if is_image(path, base)):
        name = image.relative_to(base).as_posix()
        person = image.parent.name if names.own_person is None else names.person(name)
        label = label_beside(folder / LABELS / name)
        yield Sample(
            name,
            image,
            label if label.exists() else None,
            person or image.parent.name,
            split,
            side=names.side(image.name),
            is_published_validation=is_validation([folder.name]),
        )
