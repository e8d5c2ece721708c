"""Layer 3 of the recipe's check: does the world have what it asks for?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handseg.data.crop_manifest import crop_fingerprints, crop_samples
from handseg.data.dataset import Dataset, Sample, labelled_training_samples, open_dataset
from handseg.data.fingerprint import combined, file_hashes, fingerprint, sample_files
from handseg.data.folds import FoldFile, load_or_make_folds, save_folds
from handseg.errors import InputError, UsageError
from handseg.recipe.faults import RecipeError, RecipeFault
from handseg.recipe.load import LoadedRecipe
from handseg.reporter import Progress, silent
from handseg.train.augment import build
from handseg.train.trackers import refuse_missing


@dataclass(frozen=True)
class World:
    """What a recipe trains on and validates on."""

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

    @property
    def people(self) -> list[str]:
        """The people of the data set who are trained on; further sets have people of their own."""
        own = set(self.dataset.train)
        return sorted({sample.person for sample in self.training if sample in own})


def check_world(
    loaded: LoadedRecipe, folder: Path, progress: Progress = silent, *, write_folds: bool = True
) -> World:
    """Find the data, the folds and the crops of a recipe.

    Writes `folds.json` where there is none, once nothing is at fault, and nothing else.

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
    training, validation = folds.folds.split(samples, fold)
    if not training or not validation:
        raise InputError(f"fold {fold} of {folds.path} leaves nobody to train or validate on")
    training = share_of(training, recipe.data.share)
    people = {sample.person for sample in training}
    crops = tuple(crop for crop in every_crop if crop.person in people)
    extra, prints = further(recipe.data.extra, dataset)
    if crops:
        prints = (*crop_fingerprints(dataset, recipe.data.crops), *prints)
    if write_folds:
        folds = save_folds(folds)
    return World(
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


def further(folders: Sequence[str], dataset: Dataset) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """The labelled samples of further data sets of the same classes; each set's fingerprint."""
    found: list[Sample] = []
    prints: list[str] = []
    for folder in folders:
        extra = open_dataset(Path(folder))
        if extra.classes != dataset.classes:
            raise InputError(f"{folder} has other classes than {dataset.root}")
        samples = labelled_training_samples(extra)
        found += samples
        prints.append(fingerprint(sample_files(samples), extra.root))
    return tuple(found), tuple(prints)


def refuse_no_fold(loaded: LoadedRecipe, folds: FoldFile, fold: int) -> None:
    """Say where the recipe names a fold that there is not.

    Raises:
        RecipeError: there is no such fold.
    """
    if fold >= folds.folds.k:
        message = f"there is no fold {fold}: those of {folds.path} are 0 to {folds.folds.k - 1}"
        raise RecipeError(str(loaded.path), [loaded.fault("data.fold", message)])


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
            faults.append(loaded.fault(f"augment.{name}", f"{entry.transform}: {plain(error)}"))
    return faults


def plain(error: Exception) -> str:
    """A complaint of albumentations without what pydantic puts around it."""
    lines = [line.strip().partition(" [type=")[0] for line in str(error).splitlines()]
    noise = ("1 validation error", "For further information")
    return " ".join(
        line.removeprefix("Value error, ") for line in lines if not line.startswith(noise)
    )
