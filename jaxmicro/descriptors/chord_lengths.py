"""Lengths of chords: the pieces that a phase cuts out of lines through a cell."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxmicro._core import check, check_choice, check_shape, is_concrete, record
from jaxmicro.descriptors.correlation import as_mask, periodic_axes
from jaxmicro.descriptors.lineal_path import lattice_step, line_period, run_lengths, shifted
from jaxmicro.fields import Grid


@record
class ChordLengths:
    """Distribution of the chords of a phase along one direction; a pytree. Its text is a summary.

    Attributes:
        lengths: of chords of 1, 2, … voxels `(n,)`, in the unit of the grid.
        counts: number of chords of each length `(n,)`.
        density: p(z) = counts over their sum and over the length of one voxel `(n,)`; ∫ p dz = 1. NaN without a chord.
        mean: mean length, each chord counted once; NaN without a chord.
        cut: number of chords that a border of the window cuts; they are in `counts` only where asked for.
        endless: number of voxel lines that lie in the phase all around a periodic cell; they are not in `counts`.
    """

    lengths: Float[Array, " n"]
    counts: Int[Array, " n"]
    density: Float[Array, " n"]
    mean: Float[Array, ""]
    cut: Int[Array, ""]
    endless: Int[Array, ""]

    @property
    def total(self) -> Int[Array, ""]:
        """Number of chords in `counts`."""
        return jnp.sum(self.counts)

    def __str__(self) -> str:
        if not is_concrete(self.counts, self.mean):
            return repr(self)
        return (
            f"{int(self.total)} chords of mean length {float(self.mean):.6g} ({int(self.cut)} cut by a border, {int(self.endless)} endless)"
        )


def chord_lengths(
    mask: ArrayLike,
    axis: int | Sequence[int],
    grid: Grid | None = None,
    periodic: bool | tuple[bool, ...] = True,
    *,
    cut: str = "leave_out",
    measured: ArrayLike | None = None,
) -> ChordLengths:
    """Lengths of the chords of a phase along a direction, all lines of voxels together.

    A chord is a run of voxels in the phase between two outside of it. Of an isotropic phase the mean chord is 4 φ/s_V in 3D and
    π φ/s_V in 2D, with the interface s_V per volume, and p(z) is proportional to the second derivative of the lineal path L:
    in a periodic cell of N voxels exactly L(z − 1) − 2 L(z) + L(z + 1) = counts(z)/N, with z in voxels.

    Chords that a border cuts are known to be too short, and a long chord is cut more often than a short one: without them the mean is
    too small where chords are not much shorter than the window.

    Fixed sizes: runs under `jit` and `vmap`.

    Args:
        mask: the phase `(*grid)`, truth values, or 0 and 1.
        axis: along which, or a step on the lattice of voxels such as `(1, 1, 0)`.
        grid: the cell, whose unit lengths are in; by default unit voxels.
        periodic: whether the cell repeats, along all axes or along each.
        cut: what becomes of chords that a border cuts: `"leave_out"`, or `"count"` with the length inside.
        measured: the voxels that were measured `(*grid)`; others are a border, too.

    Returns:
        `ChordLengths`.

    Raises:
        ValueError: if the mask has not 2 or 3 axes, holds other numbers than 0 and 1, shapes disagree, or there is no such axis.

    References:
        S. Torquato, B. Lu, Physical Review E 47 (1993), doi:10.1103/PhysRevE.47.2950.

    Example:
        >>> chords = chord_lengths(np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1]]), axis=1)
        >>> chords.counts.tolist(), float(chords.mean), int(chords.endless)
        ([1, 1, 0, 0, 0, 0], 1.5, 1)

    Differentiable in the edge lengths of the grid only.
    """
    check(jnp.ndim(mask) in (2, 3), f"`mask` must have 2 or 3 axes, but its shape is {jnp.shape(mask)}.")
    shape = jnp.shape(mask)
    inside = as_mask("mask", mask, shape)
    if grid is None:
        grid = Grid(shape)
    check_shape("mask", inside, grid.shape, "It has the shape of the grid.")
    check_choice("cut", cut, ("leave_out", "count"))
    known = None if measured is None else as_mask("measured", measured, shape)
    return _chords(inside, known, grid, lattice_step(axis, len(shape)), periodic_axes(periodic, len(shape)), cut == "count")


@partial(jax.jit, static_argnames=("step", "wraps", "keep"))
def _chords(
    mask: Bool[Array, "*grid"],
    measured: Bool[Array, "*grid"] | None,
    grid: Grid,
    step: tuple[int, ...],
    wraps: tuple[bool, ...],
    keep: bool,
) -> ChordLengths:
    most = _most_voxels(step, mask.shape, wraps)
    if measured is not None:
        mask = mask & measured
    unknown = jnp.zeros((1,) * mask.ndim, bool) if measured is None else ~measured
    back = tuple(-s for s in step)
    runs = run_lengths(mask, step, most + 1, wraps)
    starts = mask & ~shifted(mask, back, wraps, False)
    # A chord goes on into what is not known where the run of both is longer than its own; longer runs than `most` are known to go on.
    open_end = run_lengths(mask | unknown, step, most + 1, wraps, beyond=True) > runs
    open_start = shifted(jnp.broadcast_to(unknown, mask.shape), back, wraps, True)
    is_cut = starts & (open_end | open_start)
    counted = starts if keep else starts & ~is_cut
    counts = jnp.zeros(most + 1, jnp.int32).at[jnp.where(counted, runs, 0).ravel()].add(1)[1:]
    edge = jnp.sqrt(jnp.sum((grid.spacing * jnp.asarray(step, grid.lengths.dtype)) ** 2))
    lengths = edge * jnp.arange(1, most + 1, dtype=edge.dtype)
    total = jnp.sum(counts).astype(edge.dtype)
    some = jnp.where(total > 0, total, jnp.nan)
    return ChordLengths(
        lengths=lengths, counts=counts, density=counts / (some * edge), mean=jnp.sum(counts * lengths) / some,
        cut=jnp.sum(is_cut, dtype=jnp.int32), endless=_endless(runs, step, mask.shape, wraps),
    )  # fmt: skip


def _most_voxels(step: tuple[int, ...], shape: tuple[int, ...], wraps: tuple[bool, ...]) -> int:
    """Voxels of the longest chord that can be."""
    within = [-(-n // abs(s)) for s, n, wrap in zip(step, shape, wraps, strict=True) if s and not wrap]
    return min(within) if within else line_period(step, shape)


def _endless(runs: Int[Array, "*grid"], step: tuple[int, ...], shape: tuple[int, ...], wraps: tuple[bool, ...]) -> Int[Array, ""]:
    """Lines all of whose voxels are in the mask, if lines have no end."""
    if any(s and not wrap for s, wrap in zip(step, wraps, strict=True)):
        return jnp.zeros((), jnp.int32)
    period = line_period(step, shape)
    return jnp.sum(runs > period, dtype=jnp.int32) // period
