"""Lineal path function: how far one can go along a line within a phase."""

import itertools
import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxmicro._core import as_float_array, check, check_shape, check_whole, is_concrete
from jaxmicro.descriptors.correlation import as_mask, periodic_axes
from jaxmicro.fields import Grid

SLACK = 1e-3  # by which a volume fraction may leave [0, 1]: rounding and small overshoots of an optimiser


def lineal_path(
    indicator: ArrayLike,
    grid: Grid | None = None,
    axis: int | Sequence[int] | None = None,
    max_length: int | None = None,
    periodic: bool | tuple[bool, ...] = True,
    *,
    mask: ArrayLike | None = None,
) -> Float[Array, " r"] | Float[Array, "d r"]:
    """Probability that a segment of r steps along a direction lies wholly in a phase.

    L(r) = ⟨Π_{k = 0 … r} I(x + k s)⟩ with a step s from voxel to voxel. L(0) is the volume fraction φ.

    A mask of truth values or whole numbers, or known numbers that are all 0 or 1, is measured by lengths of runs, all r at once. Other
    volume fractions go through the recursion of the product, one r after the other; its derivative keeps about 2 √r fields.
    In a window only the segments that lie within it count, and with a mask only those of measured voxels.

    Map over samples with `jax.vmap`.

    Args:
        indicator: I, `(*grid)`, 1 inside the phase and 0 outside, or its volume fraction.
        grid: the cell, to check the shape against. Lengths are counted in steps: r stands for the distance r h with h = `grid.spacing`
            of the axis, or |s · `grid.spacing`| of a step.
        axis: along which; or a step on the lattice of voxels such as `(1, 1, 0)`; by default along every axis.
        max_length: the largest r; by default one less than the number of voxels along the axis, or along the shortest one.
        periodic: whether the cell repeats, along all axes or along each.
        mask: the voxels that were measured `(*grid)`; what the indicator holds elsewhere has no say.

    Returns:
        L for r = 0 … max_length: `(r,)` along one direction, and `(d, r)` along every axis. NaN where no segment fits.

    Raises:
        ValueError: if the indicator has not 2 or 3 axes or is no volume fraction, there is no such axis, or no segment of `max_length`
            fits into the window.

    References:
        B. Lu, S. Torquato, Physical Review A 45 (1992), doi:10.1103/PhysRevA.45.922.

    Example:
        >>> lineal_path(np.array([[1, 1, 1, 0], [1, 0, 1, 0]]), axis=1).tolist()
        [0.625, 0.25, 0.125, 0.0]

    Differentiable in volume fractions.
    """
    values, sharp = _as_indicator(indicator)
    if grid is not None:
        check_shape("indicator", values, grid.shape, "It has the shape of the grid.")
    wraps = periodic_axes(periodic, values.ndim)
    measured = None if mask is None else as_mask("mask", mask, values.shape)
    if measured is not None:
        values = jnp.where(measured, values, 0)
    _check_fractions(values)
    steps = [lattice_step(k, values.ndim) for k in (range(values.ndim) if axis is None else [axis])]
    longest = min(_longest(step, values.shape) for step in steps)
    reach = longest if max_length is None else max_length
    check_whole("max_length", reach, 0)
    bounded = any(not wrap and s for step in steps for wrap, s in zip(wraps, step, strict=True))
    check(
        not bounded or reach <= longest,
        f"`max_length` must be at most {longest}, the longest segment in the window, but it is {reach}. Shorten it.",
    )
    measure = _by_runs if sharp else _by_products
    found = [measure(values, measured, step, int(reach), wraps) for step in steps]
    return jnp.stack(found) if axis is None else found[0]


def run_lengths(
    mask: Bool[Array, "*grid"], step: tuple[int, ...], most: int, wraps: tuple[bool, ...], beyond: bool = False
) -> Int[Array, "*grid"]:
    """Number of voxels in a row inside the mask from each one on, in the direction of a step, at least `most` where there are more.

    Runs of up to 2 m are two runs of up to m: the number of passes is the logarithm of `most`.

    Args:
        mask: the voxels in question, `(*grid)`.
        step: on the lattice of voxels.
        most: from where on longer runs need not be told apart.
        wraps: whether the cell repeats along each axis.
        beyond: whether voxels outside of a window are in the mask.

    Returns:
        `(*grid)`, 0 outside the mask.

    Example:
        >>> run_lengths(jnp.array([[True, True, False, True]]), (0, 1), 4, (True, True)).tolist()
        [[2, 1, 0, 3]]
    """
    runs = mask.astype(jnp.int32)
    length = 1
    while length < most:
        ahead = shifted(runs, tuple(length * s for s in step), wraps, length if beyond else 0)
        runs = jnp.where(runs == length, length + ahead, runs)
        length *= 2
    return runs


def shifted(field: Array, offset: tuple[int, ...], wraps: tuple[bool, ...], outside: float) -> Array:
    """The field at x + offset, with a value for what lies outside of a window.

    Example:
        >>> shifted(jnp.array([[1, 2], [3, 4]]), (0, 1), (True, False), 0).tolist()
        [[2, 0], [4, 0]]
    """
    moved = jnp.roll(field, tuple(-o for o in offset), tuple(range(field.ndim)))
    for axis, (o, wrap) in enumerate(zip(offset, wraps, strict=True)):
        if o and not wrap:
            place = jnp.arange(field.shape[axis]).reshape([-1 if k == axis else 1 for k in range(field.ndim)]) + o
            moved = jnp.where((place >= 0) & (place < field.shape[axis]), moved, outside)
    return moved


def lattice_step(axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """The step along an axis, or the one that is given as such.

    Example:
        >>> lattice_step(-1, 3), lattice_step((1, -1, 0), 3)
        ((0, 0, 1), (1, -1, 0))
    """
    if isinstance(axis, int | np.integer) and not isinstance(axis, bool):
        check(-ndim <= axis < ndim, f"`axis` must be below the number of axes, {ndim}, but it is {axis}.")
        return tuple(int(k == axis % ndim) for k in range(ndim))
    step = tuple(axis) if isinstance(axis, Sequence | np.ndarray) and not isinstance(axis, str) else ()
    whole = len(step) == ndim and all(isinstance(s, int | np.integer) and not isinstance(s, bool) for s in step)
    check(whole and any(step), f"`axis` must be one axis or a step of {ndim} whole numbers that are not all 0, but it is {axis!r}.")
    return tuple(map(int, step))


def _as_indicator(indicator: ArrayLike) -> tuple[Array, bool]:
    """The values, and whether every voxel is known to be in or out."""
    given = indicator if isinstance(indicator, jax.Array) else np.asarray(indicator)
    check(given.ndim in (2, 3), f"`indicator` must have 2 or 3 axes, but its shape is {given.shape}.")
    if given.dtype == bool or jnp.issubdtype(given.dtype, jnp.integer):
        return jnp.asarray(given), True
    values = as_float_array("indicator", indicator)
    known = np.asarray(values) if is_concrete(values) else None
    return values, known is not None and bool(((known == 0) | (known == 1)).all())


def _check_fractions(values: Array) -> None:
    if not is_concrete(values):
        return
    known = np.asarray(values)
    low, high = known.min(), known.max()
    check(
        bool(low >= -SLACK and high <= 1 + SLACK),  # false for NaN, too
        f"`indicator` must lie in [0, 1], but it spans [{low:g}, {high:g}]. Compare labels with that of the phase: labels == 1.",
    )


def _longest(step: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return min((n - 1) // abs(s) for s, n in zip(step, shape, strict=True) if s)


def _segments(measured: Bool[Array, "*grid"] | None, step: tuple[int, ...], shape: tuple[int, ...], reach: int, wraps: tuple[bool, ...]):
    """Number of segments of each length that were measured, `(r,)`."""
    if measured is not None:
        return _survivors(measured, step, reach, wraps)
    lengths = np.arange(reach + 1)
    sides = [n if wrap else np.maximum(n - lengths * abs(s), 0) for n, s, wrap in zip(shape, step, wraps, strict=True)]
    return jnp.asarray(math.prod(sides) * np.ones(reach + 1), jnp.result_type(float))


def _survivors(mask: Bool[Array, "*grid"], step: tuple[int, ...], reach: int, wraps: tuple[bool, ...]) -> Int[Array, " r"]:
    """Number of voxels from which at least r further ones in a row are in the mask, for r = 0 … reach."""
    runs = jnp.minimum(run_lengths(mask, step, reach + 1, wraps), reach + 1).ravel()
    counts = jnp.zeros(reach + 2, jnp.int32).at[runs].add(1)
    return jnp.cumsum(counts[::-1])[::-1][1:]


@partial(jax.jit, static_argnames=("step", "reach", "wraps"))
def _by_runs(
    values: Array, measured: Bool[Array, "*grid"] | None, step: tuple[int, ...], reach: int, wraps: tuple[bool, ...]
) -> Float[Array, " r"]:
    dtype = values.dtype if jnp.issubdtype(values.dtype, jnp.floating) else jnp.result_type(float)
    inside = _survivors(values != 0, step, reach, wraps)
    return _share(inside.astype(dtype), _segments(measured, step, values.shape, reach, wraps).astype(dtype))


@partial(jax.jit, static_argnames=("step", "reach", "wraps"))
def _by_products(
    values: Float[Array, "*grid"], measured: Bool[Array, "*grid"] | None, step: tuple[int, ...], reach: int, wraps: tuple[bool, ...]
) -> Float[Array, " r"]:
    """P_r(x) = P_{r−1}(x) I(x + r s). Pieces of √reach steps are done again in reverse mode, so that only their ends are kept."""

    def advance(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        product, ahead = carry
        total = _sum(product)
        ahead = shifted(ahead, step, wraps, 0)
        return (product * ahead, ahead), total

    piece = max(1, math.isqrt(reach))

    @jax.checkpoint
    def advance_piece(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        return jax.lax.scan(advance, carry, length=piece)

    _, totals = jax.lax.scan(advance_piece, (values, values), length=-(-(reach + 1) // piece))
    segments = _segments(measured, step, values.shape, reach, wraps).astype(values.dtype)
    return _share(totals.ravel()[: reach + 1], segments)


def _sum(field: Float[Array, "*grid"]) -> Float[Array, ""]:
    """Axis by axis, which keeps more digits in single precision than one long sum."""
    for _ in range(field.ndim):
        field = jnp.sum(field, axis=-1)
    return field


def _share(inside: Float[Array, " r"], segments: Float[Array, " r"]) -> Float[Array, " r"]:
    return jnp.where(segments > 0, inside / jnp.where(segments > 0, segments, 1), jnp.nan)


def line_period(step: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Number of steps after which a line through a periodic cell comes back to its first voxel.

    Example:
        >>> line_period((1, 2), (6, 4))
        6
    """
    return math.lcm(*itertools.starmap(lambda s, n: n // math.gcd(s, n), zip(step, shape, strict=True)))
