"""Two-point correlation of phases, on periodic cells and in windows, and averages over directions.

The lags of a correlation are laid out as those of an FFT: zero lag at index 0, negative lags from the end. Along a periodic axis of
n voxels there are n of them, along one of a window 2 n − 1, from −(n − 1) to n − 1. For either `np.fft.fftfreq(m, 1 / m)` is the lag
of each of m entries, in voxels.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Complex, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, check_finite, check_shape, check_whole, is_concrete
from jaxmicro.fields import Grid, forward, inverse
from jaxmicro.microstructures import Microstructure


def two_point_correlation(
    indicator: ArrayLike,
    other: ArrayLike | None = None,
    *,
    periodic: bool | tuple[bool, ...] = True,
    mask: ArrayLike | None = None,
) -> Float[Array, "..."]:
    """Probability that two points a lag r apart both lie in a phase.

    S₂(r) = ⟨I(x) J(x + r)⟩, with J = I unless another phase is given: by the convolution theorem F⁻¹[conj(F I) F J] over the number of
    pairs of measured voxels that are r apart. In a window (`periodic=False`) or with a mask that number depends on the lag; dividing by
    it leaves the estimate without bias, but with few pairs the estimate scatters: trust lags up to a half or a third of the window.

    Leading axes cannot be told from those of a grid: map over samples with `jax.vmap(two_point_correlation)`. The correlation along
    axis 0 is the slice `s2[: n // 2 + 1, 0, 0]`, that over all directions is `radial_average`, all pairs of phases together are
    `correlation_matrix`.

    Args:
        indicator: I, `(*grid)`, 1 inside the phase and 0 outside, or its volume fraction.
        other: J, for the cross-correlation of two phases.
        periodic: whether the cell repeats, along all axes or along each.
        mask: the voxels that were measured `(*grid)`; what the indicator holds elsewhere has no say.

    Returns:
        S₂ with zero lag at index 0 and lag −1 at the last: `n` entries along a periodic axis, and `2 n − 1` along one that is not, for
        lags from −(n − 1) to n − 1. S₂(0) of labels is the volume fraction. NaN where no pair was measured.

    Raises:
        ValueError: if the indicator has not 2 or 3 axes, is not finite, or shapes disagree.

    References:
        S. Torquato, "Random Heterogeneous Materials", Springer (2002), chapter 2, doi:10.1007/978-1-4757-6355-3; windows and masks:
        A. Cecen, T. Fast, S. R. Kalidindi, Integrating Materials and Manufacturing Innovation 5 (2016), doi:10.1186/s40192-015-0044-x.

    Example:
        >>> two_point_correlation(np.array([[1.0, 1.0], [0.0, 0.0]])).round(6).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
        >>> two_point_correlation(np.array([[1.0, 1.0], [0.0, 0.0]]), periodic=False)[0].round(6).tolist()
        [0.5, 0.5, 0.5]

    Differentiable.
    """
    given = {"indicator": indicator} if other is None else {"indicator": indicator, "other": other}
    here, *more = as_float_arrays(**given)
    there = more[0] if more else None
    check(here.ndim in (2, 3), f"`indicator` must have 2 or 3 axes, but its shape is {here.shape}.")
    check_shape("other", here if there is None else there, here.shape, "Both indicators live on one grid.")
    wraps = periodic_axes(periodic, here.ndim)
    measured = None if mask is None else as_mask("mask", mask, here.shape)
    here, there = (None if each is None else _measured_part(each, measured) for each in (here, there))
    check_finite("indicator", here)
    check_finite("other", 0.0 if there is None else there)
    return _correlation(here, there, measured, wraps)


def correlation_matrix(ms: Microstructure, *, periodic: bool | tuple[bool, ...] = True) -> Float[Array, "p p ..."]:
    """Two-point correlations of all pairs of phases.

    S_ij(r) = ⟨I_i(x) I_j(x + r)⟩, with one transform for each phase. In a periodic cell rows obey Σ_j S_ij(r) = φ_i, and always
    S_ji(r) = S_ij(−r), so that only p (p − 1)/2 of them are independent.

    Args:
        ms: the microstructure; its mask tells which voxels were measured.
        periodic: whether the cell repeats, along all axes or along each.

    Returns:
        `(p, p, *lags)`, with the lags of `two_point_correlation`.

    Raises:
        ValueError: if `periodic` has not one flag for each axis.

    References:
        S. R. Niezgoda, D. T. Fullwood, S. R. Kalidindi, Acta Materialia 56 (2008), doi:10.1016/j.actamat.2008.07.005.

    Example:
        >>> ms = Microstructure(labels=[[0, 0], [1, 1]])
        >>> correlation_matrix(ms)[:, :, 1, 0].round(6).tolist()
        [[0.0, 0.5], [0.5, 0.0]]

    Differentiable in the fractions.
    """
    return _matrix(ms.fractions, ms.mask, periodic_axes(periodic, ms.grid.ndim))


def radial_average(correlation: ArrayLike, grid: Grid, bins: int | None = None) -> tuple[Float[Array, " r"], Float[Array, "... r"]]:
    """Mean of a function of the lag over all directions.

    Lags are taken at their nearest periodic image, or as they are in a window, and sorted by their length (voxels may be unequal) into
    equal shells up to half of the shortest edge; the first shell is the zero lag with what lies within half a shell of it. Lags where
    the function is NaN, for want of measured pairs, are left out.

    Args:
        correlation: `(…, *lags)` with zero lag at index 0, as `two_point_correlation` and `correlation_matrix` return it: along each
            axis n entries of a periodic cell, or 2 n − 1 of a window.
        grid: the cell.
        bins: number of shells; by default half the voxels of the axis that has fewest.

    Returns:
        The mean distance of the lags in each shell `(r,)`, and the mean of the function there `(…, r)`. A shell that
        holds no lag is NaN.

    Raises:
        ValueError: if the shapes disagree.

    Example:
        >>> distance, value = radial_average(np.ones((8, 8)), Grid((8, 8)))
        >>> distance.round(2).tolist(), value.tolist()
        ([0.0, 1.21, 2.16, 3.04], [1.0, 1.0, 1.0, 1.0])

    Differentiable in the correlation and in the edge lengths, as long as no lag changes its shell.
    """
    values = as_float_array("correlation", correlation)
    _check_lags(values.shape, grid.shape)
    count = min(grid.shape) // 2 if bins is None else bins
    check_whole("bins", count, 1)
    return _shell_means(values, grid, int(count), _most_lags(grid))


def correlation_length(correlation: ArrayLike, grid: Grid, axis: int | None = None) -> Float[Array, "..."]:
    """Integral scale of a two-point correlation: the distance over which the phase remembers itself.

    ℓ = ∫₀^{r₀} ρ(r) dr with ρ(r) = (S(r) − S∞)/(S(0) − S∞) up to its first zero r₀ (or half of the edge), where ρ is linear between
    lags. S∞ = φ² is the mean of S over all lags, each weighted by its pairs. For ρ = exp(−r/a) it is a.

    Args:
        correlation: S, `(…, *lags)`, as in `radial_average`.
        grid: the cell.
        axis: along which; by default of the mean over all directions.

    Returns:
        ℓ `(…)`, in the unit of `grid.lengths`. NaN of a constant.

    Raises:
        ValueError: if the shapes disagree or there is no such axis.

    References:
        The integral scale: S. B. Pope, "Turbulent Flows", Cambridge (2000), section 6.3, doi:10.1017/CBO9780511840531; up to the first
        zero: P. L. O'Neill, D. Nicolaides, D. Honnery, J. Soria, 15th Australasian Fluid Mechanics Conference (2004).

    Example:
        >>> layers = np.repeat([[1.0], [0.0]], 8, axis=0) * np.ones((1, 4))
        >>> round(float(correlation_length(two_point_correlation(layers), Grid((16, 4)), axis=0)), 6)
        2.0

    Differentiable in the correlation and in the edge lengths.
    """
    values = as_float_array("correlation", correlation)
    _check_lags(values.shape, grid.shape)
    if axis is not None:
        check_whole("axis", axis, -grid.ndim)
        check(axis < grid.ndim, f"`axis` must be below the number of axes, {grid.ndim}, but it is {axis}.")
        axis = int(axis) % grid.ndim
    return _integral_scale(values, grid, axis, _most_lags(grid))


def periodic_axes(periodic: bool | Sequence[bool], ndim: int) -> tuple[bool, ...]:
    """One flag for each axis, of one for all or of as many as there are axes.

    Example:
        >>> periodic_axes(True, 2)
        (True, True)
    """
    flags = (periodic,) * ndim if isinstance(periodic, bool | np.bool) else tuple(periodic)
    fits = len(flags) == ndim and all(isinstance(flag, bool | np.bool) for flag in flags)
    check(fits, f"`periodic` must be one flag or {ndim}, but it is {periodic!r}.")
    return tuple(map(bool, flags))


def as_mask(argument: str, value: ArrayLike, shape: tuple[int, ...]) -> Bool[Array, "*grid"]:
    """The voxels that are true, or 1, of an array of a given shape; other numbers are refused where they are known.

    Example:
        >>> as_mask("mask", np.array([[0, 1], [1, 1]]), (2, 2)).tolist()
        [[False, True], [True, True]]
    """
    check_shape(argument, value, shape, "It lives on the grid of the indicator.")
    array = jnp.asarray(value)
    if array.dtype != bool and is_concrete(array):
        known = np.asarray(array)
        wrong = known[(known != 0) & (known != 1)]
        check(wrong.size == 0, f"`{argument}` must hold truth values, 0 or 1, but it holds {wrong[:1]}. Compare it first.")
    return array if array.dtype == bool else array != 0


def _measured_part(values: Float[Array, "*grid"], measured: Bool[Array, "*grid"] | None) -> Float[Array, "*grid"]:
    return values if measured is None else jnp.where(measured, values, 0)


@partial(jax.jit, static_argnames="wraps")
def _correlation(
    here: Float[Array, "*grid"], there: Float[Array, "*grid"] | None, measured: Bool[Array, "*grid"] | None, wraps: tuple[bool, ...]
) -> Float[Array, "..."]:
    spectrum = _spectrum(here, wraps)
    partner = spectrum if there is None else _spectrum(there, wraps)
    sums = _pair_sums(spectrum, partner, here.shape, wraps)
    return _over_pairs(sums, measured, here.shape, wraps)


@partial(jax.jit, static_argnames="wraps")
def _matrix(fractions: Float[Array, "p *grid"], measured: Bool[Array, "*grid"] | None, wraps: tuple[bool, ...]) -> Float[Array, "p p ..."]:
    shape = fractions.shape[1:]
    spectra = [_spectrum(_measured_part(each, measured), wraps) for each in fractions]
    rows: list[list[Array]] = [[] for _ in spectra]
    for i, first in enumerate(spectra):
        for j, second in enumerate(spectra):
            known = rows[j][i] if j < i else None
            rows[i].append(_pair_sums(first, second, shape, wraps) if known is None else _reversed(known))
    return _over_pairs(jnp.stack([jnp.stack(row) for row in rows]), measured, shape, wraps)


def _reversed(correlation: Float[Array, "*lags"]) -> Float[Array, "*lags"]:
    """The function of −r."""
    axes = tuple(range(correlation.ndim))
    return jnp.roll(jnp.flip(correlation, axes), (1,) * len(axes), axes)


def _padded_sizes(shape: tuple[int, ...], wraps: tuple[bool, ...]) -> tuple[int, ...]:
    """Sizes of transforms in which lags of a window do not wrap, and that are products of small primes."""
    return tuple(n if wrap else fast_size(2 * n - 1) for n, wrap in zip(shape, wraps, strict=True))


def fast_size(least: int) -> int:
    """The first size from `least` on whose transform is fast.

    Example:
        >>> fast_size(13)
        15
    """
    from scipy.fft import next_fast_len

    return int(next_fast_len(least, real=True))  # pyright: ignore[reportArgumentType]


def _spectrum(values: Float[Array, "*grid"], wraps: tuple[bool, ...]) -> Complex[Array, "..."]:
    sizes = _padded_sizes(values.shape, wraps)
    widths = [(0, size - n) for size, n in zip(sizes, values.shape, strict=True)]
    return forward(values if all(wraps) else jnp.pad(values, widths), values.ndim)


def _pair_sums(
    first: Complex[Array, "..."], second: Complex[Array, "..."], shape: tuple[int, ...], wraps: tuple[bool, ...]
) -> Float[Array, "..."]:
    """Sum of products over all pairs of each lag."""
    sizes = _padded_sizes(shape, wraps)
    sums = inverse(jnp.conj(first) * second, sizes)
    for axis, (n, size) in enumerate(zip(shape, sizes, strict=True)):
        if size > 2 * n - 1 and not wraps[axis]:
            positive, negative = (jax.lax.slice_in_dim(sums, *part, axis=axis) for part in ((0, n), (size - n + 1, size)))
            sums = jnp.concatenate([positive, negative], axis)
    return sums


def _over_pairs(
    sums: Float[Array, "..."], measured: Bool[Array, "*grid"] | None, shape: tuple[int, ...], wraps: tuple[bool, ...]
) -> Float[Array, "..."]:
    """Means over the pairs of each lag; NaN without any."""
    if measured is None:
        for factor in pair_factors(shape, wraps):  # one after the other: their product would be as large a constant as the sums
            sums = sums / jnp.asarray(factor, sums.dtype)
        return sums
    ones = _spectrum(measured.astype(sums.dtype), wraps)
    pairs = jnp.round(_pair_sums(ones, ones, shape, wraps))
    noise = 4 * jnp.finfo(sums.dtype).eps * jnp.sum(measured)  # of counts in single precision, which are no whole numbers there
    return jnp.where(pairs > jnp.maximum(noise, 0.5), sums / jnp.maximum(pairs, 1), jnp.nan)


def pair_factors(shape: tuple[int, ...], wraps: tuple[bool, ...]) -> list[np.ndarray]:
    """Factors of the number of pairs at each lag where every voxel is measured, one along each axis, shaped to broadcast.

    Example:
        >>> [factor.tolist() for factor in pair_factors((3, 2), (False, True))]
        [[[3.0], [2.0], [1.0], [1.0], [2.0]], [[2.0]]]
    """
    factors = []
    for axis, (n, wrap) in enumerate(zip(shape, wraps, strict=True)):
        along = np.full(1, float(n)) if wrap else n - np.abs(np.rint(np.fft.fftfreq(2 * n - 1, 1 / (2 * n - 1))))
        factors.append(along.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    return factors


def _check_lags(lags: tuple[int, ...], shape: tuple[int, ...]) -> None:
    trailing = lags[-len(shape) :]
    fits = len(trailing) == len(shape) and all(m in (n, 2 * n - 1) for m, n in zip(trailing, shape, strict=True))
    window = tuple(2 * n - 1 for n in shape)
    check(fits, f"`correlation` must have shape {shape} of a periodic cell or {window} of a window behind others, but its shape is {lags}.")


def _far_value(values: Float[Array, "... "], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Mean over the lags, each weighted by its pairs: exactly the product of both volume fractions where all voxels are measured."""
    lags = values.shape[-len(shape) :]
    known = ~jnp.isnan(values)
    sums, pairs = jnp.where(known, values, 0), known.astype(values.dtype)
    for factor in pair_factors(shape, tuple(m == n for m, n in zip(lags, shape, strict=True))):
        sums, pairs = sums * jnp.asarray(factor / factor.sum(), values.dtype), pairs * jnp.asarray(factor / factor.sum(), values.dtype)
    axes = tuple(range(-len(shape), 0))
    return jnp.sum(sums, axes) / jnp.sum(pairs, axes)


@partial(jax.jit, static_argnames=("axis", "most"))
def _integral_scale(values: Float[Array, "..."], grid: Grid, axis: int | None, most: tuple[int, ...] | None) -> Float[Array, "..."]:
    """Integral of (S − S∞)/(S(0) − S∞) by trapezia, up to the first zero."""
    d = grid.ndim
    if axis is None:
        distance, along = _shell_means(values, grid, min(grid.shape) // 2, most)
        origin = values[(..., *(slice(1) if k == d - 1 else 0 for k in range(d)))]  # where voxels are unequal, the first shell holds more
        distance, along = jnp.pad(distance, (1, 0)), jnp.concatenate([origin, along], -1)
    else:
        half = grid.shape[axis] // 2 + 1
        distance = jnp.arange(half, dtype=grid.lengths.dtype) * grid.spacing[axis]
        along = values[(..., *(slice(half) if k == axis else 0 for k in range(d)))]
    centred = along - _far_value(values, grid.shape)[..., None]
    rho = centred / centred[..., :1]
    left, right, width = rho[..., :-1], rho[..., 1:], jnp.diff(distance)
    before = jnp.cumprod(left > 0, axis=-1) > 0
    crossing = before & (right <= 0)
    part = 0.5 * left**2 / jnp.where(crossing, left - right, 1)
    pieces = jnp.where(crossing, part, jnp.where(before, 0.5 * (left + right), 0))
    return jnp.sum(width * pieces, axis=-1) + 0 * rho[..., 0]


def _most_lags(grid: Grid) -> tuple[int, ...] | None:
    """The last lag along each axis that a shell reaches, where edge lengths are known."""
    if not is_concrete(grid):
        return None
    lengths = np.asarray(grid.lengths, float)
    return tuple(int(lengths.min() / 2 / (length / n)) + 1 for n, length in zip(grid.shape, lengths, strict=True))


def _near(values: Float[Array, "..."], most: tuple[int, ...]) -> Float[Array, "..."]:
    """Leave out lags beyond: seven in eight of a window."""
    for axis, last in enumerate(most, start=values.ndim - len(most)):
        size = values.shape[axis]
        if size > 2 * last + 1:
            positive, negative = (jax.lax.slice_in_dim(values, *part, axis=axis) for part in ((0, last + 1), (size - last, size)))
            values = jnp.concatenate([positive, negative], axis)
    return values


@partial(jax.jit, static_argnames=("count", "most"))
def _shell_means(
    values: Float[Array, "..."], grid: Grid, count: int, most: tuple[int, ...] | None
) -> tuple[Float[Array, " r"], Float[Array, "... r"]]:
    values = values if most is None else _near(values, most)
    d = grid.ndim
    lags = values.shape[-d:]
    square = jnp.zeros((1,) * d, grid.lengths.dtype)
    for axis, (m, spacing) in enumerate(zip(lags, grid.spacing, strict=True)):
        steps = np.rint(np.fft.fftfreq(m, 1 / m)).reshape([-1 if k == axis else 1 for k in range(d)])
        square = square + (jnp.asarray(steps, grid.lengths.dtype) * spacing) ** 2
    distance = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0).ravel()
    width = jnp.min(grid.lengths) / 2 / count
    shell = jnp.floor(distance / width + 0.5).astype(jnp.int32)  # shells beyond the last fall out of the sum

    def mean(numbers: Array, about: Array) -> Array:
        # Sums of what is left around a level: those of the numbers themselves lose digits in single precision.
        known = ~jnp.isnan(numbers)
        rest = jax.ops.segment_sum(jnp.where(known, numbers - about, 0), shell, count)
        return rest / jax.ops.segment_sum(known.astype(numbers.dtype), shell, count)

    centres = jnp.arange(count, dtype=distance.dtype) * width
    places = mean(distance, jax.lax.stop_gradient(centres)[jnp.minimum(shell, count - 1)]) + jax.lax.stop_gradient(centres)
    flat = values.reshape(-1, distance.size)
    levels = jax.lax.stop_gradient(jnp.nanmean(flat, axis=1))
    means = jax.vmap(mean)(flat, levels) + levels[:, None]
    return places, means.reshape(*values.shape[:-d], count)
