"""Two-point correlation of phases, and averages over directions."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_shape
from jaxmicro.fields import Grid, forward, inverse


def two_point_correlation(indicator: ArrayLike, other: ArrayLike | None = None) -> Float[Array, "*grid"]:
    """Probability that two points a lag r apart both lie in a phase, on a periodic cell.

    S₂(r) = ⟨I(x) J(x + r)⟩, with J = I unless another phase is given: by the convolution theorem F⁻¹[conj(F I) F J]/N.

    Args:
        indicator: I, `(*grid)`, 1 inside the phase and 0 outside, or its volume fraction.
        other: J, for the cross-correlation of two phases.

    Returns:
        S₂ `(*grid)`, with zero lag at index 0 and lag n_k − 1 standing for −1; S₂(0) of labels is the volume fraction.

    Raises:
        ValueError: if the indicator has not 2 or 3 axes, or both differ in shape.

    Reference:
        S. Torquato, "Random Heterogeneous Materials", Springer (2002), chapter 2, doi:10.1007/978-1-4757-6355-3.

    Example:
        >>> two_point_correlation(np.array([[1.0, 1.0], [0.0, 0.0]])).round(6).tolist()
        [[0.5, 0.5], [0.0, 0.0]]

    Differentiable.
    """
    here = as_float_array("indicator", indicator)
    check(here.ndim in (2, 3), f"`indicator` must have 2 or 3 axes, one per space dimension, but its shape is {here.shape}.")
    spectrum = forward(here, here.ndim)
    there = spectrum
    if other is not None:
        second = as_float_array("other", other)
        check_shape("other", second, here.shape, "Both indicators live on one grid.")
        there = forward(second, second.ndim)
    return inverse(jnp.conj(spectrum) * there, here.shape) / here.size


def radial_average(correlation: ArrayLike, grid: Grid, bins: int | None = None) -> tuple[Float[Array, " r"], Float[Array, " r"]]:
    """Mean of a function of the lag over all directions.

    Lags are taken at their nearest periodic image and sorted into equal shells up to half of the shortest edge; the
    first shell is the zero lag with what lies within half a shell of it.

    Args:
        correlation: `(*grid)` with zero lag at index 0, as `two_point_correlation` returns it.
        grid: the cell.
        bins: number of shells; by default half the voxels of the axis that has fewest.

    Returns:
        The mean distance of the lags in each shell `(r,)`, and the mean of the function there `(r,)`. A shell that
        holds no lag is NaN.

    Raises:
        ValueError: if the shapes disagree.

    Example:
        >>> distance, value = radial_average(np.ones((8, 8)), Grid((8, 8)))
        >>> distance.round(2).tolist(), value.tolist()
        ([0.0, 1.21, 2.16, 3.04], [1.0, 1.0, 1.0, 1.0])

    Differentiable in the correlation.
    """
    values = as_float_array("correlation", correlation)
    check_shape("correlation", values, grid.shape, "It has the shape of the grid.")
    count = min(grid.shape) // 2 if bins is None else int(bins)
    check(count >= 1, f"`bins` must be positive, but it is {bins}.")
    steps = [
        np.rint(np.fft.fftfreq(n) * n).reshape([-1 if k == axis else 1 for k in range(grid.ndim)]) for axis, n in enumerate(grid.shape)
    ]
    square = sum((jnp.asarray(step, grid.lengths.dtype) * grid.spacing[axis]) ** 2 for axis, step in enumerate(steps))
    distance = jnp.sqrt(jnp.broadcast_to(jnp.asarray(square), grid.shape).ravel())
    width = jnp.min(grid.lengths) / 2 / count
    shell = jnp.floor(distance / width + 0.5).astype(jnp.int32)  # shells beyond the last fall out of the sum

    def total(weights: Array) -> Array:
        return jax.ops.segment_sum(weights, shell, count)

    members = total(jnp.ones_like(distance))
    return total(distance) / members, total(values.ravel()) / members
