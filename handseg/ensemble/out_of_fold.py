"""Out-of-fold predictions: each image by the model that never saw its person, as one submission."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from handseg.data.dataset import Dataset, Sample, labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint
from handseg.errors import InputError, UsageError
from handseg.formats.submission import sidecar_classes
from handseg.rle.submission import Submission, line_of, write_numbered_lines, write_submission_lines
from handseg.runs.predictions import read_predictions
from handseg.text import shown

FOLDER = Path("oof")
"""Where joined folds go."""
SPLIT = "oof"
"""The split that the sidecar names: every training image, held out once."""


class JoinedFolds(NamedTuple):
    """The held-out predictions of all folds in one CSV."""

    path: Path
    images: int
    folds: int


def join_predictions(
    names: Sequence[str], runs: Path, data: Path, out: Path | None = None
) -> JoinedFolds:
    """Join the validations of runs, or CSVs, on the data set in `data` (`join_folds`).

    Raises:
        UsageError: none is named.
        InputError: they are not all folds of one recipe on this data set, each once.
        FailedError: the disk refuses.
    """
    if not names:
        raise UsageError(
            "no run is named to be joined: name a run of every fold",
            hints=["handseg vote --out-of-fold unet-1 unet-2 unet-3 unet-4 unet-5"],
        )
    return join_folds(read_predictions(names, runs, "val"), open_dataset(data), out)


def join_folds(
    members: Sequence[Submission], dataset: Dataset, out: Path | None = None
) -> JoinedFolds:
    """Join the held-out predictions of all folds.

    Images come in the order of the data set. The CSV is `out`, else `oof/<recipe>-001.csv` with the
    first free number.

    Raises:
        InputError: a member says not of which fold it is, has other classes, predicts people whom
            its model trained on, or an image of the data set comes never or twice.
        FailedError: the disk refuses.
    """
    for member in members:
        check_is_of_a_fold(member)
    recipes = {str((member.sidecar or {}).get("recipe")): member.path for member in members}
    if len(recipes) != 1:
        why = "\n".join(f"{recipe}: {path}" for recipe, path in recipes.items())
        raise InputError("folds of one recipe are joined", details=why)
    [recipe] = recipes
    check_classes(members, dataset)
    samples = labelled_training_samples(dataset)
    owners = owners_of(members, samples)
    check_held_out(owners, samples)
    lines = joined_lines(owners, samples, dataset.classes)
    sidecar = joined_sidecar(members, owners, samples, dataset) | {"recipe": recipe}
    if out is None:
        path = write_numbered_lines(FOLDER, recipe, lines, sidecar)
    else:
        path = write_submission_lines(out, lines, sidecar)
    return JoinedFolds(path, len(samples), len(members))


def check_is_of_a_fold(member: Submission) -> None:
    """Raise InputError where a sidecar does not say fold and people."""
    sidecar = member.sidecar or {}
    if not isinstance(sidecar.get("fold"), int) or not isinstance(
        sidecar.get("trained_people"), list
    ):
        raise InputError(
            f"nothing says of which fold {member.path} is, and whom its model trained on",
            hints=["held-out predictions of runs are joined, as in: runs/NAME/predictions/val.csv"],
        )


def check_classes(members: Sequence[Submission], dataset: Dataset) -> None:
    """Raise InputError for a member with other classes than the data set's."""
    for member in members:
        if sidecar_classes(member) != dataset.classes:
            raise InputError(f"{member.path} has other classes than {dataset.root}")


def owners_of(members: Sequence[Submission], samples: Sequence[Sample]) -> Mapping[str, Submission]:
    """The one member that predicts each image.

    Raises:
        InputError: an image comes never or twice, or is none of the training images.
    """
    owners: dict[str, Submission] = {}
    for member in members:
        for image in images_of(member):
            if image in owners:
                raise InputError(
                    f"{image} is predicted twice",
                    details=f"{owners[image].path}\n{member.path}",
                    hints=["name one run of each fold"],
                )
            owners[image] = member
    known = [sample.image_name for sample in samples]
    strange = sorted(owners.keys() - set(known))
    if strange:
        raise InputError(
            f"{len(strange)} images are not among the labelled training images",
            details=shown(strange),
            hints=["name the data set that was predicted with --data DIR"],
        )
    lacking = [image for image in known if image not in owners]
    if lacking:
        folds = sorted((member.sidecar or {})["fold"] for member in members)
        raise InputError(
            f"{len(lacking)} of {len(known)} training images are in none of the folds "
            f"{', '.join(map(str, folds))}",
            details=shown(lacking),
            hints=["name a run of every fold; one with --limit predicts too few images"],
        )
    return owners


def images_of(member: Submission) -> list[str]:
    """The images that a member has rows of, or lists: what it lacks of those is empty."""
    return list(dict.fromkeys((*member.sizes, *member.images)))


def check_held_out(owners: Mapping[str, Submission], samples: Sequence[Sample]) -> None:
    """Raise InputError where a member predicts people whom its model trained on."""
    for sample in samples:
        member = owners[sample.image_name]
        if sample.person in (member.sidecar or {})["trained_people"]:
            raise InputError(
                f"the model of {member.path} trained on the person of {sample.image_name}",
                details="out-of-fold predictions are of people whom the model never saw",
            )


def joined_lines(
    owners: Mapping[str, Submission], samples: Sequence[Sample], classes: Sequence[str]
) -> Iterator[tuple[bytes, int]]:
    """The rows as they are written, an image at a time; no mask is decoded."""
    names = [sample.image_name for sample in samples]
    for member, images in groupby(names, lambda name: owners[name]):
        for image in images:
            keys = [(image, cls) for cls in classes]
            texts = member.texts(member.rows(keys))
            lines = (line_of(*key, text) for key, text in zip(keys, texts, strict=True))
            yield b"".join(lines), len(keys)


def joined_sidecar(
    members: Sequence[Submission],
    owners: Mapping[str, Submission],
    samples: Sequence[Sample],
    dataset: Dataset,
) -> dict[str, Any]:
    """What says how the CSV was made.

    `trained_people` is empty: no model trained on a person whom it predicts here. Whom each did
    train on stands with the member.
    """
    sizes = {name: owners[name].sizes.get(name) for name in (s.image_name for s in samples)}
    return {
        "made_by": "out-of-fold",
        "members": [member_fields(member) for member in members],
        "split": SPLIT,
        "fold": None,
        "classes": list(dataset.classes),
        "images": {name: list(size) for name, size in sizes.items() if size is not None},
        "data_fingerprint": fingerprint([sample.image for sample in samples], dataset.root),
        "trained_people": [],
        "validation_dice": None,
    }


def member_fields(member: Submission) -> dict[str, Any]:
    sidecar = member.sidecar or {}
    fields = ("run", "fold", "checkpoint", "validation_dice", "trained_people")
    return {
        "path": str(member.path),
        "sha256": member.sha256,
        **{name: sidecar.get(name) for name in fields},
        "images": len(images_of(member)),
    }
