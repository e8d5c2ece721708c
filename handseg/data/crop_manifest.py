"""The crops beside a data set: which window of which image each one is."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handseg.anatomy import BONES, REGIONS
from handseg.data.dataset import Dataset, Sample
from handseg.data.fingerprint import fingerprint as fingerprint_of
from handseg.data.images import pixel_version
from handseg.data.storage import stand_in, writable, write_json
from handseg.errors import InputError

VERSION = 1
MANIFEST = "manifest.json"


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
    """All crops of one region, what they were made from and what their files hold.

    `source_fingerprint` is that of the labelled images, `fingerprint` that of the crops' files.
    """

    region: str
    margin: float
    source_fingerprint: str
    fingerprint: str
    crops: tuple[Crop, ...]

    def files(self, folder: Path) -> list[Path]:
        return [folder / name for crop in self.crops for name in (crop.image, crop.labels)]


def crops_folder(dataset: Dataset) -> Path:
    """Where crops are made: beside the data; in the cache's folder where that is read-only."""
    beside = dataset.root / "crops"
    nearest = beside if beside.exists() else dataset.root
    return beside if writable(nearest) else stand_in(dataset.root) / "crops"


def region_folder(dataset: Dataset, region: str) -> Path:
    made = crops_folder(dataset) / region
    beside = dataset.root / "crops" / region
    # Data may be shipped read-only together with its crops.
    found = [folder for folder in (made, beside) if (folder / MANIFEST).exists()]
    return found[0] if found else made


def is_whole(folder: Path, manifest: CropManifest) -> bool:
    """Whether all files of the crops are there and as they were made."""
    try:
        return fingerprint_of(manifest.files(folder), folder) == manifest.fingerprint
    except InputError:
        return False


def write_manifest(folder: Path, manifest: CropManifest) -> None:
    write_json(folder / MANIFEST, {"version": VERSION, **asdict(manifest)})


def read_manifest(folder: Path) -> CropManifest | None:
    """The manifest of a region's folder; None where there is none.

    Raises:
        InputError: it is at fault.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["version"] != VERSION:
            raise ValueError(f"version {value['version']} is not known")
        return CropManifest(
            value["region"],
            float(value["margin"]),
            value["source_fingerprint"],
            value["fingerprint"],
            tuple(crop_of(entry) for entry in value["crops"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no manifest of crops",
            details=f"{type(error).__name__}: {error}",
            hints=[crop_command([folder.name], folder.parent.parent)],
        ) from error


def crop_of(entry: dict[str, Any]) -> Crop:
    image, labels, source, person = (
        str(entry[key]) for key in ("image", "labels", "source", "person")
    )
    left, top, right, bottom = (int(edge) for edge in entry["window"])
    return Crop(image, labels, source, person, (left, top, right, bottom))


def crop_command(regions: Sequence[str], root: Path) -> str:
    return f"handseg crop --regions {','.join(regions)} --data {shlex.quote(str(root))}"


def crop_source(dataset: Dataset, region: str, fingerprint: str) -> str:
    """What the crops of a region are made from: images and labels, and what settings make of them.

    `fingerprint` is that of the labelled images, and the answer where the anatomy's windows and
    classes hold, the data set does not say what was labelled, and all versions read its pixels
    alike.
    """
    windows = dataset.regions.get(region, ())
    labelled = [sample.labelled for sample in dataset.train]
    all_labelled = all(known is None for known in labelled)
    versions = [pixel_version(sample.image) for sample in dataset.train]
    said: list[Any] = [fingerprint, windows, dataset.classes, labelled]
    if any(version > 1 for version in versions):
        said.append(versions)
    elif windows == REGIONS.get(region) and dataset.classes == BONES and all_labelled:
        return fingerprint
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def crop_samples(dataset: Dataset, regions: Sequence[str], fingerprint: str) -> tuple[Sample, ...]:
    """The crops of some regions as training samples of the people they show.

    `fingerprint` is that of the labelled images: crops of other ones are stale. People are those
    of the data set, whose settings may have changed since: folds speak of these.

    Raises:
        InputError: crops are missing, stale or at fault.
    """
    command = crop_command(regions, dataset.root)
    people = {sample.image_name: sample.person for sample in dataset.train}
    found: list[Sample] = []
    for region in regions:
        folder = region_folder(dataset, region)
        manifest = read_manifest(folder)
        if manifest is None:
            raise InputError(f"there are no {region} crops in {folder}", hints=[command])
        if manifest.source_fingerprint != crop_source(dataset, region, fingerprint):
            raise InputError(
                f"the {region} crops are of other images or labels, or of pixels read otherwise",
                hints=[command],
            )
        if not is_whole(folder, manifest):
            raise InputError(
                f"some of the {region} crops in {folder} are missing, damaged or were changed",
                hints=[command],
            )
        found += [
            Sample(
                crop.image,
                folder / crop.image,
                folder / crop.labels,
                people.get(crop.source, crop.person),
                "train",
            )
            for crop in manifest.crops
        ]
    return tuple(found)


def crop_fingerprints(dataset: Dataset, regions: Sequence[str]) -> tuple[str, ...]:
    manifests = (read_manifest(region_folder(dataset, region)) for region in regions)
    return tuple(manifest.fingerprint for manifest in manifests if manifest is not None)
