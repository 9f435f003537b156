"""The orientation distribution function (ODF) of weighted orientations, by a mean of kernels."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays
from jaxmicro.orientations.density_kernels import checked_sources, exponent_of, kernel_mean, rotation_kernel, rotation_peak
from jaxmicro.orientations.equivalents import check_group, product
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import checked, normalize


def odf(
    q: ArrayLike,
    orientations: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    laue: str = "m-3m",
    halfwidth: float | None = None,
    degrees: bool = False,
) -> Float[Array, "..."]:
    """Density of orientations in multiples of random, f(q) = Σ w_i mean_s K(angle of q q_i⁻¹ s⁻¹) / Σ w_i.

    K is the de la Vallée Poussin kernel, C cos^(2κ)(ω/2), which falls to half its peak at `halfwidth`. The mean of f over all
    rotations is one. Every orientation is compared with every q and all equivalents, in blocks of a few megabytes.

    Args:
        q: where to evaluate: quaternions `(4, …)` of any length, also none (then an empty array is returned).
        orientations: quaternions `(4, …)` of any length. NaN, as where a map is not indexed, counts for nothing, nor does zero.
        weights: not negative, of the trailing shape of `orientations`; equal by default.
        laue: Laue group, one of `LAUE_GROUPS`.
        halfwidth: of the kernel, from 0.1° to 90°; 10° by default. A fixed number: not traced, no derivative.
        degrees: whether `halfwidth` is in degrees.

    Returns:
        Densities of the trailing shape of `q`, the same at all its equivalents; NaN where q is, or nothing has a weight. In
        float32 the relative error is about κ 10⁻⁷: 10⁻⁵ at a half width of 10°, 10⁻³ at 1°.

    Raises:
        ValueError: if a first axis is not 4, there is no orientation, the group is not known, the half width is out of
            range, or weights are negative or of another shape.
        TypeError: if the half width is not a number.

    Reference:
        H. Schaeben, "The de la Vallée Poussin standard orientation density function", Textures and Microstructures 33,
        365 (1999), doi:10.1155/TSM.33.365; R. Hielscher, H. Schaeben, J. Appl. Cryst. 41, 1024 (2008),
        doi:10.1107/S0021889808030112.

    Example:
        >>> cube = jnp.array([1.0, 0, 0, 0])
        >>> there = from_euler([[0.0, 10.0, 45.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], degrees=True)
        >>> [round(float(density), 2) for density in odf(there, cube)]
        [64.8, 32.4, 0.0]

    Differentiable in `q`, `orientations` and `weights`.
    """
    check_group("laue", laue)
    exponent = exponent_of(halfwidth, degrees)
    sources, share = checked_sources(orientations, weights)
    q, sources, share = as_float_arrays(q=normalize(checked("q", q)), orientations=sources, weights=share)
    s = jnp.asarray(symmetry_operators(laue), q.dtype)
    points = jnp.stack(product(s[:, :, None], q.reshape(4, 1, -1)), axis=-1)
    mean = kernel_mean(points, sources, share, rotation_kernel, jnp.asarray(exponent, q.dtype))
    return (rotation_peak(exponent) * mean).reshape(q.shape[1:])
