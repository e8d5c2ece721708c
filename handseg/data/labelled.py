"""Which classes of an image were labelled, as files say that anybody may have written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from handseg.rle.submission import Submission


def labelled_of(value: Any, classes: Sequence[str]) -> frozenset[str] | None:
    """The classes that a file says were labelled; None where that is all, or where it says nothing.

    What is no list of names says nothing.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return None
    named = frozenset(value).intersection(classes)
    return None if len(named) == len(classes) else named


def labelled_in(
    submission: "Submission", images: Sequence[str], classes: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Of images of which not all was labelled, what was, as the sidecar of a submission says."""
    written: Any = (submission.sidecar or {}).get("labelled")
    if not isinstance(written, dict):
        return {}
    found = {image: labelled_of(written.get(image), classes) for image in images}
    return {image: named for image, named in found.items() if named is not None}


def labelled_classes(
    submission: "Submission", images: Sequence[str], classes: Sequence[str]
) -> NDArray[np.bool_]:
    """bool [images, classes]: the same of all images."""
    named = labelled_in(submission, images, classes)
    known = np.ones((len(images), len(classes)), dtype=np.bool_)
    for row, image in enumerate(images):
        if image in named:
            known[row] = [cls in named[image] for cls in classes]
    return known
