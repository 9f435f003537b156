"""The 11 Laue groups and their rotations.

Axes: cubic ⟨100⟩; hexagonal, trigonal and tetragonal z ∥ c and x ∥ a (a twofold axis of -3m, which is -3m1); the twofold
axis of 2/m is y. A crystal symmetry s multiplies from the left: q and s q are one orientation of the crystal.
"""

import functools
import math

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check_choice

X, Y, Z, DIAGONAL = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)

# Axis and order of rotations that generate each group.
GENERATORS: dict[str, tuple[tuple[tuple[float, float, float], int], ...]] = {
    "-1": (),
    "2/m": ((Y, 2),),
    "mmm": ((X, 2), (Z, 2)),
    "-3": ((Z, 3),),
    "-3m": ((Z, 3), (X, 2)),
    "4/m": ((Z, 4),),
    "4/mmm": ((Z, 4), (X, 2)),
    "6/m": ((Z, 6),),
    "6/mmm": ((Z, 6), (X, 2)),
    "m-3": ((Z, 2), (DIAGONAL, 3)),
    "m-3m": ((Z, 4), (DIAGONAL, 3)),
}
LAUE_GROUPS = tuple(GENERATORS)
SAME = 1e-9


def symmetry_operators(laue: str) -> Float[np.ndarray, "4 n"]:
    """The rotations of a Laue group as unit quaternions `(4, n)`, the identity first, scalar parts not negative.

    Args:
        laue: one of `LAUE_GROUPS`, in Hermann–Mauguin notation.

    Returns:
        Float64 quaternions on the host, read-only: n = 1, 2, 4, 3, 6, 4, 8, 6, 12, 12, 24 in the order of `LAUE_GROUPS`.

    Raises:
        ValueError: if the group is not known.

    Example:
        >>> symmetry_operators("m-3m").shape
        (4, 24)

    Constant: there is nothing to differentiate.
    """
    check_choice("laue", laue, LAUE_GROUPS)
    return _operators(laue)


@functools.cache
def _operators(laue: str) -> Float[np.ndarray, "4 n"]:
    """Products of the generators until nothing new comes."""
    steps = [_turn(axis, order) for axis, order in GENERATORS[laue]]
    found = [np.array([1.0, 0.0, 0.0, 0.0])]
    for element in found:  # which grows
        for step in steps:
            product = _clean(_product(step, element))
            if all(abs(product @ other) < 1 - SAME for other in found):
                found.append(product)
    operators = np.stack(found, axis=1)
    operators.flags.writeable = False
    return operators


def _turn(axis: tuple[float, float, float], order: int) -> np.ndarray:
    """The passive rotation by 2π/order about an axis: its vector part is minus that of the active one."""
    half = math.pi / order
    return np.array([math.cos(half), *(-math.sin(half) * np.asarray(axis) / np.linalg.norm(axis))])


def _product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    w, v, s, u = p[0], p[1:], q[0], q[1:]
    return np.array([w * s - v @ u, *(w * u + s * v + np.cross(v, u))])


def _clean(q: np.ndarray) -> np.ndarray:
    """Components that are exactly 0, 1/2, √2/2, √3/2 or 1 in value, and one sign for q and -q."""
    exact = np.array([0.0, 0.5, math.sqrt(0.5), math.sqrt(0.75), 1.0])
    size = exact[np.abs(np.abs(q)[:, None] - exact).argmin(axis=1)]
    q = np.where(size == 0, 0.0, np.copysign(size, q))
    leading = q[np.flatnonzero(q)[0]]
    return np.where(q == 0, 0.0, -q) if leading < 0 else q
