"""What a sidecar says of the models behind its masks; it goes along into other formats."""

import math
from collections.abc import Mapping
from typing import Any

from handseg.formats.masks import is_whole

TEXTS = ("run", "split", "recipe", "data_fingerprint", "checkpoint")


def origin_of(fields: Any) -> dict[str, Any]:
    """The fields of a sidecar that stay true of the masks in another format.

    `fields` may come from a file that anybody wrote: what is not of its kind is left out.
    """
    if not isinstance(fields, Mapping):
        return {}
    kept: dict[str, Any] = {
        name: fields[name] for name in TEXTS if isinstance(fields.get(name), str)
    }
    if is_whole(fields.get("fold")):
        kept["fold"] = fields["fold"]
    dice = fields.get("validation_dice")
    if isinstance(dice, float) and math.isfinite(dice):
        kept["validation_dice"] = dice
    people = fields.get("trained_people")
    if isinstance(people, list) and all(isinstance(person, str) for person in people):
        kept["trained_people"] = people
    return kept
