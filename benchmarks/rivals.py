"""What `handseg` is measured against: what people's scripts do, each a process of its own.

    python benchmarks/rivals.py read FILE.csv…      pandas.read_csv of each, with its import
    python benchmarks/rivals.py numbers FILE.txt…   np.fromstring over the run-length text
    python benchmarks/rivals.py plain ROWS FILE.csv…
    python benchmarks/rivals.py masks FILE.csv PAIRS

`plain` votes on the first ROWS rows and prints the CPU seconds of these rows; `masks` writes the 29
masks of one image as text in the usual way and with `handseg.rle`, and prints seconds of each.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame

SIDE = 2048
Mask = NDArray[Any]


def read(files: Sequence[str]) -> None:
    import pandas as pd

    for file in files:
        pd.read_csv(file)


def numbers(files: Sequence[str]) -> None:
    """One call a file: parsing and nothing else, but for the reading and the import of numpy."""
    for file in files:
        np.fromstring(Path(file).read_bytes(), dtype=np.int64, sep=" ")


def plain(rows: int, files: Sequence[str]) -> None:
    """The usual script: a table scan, a decoded mask and a sum of floats for each row."""
    import pandas as pd

    tables = [pd.read_csv(file) for file in files]
    begun = time.process_time()
    for image, cls in tables[0][["image_name", "class"]].head(rows).itertuples(index=False):
        votes = np.zeros((SIDE, SIDE))
        for table in tables:
            votes += decoded(found_text(table, image, cls))
        encoded(votes > len(tables) / 2)
    print(json.dumps(time.process_time() - begun))


def found_text(table: "DataFrame", image: str, cls: str) -> str:
    return table[(table.image_name == image) & (table["class"] == cls)].rle.iloc[0]


def decoded(text: str) -> Mask:
    """As in the competition's baseline."""
    figures = text.split()
    starts, lengths = (np.asarray(part, dtype=int) for part in (figures[::2], figures[1::2]))
    starts -= 1
    flat = np.zeros(SIDE * SIDE, dtype=np.uint8)
    for start, end in zip(starts, starts + lengths, strict=True):
        flat[start:end] = 1
    return flat.reshape(SIDE, SIDE)


def encoded(mask: Mask) -> str:
    """As in the competition's baseline."""
    pixels = mask.flatten()
    pixels = np.concatenate([[0], pixels, [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(figure) for figure in runs)


def masks(file: str, pairs: int) -> None:
    from handseg import rle
    from handseg.rle.submission import read_submission

    submission = read_submission(Path(file))
    drawn = [rle.to_mask(submission.runs(*key), (SIDE, SIDE)) > 0 for key in submission]
    assert [rle.format(rle.from_mask(mask)) for mask in drawn] == list(map(encoded, drawn))

    def ours(mask: Mask) -> str:
        return rle.format(rle.from_mask(mask))

    timed = [(seconds(encoded, drawn), seconds(ours, drawn)) for _ in range(pairs)]
    print(json.dumps(timed))


def seconds(write: Callable[[Mask], str], drawn: Sequence[Mask]) -> float:
    """CPU seconds for all masks."""
    begun = time.process_time()
    for mask in drawn:
        write(mask)
    return time.process_time() - begun


def main() -> None:
    what, *rest = sys.argv[1:]
    match what:
        case "read":
            read(rest)
        case "numbers":
            numbers(rest)
        case "plain":
            plain(int(rest[0]), rest[1:])
        case "masks":
            masks(rest[0], int(rest[1]))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
