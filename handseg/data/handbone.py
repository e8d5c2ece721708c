"""The layout of the hand-bone competition: images under `DCM`, labels under `outputs_json`."""

from collections.abc import Iterator
from pathlib import Path

from handseg.anatomy import BONES
from handseg.data.images import SUFFIXES

CLASSES = BONES
IMAGES = "DCM"
LABELS = "outputs_json"
LAYOUT = """expected layout:
  DIR/train/DCM/ID001/image1661130828152_R.png
  DIR/train/outputs_json/ID001/image1661130828152_R.json
  DIR/test/DCM/ID040/image1661319116107.png"""


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
    # Hidden twins (`._image.png`, `.ipynb_checkpoints/`) are other tools', no radiographs.
    hidden = any(part.startswith(".") for part in path.relative_to(base).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir()


def label_path(root: Path, image: Path) -> Path:
    """Where the label of an image of `root` belongs."""
    split, _, *inside = image.relative_to(root).parts
    return (root / split / LABELS).joinpath(*inside).with_suffix(".json")
