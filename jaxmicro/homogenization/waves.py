"""Speeds of plane waves in a homogeneous (effective) medium: the Christoffel equation."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, is_concrete, poison
from jaxmicro.fields.mandel import tensor_to_mandel
from jaxmicro.homogenization.directional import unit_vectors
from jaxmicro.homogenization.moduli import dimension_of


def wave_speeds(
    stiffness: Float[ArrayLike, "m m"], density: Float[ArrayLike, ""] | float, direction: Float[ArrayLike, "d ..."]
) -> Float[Array, "d ..."]:
    """Phase speeds of plane waves along directions, the fastest (quasi-longitudinal) first.

    ρ v² a = Γ a with Γ_ik = C_ijkl n_j n_l: v are the roots of the eigenvalues of Γ/ρ. Long waves only: a composite disperses
    those as short as its structure.

    Args:
        stiffness: (6, 6), or (3, 3) for waves polarised in the plane of a 2D problem, in Mandel notation.
        density: mean mass density. With GPa and g/cm³ the speeds are in km/s; with Pa and kg/m³ in m/s.
        direction: vectors n (d, …) of any length but zero; only their direction counts.

    Returns:
        (3, …) for a 6 × 6 and (2, …) for a 3 × 3, descending along the first axis. A shear wave of a fluid has speed zero.

    Raises:
        ValueError: for other shapes, a density that is not positive and a direction of no length. Under a tracer the speeds
            are NaN then.

    Differentiable in all three. Where two speeds are equal (the shear waves of an isotropic solid) each single one has a kink,
    while their sum and other symmetric functions have their derivative.

    Reference: B. A. Auld, Acoustic Fields and Waves in Solids, Wiley 1973, chapter 7.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> silicon = cubic_stiffness(165.64, 63.94, 79.51)  # GPa
        >>> wave_speeds(silicon, 2.329, jnp.array([1.0, 0.0, 0.0])).round(3).tolist()  # km/s
        [8.433, 5.843, 5.843]
    """
    squares, _, valid = _christoffel(stiffness, density, direction)
    moving = squares > 0
    speeds = jnp.where(moving, jnp.sqrt(jnp.where(moving, squares, 1.0)), 0.0)
    return poison(speeds, jnp.broadcast_to(valid, speeds.shape))


def wave_polarizations(
    stiffness: Float[ArrayLike, "m m"], density: Float[ArrayLike, ""] | float, direction: Float[ArrayLike, "d ..."]
) -> Float[Array, "d mode ..."]:
    """Unit vectors along which the waves of `wave_speeds` move the medium, in the same order.

    Args:
        stiffness: as in `wave_speeds`.
        density: as in `wave_speeds`.
        direction: as in `wave_speeds`.

    Returns:
        (d, d, …): components first, then the mode. Each points forward along the direction (its sign is free where it is
        perpendicular to it); of modes with one speed any orthogonal pair in their plane may come.

    Raises:
        ValueError: as `wave_speeds`.

    Differentiable where the speeds differ; NaN in the derivative where two are equal.

    Reference: B. A. Auld, Acoustic Fields and Waves in Solids, Wiley 1973, chapter 7.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> wave_polarizations(isotropic_stiffness(1.0, 0.25), 1.0, jnp.array([0.0, 0.0, 2.0]))[:, 0].round(6).tolist()
        [0.0, 0.0, 1.0]
    """
    _, vectors, valid = _christoffel(stiffness, density, direction)
    return poison(vectors, jnp.broadcast_to(valid, vectors.shape))


def _christoffel(stiffness: ArrayLike, density: ArrayLike | float, direction: ArrayLike) -> tuple[Array, Array, Array]:
    """Squared speeds (mode, …) descending, their vectors (d, mode, …), and whether the density is positive."""
    c, rho, n = as_float_arrays(stiffness=stiffness, density=density, direction=direction)
    d = dimension_of(c)
    check(rho.ndim == 0, f"`density` must be one number, but its shape is {rho.shape}.")
    if is_concrete(rho):
        value = float(np.asarray(rho))
        check(0 < value < np.inf, f"`density` must be positive, but it is {value:g}.")
    n = unit_vectors("direction", n, d)
    moves = jnp.stack([tensor_to_mandel(one[(...,) + (None,) * n.ndim] * n[None]) for one in jnp.eye(d, dtype=n.dtype)], axis=1)
    acoustic = jnp.einsum("ki...,kl,lj...->...ij", moves, c, moves)
    values, vectors = jnp.linalg.eigh(acoustic)
    vectors = jnp.moveaxis(vectors[..., ::-1], (-2, -1), (0, 1))
    ahead = jnp.sum(vectors * n[:, None], axis=0)
    return jnp.moveaxis(values[..., ::-1], -1, 0) / rho, jnp.where(ahead < 0, -1.0, 1.0) * vectors, rho > 0
