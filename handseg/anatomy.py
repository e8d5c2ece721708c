"""The 29 bones of the hand: order, fingers, regions, neighbours and colours.

The order is the competition's and fixes the rows of a submission. It is the default class list of
the `handbone` layout; every other class list comes from its own data set.
"""

import colorsys
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import pairwise

CARPALS = (
    "Trapezium",
    "Trapezoid",
    "Capitate",
    "Hamate",
    "Scaphoid",
    "Lunate",
    "Triquetrum",
    "Pisiform",
)
FOREARM = ("Radius", "Ulna")
BONES = (*(f"finger-{number}" for number in range(1, 20)), *CARPALS, *FOREARM)

FINGERS = {
    "thumb": BONES[0:3],
    "index": BONES[3:7],
    "middle": BONES[7:11],
    "ring": BONES[11:15],
    "little": BONES[15:19],
}
"""The bones of each finger, from the tip to the metacarpal."""

METACARPALS = tuple(finger[-1] for finger in FINGERS.values())
FINGERTIPS = tuple(finger[0] for finger in FINGERS.values())

REGIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "wrist": (CARPALS,),
    "fingertip": tuple((tip,) for tip in FINGERTIPS),
}
"""What `--regions` may name: the windows of each region, each by the bones it is put around."""

MEAN_AREAS: dict[str, int] = {
    "finger-1": 8284, "finger-2": 16856, "finger-3": 27683,
    "finger-4": 5289, "finger-5": 10018, "finger-6": 21977, "finger-7": 36096,
    "finger-8": 6101, "finger-9": 12615, "finger-10": 24688, "finger-11": 32851,
    "finger-12": 5849, "finger-13": 11282, "finger-14": 20724, "finger-15": 24508,
    "finger-16": 4165, "finger-17": 6458, "finger-18": 14399, "finger-19": 24833,
    "Trapezium": 10246, "Trapezoid": 6286, "Capitate": 16045, "Hamate": 11292,
    "Scaphoid": 11818, "Lunate": 8716, "Triquetrum": 7462, "Pisiform": 4662,
    "Radius": 83578, "Ulna": 45928,
}  # fmt: skip
"""Mean area in pixels at 2048² over the 800 labelled images of the competition."""

ALIASES: dict[str, tuple[str, ...]] = {
    **{
        f"{row}{number}": (finger[place],)
        for number, finger in enumerate(FINGERS.values(), 1)
        for row, place in (("DP", 0), ("MP", 1), ("PP", -2), ("MC", -1))
        if row != "MP" or number > 1
    },
    "Pisifrom_Triquetrum": ("Triquetrum", "Pisiform"),
    "Trapzium": ("Trapezium",),
    "Trapzoid": ("Trapezoid",),
    "DistalRadius": ("Radius",),
    "DistalUlna": ("Ulna",),
}
"""The bones that RAM-H1200's and RAM-W600's classes are, as these spell them.

DP, MP and PP are phalanges, from the tip; MC is a metacarpal; 1 is the thumb.
"""

NEIGHBOURS: tuple[tuple[str, str], ...] = (
    *((a, b) for finger in FINGERS.values() for a, b in pairwise(finger)),
    ("finger-3", "Trapezium"),
    ("finger-7", "Trapezium"),
    ("finger-7", "Trapezoid"),
    ("finger-7", "Capitate"),
    ("finger-11", "Capitate"),
    ("finger-15", "Capitate"),
    ("finger-15", "Hamate"),
    ("finger-19", "Hamate"),
    ("finger-7", "finger-11"),
    ("finger-11", "finger-15"),
    ("finger-15", "finger-19"),
    ("Trapezium", "Trapezoid"),
    ("Trapezium", "Scaphoid"),
    ("Trapezoid", "Capitate"),
    ("Trapezoid", "Scaphoid"),
    ("Capitate", "Hamate"),
    ("Capitate", "Scaphoid"),
    ("Capitate", "Lunate"),
    ("Hamate", "Lunate"),
    ("Hamate", "Triquetrum"),
    ("Scaphoid", "Lunate"),
    ("Scaphoid", "Radius"),
    ("Lunate", "Radius"),
    ("Lunate", "Triquetrum"),
    ("Triquetrum", "Pisiform"),
    ("Radius", "Ulna"),
)
"""Pairs of bones that touch or overlap in a frontal view."""


NOT_BONES = (
    "soft tissue", "tissue", "skin", "hand", "whole hand", "sesamoid", "sesamoid bone",
    "ring", "jewelry", "jewellery", "bracelet", "watch", "cast", "splint",
    "metal", "metal object", "metal implant", "implant", "prosthesis", "screw", "plate", "wire",
    "k-wire", "foreign body", "cannula", "intravenous cannula", "IV cannula",
    "marker", "side marker", "letter", "text", "collimator", "artifact", "artefact",
    "background", "void", "ignore", "unlabeled", "unlabelled",
)  # fmt: skip
"""Classes of data sets that are no bones of the anatomy; case, signs, plurals and numbers behind
do not count."""


NEAR = 0.8
"""How alike two names are, after `difflib`, that may be one and a slip of the pen."""


def plain_name(cls: str) -> str:
    return "".join(sign for sign in cls.casefold() if sign.isalnum()).removesuffix("s")


def not_bones(
    classes: Iterable[str],
    said: Collection[str] = (),
    aliases: Mapping[str, tuple[str, ...]] = ALIASES,
) -> frozenset[str]:
    """The classes that means over bones and overlaps of bones leave out; none where all are such.

    They are known by name, more are `said`; a class with an alias is the bone that this says.
    """
    plain = {cls: plain_name(plain_name(cls).rstrip("0123456789")) for cls in classes}
    fingers = FINGERS.keys() & plain.values()
    # Beside other fingers, `Ring` is one of them.
    known = {plain_name(name) for name in NOT_BONES} - (fingers if len(fingers) > 1 else set())
    found = {
        cls for cls, name in plain.items() if cls in said or (name in known and cls not in aliases)
    }
    return frozenset() if len(found) == len(plain) else frozenset(found)


def misspelt_bones(
    classes: Collection[str], aliases: Mapping[str, tuple[str, ...]] = ALIASES
) -> dict[str, str]:
    """Classes that are nearly a bone by name, and the bone that each may be meant for.

    A bone in another spelling is one only beside the bone itself.
    """
    plain = {plain_name(bone): bone for bone in BONES}
    found: dict[str, str] = {}
    for cls in sorted(set(classes).difference(BONES, aliases, not_bones(classes))):
        name = plain_name(cls)
        digits = re.sub(r"\D", "", name)
        if name in plain:
            near = [name] if plain[name] in classes else []
        else:
            near = get_close_matches(name, plain, n=1, cutoff=NEAR)
        # `finger-20` is no slip of `finger-2`.
        if near and digits in ("", re.sub(r"\D", "", near[0])):
            found[cls] = plain[near[0]]
    return found


def bones_of(
    classes: Iterable[str], aliases: Mapping[str, tuple[str, ...]] = ALIASES
) -> dict[str, str]:
    """The bone that each class is, for those that are exactly one; by name in any spelling."""
    plain = {plain_name(bone): bone for bone in BONES}
    found = {name: aliases.get(name, (plain.get(plain_name(name), name),)) for name in classes}
    return {
        name: bones[0] for name, bones in found.items() if len(bones) == 1 and bones[0] in BONES
    }


def colours(classes: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """An RGB colour (0 to 255) for each class, the same for the same list, neighbours apart.

    Hues walk by the golden angle, so that classes that follow each other are told apart.
    """
    golden = 0.61803398875
    shades = []
    for index in range(len(classes)):
        lightness, saturation = ((0.60, 0.85), (0.70, 0.70), (0.52, 0.95))[index % 3]
        red, green, blue = colorsys.hls_to_rgb((index * golden) % 1.0, lightness, saturation)
        shades.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(shades)
