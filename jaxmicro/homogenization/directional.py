"""Moduli of a stiffness along directions: what a test in that direction would measure.

Directions are vectors (d, …) of any length but zero: the functions divide by it, so a derivative with respect to a
direction is that along the sphere. A 3 × 3 tensor has the in-plane moduli of the 2D problem it belongs to.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, in_reach, is_concrete, poison
from jaxmicro.fields.mandel import tensor_to_mandel
from jaxmicro.homogenization.moduli import dimension_of

SQUARE = 1e-3  # cosine up to which typed-in directions count as perpendicular; what remains of it is removed


def directional_young(stiffness: Float[ArrayLike, "m m"], direction: Float[ArrayLike, "d ..."]) -> Float[Array, "..."]:
    """Young's modulus along directions: 1/E(n) = (n⊗n) : S : (n⊗n).

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation; of a 3 × 3 the modulus is the in-plane one.
        direction: vectors n (d, …).

    Returns:
        (…) in the unit of the stiffness. Differentiable in both.

    Raises:
        ValueError: for other shapes and for a direction of no length.

    Reference: J. F. Nye, Physical Properties of Crystals, Oxford University Press 1957, chapter VIII.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> [round(float(directional_young(cubic_stiffness(243.9, 157.0, 117.9), jnp.array([1.0, 0.0, 0.0]))), 1)]
        [120.9]
    """
    c, n = as_float_arrays(stiffness=stiffness, direction=direction)
    n = unit_vectors("direction", n, dimension_of(c))
    return 1 / _form(jnp.linalg.inv(c), _dyad(n, n))


def directional_shear(
    stiffness: Float[ArrayLike, "m m"], direction: Float[ArrayLike, "d ..."], normal: Float[ArrayLike, "d ..."]
) -> Float[Array, "..."]:
    """Shear modulus on a plane along a direction in it: 1/G(m, n) = 4 S_ijkl m_i n_j m_k n_l.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation.
        direction: vectors m (d, …), along which the plane is sheared.
        normal: vectors n (d, …) across it, perpendicular to m. Exchanging the two changes nothing.

    Returns:
        (…) in the unit of the stiffness. Differentiable in all three.

    Raises:
        ValueError: for other shapes, for a vector of no length, and for vectors that are not perpendicular within 1e-3 (under
            a tracer the modulus is NaN then); a smaller overlap is taken out of `normal`.

    Reference: J. Turley, G. Sines, J. Phys. D 4, 264 (1971), doi:10.1088/0022-3727/4/2/313.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> copper = cubic_stiffness(168.9, 121.8, 75.8)
        >>> [round(float(directional_shear(copper, jnp.array([1.0, y, 0.0]), jnp.array([-y, 1.0, 0.0]))), 2) for y in (0.0, 1.0)]
        [75.8, 23.55]
    """
    c, m, n = as_float_arrays(stiffness=stiffness, direction=direction, normal=normal)
    m, n, square = _perpendicular("direction", m, "normal", n, dimension_of(c))
    return poison(1 / (4 * _form(jnp.linalg.inv(c), _dyad(m, n))), square)


def directional_poisson(
    stiffness: Float[ArrayLike, "m m"], direction: Float[ArrayLike, "d ..."], transverse: Float[ArrayLike, "d ..."]
) -> Float[Array, "..."]:
    """Poisson's ratio ν(n, m) = −(m⊗m) : S : (n⊗n) / (n⊗n) : S : (n⊗n): the contraction along m of a bar pulled along n.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation; of a 3 × 3 the ratio is the in-plane one.
        direction: vectors n (d, …) of the pull.
        transverse: vectors m (d, …) perpendicular to n.

    Returns:
        (…), a pure number. Differentiable in all three.

    Raises:
        ValueError: as `directional_shear`; a small overlap is taken out of `transverse`.

    Reference: T. C. T. Ting, T. Chen, Q. J. Mech. Appl. Math. 58, 73 (2005), doi:10.1093/qjmamj/hbh021.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> c = isotropic_stiffness(210.0, 0.3)
        >>> round(float(directional_poisson(c, jnp.array([1.0, 2.0, 2.0]), jnp.array([0.0, 1.0, -1.0]))), 6)
        0.3
    """
    c, n, m = as_float_arrays(stiffness=stiffness, direction=direction, transverse=transverse)
    n, m, square = _perpendicular("direction", n, "transverse", m, dimension_of(c))
    s, along = jnp.linalg.inv(c), _dyad(n, n)
    return poison(-jnp.einsum("i...,ij,j...->...", _dyad(m, m), s, along) / _form(s, along), square)


def linear_compressibility(stiffness: Float[ArrayLike, "m m"], direction: Float[ArrayLike, "d ..."]) -> Float[Array, "..."]:
    """Shortening along directions under unit pressure: β(n) = (n⊗n) : S : 1; its sum over the axes is 1/K.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation; for a 3 × 3 the pressure acts in the plane.
        direction: vectors n (d, …).

    Returns:
        (…) in the inverse unit of the stiffness. Differentiable in both.

    Raises:
        ValueError: for other shapes and for a direction of no length.

    Reference: J. F. Nye, Physical Properties of Crystals, Oxford University Press 1957, chapter VIII.

    Example:
        >>> round(float(linear_compressibility(3 * jnp.eye(6), jnp.array([1.0, 1.0, 0.0]))), 6)  # K = 1
        0.333333
    """
    c, n = as_float_arrays(stiffness=stiffness, direction=direction)
    d = dimension_of(c)
    n = unit_vectors("direction", n, d)
    return jnp.einsum("i...,i->...", _dyad(n, n), jnp.linalg.inv(c)[:, :d].sum(axis=1))


def unit_vectors(argument: str, vectors: Float[Array, "d ..."], d: int) -> Float[Array, "d ..."]:
    """Vectors divided by their lengths; a concrete one of no length is refused, a traced one becomes NaN.

    Example:
        >>> unit_vectors("direction", jnp.array([0.0, 4.0]), 2).tolist()
        [0.0, 1.0]
    """
    check(vectors.ndim >= 1 and vectors.shape[0] == d, f"`{argument}` must have {d} components first, but its shape is {vectors.shape}.")
    if is_concrete(vectors):
        check(not np.isinf(np.asarray(vectors)).any(), f"`{argument}` must be finite, but some components are infinite. Leave them out.")
        least = float(np.abs(np.asarray(vectors)).max(axis=0).min(initial=np.inf))
        check(least > 0, f"`{argument}` must hold vectors of some length, but one is zero or not a number. Leave it out.")
    vectors = in_reach(vectors)
    return vectors / jnp.sqrt(jnp.sum(vectors**2, axis=0))


def _perpendicular(first: str, m: Array, second: str, n: Array, d: int) -> tuple[Array, Array, Array]:
    """Unit vectors of two arguments, the second made perpendicular to the first, and whether it nearly was."""
    m, n = unit_vectors(first, m, d), unit_vectors(second, n, d)
    check(m.shape == n.shape, f"`{first}` and `{second}` must have one shape, but theirs are {m.shape} and {n.shape}.")
    overlap = jnp.sum(m * n, axis=0)
    if is_concrete(overlap):
        worst = float(np.max(np.abs(np.asarray(overlap)), initial=0.0))
        check(
            worst <= SQUARE,
            f"`{first}` and `{second}` must be perpendicular, but the cosine of their angle is {worst:.3g}. Subtract the projection.",
        )
    n = n - overlap * m
    return m, n / jnp.sqrt(jnp.sum(n**2, axis=0)), jnp.abs(overlap) <= SQUARE


def _dyad(m: Array, n: Array) -> Array:
    """Mandel components of the symmetric part of m ⊗ n, (m, …)."""
    return tensor_to_mandel(m[:, None] * n[None])


def _form(s: Array, vector: Array) -> Array:
    return jnp.einsum("i...,ij,j...->...", vector, s, vector)
