"""The crops beside a data set: which window of which image each one is."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from handseg.data.dataset import Dataset, Sample
from handseg.data.storage import write_json
from handseg.errors import InputError

VERSION = 1


@dataclass(frozen=True)
class Crop:
    """One crop: files inside the region's folder, the image it comes from, and its window.

    `window` is `(left, top, right, bottom)` in pixels of the source, half open.
    """

    image: str
    labels: str
    source: str
    person: str
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class CropManifest:
    """All crops of one region and what they were made from."""

    region: str
    margin: float
    source_fingerprint: str
    crops: tuple[Crop, ...]


def region_folder(dataset: Dataset, region: str) -> Path:
    """Where the crops of a region lie."""
    return dataset.root / "crops" / region


def write_manifest(folder: Path, manifest: CropManifest) -> None:
    """Write `manifest.json` into a region's folder."""
    write_json(folder / "manifest.json", {"version": VERSION, **asdict(manifest)})


def read_manifest(folder: Path) -> CropManifest | None:
    """The manifest of a region's folder; None where there is none.

    Raises:
        InputError: it is at fault.
    """
    path = folder / "manifest.json"
    if not path.exists():
        return None
    try:
        value = json.loads(path.read_text())
        crops = tuple(
            Crop(c["image"], c["labels"], c["source"], c["person"], tuple(c["window"]))
            for c in value["crops"]
        )
        return CropManifest(
            value["region"], float(value["margin"]), value["source_fingerprint"], crops
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no manifest of crops",
            why=f"{type(error).__name__}: {error}",
            hints=[f"remove {folder} and run: handseg crop --regions {folder.name}"],
        ) from error


def crop_samples(dataset: Dataset, regions: Sequence[str], fingerprint: str) -> tuple[Sample, ...]:
    """The crops of some regions as training samples of the people they show.

    `fingerprint` is that of the labelled images: crops of other ones are stale.

    Raises:
        InputError: crops are missing, stale or at fault.
    """
    command = f"handseg crop --regions {','.join(regions)} --data {dataset.root}"
    found: list[Sample] = []
    for region in regions:
        folder = region_folder(dataset, region)
        manifest = read_manifest(folder)
        if manifest is None:
            raise InputError(f"there are no {region} crops in {folder}", hints=[command])
        if manifest.source_fingerprint != fingerprint:
            raise InputError(f"the {region} crops are of other images or labels", hints=[command])
        found += [
            Sample(crop.image, folder / crop.image, folder / crop.labels, crop.person, "train")
            for crop in manifest.crops
        ]
    return tuple(found)
