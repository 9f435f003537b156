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
        bulk_voigt, shear_voigt: moduli of the mean of the stiffness over all rotations (in 2D, over those in the plane); the
            mean is the nearest isotropic tensor, so these are `bulk_isotropic` and `shear_isotropic` again.
        bulk_reuss, shear_reuss: the same for the compliance; `bulk_reuss` is `bulk`.
        universal_anisotropy: A^U = 5 G_V/G_R + K_V/K_R − 6 of a 6 × 6 tensor, and in plane 2 G_V/G_R + K_V/K_R − 3: in both
            the trace of C_V : S_R less that of the identity. 0 is isotropic, and it has no upper limit.
        in_plane: whether the tensor was 3 × 3; every modulus is then an in-plane one.

    References: Hill (1952), doi:10.1088/0370-1298/65/5/307; Ranganathan & Ostoja-Starzewski (2008),
    doi:10.1103/PhysRevLett.101.055504.
    """

    young: Float[Array, " d"]
    shear: Float[Array, " s"]
    poisson: Float[Array, "d d"]
    bulk: Float[Array, ""]
    bulk_isotropic: Float[Array, ""]
    shear_isotropic: Float[Array, ""]
    anisotropy: Float[Array, ""]
    bulk_voigt: Float[Array, ""]
    shear_voigt: Float[Array, ""]
    bulk_reuss: Float[Array, ""]
    shear_reuss: Float[Array, ""]
    universal_anisotropy: Float[Array, ""]
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
    d = dimension_of(c)
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
    d = dimension_of(c)
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
    d = dimension_of(c)
    s = jnp.linalg.inv(c)
    normal = jnp.diagonal(s)[:d]
    bulk, shear = nearest_isotropic(c)
    dilating, shearing = nearest_isotropic(s)  # S is 1/(dK) on J and 1/(2G) on K where C is dK and 2G
    bulk_reuss, shear_reuss = 1 / (d**2 * dilating), 1 / (4 * shearing)
    return Moduli(
        young=1 / normal,
        shear=0.5 / jnp.diagonal(s)[d:],
        poisson=-(s[:d, :d] - jnp.diag(normal)) / normal[:, None],
        bulk=1 / jnp.sum(s[:d, :d]),
        bulk_isotropic=bulk,
        shear_isotropic=shear,
        anisotropy=relative_distance(c, isotropic_part(c)),
        bulk_voigt=bulk,
        shear_voigt=shear,
        bulk_reuss=bulk_reuss,
        shear_reuss=shear_reuss,
        universal_anisotropy=bulk / bulk_reuss + (c.shape[0] - 1) * shear / shear_reuss - c.shape[0],
        in_plane=d == 2,
    )


def relative_distance(c: Float[Array, "m m"], other: Float[Array, "m m"]) -> Float[Array, ""]:
    """‖C − C'‖/‖C‖ in the Frobenius norm; zero for a void. Its derivative where the two are equal is set to zero.

    Example:
        >>> relative_distance(jnp.eye(2), 2 * jnp.eye(2)).item()
        1.0
    """
    gap, size = jnp.sum((c - other) ** 2), jnp.sum(c**2)
    apart = (gap > 0) & (size > 0)
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, gap, 1.0) / jnp.where(apart, size, 1.0)), 0.0)


def dimension_of(c: Float[Array, "m m"]) -> int:
    """2 for an in-plane 3 × 3 stiffness, 3 for a 6 × 6; other shapes are refused.

    Example:
        >>> dimension_of(jnp.eye(6))
        3
    """
    check(c.shape in ((3, 3), (6, 6)), f"`stiffness` must be (3, 3) or (6, 6), but its shape is {c.shape}.")
    return 2 if c.shape[0] == 3 else 3
