"""How much of a voxel lies on one side of a plane."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_shape


def plane_cut(offset: Float[ArrayLike, "..."], gradient: Float[ArrayLike, "d ..."], spacing: Float[ArrayLike, " d"]) -> Float[Array, "..."]:
    """Share of a voxel where a linear function is negative: s(x) = offset + gradient · x, x from the centre of the voxel.

    In units of the voxel it is the distribution function of a sum of independent uniform numbers on [0, m_i], m_i = |gradient_i| h_i,
    a piecewise cubic (in 2D quadratic) of the offset. With m₁ ≤ m₂ ≤ m₃ and t = ½ Σ m − |offset|, which is on the smaller side,

        t < m₁:  t³/(6 m₁ m₂ m₃),     t > m₁ + m₂:  (2t − m₁ − m₂)/(2 m₃),     between:
        (3t² − 3t m₁ + m₁²)/(6 m₂ m₃) − ((t − m₂)₊³ + (t − m₃)₊³)/(6 m₁ m₂ m₃),

    in this form without cancellation where an m vanishes.

    Args:
        offset: value at the centre of each voxel, (...), in any unit: only the ratio to the gradient counts.
        gradient: (d, ...), d = 2 or 3, in the unit of the offset over that of `spacing`.
        spacing: edge lengths of the voxel, (d,).

    Returns:
        Shares in [0, 1], (...). Without a gradient it is 0 or 1 by the sign of the offset, ½ at zero.

    Raises:
        ValueError: if the shapes do not fit.

    References:
        Scardovelli & Zaleski (2000), doi:10.1006/jcph.2000.6567.

    Example:
        >>> plane_cut(0.5, jnp.array([1.0, 1.0]), jnp.array([1.0, 1.0])).item()  # half of a half square
        0.125

    Differentiable in all arguments but where the plane goes through a corner of a voxel that it is parallel to.
    """
    offset, gradient, spacing = as_float_arrays(offset=offset, gradient=gradient, spacing=spacing)
    d = gradient.shape[0] if gradient.ndim else 0
    check(d in (2, 3), f"`gradient` must have 2 or 3 components first, but its shape is {gradient.shape}.")
    check_shape("spacing", spacing, (d,), "Give the edge lengths of a voxel.")
    widths = jnp.abs(gradient) * spacing.reshape(d, *(1,) * (gradient.ndim - 1))
    return _share(*jnp.broadcast_arrays(offset, *widths))


@jax.jit
def _share(offset: Array, *widths: Array) -> Array:
    if len(widths) == 2:
        widths = (jnp.zeros_like(widths[0]), *widths)
    scale = widths[0] + widths[1] + widths[2]
    flat = scale <= 0
    safe = jnp.where(flat, 1.0, scale)
    m1, m2, m3 = jnp.sort(jnp.stack([w / safe for w in widths]), axis=0)
    distance = offset / safe
    positive = distance >= 0
    smaller = _smaller(jnp.maximum(0.5 - jnp.where(positive, distance, -distance), 0.0), m1, m2, m3)
    cut = jnp.where(positive, smaller, 1.0 - smaller)
    return jnp.where(flat, jnp.heaviside(-offset, jnp.asarray(0.5, offset.dtype)), cut)


def _smaller(t: Array, m1: Array, m2: Array, m3: Array) -> Array:
    """The smaller share, with m₁ + m₂ + m₃ = 1 and 0 ≤ t ≤ ½."""
    p1, p2, p3 = (jnp.where(m > 0, m, 1.0) for m in (m1, m2, m3))
    corner = (t / p1) * (t / p2) * (t / (6 * p3))
    beyond = sum(jnp.maximum(t - m, 0.0) ** 3 for m in (m2, m3)) / p1
    between = (3 * t * (t - m1) + m1**2 - beyond) / (6 * p2 * p3)
    across = (2 * t - m1 - m2) / (2 * p3)
    return jnp.where(t < m1, corner, jnp.where(t < m1 + m2, between, across))
