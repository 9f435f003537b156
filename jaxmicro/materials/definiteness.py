"""Is every voxel's tensor positive semi-definite? Answered without eigenvalues, by an unrolled LDLᵀ over the grid."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def is_semidefinite(tensor: Float[Array, "m m *grid"]) -> Bool[Array, "*grid"]:
    """True where the symmetric part is positive semi-definite up to rounding.

    A symmetric matrix is semi-definite iff elimination meets no negative pivot and a zero pivot has a zero column.

    Example:
        >>> is_semidefinite(jnp.array([[1.0, 2.0], [2.0, 1.0]])).item()
        False
    """
    size = tensor.shape[0]
    entries = {(i, j): 0.5 * (tensor[i, j] + tensor[j, i]) for i in range(size) for j in range(i, size)}
    magnitude = jnp.max(jnp.abs(tensor), axis=(0, 1))
    slack = 256 * jnp.finfo(tensor.dtype).eps * magnitude
    good = jnp.ones(tensor.shape[2:], bool)
    for k in range(size):
        pivot = entries[k, k]
        zero = pivot <= slack
        good &= pivot >= -slack
        inverse = jnp.where(zero, 0.0, 1.0 / jnp.where(zero, 1.0, pivot))
        for i in range(k + 1, size):
            # |a_ki| ≤ sqrt(a_kk a_ii) in a semi-definite matrix, so a column over a vanishing pivot vanishes to √slack.
            bound = jnp.sqrt(slack * jnp.maximum(magnitude, 0.0))
            good &= ~zero | (jnp.abs(entries[k, i]) <= bound)
            for j in range(i, size):
                entries[i, j] = entries[i, j] - entries[k, i] * entries[k, j] * inverse
    return good
