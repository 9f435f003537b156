"""Is every voxel's tensor positive (semi-)definite? Answered without eigenvalues, by an unrolled LDLᵀ over the grid."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

ROUNDING = 64  # an eigenvalue counts as zero below this many eps for each row of the tensor, relative to its largest entry

MARGIN = 8  # the same for a tensor that is to be inverted: in float32 a nearly incompressible solid must still pass


def is_semidefinite(tensor: Float[Array, "m m *grid"]) -> Bool[Array, "*grid"]:
    """True where the symmetric part is positive semi-definite up to rounding.

    A is semi-definite up to δ iff A + δ 1 is definite, which elimination without pivoting decides: its own rounding is below
    δ = 64 m eps max|A|.

    Example:
        >>> is_semidefinite(jnp.array([[1.0, 2.0], [2.0, 1.0]])).item()
        False
    """
    return _positive_pivots(tensor, ROUNDING)


def is_definite(tensor: Float[Array, "m m *grid"]) -> Bool[Array, "*grid"]:
    """True where the smallest eigenvalue of the symmetric part is positive beyond rounding, so that it can be inverted.

    Example:
        >>> is_definite(jnp.array([[1.0, 1.0], [1.0, 1.0]])).item()
        False
    """
    return _positive_pivots(tensor, -MARGIN)


def _positive_pivots(tensor: Float[Array, "m m *grid"], roundings: int) -> Bool[Array, "*grid"]:
    """Whether A/max|A| + δ 1, δ = `roundings` m eps, is eliminated with positive pivots alone; of unit size, nothing overflows."""
    m = tensor.shape[0]
    size = jnp.max(jnp.abs(tensor), axis=(0, 1))
    scale = 1.0 / jnp.where(size >= jnp.finfo(tensor.dtype).tiny, size, 1.0)
    shift = roundings * m * jnp.finfo(tensor.dtype).eps
    entries = {(i, j): (0.5 * scale) * tensor[i, j] + (0.5 * scale) * tensor[j, i] for i in range(m) for j in range(i, m)}
    good = jnp.ones(tensor.shape[2:], bool)
    for k in range(m):
        pivot = entries[k, k] + shift
        positive = pivot > 0
        good &= positive
        inverse = 1.0 / jnp.where(positive, pivot, 1.0)
        for i in range(k + 1, m):
            for j in range(i, m):
                entries[i, j] = entries[i, j] - entries[k, i] * entries[k, j] * inverse
    return good
