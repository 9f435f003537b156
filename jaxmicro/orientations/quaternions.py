"""Algebra of quaternions (4, …), scalar first.

A quaternion is the passive rotation from sample to crystal axes: `to_matrix(q) @ s = h`. With the Hamilton product,
to_matrix(multiply(p, q)) = to_matrix(p) @ to_matrix(q), so a crystal symmetry multiplies from the left. Quaternions of any
length but zero stand for the rotation of q/|q|.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_broadcast, in_reach, is_concrete, split_named

ORTHOGONAL = {"float64": 1e-5, "float32": 1e-4}  # of the entries of gᵀ g − 1, up to which a matrix counts as a rotation


def checked(argument: str, q: Any) -> Float[Array, "4 ..."]:
    """A quaternion array with its components first."""
    array = as_float_array(argument, q)
    check(
        array.ndim >= 1 and array.shape[0] == 4,
        f"`{argument}` must be quaternions (4, …), scalar first, but its shape is {array.shape}. Move the components to the first axis.",
    )
    return array


def multiply(p: ArrayLike, q: ArrayLike) -> Float[Array, "4 ..."]:
    """Hamilton product p q: the rotation `q` first, then `p`. Lengths multiply.

    Args:
        p: quaternions `(4, …)`; the trailing shapes broadcast.
        q: quaternions `(4, …)`.

    Returns:
        The products `(4, …)`.

    Raises:
        ValueError: if the first axis is not 4 or the shapes do not broadcast.

    Example:
        >>> multiply(jnp.array([0.0, 1, 0, 0]), jnp.array([0.0, 0, 1, 0])).tolist()
        [0.0, 0.0, 0.0, 1.0]

    Differentiable in both factors.
    """
    a, b = checked("p", p), checked("q", q)
    check_broadcast("q", b.shape[1:], "p", a.shape[1:], "Multiply one quaternion (4,) with many, or equally many.")
    w, x, y, z = a
    s, i, j, k = b
    return jnp.stack(
        [
            w * s - x * i - y * j - z * k,
            w * i + x * s + y * k - z * j,
            w * j - x * k + y * s + z * i,
            w * k + x * j - y * i + z * s,
        ]
    )


def conjugate(q: ArrayLike) -> Float[Array, "4 ..."]:
    """The inverse rotation of quaternions `(4, …)`: crystal → sample. The length stays.

    Example:
        >>> conjugate(jnp.array([0.5, 0.5, 0.5, 0.5])).tolist()
        [0.5, -0.5, -0.5, -0.5]

    Differentiable.
    """
    q = checked("q", q)
    return jnp.concatenate([q[:1], -q[1:]])


def normalize(q: ArrayLike) -> Float[Array, "4 ..."]:
    """Scale quaternions `(4, …)` of any length to unit length; a zero quaternion becomes the identity.

    Example:
        >>> normalize(jnp.array([2.0, 2, 2, 2])).tolist()
        [0.5, 0.5, 0.5, 0.5]

    Differentiable, with derivative zero at a zero quaternion.
    """
    q = in_reach(checked("q", q))
    square = jnp.sum(q**2, axis=0)
    zero = square == 0
    unit = q / jnp.sqrt(jnp.where(zero, 1.0, square))
    identity = jnp.zeros_like(q).at[0].set(1.0)
    return jnp.where(zero, identity, unit)


def to_matrix(q: ArrayLike) -> Float[Array, "3 3 ..."]:
    """Rotation matrices g of quaternions: h = g s takes sample to crystal components.

    Args:
        q: quaternions `(4, …)` of any length, which drops out; zero counts as the identity.

    Returns:
        Matrices `(3, 3, …)`.

    Raises:
        ValueError: if the first axis is not 4.

    Example:
        >>> to_matrix(jnp.array([1.0, 0, 0, 0])).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    Differentiable; the derivative along q itself is zero.
    """
    return matrix_of_unit(normalize(q))


def matrix_of_unit(q: Float[ArrayLike, "4 ..."]) -> Float[Array, "3 3 ..."]:
    """`to_matrix` of quaternions that are known to be of unit length: a polynomial of degree two."""
    w, x, y, z = jnp.asarray(q)
    return jnp.stack(
        [
            jnp.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]),
            jnp.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]),
            jnp.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]),
        ]
    )


def from_matrix(matrix: ArrayLike) -> Float[Array, "4 ..."]:
    """Unit quaternions of rotation matrices `(3, 3, …)`, stable for every angle.

    The 4 × 4 matrix 4 q qᵀ is linear in g; its row of largest diagonal entry, normalised, is ± q.

    Args:
        matrix: proper rotation matrices `(3, 3, …)`; the entries of gᵀ g − 1 may be up to 10⁻⁵, in float32 10⁻⁴.

    Returns:
        Unit quaternions `(4, …)`, scalar part not negative up to rounding. NaN where a matrix holds NaN, or is traced and no
        proper rotation.

    Raises:
        ValueError: if the shape does not begin with (3, 3), or a matrix is no proper rotation.

    Reference:
        S. W. Shepperd, "Quaternion from rotation matrix", J. Guid. Control 1, 223 (1978), doi:10.2514/3.55767b.

    Example:
        >>> from_matrix(jnp.eye(3)).tolist()
        [1.0, 0.0, 0.0, 0.0]

    Differentiable.
    """
    g = as_float_array("matrix", matrix)
    check(g.ndim >= 2 and g.shape[:2] == (3, 3), f"`matrix` must have shape (3, 3, …), but its shape is {g.shape}.")
    proper = _check_proper(g)
    t0, t1, t2 = g[0, 0], g[1, 1], g[2, 2]
    a, b, c = g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1]
    d, e, f = g[1, 0] + g[0, 1], g[2, 0] + g[0, 2], g[2, 1] + g[1, 2]
    outer = jnp.stack(
        [
            jnp.stack([1 + t0 + t1 + t2, a, b, c]),
            jnp.stack([a, 1 + t0 - t1 - t2, d, e]),
            jnp.stack([b, d, 1 - t0 + t1 - t2, f]),
            jnp.stack([c, e, f, 1 - t0 - t1 + t2]),
        ]
    )
    best = jnp.argmax(jnp.stack([outer[i, i] for i in range(4)]), axis=0)
    row = jnp.take_along_axis(outer, best[None, None], axis=0)[0]
    q = row / jnp.sqrt(jnp.sum(row**2, axis=0))
    return jnp.where(proper, jnp.where(q[:1] < 0, -q, q), jnp.nan)


def _check_proper(g: Array) -> Array:
    """Where matrices are proper rotations; concrete ones that are not, NaN aside, are refused."""
    xp = np if is_concrete(g) else jnp
    m = xp.asarray(g)
    gap = xp.abs(xp.einsum("ki...,kj...->ij...", m, m) - np.eye(3, dtype=g.dtype).reshape((3, 3) + (1,) * (g.ndim - 2))).max(axis=(0, 1))
    determinant = (m[0] * xp.cross(m[1], m[2], axis=0)).sum(axis=0)
    fits = (gap <= ORTHOGONAL[g.dtype.name]) & (determinant > 0)
    if is_concrete(g):
        wrong = ~fits & ~np.isnan(determinant)
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"`matrix` must hold proper rotations, but {int(wrong.sum())} of {wrong.size} are not (the first{f' at {where}' if where else ''}: "
                f"determinant {float(determinant[where]):.3g}, largest entry of gᵀ g − 1 {float(gap[where]):.3g}). "
                "Make its rows perpendicular unit vectors, right-handed."
            )
    return jnp.asarray(fits)


def random_orientations(key: Array, n: int | tuple[int, ...], dtype: Any = None) -> Float[Array, "4 ..."]:
    """Orientations drawn uniformly from all rotations (Haar measure).

    Args:
        key: typed random key.
        n: how many, or the trailing shape.
        dtype: by default JAX's default float.

    Returns:
        Unit quaternions `(4, n)`.

    Example:
        >>> random_orientations(jax.random.key(0), 5).shape
        (4, 5)

    No derivative: nothing continuous goes in.
    """
    shape = (n,) if isinstance(n, int) else tuple(n)
    draw = split_named(key, "orientations")["orientations"]
    return normalize(jax.random.normal(draw, (4, *shape), dtype or jnp.result_type(float)))
