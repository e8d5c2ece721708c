"""COCO JSON: masks as run lengths down the columns, plain or compressed, and as polygons.

Run lengths are counts of pixels down the columns, plain or as text of five bits a character:
https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.h.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from handseg import __version__, rle
from handseg.errors import InputError
from handseg.formats.documents import Size, check_name, check_size, is_whole, labelled_of, read_json
from handseg.formats.image_files import most_pixels
from handseg.formats.masks import FileFormat, Masks, Place, file_at, origin_of, rows
from handseg.formats.polygons import Polygon, polygon_of, rasterise
from handseg.rle import RleError, Runs, united
from handseg.rle.geometry import transposed
from handseg.rle.submission import TextStream
from handseg.text import counted, shown
from handseg.work import Progress, silent

PARTS = ("images", "categories", "annotations")
Id = int | str
MOST_RUNS = 1 << 22
"""That one mask may turn into: a chessboard of 2048² has half of it. Some bytes of stripes could
otherwise ask for gigabytes."""
LONGEST = 7
"""Characters of one figure: 35 bits, more than pycocotools' 32-bit counts need."""
_MORE, _NEGATIVE, _BITS = 0x20, 0x10, 0x1F

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class CocoImage:
    """An image that a file names."""

    file_name: str
    size: Size
    image_name: Any = None
    """What handseg wrote where a reader would take another name from the file's; not checked."""
    labelled: Any = None
    """What handseg wrote of it where not all classes were labelled; others write no such thing."""


@dataclass(frozen=True)
class Category:
    """A class by its name; several ids may have the same."""

    name: str
    supercategory: str


@dataclass(frozen=True)
class Annotation:
    """What one annotation draws; `number` is its place in the file, from 0."""

    number: int
    category: str
    segmentation: Any


@dataclass(frozen=True)
class CocoDocument:
    """A COCO file; images and categories by their ids, annotations by the id of their image."""

    path: Path
    images: Mapping[Id, CocoImage]
    categories: Mapping[Id, Category]
    annotations: Mapping[Id, Sequence[Annotation]]
    bare: int
    """Annotations without a segmentation: boxes, key points."""
    info: Any

    def drawn_in(self, image: Id) -> set[str]:
        return {one.category for one in self.annotations.get(image, ())}


def read_document(path: Path) -> CocoDocument:
    """Read a COCO file; no other is opened, a segmentation is looked at when it is drawn.

    Raises:
        InputError: it is no COCO document, or a part of it is at fault; file and place are named.
    """
    document = read_json(path, hook=_compact)
    if not isinstance(document, dict) or not all(isinstance(document.get(p), list) for p in PARTS):
        hints: list[str] = []
        if path.name.lower().endswith(".csv.json"):
            hints.append(f"it is a sidecar; the masks are in {path.with_suffix('')}")
        raise InputError(
            f"{path} is no COCO document",
            details=f"expected lists of {', '.join(PARTS)}",
            hints=hints,
        )
    images: dict[Id, CocoImage] = {}
    for number, entry in enumerate(document["images"]):
        place = f"{path}: image {number}"
        name = check_name(place, _field(place, entry, "file_name"))
        size = (_field(place, entry, "height"), _field(place, entry, "width"))
        size = check_size(place, *size, largest=most_pixels(path))
        image = CocoImage(name, size, entry.get("image_name"), entry.get("labelled"))
        _add(place, entry, images, image)
    categories: dict[Id, Category] = {}
    for number, entry in enumerate(document["categories"]):
        place = f"{path}: category {number}"
        name = check_name(place, _field(place, entry, "name")).strip()
        above = entry.get("supercategory")
        _add(place, entry, categories, Category(name, above if isinstance(above, str) else ""))
    annotations: dict[Id, list[Annotation]] = {}
    bare = 0
    for number, entry in enumerate(document["annotations"]):
        place = f"{path}: annotation {number}"
        owner = _known(place, entry, "image_id", images)
        category = categories[_known(place, entry, "category_id", categories)]
        segmentation = entry.get("segmentation")
        if segmentation is None or segmentation == []:
            bare += 1
        else:
            one = Annotation(number, category.name, segmentation)
            annotations.setdefault(owner, []).append(one)
    return CocoDocument(path, images, categories, annotations, bare, document.get("info"))


def read_annotations(
    path: Path, image: str, annotations: Sequence[Annotation], size: Size
) -> tuple[list[Polygon], Runs | None]:
    """What annotations of an image, all of one class, draw together.

    Gives their polygons, and the union of their run lengths as row-major runs; None where there are
    none. Raises InputError, with the file and the annotation, for what is at fault.
    """
    polygons: list[Polygon] = []
    masks: list[Runs] = []
    for one in annotations:
        place = f"{path}: annotation {one.number} ({image}, {one.category})"
        found = _read_segmentation(place, one.segmentation, size)
        if isinstance(found, list):
            polygons += found
        else:
            masks.append(found)
    return polygons, rle.vote(masks) if len(masks) > 1 else next(iter(masks), None)


@dataclass(frozen=True)
class CocoFormat(FileFormat):
    """COCO JSON; an annotation for each mask that is not empty, all images and classes.

    Args:
        compressed: run lengths are written as text, as pycocotools keeps them, and not as plain
            lists of counts.
    """

    compressed: bool = True

    name: ClassVar[str] = "coco"
    suffixes: ClassVar[tuple[str, ...]] = (".json", ".coco")
    takes_rest: ClassVar[bool] = True

    def recognises(self, path: Path) -> bool:
        """Whether the path is meant as COCO JSON: by its name, or by how the file begins."""
        if not path.is_file():
            return False
        if path.suffix.lower() == ".json":
            return True
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")

    def read(self, path: Path) -> Masks:
        """The masks of a COCO document; annotations of one image and class are united.

        Raises InputError, with file and place, where the document is at fault; a segmentation is
        looked at when its mask is asked for.
        """
        document = read_document(path)
        names = _image_names(document)
        sizes = {names[number]: image.size for number, image in document.images.items()}
        classes = tuple(dict.fromkeys(one.name for one in document.categories.values()))
        parts: dict[tuple[str, str], list[Annotation]] = {}
        for number, annotations in document.annotations.items():
            for one in annotations:
                parts.setdefault((names[number], one.category), []).append(one)

        def runs_of(image: str, cls: str) -> Runs:
            found = parts.get((image, cls), ())
            polygons, runs = read_annotations(path, image, found, sizes[image])
            if polygons:
                drawn = rle.from_mask(rasterise(polygons, sizes[image]))
                return drawn if runs is None else rle.vote([runs, drawn])
            return rle.empty() if runs is None else runs

        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        info = document.info
        return Masks(
            path=path,
            sha256=sha256,
            format=self.name,
            images=sizes,
            classes=classes,
            runs_of=runs_of,
            origin=origin_of(info.get("handseg") if isinstance(info, dict) else None),
            notes=(*_name_notes(document, names), *_notes(document, parts)),
            labelled=_labelled(document, names, classes),
        )

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        with file_at(place, ".json") as draft, draft.path.open("w", encoding="ascii") as file:
            self.stream(file, masks, progress)
        return draft.path

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """Write the document, an entry a line."""
        info = {
            "description": f"{masks.path.name}, converted by handseg {__version__}",
            "handseg": {**masks.origin, "source": masks.source},
        }
        categories = (
            {"id": number, "name": name, "supercategory": ""}
            for number, name in enumerate(masks.classes, 1)
        )
        stream.write(f'{{"info": {json.dumps(info)},\n"licenses": [],\n"images": [')
        _write_entries(stream, _image_entries(masks))
        stream.write('],\n"categories": [')
        _write_entries(stream, categories)
        stream.write('],\n"annotations": [')
        _write_entries(stream, self._annotation_entries(masks, progress))
        stream.write("]}\n")

    def _annotation_entries(self, masks: Masks, progress: Progress) -> Iterator[dict[str, Any]]:
        image_ids = {name: number for number, name in enumerate(masks.images, 1)}
        class_ids = {name: number for number, name in enumerate(masks.classes, 1)}
        number = 0
        for image, cls, runs in rows(masks, progress):
            if not len(runs):
                continue
            number += 1
            try:
                shape = self._shape(runs, masks.images[image])
            except RleError as error:
                raise InputError(f"{masks.path}, {image}, {cls}: {error.message}") from None
            ids = {"id": number, "image_id": image_ids[image], "category_id": class_ids[cls]}
            # 1 would mean a crowd of things that are not told apart, whatever RLE others write.
            yield {**ids, **shape, "iscrowd": 0}

    def _shape(self, runs: Runs, size: Size) -> dict[str, Any]:
        """What an annotation says of a mask that is not empty: segmentation, area and box."""
        columns = column_runs(runs, size)
        counts = counts_of(columns, size)
        text = text_of_counts(counts, size) if self.compressed else counts.tolist()
        return {
            "segmentation": {"size": list(size), "counts": text},
            "area": rle.area(runs),
            "bbox": _box(runs, columns, size),
        }


def _compact(entry: dict[str, Any]) -> dict[str, Any]:
    """A JSON object with its figures in arrays: lists of them take eight times the memory.

    A hook of the JSON reader; what is no list of figures stays, and is refused where it is used.
    """
    counts, outlines = entry.get("counts"), entry.get("segmentation")
    try:
        if isinstance(counts, list) and set(map(type, counts)) == {int}:
            entry["counts"] = np.array(counts, np.int64)
        elif isinstance(outlines, list):
            entry["segmentation"] = [_figures(points) for points in outlines]
    except (ValueError, OverflowError):
        pass
    return entry


def _figures(points: Any) -> Any:
    """`[x, y, x, y, …]` as an array, where that is what it is."""
    plain = isinstance(points, list) and set(map(type, points)) <= {int, float}
    return np.array(points, np.float64) if plain else points


def _field(place: str, entry: Any, name: str) -> Any:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is no object")
    if name not in entry:
        raise InputError(f"{place} has no {name}")
    return entry[name]


def _add(place: str, entry: Any, found: dict[Id, _Value], value: _Value) -> None:
    number = _field(place, entry, "id")
    if not _is_id(number):
        raise InputError(f"{place} has the id {number!r:.60}, neither a whole number nor text")
    if number in found:
        raise InputError(f"{place} has the id {number!r:.60} of another")
    found[number] = value


def _known(place: str, entry: Any, name: str, ids: Mapping[Id, Any]) -> Id:
    number = _field(place, entry, name)
    if not _is_id(number) or number not in ids:
        raise InputError(f"{place} has the {name} {number!r:.60} that nothing has")
    return number


def _is_id(value: Any) -> bool:
    return isinstance(value, Hashable) and (is_whole(value) or isinstance(value, str))


def _read_segmentation(place: str, segmentation: Any, size: Size) -> list[Polygon] | Runs:
    """What one annotation draws: its outlines, or the row-major runs of its mask.

    Raises:
        InputError: it is neither, of another size than its image, or at fault.
    """
    match segmentation:
        case list() as outlines:
            return [_polygon_of(place, points) for points in outlines]
        case {"counts": counts, "size": written}:
            height, width = size
            if written != [height, width]:
                raise InputError(
                    f"{place} has run lengths of the size {written!r:.60}",
                    details=f"its image has the height {height} and the width {width}",
                )
            try:
                return runs_of_counts(counts, size)
            except RleError as error:
                raise InputError(f"{place}: {error.message}") from None
        case _:
            raise InputError(
                f"{place} has no segmentation that can be read",
                details="expected polygons, or an object with counts and size",
            )


def _polygon_of(place: str, points: Any) -> Polygon:
    """The polygon of `[x, y, x, y, …]`."""
    try:
        array = _figures(points)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{place} has points that are no numbers", details=str(error)) from None
    if not isinstance(array, list | np.ndarray) or len(array) < 6 or len(array) % 2:
        raise InputError(
            f"{place} has an outline that is no polygon",
            details="expected x, y, x, y, …: at least three points",
        )
    if isinstance(array, list):
        raise InputError(f"{place} has points that are no numbers")
    if not np.isfinite(array).all():
        raise InputError(f"{place} has a point that is not finite")
    return polygon_of(place, array.reshape(-1, 2))


def _image_names(document: CocoDocument) -> dict[Id, str]:
    """The image name of each id.

    A name that handseg wrote stands; else it is the base name of the file, or the file's path
    where a base name comes twice.
    """
    path, images = document.path, document.images
    bases = {number: _base_name(image.file_name) for number, image in images.items()}
    unique = all(bases.values()) and len(set(bases.values())) == len(bases)
    names: dict[Id, str] = {}
    for number, image in images.items():
        if image.image_name is not None:
            names[number] = check_name(f"{path}: image {image.file_name!r}", image.image_name)
        else:
            names[number] = bases[number] if unique else image.file_name
    for name, times in Counter(names.values()).items():
        if times > 1:
            raise InputError(f"{path} has two images {name!r}")
    return names


def _base_name(file_name: str) -> str:
    return re.split(r"[/\\]", file_name)[-1]


def _labelled(
    document: CocoDocument, names: Mapping[Id, str], classes: Sequence[str]
) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was; what is drawn was, whatever is said."""
    found: dict[str, frozenset[str]] = {}
    for number, image in document.images.items():
        named = labelled_of(image.labelled, classes)
        if named is not None:
            found[names[number]] = named | document.drawn_in(number)
    return found


def _name_notes(document: CocoDocument, names: Mapping[Id, str]) -> list[str]:
    """What became of paths of images that handseg did not write."""
    paths = {
        number: image.file_name
        for number, image in document.images.items()
        if image.image_name is None and _base_name(image.file_name) != image.file_name
    }
    if any(names[number] == path for number, path in paths.items()):
        return ["images are named by their paths: their base names are not unique"]
    return ["images are named by the base names of their paths"] if paths else []


def _notes(
    document: CocoDocument, parts: Mapping[tuple[str, str], Sequence[Annotation]]
) -> list[str]:
    notes: list[str] = []
    if document.bare:
        notes.append(f"{counted(document.bare, 'annotation')} without a segmentation left out")
    several = sum(len(group) > 1 for group in parts.values())
    if several:
        notes.append(f"{counted(several, 'mask')} united from several annotations")
    times = Counter(one.name for one in document.categories.values())
    doubled = [name for name, number in times.items() if number > 1]
    if doubled:
        notes.append(f"categories of the same name taken as one class: {shown(doubled)}")
    drawn = {cls for _, cls in parts}
    unused = [name for name in times if name not in drawn]
    if unused:
        notes.append(f"{counted(len(unused), 'class', 'classes')} without a mask: {shown(unused)}")
    return notes


def _image_entries(masks: Masks) -> Iterator[dict[str, Any]]:
    for number, (name, (height, width)) in enumerate(masks.images.items(), 1):
        entry = {"id": number, "file_name": name, "width": width, "height": height}
        if _base_name(name) != name:  # a reader would take the base name of a path
            entry["image_name"] = name
        if name in masks.labelled:  # no part of COCO, whose readers pass over it
            entry["labelled"] = list(masks.known(name))
        yield entry


def _box(runs: Runs, columns: Runs, size: Size) -> list[int]:
    """[x, y, width, height] in pixels: the first and last row and column that the mask has."""
    height, width = size
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width
    left, right = int(columns[0, 0]) // height, (int(columns[-1, 1]) - 1) // height
    return [left, top, right - left + 1, bottom - top + 1]


def _write_entries(stream: TextStream, entries: Iterator[dict[str, Any]]) -> None:
    for number, entry in enumerate(entries):
        stream.write((",\n" if number else "\n") + json.dumps(entry))


def column_runs(runs: Runs, size: Size) -> Runs:
    """Row-major runs of an image of `size` as column-major ones.

    Raises RleError where the mask would fall into more than `MOST_RUNS`.
    """
    height, width = size
    return transposed(runs, (width, height), MOST_RUNS)


def counts_of(columns: Runs, size: Size) -> NDArray[np.int64]:
    """COCO's counts of column-major runs: pixels outside, inside, outside, …; outside first."""
    pixels = size[0] * size[1]
    counts = np.diff(columns.ravel(), prepend=0, append=pixels)
    return counts if counts[-1] else counts[:-1]


def runs_of_counts(counts: Any, size: Size) -> Runs:
    """The row-major runs of a segmentation's `counts`: text, a list, or an array of int64.

    Raises RleError where they are none, or not those of an image of `size`.
    """
    lengths = counts_of_text(counts) if isinstance(counts, str) else _plain_counts(counts)
    return transposed(column_runs_of(lengths, size), size, MOST_RUNS)


def column_runs_of(counts: NDArray[np.int64], size: Size) -> Runs:
    """The column-major runs of COCO's counts.

    Raises RleError if a count is negative or if they are not as many pixels as the image has.
    """
    pixels = size[0] * size[1]
    if not len(counts):
        raise RleError("there are no counts")
    if counts.min() < 0:
        raise RleError(f"a negative count ({counts.min()})")
    # None is larger than the image: their sum stays far inside int64.
    if counts.max() > pixels or counts.sum() != pixels:
        total = "more" if counts.max() > pixels else int(counts.sum())
        raise RleError(f"counts of {total} pixels for an image of {pixels}")
    edges = np.cumsum(counts)[: len(counts) // 2 * 2]
    # A count of 0 leaves a run empty or joins two.
    return united(edges.reshape(-1, 2))


def text_of_counts(counts: NDArray[np.int64], size: Size) -> str:
    """The text of counts, as pycocotools writes it."""
    import pycocotools.mask

    plain: Any = {"counts": counts, "size": list(size)}
    return pycocotools.mask.frPyObjects(plain, *size)["counts"].decode("ascii")


def counts_of_text(text: str) -> NDArray[np.int64]:
    """The counts of a compressed text; none is checked against an image.

    pycocotools gives pixels, not counts, and reads past the end of a text that is cut off. Raises
    RleError for characters that are not of this code, figures too long and a text that is cut off.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.int64) - 48
    if not len(codes):
        return codes
    if codes.min() < 0 or codes.max() > 63:
        raise RleError("a character that compressed run lengths do not have")
    ends = np.flatnonzero(codes & _MORE == 0)
    if not len(ends) or ends[-1] != len(codes) - 1:
        raise RleError("the compressed run lengths are cut off")
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        raise RleError("a figure beyond any image")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    figures = np.add.reduceat((codes & _BITS) << shifts, starts)
    figures -= np.where(codes[ends] & _NEGATIVE, 1 << (5 * lengths), 0)
    # From the fourth on, a figure is the difference to the count two before it.
    figures[1::2] = np.cumsum(figures[1::2])
    figures[2::2] = np.cumsum(figures[2::2])
    return figures


def _plain_counts(counts: Any) -> NDArray[np.int64]:
    if isinstance(counts, np.ndarray):
        return counts
    if not isinstance(counts, list) or set(map(type, counts)) - {int}:
        raise RleError("counts that are neither text nor a list of whole numbers")
    try:
        return np.array(counts, np.int64)
    except OverflowError:
        raise RleError("a count beyond any image") from None
