"""Numbers that grow at the end and are handed out without a copy."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)
ROOM = 1.25
"""How much larger the room becomes when it is full: memory counts more than copying."""
LEAST = 1024


class Growing(Generic[Number]):
    """A series of numbers; what was handed out is never changed by what comes later."""

    def __init__(self, kind: type[Number], values: NDArray[Any] | None = None) -> None:
        self._kind = kind
        self._count = 0
        self._room: NDArray[Number] = np.empty(0, kind)
        if values is not None:
            self._room, self._count = values.astype(kind), len(values)

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> NDArray[Number]:
        """All of them: a view, which must not be written to."""
        return self._room[: self._count]

    def extend(self, values: Sequence[float] | range) -> None:
        """Append."""
        end = self._count + len(values)
        if end > len(self._room):
            room = np.empty(max(LEAST, int(end * ROOM)), self._kind)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : end] = values
        self._count = end

    def cut(self, kept: int) -> None:
        """Keep the first ones only, in a room of their own: others may still read what follows."""
        self._room = self._room[: min(kept, self._count)].copy()
        self._count = len(self._room)
