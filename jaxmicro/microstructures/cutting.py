"""Pieces, copies and reflections of a microstructure."""

import operator
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.everywhere import everywhere
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.resolution import per_axis


def crop(ms: Microstructure, window: Sequence[Sequence[int]]) -> Microstructure:
    """A rectangular piece; its edges are cut, so it is periodic only by luck (see `make_periodic`).

    Args:
        ms: the microstructure.
        window: first voxel and one past the last along each axis, `((x0, x1), (y0, y1))`.

    Returns:
        The piece, with the voxel size of the whole.

    Raises:
        ValueError: if the window reaches outside or holds fewer than two voxels along an axis.

    Example:
        >>> crop(Microstructure(labels=[[0, 1, 1], [0, 1, 0], [0, 0, 0]]), ((0, 2), (1, 3))).labels.tolist()
        [[1, 1], [1, 0]]

    Differentiable in fractions, orientations and maps.
    """
    ranges = checked_window(window, ms.grid.shape)
    slices = tuple(slice(low, high) for low, high in ranges)
    shape = tuple(high - low for low, high in ranges)
    text = ", ".join(f"{low} … {high}" for low, high in ranges)
    return everywhere(ms, same_spacing(ms.grid, shape), lambda array: array[(..., *slices)], f"cropped to voxels {text}")


def tile(ms: Microstructure, times: int | Sequence[int]) -> Microstructure:
    """Copies of the cell side by side.

    Args:
        ms: the microstructure.
        times: copies along each axis, one number or one per axis.

    Returns:
        The larger cell, with the same voxel size.

    Raises:
        ValueError: if a number is not a positive whole number.

    Example:
        >>> tile(Microstructure(labels=[[0, 1], [1, 1]]), (1, 2)).labels.tolist()
        [[0, 1, 0, 1], [1, 1, 1, 1]]

    Differentiable in fractions, orientations and maps.
    """
    counts = per_axis("times", times, ms.grid.ndim)
    grid = same_spacing(ms.grid, tuple(n * k for n, k in zip(ms.grid.shape, counts, strict=True)))
    change = lambda array: jnp.tile(array, (1,) * (array.ndim - ms.grid.ndim) + counts)  # noqa: E731
    return everywhere(ms, grid, change, f"tiled {' x '.join(map(str, counts))}")


def mirror(ms: Microstructure, axes: int | Sequence[int] | None = None) -> Microstructure:
    """The cell followed by its reflection along each axis: periodic without a jump, and twice as large.

    Only the geometry is reflected: each voxel of the reflection keeps the orientation (and the maps) of its original.
    Reflecting the orientations too would cancel shear couplings by construction. The result is a symmetric
    arrangement that no specimen has; its effective law is biased towards that symmetry.

    Args:
        ms: the microstructure.
        axes: one axis or several; by default all.

    Returns:
        The larger cell, with the same voxel size.

    Raises:
        ValueError: if an axis does not exist.

    Example:
        >>> mirror(Microstructure(labels=[[0, 1], [1, 1]]), axes=1).labels.tolist()
        [[0, 1, 1, 0], [1, 1, 1, 1]]

    Differentiable in fractions, orientations and maps.
    """
    ndim = ms.grid.ndim
    chosen = tuple(range(ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    good = all(-ndim <= axis < ndim for axis in chosen) and len({axis % ndim for axis in chosen}) == len(chosen)
    check(good, f"`axes` must be distinct axes from 0 … {ndim - 1}, but it is {axes!r}.")
    chosen = tuple(sorted(axis % ndim for axis in chosen))
    grid = same_spacing(ms.grid, tuple(n * (2 if k in chosen else 1) for k, n in enumerate(ms.grid.shape)))

    def reflect(array: Array) -> Array:
        for axis in chosen:
            k = array.ndim - ndim + axis
            array = jnp.concatenate([array, jnp.flip(array, k)], axis=k)
        return array

    return everywhere(ms, grid, reflect, f"mirrored along {' and '.join('xyz'[k] for k in chosen)} (geometry only, orientations kept)")


def checked_window(window: Any, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """A window of at least two voxels along each axis, inside the shape."""
    try:
        ranges = tuple((operator.index(low), operator.index(high)) for low, high in window)
    except (TypeError, ValueError):
        ranges = ()
    wanted = "((x0, x1), (y0, y1))" if len(shape) == 2 else "((x0, x1), (y0, y1), (z0, z1))"
    check(len(ranges) == len(shape), f"A window must be {wanted} in whole voxels, but it is {window!r}.")
    inside = all(low >= 0 and low + 2 <= high <= n for (low, high), n in zip(ranges, shape, strict=True))
    check(inside, f"A window must lie inside the {shape} voxels and be at least two wide, but it is {ranges}.")
    return ranges


def same_spacing(grid: Grid, shape: tuple[int, ...]) -> Grid:
    """A grid of another shape with the same voxel size."""
    return Grid(shape, grid.spacing * jnp.asarray(shape, grid.lengths.dtype))
