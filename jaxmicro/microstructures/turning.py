"""Quarter turns and flips of a map, with its crystals."""

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.everywhere import everywhere
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.orientations import multiply


def turn(ms: Microstructure, quarters: int = 1, axis: int | None = None) -> Microstructure:
    """The specimen turned by quarter turns about an axis: places move, and crystals turn with them.

    A turn R takes a crystal from x to R x and its orientation from g to g Rᵀ, so the effective stiffness of the turned cell is
    that of the cell, turned.

    Args:
        ms: the microstructure.
        quarters: number of quarter turns; positive ones take x to y about z (y to z about x, z to x about y). In a picture with
            y downwards, x to y is clockwise.
        axis: 0, 1 or 2 in 3D, by default 2; a map turns about its normal.

    Returns:
        The turned microstructure; edge lengths turn too. Maps are moved as numbers: components of vectors are not turned.

    Raises:
        ValueError: if the axis does not exist, or a map is to turn out of its plane.
        TypeError: if `quarters` is no whole number, or `ms` no microstructure.

    Example:
        >>> turn(Microstructure(labels=[[0, 1], [0, 0]])).labels.tolist()
        [[1, 0], [0, 0]]

    Differentiable in fractions, orientations and maps.
    """
    _check_microstructure(ms)
    ndim = ms.grid.ndim
    count = _whole("quarters", quarters) % 4
    about = 2 if axis is None else _whole("axis", axis)
    check(
        about == 2 or (ndim == 3 and about in (0, 1)),
        f"`axis` must be {'0, 1 or 2' if ndim == 3 else '2: a map turns about its normal'}, but it is {axis!r}.",
    )
    first, second = (about + 1) % 3, (about + 2) % 3
    swapped = list(range(ndim))
    if count % 2:
        swapped[first], swapped[second] = second, first
    grid = Grid(tuple(ms.grid.shape[k] for k in swapped), ms.grid.lengths[jnp.asarray(swapped)])
    half = count * np.pi / 4
    passive = np.zeros(4)
    passive[0], passive[1 + about] = np.cos(half), -np.sin(half)

    def move(array: Array) -> Array:
        lead = array.ndim - ndim
        return jnp.rot90(array, count, axes=(lead + first, lead + second))

    return _with_crystals(ms, grid, move, passive, f"turned by {90 * count}° about {'xyz'[about]}, crystals too")


def flip(ms: Microstructure, axis: int) -> Microstructure:
    """The mirror image of the specimen across an axis, crystals included.

    A reflection M takes g to −g M: a crystal of a Laue group is its own mirror image up to a rotation, here the half turn −M about
    the axis. The effective stiffness of the image is that of the cell, reflected. (`mirror`, which makes a cell periodic, keeps
    the orientations instead.)

    Args:
        ms: the microstructure.
        axis: 0, 1 or 2, the one that changes its sign.

    Returns:
        The image, with the lengths of the cell. Maps are moved as numbers.

    Raises:
        ValueError: if the axis does not exist.
        TypeError: if `ms` is no microstructure.

    Example:
        >>> flip(Microstructure(labels=[[0, 1], [0, 0]]), 1).labels.tolist()
        [[1, 0], [0, 0]]

    Differentiable in fractions, orientations and maps.
    """
    _check_microstructure(ms)
    ndim = ms.grid.ndim
    about = _whole("axis", axis)
    check(0 <= about < ndim, f"`axis` must be an axis from 0 … {ndim - 1}, but it is {axis!r}.")
    half_turn = np.eye(4)[1 + about]
    return _with_crystals(
        ms, ms.grid, lambda array: jnp.flip(array, array.ndim - ndim + about), half_turn, f"flipped along {'xyz'[about]}, crystals too"
    )


def _with_crystals(ms: Microstructure, grid: Grid, move: Any, passive: np.ndarray, note: str) -> Microstructure:
    """Everything moved, and orientations multiplied from the right by the passive turn of the specimen."""
    moved = everywhere(ms, grid, move, note)
    if moved.orientation is None:
        return moved
    factor = jnp.asarray(passive, moved.orientation.dtype).reshape((4,) + (1,) * grid.ndim)
    return moved.replace(orientation=multiply(moved.orientation, factor))


def _check_microstructure(ms: Any) -> None:
    check(
        isinstance(ms, Microstructure),
        f"`ms` must be a Microstructure, but it is {type(ms).__name__}. Make one of labels, or read a file.",
        TypeError,
    )


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number, but it is {value!r}.") from None
