"""`handseg crop`: windows around regions of the hand, as further training images."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Data, Force, command, data_folder
from handseg.text import counted, people_text

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample

BYTES_A_PIXEL = 0.7
"""What a PNG of a radiograph needs."""
SECONDS_AN_IMAGE = 0.15
"""Reading, drawing the masks of all bones and cutting, at 2048²."""


@command(
    examples=[
        "handseg crop --regions wrist,fingertip",
        "handseg crop --regions wrist --data ~/hands",
    ]
)
def crop(
    regions: Annotated[
        str, typer.Option("--regions", metavar="A,B", help="Among wrist and fingertip.")
    ] = "wrist,fingertip",
    data: Data = None,
    force: Force = False,
) -> None:
    """Cut wrists and fingertips, with labels, as more training images."""
    from handseg.crops import known_regions
    from handseg.data.crop_manifest import crops_folder
    from handseg.data.dataset import labelled_training_samples, open_dataset
    from handseg.data.fingerprint import fingerprint, sample_files
    from handseg.runs.control import data_option

    dataset = open_dataset(data_folder(data))
    names = known_regions(regions, dataset.classes, dataset.regions)
    samples = labelled_training_samples(dataset)
    console.info(dataset.recognised)
    people = len({sample.person for sample in samples})
    console.info(
        f"found {counted(len(samples), 'labelled image')} of {people_text(people)}, "
        f"{counted(len(dataset.test), 'test image')}"
    )
    with console.progress("reading files") as bar:
        source = fingerprint(sample_files(samples), dataset.root, bar)
    place = crops_folder(dataset)
    if place.parent != dataset.root:
        console.info(f"{dataset.root} is read-only: crops go to {place}")
    made = [crop_region(dataset, samples, region, source, force) for region in names]
    listed = ", ".join(f'"{name}"' for name in names)
    words = ["--set", f"data.crops=[{listed}]", *data_option(dataset.root)]
    console.info(f"train with them:  handseg train RECIPE {shlex.join(words)}")
    for folder in dict.fromkeys(made):
        console.out(str(folder))


def crop_region(
    dataset: "Dataset", samples: "Sequence[Sample]", region: str, source: str, force: bool
) -> Path:
    """Make the crops of a region unless they are up to date; the folder that its folder lies in."""
    from handseg.crops import cut_crops, is_current, plan_crops
    from handseg.data.crop_manifest import crop_source, crops_folder, region_folder
    from handseg.text import size_text

    folder, source = region_folder(dataset, region), crop_source(dataset, region, source)
    if not force and is_current(folder, region, source):
        console.info(f"{region}: {folder} is up to date")
        return folder.parent
    with console.progress(f"{region}: planning") as bar:
        planned = plan_crops(samples, dataset.classes, region, bar, dataset.regions)
    pixels = sum(one.pixels for one in planned)
    minutes = len(samples) * SECONDS_AN_IMAGE / (os.cpu_count() or 1) / 60
    console.info(
        f"{region}: {len(planned)} crops, about {size_text(pixels * BYTES_A_PIXEL)}"
        + (f" and {minutes:.0f} min" if minutes >= 1 else "")
    )
    place = crops_folder(dataset)
    with console.progress(f"{region}: cutting") as bar:
        cut_crops(place / region, region, planned, dataset.classes, source, bar)
    return place
