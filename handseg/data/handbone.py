"""The layout of the hand-bone competition: images under `DCM`, labels under `outputs_json`."""

from collections.abc import Iterator
from pathlib import Path

from handseg.anatomy import BONES
from handseg.data.images import is_radiograph
from handseg.data.layout import Listing
from handseg.data.names import Names
from handseg.data.sample import Sample
from handseg.data.settings import Settings

CLASSES = BONES
IMAGES = "DCM"
LABELS = "outputs_json"
LAYOUT = """expected layout:
  DIR/train/DCM/ID001/image1661130828152_R.png
  DIR/train/outputs_json/ID001/image1661130828152_R.json
  DIR/test/DCM/ID040/image1661319116107.png"""


class Handbone:
    """A folder a person: `<split>/DCM/<person>/<image>`, labels in `<split>/outputs_json`."""

    name = "handbone"

    def recognises(self, folder: Path) -> bool:
        """Whether a folder looks like this layout."""
        return is_layout(folder)

    def listing(self, folder: Path, settings: Settings) -> Listing:
        """Every image of a person, with its label if that is there."""
        names = Names.of(settings)
        train, test = (
            tuple(sample_of(folder, split, names, *pair) for pair in pairs(folder, split))
            for split in ("train", "test")
        )
        return Listing(settings.classes or CLASSES, train, test)

    def label_path(self, root: Path, image: Path) -> Path:
        """Where the label of an image belongs."""
        return label_path(root, image)


def sample_of(root: Path, split: str, names: Names, image: Path, labels: Path | None) -> Sample:
    name = image.relative_to(images_folder(root, split)).as_posix()
    person = image.parent.name if names.own_person is None else names.person(name)
    return Sample(
        name, image, labels, person or image.parent.name, split, side=names.side(image.name)
    )


def is_layout(folder: Path) -> bool:
    """Whether a folder looks like this layout."""
    return any(images_folder(folder, split).is_dir() for split in ("train", "test"))


def images_folder(root: Path, split: str) -> Path:
    """Where the images of a split lie."""
    return root / split / IMAGES


def pairs(root: Path, split: str) -> Iterator[tuple[Path, Path | None]]:
    """Every image of a split in sorted path order, with its label if that is there.

    A pair is person folder and stem; what a label says of its file name is stale and not read.
    """
    base = images_folder(root, split)
    if not base.is_dir():
        return
    for image in sorted(path for path in base.glob("*/*") if is_image(path, base)):
        labels = label_path(root, image)
        yield image, labels if labels.exists() else None


def is_image(path: Path, base: Path) -> bool:
    """Whether a path in `base` is a radiograph."""
    # Hidden twins (`._image.png`, `.ipynb_checkpoints/`) are other tools', no radiographs.
    hidden = any(part.startswith(".") for part in path.relative_to(base).parts)
    return not hidden and is_radiograph(path)


def label_path(root: Path, image: Path) -> Path:
    """Where the label of an image of `root` belongs."""
    split, _, *inside = image.relative_to(root).parts
    return label_beside((root / split / LABELS).joinpath(*inside))


def label_beside(image: Path) -> Path:
    """The label's file where it lies beside its image; of `1.2.840.5` too, which has no suffix."""
    suffix = image.suffix
    plain = not suffix or suffix[1:].isdigit()
    return image.with_name(image.name + ".json") if plain else image.with_suffix(".json")
