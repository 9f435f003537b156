"""Rotations of Mandel vectors and of stiffness tensors.

Mandel order 11, 22, 33, 23, 13, 12 with √2 on shears, so the rotation of a symmetric tensor is an orthogonal 6 × 6
matrix.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro.fields.mandel import PAIRS
from jaxmicro.orientations.quaternions import to_matrix

FIRST, SECOND = np.array(PAIRS[6]).T
WEIGHT = np.where(FIRST == SECOND, 1.0, np.sqrt(2))


def rotation_mandel(q: ArrayLike) -> Float[Array, "6 6 ..."]:
    """Orthogonal matrices M that take Mandel components from the sample to the crystal frame.

    t_crystal = g t_sample gᵀ is t_crystal = M t_sample in Mandel notation, with
    M_IJ = w_I w_J / 2 (g_ik g_jl + g_il g_jk) for I = (ij), J = (kl), w = 1 for normal and √2 for shear components.

    Args:
        q: unit quaternions `(4, …)`, sample → crystal.

    Returns:
        Matrices `(6, 6, …)`; the transpose goes back.

    Raises:
        ValueError: if the first axis is not 4.

    Reference:
        M. M. Mehrabadi, S. C. Cowin, "Eigentensors of linear anisotropic elastic materials", Q. J. Mech. Appl. Math.
        43, 15 (1990), doi:10.1093/qjmam/43.1.15.

    Example:
        >>> bool(jnp.allclose(rotation_mandel(jnp.array([1.0, 0, 0, 0])), jnp.eye(6)))
        True

    Differentiable.
    """
    g = to_matrix(q)
    i, j = FIRST[:, None], SECOND[:, None]
    k, m = FIRST[None, :], SECOND[None, :]
    weight = jnp.asarray(0.5 * WEIGHT[:, None] * WEIGHT[None, :], g.dtype).reshape((6, 6) + (1,) * (g.ndim - 2))
    return weight * (g[i, k] * g[j, m] + g[i, m] * g[j, k])


def rotate_stiffness(stiffness: ArrayLike, q: ArrayLike) -> Float[Array, "6 6 ..."]:
    """Bring a stiffness from the crystal frame to the sample frame: C_sample = Mᵀ C_crystal M.

    Args:
        stiffness: Mandel stiffness of the crystal `(6, 6)`, or one per orientation `(6, 6, …)`.
        q: unit quaternions `(4, …)`, sample → crystal.

    Returns:
        Mandel stiffness in the sample frame, `(6, 6, …)`.

    Raises:
        ValueError: if the stiffness is not (6, 6, …) or the quaternions not (4, …).

    Example:
        >>> quarter = jnp.sqrt(jnp.array([0.5, 0, 0, 0.5]))
        >>> rotate_stiffness(jnp.diag(jnp.array([1.0, 2, 3, 4, 5, 6])), quarter).diagonal().round(4).tolist()
        [2.0, 1.0, 3.0, 5.0, 4.0, 6.0]

    Differentiable in both arguments.
    """
    c = as_float_array("stiffness", stiffness)
    check(
        c.ndim >= 2 and c.shape[:2] == (6, 6),
        f"`stiffness` must be a Mandel matrix (6, 6, …) of a crystal, but its shape is {c.shape}. Plane (3, 3) stiffness cannot be turned in space.",
    )
    m = rotation_mandel(q)
    left = jnp.einsum("ki...,kl...->il...", m, c) if c.ndim > 2 else jnp.einsum("ki...,kl->il...", m, c)
    return jnp.einsum("il...,lj...->ij...", left, m)
