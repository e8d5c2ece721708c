"""The check of a data set: everything that can be found, each file read once.

A sample by itself is inspected first; then samples are compared with each other: names of files,
sizes, the same image or label twice, classes that are missing, hands and their sides.
"""

import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handseg.anatomy import misspelt_bones
from handseg.check.anatomy import population_findings
from handseg.check.findings import Finding, Severity, count
from handseg.check.inspection import (
    Inspection,
    bright_findings,
    hands_of_inspections,
    inspect_sample,
)
from handseg.data.coco import LEFT_OUT, is_coco, is_damaged_coco
from handseg.data.dataset import MASKS, Dataset, Sample
from handseg.data.flat import label_places
from handseg.data.folds import found_folds, published_folds
from handseg.data.images import is_radiograph, lacking_suffix
from handseg.data.layout import ARCHIVES, files_below, suffix_of
from handseg.data.settings import FILE
from handseg.errors import InputError
from handseg.formats.foreign import WAYS_OUT, foreign_tool
from handseg.formats.handbone import IMAGES, LABELS, HandboneFormat, label_beside, split_folders
from handseg.formats.labelme import LabelmeFormat
from handseg.hand.hands import Side
from handseg.text import listed, pixels_text, shown
from handseg.work import Progress, silent, threads

NO_LABEL = "an image without a label"
NO_IMAGE = "a label without an image"
NOT_READ = "an image that is not read: not where images belong"
NO_SUFFIX = "a picture without the suffix of its kind: it is not read"
MASK_PICTURE = "a picture in a folder of masks: such are not read, export them as COCO"
STRANGE_FILE = "a file that is neither an image nor a label"
OTHER_KIND = "a picture or array of a kind that is not read"
DAMAGED_COCO = "an annotation file that cannot be read: it is empty, or ends too early"
NO_SPLIT = "no published split to validate on"
FOREIGN = "annotations in a form that is not read"
SECOND_LABEL = "a label that is not read: its image has another"
OTHER_COCO = "a COCO file that is not read"
ARCHIVE = "an archive: nothing in it is read"
REFUSED = "a folder that cannot be read"
SHARED_LABEL = "two images share one label"
BOTH_SPLITS = "one person in train and test"
MISSPELT = "a class that is nearly a bone by name"
ODD_SIZE = "an image of another size than the others"
SEVERAL_SIZES = "images of several sizes"
SAME_FILE = "the same image twice"
SAME_PIXELS = "the same image twice, in files that differ"
SAME_LABEL = "the same label for two images"
NOTHING_DRAWN = "a label that draws nothing"
CLASS_MISSING = "a class that is not drawn"
RARE_CLASS = "a class that is drawn in few images"
OTHER_SIDE = "a hand of another side than its file's name says"
SAME_SIDE = "both images of a person show the same side"

_MOST = 0.8
"""Where so many agree, those that do not are odd ones out."""
_RARE = 0.5
_OTHER_KINDS = frozenset(
    {".avif", ".gif", ".heic", ".j2k", ".jp2", ".mha", ".nii", ".npy", ".npz", ".nrrd", ".psd"}
    | {".dcm.gz", ".nii.gz"}
)
_NOT_THE_SET = frozenset({"crops", "runs", "votes"})
"""Folders of a data set that handseg fills itself."""
_TO_LOOK_AT = ("labels", "anatomy")
"""Subjects that a picture shows."""


@dataclass(frozen=True)
class DataCheck:
    """A data set and what was found in it."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    labels: int
    """Label files, or entries of files, that were read."""
    hands: int
    """Images with a bone that could be measured."""
    sizes: dict[tuple[int, int], int]
    """How many images are of each (height, width)."""
    deep: bool

    @property
    def images(self) -> int:
        return len(self.dataset.train) + len(self.dataset.test)

    @property
    def people(self) -> int:
        return len({sample.person for sample in (*self.dataset.train, *self.dataset.test)})

    def count(self, severity: Severity) -> int:
        return count(self.findings, severity)

    def at_fault(self, *, strict: bool = False) -> tuple[str, ...]:
        """The images that errors (and, where strict, warnings) are about, in the set's order."""
        grave = ("error", "warning") if strict else ("error",)
        named = {one.image for one in self.findings if one.severity in grave}
        samples = (*self.dataset.train, *self.dataset.test)
        return tuple(one.image_name for one in samples if one.image_name in named)


def check_dataset(
    dataset: Dataset, *, deep: bool = False, progress: Progress = silent
) -> DataCheck:
    """Everything that is wrong, dubious or worth saying of a data set.

    Labels of test images are inspected where they are there. Memory does not grow with the images'
    size but for the two or so that are inspected at once.

    Args:
        deep: whether every pixel is decoded too; else headers, checksums and labels are read.
        progress: told of each sample when it was inspected.

    Returns:
        The findings in the order in which they were looked for (`findings.grouped` sorts them);
        a file that cannot be read is a finding, no error.
    """
    samples = (*dataset.train, *dataset.labelled_test)
    bones = dataset.bones
    inspections: list[Inspection] = []
    with threads() as pool:
        for one in pool.map(
            lambda sample: inspect_sample(sample, dataset.classes, bones, deep=deep), samples
        ):
            inspections.append(one)
            progress(len(inspections), len(samples), one.sample.image_name)
    drawn = [one for one in inspections if one.drawn]
    hands = hands_of_inspections(drawn, bones)
    inside = [
        [(bones[one], bones[other]) for one, other in each.inside if {one, other} <= bones.keys()]
        for each in drawn
    ]
    findings = [
        *listing_findings(dataset),
        *(finding for one in inspections for finding in one.findings),
        *_sizes(inspections),
        *_duplicates(inspections),
        *_missing_classes(dataset, inspections),
        *(_of_class(one, bones) for one in population_findings(hands, inside)),
        *bright_findings(inspections, dataset.classes),
        # Names or pairs of images tell sides as a rule.
        *_against_names([one.sample for one in drawn], hands.sides),
        *_same_sides([one.sample for one in drawn], hands.sides),
    ]
    return DataCheck(
        dataset,
        tuple(_with_command(dataset, one) for one in findings),
        sum(one.sample.labels is not None for one in inspections),
        int(np.isfinite(hands.areas).any(axis=1).sum()),
        dict(Counter(one.size for one in inspections if one.size is not None).most_common()),
        deep,
    )


def listing_findings(dataset: Dataset) -> list[Finding]:
    """Findings on the names of a data set's files, none of which is opened."""
    train, test = dataset.train, dataset.labelled_test
    return [
        *_without_label(dataset, train, test),
        *_shared_labels(train + test),
        *_in_both_splits(train, test),
        *_published_split(dataset),
        *(
            Finding("warning", "labels", MISSPELT, f"{bone} may be meant", cls=cls)
            for cls, bone in misspelt_bones(dataset.classes, dataset.aliases).items()
        ),
        *(
            Finding("warning" if one.is_meant else "error", "files", one.reason, one.path)
            for one in dataset.left_out
        ),
        *_strays(dataset, train + test),
    ]


def _without_label(
    dataset: Dataset, train: Sequence[Sample], test: Sequence[Sample]
) -> Iterator[Finding]:
    # A COCO file may well leave images without annotations: training does so too. A folder without
    # any label is there to be predicted.
    has_files = any(dataset.label_path(one.image) is not None for one in train[:1])
    is_wanted = dataset.layout == "handbone" or any(one.labels is not None for one in train)
    severity: Severity = "error" if has_files and is_wanted else "note"
    for sample in train:
        if sample.labels is None:
            yield Finding(severity, "files", NO_LABEL, image=sample.image_name)
    bare = [sample for sample in test if sample.labels is None]
    if bare and len(bare) < len(test):
        detail = f"{len(bare)} of {len(test)} test images, the first is {bare[0].image_name}"
        yield Finding("note", "files", "test images of which only some have labels", detail)


def _shared_labels(samples: Sequence[Sample]) -> Iterator[Finding]:
    owners: dict[tuple[Path, int | str | None], Sample] = {}
    for sample in samples:
        if sample.labels is None:
            continue
        owner = owners.setdefault((sample.labels, sample.entry), sample)
        if owner is not sample:
            detail = f"{sample.labels.name} is {owner.image_name}'s too"
            yield Finding("error", "files", SHARED_LABEL, detail, image=sample.image_name)


def _published_split(dataset: Dataset) -> Iterator[Finding]:
    """What training refuses of the split that `dataset.toml` asks for."""
    if dataset.settings.validation is None:
        return
    try:
        if found_folds(dataset) is None:
            published_folds(dataset)
    except InputError as error:
        yield Finding("error", "people", NO_SPLIT, f"{error.message}: {error.details}")


def _in_both_splits(train: Sequence[Sample], test: Sequence[Sample]) -> Iterator[Finding]:
    """One finding for each training image of such a person: those of test are to be predicted."""
    of_test: defaultdict[str, list[str]] = defaultdict(list)
    for sample in test:
        of_test[sample.person].append(sample.image_name)
    for sample in train:
        if sample.person in of_test:
            others = shown(of_test[sample.person], 2)
            detail = f"{sample.person}, in test with {others}"
            yield Finding("error", "people", BOTH_SPLITS, detail, image=sample.image_name)


def _strays(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Files below the data set's folder that a person could believe to be in it."""
    root, left_out = dataset.root, dataset.settings.exclude
    used = {path for sample in samples for path in (sample.image, sample.labels) if path}
    known = used | {root / one.path for one in dataset.left_out}
    is_bare = any(sample.labels is None for sample in dataset.train)
    splits = [folder for _, folder in split_folders(root)] if dataset.layout == "handbone" else []
    refused: list[Path] = []
    files = list(_files(root, refused))
    for path in refused:
        yield Finding("error", "files", REFUSED, path.relative_to(root).as_posix())
    images = [path for path in files if is_radiograph(path)]
    lacking = {
        path: suffix
        for path in set(files).difference(images, known)
        if (suffix := lacking_suffix(path))
    }
    images += lacking
    of_images = {path: _labels_of(root, path) for path in images}
    labelled = {label for path in images if path not in used for label in of_images[path]} - used
    labelled.intersection_update(files)
    second = {label for path in images if path in used for label in of_images[path]} - used
    for path in files:
        if path in known or path in labelled or _is_left_out(path, left_out):
            continue
        name = path.relative_to(root).as_posix()
        if path in of_images:
            is_labelled = not labelled.isdisjoint(of_images[path])
            severity: Severity = "error" if is_labelled else "warning"
            is_mask = re.search(MASKS, Path(name).parent.as_posix(), re.IGNORECASE)
            reason = NO_SUFFIX if path in lacking else MASK_PICTURE if is_mask else NOT_READ
            detail = f"{name}: name it {path.name}{lacking[path]}" if path in lacking else name
            yield Finding(severity, "files", reason, detail)
        elif unread := _unread_kind(path, name, dataset.layout):
            is_wanted = is_bare and ARCHIVE not in unread  # a download stays where it was unpacked
            yield Finding("error" if is_wanted else "warning", "files", *unread)
        elif any(path.is_relative_to(split) for split in splits):
            is_label = path.suffix.lower() == ".json"
            yield Finding(*(("warning", "files", NO_IMAGE) if is_label
                            else ("note", "files", STRANGE_FILE)), name)  # fmt: skip
        elif dataset.layout != "coco" and _is_label(path):
            reason = SECOND_LABEL if path in second else NO_IMAGE
            yield Finding("warning", "files", reason, name)


def _labels_of(root: Path, image: Path) -> tuple[Path, ...]:
    # Where it would lie, in any layout.
    parts = (LABELS if part == IMAGES else part for part in label_beside(image).parts)
    return *label_places(root, image), Path(*parts)


def _unread_kind(path: Path, name: str, layout: str) -> tuple[str, str] | None:
    """Reason and detail of a file that may hold labels or images, in a way that is not read."""
    if tool := foreign_tool(path):
        return FOREIGN, f"{name} is {tool}: {WAYS_OUT[tool]}"
    if layout != "coco" and path.suffix.lower() == ".json" and is_coco(path):
        return OTHER_COCO, name
    if path.suffix.lower() == ".json" and is_damaged_coco(path):
        return DAMAGED_COCO, name
    suffix = suffix_of(path)
    reason = ARCHIVE if suffix in ARCHIVES else OTHER_KIND if suffix in _OTHER_KINDS else ""
    return (reason, name) if reason else None


def _is_label(path: Path) -> bool:
    return HandboneFormat().is_file(path) or LabelmeFormat().is_file(path)


def _files(folder: Path, refused: list[Path]) -> Iterator[Path]:
    """The files below a folder in order; hidden ones are other tools'."""
    for path in files_below(folder, refused):
        if path.relative_to(folder).parts[0] not in _NOT_THE_SET:
            yield path


def _is_left_out(path: Path, left_out: Sequence[str]) -> bool:
    stem = path.with_suffix("").as_posix()
    return any(f"/{stem}".endswith(f"/{Path(name).with_suffix('')}") for name in left_out)


def _sizes(inspections: Sequence[Inspection]) -> Iterator[Finding]:
    sizes = Counter(one.size for one in inspections if one.size is not None)
    if len(sizes) < 2:
        return
    usual, times = sizes.most_common(1)[0]
    if times < _MOST * sizes.total():
        words = [f"{count} of {pixels_text(size)}" for size, count in sizes.most_common()]
        yield Finding("note", "files", SEVERAL_SIZES, listed(words))
        return
    for one in inspections:
        if one.size not in (None, usual):
            detail = f"{pixels_text(one.size)}, of {times} others {pixels_text(usual)}"
            yield Finding("warning", "files", ODD_SIZE, detail, image=one.sample.image_name)


def _duplicates(inspections: Sequence[Inspection]) -> Iterator[Finding]:
    for again, first in _repeated(inspections, [one.digest for one in inspections]):
        yield _same(SAME_FILE, again, first)
    for again, first in _repeated(inspections, [one.pixels for one in inspections]):
        if again.digest != first.digest:
            yield _same(SAME_PIXELS, again, first)
    for again, first in _repeated(inspections, [one.drawing for one in inspections]):
        if again.digest != first.digest:
            detail = f"as {first.sample.image_name}, point for point"
            yield Finding("error", "labels", SAME_LABEL, detail, image=again.sample.image_name)


def _repeated(
    inspections: Sequence[Inspection], keys: Sequence[str]
) -> Iterator[tuple[Inspection, Inspection]]:
    """Samples whose key came before, and with which; an empty key is of nothing.

    Of a training and a test image it is the training image that can go.
    """
    seen: dict[str, Inspection] = {}
    for one, key in zip(inspections, keys, strict=True):
        if key and (first := seen.setdefault(key, one)) is not one:
            yield (one, first) if one.sample.split == first.sample.split else (first, one)


def _same(reason: str, again: Inspection, first: Inspection) -> Finding:
    one, other = again.sample, first.sample
    severity: Severity = "error"
    if one.split != other.split:
        words = f", which is {other.split}'s"
    elif one.person != other.person:
        words = f" of {other.person}"
    else:
        words, severity = "", "warning"
    return Finding(severity, "files", reason, f"as {other.image_name}{words}", image=one.image_name)


def _missing_classes(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Classes that were labelled and are not drawn, and those that are drawn hardly anywhere."""
    labelled = [
        one
        for one in inspections
        if one.label is not None and one.label.readable and one.size is not None
    ]
    lacking: defaultdict[str, list[Inspection]] = defaultdict(list)
    for one in labelled:
        assert one.label is not None
        if not any(drawn.area for drawn in one.drawn.values()):
            name = one.sample.image_name
            yield Finding("error", "labels", NOTHING_DRAWN, image=name)
            continue
        for cls in one.label.labelled:
            if cls not in one.drawn:
                lacking[cls].append(one)
    for cls in dataset.classes:
        if cls not in dataset.not_bones:
            yield from _missing_class(dataset, cls, lacking[cls], len(labelled))


def _missing_class(
    dataset: Dataset, cls: str, lacking: Sequence[Inspection], labelled: int
) -> Iterator[Finding]:
    if len(lacking) > _RARE * labelled:
        detail = f"in {labelled - len(lacking)} of {labelled} labels"
        # What a COCO set's settings name as a class, they do not leave out.
        is_chosen = dataset.layout == "coco" and dataset.settings.classes is not None
        has_others = dataset.layout in ("coco", "labelme") and not is_chosen
        if has_others and cls not in dataset.bones:
            asked = dataset.settings.leave_out
            before = (LEFT_OUT if dataset.layout == "coco" else ()) if asked is None else asked
            line = f"leave_out = {json.dumps([*before, cls], ensure_ascii=False)}"
            detail += f"; if it is no bone, in {FILE}:  {line}"
        yield Finding("note", "labels", RARE_CLASS, detail, cls=cls, weight=len(lacking))
        return
    for one in lacking:
        yield Finding("warning", "labels", CLASS_MISSING, image=one.sample.image_name, cls=cls)


def _against_names(samples: Sequence[Sample], sides: Sequence[Side | None]) -> Iterator[Finding]:
    known = [pair for pair in zip(samples, sides, strict=True) if pair[0].side and pair[1]]
    odd = [(sample, side) for sample, side in known if sample.side != side]
    if len(odd) > (1 - _MOST) * len(known):
        return
    for sample, side in odd:
        detail = f"its bones are a {side} hand's, its name says {sample.side}"
        yield Finding("warning", "anatomy", OTHER_SIDE, detail, image=sample.image_name)


def _same_sides(samples: Sequence[Sample], sides: Sequence[Side | None]) -> Iterator[Finding]:
    people: defaultdict[str, list[tuple[Sample, Side]]] = defaultdict(list)
    for sample, side in zip(samples, sides, strict=True):
        if side is not None:
            people[sample.person].append((sample, side))
    pairs = [both for both in people.values() if len(both) == 2]
    same = [both for both in pairs if both[0][1] == both[1][1]]
    if len(same) > (1 - _MOST) * len(pairs):
        return
    for (one, side), (other, _) in same:
        detail = f"{side}, as {one.image_name}: an image twice, or labels that were mirrored"
        yield Finding("note", "anatomy", SAME_SIDE, detail, image=other.image_name)


def _of_class(finding: Finding, bones: dict[str, str]) -> Finding:
    names = {bone: name for name, bone in reversed(bones.items())}
    return replace(finding, cls=names.get(finding.cls, finding.cls))


def _with_command(dataset: Dataset, finding: Finding) -> Finding:
    """With the command that shows its picture, where there is one to see."""
    if not (finding.subject in _TO_LOOK_AT and finding.image):
        return finding
    root = shlex.quote(str(dataset.root))
    return replace(finding, command=f"handseg tui --data {root} --screen viewer")
