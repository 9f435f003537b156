"""Spinodoids: one wavelength, and wave vectors that lie in cones about the axes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, check_shape, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.gaussian_field import check_positive, filter_noise, principal_axes, wave_vectors
from jaxmicro.microstructures.level_cut import sharp_levels, soft_levels, two_shares, typical_slope
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.soft_random_field import interface_width

FAINT = 0.01  # of the strongest amplitude² that a band and cones allow: below it a mode is outside
DOUBT = 0.02  # of the wavelength: where a cell cannot promise more, it is not asked for; the cut at a level adds about 0.01
DEFAULT_WAVES = 6  # wavelengths along the shortest edge


def spinodoid(
    grid: Grid,
    volume_fraction: ArrayLike = 0.5,
    wavelength: ArrayLike | None = None,
    *,
    key: Array,
    cones: Sequence[ArrayLike] | Float[ArrayLike, " d"] | None = None,
    edge: ArrayLike = 5.0,
    bandwidth: ArrayLike = 0.1,
    rotation: ArrayLike | Sequence[float] | None = None,
    width: ArrayLike | None = None,
    phases: Sequence[Phase | str] = ("void", "solid"),
) -> Microstructure:
    """Spinodal-like topology without the phase separation: a random field whose waves have one length and chosen directions.

    The field is a sum over the modes k of the periodic cell, with random phases and amplitudes: white noise, filtered by

        S(k) = κ^(1 − d) exp(−(κ − 1)² / (2 b²)) [1 − Π_i (1 − c_i(k))],    κ = |k| λ / 2π,

    in which κ^(1 − d) makes up for the number of modes near |k|, so that the power of all of them is centred on λ. c_i is one where k is
    within the angle θ_i of ±axis i and zero outside, in between a cubic step over `edge` degrees. The solid is where the field is high.
    In 3D small angles about one axis give layers (lamellar), about two columns, about three a cubic network;
    90° about any axis is isotropic; 0° switches an axis off. The original sums waves of exactly one length in drawn directions, which are
    periodic in no cell; here the band is as narrow as the modes of the cell allow.

    Args:
        grid: the periodic cell, 2D or 3D.
        volume_fraction: of the solid, phase 1.
        wavelength: λ in the unit of `grid.lengths`; by default a sixth of the shortest edge.
        key: typed random key.
        cones: half angle θ_i about each axis in degrees, `(d,)`, 0 … 90; by default 90 each, isotropic.
        edge: angle in degrees over which the edge of a cone fades, so that cones have derivatives.
        bandwidth: relative width b of the band.
        rotation: of the axes of the cones, as in `gaussian_random_field`.
        width: None for a sharp cut (labels); or the width of the interfaces in the unit of `grid.lengths`, for the soft form.
        phases: names of void and solid.

    Returns:
        The microstructure: labels whose fractions are exact to one voxel, or fractions whose means are exact. In `asked` the fractions, and the
        wavelength where the cell has modes enough to have it to 3 %.

    Raises:
        ValueError: if no mode of the cell lies in the band and the cones, or an argument is out of range; where these are traced the soft
            form is NaN.

    Reference:
        S. Kumar, S. Tan, L. Zheng, D. M. Kochmann, "Inverse-designed spinodoid metamaterials", npj Comput. Mater. 6, 73 (2020),
        doi:10.1038/s41524-020-0341-6.

    Example:
        >>> ms = spinodoid(Grid((24, 24)), 0.4, 6.0, key=jax.random.key(0), cones=(30.0, 0.0), width=2.0)
        >>> round(float(ms.volume_fractions[1]), 6)
        0.4

    The soft form (`width=`) is differentiable, at fixed key, in the fraction, wavelength, cones, edge, bandwidth, rotation, width and edge
    lengths, in both modes; labels are not.
    """
    dtype = grid.lengths.dtype
    length = jnp.min(grid.lengths) / DEFAULT_WAVES if wavelength is None else jnp.asarray(wavelength, dtype)
    check_positive(wavelength=length, edge=edge, bandwidth=bandwidth)
    check_shape("wavelength", length, ())
    angles = _angles(cones, grid.ndim, dtype)
    axes = jnp.eye(grid.ndim, dtype=dtype) if rotation is None else principal_axes(rotation, grid.ndim, dtype)
    shares = two_shares(volume_fraction, dtype)
    parameters = (length, angles, jnp.asarray(edge, dtype), jnp.asarray(bandwidth, dtype), axes)
    field, best, doubt = _field(grid, split_named(key, "white noise")["white noise"], *parameters)
    if is_concrete(best):
        _check_modes(float(best), grid, length, angles)
    if width is None:
        content: dict[str, Any] = {"labels": sharp_levels(field, shares)}
    else:
        content = {"fractions": soft_levels(field, shares, interface_width(grid, width) * typical_slope(field, grid))}
    asked: dict[str, Any] = {"volume_fractions": shares}
    if is_concrete(doubt) and float(doubt) < DOUBT:
        asked["wavelength"] = length
    text = ""
    if is_concrete(length, angles):
        text = f"spinodoid: wavelength {float(length):g}, cones {np.asarray(angles).tolist()} degrees"
    return Microstructure(grid=grid, phases=phases, provenance=text, asked=asked, **content)


def _angles(cones: Any, ndim: int, dtype: Any) -> Float[Array, " d"]:
    angles = jnp.full(ndim, 90.0, dtype) if cones is None else jnp.asarray(cones, dtype)
    check_shape("cones", angles, (ndim,), "Give one half angle in degrees per axis, 0 where there is no cone.")
    if is_concrete(angles):
        values = np.asarray(angles)
        good = bool((values >= 0).all() and (values <= 90).all() and (values > 0).any())
        check(good, f"`cones` must be half angles of 0 … 90 degrees, one at least above 0, but they are {values.tolist()}.")
    return angles


def _check_modes(best: float, grid: Grid, length: Array, angles: Array) -> None:
    across = (np.asarray(grid.lengths) / float(length)).round(2).tolist()
    check(
        best > FAINT,
        f"`wavelength` and `cones` must leave modes of the periodic cell, but none has the wavelength {float(length):g} within cones of "
        f"{np.asarray(angles).tolist()} degrees: the cell is {across} wavelengths long and has {grid.shape} voxels. "
        "Take a larger cell, wider cones, a larger `bandwidth`, or a wavelength that divides an edge and spans two voxels.",
    )


@jax.jit
def _field(
    grid: Grid, key: Array, length: Array, angles: Float[Array, " d"], edge: Array, bandwidth: Array, axes: Float[Array, "d d"]
) -> tuple[Float[Array, "*grid"], Float[Array, ""], Float[Array, ""]]:
    """Filtered white noise (NaN where no mode is inside), the strongest mode, and what the mean wave number may miss, over that asked for.

    Powers of modes are independent and exponential: the mean of k over them, each as likely as S, has the variance Σ S² (k − k̄)² / (Σ S)².
    """
    wave = jnp.einsum("ij,j...->i...", axes, wave_vectors(grid))
    square = jnp.sum(wave**2, axis=0)
    safe = jnp.where(square == 0, 1.0, square)
    number = jnp.sqrt(safe) * length / (2 * jnp.pi)
    strength = jnp.where(square == 0, 0.0, jnp.exp(-(((number - 1) / bandwidth) ** 2) / 2) * _inside(wave, safe, angles, edge))
    best = jax.lax.stop_gradient(jnp.max(strength))
    bright = strength > 1e-6 * best  # the square root has no derivative at zero
    power = jnp.where(bright, strength * number ** (1 - grid.ndim), 0.0)
    amplitude = jnp.where(bright, jnp.sqrt(jnp.where(bright, power, 1.0)), 0.0)
    wrong = (best <= FAINT) | ~jnp.all((angles >= 0) & (angles <= 90))
    noise = jax.random.normal(key, grid.shape, grid.lengths.dtype)
    return filter_noise(noise, amplitude) * jnp.where(wrong, jnp.nan, 1.0), best, jax.lax.stop_gradient(_doubt(power, number))


def _doubt(power: Float[Array, "*half"], number: Float[Array, "*half"]) -> Float[Array, ""]:
    """Deviation of the mean of wave numbers from 1, and two standard deviations of it. Pairs ±k share one power, hence the half spectrum."""
    whole = jnp.sum(power)
    mean = jnp.sum(power * number) / whole
    return jnp.abs(mean - 1) + 2 * jnp.sqrt(jnp.sum((power * (number - mean)) ** 2)) / whole


def _inside(wave: Float[Array, "d *half"], square: Float[Array, "*half"], angles: Float[Array, " d"], edge: Array) -> Float[Array, "*half"]:
    """1 − Π (1 − c_i). Both naps of a cone count, so that 90° is the whole sphere; angles below `edge` fade to nothing."""
    outside = jnp.ones_like(square)
    for component, angle in zip(wave, angles, strict=True):
        along = component**2
        across = jnp.where(square > along, square - along, 0.0)
        safe = jnp.where(across > 0, across, 1.0)
        from_axis = jnp.degrees(jnp.arctan2(jnp.where(across > 0, jnp.sqrt(safe), 0.0), jnp.abs(component) + (square == 0)))
        cone = _step((angle - from_axis) / edge + 0.5) + _step((angle - 180 + from_axis) / edge + 0.5)
        outside *= 1 - cone * _step(angle / edge)
    return 1 - outside


def _step(x: Array) -> Array:
    """Cubic from 0 at 0 to 1 at 1."""
    x = jnp.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
