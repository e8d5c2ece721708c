"""The shapes of the bones: control points of closed curves, and the curves through them.

Shapes were drawn after the anatomy of a right hand seen from the back, thumb to the left. Carpals
and forearm are in the wrist's frame: x to the right (ulnar), y down (proximal), origin in the
middle of the carpal box, 1 unit = 1 pixel of a 2048² radiograph of a mean hand. A long bone is in
its own frame: along the shaft from 0 (base) to 1 (head), and across it in half widths of the base.
"""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Points [n, 2] as (x, y)."""

CARPAL_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "Trapezium": [
        (-192, -78), (-176, -100), (-154, -94), (-132, -108), (-106, -104), (-90, -78),
        (-90, -46), (-104, -20), (-134, -13), (-160, -24), (-172, -44), (-188, -56),
    ],
    "Trapezoid": [
        (-106, -100), (-84, -117), (-60, -108), (-48, -84), (-50, -60), (-46, -42),
        (-62, -31), (-86, -35), (-96, -56), (-108, -78),
    ],
    "Capitate": [
        (-48, -112), (-20, -116), (14, -118), (48, -108), (58, -86), (53, -54), (50, -20),
        (49, 10), (41, 38), (21, 58), (-5, 64), (-28, 55), (-43, 33), (-44, 6), (-35, -20),
        (-40, -46), (-54, -70), (-60, -94),
    ],
    "Hamate": [
        (64, -106), (94, -108), (124, -94), (153, -76), (157, -54), (138, -32), (120, -10),
        (104, 16), (84, 40), (64, 51), (51, 40), (50, 12), (55, -22), (52, -60), (54, -90),
    ],
    "Scaphoid": [
        (-124, -22), (-98, -36), (-70, -30), (-54, -10), (-50, 16), (-40, 42), (-27, 62),
        (-30, 90), (-54, 106), (-84, 99), (-106, 78), (-114, 56), (-122, 36), (-140, 14),
        (-140, -8),
    ],
    "Lunate": [
        (-32, 66), (-12, 77), (10, 77), (30, 63), (47, 51), (65, 66), (68, 95), (56, 120),
        (30, 135), (0, 134), (-24, 118), (-36, 92),
    ],
    "Triquetrum": [
        (66, 50), (86, 27), (110, 20), (134, 4), (150, 20), (146, 50), (130, 82), (104, 98),
        (80, 91), (70, 72),
    ],
    "Pisiform": [
        (106, 24), (128, 22), (146, 38), (150, 64), (142, 90), (122, 100), (103, 92), (97, 68),
        (93, 44),
    ],
}  # fmt: skip

FOREARM_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "Radius": [
        (-160, 68), (-146, 80), (-126, 96), (-96, 112), (-62, 122), (-36, 125), (0, 141),
        (28, 151), (39, 164), (37, 186), (29, 208), (21, 240), (10, 290), (0, 350), (-8, 430),
        (-13, 560), (-16, 720), (-20, 900), (-23, 1180), (-155, 1180), (-153, 900), (-152, 720),
        (-151, 560), (-153, 430), (-159, 340), (-168, 260), (-178, 195), (-182, 145), (-178, 102),
        (-171, 76),
    ],
    "Ulna": [
        (47, 174), (56, 160), (77, 153), (98, 157), (113, 150), (119, 133), (130, 136),
        (140, 160), (143, 192), (139, 224), (132, 262), (129, 320), (132, 420), (137, 600),
        (143, 900), (149, 1180), (43, 1180), (37, 900), (34, 600), (35, 420), (38, 320),
        (42, 262), (42, 224), (40, 196),
    ],
}  # fmt: skip

# (along, across) of one side from base to head; the other side mirrors it, each with its own
# factor, so that no bone is symmetric.
PHALANX = [
    (0.030, 0.0), (0.016, 0.30), (0.0, 0.60), (0.012, 0.86), (0.055, 1.0), (0.115, 0.97),
    (0.19, 0.83), (0.31, 0.71), (0.46, 0.645), (0.62, 0.61), (0.75, 0.63), (0.84, 0.73),
    (0.90, 0.80), (0.95, 0.74), (0.985, 0.55), (0.997, 0.32), (0.982, 0.0),
]  # fmt: skip
TIP = [
    (0.03, 0.0), (0.012, 0.34), (0.0, 0.62), (0.02, 0.90), (0.07, 1.0), (0.14, 0.93),
    (0.24, 0.70), (0.37, 0.53), (0.51, 0.455), (0.64, 0.455), (0.725, 0.53), (0.785, 0.63),
    (0.85, 0.685), (0.91, 0.63), (0.958, 0.46), (0.988, 0.24), (0.997, 0.0),
]  # fmt: skip
METACARPAL = [
    (0.024, 0.0), (0.012, 0.36), (0.0, 0.70), (0.016, 0.93), (0.052, 1.0), (0.105, 0.93),
    (0.19, 0.76), (0.32, 0.655), (0.46, 0.625), (0.60, 0.66), (0.72, 0.78), (0.81, 0.95),
    (0.872, 1.05), (0.925, 1.0), (0.968, 0.76), (0.99, 0.42), (0.996, 0.0),
]  # fmt: skip
SECOND_METACARPAL = [(0.058, 0.0), (0.034, 0.30), *METACARPAL[2:]]
"""Its base straddles the trapezoid like a fork."""
FOURTH_METACARPAL = [
    (along, across * (0.88 if along < 0.15 else 1.0)) for along, across in METACARPAL
]
"""Its base is the narrowest."""
THUMB_METACARPAL = [
    (0.02, 0.0), (0.0, 0.36), (0.004, 0.72), (0.045, 0.98), (0.095, 1.0), (0.17, 0.88),
    (0.28, 0.74), (0.42, 0.68), (0.57, 0.68), (0.70, 0.76), (0.80, 0.88), (0.875, 0.95),
    (0.935, 0.87), (0.978, 0.58), (0.995, 0.0),
]  # fmt: skip


def closed_curve(control: Points, samples: int = 8) -> Points:
    """The closed Catmull-Rom curve through `control` [n, 2], `samples` points a segment."""
    before, after, beyond = (np.roll(control, shift, axis=0) for shift in (1, -1, -2))
    t = np.linspace(0.0, 1.0, samples, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * control
        + (after - before) * t
        + (2 * before - 5 * control + 4 * after - beyond) * t**2
        + (3 * control - before - 3 * after + beyond) * t**3
    )
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def mirrored_profile(
    profile: list[tuple[float, float]], left: float = 1.0, right: float = 1.0
) -> Points:
    """Closed control points [n, 2] (across, along) of a long bone from the profile of one side."""
    along, across = np.array(profile).T
    one_side = np.stack([across * right, along], axis=1)
    other_side = np.stack([-across * left, along], axis=1)[-2:0:-1]
    return np.concatenate([one_side, other_side])


def area(outline: Points) -> float:
    """The area inside a closed outline (shoelace formula), in square units."""
    x, y = outline.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def centroid(outline: Points) -> Points:
    """The mean [2] of the outline's points: the middle of a bone, to turn or scale it about."""
    return outline.mean(axis=0)


def outward_normals(outline: Points) -> Points:
    """Unit normals [n, 2] that point out of a closed outline of either orientation."""
    tangent = np.roll(outline, -1, axis=0) - np.roll(outline, 1, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    x, y = outline.T
    signed = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return normal if signed > 0 else -normal


def ripple(outline: Points, rng: np.random.Generator, amplitude: float) -> Points:
    """Push an outline in and out by smooth waves (harmonics 2 to 6), `amplitude` units each sd."""
    angle = np.linspace(0.0, 2 * np.pi, len(outline), endpoint=False)
    push = np.zeros(len(outline))
    for harmonic in range(2, 7):
        size, phase = rng.normal(0.0, amplitude / harmonic), rng.uniform(0, 2 * np.pi)
        push += size * np.sin(harmonic * angle + phase)
    return outline + outward_normals(outline) * push[:, None]
