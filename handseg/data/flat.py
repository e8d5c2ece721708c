"""Images directly in a folder, labels in the `handbone` schema beside them or in `outputs_json`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from handseg.data.labels import Sample
from handseg.data.layout import Identity, Listing, Names, identity_of, is_image, note_on_people
from handseg.data.settings import Settings
from handseg.formats.handbone import (
    CLASSES,
    IMAGES,
    LABELS,
    is_validation,
    label_beside,
    split_folders,
)


class Flat:
    """`DIR/<image>`, `DIR/<split>/<image>` or `DIR/<split>/DCM/<image>`, without folders of people.

    Images directly in DIR are training images where no folder is. The person is what the image's
    name says, else a DICOM file's patient; an image without either is a person of its own.
    """

    looks = "images in DIR with their labels beside them"

    def recognises(self, folder: Path) -> bool:
        return any(next(_images_in(base), None) for _, base in image_folders(folder))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        names = Names.of(settings)
        found: dict[str, list[Sample]] = {"train": [], "test": []}
        identities: list[Identity] = []
        for split, base in image_folders(folder):
            if base == folder and found["train"]:
                continue
            for image in sorted(_images_in(base)):
                identity = identity_of(image, image.name, names)
                identities.append(identity)
                found[split].append(
                    Sample(
                        image.name,
                        image,
                        _label_of(folder, image),
                        identity.person,
                        split,
                        side=names.side(image.name),
                        patient=identity.patient,
                        is_published_validation=is_validation(base.relative_to(folder).parts[:1]),
                    )
                )
        notes = (note_on_people(identities),) if identities else ()
        train, test = (tuple(found[split]) for split in ("train", "test"))
        return Listing(settings.classes or CLASSES, train, test, notes)

    def label_path(self, root: Path, image: Path) -> Path:
        found = _label_of(root, image)
        if found is not None:
            return found
        places = _label_places(root, image)
        return next((place for place in places if place.parent.name == LABELS
                     and place.parent.is_dir()), places[0])  # fmt: skip


def image_folders(root: Path) -> list[tuple[str, Path]]:
    """(split, folder) in which images may lie directly; the folder itself comes last."""
    inside = [
        (split, folder / more)
        for split, folder in split_folders(root)
        for more in ("", IMAGES, "images")
    ]
    return [*inside, ("train", root / "images"), ("train", root)]


def _images_in(base: Path) -> Iterator[Path]:
    if base.is_dir():
        yield from (path for path in base.iterdir() if is_image(path, base))


def _label_of(root: Path, image: Path) -> Path | None:
    return next((place for place in _label_places(root, image) if place.is_file()), None)


def _label_places(root: Path, image: Path) -> Sequence[Path]:
    """Where a label may lie: beside the image, in `outputs_json` there, or in that of its split."""
    beside = label_beside(image)
    found = [beside, image.parent / LABELS / beside.name]
    if image.parent != root:
        found.append(image.parent.parent / LABELS / beside.name)
    return found
