"""Masks to a folder of polygon files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handseg.data.settings import FILE as SETTINGS
from handseg.data.threads import threads
from handseg.errors import UsageError
from handseg.formats.masks import Masks
from handseg.formats.places import Place, folder_at
from handseg.formats.polygons.dialect import Dialect, Spot
from handseg.formats.polygons.facts import facts_in
from handseg.formats.polygons.pictures import Pictures, check_known, put, way
from handseg.formats.polygons.tracing import Drawing
from handseg.reporter import Progress, silent
from handseg.rle.writing import TextStream


@dataclass(frozen=True)
class PolygonWriter:
    """Writes a file for each image, empty ones too; drawn again, its polygons are the masks."""

    dialect: Dialect
    pictures: Pictures = Pictures.STAY

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the folder and give its path.

        Raises FailedError if the disk refuses, InputError for a mask or an image at fault.
        """
        if self.pictures is not Pictures.STAY:
            check_known(masks)
        spots, facts = self.dialect.spots(masks), facts_in(masks)
        with folder_at(place) as draft:
            root = draft.path
            settings = self.dialect.settings(masks)
            if settings is not None:
                (root / SETTINGS).write_text(settings, encoding="utf-8")

            def write(image: str) -> None:
                self._write(root, masks, image, spots[image], facts[image])

            with threads() as pool:
                written = pool.map(write, masks.images)
                for done, (image, _) in enumerate(zip(masks.images, written, strict=True)):
                    progress(done, len(masks.images), image)
            progress(len(masks.images), len(masks.images))
        return draft.path

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """There is no stream of a folder: raises UsageError."""
        raise UsageError("polygon files are a folder; name one with --out DIR")

    def _write(
        self, root: Path, masks: Masks, image: str, spot: Spot, facts: Mapping[str, Any]
    ) -> None:
        path = root / spot.file
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = {
            cls: Drawing(masks.runs_of(image, cls), masks.polygons_of(image, cls))
            for cls in masks.known(image)
        }
        picture = self._picture(root, masks, image, spot)
        document = self.dialect.document(drawn, masks.images[image], picture, dict(facts))
        path.write_text(json.dumps(document), encoding="ascii")

    def _picture(self, root: Path, masks: Masks, image: str, spot: Spot) -> str:
        """The path from the file to its image; where nobody knows it, as if it lay beside."""
        folder = (root / spot.file).parent
        sample, picture = masks.samples.get(image), root / spot.picture
        if sample is not None and self.pictures is Pictures.STAY:
            picture = sample.image
        elif sample is not None:
            eight_bits = self.dialect.eight_bits
            picture = put(sample.image, picture, self.pictures, eight_bits=eight_bits)
        return way(picture, folder)
