"""Which samples of a data set a submission is scored on."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.errors import InputError, did_you_mean
from handseg.rle.submission import Submission
from handseg.text import shown

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample


def samples_to_score(submission: Submission, dataset: "Dataset") -> "tuple[Sample, ...]":
    """The samples of the submission's split, in the data set's order.

    They are those of the images in its rows and its sidecar, and all of a split that it predicts
    as a whole (the test images; the training images where the sidecar says so): images without
    rows count as empty. Call with a data set whose test samples carry their labels.

    Raises InputError for an image or class that the data set does not have, for an image
    whose label should be a file of its own and is not there, and for a submission without rows.
    """
    from handseg.data.dataset import predicted_samples

    check_classes(submission, dataset.classes, dataset.root, "data set")
    by_name = {sample.image_name: sample for sample in dataset.split("all")}
    named = {*submission.images, *submission.sizes}
    if not named:
        raise InputError(f"{submission.path} has no rows")
    _check_images(submission, named, by_name, dataset)
    return _labelled(submission, predicted_samples(dataset, submission), dataset)


def has_labels(submission: Submission, dataset: "Dataset") -> bool:
    labelled = {sample.image_name for sample in dataset.split("all") if sample.labels is not None}
    return bool(submission.images) and labelled.issuperset(submission.images)


def trained_on(submission: Submission, people: Collection[str]) -> tuple[str, ...]:
    """Those of some people that the submission's models trained on, as its sidecar says."""
    trained = set((submission.sidecar or {}).get("trained_people") or ())
    return tuple(sorted(trained.intersection(people)))


def check_classes(submission: Submission, classes: Sequence[str], owner: Path, kind: str) -> None:
    """Raise InputError for a class that its labels lack: those of `owner`, of this `kind`."""
    strange = [cls for cls in submission.classes if cls not in classes]
    if strange:
        raise InputError(
            f"{submission.path} has the class {strange[0]!r} that {owner} does not have"
            + did_you_mean(strange[0], classes),
            details=f"classes of the {kind}: {', '.join(classes)}",
        )


def _check_images(
    submission: Submission,
    named: Collection[str],
    by_name: "Mapping[str, Sample]",
    dataset: "Dataset",
) -> None:
    strange = sorted(name for name in named if name not in by_name)
    if strange:
        raise InputError(
            f"{len(strange)} of {len(named)} images of {submission.path} "
            f"are not in the data set {dataset.root}",
            details=shown(strange),
            hints=["name the data set that was predicted with --data DIR"],
        )


def _labelled(
    submission: Submission, samples: "tuple[Sample, ...]", dataset: "Dataset"
) -> "tuple[Sample, ...]":
    """The samples, as far as their layout annotates them: training leaves out the same."""
    bare = [sample for sample in samples if sample.labels is None]
    known = tuple(sample for sample in samples if sample.labels is not None)
    if bare and (not known or dataset.label_path(bare[0].image) is not None):
        raise InputError(
            f"{submission.path} cannot be scored: "
            f"{len(bare)} of {len(samples)} images have no label",
            details="\n".join(str(sample.image) for sample in bare[:5]),
            hints=[
                "score validation predictions instead:  handseg score last:val",
                "or name a data set with these labels with --labels DIR",
            ],
        )
    return known
