"""How far a stiffness is from isotropic and from cubic, and the nearest cubic tensor, with its axes given or found.

Distances are Frobenius norms, which in Mandel notation are those of the tensors of rank four. A cubic tensor with known
axes is a combination of three orthogonal projectors (dilation, shears of the axes' lengths, shears of their angles), so the
nearest one is an average over each of the three.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro.fields.mandel import tensor_to_mandel
from jaxmicro.homogenization.moduli import dimension_of, isotropic_part, nearest_isotropic, relative_distance
from jaxmicro.orientations import multiply, normalize, rotation_mandel, rotation_mandel_in_plane, to_matrix

STARTS = 256  # orientations that are tried; the cube's 24 symmetries make them one every 13° or so
CLIMBS = 8  # best starts that are improved
STEPS = 12  # Newton steps of each; they converge quadratically after two or three
LONGEST = 0.3  # longest Newton step, in radians: the harmonics of order four in question are 45° wide
FLAT = 1e-6  # a curvature below this share of the largest belongs to a rotation that changes nothing


def distance_to_isotropic(stiffness: Float[ArrayLike, "m m"]) -> Float[Array, ""]:
    """Relative Frobenius distance to the nearest isotropic tensor, ‖C − C_iso‖/‖C‖.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation.

    Returns:
        A number in [0, 1]. Differentiable; its kink at an isotropic tensor has the derivative zero.

    Raises:
        ValueError: for another shape.

    Reference: M. Moakher, A. N. Norris, J. Elasticity 85, 215 (2006), doi:10.1007/s10659-006-9082-0.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> round(float(distance_to_isotropic(cubic_stiffness(168.9, 121.8, 75.8))), 3)
        0.232
    """
    c = as_float_array("stiffness", stiffness)
    return relative_distance(c, isotropic_part(c))


def distance_to_cubic(
    stiffness: Float[ArrayLike, "m m"], axes: Float[ArrayLike, "..."] | None = None, *, align: bool = False
) -> Float[Array, ""]:
    """Relative Frobenius distance to the nearest cubic tensor (square-symmetric for a 3 × 3), ‖C − C_cub‖/‖C‖.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation.
        axes: as in `nearest_cubic`.
        align: as in `nearest_cubic`.

    Returns:
        A number in [0, 1], never above `distance_to_isotropic`. Differentiable; its kink at a cubic tensor has the derivative
        zero.

    Raises:
        ValueError: as `nearest_cubic`.

    References: Moakher & Norris (2006), doi:10.1007/s10659-006-9082-0; Browaeys & Chevrot (2004),
    doi:10.1111/j.1365-246X.2004.02415.x.

    Example:
        >>> from jaxmicro.materials import constants
        >>> [round(float(distance_to_cubic(constants(name).stiffness)), 3) for name in ("Cu", "olivine")]
        [0.0, 0.173]
    """
    c = as_float_array("stiffness", stiffness)
    return relative_distance(c, nearest_cubic(c, axes, align=align))


def nearest_cubic(
    stiffness: Float[ArrayLike, "m m"], axes: Float[ArrayLike, "..."] | None = None, *, align: bool = False
) -> Float[Array, "m m"]:
    """The cubic tensor nearest in the Frobenius norm; of a 3 × 3 the one with the symmetry of a square.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation.
        axes: orientation of the cube: a unit quaternion (4,), sample → cube, or for a 3 × 3 the angle in radians by which
            the square is turned from x towards y. The axes of the sample by default.
        align: find the best axes of all (`cubic_axes`) instead.

    Returns:
        (m, m) in the axes of the sample, in the unit of `stiffness`. Linear in the stiffness for given axes, and differentiable
        in the axes; with `align` its first derivative follows the axes as they turn.

    Raises:
        ValueError: for other shapes, and if both `axes` and `align` are given.

    References: Moakher & Norris (2006), doi:10.1007/s10659-006-9082-0; Browaeys & Chevrot (2004),
    doi:10.1111/j.1365-246X.2004.02415.x.

    Example:
        >>> from jaxmicro.materials import cubic_stiffness
        >>> from jaxmicro.orientations import from_euler, rotate_stiffness
        >>> turned = rotate_stiffness(cubic_stiffness(168.9, 121.8, 75.8), from_euler(jnp.array([0.3, 0.5, 0.1])))
        >>> bool(jnp.allclose(nearest_cubic(turned, align=True), turned))
        True
    """
    c = as_float_array("stiffness", stiffness)
    flat = dimension_of(c) == 2
    check(axes is None or not align, "`axes` must be left out where `align` is true, but both are given. Pass one of them.")
    if align:
        axes = cubic_axes(c)
    if axes is None:
        return _cubic_average(c)
    turn = as_float_array("axes", axes)
    wanted = () if flat else (4,)
    check(turn.shape == wanted, f"`axes` must have shape {wanted} for a {c.shape} stiffness, but its shape is {turn.shape}.")
    m = rotation_mandel_in_plane(turn) if flat else rotation_mandel(turn)
    return m.T @ _cubic_average(m @ c @ m.T) @ m


def cubic_axes(stiffness: Float[ArrayLike, "m m"]) -> Float[Array, "..."]:
    """Axes of the cubic tensor nearest to a stiffness, over all rotations.

    The distance depends on the axes a_i only by Σ_i C(a_i, a_i, a_i, a_i): it is least where this sum is farthest from its mean
    over all rotations. The best of 256 evenly spread orientations are improved by Newton steps; nothing is random. For a
    3 × 3 the angle has a closed form.

    Args:
        stiffness: (3, 3) or (6, 6) in Mandel notation.

    Returns:
        A unit quaternion (4,), sample → cube, or an angle () in radians from x towards y. One of those that the symmetry of
        the cube makes equal, and any of those that serve equally well (an isotropic tensor has no axes of its own).

    Raises:
        ValueError: for another shape.

    Differentiable once where the best axes are isolated; rotations that change nothing have the derivative zero.

    Reference: Moakher & Norris (2006), doi:10.1007/s10659-006-9082-0; the spread orientations are those of Alexa (2022),
    doi:10.1109/CVPR52688.2022.00811.

    Example:
        >>> from jaxmicro.orientations import rotate_in_plane
        >>> round(float(cubic_axes(rotate_in_plane(jnp.diag(jnp.array([2.0, 2.0, 1.0])), 0.2))), 6)
        0.2
    """
    c = as_float_array("stiffness", stiffness)
    return _square_angle(c) if dimension_of(c) == 2 else _best_axes(c)


def _cubic_average(c: Array) -> Array:
    """Projection on the cubic tensors whose axes are those of the components."""
    d, m = dimension_of(c), c.shape[0]
    dilation = jnp.sum(c[:d, :d]) / d
    lengths = (jnp.trace(c[:d, :d]) - dilation) / (d - 1)
    angles = jnp.trace(c[d:, d:]) / (m - d)
    one = np.concatenate([np.ones(d), np.zeros(m - d)])
    hydrostatic, normal, shear = np.outer(one, one) / d, np.diag(one), np.diag(1 - one)
    parts = ((dilation, hydrostatic), (lengths, normal - hydrostatic), (angles, shear))
    return sum((value * jnp.asarray(projector, c.dtype) for value, projector in parts), jnp.zeros_like(c))


def _square_angle(c: Array) -> Array:
    """A turn by φ turns the 2 × 2 block of the deviatoric strains (11 − 22, 12) by 2φ; its eigenvectors are the square's."""
    lengths, angles = 0.5 * (c[0, 0] + c[1, 1]) - c[0, 1], c[2, 2]
    mixed = (c[0, 2] - c[1, 2]) * 0.5**0.5
    round_ = (lengths == angles) & (mixed == 0)
    return jnp.where(round_, 0.0, 0.25 * jnp.arctan2(2 * mixed, jnp.where(round_, 1.0, lengths - angles)))


def _spread() -> np.ndarray:
    """Unit quaternions (4, STARTS) spread evenly over the rotations (super-Fibonacci spiral)."""
    root, spiral = np.sqrt(2.0), 1.533751168755204288118041
    s = np.arange(STARTS) + 0.5
    inner, outer = np.sqrt(s / STARTS), np.sqrt(1 - s / STARTS)
    first, second = 2 * np.pi * s / root, 2 * np.pi * s / spiral
    return np.stack([inner * np.sin(first), inner * np.cos(first), outer * np.sin(second), outer * np.cos(second)])


def _alignment(c: Array, axes: Array) -> Array:
    """Σ_i C(a_i, a_i, a_i, a_i) less its mean over all rotations, for axes (3, axis, …)."""
    dyads = tensor_to_mandel(axes[:, None] * axes[None])
    bulk, shear = nearest_isotropic(c)
    return jnp.einsum("ki...,kl,li...->...", dyads, c, dyads) - (3 * bulk + 4 * shear)


def _strength(c: Array, q: Array) -> Array:
    """Square of the alignment with the axes of quaternions (4, …); the distance to cubic falls where it rises."""
    return _alignment(c, jnp.swapaxes(to_matrix(q), 0, 1)) ** 2


def _slope(c: Array, q: Array) -> Array:
    """Derivative of half the strength by a small rotation vector w (3,) of the axes: a_i → a_i + w × a_i + …"""
    axes = to_matrix(q).T
    return _alignment(c, axes) * jax.grad(lambda w: _alignment(c, _shifted(axes, w)))(jnp.zeros(3, c.dtype))


def _curvature(c: Array, q: Array) -> Array:
    """Second derivatives of half the strength by the rotation vector, (3, 3)."""
    axes = to_matrix(q).T
    return jax.jacfwd(jax.grad(lambda w: 0.5 * _alignment(c, _shifted(axes, w)) ** 2))(jnp.zeros(3, c.dtype))


def _shifted(axes: Array, w: Array) -> Array:
    """Axes after a small rotation, to second order in w."""
    first = jnp.cross(w[:, None], axes, axis=0)
    return axes + first + 0.5 * jnp.cross(w[:, None], first, axis=0)


def _turned(q: Array, w: Array) -> Array:
    """The quaternion whose axes are turned by a small w (3,): to first order in w, and of unit length."""
    return normalize(multiply(q, jnp.concatenate([jnp.ones(1, w.dtype), -0.5 * w])))


def _climb(c: Array, q: Array) -> Array:
    """Newton steps uphill; a direction that curves upwards is followed instead of inverted."""
    tiny, rounding = jnp.finfo(c.dtype).tiny, 64 * jnp.finfo(c.dtype).eps  # of sums of entries of c, the largest of which is one

    def step(_: Array, q: Array) -> Array:
        values, vectors = jnp.linalg.eigh(_curvature(c, q))
        size = jnp.maximum(jnp.abs(values), jnp.maximum(FLAT * jnp.max(jnp.abs(values)), tiny))
        w = vectors @ ((vectors.T @ _slope(c, q)) / size)
        new = _turned(q, w * jnp.minimum(1.0, LONGEST / jnp.maximum(jnp.linalg.norm(w), LONGEST)))
        old = _strength(c, q)
        return jnp.where(_strength(c, new) >= old - rounding * jnp.sqrt(old), new, q)

    return jax.lax.fori_loop(0, STEPS, step, q)


@jax.jit
def _best_axes(c: Array) -> Array:
    unit = c / jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(c)), jnp.finfo(c.dtype).tiny))
    fixed, start = jax.lax.stop_gradient(unit), jnp.asarray(_spread(), c.dtype)
    _, best = jax.lax.top_k(_strength(fixed, start), CLIMBS)
    tops = jax.lax.map(lambda q: _climb(fixed, q), start[:, best].T)
    q = jax.lax.stop_gradient(tops[jnp.argmax(_strength(fixed, tops.T))])
    # At the top the slope g(C, w) vanishes, so dw = −H⁻¹ dg: a Newton step of value zero carries the derivative.
    values, vectors = jax.lax.stop_gradient(jnp.linalg.eigh(_curvature(fixed, q)))
    isolated = values < -FLAT * jnp.max(jnp.abs(values))
    inverse = jnp.where(isolated, 1 / jnp.where(isolated, values, 1.0), 0.0)
    slope = _slope(unit, q)
    return _turned(q, -vectors @ (inverse * (vectors.T @ (slope - jax.lax.stop_gradient(slope)))))
