"""The check of a data set: everything that can be found, each file read once."""

import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handseg.anatomy import BONES
from handseg.data.check.alike import set_findings
from handseg.data.check.finding import Finding, Severity, count
from handseg.data.check.listing import listing_findings
from handseg.data.check.look import Look, look_at
from handseg.data.check.metal import bright_findings
from handseg.data.check.population import Measures, population_findings
from handseg.data.check.sides import side_findings
from handseg.data.dataset import Dataset
from handseg.reporter import Progress, silent
from handseg.threads import threads

_TO_LOOK_AT = ("labels", "anatomy")
"""Subjects that a picture shows."""


@dataclass(frozen=True)
class DataCheck:
    """A data set and what was found in it."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    labels: int
    """Label files, or entries of files, that were read."""
    hands: int
    """Images with a bone that could be measured."""
    sizes: dict[tuple[int, int], int]
    """How many images are of each (height, width)."""
    deep: bool

    @property
    def images(self) -> int:
        """Images of both splits."""
        return len(self.dataset.train) + len(self.dataset.test)

    @property
    def people(self) -> int:
        """People of both splits."""
        return len({sample.person for sample in (*self.dataset.train, *self.dataset.test)})

    def count(self, severity: Severity) -> int:
        """How many findings are so grave."""
        return count(self.findings, severity)

    def at_fault(self, *, strict: bool = False) -> tuple[str, ...]:
        """The images that errors (and, where strict, warnings) are about, in the set's order."""
        grave = ("error", "warning") if strict else ("error",)
        named = {one.image for one in self.findings if one.severity in grave}
        samples = (*self.dataset.train, *self.dataset.test)
        return tuple(one.image_name for one in samples if one.image_name in named)


def check_dataset(
    dataset: Dataset, *, deep: bool = False, progress: Progress = silent
) -> DataCheck:
    """Everything that is wrong, dubious or worth saying of a data set.

    By default headers, checksums and labels are read, `deep` decodes every pixel too. Labels of
    test images are looked at where they are there. Memory does not grow with the images' size but
    for the two or so that are looked at.
    """
    samples = (*dataset.train, *dataset.labelled_test)
    looks: list[Look] = []
    with threads() as pool:
        for look in pool.map(
            lambda one: look_at(one, dataset.classes, dataset.bones, deep=deep), samples
        ):
            looks.append(look.without_label())
            progress(len(looks), len(samples), look.sample.image_name)
    hands = hands_of_looks(looks, dataset.bones)
    findings = [
        *listing_findings(dataset),
        *(finding for look in looks for finding in look.findings),
        *set_findings(looks, dataset.classes),
        *(in_classes(one, dataset.bones) for one in population_findings(hands)),
        *bright_findings(looks, dataset.classes),
        *side_findings([look.sample for look in looks if look.drawn], hands),
    ]
    return DataCheck(
        dataset,
        tuple(_with_command(dataset, one) for one in findings),
        sum(look.sample.labels is not None for look in looks),
        int(np.isfinite(hands.areas).any(axis=1).sum()),
        dict(Counter(look.size for look in looks if look.size is not None).most_common()),
        deep,
    )


def hands_of_looks(looks: Sequence[Look], bones: dict[str, str]) -> Measures:
    """The bones of all images that have labels, by class; of several classes the first counts.

    Where a class has an error in an image already, its mask says no more.
    """
    drawn = [look for look in looks if look.drawn]
    centres = np.full((len(drawn), len(BONES), 2), np.nan)
    areas = np.full((len(drawn), len(BONES)), np.nan)
    for at, look in enumerate(drawn):
        bad = {one.cls for one in look.findings if one.severity == "error"}
        for name, bone in bones.items():
            place = BONES.index(bone)
            one = look.drawn.get(name) if name not in bad else None
            if one is not None and one.area and math.isnan(areas[at, place]):
                areas[at, place], centres[at, place] = one.area, (one.x, one.y)
    return Measures(
        [look.sample.image_name for look in drawn],
        centres,
        areas,
        np.array([look.bend for look in drawn]),
        [
            [(bones[one], bones[other]) for one, other in look.inside if {one, other} <= set(bones)]
            for look in drawn
        ],
    )


def in_classes(finding: Finding, bones: dict[str, str]) -> Finding:
    """The finding on a bone as one on the data set's class."""
    names = {bone: name for name, bone in reversed(bones.items())}
    return replace(finding, cls=names.get(finding.cls, finding.cls))


def _with_command(dataset: Dataset, finding: Finding) -> Finding:
    """With the command that shows it: the picture where there is one to see, else every place."""
    seen = finding.subject in _TO_LOOK_AT and finding.image
    root = shlex.quote(str(dataset.root))
    shows = f"handseg tui --data {root} --screen viewer"
    command = shows if seen else f"handseg check {root} --json"
    return replace(finding, command=command)
