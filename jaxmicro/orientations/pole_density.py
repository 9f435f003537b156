"""Densities of pole figures and of inverse pole figures, from the same kernel as the ODF.

Both ask how many crystals have h or an equivalent axis near the sample axis r, P(h, r) = Σ w_i mean_s k(s h · g_i r): a pole
figure fixes h, an inverse one fixes r. k is the integral of the kernel of rotations over those that bring h to r.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, is_concrete
from jaxmicro.orientations.density_kernels import axis_kernel, axis_peak, checked_sources, exponent_of, kernel_mean
from jaxmicro.orientations.equivalents import check_group
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import to_matrix

SAME = 1e-9


def pole_density(
    orientations: ArrayLike,
    direction: ArrayLike | Sequence[Any],
    r: ArrayLike | Sequence[Any],
    weights: ArrayLike | None = None,
    *,
    laue: str = "m-3m",
    halfwidth: float | None = None,
    degrees: bool = False,
) -> Float[Array, "..."]:
    """Density of a pole figure in multiples of random: how many crystals have an axis near the sample axis r.

    P(r) = Σ w_i mean_s k(angle of s h and g_i r) / Σ w_i, k(η) = (1 + κ)/2 [cos^(2κ)(η/2) + sin^(2κ)(η/2)]: the mean of `odf` of the same
    half width over the rotations that bring h or −h to r. The mean of P over the sphere is one.

    Args:
        orientations: quaternions `(4, …)`, sample → crystal, of any length. NaN, as where a map is not indexed, counts for nothing.
        direction: crystal direction h `(3,)` in Cartesian crystal axes, of any length; its equivalents count too.
        r: sample directions `(3, …)`, of any length.
        weights: not negative, of the trailing shape of `orientations`; equal by default.
        laue: Laue group, one of `LAUE_GROUPS`.
        halfwidth: of the kernel, from 0.1° to 90°; 10° by default. A fixed number: not traced, no derivative.
        degrees: whether `halfwidth` is in degrees.

    Returns:
        Densities of the trailing shape of `r`, the same at r and −r; NaN where nothing has a weight or a direction is zero.

    Raises:
        ValueError: if the first axis of `orientations` is not 4, that of a direction not 3, a direction is zero, there is no
            orientation, the group is not known, the half width is out of range, or weights are negative or of another shape.
        TypeError: if the half width is not a number.

    Reference:
        H. Schaeben, "The de la Vallée Poussin standard orientation density function", Textures and Microstructures 33,
        365 (1999), doi:10.1155/TSM.33.365.

    Example:
        >>> cube = jnp.array([1.0, 0, 0, 0])
        >>> density = pole_density(cube, (0.0, 0.0, 1.0), [[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
        >>> [round(float(each), 3) for each in density]
        [15.317, 0.0]

    Differentiable in `orientations`, `direction`, `r` and `weights`.
    """
    exponent = exponent_of(halfwidth, degrees)
    sources = checked_sources(orientations, weights)
    h, at = _direction("direction", direction, sources[0].dtype, one=True), _direction("r", r, sources[0].dtype)
    return _density(sources, _equivalent_axes(h, laue)[:, :, None], at, exponent).reshape(at.shape[1:])


def inverse_pole_density(
    orientations: ArrayLike,
    r: ArrayLike | Sequence[Any],
    h: ArrayLike | Sequence[Any],
    weights: ArrayLike | None = None,
    *,
    laue: str = "m-3m",
    halfwidth: float | None = None,
    degrees: bool = False,
) -> Float[Array, "..."]:
    """Density of an inverse pole figure in multiples of random: how many crystals have the axis h near one sample axis r.

    The same P(h, r) as in `pole_density`, for one sample direction and many crystal directions. Its mean over the sphere of
    h is one.

    Args:
        orientations: quaternions `(4, …)`, sample → crystal, of any length. NaN, as where a map is not indexed, counts for nothing.
        r: sample direction `(3,)`, of any length.
        h: crystal directions `(3, …)` in Cartesian crystal axes, of any length.
        weights: not negative, of the trailing shape of `orientations`; equal by default.
        laue: Laue group, one of `LAUE_GROUPS`.
        halfwidth: of the kernel, from 0.1° to 90°; 10° by default. A fixed number: not traced, no derivative.
        degrees: whether `halfwidth` is in degrees.

    Returns:
        Densities of the trailing shape of `h`, the same at all its equivalents; NaN where nothing has a weight or a direction
        is zero.

    Raises:
        ValueError: as `pole_density`.
        TypeError: if the half width is not a number.

    Reference:
        H. Schaeben, "The de la Vallée Poussin standard orientation density function", Textures and Microstructures 33,
        365 (1999), doi:10.1155/TSM.33.365.

    Example:
        >>> cube = jnp.array([1.0, 0, 0, 0])
        >>> density = inverse_pole_density(cube, (0.0, 0.0, 1.0), [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
        >>> [round(float(each), 3) for each in density]
        [15.317, 0.0]

    Differentiable in `orientations`, `r`, `h` and `weights`.
    """
    exponent = exponent_of(halfwidth, degrees)
    check_group("laue", laue)
    sources = checked_sources(orientations, weights)
    axis, at = _direction("r", r, sources[0].dtype, one=True), _direction("h", h, sources[0].dtype)
    axes = jnp.tensordot(_operators(laue, at.dtype), at.reshape(3, -1), 1)
    return _density(sources, jnp.swapaxes(axes, 0, 1), axis[:, None], exponent).reshape(at.shape[1:])


def _density(
    sources: tuple[Array, Array], axes: Float[Array, "3 s e"], r: Float[Array, "3 *places"], exponent: float
) -> Float[Array, "..."]:
    """P(h, r) from all equivalents of h: s h · g r is the scalar product of the nine products of components with g."""
    q, share, axes, directions = as_float_arrays(orientations=sources[0], weights=sources[1], h=axes, r=r)
    points = axes[:, None] * directions.reshape(1, 3, 1, -1)
    points = jnp.moveaxis(points.reshape(9, *points.shape[2:]), 0, -1)
    mean = kernel_mean(points, to_matrix(q).reshape(9, -1), share, axis_kernel, jnp.asarray(exponent, q.dtype))
    return axis_peak(exponent) * mean


def _direction(argument: str, value: Any, dtype: Any, one: bool = False) -> Float[Array, "3 ..."]:
    """Unit vectors along directions of any length; NaN for zero. Python's own numbers take the dtype of the orientations."""
    v = as_float_array(argument, value)
    v = v.astype(dtype) if isinstance(value, (list, tuple)) else v
    shape = "(3,)" if one else "(3, …)"
    check(
        v.ndim >= 1 and v.shape[0] == 3 and (v.ndim == 1 or not one),
        f"`{argument}` must have shape {shape}, but its shape is {v.shape}. Put the three components first.",
    )
    if is_concrete(v):
        lengths = np.abs(v).max(axis=0)
        check(
            bool((lengths != 0).all()), f"`{argument}` must not be zero, but {np.sum(lengths == 0)} of its directions are. Leave those out."
        )
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(v), axis=0))
    v = v / jnp.where(largest == 0, jnp.nan, largest)
    return v / jnp.sqrt(jnp.sum(v**2, axis=0))


def _equivalent_axes(h: Float[Array, "3"], laue: str) -> Float[Array, "3 s"]:
    """All s h; of known numbers only those that differ as axes, each of which stands for equally many."""
    check_group("laue", laue)
    operators = _operators(laue, h.dtype)
    axes = jnp.tensordot(operators, h, 1).T
    if not is_concrete(h):
        return axes
    images = np.tensordot(np.asarray(to_matrix(symmetry_operators(laue))).transpose(2, 0, 1), np.asarray(h, np.float64), 1)
    kept: list[int] = []
    for k, image in enumerate(images):
        if all(abs(image @ images[other]) < 1 - SAME for other in kept):
            kept.append(k)
    return axes[:, np.array(kept)]


def _operators(laue: str, dtype: Any) -> Float[Array, "s 3 3"]:
    return jnp.asarray(jnp.moveaxis(to_matrix(symmetry_operators(laue)), -1, 0), dtype)
