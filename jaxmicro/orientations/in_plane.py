"""Rotations of in-plane 3 × 3 stiffness tensors about the normal of the plane."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check


def rotation_mandel_in_plane(angle: Float[ArrayLike, "..."]) -> Float[Array, "3 3 ..."]:
    """Orthogonal matrices M that take in-plane Mandel components (11, 22, 12) from the sample to axes turned by `angle`.

    With c = cos φ, s = sin φ and g = [[c, s], [−s, c]], t' = g t gᵀ is t' = M t. The 6 × 6 matrix of the same turn about
    the third axis is `rotation_mandel(from_euler((angle, 0, 0)))`.

    Args:
        angle: in radians, from x towards y, (…).

    Returns:
        (3, 3, …); the transpose goes back. Differentiable.

    Example:
        >>> rotation_mandel_in_plane(jnp.pi / 2).round(6).tolist()[:2]
        [[0.0, 1.0, 0.0], [1.0, 0.0, -0.0]]
    """
    phi = as_float_array("angle", angle)
    c2, s2, root = jnp.cos(2 * phi), jnp.sin(2 * phi), 0.5**0.5
    same, other = 0.5 * (1 + c2), 0.5 * (1 - c2)
    rows = [[same, other, root * s2], [other, same, -root * s2], [-root * s2, root * s2, c2]]
    return jnp.stack([jnp.stack(row) for row in rows])


def rotate_in_plane(stiffness: Float[ArrayLike, "3 3 ..."], angle: Float[ArrayLike, "..."]) -> Float[Array, "3 3 ..."]:
    """Turn a material with an in-plane stiffness by an angle from x towards y: C' = Mᵀ C M.

    The in-plane counterpart of `rotate_stiffness` with the orientation `from_euler((angle, 0, 0))`.

    Args:
        stiffness: Mandel stiffness in the material's own axes, one (3, 3) or one per angle (3, 3, …).
        angle: in radians, (…).

    Returns:
        Mandel stiffness in the sample frame, (3, 3, …), in the unit of `stiffness`. Differentiable in both arguments.

    Raises:
        ValueError: if the stiffness is not (3, 3, …).

    Reference: M. M. Mehrabadi, S. C. Cowin, Q. J. Mech. Appl. Math. 43, 15 (1990), doi:10.1093/qjmam/43.1.15.

    Example:
        >>> rotate_in_plane(jnp.diag(jnp.array([1.0, 2.0, 3.0])), jnp.pi / 2).diagonal().round(6).tolist()
        [2.0, 1.0, 3.0]
    """
    c, angle = as_float_arrays(stiffness=stiffness, angle=angle)
    check(
        c.ndim >= 2 and c.shape[:2] == (3, 3),
        f"`stiffness` must be an in-plane Mandel matrix (3, 3, …), but its shape is {c.shape}. Turn a (6, 6) stiffness with rotate_stiffness.",
    )
    m = rotation_mandel_in_plane(angle)
    left = jnp.einsum("ki...,kl...->il...", m, c) if c.ndim > 2 else jnp.einsum("ki...,kl->il...", m, c)
    return jnp.einsum("il...,lj...->ij...", left, m)
