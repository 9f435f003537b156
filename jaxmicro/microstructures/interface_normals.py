"""Interface normals, and the fractions that belong to them, from fields of phase fractions: images, generators, decoders.

The normal is the gradient of a fraction that is smoothed by a Gaussian, sampled at the centres of the voxels. The fractions
are taken as constant in the voxels (or sub-voxels) in which they are given, so both are weighted sums along one axis after the
other, with weights that are integrals of the Gaussian over a voxel.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_probability
from jaxmicro.fields import Grid
from jaxmicro.microstructures.interfaces import Interface, unit

ROUNDING = 1000  # a fraction that changes by less than this many eps over a voxel is constant
TAILS = 8.0  # standard deviations after which a Gaussian is zero


def interface_normals(
    fractions: Float[ArrayLike, "p *fine"], grid: Grid, *, reach: float = 1.0, periodic: bool = True
) -> Float[Array, "d *grid"]:
    """Unit normals of the interfaces between any number of phases.

    In each voxel it is the gradient of the smoothed fraction of the phase that fills most of it. For plane interfaces it is
    exact up to what the sampling of the fractions hides.

    Args:
        fractions: of p phases, (p, *fine), on the grid or on one that divides each of its voxels into equal parts.
        grid: the cell whose voxels get a normal.
        reach: standard deviation of the Gaussian, in voxels of `grid`. More reach is smoother, and blind to thinner layers.
        periodic: False repeats the outermost voxels instead, for pieces of larger microstructures.

    Returns:
        (d, *grid), of either sign; zero where nothing changes, as in pure neighbourhoods and in the middle of what is symmetric.

    Raises:
        ValueError: if the shape is no multiple of the grid's.

    References:
        Pilliod & Puckett (2004), doi:10.1016/j.jcp.2003.12.023, compare rules for normals from fractions.

    Example:
        >>> layers = jnp.repeat(jnp.array([0.0, 0.0, 1.0, 1.0]), 4).reshape(4, 4)
        >>> interface_normals(jnp.stack([1 - layers, layers]), Grid((4, 4)))[:, 1, 0].round(6).tolist()
        [1.0, 0.0]

    Differentiable where there is a gradient and one phase is the largest.
    """
    values = as_float_array("fractions", fractions)
    check(values.ndim == grid.ndim + 1, f"`fractions` must be (p, *grid), but the shape is {values.shape} for the grid {grid.shape}.")
    parts = _parts("fractions", values.shape[1:], grid)
    check(reach > 0, f"`reach` must be positive, but it is {reach}. 1 is a good start.")
    if values.shape[0] == 2:  # the two gradients differ in sign only
        return _normals(values[1], grid, parts, reach, periodic)
    shares = jnp.stack(
        [_weighted(value, [_means(n, k, 1.0, periodic) for n, k in zip(grid.shape, parts, strict=True)]) for value in values]
    )
    largest = jnp.argmax(shares, axis=0)
    each = [_normals(value, grid, parts, reach, periodic) for value in values]
    return sum(jnp.where(largest == p, normals, 0.0) for p, normals in enumerate(each))  # pyright: ignore[reportReturnType]


def interface_from_fractions(
    fraction: Float[ArrayLike, "*fine"], grid: Grid, *, reach: float = 1.0, width: float = 1.0, periodic: bool = True
) -> Interface:
    """Fractions and normals from a map of one phase's fraction: a grey image, or a picture or generator with finer voxels.

    Args:
        fraction: share of phase 1, (*fine), on the grid or on one that divides each of its voxels into equal parts. A grey
            value between those of the two phases becomes one by (grey − low)/(high − low), clipped to [0, 1].
        grid: the cell that is to be solved on.
        reach: as in `interface_normals`.
        width: edge of the window whose mean is the fraction of a voxel, in voxels of `grid`.
        periodic: as in `interface_normals`.

    Returns:
        `Interface` (fraction, normal).

    Raises:
        ValueError: if the shape is no multiple of the grid's, or fractions leave [0, 1].

    Example:
        >>> fine = np.zeros((12, 8))
        >>> fine[5:] = 1.0
        >>> interface = interface_from_fractions(fine, Grid((3, 2)))
        >>> interface.fraction[:, 0].tolist()
        [0.0, 0.75, 1.0]

    Differentiable in the fractions and the edge lengths.
    """
    values = as_float_array("fraction", fraction)
    check(values.ndim == grid.ndim, f"`fraction` must have {grid.ndim} axes like the grid, but its shape is {values.shape}.")
    check_probability("fraction", values)
    parts = _parts("fraction", values.shape, grid)
    check(width > 0 and reach > 0, f"`width` and `reach` must be positive, but they are {width} and {reach}.")
    means = [_means(n, k, width, periodic) for n, k in zip(grid.shape, parts, strict=True)]
    return Interface(_weighted(values, means), -_normals(values, grid, parts, reach, periodic))


def _parts(name: str, fine: tuple[int, ...], grid: Grid) -> list[int]:
    divides = all(n % size == 0 for n, size in zip(fine, grid.shape, strict=True))
    check(
        divides,
        f"`{name}` must have a whole number of voxels in each voxel of the grid {grid.shape}, but its grid is {fine}. Use resample.",
    )
    return [n // size for n, size in zip(fine, grid.shape, strict=True)]


def _normals(value: Array, grid: Grid, parts: list[int], reach: float, periodic: bool) -> Array:
    smooth, slopes = zip(*[_gaussian(n, k, reach, periodic) for n, k in zip(grid.shape, parts, strict=True)], strict=True)
    along = [
        _weighted(value, [slopes[axis] if axis == chosen else smooth[axis] for axis in range(grid.ndim)]) for chosen in range(grid.ndim)
    ]
    # The fraction changes by so much over a voxel; brought to unit edges, in which its rounding is known, and then to those of the grid.
    spacing = grid.spacing.astype(value.dtype).reshape(-1, *(1,) * grid.ndim)
    gradient = jnp.stack(along) * (jnp.min(spacing) / spacing)
    return unit(gradient, ROUNDING * jnp.finfo(value.dtype).eps * jnp.min(spacing / jnp.max(spacing)))


def _weighted(field: Array, weights: list[np.ndarray]) -> Array:
    """Weighted sums along every axis, with matrices (voxels, sub-voxels)."""
    for axis, matrix in enumerate(weights):
        field = jnp.moveaxis(jnp.tensordot(jnp.asarray(matrix, field.dtype), field, axes=(1, axis)), 0, axis)
    return field


def _means(size: int, parts: int, width: float, periodic: bool) -> np.ndarray:
    """Share of each sub-voxel in the window of each voxel along an axis."""
    return _integrals(size, parts, width / 2, periodic, lambda z: np.clip(z / width, -0.5, 0.5))


def _gaussian(size: int, parts: int, reach: float, periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Integrals of the Gaussian about each voxel's centre over each sub-voxel along an axis, and their slopes per voxel."""
    from scipy.special import ndtr

    def density(z: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (z / reach) ** 2) / (reach * math.sqrt(2 * math.pi))

    far = TAILS * reach
    return _integrals(size, parts, far, periodic, lambda z: ndtr(z / reach)), -_integrals(size, parts, far, periodic, density)


def _integrals(size: int, parts: int, far: float, periodic: bool, primitive: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Differences of a primitive over sub-voxels, seen from the centres of voxels, in voxels; copies of the cell are added up."""
    edges, centres = np.arange(size * parts + 1) / parts, np.arange(size)[:, None] + 0.5
    if not periodic:
        edges[[0, -1]] = -np.inf, np.inf  # what is outside is like the outermost sub-voxels
        return np.diff(primitive(edges - centres), axis=1)
    copies = int(far // size) + 1
    return np.sum([np.diff(primitive(edges + copy * size - centres), axis=1) for copy in range(-copies, copies + 1)], axis=0)
