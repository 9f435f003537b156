"""Rodrigues vectors r = n tan(ω/2), with the axis n and the angle ω of `axis_angle`: r = −(vector part) / (scalar part).

A half turn lies at infinity. It is held at a length whose square is still finite, 1/√tiny (9·10¹⁸ in float32, 7·10¹⁵³ in
float64), so that its axis survives and the way back is exact.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro.orientations.quaternions import checked, normalize


def from_rodrigues(r: ArrayLike | Sequence[Any]) -> Float[Array, "4 ..."]:
    """Unit quaternions of Rodrigues vectors: q = (1, −r) / √(1 + r²).

    Args:
        r: `(3, …)`, n tan(ω/2) for a crystal turned by ω about n; of any finite length, without overflow.

    Returns:
        Unit quaternions `(4, …)`, passive rotation sample → crystal, scalar part positive. NaN where an entry is infinite:
        its axis is lost.

    Raises:
        ValueError: if the first axis is not 3.

    Reference: F. C. Frank, Metall. Trans. A 19, 403 (1988), doi:10.1007/BF02649253.

    Example:
        >>> to_euler(from_rodrigues((0.0, 0.0, 1.0)), degrees=True).round(4).tolist()
        [90.0, 0.0, 0.0]

    Differentiable. The way back and forth, `from_rodrigues(to_rodrigues(q))`, is not at half turns, where the derivative of
    `to_rodrigues` is incomplete: optimise over quaternions or embeddings, not over Rodrigues vectors.
    """
    r = as_float_array("r", r)
    check(
        r.ndim >= 1 and r.shape[0] == 3,
        f"`r` must be Rodrigues vectors (3, …), but its shape is {r.shape}. Move the components to the first axis.",
    )
    # The scale drops out of a normalised quaternion, so its derivative is not needed.
    scale = jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(r), axis=0), 1.0))
    return normalize(jnp.concatenate([(1 / scale)[None], -r / scale]))


def to_rodrigues(q: ArrayLike) -> Float[Array, "3 ..."]:
    """Rodrigues vectors of quaternions, r = n tan(ω/2).

    Args:
        q: quaternions `(4, …)` of any length, which drops out.

    Returns:
        Vectors `(3, …)`. A half turn has a length of 9·10¹⁸ in float32 and 7·10¹⁵³ in float64 instead of infinity.

    Raises:
        ValueError: if the first axis is not 4.

    Example:
        >>> (to_rodrigues(from_euler((90.0, 0.0, 0.0), degrees=True)) + 0.0).round(4).tolist()
        [0.0, 0.0, 1.0]

    Differentiable, at zero angle too; at a half turn the derivative by the scalar part is zero, and with it that of what
    follows.
    """
    w, *v = normalize(checked("q", q))
    least = jnp.asarray(jnp.sqrt(jnp.finfo(w.dtype).tiny), w.dtype)
    return -jnp.stack(v) / jnp.where(jnp.abs(w) < least, jnp.where(w < 0, -least, least), w)
