"""The rotation between two crystals, and the one of its symmetric equivalents that turns least.

A misorientation is Δ = q2 q1⁻¹, up to s2 Δ s1⁻¹ with symmetries s1, s2 of the two crystals. The angle depends on the scalar
part alone, and that of s2 Δ s1⁻¹ is that of (s1⁻¹ s2) Δ: only the distinct products s1⁻¹ s2 have to be tried. For one
group those are its own n rotations, not n².
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_float_arrays, check_broadcast, check_choice
from jaxmicro.orientations.laue import LAUE_GROUPS, symmetry_operators
from jaxmicro.orientations.quaternions import checked

SAME = 1e-9
Components = Sequence[Any] | Array | np.ndarray  # four of them


def checked_pair(q1: Any, q2: Any) -> tuple[Array, Array]:
    """Two quaternion arrays of one dtype whose trailing shapes broadcast."""
    a, b = as_float_arrays(q1=q1, q2=q2)
    a, b = checked("q1", a), checked("q2", b)
    check_broadcast("q2", b.shape[1:], "q1", a.shape[1:], "Compare one orientation (4,) with many, or equally many.")
    return a, b


def check_group(argument: str, laue: Any) -> None:
    """Refuse a Laue group that is not known."""
    check_choice(argument, laue, LAUE_GROUPS)


def product(p: Components, q: Components) -> tuple[Any, ...]:
    """Hamilton product of quaternions given by component, of JAX or of NumPy."""
    w, x, y, z = p
    s, i, j, k = q
    return (
        w * s - x * i - y * j - z * k,
        w * i + x * s + y * k - z * j,
        w * j - x * k + y * s + z * i,
        w * k + x * j - y * i + z * s,
    )


def relative_rotation(q1: Components, q2: Components) -> tuple[Array, ...]:
    """Δ = q2 q1⁻¹, up to sign, exact for neighbours.

    The vector part of q1 q1⁻¹ is zero, so that of q2 q1⁻¹ is that of (q2 ∓ q1) q1⁻¹. The difference of neighbours has no
    rounding error, so neither has a small angle; identical neighbours give exactly zero.
    """
    scalar = functools.reduce(jnp.add, [a * b for a, b in zip(q1, q2, strict=True)])
    sign = jnp.where(scalar < 0, -1.0, 1.0).astype(scalar.dtype)
    difference = [b - sign * a for a, b in zip(q1, q2, strict=True)]
    return scalar, *product(difference, inverse(q1))[1:]


def inverse(q: Components) -> tuple[Any, ...]:
    """The inverse of unit quaternions given by component."""
    w, x, y, z = q
    return w, -x, -y, -z


@functools.cache
def pair_operators(laue: str, laue2: str) -> Float[np.ndarray, "4 n"]:
    """The distinct products s1⁻¹ s2 of the rotations of two groups, the identity first."""
    first, second = symmetry_operators(laue), symmetry_operators(laue2)
    if laue == laue2:
        return first
    found: list[np.ndarray] = []
    for s1 in first.T:
        for candidate in np.stack(product(inverse(s1), second), axis=1):
            if all(abs(candidate @ other) < 1 - SAME for other in found):
                found.append(candidate)
    return np.stack(found, axis=1)


def nearest_operator(q: Components, operators: np.ndarray) -> tuple[Array, ...]:
    """For each q the operator s with the largest scalar part of s q, in size: s q turns least.

    A constant for differentiation. The loop keeps the compiler from working the search out again for every component of what
    follows, as it does with a chain of comparisons (a hundred times slower).
    """
    w, x, y, z = (jax.lax.stop_gradient(component) for component in q)
    table = jnp.asarray(operators, w.dtype)

    def consider(k: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        s = table[:, k]
        size = jnp.abs(s[0] * w - s[1] * x - s[2] * y - s[3] * z)
        better = size > best[0]
        return jnp.where(better, size, best[0]), jnp.where(better, k, best[1])

    _, nearest = jax.lax.fori_loop(1, table.shape[1], consider, (jnp.abs(w), jnp.zeros(w.shape, jnp.int32)))
    return tuple(jnp.take(row, nearest, mode="clip") for row in table)


def least_turn(q: Components, operators: np.ndarray) -> tuple[Array, ...]:
    """The equivalent s q that turns least, up to sign."""
    return product(nearest_operator(q, operators), q)


def vector_length(q: Components) -> Float[Array, "..."]:
    """Length of the vector part, with value and derivative zero at zero."""
    square = q[1] ** 2 + q[2] ** 2 + q[3] ** 2
    none = square == 0
    return jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, square)))


def turning_angle(q: Components) -> Float[Array, "..."]:
    """ω = 2 atan2(|v|, |w|) of quaternions of any length, in [0, π]; NaN for a zero quaternion."""
    length, scalar = vector_length(q), jnp.abs(q[0])
    return 2 * jnp.arctan2(length, jnp.where((length == 0) & (scalar == 0), jnp.nan, scalar))
