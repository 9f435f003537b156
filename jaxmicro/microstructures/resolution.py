"""Finer and coarser grids for the same cell."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.fields import Grid
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
    parts = _per_axis("factor", factor, ms.grid.ndim)
    grid = Grid(tuple(n * f for n, f in zip(ms.grid.shape, parts, strict=True)), ms.grid.lengths)

    def split(array: Array) -> Array:
        for axis, times in enumerate(parts):
            array = jnp.repeat(array, times, axis=array.ndim - ms.grid.ndim + axis)
        return array

    return apply(ms, grid, split, f"every voxel split into {' x '.join(map(str, parts))}")


def apply(ms: Microstructure, grid: Grid, change, note: str) -> Microstructure:
    """Change every array of a microstructure in the same way, on a new grid."""
    content = {"labels": change(ms.labels)} if ms.is_sharp else {"fractions": change(ms.fractions)}
    return ms.replace(
        grid=grid,
        orientation=None if ms.orientation is None else change(ms.orientation),
        mask=None if ms.mask is None else change(ms.mask),
        maps={name: change(value) for name, value in ms.maps.items()},
        notes=(*ms.notes, note),
        **content,
    )


def _per_axis(argument: str, value: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    values = (value,) * ndim if isinstance(value, int | np.integer) else tuple(value)
    good = len(values) == ndim and all(isinstance(v, int | np.integer) and v >= 1 for v in values)
    check(good, f"`{argument}` must be a positive whole number, or one per axis ({ndim}), but it is {value!r}.")
    return tuple(int(v) for v in values)
