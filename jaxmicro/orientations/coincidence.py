"""Coincidence site lattices of cubic crystals: Σ3, Σ5, … up to Σ47.

An integer quaternion without common factor whose squared length is the odd number Σ is a rotation that leaves one site in Σ
common to both lattices; up to symmetry all of them arise so.
"""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxmicro._core import as_float_array, check, check_choice, is_concrete
from jaxmicro.orientations.equivalents import SAME, checked_pair, inverse, product
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.misorientation import misorientation
from jaxmicro.orientations.quaternions import multiply

LARGEST = 47
LARGEST_DEVIATION = math.radians(15.0)
EXPONENTS = {"brandon": 1 / 2, "palumbo-aust": 5 / 6}


def coincidence(sigma: float | str, degrees: bool = False) -> tuple[Float[np.ndarray, "3"], float]:
    """Axis and angle of the coincidence misorientation Σ of cubic crystals, reduced as `disorientation` does.

    Args:
        sigma: an odd number from 1 to 47. Where several misorientations share a Σ, a letter tells them apart by increasing angle,
            as in "13a" and "13b".
        degrees: whether to return degrees.

    Returns:
        (axis, angle): a unit vector with z ≥ x ≥ y ≥ 0, on the host, and the angle in radians.

    Raises:
        ValueError: if there is no such Σ, or it needs a letter.

    Reference:
        H. Grimmer, W. Bollmann, D. H. Warrington, Acta Cryst. A 30, 197 (1974), doi:10.1107/S056773947400043X (up to Σ49).

    Example:
        >>> axis, angle = coincidence(3, degrees=True)
        >>> axis.round(3).tolist(), round(angle, 6)
        ([0.577, 0.577, 0.577], 60.0)
        >>> round(coincidence("13b", degrees=True)[1], 2)
        27.8

    Constant: there is nothing to differentiate.
    """
    q = _reduced(sigma)
    length = float(np.linalg.norm(q[1:]))
    angle = 2 * math.atan2(length, q[0])
    axis = -q[1:] / length if length else np.array([0.0, 0.0, 1.0])
    return axis, math.degrees(angle) if degrees else angle


def coincidence_deviation(q1: ArrayLike, q2: ArrayLike, sigma: float | str, degrees: bool = False) -> Float[Array, "..."]:
    """How far the misorientation of cubic crystals is from the nearest coincidence Σ.

    The smallest misorientation between `q2` and any Σ variant of `q1`, such as the four twins of Σ3.

    Args:
        q1: unit quaternions `(4, …)`.
        q2: unit quaternions `(4, …)`; the trailing shapes broadcast.
        sigma: as in `coincidence`.
        degrees: whether to return degrees.

    Returns:
        Angles `(…)`, in radians.

    Raises:
        ValueError: if the first axis is not 4, the shapes do not broadcast or there is no such Σ.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> twin = from_axis_angle((1.0, 1.0, 1.0), 58.0, degrees=True)
        >>> round(float(coincidence_deviation(jnp.array([1.0, 0, 0, 0]), twin, 3, degrees=True)), 3)
        2.0

    Differentiable where one variant is nearest; at exact coincidence the derivative is zero or a slope of the tip.
    """
    first, second = checked_pair(q1, q2)
    variants = jnp.asarray(_variants(_name(sigma)).T, first.dtype)

    def closer(best: Array, variant: Array) -> tuple[Array, Array]:
        angle = misorientation(multiply(variant, jax.lax.stop_gradient(first)), jax.lax.stop_gradient(second), "m-3m")
        return jnp.minimum(best, angle), angle

    shape = jnp.broadcast_shapes(first.shape[1:], second.shape[1:])
    _, angles = jax.lax.scan(closer, jnp.full(shape, jnp.inf, first.dtype), variants)
    nearest = jnp.moveaxis(variants[jnp.argmin(angles, axis=0)], -1, 0)
    return misorientation(multiply(nearest, first), second, "m-3m", degrees=degrees)


def is_coincident(
    q1: ArrayLike, q2: ArrayLike, sigma: float | str, criterion: str = "brandon", tolerance: ArrayLike | None = None, degrees: bool = False
) -> Bool[Array, "..."]:
    """Whether the misorientation of cubic crystals lies within a tolerance of the coincidence Σ.

    Args:
        q1: unit quaternions `(4, …)`.
        q2: unit quaternions `(4, …)`; the trailing shapes broadcast.
        sigma: as in `coincidence`.
        criterion: "brandon", 15°/Σ^(1/2), or "palumbo-aust", 15°/Σ^(5/6).
        tolerance: an angle in radians in place of the criterion; it may be traced.
        degrees: whether `tolerance` is in degrees.

    Returns:
        `(…)`; False where an orientation is NaN, or a traced tolerance is negative.

    Raises:
        ValueError: if the first axis is not 4, the shapes do not broadcast, there is no such Σ or criterion, or the
            tolerance is negative or not one number.

    Reference:
        D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4; G. Palumbo, K. T. Aust, Acta Metall.
        Mater. 38, 2343 (1990), doi:10.1016/0956-7151(90)90101-L.

    Example:
        >>> twin = from_axis_angle((1.0, 1.0, 1.0), 53.0, degrees=True)  # 7° away, and 15°/√3 is 8.7°
        >>> here = jnp.array([1.0, 0, 0, 0])
        >>> bool(is_coincident(here, twin, 3)), bool(is_coincident(here, twin, 3, "palumbo-aust"))
        (True, False)

    Yes or no: there is nothing to differentiate.
    """
    check_choice("criterion", criterion, EXPONENTS)
    deviation = coincidence_deviation(q1, q2, sigma)
    if tolerance is None:
        return deviation <= LARGEST_DEVIATION / _number(sigma) ** EXPONENTS[criterion]
    most = as_float_array("tolerance", tolerance).astype(deviation.dtype)
    check(most.shape == (), f"`tolerance` must be one angle, but its shape is {most.shape}.")
    if is_concrete(most):
        check(
            float(np.asarray(most)) >= 0,
            f"`tolerance` must not be negative, but it is {tolerance}. Give an angle in radians, or `degrees=True`.",
        )
    return deviation <= (jnp.deg2rad(most) if degrees else most)


def brandon(sigma: int | str) -> float:
    """Brandon's largest deviation 15°/Σ^(1/2), in degrees, of an odd Σ from 1 to 47, with or without its letter."""
    check_choice(
        "sigma", _name(sigma), sorted({*_table(), *(name.rstrip("abc") for name in _table())}, key=lambda name: (_number(name), name))
    )
    return math.degrees(LARGEST_DEVIATION) / _number(sigma) ** EXPONENTS["brandon"]


def _number(sigma: float | str) -> int:
    return int(_name(sigma).rstrip("abc"))


def _name(sigma: Any) -> str:
    """A Σ as the table has it; 3.0 is "3"."""
    return str(int(sigma)) if isinstance(sigma, (float, np.floating)) and float(sigma).is_integer() else str(sigma)


@functools.cache
def _table() -> dict[str, np.ndarray]:
    """The reduced quaternion of every Σ up to the largest."""
    table: dict[str, np.ndarray] = {}
    for number in range(1, LARGEST + 1, 2):
        found: list[np.ndarray] = []
        for integers in itertools.combinations_with_replacement(range(math.isqrt(number), -1, -1), 4):
            if sum(i * i for i in integers) == number and math.gcd(*integers) == 1:
                q = _least_turn(np.array(integers) / math.sqrt(number))
                if all(np.abs(q - other).max() > SAME for other in found):
                    found.append(q)
        found.sort(key=lambda q: -q[0])
        letters = "abc" if len(found) > 1 else ("",)
        table |= {f"{number}{letter}": q for letter, q in zip(letters, found, strict=False)}
    return table


def _least_turn(q: np.ndarray) -> Float[np.ndarray, "4"]:
    """The cubic equivalent that turns least, with its axis in the triangle z ≥ x ≥ y ≥ 0."""
    equivalents = np.stack(product(symmetry_operators("m-3m"), q))
    best = np.abs(equivalents[:, np.abs(equivalents[0]).argmax()])
    low, middle, high = np.sort(best[1:])
    return np.array([best[0], -middle, -low, -high])


def _reduced(sigma: float | str) -> Float[np.ndarray, "4"]:
    name, table = _name(sigma), _table()
    lettered = [known for known in table if known.rstrip("abc") == name]
    check(
        name in table or not lettered,
        f"`sigma` must tell which Σ{name} is meant, but it is {sigma!r}. Give one of {', '.join(map(repr, lettered))}.",
    )
    check_choice("sigma", name, table)
    return table[name]


@functools.cache
def _variants(sigma: str) -> Float[np.ndarray, "4 n"]:
    """The coincidence rotations s c s⁻¹ and their inverses that lead to different orientations: c ~ s c for any symmetry s."""
    c = _reduced(sigma)
    symmetry = symmetry_operators("m-3m")
    found: list[np.ndarray] = []
    for rotation in (c, np.stack(inverse(c))):
        for variant in np.stack(product(product(symmetry, rotation), inverse(symmetry)), axis=1):
            quotients = [np.stack(product(variant, inverse(other))) for other in found]
            if all(np.abs(symmetry.T @ quotient).max() < 1 - SAME for quotient in quotients):
                found.append(variant)
    return np.stack(found, axis=1)
