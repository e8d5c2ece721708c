"""The labels of samples as run lengths, those at fault left out and named."""

from collections.abc import Sequence
from typing import NamedTuple

from handseg.data.dataset import Sample
from handseg.data.label_runs import label_file
from handseg.data.labels import label_runs
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle.submission import Submission
from handseg.threads import threads


class KeptLabels(NamedTuple):
    """The labels that can be read, None where there are none; what is wrong with others."""

    labels: Submission | None
    faults: dict[str, InputError]
    """By image name."""


def bytes_to_draw(samples: Sequence[Sample], classes: Sequence[str]) -> int:
    """About how large a file `kept_labels` will write; 0 where it is there."""
    try:
        file = label_file(labelled(samples), classes)
    except InputError:  # an image or a label cannot be read: `kept_labels` finds out which
        return 0
    return 0 if not file.samples or file.found() is not None else file.expected_bytes


def kept_labels(
    samples: Sequence[Sample], classes: Sequence[str], progress: Progress = silent
) -> KeptLabels:
    """The labels of those samples that have one; drawn once, the cache keeps them."""
    chosen, faults = labelled(samples), {}
    try:
        if chosen:
            return KeptLabels(label_file(chosen, classes).submission(progress), {})
    except InputError:
        faults = faults_of(chosen, classes, progress)
        if not faults:
            raise
        chosen = [sample for sample in chosen if sample.image_name not in faults]
    labels = label_file(chosen, classes).submission(progress) if chosen else None
    return KeptLabels(labels, faults)


def faults_of(
    samples: Sequence[Sample], classes: Sequence[str], progress: Progress = silent
) -> dict[str, InputError]:
    """What is wrong with each sample whose label cannot be drawn, by image name."""

    def fault(sample: Sample) -> InputError | None:
        try:
            label_runs(sample, classes)
        except InputError as error:
            return error
        return None

    found: dict[str, InputError] = {}
    with threads() as pool:
        results = zip(samples, pool.map(fault, samples), strict=True)
        for done, (sample, error) in enumerate(results, 1):
            if error is not None:
                found[sample.image_name] = error
            progress(done, len(samples), sample.image_name)
    return found


def labelled(samples: Sequence[Sample]) -> list[Sample]:
    """Those that have a label."""
    return [sample for sample in samples if sample.labels is not None]
