"""What X-rays lose in the bones: a dense cortex around a lighter, trabecular medulla."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import CARPALS, FINGERTIPS, FOREARM
from handseg.data.phantom import outlines
from handseg.data.phantom.outlines import Points
from handseg.data.phantom.pose import WORLD, PosedBone, PosedHand
from handseg.data.phantom.tissue import Field

CORTEX = 0.0128
"""Attenuation of cortical bone beyond soft tissue's, per world unit (about 0.83 per cm)."""
MEDULLA = 0.0050
"""Attenuation of the medulla with its trabeculae beyond soft tissue's, per world unit."""

_SUBCHONDRAL = 2.3
"""Thickness of the cortex at the joints and around carpals, world units."""
_SHAFT_CORTEX = 0.46
"""Thickness of the cortex in the middle of a shaft, in radii of the bone."""
_MARROW = 0.68
"""The part of the medulla's attenuation that is missing in the middle of a shaft."""
_SHIFT = 4
_BEYOND = 170.0
"""World units around the image in which a bone still counts, so that the border cuts no cortex."""


@dataclass(frozen=True)
class _Inside:
    """The pixels of one bone: where they lie and what their place in the bone is."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    depth: Field
    """Distance to the bone's surface, world units [n]."""
    along: Field
    """Place along the axis, 0 at its start, 1 at its end [n]."""
    across: Field
    """Signed distance from the axis, world units [n]."""
    length: float


def add_skeleton(
    attenuation: Field, hand: PosedHand, cortex: float, rng: np.random.Generator
) -> None:
    """Add the attenuation of all bones to `attenuation` float32 [P, P] in place.

    Overlapping bones add up. `cortex` scales the cortex's thickness.
    """
    pixels = attenuation.shape[0]
    scale = pixels / WORLD
    texture = trabeculae(scale * hand.size, rng)
    density = float(np.clip(rng.normal(1.0, 0.1), 0.78, 1.25))
    for bone in hand.bones:
        offset = rng.integers(0, texture.shape[0], size=2)
        angle = float(rng.uniform(0, 180))
        inside = _inside(bone, pixels, angle)
        if inside is None:
            continue
        grain = _sample(texture, inside, scale, offset)
        lost = _lost(bone, inside, hand.size, cortex, grain) * np.float32(density)
        attenuation[inside.rows, inside.columns] += lost


def trabeculae(scale: float, rng: np.random.Generator) -> Field:
    """A tile [512, 512] of trabecular texture that repeats, sd 1, its grain along the rows' axis.

    Plates run along a bone (sd 9 units by 1.7) over a finer net (2.2); clouds of density last.
    """
    side = 512
    plates = _band(rng, side, 9.0 * scale, 1.7 * scale, 2.6)
    net = _band(rng, side, 2.2 * scale, 2.2 * scale, 2.2)
    clouds = _band(rng, side, 26.0 * scale, 20.0 * scale, 3.0)
    mixed = 0.62 * plates + 0.5 * net + 0.6 * clouds
    return (mixed / mixed.std()).astype(np.float32)


def _band(rng: np.random.Generator, side: int, along: float, across: float, ratio: float) -> Field:
    """White noise between two blurs, periodic, sd 1."""
    white = rng.standard_normal((side, side), dtype=np.float32)
    pad = side // 4
    wide = cv2.copyMakeBorder(white, pad, pad, pad, pad, cv2.BORDER_WRAP)
    along, across = max(along, 0.35), max(across, 0.35)
    fine = cv2.GaussianBlur(wide, (0, 0), sigmaX=across, sigmaY=along)
    coarse = cv2.GaussianBlur(wide, (0, 0), sigmaX=across * ratio, sigmaY=along * ratio)
    band = (fine - coarse)[pad:-pad, pad:-pad]
    return (band / max(float(band.std()), 1e-6)).astype(np.float32)


def _inside(bone: PosedBone, pixels: int, angle: float) -> _Inside | None:
    """The pixels of a bone that lie in the image, or None."""
    scale = pixels / WORLD
    depth, left, top = _depth(bone, pixels)
    rows, columns = np.nonzero(depth)
    in_image = (rows + top >= 0) & (rows + top < pixels)
    in_image &= (columns + left >= 0) & (columns + left < pixels)
    rows, columns = rows[in_image], columns[in_image]
    if rows.size == 0:
        return None
    depth = depth[rows, columns]
    rows, columns = rows + top, columns + left
    origin, direction, length = _frame(bone, angle)
    x = (columns + 0.5) / scale - origin[0]
    y = (rows + 0.5) / scale - origin[1]
    along = ((x * direction[0] + y * direction[1]) / length).astype(np.float32)
    across = (y * direction[0] - x * direction[1]).astype(np.float32)
    return _Inside(rows, columns, depth, along, across, length)


def _depth(bone: PosedBone, pixels: int) -> tuple[Field, int, int]:
    """Distance to the bone's surface in world units, 0 outside, in a window at (left, top)."""
    scale = pixels / WORLD
    # fillPoly paints the boundary too: half a pixel inwards keeps the area.
    inset = bone.outline * scale - 0.5 - 0.5 * outlines.outward_normals(bone.outline)
    beyond = _BEYOND * scale
    left, top = np.floor(np.clip(inset.min(axis=0) - 2, -beyond, pixels)).astype(int).tolist()
    right, bottom = np.ceil(np.clip(inset.max(axis=0) + 3, 0, pixels + beyond)).astype(int).tolist()
    mask = np.zeros((max(bottom - top, 1), max(right - left, 1)), np.uint8)
    corners = np.round((inset - (left, top)) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, cv2.LINE_8, _SHIFT)
    # cv2 measures to the nearest pixel outside, half a pixel beyond the surface.
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5) - 0.5 * mask
    return (distance / scale).astype(np.float32), left, top


def _frame(bone: PosedBone, angle: float) -> tuple[Points, Points, float]:
    """Start, unit direction and length of a bone's axis; a carpal's points to `angle` degrees."""
    if bone.axis is None:
        turn = np.deg2rad(angle)
        return outlines.centroid(bone.outline), np.array([np.cos(turn), np.sin(turn)]), 100.0
    span = bone.axis[1] - bone.axis[0]
    length = float(np.linalg.norm(span))
    return bone.axis[0], span / length, length


def _sample(texture: Field, inside: _Inside, scale: float, offset: NDArray[np.int64]) -> Field:
    """The texture at a bone's pixels, its grain along the bone's axis."""
    side = texture.shape[0]
    row = (inside.along * (inside.length * scale)).astype(np.int64) + offset[0]
    column = (inside.across * scale).astype(np.int64) + offset[1]
    return texture[row % side, column % side]


def _lost(bone: PosedBone, inside: _Inside, size: float, cortex: float, grain: Field) -> Field:
    """Attenuation [n] of a bone's pixels: chords through a tube of cortex filled with medulla."""
    radius = _radius(bone, inside)
    shaft = _shaft(bone, inside.along)
    thin = np.float32(_SUBCHONDRAL * size)
    thick = np.float32(cortex * _SHAFT_CORTEX) * radius
    wall = np.minimum(thin + np.maximum(thick - thin, 0) * shaft, 0.8 * radius)
    from_axis = np.maximum(radius - inside.depth, 0)
    outer = 2 * np.sqrt(np.maximum(radius**2 - from_axis**2, 0))
    inner = 2 * np.sqrt(np.maximum((radius - wall) ** 2 - from_axis**2, 0))
    # Trabeculae fill the ends; the canal of the shaft is mostly marrow.
    # Grains along a longer path even out.
    contrast = np.minimum(2.0 / np.sqrt(inner + 1), 0.4)
    medulla = np.maximum((1 + contrast * grain) * (1 - _MARROW * shaft), 0.1)
    return (CORTEX * (outer - inner) + MEDULLA * inner * medulla).astype(np.float32)


def _radius(bone: PosedBone, inside: _Inside) -> Field:
    """Half the thickness of the bone at its pixels, world units."""
    if bone.name in CARPALS:
        largest = np.float32(1.06 * float(inside.depth.max()))
        return np.full_like(inside.depth, largest)
    assert bone.axis is not None
    origin, direction, length = _frame(bone, 0.0)
    local = bone.outline - origin
    along = local @ direction / length
    across = local @ np.array([-direction[1], direction[0]])
    places = np.linspace(0.0, 1.0, 65)
    half = 0.5 * (_side(along, across, places) + _side(along, -across, places))
    flat = 0.54 if bone.name in FOREARM else 0.94
    radius = np.interp(inside.along, places, half * flat).astype(np.float32)
    return np.maximum(radius, 4.0)


def _side(along: Points, across: Points, places: Points) -> Points:
    """The outline's distance from the axis on one side at `places` along it."""
    chosen = across > 0
    order = np.argsort(along[chosen], kind="stable")
    return np.interp(places, along[chosen][order], across[chosen][order])


def _shaft(bone: PosedBone, along: Field) -> Field:
    """How much of a shaft a place along the bone is: 0 at the joints, 1 in the middle."""
    if bone.name in CARPALS:
        return np.zeros_like(along)
    if bone.name in FOREARM:
        return _smooth_step(along, 0.06, 0.42)
    if bone.name in FINGERTIPS:
        return 0.8 * _smooth_step(along, 0.10, 0.40) * (1 - _smooth_step(along, 0.62, 0.86))
    return _smooth_step(along, 0.08, 0.36) * (1 - _smooth_step(along, 0.64, 0.94))


def _smooth_step(values: Field, low: float, high: float) -> Field:
    t = np.clip((values - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
