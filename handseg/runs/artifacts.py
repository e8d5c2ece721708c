"""What a validation leaves beside the logs: Dice of every image, and pictures with their masks.

    scores/<step>.npz              Dice of image × class, for the last and the best validation
    previews/<image>/image.png     grey, once
    previews/<image>/truth.npz     label planes of the labels, once
    previews/<image>/<step>.npz    label planes of the prediction at a step, thinned

Planes are bits: uint8[H, W, ceil(C/8)], class c in bit c % 8 of plane c // 8.
"""

import io
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from handseg import disk
from handseg.data.planes import Planes, pack, unpack
from handseg.runs import layout

IMAGE = "image.png"
TRUTH = "truth.npz"
NAME = "name.txt"


@dataclass(frozen=True)
class ImageScores:
    """Dice of every validation image and class at one step.

    `dice` is float32[images, classes], NaN where a class was not labelled; `persons` has the person
    of each image, or is empty where the writer did not say.
    """

    step: int
    images: tuple[str, ...]
    classes: tuple[str, ...]
    dice: NDArray[np.float32]
    persons: tuple[str, ...] = ()


def write_scores(run: Path, scores: ImageScores) -> Path:
    """Write `scores/<step>.npz` whole or not at all."""
    if scores.dice.shape != (len(scores.images), len(scores.classes)):
        raise ValueError(f"dice {scores.dice.shape} is not images × classes")
    if scores.persons and len(scores.persons) != len(scores.images):
        raise ValueError(f"{len(scores.persons)} persons of {len(scores.images)} images")
    block = io.BytesIO()
    np.savez_compressed(
        block,
        step=scores.step,
        images=np.array(scores.images, dtype=np.str_),
        classes=np.array(scores.classes, dtype=np.str_),
        persons=np.array(scores.persons, dtype=np.str_),
        dice=scores.dice.astype(np.float32),
    )
    return disk.replace(run / layout.SCORES / _file_name(scores.step), block.getvalue())


def read_scores(run: Path, step: int) -> ImageScores:
    """The scores of one step.

    Raises:
        OSError, ValueError, KeyError: missing or damaged.
    """
    path = run / layout.SCORES / _file_name(step)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ImageScores(
                int(arrays["step"]),
                tuple(map(str, arrays["images"])),
                tuple(map(str, arrays["classes"])),
                arrays["dice"],
                tuple(map(str, arrays["persons"])) if "persons" in arrays else (),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def score_steps(run: Path) -> list[int]:
    return _steps_in(run / layout.SCORES)


def keep_scores(run: Path, kept: Collection[int | None]) -> None:
    """Remove the scores of all steps but these."""
    for step in score_steps(run):
        if step not in kept:
            (run / layout.SCORES / _file_name(step)).unlink(missing_ok=True)


def _file_name(step: int) -> str:
    return f"{step:08d}.npz"


def _steps_in(folder: Path) -> list[int]:
    """The steps of the files `<step>.npz` of a folder, rising; none where there is no folder."""
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix == ".npz"]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdecimal())


@dataclass(frozen=True)
class Preview:
    """One image of a run's validation: where it lies, and the steps that have its masks."""

    folder: Path
    image_name: str
    steps: tuple[int, ...]

    def image(self) -> NDArray[np.uint8]:
        """The grey image, uint8[H, W].

        Raises:
            OSError: missing or damaged.
        """
        from PIL import Image

        with Image.open(self.folder / IMAGE) as image:
            return np.asarray(image.convert("L"))

    def truth(self) -> Planes | None:
        """The planes of the labels; None where there are none.

        Raises:
            OSError, ValueError: damaged.
        """
        path = self.folder / TRUTH
        return _read_planes(path) if path.exists() else None

    def prediction(self, step: int) -> Planes:
        """The planes of the prediction at a step.

        Raises:
            OSError, ValueError: missing or damaged.
        """
        return _read_planes(self.folder / _file_name(step))


def list_previews(run: Path) -> list[Preview]:
    """The previews of a run by the name of their image; none where there is no folder."""
    try:
        folders = [path for path in (run / layout.PREVIEWS).iterdir() if (path / IMAGE).is_file()]
    except OSError:
        return []
    found = [Preview(path, _image_name(path), tuple(_steps_in(path))) for path in folders]
    return sorted(found, key=lambda preview: preview.image_name)


def write_preview(
    run: Path,
    step: int,
    image_name: str,
    image: NDArray[np.uint8],
    planes: Planes,
    truth: Planes | None,
) -> Path:
    """Keep one prediction, its image and labels the first time, and thin the steps.

    Raises:
        ValueError: image and planes differ in size.
        OSError: cannot be written.
    """
    for given in (planes, truth):
        if given is not None and given.shape[:2] != image.shape:
            raise ValueError(f"planes {given.shape} do not belong to the image {image.shape}")
    folder = run / layout.PREVIEWS / _folder_name(image_name)
    height, width = image.shape[:2]
    share = min(1.0, layout.PREVIEW_SIDE / max(height, width, 1))
    size = max(1, round(height * share)), max(1, round(width * share))
    if not (folder / IMAGE).exists():
        if truth is not None:
            disk.replace(folder / TRUTH, _pack(_shrink_planes(truth, size)))
        disk.replace(folder / NAME, image_name.encode("utf-8", "surrogatepass"))
        disk.replace(folder / IMAGE, _png(image, size))
    path = disk.replace(folder / _file_name(step), _pack(_shrink_planes(planes, size)))
    for gone in steps_to_drop(_steps_in(folder), layout.PREVIEWS_KEPT):
        (folder / _file_name(gone)).unlink(missing_ok=True)
    return path


def cancel_artifacts(run: Path, after: int) -> None:
    """Remove scores and previews of steps after this one."""
    for folder in (run / layout.SCORES, *(preview.folder for preview in list_previews(run))):
        for step in _steps_in(folder):
            if step > after:
                (folder / _file_name(step)).unlink(missing_ok=True)


def steps_to_drop(steps: list[int], kept: int) -> list[int]:
    """The steps to drop so that `kept` remain, spread evenly, the first and the last among them."""
    left, dropped = sorted(steps), list[int]()
    while len(left) > max(kept, 2):
        gaps = [left[i + 1] - left[i - 1] for i in range(1, len(left) - 1)]
        dropped.append(left.pop(1 + gaps.index(min(gaps))))
    return dropped


def _folder_name(image_name: str) -> str:
    # No path, whatever the image is called.
    name = quote(image_name, safe=" ", errors="surrogatepass")
    return name.replace(".", "%2E", 1)[:200] if name.startswith(".") else name[:200]


def _image_name(folder: Path) -> str:
    try:
        return (folder / NAME).read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError):
        return unquote(folder.name)


def _png(image: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    if image.shape != size:
        picture = picture.resize((size[1], size[0]), Image.Resampling.BOX, reducing_gap=2.0)
    block = io.BytesIO()
    picture.save(block, "PNG")
    return block.getvalue()


def _shrink_planes(planes: Planes, size: tuple[int, int]) -> Planes:
    """Planes at another size: a pixel belongs to a class when half of its area or more does."""
    if planes.shape[:2] == size:
        return planes
    from PIL import Image

    def shrunk(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        picture = Image.fromarray(mask * np.uint8(255))
        picture = picture.resize((size[1], size[0]), Image.Resampling.BOX)
        return (np.asarray(picture) >= 128).astype(np.uint8)

    classes = 8 * planes.shape[2]
    return pack(map(shrunk, unpack(planes, classes)), size, classes)


def _pack(planes: Planes) -> bytes:
    block = io.BytesIO()
    np.savez_compressed(block, planes=planes)
    return block.getvalue()


def _read_planes(path: Path) -> Planes:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays["planes"], np.uint8)
    except (KeyError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is damaged") from error
