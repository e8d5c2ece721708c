"""The data of a training: which samples it trains on and validates on, and their identity.

The third layer of a recipe's check: is there what it asks for?
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

from handseg.data.crop_manifest import crop_fingerprints, crop_samples
from handseg.data.dataset import Dataset, Sample, labelled_training_samples, open_dataset
from handseg.data.fingerprint import combined, file_hashes, fingerprint, sample_files
from handseg.data.folds import FoldFile, load_or_make_folds, save_folds
from handseg.data.images import pixel_version
from handseg.errors import InputError, UsageError, did_you_mean
from handseg.recipe.faults import RecipeError, RecipeFault
from handseg.recipe.load import LoadedRecipe
from handseg.text import counted, listed, people_text
from handseg.train.augment import SWAP, build
from handseg.train.trackers import refuse_missing
from handseg.work import Progress, silent


@dataclass(frozen=True)
class TrainingData:
    """The samples that a recipe trains on and validates on."""

    dataset: Dataset
    folds: FoldFile
    fold: int
    training: tuple[Sample, ...]
    crops: tuple[Sample, ...]
    """Those of the people who are trained on."""
    every_crop: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    fingerprint: str
    files: dict[str, str]
    """The sha256 of every image and label by its path in the data set."""
    added_fingerprints: tuple[str, ...]
    """Those of each region's crops and of each further data set."""

    @cached_property
    def read_otherwise(self) -> tuple[str, ...]:
        # By an earlier version, maybe.
        samples = (*self.training, *self.validation)
        return tuple(one.image_name for one in samples if pixel_version(one.image) > 1)

    @property
    def people(self) -> list[str]:
        """The people of the data set who are trained on; further sets have people of their own."""
        own = set(self.dataset.train)
        return sorted({sample.person for sample in self.training if sample in own})

    @property
    def summary(self) -> str:
        """`600 training images and 1,200 crops of 40 people, 12 to validate on (fold 0 …)`."""
        folds = self.folds
        where = f"wrote {folds.path}" if folds.written else f"folds of {folds.path}"
        return (
            f"{image_counts(len(self.training), len(self.crops), 'training image')} of "
            f"{people_text(len(self.people))}, {len(self.validation)} to validate "
            f"on (fold {self.fold} of {folds.folds.k}; {where})"
        )

    def limited(self, training: int | None, validation: int | None = None) -> "TrainingData":
        """A smoke run's: at most so many images to train on, and to validate on (None: as many).

        The rest of the data set is as if it were not there, so that only these images are
        prepared; its fingerprint and its folds stay what they are. No limit where `training` is
        None.
        """
        if training is None:
            return self
        few = few_samples(self.training, training)
        held_out = few_samples(self.validation, training if validation is None else validation)
        people = {sample.person for sample in few}
        crops = few_samples([crop for crop in self.crops if crop.person in people], training)
        named = {*few, *held_out}
        own = tuple(sample for sample in self.dataset.train if sample in named)
        return replace(
            self,
            dataset=replace(self.dataset, train=own),
            training=few,
            crops=crops,
            every_crop=crops,
            validation=held_out,
        )


def find_data(
    loaded: LoadedRecipe,
    folder: Path,
    progress: Progress = silent,
    *,
    is_new: bool = True,
    write_folds: bool = True,
) -> TrainingData:
    """Find the data set, the folds and the crops of a recipe.

    Writes `folds.json` where there is none, once nothing is at fault, and nothing else. A run that
    is not new goes on with what it began with, held-out images in `data.extra` included.

    Raises:
        RecipeError: a value that this version cannot serve.
        InputError: the data set, a label, the folds or the crops are missing or at fault.
        FailedError: a tracker is not installed.
    """
    refuse_unserved(loaded)
    recipe = loaded.recipe
    refuse_missing([name for name, wanted in recipe.track.items() if wanted])
    dataset = open_dataset(folder)
    samples = labelled_training_samples(dataset)
    hashes = file_hashes(sample_files(samples), progress)
    source = combined(hashes, dataset.root)
    files = {path.relative_to(dataset.root).as_posix(): hashes[path] for path in sorted(hashes)}
    every_crop = crop_samples(dataset, recipe.data.crops, source)
    folds = load_or_make_folds(dataset, progress=progress)
    fold = recipe.data.fold
    if fold == "all":
        raise UsageError("one training is of one fold", hints=["--set data.fold=0"])
    refuse_no_fold(loaded, folds, fold)
    refuse_unknown_classes(loaded, dataset.classes)
    training, validation = folds.folds.split(samples, fold)
    if not training or not validation:
        raise InputError(f"fold {fold} of {folds.path} leaves nobody to train or validate on")
    training = share_of(training, recipe.data.share)
    people = {sample.person for sample in training}
    crops = tuple(crop for crop in every_crop if crop.person in people)
    held_out = {hashes[sample.image]: sample.image_name for sample in validation} if is_new else {}
    patients = {one.patient for one in validation if one.patient} if is_new else set[str]()
    extra, prints = extra_samples(recipe.data.extra, dataset, held_out, patients)
    if crops:
        prints = (*crop_fingerprints(dataset, recipe.data.crops), *prints)
    if write_folds:
        folds = save_folds(folds)
    return TrainingData(
        dataset,
        folds,
        fold,
        training + extra,
        crops,
        every_crop,
        validation,
        source,
        files,
        prints,
    )


def share_of(training: tuple[Sample, ...], share: float) -> tuple[Sample, ...]:
    """The samples of a share of the people, at least one; people are taken evenly."""
    people = sorted({sample.person for sample in training})
    count = max(1, round(len(people) * share))
    kept = {people[index * len(people) // count] for index in range(count)}
    return tuple(sample for sample in training if sample.person in kept)


def few_samples(samples: Sequence[Sample], most: int) -> tuple[Sample, ...]:
    """At most so many samples, of the first people who fit whole; of one, some, where none fits.

    The order of the samples stays, and the same samples give the same few.
    """
    kept: list[Sample] = []
    for _, of_person in groupby(sorted(samples, key=by_person), lambda sample: sample.person):
        whole = list(of_person)
        if len(kept) + len(whole) <= most:
            kept += whole
    chosen = set(kept or sorted(samples, key=by_person)[:most])
    return tuple(sample for sample in samples if sample in chosen)


def by_person(sample: Sample) -> tuple[str, str]:
    return sample.person, sample.image_name


def extra_samples(
    folders: Sequence[str], dataset: Dataset, held_out: Mapping[str, str], patients: Set[str]
) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """The labelled samples of further data sets of the same classes; each set's fingerprint.

    `held_out` has the names of the images that must not be among them by their sha256, `patients`
    the ids of DICOM headers.

    Raises:
        InputError: a set has other classes, or images or patients that are validated on.
    """
    found: list[Sample] = []
    prints: list[str] = []
    for folder in folders:
        extra = open_dataset(Path(folder))
        if extra.classes != dataset.classes:
            raise InputError(f"{folder} has other classes than {dataset.root}")
        samples = labelled_training_samples(extra)
        hashes = file_hashes([sample.image for sample in samples])
        leaks = sorted(held_out[digest] for digest in set(hashes.values()) & held_out.keys())
        if leaks:
            raise InputError(
                f"{folder} holds images that are validated on", details=listed(leaks, 3)
            )
        of_patients = [one.image_name for one in samples if one.patient in patients]
        if of_patients:
            raise InputError(
                f"{folder} holds images of patients who are validated on",
                details=listed(of_patients, 3),
            )
        found += samples
        prints.append(fingerprint(sample_files(samples), extra.root))
    return tuple(found), tuple(prints)


def image_counts(images: int, crops: int, image: str = "image") -> str:
    """`600 images and 1,200 crops`; crops only where there are some."""
    text = counted(images, image)
    return f"{text} and {counted(crops, 'crop')}" if crops else text


def refuse_no_fold(loaded: LoadedRecipe, folds: FoldFile, fold: int) -> None:
    """Say where the recipe names a fold that there is not.

    Raises:
        RecipeError: there is no such fold.
    """
    if fold >= folds.folds.k:
        message = f"there is no fold {fold}: those of {folds.path} are 0 to {folds.folds.k - 1}"
        raise RecipeError(str(loaded.path), [loaded.fault("data.fold", message)])


def refuse_unknown_classes(loaded: LoadedRecipe, classes: Sequence[str]) -> None:
    """Say which classes the recipe names that the data set has not.

    Raises:
        RecipeError: there are any.
    """
    recipe = loaded.recipe
    named = [("loss.class_weights", name) for name in recipe.loss.class_weights]
    for key, entry in recipe.augment.items():
        for pair in entry.arguments.get(SWAP, {}).items():
            named += [(f"augment.{key}.{SWAP}", name) for name in pair]
    faults = [
        loaded.fault(key, f"the data set has no class {name}{did_you_mean(name, classes)}")
        for key, name in named
        if name not in classes
    ]
    if faults:
        raise RecipeError(str(loaded.path), faults)


def refuse_unserved(loaded: LoadedRecipe) -> None:
    """Name what this version cannot do and what no transform takes, all at once.

    Doing less than was asked in silence would be worse.

    Raises:
        RecipeError: with every such value.
    """
    recipe = loaded.recipe
    unserved = {
        "predict.mode": recipe.predict.mode != "whole",
        "predict.tta": bool(recipe.predict.tta),
        "train.memory": recipe.train.memory != "normal",
    }
    faults: list[RecipeFault] = [
        loaded.fault(key, "this version of handseg cannot do this yet")
        for key, asked in unserved.items()
        if asked
    ]
    faults += transform_faults(loaded)
    if faults:
        raise RecipeError(str(loaded.path), faults)


def transform_faults(loaded: LoadedRecipe) -> list[RecipeFault]:
    """The transforms whose values albumentations does not take; names were judged before."""
    faults: list[RecipeFault] = []
    for name, entry in loaded.recipe.augment.items():
        try:
            build(entry)
        except (ValueError, TypeError) as error:
            faults.append(
                loaded.fault(f"augment.{name}", f"{entry.transform}: {without_pydantic(error)}")
            )
    return faults


def without_pydantic(error: Exception) -> str:
    """A complaint of albumentations without what pydantic puts around it."""
    lines = [line.strip().partition(" [type=")[0] for line in str(error).splitlines()]
    noise = ("1 validation error", "For further information")
    return " ".join(
        line.removeprefix("Value error, ") for line in lines if not line.startswith(noise)
    )
