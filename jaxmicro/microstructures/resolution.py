"""Finer and coarser grids for the same cell, and voxels of one phase each."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.everywhere import companions, everywhere
from jaxmicro.microstructures.record import Microstructure


def split_voxels(ms: Microstructure, factor: int | Sequence[int]) -> Microstructure:
    """Cut every voxel into `factor`^d equal ones of the same content: the same cell, solved on a finer grid.

    Args:
        ms: the microstructure.
        factor: parts along each axis, one number or one per axis.

    Returns:
        The same cell with `factor` times as many voxels along each axis.

    Raises:
        ValueError: if a factor is not a positive whole number.

    Example:
        >>> split_voxels(Microstructure(labels=[[0, 1], [1, 0]]), 4).grid.shape
        (8, 8)

    Differentiable in fractions, orientations and maps.
    """
    parts = per_axis("factor", factor, ms.grid.ndim)
    grid = Grid(tuple(n * f for n, f in zip(ms.grid.shape, parts, strict=True)), ms.grid.lengths)

    def split(array: Array) -> Array:
        for axis, times in enumerate(parts):
            array = jnp.repeat(array, times, axis=array.ndim - ms.grid.ndim + axis)
        return array

    return everywhere(ms, grid, split, f"every voxel split into {' x '.join(map(str, parts))}")


def resample(ms: Microstructure, shape: int | Sequence[int]) -> Microstructure:
    """The same cell on another grid, with the volume of every phase kept exactly.

    Each new voxel holds the phases of the old ones in proportion to the volume they share with it, so the result
    holds phase fractions. Orientations, mask and maps are not averaged: each new voxel takes them from the old voxel
    at its centre.

    Args:
        ms: the microstructure.
        shape: voxels along each axis, one number or one per axis.

    Returns:
        The same cell with phase fractions on the new grid.

    Raises:
        ValueError: if the shape does not fit.

    Example:
        >>> resample(Microstructure(labels=[[0, 1], [0, 1], [1, 1], [1, 1]]), (2, 2)).fractions[1].tolist()
        [[0.0, 1.0], [1.0, 1.0]]

    Differentiable in fractions, orientations and maps.
    """
    sizes = per_axis("shape", shape, ms.grid.ndim)
    grid = Grid(sizes, ms.grid.lengths)
    shares = ms.fractions
    for axis, (old, new) in enumerate(zip(ms.grid.shape, sizes, strict=True)):
        weights = jnp.asarray(_overlaps(old, new), shares.dtype)
        shares = jnp.moveaxis(jnp.tensordot(weights, shares, axes=(1, axis + 1)), 0, axis + 1)
    nearest = np.ix_(*[((2 * np.arange(new) + 1) * old) // (2 * new) for old, new in zip(ms.grid.shape, sizes, strict=True)])
    old_size, new_size = (" x ".join(map(str, s)) for s in (ms.grid.shape, sizes))
    parts = companions(ms, lambda array: array[(..., *nearest)])
    return ms.replace(grid=grid, fractions=shares, notes=(*ms.notes, f"resampled from {old_size} to {new_size} voxels"), **parts)


def downsample(ms: Microstructure, factor: int | Sequence[int]) -> Microstructure:
    """Merge blocks of `factor`^d voxels into one each, as `resample` does; the factor must divide the grid.

    Args:
        ms: the microstructure.
        factor: voxels merged along each axis, one number or one per axis.

    Returns:
        The same cell with phase fractions on the coarser grid.

    Raises:
        ValueError: if the factor does not divide the number of voxels.

    Example:
        >>> downsample(Microstructure(labels=[[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]), 2).fractions[1].tolist()
        [[0.25, 1.0], [0.0, 0.0]]

    Differentiable in fractions, orientations and maps.
    """
    parts = per_axis("factor", factor, ms.grid.ndim)
    divides = all(n % f == 0 for n, f in zip(ms.grid.shape, parts, strict=True))
    check(divides, f"`factor` must divide the voxels along each axis, but it is {parts} on {ms.grid.shape}. Use resample for any shape.")
    return resample(ms, [n // f for n, f in zip(ms.grid.shape, parts, strict=True)])


def sharpen(ms: Microstructure) -> Microstructure:
    """Give every voxel to the phase of its largest fraction (the first of equal ones).

    Args:
        ms: the microstructure.

    Returns:
        The microstructure with labels; one that has labels already is returned as it is.

    Example:
        >>> sharpen(Microstructure(fractions=[[[0.9, 0.2], [0.6, 0.5]], [[0.1, 0.8], [0.4, 0.5]]])).labels.tolist()
        [[0, 1], [0, 0]]

    Not differentiable.
    """
    if ms.is_sharp:
        return ms
    return ms.replace(labels=ms.labels, notes=(*ms.notes, "sharpened: each voxel is the phase of its largest fraction"))


def per_axis(argument: str, value: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """One positive whole number per axis."""
    values = (value,) * ndim if isinstance(value, int | np.integer) else tuple(value)
    good = len(values) == ndim and all(isinstance(v, int | np.integer) and v >= 1 for v in values)
    check(good, f"`{argument}` must be a positive whole number, or one per axis ({ndim}), but it is {value!r}.")
    return tuple(int(v) for v in values)


def _overlaps(old: int, new: int) -> np.ndarray:
    """Share of each old voxel in each new one along an axis, `(new, old)`; rows sum to 1."""
    low, high = np.arange(new)[:, None] * old, np.arange(1, new + 1)[:, None] * old  # in units of 1/(old new)
    start, stop = np.arange(old)[None] * new, np.arange(1, old + 1)[None] * new
    return np.maximum(np.minimum(high, stop) - np.maximum(low, start), 0) / old
