"""Masks whose images lie in a data set: whose they are, in which split and where."""

from dataclasses import replace
from pathlib import Path

from handseg.data.image_sizes import samples_in
from handseg.errors import InputError
from handseg.formats.masks import Masks


def placed(masks: Masks, data: Path, *, is_wanted: bool = False) -> Masks:
    """The same masks with those of their images that the data set in `data` has.

    Only headers of images are read. Raises InputError where there is no data set though it
    `is_wanted`, or where an image of the same name has another size: it is another image.
    """
    from handseg.data.images import image_size

    samples = samples_in(data, is_wanted)
    found = {name: samples[name] for name in masks.images if name in samples}
    for name, sample in found.items():
        size, own = image_size(sample.image), masks.images[name]
        if size != own:
            raise InputError(
                f"{sample.image} has {size[0]} × {size[1]} pixels",
                details=f"the masks of {name} in {masks.path} have {own[0]} × {own[1]}",
                hints=["--data DIR names the data set that the masks are of"],
            )
    return replace(masks, samples=found)
