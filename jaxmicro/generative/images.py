"""Images of a codec: phase fractions `(n, p, *grid)` that sum to one, from whatever a user has at hand."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import as_float_array, check, check_finite, is_concrete
from jaxmicro.microstructures import Microstructure

SUM_TOLERANCE = 1e-3  # rounding of half-precision or 8-bit fractions


def one_hot(labels: Int[ArrayLike, "..."], phases: int, *, ndim: int, dtype: Any = jnp.float32) -> Float[Array, "..."]:
    """Phase fractions of label images: 1 in the channel of the label, 0 elsewhere.

    Args:
        labels: integers `(*grid)` or `(n, *grid)` from 0 to `phases - 1`.
        phases: number of channels.
        ndim: number of space axes, so that the channel axis goes before them.
        dtype: of the result.

    Returns:
        `(p, *grid)` or `(n, p, *grid)`.

    Raises:
        ValueError: where a label is outside its range.

    Example:
        >>> one_hot(np.array([[0, 1], [1, 1]]), 2, ndim=2)[1].tolist()
        [[0.0, 1.0], [1.0, 1.0]]

    Labels are integers: there is nothing to differentiate.
    """
    labels = jnp.asarray(labels)
    check(
        bool(jnp.issubdtype(labels.dtype, jnp.integer) or labels.dtype == jnp.bool_),
        f"`labels` must be integers, but their dtype is {labels.dtype}. Pass phase fractions (n, p, *grid) or round them first.",
        TypeError,
    )
    if is_concrete(labels) and labels.size:
        low, high = int(np.min(labels)), int(np.max(labels))
        check(
            low >= 0 and high < phases,
            f"`labels` must lie in 0 … {phases - 1} for {phases} phases, but they span {low} … {high}. Relabel them or use a codec with more phases.",
        )
    return jnp.moveaxis(jax.nn.one_hot(labels, phases, dtype=dtype), -1, -1 - ndim)


def as_images(data: Any, *, phases: int, ndim: int, argument: str = "images") -> Float[Array, "n p *grid"]:
    """Images `(n, p, *grid)` from fractions, labels, a `Microstructure`, a sequence of those, or a dataset.

    Args:
        data: fractions `(n, p, *grid)` (floating), labels `(n, *grid)` or `(*grid)` (integers), a microstructure, a
            sequence of microstructures of one shape, or an object with such an array as `.images`.
        phases: number of channels `p`.
        ndim: number of space axes.
        argument: name used in errors.

    Returns:
        Fractions `(n, p, *grid)`.

    Raises:
        ValueError: for a wrong number of axes or phases, values outside [0, 1], fractions that do not sum to one.

    Example:
        >>> as_images(np.zeros((4, 4), int), phases=2, ndim=2).shape
        (1, 2, 4, 4)

    Differentiable in fractions (they pass through unchanged).
    """
    if hasattr(data, "images"):
        data = data.images
    if isinstance(data, Microstructure):
        data = [data]
    if isinstance(data, Sequence) and data and isinstance(data[0], Microstructure):
        return _stack_microstructures(data, phases, ndim, argument)
    array = data if isinstance(data, jax.Array) else np.asarray(data)
    if not jnp.issubdtype(array.dtype, jnp.floating) and array.ndim in (ndim, ndim + 1):
        array = array[None] if array.ndim == ndim else array
        return one_hot(array.astype(np.int32), phases, ndim=ndim)
    check(
        array.ndim == ndim + 2,
        f"`{argument}` must be phase fractions (n, {phases}, *grid) or integer labels (n, *grid) with {ndim} space axes, "
        f"but their shape is {tuple(array.shape)} and dtype {array.dtype}. Add a leading axis to a single image.",
    )
    check(
        array.shape[1] == phases,
        f"`{argument}` must have {phases} channels (phases), but their shape is {tuple(array.shape)}. "
        "Pass (n, phases, *grid), or train a codec with that number of phases.",
    )
    whole = not jnp.issubdtype(array.dtype, jnp.floating)
    images = jnp.asarray(array, dtype=jnp.float32) if whole else as_float_array(argument, array)
    _check_fractions(argument, images)
    return images


def _stack_microstructures(data: Sequence[Microstructure], phases: int, ndim: int, argument: str) -> Float[Array, "n p *grid"]:
    shapes = sorted({tuple(ms.grid.shape) for ms in data})
    check(len(shapes) == 1, f"`{argument}` must share one grid shape, but they have {shapes}. Crop them to one size.")
    check(
        len(shapes[0]) == ndim,
        f"`{argument}` must have {ndim} space axes for this codec, but their grid shape is {shapes[0]}. Take slices, or train a codec with that `ndim`.",
    )
    images = jnp.stack([jnp.asarray(ms.fractions) for ms in data])
    check(
        images.shape[1] <= phases,
        f"`{argument}` must have at most {phases} phases for this codec, but they have {images.shape[1]}. Merge phases first.",
    )
    missing = phases - images.shape[1]
    images = jnp.pad(images, [(0, 0), (0, missing)] + [(0, 0)] * ndim)
    return as_float_array(argument, images)


def _check_fractions(argument: str, images: Float[Array, "n p *grid"]) -> None:
    if not is_concrete(images) or images.size == 0:
        return
    check_finite(argument, images)
    values = np.asarray(images)
    low, high = float(values.min()), float(values.max())
    check(
        low >= -SUM_TOLERANCE and high <= 1 + SUM_TOLERANCE,
        f"`{argument}` must hold phase fractions in [0, 1], but they span [{low:g}, {high:g}]. Divide grey values by their maximum, or segment them.",
    )
    worst = float(np.abs(values.sum(axis=1) - 1).max())
    check(
        worst <= SUM_TOLERANCE,
        f"`{argument}` must sum to 1 over the channels of every voxel, but they miss it by up to {worst:g}. "
        "Add a channel for what is missing, or divide by the sum.",
    )
