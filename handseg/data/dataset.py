"""A data set: its samples, its classes and where they lie."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from handseg import registry
from handseg.anatomy import REGIONS, bones_of, not_bones
from handseg.data.dicom import is_dicom
from handseg.data.flat import Flat
from handseg.data.images import image_header, lacking_suffix
from handseg.data.labels import Sample
from handseg.data.layout import ARCHIVES, Layout, LeftOut, Listing, files_below, is_image, suffix_of
from handseg.data.pseudonyms import with_pseudonyms
from handseg.data.settings import FILE, Settings, Windows, apply_settings, settings_of
from handseg.errors import InputError, UsageError
from handseg.formats.foreign import WAYS_OUT, foreign_tool
from handseg.formats.image_files import bound_pixels
from handseg.text import counted, people_text, shown

if TYPE_CHECKING:
    from handseg.rle.submission import Submission

LAYOUTS: dict[str, Layout] = {
    name: resolve_name(place)() for name, place in registry.LAYOUTS.items()
}
EXAMPLE, *OTHERS = (layout.looks for layout in LAYOUTS.values())


@dataclass(frozen=True)
class Dataset:
    """The samples of a folder. `test` samples carry no labels unless `with_test_labels` asks."""

    root: Path
    layout: str
    classes: tuple[str, ...]
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    labelled_test: tuple[Sample, ...] = field(default=(), repr=False)
    """The test samples with the labels that are there, for `with_test_labels`."""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The bones of the anatomy that classes of other names are."""
    settings: Settings = field(default_factory=Settings)
    notes: tuple[str, ...] = ()
    """What was recognised and what was left out, for a person."""
    left_out: tuple[LeftOut, ...] = ()

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of `train`, `test` or `all`."""
        splits = {"train": self.train, "test": self.test, "all": self.train + self.test}
        if name not in splits:
            raise UsageError(f"there is no split {name!r}", details="it is one of train, test, all")
        return splits[name]

    def label_path(self, image: Path) -> Path | None:
        """Where the label of an image belongs; None where labels stand in files of several."""
        return LAYOUTS[self.layout].label_path(self.root, image)

    @property
    def has_classes(self) -> bool:
        """Whether it has classes of its own: a set without labels takes those of a model."""
        samples = (*self.train, *self.labelled_test)
        is_labelled = any(sample.labels is not None for sample in samples)
        return is_labelled or self.settings.classes is not None

    @property
    def bones(self) -> dict[str, str]:
        """The bone that each class is, for those that are exactly one."""
        return bones_of(self.classes, self.aliases)

    @property
    def not_bones(self) -> frozenset[str]:
        return not_bones(self.classes, self.settings.not_bones, self.aliases)

    @property
    def regions(self) -> dict[str, Windows]:
        """The regions that crops can be of: their windows, each by the classes it is put around.

        Those of the anatomy, with the data set's names, and those of its settings.
        """
        of_bones = {
            region: tuple(
                names for bones in windows if (names := self.classes_of(bones))
            )
            for region, windows in REGIONS.items()
        }  # fmt: skip
        return {name: windows for name, windows in of_bones.items() if windows} | dict(
            self.settings.regions
        )

    def classes_of(self, bones: Iterable[str]) -> tuple[str, ...]:
        """The classes that are some of these bones, in the order of the bones."""
        return tuple(dict.fromkeys(
            name for bone in bones for name in self.classes
            if bone in self.aliases.get(name, (name,))
        ))  # fmt: skip

    @property
    def recognised(self) -> str:
        """What was found, for a person: a line, and one below it for each note."""
        people = len({sample.person for sample in self.train})
        found = (
            f"{self.root}: {self.layout} layout, {counted(len(self.train), 'training image')} of "
            f"{people_text(people)}, {counted(len(self.test), 'test image')}, "
            f"{counted(len(self.classes), 'class', 'classes')}"
        )
        return "\n  ".join((found, *self.notes))


def open_dataset(folder: Path) -> Dataset:
    """List a data set without decoding an image.

    Raises:
        InputError: there is none in `folder`, or a file that describes it is at fault.
    """
    settings = settings_of(folder)
    bound_pixels(folder, settings.max_pixels)
    for name in candidates(folder, settings):
        listing = LAYOUTS[name].listing(folder, settings)
        if listing.train or listing.test:
            return dataset_of(folder, name, listing, settings)
    raise no_dataset(folder)


def find_dataset(folder: Path, *, required: bool = False) -> Dataset | None:
    """The data set in `folder`; None where there is none and none is `required`.

    Raises:
        InputError: there is none though it is required, or it is at fault.
    """
    return open_dataset(folder) if required or is_dataset(folder) else None


def is_dataset(folder: Path) -> bool:
    return (folder / FILE).is_file() or any(candidates(folder, Settings()))


def candidates(folder: Path, settings: Settings) -> Iterable[str]:
    """The layout that the settings name, else those that recognise the folder."""
    if settings.layout is not None:
        return [settings.layout]
    return (name for name, layout in LAYOUTS.items() if layout.recognises(folder))


def dataset_of(root: Path, layout: str, listing: Listing, settings: Settings) -> Dataset:
    """A listing as a data set: named, without what its owner leaves out."""
    samples, notes = with_pseudonyms(root, settings, (*listing.train, *listing.test))
    splits = samples[: len(listing.train)], samples[len(listing.train) :]
    train, test = with_distinct_names(root, *with_plain_names(*splits))
    train, test, left_out = apply_settings(root, settings, listing.classes, train, test)
    refuse_undecodable_names(root, train + test)
    return Dataset(
        root,
        layout,
        listing.classes,
        train,
        tuple(replace(sample, labels=None, entry=None) for sample in test),
        test,
        {**listing.aliases, **settings.aliases},
        settings,
        (
            *listing.notes,
            *notes,
            *published_note(settings, train),
            *left_out,
            *frames_note(train + test),
        ),
        listing.left_out,
    )


def published_note(settings: Settings, train: Iterable[Sample]) -> list[str]:
    """The line that has a published validation split validated on, where there is one."""
    published = sum(sample.is_published_validation for sample in train)
    if not published or settings.validation is not None:
        return []
    return [
        f"{counted(published, 'training image')} are published for validation (to validate on just "
        f'those, in {FILE}:  validation = "published")'
    ]


def refuse_undecodable_names(root: Path, samples: Iterable[Sample]) -> None:
    """A name that is no text can stand in no CSV: an archive of another system was unpacked."""
    for sample in samples:
        try:
            str(sample.image).encode()
        except UnicodeEncodeError:
            raise InputError(
                f"the name of {sample.image} is not UTF-8",
                details="it happens where an archive of another system is unpacked",
                hints=[
                    f"convmv -f cp949 -t utf-8 -r --notest {shlex.quote(str(root))}"
                    "   # names from Korean Windows; latin1 for western ones"
                ],
            ) from None


def frames_note(samples: Sequence[Sample]) -> list[str]:
    """Which DICOM files have several frames and which TIFFs several pages; headers are read."""
    notes: list[str] = []
    kinds = {"DICOM file": ("frames", is_dicom), "TIFF": ("pages", is_tiff)}
    for kind, (pages, is_kind) in kinds.items():
        several = [
            sample.image_name
            for sample in samples
            if is_kind(sample.image) and has_several_pages(sample.image)
        ]
        if several:
            verb = "has" if len(several) == 1 else "have"
            found = f"{counted(len(several), kind)} {verb} several {pages}"
            notes.append(f"{found}, the first is taken: {shown(several)}")
    return notes


def is_tiff(image: Path) -> bool:
    return image.suffix.lower() in (".tif", ".tiff")


def has_several_pages(image: Path) -> bool:
    """Whether an image has; one that is none has not, and is named by who reads it."""
    try:
        return image_header(image).pages > 1
    except InputError:
        return False


def with_test_labels(dataset: Dataset) -> Dataset:
    """The same data set with the labels of its test images, where they are there.

    For measuring and looking only: nothing that trains or predicts may call this.
    """
    # They may have gone since the data set was opened.
    there = (
        sample.labels is not None and sample.labels.exists() for sample in dataset.labelled_test
    )
    both = zip(dataset.labelled_test, dataset.test, there, strict=True)
    return replace(dataset, test=tuple(one if known else bare for one, bare, known in both))


def predicted_samples(dataset: Dataset, submission: "Submission") -> tuple[Sample, ...]:
    """The samples that a submission is of, in the data set's order.

    They are those of its rows and its sidecar, and all of a split that it predicts as a whole: the
    test split always is. A submission of training images is one of a fold, held out or trained on:
    only what it names belongs to it, unless its sidecar says `all`.
    """
    named = {*submission.images, *submission.sizes}
    samples = dataset.split("all")
    is_of_all = (submission.sidecar or {}).get("split") == "all"
    splits = {sample.split for sample in samples if sample.image_name in named}
    whole = {split for split in splits if split == "test" or is_of_all}
    return tuple(one for one in samples if one.image_name in named or one.split in whole)


def labelled_training_samples(dataset: Dataset) -> tuple[Sample, ...]:
    """The training samples, each with its label.

    An image whose label should be a file of its own and is not there is a fault. One that a file
    of several images does not annotate is left out, as `Dataset.notes` says.

    Raises:
        InputError: there are none, an image has no label or two share one.
    """
    if not dataset.train:
        raise InputError(f"{dataset.root} has no training images", details=EXAMPLE)
    labelled = tuple(sample for sample in dataset.train if sample.labels is not None)
    bare = [sample for sample in dataset.train if sample.labels is None]
    expected = dataset.label_path(bare[0].image) if bare else None
    if bare and (expected is not None or not labelled):
        first = "\n".join(str(sample.image) for sample in bare[:5])
        more = f"\nand {len(bare) - 5} more" if len(bare) > 5 else ""
        belongs = [f"the label of the first belongs at {expected}"] if expected else []
        raise InputError(
            f"{len(bare)} of {len(dataset.train)} training images have no label",
            details=first + more,
            hints=[*belongs, f"or take the images out, or name them under exclude in {FILE}"],
        )
    refuse_twins(labelled)
    return labelled


def refuse_twins(samples: Iterable[Sample]) -> None:
    owners: dict[tuple[Path | None, int | str | None], Sample] = {}
    for sample in samples:
        owner = owners.setdefault((sample.labels, sample.entry), sample)
        if owner is not sample:
            raise InputError(
                f"two images share the label {sample.labels}",
                details=f"{owner.image}\n{sample.image}",
                hints=["take one of the images out"],
            )


def with_plain_names(*splits: tuple[Sample, ...]) -> tuple[tuple[Sample, ...], ...]:
    """Base names where they are unique in the whole set, as the competition writes them."""
    count = Counter(sample.image.name for split in splits for sample in split)
    if count and max(count.values()) > 1:
        return with_own_names(splits)
    return tuple(
        tuple(replace(sample, image_name=sample.image.name) for sample in split) for split in splits
    )


def with_own_names(splits: tuple[tuple[Sample, ...], ...]) -> tuple[tuple[Sample, ...], ...]:
    """Paths inside the split; with the split before them where the same path is in another."""
    count = Counter(sample.image_name for split in splits for sample in split)
    return tuple(
        tuple(
            replace(sample, image_name=f"{sample.split}/{sample.image_name}")
            if count[sample.image_name] > 1
            else sample
            for sample in split
        )
        for split in splits
    )


def with_distinct_names(root: Path, *splits: tuple[Sample, ...]) -> tuple[tuple[Sample, ...], ...]:
    """Paths inside the data set where a name is that of several: `train/a.png` and `val/a.png`."""
    count = Counter(sample.image_name for split in splits for sample in split)
    return tuple(
        tuple(
            replace(sample, image_name=sample.image.relative_to(root).as_posix())
            if count[sample.image_name] > 1
            else sample
            for sample in split
        )
        for split in splits
    )


def no_dataset(folder: Path) -> InputError:
    """The error where no layout fits: what was looked for, what was seen and what reads it."""
    looked = folder.resolve() if folder.exists() else f"{folder.absolute()} (does not exist)"
    seen, hints = seen_in(folder)
    return InputError(
        "no data set found",
        details="\n".join(
            (f"looked in {looked}", *seen, EXAMPLE, *(f"or {looks}" for looks in OTHERS))
        ),
        hints=[
            *hints,
            "name another folder with --data DIR or HANDSEG_DATA",
            "handseg demo           makes a synthetic data set and goes the whole way",
            "handseg phantom data   makes only the data set",
        ],
    )


MASKS = r"(^|/)(masks?|labels?|gt|annotations?)(tr|ts)?(/|$)"
LOOKED_AT = 4096
"""Files of a folder without a data set that are counted."""


def seen_in(folder: Path) -> tuple[list[str], list[str]]:
    """What lies in a folder that is no data set, and the lines that would read it."""
    files = list(islice(files_below(folder), LOOKED_AT))
    if not files:
        return ["it is empty"] if folder.is_dir() else [], []
    kinds = Counter(path.suffix[1:].upper() or "plain" for path in files).most_common(4)
    folders = sorted({path.parent.relative_to(folder).as_posix() for path in files})
    words = " and ".join(f"{number} {kind}" for kind, number in kinds)
    seen = [f"seen: {words} files in {shown(folders, 3)}"]
    foreign = (
        f"{path.relative_to(folder)} is {tool}, which is not read: {WAYS_OUT[tool]}"
        for path in files
        if (tool := foreign_tool(path))
    )
    lacking = (
        f"{path.relative_to(folder)} is a picture without the suffix of its kind: name it "
        f"{path.name}{suffix}"
        for path in files
        if not is_image(path, folder) and (suffix := lacking_suffix(path))
    )
    # Of each the first: the files behind it are not opened.
    hints = [*islice(foreign, 1), *islice(lacking, 1)]
    name = shlex.quote(str(folder))
    masks = [name for name in folders if re.search(MASKS, name, re.IGNORECASE)]
    inner = [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name not in masks and is_dataset(path)
    ]
    if not inner:
        deeper = (path for path in sorted(folder.glob("*/*")) if path.is_dir())
        inner = [one for one in deeper if is_dataset(one) and not Flat().recognises(one)]
    if inner and (len(inner) == 1 or not all(Flat().recognises(path) for path in inner)):
        hints.append(f"handseg check {shlex.quote(str(inner[0]))}   is a data set: name it")
    elif not masks and any(is_image(path, folder) for path in files):
        line = f"echo 'layout = \"tree\"' > {shlex.quote(str(folder / FILE))}"
        hints.append(f"{line}   # reads the images of all folders; the outermost is the person")
    packed = [path.relative_to(folder) for path in files if suffix_of(path) in ARCHIVES]
    hints += [f"unpack {path}" for path in packed[:1]]
    if any(is_image(path, folder) for path in files if path.parent.name in masks):
        hints.append(f"masks as pictures are not read: export those in {shown(masks, 3)} as COCO")
    if any(path.suffix.lower() in (".npy", ".npz") for path in files):
        hints.append(
            "masks as arrays are not read: with each mask as MASKS/<image>/<class>.png, "
            f"handseg convert MASKS --to coco --data {name}   makes COCO of them"
        )
    return seen, hints
