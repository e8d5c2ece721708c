"""What `dataset.toml` changes of what a layout found: images left out, classes labelled."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from handseg.anatomy import BONES
from handseg.data.dicom import frames_of, is_dicom
from handseg.data.labels import Sample
from handseg.data.settings import FILE, Settings
from handseg.errors import InputError, did_you_mean
from handseg.text import counted, shown


def check_classes(root: Path, settings: Settings, classes: tuple[str, ...]) -> None:
    """Raise InputError where the settings speak of classes that the data set does not have."""
    windows = [window for region in settings.regions.values() for window in region]
    said = {
        "aliases": list(settings.aliases),
        "labelled": list(settings.labelled or ()),
        "regions": [name for window in windows for name in window],
    }
    for key, names in said.items():
        for name in names:
            if name not in classes:
                raise InputError(
                    f"{root / FILE}: {key} has the unknown class {name!r}"
                    + did_you_mean(name, classes),
                    details="classes: " + ", ".join(classes),
                )
    for name, bones in settings.aliases.items():
        for bone in bones:
            if bone not in BONES:
                raise InputError(
                    f"{root / FILE}: aliases.{name} names the unknown bone {bone!r}"
                    + did_you_mean(bone, BONES),
                    details="bones: " + ", ".join(BONES),
                )


def limited(sample: Sample, labelled: tuple[str, ...]) -> Sample:
    """A sample of which only these classes were labelled, and of these those known before."""
    known = labelled if sample.labelled is None else sample.labelled
    return replace(sample, labelled=tuple(name for name in labelled if name in known))


def without_excluded(
    train: tuple[Sample, ...], test: tuple[Sample, ...], exclude: tuple[str, ...]
) -> tuple[tuple[Sample, ...], tuple[Sample, ...], list[str]]:
    """The samples whose names are not to be left out, and what a person should know of it."""
    names = {sample.image_name for sample in (*train, *test)}
    strange = [name for name in exclude if name not in names]
    left_out = len(exclude) - len(strange)
    notes = [f"{counted(left_out, 'image')} left out by {FILE}"] if left_out else []
    if strange:
        # Not an error: a list stays true when somebody has removed the image itself.
        verb = "is" if len(strange) == 1 else "are"
        notes.append(
            f"{counted(len(strange), 'name')} that {FILE} excludes {verb} of no image: "
            + shown(strange)
        )
    kept = [tuple(one for one in split if one.image_name not in exclude) for split in (train, test)]
    return kept[0], kept[1], notes


def has_several_frames(image: Path) -> bool:
    """Whether a DICOM file has; one that is no image has none, and is named by who reads it."""
    try:
        return frames_of(image) > 1
    except InputError:
        return False


def frames_note(samples: Iterable[Sample]) -> list[str]:
    """Which DICOM files have several frames; only headers are read."""
    found = [sample for sample in samples if is_dicom(sample.image)]
    if not found:
        return []
    several = [sample.image_name for sample in found if has_several_frames(sample.image)]
    if not several:
        return []
    verb = "has" if len(several) == 1 else "have"
    return [
        f"{counted(len(several), 'DICOM file')} {verb} several frames, the first is taken: "
        + shown(several)
    ]
