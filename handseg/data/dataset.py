"""A data set: its samples, its classes and where they lie."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from handseg.data import handbone
from handseg.errors import InputError, UsageError


@dataclass(frozen=True)
class Sample:
    """One radiograph and, where there is one, its label."""

    image_name: str
    """As in a submission: the base name, or the path inside the split where that is ambiguous."""
    image: Path
    labels: Path | None
    person: str
    split: str


@dataclass(frozen=True)
class Dataset:
    """The samples of a folder. `test` samples carry no labels unless `with_test_labels` asks."""

    root: Path
    layout: str
    classes: tuple[str, ...]
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of `train`, `test` or `all`."""
        splits = {"train": self.train, "test": self.test, "all": self.train + self.test}
        if name not in splits:
            raise UsageError(f"there is no split {name!r}", why="it is one of train, test, all")
        return splits[name]


def open_dataset(folder: Path) -> Dataset:
    """List a data set without opening an image.

    Raises:
        InputError: there is none in `folder`.
    """
    if not handbone.is_layout(folder):
        raise no_dataset(folder)
    train = samples(handbone.pairs(folder, "train"), folder, "train")
    test = samples(handbone.pairs(folder, "test"), folder, "test")
    if not train and not test:
        raise no_dataset(folder)
    train, test = with_plain_names(train, test)
    unlabelled_test = tuple(replace(sample, labels=None) for sample in test)
    return Dataset(folder, "handbone", handbone.CLASSES, train, unlabelled_test)


def with_test_labels(dataset: Dataset) -> Dataset:
    """The same data set with the labels of its test images, where they are there.

    For measuring and looking only: nothing that trains or predicts may call this.
    """
    labelled = tuple(
        replace(sample, labels=labels if labels.exists() else None)
        for sample in dataset.test
        for labels in [handbone.label_path(dataset.root, sample.image)]
    )
    return replace(dataset, test=labelled)


def labelled_training_samples(dataset: Dataset) -> tuple[Sample, ...]:
    """The training samples, each with its label.

    Raises:
        InputError: there are none, an image has no label or two share one.
    """
    if not dataset.train:
        raise InputError(f"{dataset.root} has no training images", why=handbone.LAYOUT)
    bare = [sample for sample in dataset.train if sample.labels is None]
    if bare:
        shown = "\n".join(str(sample.image) for sample in bare[:5])
        more = f"\nand {len(bare) - 5} more" if len(bare) > 5 else ""
        expected = handbone.label_path(dataset.root, bare[0].image)
        raise InputError(
            f"{len(bare)} of {len(dataset.train)} training images have no label",
            why=shown + more,
            hints=[f"the label of the first belongs at {expected}", "or take the images out"],
        )
    refuse_twins(dataset.train)
    return dataset.train


def refuse_twins(samples: Iterable[Sample]) -> None:
    owners: dict[Path | None, Sample] = {}
    for sample in samples:
        owner = owners.setdefault(sample.labels, sample)
        if owner is not sample:
            raise InputError(
                f"two images share the label {sample.labels}",
                why=f"{owner.image}\n{sample.image}",
                hints=["take one of the images out"],
            )


def samples(
    pairs: Iterable[tuple[Path, Path | None]], root: Path, split: str
) -> tuple[Sample, ...]:
    base = handbone.images_folder(root, split)
    return tuple(
        Sample(image.relative_to(base).as_posix(), image, labels, image.parent.name, split)
        for image, labels in pairs
    )


def with_plain_names(*splits: tuple[Sample, ...]) -> tuple[tuple[Sample, ...], ...]:
    """Base names where they are unique in the whole set, as the competition writes them."""
    count = Counter(sample.image.name for split in splits for sample in split)
    if count and max(count.values()) > 1:
        return splits
    return tuple(
        tuple(replace(sample, image_name=sample.image.name) for sample in split) for split in splits
    )


def no_dataset(folder: Path) -> InputError:
    looked = folder.resolve() if folder.exists() else f"{folder.absolute()} (does not exist)"
    return InputError(
        "no data set found",
        why=f"looked in {looked}\n{handbone.LAYOUT}",
        hints=[
            "name another folder with --data DIR or HANDSEG_DATA",
            "handseg demo           makes a synthetic data set and goes the whole way",
            "handseg phantom data   makes only the data set",
        ],
    )
