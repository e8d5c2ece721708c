"""From a posed hand to a radiograph: flesh and bones in the beam, photons, detector, display."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import CARPALS, FINGERS, FINGERTIPS, FOREARM
from handseg.phantom import outlines
from handseg.phantom.hand import WORLD, Build, PosedBone, PosedHand
from handseg.phantom.outlines import Points

Field = NDArray[np.float32]
"""A picture [H, W] of a quantity, float32."""

_ROUND = np.linspace(0.0, 2 * np.pi, 32, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)
_SHIFT = 4  # cv2 draws in 1/16 pixel
# Radii of a finger's flesh at its tip and its joints from there to the knuckle, in world units.
RADII = {
    "thumb": (60.0, 74.0, 92.0, 100.0),
    "index": (49.0, 58.0, 70.0, 80.0, 84.0),
    "middle": (51.0, 60.0, 73.0, 82.0, 84.0),
    "ring": (49.0, 57.0, 69.0, 78.0, 82.0),
    "little": (43.0, 50.0, 60.0, 72.0, 80.0),
}
_FINGER_RADIUS = 62.0
_PALM_DEPTH = 260.0
_PALM_THICKNESS = 172.0

SOFT_TISSUE = 0.0034
"""Attenuation of soft tissue per world unit (about 0.22 per cm at 50 kV)."""
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
_BEYOND = 170.0
"""World units around the image in which a bone still counts, so that the border cuts no cortex."""


@dataclass(frozen=True)
class Exposure:
    """How one picture was taken and shown."""

    photons: float
    """Photons a pixel of 2048² where nothing is in the way."""
    soft: float
    """Factor of soft tissue's attenuation: it falls with the tube's voltage."""
    bone: float
    """Factor of bone's attenuation."""
    focus: float
    """Blur (sd) by focal spot and detector, world units."""
    scatter: float
    """Share of photons that come from anywhere."""
    heel: tuple[float, float]
    """Fall of intensity over the image's width and height (heel effect and distance)."""
    black: float
    white: float
    """Densities shown as black and as white."""
    gamma: float
    enhancement: float
    """Strength of the display's edge enhancement."""


def draw_exposure(rng: np.random.Generator) -> Exposure:
    return Exposure(
        photons=float(np.exp(rng.uniform(np.log(1200), np.log(6000)))),
        soft=float(rng.normal(1.0, 0.10)),
        bone=float(np.clip(rng.normal(1.0, 0.10), 0.75, 1.3)),
        focus=float(rng.uniform(1.0, 2.0)),
        scatter=float(rng.uniform(0.02, 0.07)),
        heel=(float(rng.normal(0.0, 0.08)), float(rng.normal(0.06, 0.08))),
        black=float(rng.normal(-0.08, 0.04)),
        white=float(np.clip(rng.normal(1.55, 0.15), 1.2, 1.95)),
        gamma=float(np.clip(rng.normal(0.95, 0.12), 0.7, 1.25)),
        enhancement=float(rng.uniform(0.0, 0.6)),
    )


def hand_attenuation(
    hand: PosedHand, build: Build, exposure: Exposure, size: int, rng: np.random.Generator
) -> Field:
    """What flesh and bones take from the beam, float32 [P, P].

    P is `size`; small pictures are made at twice that and averaged, as a detector's pixel averages.
    """
    pixels = size * 2 if size <= 640 else size
    attenuation = tissue_thickness(hand, build.flesh, pixels, rng)
    attenuation *= np.float32(SOFT_TISSUE * exposure.soft / exposure.bone)
    add_skeleton(attenuation, hand, build.cortex, rng)
    attenuation *= np.float32(exposure.bone)
    return attenuation


def develop(
    attenuation: Field, exposure: Exposure, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The radiograph of what lies in the beam, uint8 [size, size], bones bright."""
    pixels = attenuation.shape[0]
    photons = _transmitted(attenuation, exposure, pixels / WORLD)
    if pixels != size:
        photons = photons.reshape(size, 2, size, 2).mean(axis=(1, 3))
    density = _detected(photons, exposure, rng)
    return _displayed(density, exposure, size / WORLD)


def tissue_thickness(hand: PosedHand, flesh: float, pixels: int, rng: np.random.Generator) -> Field:
    """Thickness of the hand in world units at every pixel, float32 [pixels, pixels].

    Computed coarsely and enlarged, since it is smooth. Fingers are round; the palm is flatter, and
    thicker at the balls of thumb and little finger.
    """
    coarse = min(pixels, 768)
    pad = coarse // 6
    scale = coarse / WORLD
    mask = _silhouette(hand, flesh, scale, coarse, pad)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / scale
    thickness = _thickness_at(depth.astype(np.float32), flesh * hand.size)
    thickness *= _muscle(hand, coarse, pad, scale, rng)
    thickness = cv2.GaussianBlur(thickness, (0, 0), 8.0 * scale)[pad:-pad, pad:-pad]
    return cv2.resize(thickness, (pixels, pixels), interpolation=cv2.INTER_CUBIC).clip(0)


def _silhouette(
    hand: PosedHand, flesh: float, scale: float, coarse: int, pad: int
) -> NDArray[np.uint8]:
    """The hand's outline as a mask 0/1 [coarse + 2 pad]², padded so that the arm has no end."""
    mask = np.zeros((coarse + 2 * pad,) * 2, np.uint8)

    def fill(points: Points) -> None:
        hull = cv2.convexHull(((points * scale - 0.5 + pad) * 2**_SHIFT).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 1, cv2.LINE_8, _SHIFT)

    for finger, bones in FINGERS.items():
        joints = _joints(hand, bones)
        radii = np.array(RADII[finger]) * flesh * hand.size
        for (a, b), (p, q) in zip(pairwise(joints), pairwise(radii), strict=True):
            fill(np.concatenate([a + p * _CIRCLE, b + q * _CIRCLE]))
    for part in _palm_parts(hand, flesh):
        fill(part)
    smooth = cv2.GaussianBlur(mask * np.uint8(255), (0, 0), 13.0 * hand.size * scale)
    return (smooth > 127).astype(np.uint8)


def _joints(hand: PosedHand, bones: tuple[str, ...]) -> list[Points]:
    """A finger's tip, its joints down to the knuckle, and the base of its metacarpal."""
    axes = [hand[bone].axis for bone in bones]
    heads = [axis[1] for axis in axes if axis is not None]
    bases = [axis[0] for axis in axes if axis is not None]
    tip = heads[0] + 0.12 * (bases[0] - heads[0])
    return [tip, *heads[1:], bases[-1]]


def _palm_parts(hand: PosedHand, flesh: float) -> list[Points]:
    """Convex parts whose union is palm, thumb's web, wrist and forearm."""
    around = flesh * hand.size
    rays = {name: np.array(_joints(hand, bones)[-2:]) for name, bones in FINGERS.items()}
    knuckles, bases = (
        np.array([rays[name][end] for name in ("index", "middle", "ring", "little")])
        for end in (0, 1)
    )
    thumb_middle, web = rays["thumb"].mean(axis=0), 0.45 * knuckles[0] + 0.55 * bases[0]
    carpals = np.array([hand[name].outline.mean(axis=0) for name in ("Scaphoid", "Triquetrum")])
    forearm = np.concatenate([hand[name].outline for name in ("Radius", "Ulna")])
    below = _below(hand, forearm)
    wrist = forearm[below < 90 * hand.size][::6]
    heel = bases[3] + 0.35 * (carpals[1] - bases[3])
    return [
        _around(np.concatenate([knuckles, bases]), 78 * around),
        _around(np.array([heel, *bases, rays["thumb"][1]]), 98 * around),
        _around(np.array([thumb_middle, rays["thumb"][1], web, bases[0]]), 72 * around),
        _around(np.concatenate([carpals, rays["thumb"][1:], bases[3:]]), 92 * around),
        _around(np.concatenate([carpals, rays["thumb"][1:], wrist]), 62 * around),
        _around(forearm[::6], 54 * around),
    ]


def _below(hand: PosedHand, points: Points) -> Points:
    """How far down the forearm points lie from the radius' end, world units [n]."""
    axis = hand["Radius"].axis
    assert axis is not None
    return (points - axis[0]) @ (axis[1] - axis[0]) / float(np.linalg.norm(axis[1] - axis[0]))


def _around(points: Points, radius: float) -> Points:
    """Points [32 n, 2] on circles around `points`: their hull is the flesh over them."""
    return (points[:, None, :] + radius * _CIRCLE).reshape(-1, 2)


def _thickness_at(depth: Field, scale: float) -> Field:
    """Thickness from the distance to the skin: a round edge, then the slow rise of the palm."""
    radius = _FINGER_RADIUS * scale
    edge = np.minimum(depth, radius)
    rounded = 2 * np.sqrt(np.maximum(2 * radius * edge - edge**2, 0))
    rise = np.clip((depth - 0.8 * radius) / (_PALM_DEPTH * scale), 0, 1)
    more = np.float32(_PALM_THICKNESS * scale - 2 * radius)
    return (rounded + more * np.sin(rise * np.pi / 2)).astype(np.float32)


def _muscle(
    hand: PosedHand, coarse: int, pad: int, scale: float, rng: np.random.Generator
) -> Field:
    """Factor of thickness: the balls of thumb and little finger, and unevenness of 4 %."""
    side = coarse + 2 * pad
    grid = np.arange(side, dtype=np.float32)
    factor = np.ones((side, side), np.float32)
    for bones, amount in ((FINGERS["thumb"], 0.22), (FINGERS["little"], 0.14)):
        head, base = _joints(hand, bones)[-2:]
        x, y = ((0.4 * head + 0.6 * base) * scale) + pad
        spread = 2 * (120 * hand.size * scale) ** 2
        across = np.exp(-((grid - x) ** 2) / spread)
        factor += amount * np.exp(-((grid - y) ** 2) / spread)[:, None] * across
    small = rng.standard_normal((12, 12), dtype=np.float32)
    return factor + 0.04 * cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


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


def _transmitted(attenuation: Field, exposure: Exposure, scale: float) -> Field:
    """The share of photons that arrives: Beer-Lambert's law, the focal spot's blur, scatter."""
    arrived = cv2.exp(-attenuation)
    arrived = cv2.GaussianBlur(arrived, (0, 0), max(exposure.focus * scale, 0.3))
    small = cv2.resize(arrived, (64, 64), interpolation=cv2.INTER_AREA)
    veil = cv2.GaussianBlur(small, (0, 0), 6.0)
    veil = cv2.resize(veil, arrived.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = np.float32(exposure.scatter)
    return arrived * (1 - share) + veil * share


def _detected(photons: Field, exposure: Exposure, rng: np.random.Generator) -> Field:
    """Optical density seen by a detector: uneven beam, photon noise (sd √n), logarithm."""
    size = photons.shape[0]
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    across, down = exposure.heel
    beam = (1 + np.float32(across) * ramp) * (1 + np.float32(down) * ramp)[:, None]
    # A larger pixel collects more photons, but displays are compared at their own size:
    # the count grows with the side, not with the area.
    count = photons * beam
    count *= np.float32(exposure.photons * WORLD / size)
    noise = rng.standard_normal(photons.shape, dtype=np.float32)
    count += noise * np.sqrt(count)
    np.maximum(count, 1.0, out=count)
    return -cv2.log(count) + np.float32(np.log(exposure.photons * WORLD / size))


def _displayed(density: Field, exposure: Exposure, scale: float) -> NDArray[np.uint8]:
    """Edge enhancement, window, gamma and 8 bits."""
    if exposure.enhancement > 0:
        soft = cv2.GaussianBlur(density, (0, 0), 9.0 * scale)
        density += np.float32(exposure.enhancement) * (density - soft)
    black, window = np.float32(exposure.black), np.float32(exposure.white - exposure.black)
    shown = np.clip((density - black) / window, 0.0, 1.0) ** np.float32(exposure.gamma)
    return np.round(shown * 255).astype(np.uint8)
