"""What a submission should hold: its images, classes, their order and sizes, and who says so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handseg.anatomy import BONES
from handseg.formats.submission import known_classes, sidecar_classes
from handseg.rle.aligned import DEFAULT_SIZE
from handseg.rle.submission import Submission
from handseg.score.samples import samples_of

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Expected:
    """The grid of rows that a submission should have, in order, and the size of each image."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    sizes: Mapping[str, Size]
    default: Size
    """The size of images that `sizes` does not have."""
    source: str
    """Who names images and classes: a data set, the sidecar or the file itself."""
    size_source: str
    assumed: bool
    """Whether nobody said the size: it is the competition's."""
    ordered: bool
    """Whether the order of images is known; else it is that of their first rows."""
    dataset: "Dataset | None" = None
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The classes of images of which not all were labelled: the others need no row."""

    def size(self, image: str) -> Size:
        """(height, width) of an image."""
        return self.sizes.get(image, self.default)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(image, class) of each row, in order."""
        return [
            (image, cls)
            for image in self.images
            for cls in self.classes
            if cls in self.labelled.get(image, self.classes)
        ]


def expected_of(
    submission: Submission, dataset: "Dataset | None", image_size: Size | None
) -> Expected:
    """What `submission` should hold, by the data set if it has images of it, else by the sidecar.

    `image_size` is what the caller says of images whose size neither knows. Raises InputError for
    an image of the data set that cannot be read.
    """
    samples = _samples(submission, dataset)
    if not samples:
        dataset = None
    images, source = _images(submission, samples, dataset)
    sizes, size_source = _sizes(submission, samples, image_size)
    classes = _classes(submission, dataset)
    return Expected(
        images=images,
        classes=classes,
        sizes=sizes,
        default=image_size or DEFAULT_SIZE,
        source=source,
        size_source=size_source,
        assumed=not sizes and image_size is None,
        ordered=source != "the file itself",
        dataset=dataset,
        labelled=known_classes(submission, images, classes),
    )


def _samples(submission: Submission, dataset: "Dataset | None") -> "Sequence[Sample]":
    """The samples that should have rows; none where the data set has no image of it."""
    if dataset is None:
        return []
    named = {*submission.images, *submission.sizes}
    return samples_of(submission, named, dataset.split("all"))


def _images(
    submission: Submission, samples: "Sequence[Sample]", dataset: "Dataset | None"
) -> tuple[tuple[str, ...], str]:
    if dataset is not None:
        return tuple(sample.image_name for sample in samples), f"the data set {dataset.root}"
    if submission.sizes:
        strangers = [image for image in submission.images if image not in submission.sizes]
        return (*submission.sizes, *strangers), "the sidecar"
    return submission.images, "the file itself"


def _classes(submission: Submission, dataset: "Dataset | None") -> tuple[str, ...]:
    """In order: those of the sidecar, else of the data set, else bones in the competition's."""
    said = sidecar_classes(submission)
    if dataset is not None:
        known = [cls for cls in dataset.classes if not said or cls in said]
        return tuple(known)
    if said:
        return (*said, *(cls for cls in submission.classes if cls not in said))
    if set(submission.classes) <= set(BONES):
        return tuple(bone for bone in BONES if bone in submission.classes)
    return submission.classes


def _sizes(
    submission: Submission, samples: "Iterable[Sample]", image_size: Size | None
) -> tuple[dict[str, Size], str]:
    """Sizes by image, and a word on who says them."""
    from handseg.data.images import image_size as size_of

    measured = {sample.image_name: size_of(sample.image) for sample in samples}
    if measured:
        return {**submission.sizes, **measured}, "from the images' headers"
    if submission.sizes:
        return dict(submission.sizes), "from the sidecar"
    return {}, "from --image-size" if image_size else "assumed; --image-size says it"
