"""What the names of files tell before one is opened: what is missing, spare, or in both splits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from handseg.data.check.finding import Finding, Severity
from handseg.data.dataset import Dataset
from handseg.data.handbone import Handbone
from handseg.data.images import is_radiograph
from handseg.data.labels import Sample

NO_LABEL = "an image without a label"
NO_IMAGE = "a label without an image"
NOT_READ = "an image that is not read: not where images belong"
STRANGE = "a file that is neither an image nor a label"
SHARED = "two images share one label"
BOTH_SPLITS = "one person in train and test"

_SPLITS = ("train", "test")


def listing_findings(dataset: Dataset) -> list[Finding]:
    """Findings on the names of a data set's files, none of which is opened."""
    train, test = dataset.train, dataset.labelled_test
    return [
        *_without_label(dataset, train, test),
        *_shared(train + test),
        *_in_both(train, test),
        *(_strays(dataset, train + test) if dataset.layout == Handbone.name else ()),
    ]


def _without_label(
    dataset: Dataset, train: Sequence[Sample], test: Sequence[Sample]
) -> Iterator[Finding]:
    # A COCO file may well leave images without annotations: training does so too.
    severity: Severity = "error" if dataset.layout == Handbone.name else "note"
    for sample in train:
        if sample.labels is None:
            yield Finding(severity, "files", NO_LABEL, image=sample.image_name)
    bare = [sample for sample in test if sample.labels is None]
    if bare and len(bare) < len(test):
        detail = f"{len(bare)} of {len(test)} test images, the first is {bare[0].image_name}"
        yield Finding("note", "files", "test images of which only some have labels", detail)


def _shared(samples: Sequence[Sample]) -> Iterator[Finding]:
    owners: dict[tuple[Path, int | str | None], Sample] = {}
    for sample in samples:
        if sample.labels is None:
            continue
        owner = owners.setdefault((sample.labels, sample.entry), sample)
        if owner is not sample:
            detail = f"{sample.labels.name} is {owner.image_name}'s too"
            yield Finding("error", "files", SHARED, detail, image=sample.image_name)


def _in_both(train: Sequence[Sample], test: Sequence[Sample]) -> Iterator[Finding]:
    """One finding for each test image of such a person: it is what must go from one of the two."""
    of_train: defaultdict[str, list[str]] = defaultdict(list)
    for sample in train:
        of_train[sample.person].append(sample.image_name)
    for sample in test:
        if sample.person in of_train:
            others = of_train[sample.person]
            more = ", …" if len(others) > 2 else ""
            detail = f"{sample.person}, in train with {', '.join(others[:2])}{more}"
            yield Finding("error", "people", BOTH_SPLITS, detail, image=sample.image_name)


def _strays(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[Finding]:
    root, left_out = dataset.root, dataset.settings.exclude
    used = {path for sample in samples for path in (sample.image, sample.labels) if path}
    for split in _SPLITS:
        for path in _files(root / split):
            if path in used or _is_left_out(path, left_out):
                continue
            name = path.relative_to(root).as_posix()
            if path.suffix.lower() == ".json":
                yield Finding("warning", "files", NO_IMAGE, name)
            elif is_radiograph(path):
                yield Finding("warning", "files", NOT_READ, name)
            else:
                yield Finding("note", "files", STRANGE, name)


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder in order; hidden ones are other tools'."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path


def _is_left_out(path: Path, left_out: Sequence[str]) -> bool:
    stem = path.with_suffix("").as_posix()
    return any(f"/{stem}".endswith(f"/{Path(name).with_suffix('')}") for name in left_out)
