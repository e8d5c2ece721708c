"""The keys of a submission's rows, (image name, class), and where the row of a key stands."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.rle.index import Index

Key = tuple[str, str]

NAME_ENCODINGS = ("utf-8", "cp949")
"""UTF-8, else what Excel writes in Korea, where the competition's tables come from."""


class RowKeys:
    """The keys of rows 0, 1, 2 … without those that came before; 16 bytes a row."""

    def __init__(
        self,
        images: tuple[str, ...],
        classes: tuple[str, ...],
        image_of: NDArray[np.int32],
        class_of: NDArray[np.int32],
    ) -> None:
        """`image_of` and `class_of`, int32 [rows], count in `images` and `classes`."""
        self.images, self.classes = images, classes
        self._image_of, self._class_of = image_of, class_of
        self._image_numbers = {name: number for number, name in enumerate(images)}
        self._class_numbers = {name: number for number, name in enumerate(classes)}
        codes = image_of.astype(np.int64) * len(classes) + class_of
        self._order: NDArray[np.intp] | None = None
        if (codes[1:] <= codes[:-1]).any():
            self._order = np.argsort(codes, kind="stable")
            codes = codes[self._order]
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[Key]:
        for image, cls in zip(self._image_of.tolist(), self._class_of.tolist(), strict=True):
            yield self.images[image], self.classes[cls]

    def row(self, image: str, cls: str) -> int:
        """The row of a key; -1 where there is none."""
        return int(self.rows([(image, cls)])[0])

    def rows(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        """The row of each key, int64 [keys]; -1 where there is none."""
        images, classes = self._image_numbers.get, self._class_numbers.get
        pairs = [(images(image, -1), classes(cls, -1)) for image, cls in keys]
        numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        if not len(self._codes):
            return np.full(len(numbers), -1, dtype=np.int64)
        wanted = numbers[:, 0] * len(self.classes) + numbers[:, 1]
        places = np.minimum(np.searchsorted(self._codes, wanted), len(self._codes) - 1)
        found = (self._codes[places] == wanted) & (numbers >= 0).all(axis=1)
        rows = places if self._order is None else self._order[places]
        return np.where(found, rows, -1)

    def repeated(self) -> list[tuple[int, int]]:
        """(first row, row) for each row whose key stood in a row before."""
        same = np.flatnonzero(self._codes[1:] == self._codes[:-1])
        if self._order is None or not len(same):
            return []
        order = self._order
        firsts = np.searchsorted(self._codes, self._codes[same])
        return sorted(zip(order[firsts].tolist(), order[same + 1].tolist(), strict=True))

    def same(self, other: "RowKeys") -> bool:
        """Whether both have the same keys in the same order."""
        return (
            len(self) == len(other)
            and self.images == other.images
            and self.classes == other.classes
            and np.array_equal(self._image_of, other._image_of)
            and np.array_equal(self._class_of, other._class_of)
        )

    def only(self, kept: NDArray[np.bool_]) -> "RowKeys":
        return RowKeys(self.images, self.classes, self._image_of[kept], self._class_of[kept])


def decoded(index: Index) -> tuple[RowKeys, str]:
    """The keys of an index, and the encoding of its names.

    Raises InputError, with the line, for a name that is text in none of NAME_ENCODINGS.
    """
    for encoding in NAME_ENCODINGS:
        try:
            images, classes = (
                tuple(name.decode(encoding) for name in names)
                for names in (index.images, index.classes)
            )
        except UnicodeDecodeError:
            continue
        image_of, class_of = (np.array(places) for places in (index.image_of, index.class_of))
        return RowKeys(images, classes, image_of, class_of), encoding
    raise _undecodable(index)


def _undecodable(index: Index) -> InputError:
    for names, places in ((index.images, index.image_of), (index.classes, index.class_of)):
        for name, number in names.items():
            try:
                name.decode("utf-8")
            except UnicodeDecodeError as error:
                line = index.lines[places.index(number)]
                why = f"{error}: {name[:60]!r}"
                return InputError(f"line {line}: a name is not UTF-8 text", details=why)
    raise AssertionError("all names are UTF-8 text")
