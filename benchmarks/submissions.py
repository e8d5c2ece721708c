"""Makes the CSVs that `vote.py` votes on: bones of the areas in domain.md at 2048².

    python benchmarks/submissions.py FOLDER KIND…

KIND is `smooth` (about 240 runs a mask, 22 MB a CSV), `ragged` (about 1,100 runs, 100 MB), `small`
(one image), `twice` and `tenfold` (smooth, with so many times the rows), `figures` (the run-length
text of the smooth and ragged ones alone, a row a line), or smooth as other tools write it: `crlf`,
`quoted` (names), `every-quoted`, `index` (a column before), `trailing` (a blank behind the text),
`excel` (several of these at once). A file that is there is kept.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE = 2048
IMAGES = 288
MODELS = 5
FURTHER_MODELS = 5
"""Smooth ones only, for votes of twice as many."""
HEADER = b"image_name,class,rle\n"
FINGERS = (8284, 16856, 27683, 5289, 10018, 21977, 36096, 6101, 12615, 24688)
FINGERS += (32851, 5849, 11282, 20724, 24508, 4165, 6458, 14399, 24833)
AREAS = {f"finger-{number}": area for number, area in enumerate(FINGERS, start=1)}
AREAS |= {"Trapezium": 10246, "Trapezoid": 6286, "Capitate": 16045, "Hamate": 11292}
AREAS |= {"Scaphoid": 11818, "Lunate": 8716, "Triquetrum": 7462, "Pisiform": 4662}
AREAS |= {"Radius": 83578, "Ulna": 45928}
"""Mean pixels of each bone."""
PIECES = (3, 6)
"""Fewest and most runs in a row of pixels of a ragged mask."""

TIMES = {"twice": 2, "tenfold": 10}
DRESSES = {
    "crlf": b"%(image)s,%(class)s,%(rle)s\r\n",
    "quoted": b'"%(image)s","%(class)s",%(rle)s\n',
    "every-quoted": b'"%(image)s","%(class)s","%(rle)s"\n',
    "index": b"%(row)d,%(image)s,%(class)s,%(rle)s\n",
    "trailing": b"%(image)s,%(class)s,%(rle)s \n",
    "excel": b'"%(row)d","%(image)s","%(class)s","%(rle)s "\r\n',
}
"""A row as other tools write it."""

Figures = NDArray[np.int64]
"""Start from 1 and length of each run, [runs, 2]."""


def write_csv(path: Path, model: int, ragged: bool, images: int = IMAGES) -> None:
    """Write the masks of a model: one outline for all models, edges of its own."""
    masks = {
        cls: list(bones(place, area, model, ragged, images))
        for place, (cls, area) in enumerate(AREAS.items())
    }
    with path.open("wb") as file:
        file.write(HEADER)
        for image in range(images):
            for cls in AREAS:
                text = " ".join(map(str, masks[cls][image].ravel().tolist()))
                file.write(f"image{1661130000000 + 137 * image}.png,{cls},{text}\n".encode())


def bones(place: int, area: int, model: int, ragged: bool, images: int) -> Iterator[Figures]:
    """One bone of each image: an upright ellipse that bends, its edges a pixel to and fro."""
    shape, own = np.random.default_rng(place), np.random.default_rng([place, model, ragged])
    height = int(3.4 * np.sqrt(area / np.pi))
    rows = np.arange(height)
    half = np.sqrt(1 - ((rows - (height - 1) / 2) / (height / 2)) ** 2) * 2 * area / height / np.pi
    size = (images, height)
    centre = (
        shape.integers(300, 1700, (images, 1)) + np.cumsum(shape.integers(-1, 2, size), 1) * 0.3
    )
    left = (centre - half + own.integers(-1, 2, size)).astype(np.int64)
    right = np.maximum((centre + half + own.integers(-1, 2, size)).astype(np.int64), left) + 1
    first = (rows + shape.integers(100, 1300, (images, 1))) * SIDE
    for image in range(images):
        edges = left[image], right[image] - left[image]
        starts, lengths = (
            torn(*edges, own, first[image]) if ragged else (first[image] + edges[0], edges[1])
        )
        yield np.column_stack((starts + 1, lengths))


def torn(
    left: Figures, widths: Figures, own: np.random.Generator, first: Figures
) -> tuple[Figures, Figures]:
    """Starts and lengths of several runs for each row of pixels, in order."""
    pieces = own.integers(PIECES[0], PIECES[1] + 1, len(left))
    most = 2 * PIECES[1]
    # So many edges of each row are drawn in order; the places between them make all different.
    drawn = own.random((len(left), most))
    drawn[np.arange(most) >= 2 * pieces[:, None]] = 2.0
    room = np.maximum(widths - 2 * pieces + 1, 1)
    edges = np.sort(drawn, axis=1) * room[:, None]
    edges = edges.astype(np.int64) + np.arange(most) + (first + left)[:, None]
    kept = np.arange(PIECES[1]) < pieces[:, None]
    starts, ends = edges[:, ::2][kept], edges[:, 1::2][kept]
    return starts, ends - starts


def write_repeated(path: Path, source: Path, times: int) -> None:
    """The rows of a CSV under so many names."""
    rows = source.read_bytes().removeprefix(HEADER)
    with path.open("wb") as file:
        file.write(HEADER)
        for number in range(times):
            file.write(rows.replace(b"image1661", b"image%d" % (1661 + number)))


def write_dressed(path: Path, source: Path, dress: bytes) -> None:
    """The rows of a CSV as another tool writes them."""
    end = dress[len(dress.rstrip()) :]
    with path.open("wb") as file:
        file.write((b"," if b"row" in dress else b"") + HEADER.rstrip() + end)
        for row, line in enumerate(source.read_bytes().removeprefix(HEADER).splitlines()):
            fields = zip((b"image", b"class", b"rle"), line.split(b","), strict=True)
            file.write(dress % {b"row": row, **dict(fields)})


def write_figures(path: Path, source: Path) -> None:
    """The run-length texts of a CSV, a row a line."""
    rows = source.read_bytes().removeprefix(HEADER).splitlines()
    path.write_bytes(b"\n".join(row.rpartition(b",")[2] for row in rows))


def make(folder: Path, kind: str) -> None:
    """Make the files of a kind, and those that they are made from."""
    match kind:
        case "smooth":
            for model in range(MODELS + FURTHER_MODELS):
                put(folder / f"smooth-{model}.csv", write_csv, model, False)
        case "ragged":
            for model in range(MODELS):
                put(folder / f"ragged-{model}.csv", write_csv, model, True)
        case "small":
            for model in range(MODELS):
                put(folder / f"small-{model}.csv", write_csv, model, False, 1)
        case "figures":
            for stem in (f"{edges}-{m}" for edges in ("smooth", "ragged") for m in range(MODELS)):
                make(folder, stem.partition("-")[0])
                put(folder / f"{stem}.txt", write_figures, folder / f"{stem}.csv")
        case _:
            make(folder, "smooth")
            for model in range(MODELS):
                put_of_smooth(folder, kind, model)


def put_of_smooth(folder: Path, kind: str, model: int) -> None:
    """A file of the same rows in another dress, or more often."""
    path, source = (folder / f"{stem}-{model}.csv" for stem in (kind, "smooth"))
    if kind in DRESSES:
        put(path, write_dressed, source, DRESSES[kind])
    else:
        put(path, write_repeated, source, TIMES[kind])


def put(path: Path, write: Callable[..., None], *arguments: object) -> None:
    """Write a file whole or not at all, if it is not there."""
    if not path.exists():
        unfinished = path.with_suffix(".part")
        write(unfinished, *arguments)
        unfinished.replace(path)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in sys.argv[2:]:
        make(folder, kind)


if __name__ == "__main__":
    main()
