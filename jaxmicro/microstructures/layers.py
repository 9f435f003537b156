"""Periodic layers and blocks."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure


def laminate(
    grid: Grid,
    fractions: Sequence[float] = (0.5, 0.5),
    axis: int = 0,
    *,
    normal: Sequence[int] | None = None,
    repeats: int = 1,
    exact: bool = False,
    phases: Sequence[Phase | str] | None = None,
) -> Microstructure:
    """Plane layers, one per entry of `fractions`, stacked along an axis or an oblique periodic direction.

    The layer at x follows from the coordinate t = frac(repeats · Σ n_i x_i / L_i), which is periodic for whole n_i:
    layer k fills F_k ≤ t < F_{k+1}, F the cumulative fractions.

    Args:
        grid: the periodic cell.
        fractions: thickness of each layer over the period, sum 1; layer k is phase k.
        axis: stacking axis.
        normal: whole numbers n_i instead of an axis; `(1, 1)` is the diagonal laminate.
        repeats: periods in the cell.
        exact: False gives each voxel the layer at its centre (labels); True gives, along an axis only, the exact share
            of each layer in each voxel (fractions).
        phases: one name or `Phase` per layer.

    Returns:
        The microstructure.

    Raises:
        ValueError: if fractions are negative or do not sum to 1, or the direction does not fit the grid.

    Example:
        >>> laminate(Grid((4, 2)), (0.25, 0.75)).labels[:, 0].tolist()
        [0, 1, 1, 1]

    Not differentiable: it runs on the host. The soft form is `interface_of_layers`.
    """
    direction = whole_direction(grid, axis, normal, repeats)
    bounds = layer_bounds(fractions)
    names = phases if phases is not None else tuple(f"phase {i}" for i in range(len(bounds) - 1))
    check(
        len(names) == len(bounds) - 1, f"`phases` must have one entry per layer, but there are {len(names)} for {len(bounds) - 1} layers."
    )
    if exact:
        along = [k for k, n in enumerate(direction) if n]
        check(
            len(along) == 1,
            "`exact` layers must be stacked along an axis, but `normal` is oblique. Leave `exact` out, or split the voxels.",
        )
        content: dict[str, Any] = {"fractions": exact_shares(grid, along[0], abs(direction[along[0]]), bounds, direction[along[0]] < 0)}
    else:
        content = {"labels": layer_at_centres(grid.shape, direction, bounds)}
    text = f"laminate: {len(names)} layers along {direction}"
    asked = {"volume_fractions": [float(high - low) for low, high in itertools.pairwise(bounds)]}
    return Microstructure(grid=grid, phases=names, provenance=text, asked=asked, **content)


def checkerboard(grid: Grid, blocks: int | Sequence[int] = 2, *, phases: Sequence[Phase | str] = ("black", "white")) -> Microstructure:
    """Two phases in alternating blocks, half each.

    Args:
        grid: the periodic cell.
        blocks: blocks along each axis, even numbers that divide the number of voxels.
        phases: two names.

    Returns:
        The microstructure.

    Raises:
        ValueError: if a number of blocks is odd (not periodic) or does not divide the voxels.

    Example:
        >>> checkerboard(Grid((4, 2)), (4, 2)).labels.tolist()
        [[0, 1], [1, 0], [0, 1], [1, 0]]

    Not differentiable.
    """
    counts = (blocks,) * grid.ndim if isinstance(blocks, int) else tuple(blocks)
    check(len(counts) == grid.ndim, f"`blocks` must be one number or one per axis ({grid.ndim}), but it is {blocks!r}.")
    for count, n in zip(counts, grid.shape, strict=True):
        check(
            count >= 2 and count % 2 == 0 and n % count == 0,
            f"`blocks` must be even and divide the voxels along each axis, but they are {counts} on {grid.shape}.",
        )
    index = np.indices(grid.shape)
    parity = sum(index[k] // (grid.shape[k] // counts[k]) for k in range(grid.ndim)) % 2
    asked = {"volume_fractions": (0.5, 0.5)}
    return Microstructure(grid=grid, labels=parity, phases=phases, provenance=f"checkerboard: {counts} blocks", asked=asked)


def whole_direction(grid: Grid, axis: int, normal: Sequence[int] | None, repeats: int) -> tuple[int, ...]:
    """Whole periods along each axis, of an axis or an oblique normal."""
    check(int(repeats) == repeats and repeats >= 1, f"`repeats` must be a positive whole number, but it is {repeats}.")
    if normal is None:
        check(-grid.ndim <= axis < grid.ndim, f"`axis` must be one of 0 … {grid.ndim - 1}, but it is {axis}.")
        normal = [int(k == axis % grid.ndim) for k in range(grid.ndim)]
    whole = len(normal) == grid.ndim and all(int(n) == n for n in normal) and any(normal)
    check(whole, f"`normal` must be {grid.ndim} whole numbers, not all zero (others are not periodic), but it is {normal!r}.")
    return tuple(int(n) * int(repeats) for n in normal)


def layer_bounds(fractions: Sequence[float]) -> list[Fraction]:
    """Cumulative fractions as ratios, so that a bound meant to lie on a voxel face does."""
    values = [float(f) for f in np.asarray(fractions, float).ravel()]
    good = len(values) >= 1 and all(f >= 0 for f in values) and abs(sum(values) - 1) < 1e-6
    check(good, f"`fractions` must be non-negative and sum to 1, but they are {values} with sum {sum(values):g}.")
    bounds = [Fraction(s).limit_denominator(10**6) for s in itertools.accumulate(values)]
    return [Fraction(0), *bounds[:-1], Fraction(1)]


def layer_at_centres(shape: tuple[int, ...], direction: tuple[int, ...], bounds: list[Fraction]) -> np.ndarray:
    """Layer at each voxel centre, in whole numbers: t is a multiple of 1/(2 lcm(shape))."""
    period = 2 * math.lcm(*shape)
    steps = np.zeros(shape, np.int64)
    for axis, (n, count) in enumerate(zip(shape, direction, strict=True)):
        along = count * (2 * np.arange(n) + 1) * (period // (2 * n))
        steps += along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    limits = [math.ceil(bound * period) for bound in bounds[1:-1]]
    return np.searchsorted(limits, steps % period, side="right").astype(np.int32)


def exact_shares(grid: Grid, axis: int, repeats: int, bounds: list[Fraction], backwards: bool) -> np.ndarray:
    """Share of each layer in each voxel along one axis."""
    n = grid.shape[axis]
    edges = np.array([float(period + bound) for period in range(repeats) for bound in bounds[:-1]] + [repeats]) * n / repeats
    faces = np.arange(n + 1)
    overlap = np.minimum(faces[None, 1:], edges[1:, None]) - np.maximum(faces[None, :-1], edges[:-1, None])
    shares = np.maximum(overlap, 0).reshape(repeats, len(bounds) - 1, n).sum(axis=0)
    if backwards:
        shares = shares[:, ::-1]
    shape = [len(bounds) - 1] + [n if k == axis else 1 for k in range(grid.ndim)]
    return np.broadcast_to(shares.reshape(shape), (len(bounds) - 1, *grid.shape)).astype(np.asarray(grid.lengths).dtype)
