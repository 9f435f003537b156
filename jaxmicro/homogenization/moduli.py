"""Engineering moduli of an effective tensor, and its isotropic part."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, record, static


@record
class Moduli:
    """Engineering moduli of a stiffness, in its unit.

    Of a 3 × 3 tensor they are the in-plane moduli of the 2D problem it belongs to (a plane-strain tensor has plane-strain
    moduli, which differ from those of the solid).

    Attributes:
        young: Young's moduli along the axes, (d,).
        shear: shear moduli 23, 13, 12, or 12 alone in 2D.
        poisson: ν_ij = −S_ji/S_ii, (d, d), zero on the diagonal.
        bulk: inverse of the dilation under unit pressure, 1/(1 : S : 1).
        bulk_isotropic: bulk modulus of the nearest isotropic tensor (in 2D the plane bulk modulus).
        shear_isotropic: shear modulus of the nearest isotropic tensor.
        anisotropy: relative distance to the nearest isotropic tensor (Frobenius); 0 is isotropic.
        in_plane: whether the tensor was 3 × 3.
    """

    young: Float[Array, " d"]
    shear: Float[Array, " s"]
    poisson: Float[Array, "d d"]
    bulk: Float[Array, ""]
    bulk_isotropic: Float[Array, ""]
    shear_isotropic: Float[Array, ""]
    anisotropy: Float[Array, ""]
    in_plane: bool = static(default=False)


def nearest_isotropic(stiffness: Float[ArrayLike, "m m"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Bulk and shear modulus of the isotropic tensor nearest in the Frobenius norm.

    Projection on the hydrostatic and deviatoric projectors J and K: d κ = J :: C, 2 μ = K :: C / tr K. In 2D κ is the plane
    bulk modulus λ + μ.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> [round(float(x), 6) for x in nearest_isotropic(isotropic_stiffness(3.0, 0.0))]
        [1.0, 1.5]
    """
    c = as_float_array("stiffness", stiffness)
    d = _dimension(c)
    hydrostatic = jnp.sum(c[:d, :d]) / d
    deviatoric = jnp.trace(c) - hydrostatic
    return hydrostatic / d, deviatoric / (2 * (c.shape[0] - 1))


def isotropic_part(stiffness: Float[ArrayLike, "m m"]) -> Float[Array, "m m"]:
    """The nearest isotropic tensor itself (Frobenius). Linear, so differentiable.

    Example:
        >>> isotropic_part(jnp.diag(jnp.array([2.0, 4.0, 3.0]))).diagonal().tolist()
        [3.0, 3.0, 3.0]
    """
    c = as_float_array("stiffness", stiffness)
    d = _dimension(c)
    bulk, shear = nearest_isotropic(c)
    one = jnp.concatenate([jnp.ones(d, c.dtype), jnp.zeros(c.shape[0] - d, c.dtype)])
    projector = jnp.outer(one, one) / d
    return d * bulk * projector + 2 * shear * (jnp.eye(c.shape[0], dtype=c.dtype) - projector)


def moduli(stiffness: Float[ArrayLike, "m m"]) -> Moduli:
    """Engineering moduli of a 3 × 3 (in-plane) or 6 × 6 stiffness in Mandel notation.

    Raises:
        ValueError: for another shape.

    Differentiable where the stiffness is positive definite.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> moduli(isotropic_stiffness(210.0, 0.3)).young.round(6).tolist()
        [210.0, 210.0, 210.0]
    """
    c = as_float_array("stiffness", stiffness)
    d = _dimension(c)
    s = jnp.linalg.inv(c)
    normal = jnp.diagonal(s)[:d]
    bulk, shear = nearest_isotropic(c)
    return Moduli(
        young=1 / normal,
        shear=0.5 / jnp.diagonal(s)[d:],
        poisson=-(s[:d, :d] - jnp.diag(normal)) / normal[:, None],
        bulk=1 / jnp.sum(s[:d, :d]),
        bulk_isotropic=bulk,
        shear_isotropic=shear,
        anisotropy=jnp.linalg.norm(c - isotropic_part(c)) / jnp.linalg.norm(c),
        in_plane=d == 2,
    )


def directional_young(stiffness: Float[ArrayLike, "m m"], direction: Float[ArrayLike, "d ..."]) -> Float[Array, "..."]:
    """Young's modulus along unit vectors: 1/E(n) = (n⊗n) : S : (n⊗n).

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation; of a 3 × 3 the modulus is the in-plane one.
        direction: unit vectors (d, …).

    Returns:
        (…) in the unit of the stiffness. Differentiable in both.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> [round(float(directional_young(cubic_stiffness(243.9, 157.0, 117.9), jnp.array([1.0, 0.0, 0.0]))), 1)]
        [120.9]
    """
    c = as_float_array("stiffness", stiffness)
    d = _dimension(c)
    n = as_float_array("direction", direction)
    check(n.shape[0] == d, f"`direction` must have {d} components first, but its shape is {n.shape}.")
    pairs = ((0, 1),) if d == 2 else ((1, 2), (0, 2), (0, 1))
    dyad = jnp.stack([n[i] ** 2 for i in range(d)] + [2**0.5 * n[i] * n[j] for i, j in pairs])
    return 1 / jnp.einsum("i...,ij,j...->...", dyad, jnp.linalg.inv(c), dyad)


def _dimension(c: Array) -> int:
    check(c.shape in ((3, 3), (6, 6)), f"`stiffness` must be (3, 3) or (6, 6), but its shape is {c.shape}.")
    return 2 if c.shape[0] == 3 else 3
