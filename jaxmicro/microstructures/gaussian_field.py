"""Periodic Gaussian random fields with a controlled spectrum."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, check_choice, check_shape, is_concrete, split_named
from jaxmicro.fields import Grid, forward, frequencies, inverse, mirror_weights
from jaxmicro.orientations import to_matrix

SPECTRA = ("gaussian", "band", "power")
DEFAULT_SHARE = 1 / 16  # default correlation length in shortest edges: features of about ten voxels in a 64² cell


def gaussian_random_field(
    grid: Grid,
    *,
    key: Array,
    correlation_length: ArrayLike | None = None,
    anisotropy: ArrayLike | Sequence[float] | None = None,
    rotation: ArrayLike | Sequence[float] | None = None,
    spectrum: str = "gaussian",
    bandwidth: ArrayLike = 0.2,
    exponent: ArrayLike = 4.0,
) -> Float[Array, "*grid"]:
    """Stationary periodic Gaussian field of mean 0 and expected variance 1.

    White noise is filtered in Fourier space, f = F⁻¹[√S(κ) F[w]], with κ the wave vector stretched by the
    correlation lengths ℓ_i = ℓ a_i along the (rotated) principal axes, κ_i = ℓ_i k_i:

    - `"gaussian"`: S = exp(−κ²/2), whose covariance is exp(−r²/2ℓ²) on a large cell;
    - `"band"`: S = exp(−(κ/2π − 1)²/(2 b²)), a ring of wavelength ℓ and relative width b (labyrinths, spinodal look);
    - `"power"`: S = (1 + κ²)^(−s/2), rough fields with details at all scales (s > d).

    Args:
        grid: the periodic cell.
        key: typed random key.
        correlation_length: ℓ in the unit of `grid.lengths`; by default 1/16 of the shortest edge.
        anisotropy: stretch a_i of the correlation length along each principal axis, `(d,)`; by default ones.
        rotation: of the principal axes: in 2D the angle from x towards y in radians, in 3D a unit quaternion `(4,)`
            (sample → principal axes).
        spectrum: "gaussian", "band" or "power".
        bandwidth: relative width b of the band.
        exponent: decay s of the power spectrum.

    Returns:
        The field `(*grid)`.

    Raises:
        ValueError: if a length, stretch or width is not positive, or a shape does not fit the grid.

    Reference:
        A. P. Roberts, M. Teubner, "Transport properties of heterogeneous materials derived from Gaussian random
        fields", Phys. Rev. E 51, 4141 (1995), doi:10.1103/PhysRevE.51.4141.

    Example:
        >>> field = gaussian_random_field(Grid((32, 32)), key=jax.random.key(0), correlation_length=3.0)
        >>> field.shape, bool(abs(field.mean()) < 1e-6)
        ((32, 32), True)

    Differentiable in every argument that is a number or array, and in `grid.lengths`, at fixed key.
    """
    check_choice("spectrum", spectrum, SPECTRA)
    check_positive(correlation_length=correlation_length, anisotropy=anisotropy, bandwidth=bandwidth, exponent=exponent)
    dtype = grid.lengths.dtype
    stretch = jnp.ones(grid.ndim, dtype) if anisotropy is None else jnp.asarray(anisotropy, dtype)
    check_shape("anisotropy", stretch, (grid.ndim,), "Give one stretch per axis.")
    length = DEFAULT_SHARE * jnp.min(grid.lengths) if correlation_length is None else jnp.asarray(correlation_length, dtype)
    check_shape("correlation_length", length, (), "Give one length, and `anisotropy` for its ratio along each axis.")
    axes = jnp.eye(grid.ndim, dtype=dtype) if rotation is None else principal_axes(rotation, grid.ndim, dtype)
    noise_key = split_named(key, "white noise")["white noise"]
    return _draw(grid, noise_key, length * stretch, axes, jnp.asarray(bandwidth, dtype), jnp.asarray(exponent, dtype), spectrum)


@functools.partial(jax.jit, static_argnames="spectrum")
def _draw(
    grid: Grid, key: Array, lengths: Float[Array, " d"], axes: Float[Array, "d d"], bandwidth: Array, exponent: Array, spectrum: str
) -> Float[Array, "*grid"]:
    """Filtered white noise; `lengths` are the correlation lengths along the principal axes."""
    wave = jnp.einsum("ij,j...->i...", axes, wave_vectors(grid))
    square = jnp.sum((wave * lengths.reshape((-1,) + (1,) * grid.ndim)) ** 2, axis=0)
    noise = jax.random.normal(key, grid.shape, grid.lengths.dtype)
    return filter_noise(noise, _amplitude(square, spectrum, bandwidth, exponent))


def check_positive(**arguments: Any) -> None:
    """What is known and given must be positive and finite."""
    for name, value in arguments.items():
        if value is not None and is_concrete(value):
            numbers = np.asarray(value)
            check(
                bool((numbers > 0).all() and np.isfinite(numbers).all()),
                f"`{name}` must be positive and finite, but it is {numbers.tolist()}.",
            )


def wave_vectors(grid: Grid) -> Float[Array, "d *half"]:
    """Angular wave vectors of the half spectrum of a real FFT."""
    mesh = jnp.asarray(np.stack(np.broadcast_arrays(*frequencies(grid.shape))), grid.lengths.dtype)
    return 2 * jnp.pi * mesh / grid.lengths.reshape((-1,) + (1,) * grid.ndim)


def principal_axes(rotation: ArrayLike | Sequence[float], ndim: int, dtype: jnp.dtype) -> Float[Array, "d d"]:
    """Rotation matrix from the sample axes to the principal axes."""
    value = jnp.asarray(rotation, dtype)
    if ndim == 2:
        check_shape("rotation", value, (), "In 2D it is one angle from x towards y, in radians.")
        c, s = jnp.cos(value), jnp.sin(value)
        return jnp.array([[c, s], [-s, c]])
    check_shape("rotation", value, (4,), "In 3D it is a unit quaternion, scalar first.")
    return to_matrix(value)


def _amplitude(square: Float[Array, "*half"], spectrum: str, bandwidth: Array, exponent: Array) -> Float[Array, "*half"]:
    """√S(κ), with nothing at κ = 0, where the mean lives."""
    zero = square == 0
    safe = jnp.where(zero, 1.0, square)  # keeps the derivative of the square root finite at the origin
    if spectrum == "gaussian":
        # scaled to the largest amplitude of the cell, or a long correlation length underflows to 0/0
        value = jnp.exp(-(safe - jnp.min(jnp.where(zero, jnp.inf, square))) / 4)
    elif spectrum == "band":
        deviation = ((jnp.sqrt(safe) / (2 * jnp.pi) - 1) / bandwidth) ** 2
        value = jnp.exp(-(deviation - jnp.min(jnp.where(zero, jnp.inf, deviation))) / 4)
    else:
        value = (1 + safe) ** (-exponent / 4)
    return jnp.where(zero, 0.0, value)


def filter_noise(noise: Float[Array, "*grid"], amplitude: Float[Array, "*half"]) -> Float[Array, "*grid"]:
    """Multiply the spectrum of white noise, and scale to expected variance 1."""
    variance = jnp.sum(amplitude**2 * jnp.asarray(mirror_weights(noise.shape), amplitude.dtype)) / noise.size
    return inverse(forward(noise, noise.ndim) * amplitude, noise.shape) / jnp.sqrt(variance)
