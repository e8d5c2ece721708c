"""The `flat` layout and its `tree`: images in a folder, or in folders of people however deep.

Labels are in the `handbone` schema, beside the images or in a folder of labels.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

from handseg.data.dicom import is_dicom, read_header
from handseg.data.labels import Sample
from handseg.data.layout import (
    Identity,
    LeftOut,
    Listing,
    Names,
    files_below,
    identity_of,
    is_image,
    note_on_people,
)
from handseg.data.settings import FILE, Settings
from handseg.errors import InputError
from handseg.formats.handbone import (
    CLASSES,
    IMAGES,
    LABELS,
    is_validation,
    label_beside,
    split_folders,
)
from handseg.text import counted

PREVIEW = "a picture without a label of its own among DICOM files: it counts as a preview"
NO_PICTURE = "a DICOM file that holds no image"
LOOKED_AT = 4096
"""Files of which the first DICOM file must be one for a folder to be recognised as a tree."""
LABEL_FOLDERS = (LABELS, "labels", "annotations", "masks")
"""Folders beside or in that of the images in which their labels may lie."""
OTHERS = frozenset({"crops", "runs", "votes"})
"""Folders beside the people that handseg fills itself."""


class Flat:
    """`DIR/<image>`, `DIR/<split>/<image>` or `DIR/<split>/DCM/<image>`, without folders of people.

    `images` may stand for `DCM`, or before the split. Images directly in DIR, else in
    `DIR/images`, are training images where no folder is. The person is what the image's name says,
    else a DICOM file's patient; an image without either is a person of its own.
    """

    looks = "images in DIR with their labels beside them"

    def recognises(self, folder: Path) -> bool:
        return any(next(_images_in(base), None) for _, base in image_folders(folder))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        names, find_label = Names.of(settings), label_finder(folder)
        found: dict[str, list[Sample]] = {"train": [], "test": []}
        identities: list[Identity] = []
        for split, base in image_folders(folder):
            if base in (folder, folder / "images") and found["train"]:
                continue
            for image in sorted(_images_in(base)):
                identity = identity_of(image, image.name, names)
                identities.append(identity)
                found[split].append(
                    Sample(
                        image.name,
                        image,
                        find_label(image),
                        identity.person,
                        split,
                        side=names.side(image.name),
                        patient=identity.patient,
                        is_published_validation=is_validation(base.relative_to(folder).parts),
                    )
                )
        notes = (note_on_people(identities),) if identities else ()
        train, test = (tuple(found[split]) for split in ("train", "test"))
        return Listing(settings.classes or CLASSES, train, test, notes)

    def label_path(self, root: Path, image: Path) -> Path:
        found = label_finder(root)(image)
        if found is not None:
            return found
        beside, *others = label_places(root, image)
        return next((place for place in others if place.parent.is_dir()), beside)


def image_folders(root: Path) -> list[tuple[str, Path]]:
    """(split, folder) that may hold images directly; the folder itself comes after its splits."""
    inside = [
        (split, folder / more)
        for split, folder in split_folders(root)
        for more in ("", IMAGES, "images")
    ]
    inside += split_folders(root / "images")
    return [*inside, ("train", root), ("train", root / "images")]


def _images_in(base: Path) -> Iterator[Path]:
    if base.is_dir():
        yield from (path for path in base.iterdir() if is_image(path, base))


def label_finder(root: Path) -> Callable[[Path], Path | None]:
    """Gives the label of an image, for one reading of a data set.

    Which of the folders are there is asked once for the images of a folder, not for each.
    """

    @cache
    def there(images: Path) -> list[Path]:
        return [folder for folder in label_folders(root, images) if folder.is_dir()]

    def find(image: Path) -> Path | None:
        name = label_beside(image).name
        places = (folder / name for folder in there(image.parent))
        return next((place for place in places if place.is_file()), None)

    return find


def label_places(root: Path, image: Path) -> Sequence[Path]:
    # Where it may lie, the places that are taken first before others.
    name = label_beside(image).name
    return [folder / name for folder in label_folders(root, image.parent)]


def label_folders(root: Path, images: Path) -> Iterator[Path]:
    """Where the labels of a folder's images may lie: there, or in a folder of labels, or above.

    Those of `images/train` may lie in `labels/train` too.
    """
    yield images
    for base in (images,) if images == root else (images, images.parent):
        yield from (base / name for name in LABEL_FOLDERS)
    if images.parent.name == "images" and images.parent.is_relative_to(root):
        yield from (images.parent.parent / name / images.name for name in LABEL_FOLDERS)


class Tree(Flat):
    """`DIR/<patient>/<study>/<series>/<image>` or `DIR/<split>/<patient>/…`, labels beside images.

    The person is what the path says, else a DICOM file's patient, of a picture that of the nearest
    DICOM files, else the outermost folder. DICOM is recognised; of other pictures `dataset.toml`
    must say `layout = "tree"`, since folders of pictures may mean anything: without it, those that
    have no label of their own are left out.
    """

    looks = "a tree of DICOM files (patient, study, series)"

    def __init__(self, name: str = "tree") -> None:
        # Of the layout, where another reads the labels.
        self.name = name

    def recognises(self, folder: Path) -> bool:
        return any(map(is_dicom, islice(_images_below(folder), LOOKED_AT)))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        search = _TreeSearch(folder, Names.of(settings), settings.layout is not None)
        splits = split_folders(folder)
        for split, base in splits:
            search.add(split, base)
        if not any(split == "train" for split, _ in splits):
            search.add("train", folder, but=[base for _, base in splits])
        train, test = (
            tuple(one for one in search.samples if one.split == split)
            for split in ("train", "test")
        )
        notes = [note_on_people(search.identities)] if search.identities else []
        previews = sum(one.reason == PREVIEW for one in search.left_out)
        if previews:
            notes.append(
                f"{counted(previews, 'picture')} among DICOM files left out as previews "
                f'(to have them read, in {FILE}:  layout = "{self.name}")'
            )
        classes = settings.classes or CLASSES
        return Listing(classes, train, test, tuple(notes), left_out=tuple(search.left_out))


@dataclass
class _TreeSearch:
    """Collects the images of each split."""

    root: Path
    names: Names
    takes_pictures: bool
    """Whether pictures without a label are images too."""
    samples: list[Sample] = field(default_factory=list[Sample])
    identities: list[Identity] = field(default_factory=list[Identity])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def add(self, split: str, base: Path, but: Sequence[Path] = ()) -> None:
        images = [
            image
            for image in sorted(_images_below(base))
            if not any(image.is_relative_to(other) for other in but)
        ]
        dicom = {image for image in images if is_dicom(image)}
        labels_of_dicom = set(map(label_beside, dicom))
        of_dicom = {image: self._identity(base, image) for image in dicom if _has_picture(image)}
        patients: defaultdict[Path, set[Identity]] = defaultdict(set)
        for image, identity in of_dicom.items():
            if identity.patient:
                for folder in image.parents:
                    patients[folder].add(identity)
        find_label = label_finder(self.root)
        for image in images:
            label = find_label(image)
            is_preview = image not in dicom and (label is None or label in labels_of_dicom)
            if image in of_dicom:
                self._add(split, base, image, label, of_dicom[image])
            elif image in dicom:
                self._leave_out(image, NO_PICTURE)
            elif is_preview and dicom and not self.takes_pictures:
                self._leave_out(image, PREVIEW)
            else:
                identity = self._identity(base, image)
                near = next((patients[one] for one in image.parents if one in patients), ())
                if identity.source in ("folders", "images") and len(near) == 1:
                    (identity,) = near
                self._add(split, base, image, None if is_preview else label, identity)

    def _identity(self, base: Path, image: Path) -> Identity:
        name = image.relative_to(base).as_posix()
        return identity_of(image, name, self.names, name.split("/")[0] if "/" in name else "")

    def _add(
        self, split: str, base: Path, image: Path, label: Path | None, identity: Identity
    ) -> None:
        self.identities.append(identity)
        name = image.relative_to(base).as_posix()
        self.samples.append(
            Sample(
                name,
                image,
                label,
                identity.person,
                split,
                side=self.names.side(name),
                patient=identity.patient,
                is_published_validation=is_validation(base.relative_to(self.root).parts),
            )
        )

    def _leave_out(self, image: Path, reason: str) -> None:
        inside = image.relative_to(self.root).as_posix()
        self.left_out.append(LeftOut(inside, reason, is_meant=True))


def _images_below(base: Path) -> Iterator[Path]:
    for path in files_below(base):
        if path.relative_to(base).parts[0] not in OTHERS and is_image(path, base):
            yield path


def _has_picture(image: Path) -> bool:
    """Whether a DICOM file is no report, plan or table of contents; a damaged one is not either."""
    try:
        read_header(image)
    except InputError as error:
        return "no image" not in error.details
    return True
