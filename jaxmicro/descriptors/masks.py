"""What descriptors of one phase take: a mask and the cell that it fills."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jaxmicro._core import check, check_shape, is_concrete
from jaxmicro.fields import Grid


def as_mask(mask: Any, grid: Grid | None) -> tuple[Bool[Array, "*grid"], Grid]:
    """The mask as truth values, and its grid (unit voxels by default).

    Args:
        mask: truth values, or numbers that are 0 or 1, (*grid).
        grid: the cell, or None.

    Raises:
        ValueError: for another number of axes, a shape that is not the grid's, or values between and beyond.
    """
    grid = cell_of("mask", mask, grid)
    values = jnp.asarray(mask)
    if values.dtype == bool:
        return values, grid
    if is_concrete(values):
        given = np.asarray(values)
        strange = (given != 0) & (given != 1)
        if strange.any():
            raise ValueError(
                f"`mask` must be true or false (1 or 0) in every voxel, but it holds {given[strange][0]}. "
                "Write `labels == 2` for a phase, or `fractions > 0.5` for what is mostly in it."
            )
    return values > 0.5, grid


def cell_of(argument: str, values: Any, grid: Grid | None) -> Grid:
    """The grid of a field, checked against its shape; unit voxels where none is given."""
    shape = np.shape(values)
    check(len(shape) in (2, 3), f"`{argument}` must have two or three axes, but its shape is {shape}.")
    if grid is None:
        with jax.ensure_compile_time_eval():  # known under jit, too
            return Grid(shape)
    check(isinstance(grid, Grid), f"`grid` must be a Grid, but it is {type(grid).__name__}. Write grid=Grid(shape, lengths).", TypeError)
    check_shape(argument, values, grid.shape, "It has the shape of the grid.")
    return grid


def flags(periodic: bool | tuple[bool, ...], ndim: int) -> tuple[bool, ...]:
    """Whether the cell repeats, along each axis."""
    each = (periodic,) * ndim if isinstance(periodic, bool | np.bool) else tuple(periodic)
    good = len(each) == ndim and all(isinstance(flag, bool | np.bool) for flag in each)
    check(good, f"`periodic` must be True or False, or {ndim} of them, but it is {periodic!r}.")
    return tuple(bool(flag) for flag in each)
