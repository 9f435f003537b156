"""Finer and coarser grids for the same cell, and voxels of one phase each."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, check_choice, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.everywhere import companions, everywhere
from jaxmicro.microstructures.record import Microstructure

VOXELS = ("fractions", "majority", "nearest")
TIE = 1e-6  # fractions nearer than this are equal: sums of rounded weights


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


def resample(
    ms: Microstructure,
    shape: int | Sequence[int] | None = None,
    *,
    spacing: float | Sequence[float] | None = None,
    voxels: str = "fractions",
) -> Microstructure:
    """The same cell on another grid, finer or coarser by any factor along each axis.

    - `"fractions"`: each new voxel holds the phases of the old ones in proportion to the volume they share with it, so the
      result holds phase fractions, and the volume of every phase is kept exactly.
    - `"majority"`: each new voxel is the phase of the largest such fraction (the first of equal ones). Surfaces stay smooth, but volumes
      are not kept: thin parts are lost, and equal fractions favour the first phase.
    - `"nearest"`: each new voxel is what the old cell is at its centre. The volume of each phase is kept but for the error of sampling,
      at any voxel size; surfaces get rougher.

    Orientations, mask and maps are not averaged: each new voxel takes them from the old voxel at its centre.

    Args:
        ms: the microstructure.
        shape: voxels along each axis, one number or one per axis.
        spacing: in place of a shape, the edge of a new voxel along each axis, one number or one per axis, in the unit of the lengths;
            it is rounded so that whole voxels fill the cell.
        voxels: "fractions", "majority" or "nearest".

    Returns:
        The same cell on the new grid, with phase fractions or with labels.

    Raises:
        ValueError: if the shape or the spacing does not fit, or both or none are given.

    Example:
        >>> ms = Microstructure(labels=[[0, 1], [0, 1], [1, 1], [1, 1]])
        >>> resample(ms, (2, 2)).fractions[1].tolist(), resample(ms, (3, 2), voxels="nearest").labels.tolist()
        ([[0.0, 1.0], [1.0, 1.0]], [[0, 1], [1, 1], [1, 1]])

    Differentiable in fractions, orientations and maps, with `"fractions"`.
    """
    check_choice("voxels", voxels, VOXELS)
    sizes = _new_shape(ms, shape, spacing)
    grid = Grid(sizes, ms.grid.lengths)
    nearest = np.ix_(*[((2 * np.arange(new) + 1) * old) // (2 * new) for old, new in zip(ms.grid.shape, sizes, strict=True)])
    old_size, new_size = (" x ".join(map(str, s)) for s in (ms.grid.shape, sizes))
    parts = companions(ms, lambda array: array[(..., *nearest)])
    note = f"resampled from {old_size} to {new_size} voxels"
    if voxels == "nearest":
        what = {"labels": ms.labels[nearest]} if ms.is_sharp else {"fractions": ms.fractions[(slice(None), *nearest)]}
        return ms.replace(grid=grid, notes=(*ms.notes, f"{note}, each as the old one at its centre"), **what, **parts)
    if voxels == "majority":
        labels, note = _majority(ms, sizes), f"{note}, each the phase of its largest fraction"
        return ms.replace(grid=grid, labels=labels, notes=(*ms.notes, note), **parts)
    return ms.replace(grid=grid, fractions=_shared(ms.fractions, ms.grid.shape, sizes), notes=(*ms.notes, note), **parts)


def _new_shape(ms: Microstructure, shape: int | Sequence[int] | None, spacing: float | Sequence[float] | None) -> tuple[int, ...]:
    """Voxels along each axis, as given or of about the edges that are given."""
    check((shape is None) != (spacing is None), f"Either `shape` or `spacing` must be given, but they are {shape!r} and {spacing!r}.")
    if shape is not None:
        return per_axis("shape", shape, ms.grid.ndim)
    check(
        is_concrete(ms.grid.lengths), "`spacing` must meet lengths that are concrete, but they are traced. Pass shape= instead.", TypeError
    )
    edges = np.asarray(spacing, float)
    good = edges.shape in ((), (ms.grid.ndim,)) and bool((np.isfinite(edges) & (edges > 0)).all())
    check(good, f"`spacing` must be a positive number, or one per axis ({ms.grid.ndim}), but it is {spacing!r}.")
    sizes = tuple(round(float(n)) for n in np.asarray(ms.grid.lengths, float) / edges)
    check(min(sizes) >= 2, f"`spacing` must leave at least two voxels along each axis, but {spacing!r} leaves {sizes}.")
    return sizes


def _shared(shares: Array, old_shape: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    """Fields `(p, *old_shape)` averaged over the voxels of another grid."""
    for axis, (old, new) in enumerate(zip(old_shape, sizes, strict=True)):
        weights = jnp.asarray(_overlaps(old, new), shares.dtype)
        shares = jnp.moveaxis(jnp.tensordot(weights, shares, axes=(1, axis + 1)), 0, axis + 1)
    return shares


def _majority(ms: Microstructure, sizes: tuple[int, ...]) -> Array:
    """The phase of the largest fraction, found phase by phase, so that not all fractions are held at once."""
    best, labels = jnp.full(sizes, -1.0, ms.grid.lengths.dtype), jnp.zeros(sizes, jnp.int32)
    for phase in range(ms.n_phases):
        here = (ms.labels == phase).astype(best.dtype) if ms.is_sharp else ms.fractions[phase]
        share = _shared(here[None], ms.grid.shape, sizes)[0]
        larger = share > best + TIE
        best, labels = jnp.where(larger, share, best), jnp.where(larger, phase, labels)
    return labels


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
