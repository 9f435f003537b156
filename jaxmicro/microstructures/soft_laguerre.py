"""Differentiable Laguerre diagrams: fractions of cells that share interfaces of a chosen width.

The fractions are a softmax of power distances over all seeds i and images,

    f_i(x) ∝ Σ_images exp(−d_i(x) / T(x)),    d_i(x) = Σ_k ((x_k − s_ik) / a_k)² − w_i.

Across the face between two seeds at a distance Δ (in scaled lengths) the difference of power distances is d_j − d_i = 2 |Δ / a| t, with t the
distance from the face. With one T for all, interfaces between near seeds would thus be wide and those between far seeds sharp. So

    T(x) = width D(x) / 2,    D² = (Σ_{i≠j} g_i g_j |Δ_ij / a|² + ε D₀²) / (Σ_{i≠j} g_i g_j + ε),

with g a first softmax, of T₀ = width D₀ / 2 with D₀ the mean distance between seeds. Sums over pairs are moments: of g and of g times the
seeds' offsets and their squares. Between two cells D = |Δ / a| and

    f = 1 / (1 + exp(−4 t / width)),    df/dt = 1 / width at the face.

Away from faces, where nothing depends on it, the small ε takes D to D₀; where cells meet, D is a mean over their pairs, and all is smooth.

Images cost little: d is a sum over axes, so that sums over images are products of sums along each axis.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_finite, check_shape, is_concrete
from jaxmicro.fields import Grid

FAR = 1e-4  # ε: what a neighbour's share must exceed to be counted as one; float32 resolves it


def soft_laguerre(
    grid: Grid,
    seeds: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    weights: Float[ArrayLike, " n"] | Sequence[float] | None = None,
    *,
    width: float | Float[ArrayLike, ""],
    aspect: Float[ArrayLike, " d"] | Sequence[float] | None = None,
) -> Float[Array, "n *grid"]:
    """Fractions of the cells of a periodic Laguerre diagram, with smooth interfaces: `laguerre` with derivatives.

    Across a face between two cells, and away from others, the fraction is 1 / (1 + exp(−4 t / width)) of the distance t: the tangent in the
    middle goes from 0 to 1 over `width`. As `width` goes to zero, fractions become those of `laguerre`.

    Args:
        grid: the periodic cell.
        seeds: `(d, n)`, in the unit of `grid.lengths`, anywhere.
        weights: `(n,)`, in squared (scaled) lengths; zero by default.
        width: of an interface, in the unit of `grid.lengths`; from about one voxel, below which voxels see only a step, to the size of a grain.
        aspect: relative lengths of the grains along the axes, `(d,)`, as in `laguerre`.

    Returns:
        Fractions `(n, *grid)` at the voxel centres, sum 1 over the cells: a `Microstructure(fractions=…)`, or shares for a mean of the grains'
        constants. It holds n numbers for each voxel.

    Raises:
        ValueError: if a shape does not fit, or concrete numbers are not finite or, for `width` and `aspect`, not positive; traced ones give NaN.

    Reference: the softmax of power distances is the entropic regularisation of semi-discrete transport; M. Cuturi, G. Peyré, SIAM J. Imaging
    Sci. 9, 320 (2016), doi:10.1137/15M1032600. The local scale is made here, as derived in this file.

    Example:
        >>> fractions = soft_laguerre(Grid((8, 8)), [[2.0, 6.0], [4.0, 4.0]], width=1.0)
        >>> [round(float(share), 2) for share in fractions[0, :, 4]]
        [0.88, 1.0, 1.0, 0.88, 0.12, 0.0, 0.0, 0.12]

    Differentiable in seeds, weights, width, aspect and the edge lengths, in both modes.
    """
    places, offsets, thickness, factors = as_float_arrays(
        seeds=seeds,
        weights=np.zeros(np.shape(seeds)[1:], np.float32) if weights is None else weights,
        width=width,
        aspect=np.ones(grid.ndim, np.float32) if aspect is None else aspect,
    )
    check_shape("seeds", places, (grid.ndim, "n"), "Seeds have one row per axis of the grid.")
    check(places.shape[1] > 0, "`seeds` must hold at least one seed, but they hold none.")
    check_shape("weights", offsets, places.shape[1:], "Give one weight per seed.")
    check_shape("width", thickness, (), "One width holds for all interfaces.")
    check_shape("aspect", factors, (grid.ndim,), "Give one relative length per axis.")
    for name, value in (("seeds", places), ("weights", offsets), ("width", thickness), ("aspect", factors)):
        check_finite(name, value)
    for name, value in (("width", thickness), ("aspect", factors)):
        if is_concrete(value):
            check(bool((np.asarray(value) > 0).all()), f"`{name}` must be positive, but it is {np.asarray(value).tolist()}.")
    return _fractions(grid, places, offsets, thickness, factors)


class _Axis(NamedTuple):
    """Along one axis, for each seed and voxel layer, `(n, size)`: offset of the nearest image, scaled edge length, and 1 / a."""

    offset: Array
    length: Array
    inverse: Array


@jax.jit
def _fractions(grid: Grid, seeds: Array, weights: Array, width: Array, aspect: Array) -> Float[Array, "n *grid"]:
    factors = aspect / jnp.exp(jnp.mean(jnp.log(aspect)))
    width = jnp.where(width > 0, width, jnp.nan)  # under a tracer: a negative one would give each voxel to the farthest seeds
    lengths = grid.lengths.astype(seeds.dtype)
    axes = [_axis(*one) for one in zip(grid.shape, lengths, seeds, factors, strict=True)]
    weights = weights - jax.lax.stop_gradient(jnp.max(weights))
    typical = (jnp.prod(lengths) / seeds.shape[1]) ** (1 / grid.ndim)
    scale = width / 2 * _pair_distance(axes, weights, width, typical)
    logits = sum(_log_images(axis, scale, k, grid.ndim) for k, axis in enumerate(axes)) + _column(weights, grid.ndim) / scale
    return jax.nn.softmax(logits, axis=0)


def _axis(size: int, length: Array, seeds: Array, factor: Array) -> _Axis:
    where = (jnp.arange(size, dtype=seeds.dtype) + 0.5) * (length / size)
    offset = seeds[:, None] - where
    offset = (offset - length * jax.lax.stop_gradient(jnp.round(offset / length))) / factor
    return _Axis(offset, length / factor, 1 / factor)


def _log_images(axis: _Axis, scale: Array, k: int, ndim: int) -> Array:
    """Logarithm of Σ exp(−(u + m L)² / T) over m = −1, 0, 1, on the whole grid, `(n, *grid)`."""
    u = _layers(axis.offset, k, ndim)
    higher, lower = (jnp.exp(-axis.length * (axis.length + sign * 2 * u) / scale) for sign in (1, -1))
    return jnp.log1p(higher + lower) - u**2 / scale


def _pair_distance(axes: list[_Axis], weights: Array, width: Array, typical: Array) -> Float[Array, "*grid"]:
    """D(x), from the moments of the first softmax: the mean of |Δ / a|² over pairs of images of different seeds."""
    ndim = len(axes)
    first = width / 2 * typical
    logits, moments = _column(weights, ndim) / first, []
    for k, axis in enumerate(axes):
        u, length = axis.offset, axis.length
        higher, lower = (jnp.exp(-length * (length + sign * 2 * u) / first) for sign in (1, -1))
        total = 1 + higher + lower
        mean = (u + higher * (u + length) + lower * (u - length)) / total
        second = (u**2 + higher * (u + length) ** 2 + lower * (u - length) ** 2) / total
        logits = logits + _layers(jnp.log(total) - u**2 / first, k, ndim)
        moments.append([_layers(mean * axis.inverse, k, ndim), _layers(second * axis.inverse**2, k, ndim)])
    g = jax.nn.softmax(logits, axis=0)
    own = jnp.sum(g**2, axis=0)
    square = jnp.zeros_like(own)
    for mean, second in moments:
        square += jnp.sum(g * second, axis=0) - jnp.sum(g * mean, axis=0) ** 2 - jnp.sum(g**2 * (second - mean**2), axis=0)
    return jnp.sqrt((2 * jnp.maximum(square, 0.0) + FAR * typical**2) / (jnp.maximum(1 - own, 0.0) + FAR))


def _layers(values: Float[Array, "n size"], axis: int, ndim: int) -> Array:
    """`(n, size)` with the other axes of the grid."""
    return values.reshape(values.shape[0], *(values.shape[1] if k == axis else 1 for k in range(ndim)))


def _column(values: Float[Array, " n"], ndim: int) -> Array:
    return values.reshape(-1, *(1,) * ndim)
