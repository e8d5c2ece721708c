"""A run's predictions as the competition's CSV: which images, by which checkpoint, where."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from handseg import rle
from handseg.data.dataset import Dataset, Sample
from handseg.data.fingerprint import fingerprint, hash_file
from handseg.data.images import note_on_large, pixel_version
from handseg.errors import InputError, UsageError
from handseg.formats.submission import UNREADABLE
from handseg.inference.device import best_device
from handseg.inference.whole import Inference, host_masks, infer_samples
from handseg.models.checkpoints import Checkpoint, load_best
from handseg.models.segmenter import build_model
from handseg.recipe.load import LoadedRecipe, load_recipe
from handseg.rle.sidecar import read_sidecar
from handseg.rle.submission import write_submission
from handseg.runs import layout
from handseg.runs.predictions import SPLITS, prediction_path
from handseg.runs.summary import read_run_file
from handseg.work import Progress, silent

NEEDED = ("classes", "recipe", "fold", "folds", "trained_people")
"""Fields of `run.json` without which nothing can be predicted."""
DATA = "data"
"""Of a sidecar: the folder of the data set."""


@dataclass(frozen=True)
class PredictionJob:
    """A run, the images that it is to predict, and where to."""

    run: Path
    split: str
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    facts: dict[str, Any]
    loaded: LoadedRecipe
    checkpoint: Checkpoint
    images: dict[str, Any]
    """What the sidecar says of them."""
    out: Path

    def is_done(self) -> bool:
        """Whether the file is there and whole, made by this checkpoint of these images."""
        sidecar = sidecar_there(self.out)
        return (
            sidecar is not None
            and UNREADABLE not in sidecar
            and sidecar.get("checkpoint") == self.checkpoint.sha256
            and all(sidecar.get(key) == value for key, value in self.images.items() if key != DATA)
        )

    def refuse_other_data(self) -> None:
        """Raise UsageError where the file is of the images of another data set.

        What an earlier version wrote says not of which: images of other names are another's.
        """
        sidecar = sidecar_there(self.out)
        if sidecar is None or sidecar.get("data_fingerprint") == self.images["data_fingerprint"]:
            return
        names = {sample.image_name for sample in self.samples}
        before = sidecar.get(DATA)
        is_same = before == self.images[DATA] if before else bool(names & sidecar_images(sidecar))
        if not is_same:
            raise UsageError(
                f"{self.out} has the predictions of {before or 'another data set'}",
                hints=[
                    f"--out {self.run.name}-{Path(self.images[DATA]).name}.csv   # beside them",
                    "--force replaces them",
                ],
            )


def sidecar_there(path: Path) -> dict[str, Any] | None:
    """The sidecar of a whole file; None where it is missing or damaged: it is made anew."""
    try:
        return read_sidecar(path, hash_file(path))
    except (OSError, InputError):
        return None


def sidecar_images(sidecar: Mapping[str, Any]) -> set[str]:
    images = sidecar.get("images")
    return set(images) if isinstance(images, dict) else set()


def plan_prediction(
    run: Path,
    dataset: Dataset,
    split: str,
    out: Path | None = None,
    said: Callable[[str], None] = lambda text: None,
) -> PredictionJob:
    """Find out what a prediction needs, without loading a network.

    `val` and `train` are those of the run's own fold.

    Raises:
        UsageError: there is no such split.
        InputError: the run has no checkpoint or other classes, or the split no images.
    """
    facts = read_facts(run)
    classes = tuple(facts["classes"])
    if dataset.has_classes and classes != dataset.classes:
        raise InputError(f"{run.name} knows other classes than {dataset.root}")
    samples = samples_of(split, dataset, facts)
    if not samples:
        of_fold = "the fold that the run held out" if split == "val" else "those it trained on"
        raise InputError(
            f"{dataset.root} has no images of the split {split}",
            details=f"{of_fold}: none of its people is there" if split in ("val", "train") else "",
        )
    if note := note_on_large(sample.image for sample in samples):
        said(note)
    loaded = load_recipe(str(run / layout.RECIPE), resumed=True)
    return PredictionJob(
        run,
        split,
        samples,
        classes,
        facts,
        loaded,
        load_best(run / layout.CHECKPOINTS, said),
        images_facts(samples, dataset),
        out or prediction_path(run, split),
    )


def run_prediction(
    job: PredictionJob,
    progress: Progress = silent,
    unreadable: dict[str, InputError] | None = None,
) -> Path:
    """Predict and write the CSV with its sidecar, whole or not at all.

    Raises as `write_predictions`, which notes in `unreadable`.
    """
    recipe = job.loaded.recipe
    model = build_model(recipe, len(job.classes), weights="none")
    model.load_state_dict(job.checkpoint.chosen())
    inference = Inference.of(recipe.train, best_device())
    inference.place(model)
    sidecar = sidecar_of(job.run.name, job.facts, job.checkpoint, job.split) | {
        "made_by": "predict",
        **job.images,
    }
    size = recipe.data.size
    return write_predictions(
        job.out, model, job.samples, job.classes, size, inference, sidecar, progress, unreadable
    )


def write_predictions(
    path: Path,
    model: nn.Module,
    samples: Sequence[Sample],
    classes: Sequence[str],
    size: int,
    inference: Inference,
    sidecar: Mapping[str, Any],
    progress: Progress = silent,
    unreadable: dict[str, InputError] | None = None,
) -> Path:
    """Predict `samples` and write `path` and its sidecar, whole or not at all.

    Images stand in the order of `samples`, classes in that of `classes`. Images that cannot be read
    are left out and noted in `unreadable`, where that is given.

    Raises:
        InputError: an image is unreadable, and none may be; or none can be read.
    """
    sizes: dict[str, list[int]] = {}
    fields: dict[str, Any] = {**sidecar, "classes": list(classes), "images": sizes}

    def rows() -> Iterator[tuple[str, str, rle.Runs]]:
        inferred = infer_samples(model, samples, size, inference, progress, unreadable)
        for sample, fit, logits in inferred:
            sizes[sample.image_name] = list(fit.source)
            for name, mask in zip(classes, host_masks(logits, fit), strict=True):
                yield sample.image_name, name, rle.from_mask(mask)
        if unreadable:
            if not sizes:
                raise next(iter(unreadable.values()))
            fields[UNREADABLE] = sorted(unreadable)

    path.parent.mkdir(parents=True, exist_ok=True)
    # `fields` fills while the rows are written, and the sidecar is written after them.
    return write_submission(path, rows(), fields)


def sidecar_of(
    run: str, facts: dict[str, Any], checkpoint: Checkpoint, split: str
) -> dict[str, Any]:
    """What the sidecar of a prediction says of the run that made it."""
    return {
        "run": run,
        "recipe": facts["recipe"],
        "fold": facts["fold"],
        "trained_people": facts["trained_people"],
        "checkpoint": checkpoint.sha256,
        "validation_dice": checkpoint.manifest.get("validation_dice"),
        "split": split,
    }


def images_facts(samples: Sequence[Sample], dataset: Dataset) -> dict[str, Any]:
    """What images are predicted: their fingerprint, and the version of their pixels from 2 on.

    Files that may not be read are no part of it: once they may, all is predicted anew.
    """
    images = [sample.image for sample in samples if os.access(sample.image, os.R_OK)]
    version = max(map(pixel_version, images), default=1)
    found: dict[str, Any] = {
        DATA: str(dataset.root.resolve()),
        "data_fingerprint": fingerprint(images, dataset.root),
    }
    return found if version == 1 else {**found, "pixels": version}


def samples_of(split: str, dataset: Dataset, facts: dict[str, Any]) -> tuple[Sample, ...]:
    if split not in SPLITS:
        raise UsageError(f"there is no split {split!r}", details="splits: " + ", ".join(SPLITS))
    if split in ("test", "all"):
        return dataset.split(split)
    held_out = {person for person, fold in facts["folds"].items() if fold == facts["fold"]}
    people = held_out if split == "val" else set(facts["trained_people"])
    return tuple(sample for sample in dataset.train if sample.person in people)


def read_facts(run: Path) -> dict[str, Any]:
    """The `run.json` of a run.

    Raises:
        InputError: it is missing, damaged or of no training.
    """
    path = run / layout.RUN
    try:
        facts = read_run_file(run)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read", details=str(error)) from error
    lacking = [name for name in NEEDED if name not in facts]
    if lacking:
        raise InputError(f"{path} lacks {', '.join(lacking)}")
    return facts
