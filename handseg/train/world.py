"""Layer 3 of the recipe's check: does the world have what it asks for?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handseg.data.crop_manifest import crop_samples
from handseg.data.dataset import Dataset, Sample, labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.data.folds import FoldFile, load_or_write_folds
from handseg.errors import InputError, UsageError
from handseg.progress import Progress, silent
from handseg.recipe.faults import Fault, RecipeError
from handseg.recipe.load import LoadedRecipe


@dataclass(frozen=True)
class World:
    """What a recipe trains on and validates on."""

    dataset: Dataset
    folds: FoldFile
    fold: int
    training: tuple[Sample, ...]
    crops: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    fingerprint: str

    @property
    def people(self) -> list[str]:
        """The people who are trained on."""
        return sorted({sample.person for sample in self.training})


def check_world(loaded: LoadedRecipe, folder: Path, progress: Progress = silent) -> World:
    """Find the data, the folds and the crops of a recipe.

    Writes `folds.json` where there is none, and nothing else.

    Raises:
        RecipeError: a value that this version cannot serve.
        InputError: the data set, a label, the folds or the crops are missing or at fault.
    """
    refuse_unserved(loaded)
    recipe = loaded.recipe
    dataset = open_dataset(folder)
    samples = labelled_training_samples(dataset)
    source = fingerprint(sample_files(samples), dataset.root, progress)
    crops = crop_samples(dataset, recipe.data.crops, source)
    folds = load_or_write_folds(dataset)
    fold = recipe.data.fold
    if fold == "all":
        raise UsageError("one training is of one fold", hints=["--set data.fold=0"])
    training, validation = folds.folds.split(samples, fold)
    if not validation:
        raise InputError(f"fold {fold} of {folds.path} holds out nobody")
    training = share_of(training, recipe.data.share)
    people = {sample.person for sample in training}
    return World(
        dataset,
        folds,
        fold,
        training + further(recipe.data.extra, dataset),
        tuple(crop for crop in crops if crop.person in people),
        validation,
        source,
    )


def share_of(training: tuple[Sample, ...], share: float) -> tuple[Sample, ...]:
    """The samples of a share of the people, at least one; people are taken evenly."""
    people = sorted({sample.person for sample in training})
    count = max(1, round(len(people) * share))
    kept = {people[index * len(people) // count] for index in range(count)}
    return tuple(sample for sample in training if sample.person in kept)


def further(folders: Sequence[str], dataset: Dataset) -> tuple[Sample, ...]:
    """The labelled samples of further data sets of the same classes."""
    found: list[Sample] = []
    for folder in folders:
        extra = open_dataset(Path(folder))
        if extra.classes != dataset.classes:
            raise InputError(f"{folder} has other classes than {dataset.root}")
        found += labelled_training_samples(extra)
    return tuple(found)


def refuse_unserved(loaded: LoadedRecipe) -> None:
    """Name what the schema knows and this version does not do: better than doing less in silence.

    Raises:
        RecipeError: with every such value.
    """
    recipe = loaded.recipe
    unserved = {
        "predict.mode": recipe.predict.mode != "whole",
        "predict.tta": bool(recipe.predict.tta),
        "train.memory": recipe.train.memory != "normal",
        "track": any(recipe.track.values()),
    }
    faults: list[Fault] = [
        loaded.fault(key, "this version of handseg cannot do this yet")
        for key, asked in unserved.items()
        if asked
    ]
    if faults:
        raise RecipeError(str(loaded.path), faults)
