"""Synthetic hand radiographs with labels: phantoms of all 29 bones, in memory or as a data set."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handseg.data.phantom.phantom import Phantom, Side, make_phantom, make_polygons
    from handseg.data.phantom.writing import write_phantoms

__all__ = ["Phantom", "Side", "make_phantom", "make_polygons", "write_phantoms"]


def __getattr__(name: str) -> Any:
    """Import the makers when they are asked for: they need cv2."""
    if name == "write_phantoms":
        from handseg.data.phantom.writing import write_phantoms

        return write_phantoms
    if name in __all__:
        from handseg.data.phantom import phantom

        return getattr(phantom, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
