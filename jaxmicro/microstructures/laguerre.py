"""Periodic Laguerre (power) diagrams on a voxel grid: grains with plane faces and sizes of their own.

A diagram is found by splitting boxes of voxels. Within one periodic image of each seed, the difference of two power distances is linear in
the position, so that in a box with centre c and half widths h seed i is nowhere closer than j where

    d_i(c) − d_j(c) > 2 Σ_k h_k |s_i − s_j|_k.

With j the closest seed at the centre, all others that pass this test are candidates for the halves of the box. A box whose candidates are
images of one seed is done. The result is that of comparing every voxel with every seed.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxmicro._core import check, check_finite, check_shape, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.packing import into_cell

TILE = {2: 512, 3: 64}  # voxels along an edge of what is split at once: it bounds the memory
ROUNDING = 16 * np.finfo(float).eps
LONGEST = 1e6  # of the ratios of `aspect`: rounding has no say, and no cell holds such grains


class ScaledCell(NamedTuple):
    """A cell in coordinates divided by `aspect`, with which elongated grains are equiaxed ones.

    Attributes:
        lengths: of the edges, `(d,)`.
        seeds: `(n, d)`.
        weights: `(n,)`, in squared scaled lengths.
        factors: what lengths were divided by, `(d,)`, of unit product.
    """

    lengths: np.ndarray
    seeds: np.ndarray
    weights: np.ndarray
    factors: np.ndarray


def laguerre(
    grid: Grid,
    seeds: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    weights: Float[ArrayLike, " n"] | Sequence[float] | None = None,
    *,
    aspect: Float[ArrayLike, " d"] | Sequence[float] | None = None,
) -> Int[np.ndarray, "*grid"]:
    """The seed with the smallest power distance to each voxel centre, over all periodic images.

        owner(x) = argmin_i  min_images Σ_k ((x_k − s_ik) / a_k)² − w_i,    a = aspect / (Π aspect)^(1/d)

    Cells are convex polyhedra with plane faces; larger weights give larger cells, and a cell may be empty. Only differences of weights
    matter. Without weights and aspect it is the Voronoi diagram. A diagonal scaling keeps the cell periodic: with aspect (4, 1, 0.5) grains
    are long in x and flat in z, as after rolling.

    Args:
        grid: the periodic cell.
        seeds: `(d, n)`, in the unit of `grid.lengths`, anywhere: they are periodic like the cell.
        weights: `(n,)`, in squared (scaled) lengths; zero by default.
        aspect: relative lengths of the grains along the axes, `(d,)`, normalised to a product of one; all alike by default.

    Returns:
        Seed indices, int32 `(*grid)`; of seeds at the same power distance, the first.

    Raises:
        ValueError: if a shape does not fit, a number is not finite, or `aspect` is not positive or has a ratio above 10⁶; or under `jit`, `vmap` and `grad`.

    Reference: F. Aurenhammer, SIAM J. Comput. 16, 78 (1987), doi:10.1137/0216006.

    Example:
        >>> owner = laguerre(Grid((6, 2)), [[1.0, 4.0], [1.0, 1.0]], [0.0, 6.0])
        >>> owner[:, 0].tolist()
        [0, 0, 1, 1, 1, 1]

    Not differentiable: it runs on the host. `soft_laguerre` is.
    """
    cell = scaled_cell(grid, seeds, weights, aspect)
    return power_owner(grid.shape, cell)


def scaled_cell(grid: Grid, seeds: Any, weights: Any = None, aspect: Any = None) -> ScaledCell:
    """Check what makes a diagram and scale it; on the host."""
    check(is_concrete(grid, seeds, weights, aspect), "Voxels are assigned on the host: call this outside jit, vmap and grad.")
    points = np.asarray(seeds, float)
    check_shape("seeds", points, (grid.ndim, "n"), "Seeds have one row per axis of the grid.")
    check(points.shape[1] > 0, "`seeds` must hold at least one seed, but they hold none.")
    check_finite("seeds", points)
    offsets = np.zeros(points.shape[1]) if weights is None else np.asarray(weights, float)
    check_shape("weights", offsets, points.shape[1:], "Give one weight per seed.")
    check_finite("weights", offsets)
    factors = aspect_factors(aspect, grid.ndim)
    return ScaledCell(np.asarray(grid.lengths, float) / factors, points.T / factors, offsets, factors)


def aspect_factors(aspect: Any, ndim: int) -> Float[np.ndarray, " d"]:
    """Relative lengths with a product of one."""
    factors = np.ones(ndim) if aspect is None else np.asarray(aspect, float)
    check_shape("aspect", factors, (ndim,), "Give one relative length per axis.")
    valid = bool(np.isfinite(factors).all() and (factors > 0).all())
    check(valid, f"`aspect` must be positive and finite, but it is {factors.tolist()}. (2, 1, 1) makes grains twice as long in x.")
    check(
        factors.max() / LONGEST <= factors.min(),
        f"`aspect` must have ratios of at most {LONGEST:g}, but it is {factors.tolist()}. (2, 1, 1) makes grains twice as long in x.",
    )
    logs = np.log(factors)
    return np.exp(logs - logs.mean())


def power_owner(shape: tuple[int, ...], cell: ScaledCell) -> Int[np.ndarray, "*grid"]:
    """Owner of each voxel of a scaled cell, tile by tile."""
    spacing = cell.lengths / shape
    # A wrapped seed and a point of the cell are at most an edge apart, so the nearest image is a neighbour: 3^d of them are all.
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=len(shape)))) * cell.lengths
    sites = (into_cell(cell.seeds, cell.lengths)[:, None] + shifts).reshape(-1, len(shape))
    seed_of = np.repeat(np.arange(len(cell.seeds), dtype=np.int32), len(shifts))
    weights = (cell.weights - cell.weights.max())[seed_of]
    slack = ROUNDING * float(4 * (cell.lengths**2).sum() - weights.min())
    edge = TILE[len(shape)]
    owner = np.empty(shape, np.int32)
    for corner in itertools.product(*(range(0, size, edge) for size in shape)):
        part = tuple(slice(low, min(low + edge, size)) for low, size in zip(corner, shape, strict=True))
        owner[part] = _Tile(part, spacing, sites, weights, seed_of, slack).owner()
    return owner


class _Tile:
    """A box of voxels that is halved until every part has one owner.

    The parts of a level are `blocks` `(b, d)`, in multiples of its size; candidates of all blocks lie one after the other in
    `candidates`, `counts` of them for each block.
    """

    def __init__(
        self, part: tuple[slice, ...], spacing: np.ndarray, sites: np.ndarray, weights: np.ndarray, seed_of: np.ndarray, slack: float
    ):
        self.corner = np.array([axis.start for axis in part])
        self.shape = np.array([axis.stop - axis.start for axis in part])
        self.spacing, self.weights, self.seed_of, self.slack = spacing, weights, seed_of, slack
        self.columns = [np.ascontiguousarray(column) for column in sites.T]

    def owner(self) -> Int[np.ndarray, "*grid"]:
        """Owners of the tile's voxels."""
        ndim = self.shape.size
        blocks, counts, candidates = np.zeros((1, ndim), int), np.array([len(self.weights)]), np.arange(len(self.weights))
        halves = np.array(list(itertools.product((0, 1), repeat=ndim)))
        owner = np.full((1,) * ndim, -1, np.int32)
        for level in range(int(self.shape.max() - 1).bit_length(), -1, -1):
            counts, candidates, found = self._pruned(blocks, 1 << level, counts, candidates)
            owner[tuple(blocks.T)] = found
            if level == 0:
                break
            for axis, voxels in enumerate(-(-self.shape >> (level - 1))):
                owner = np.repeat(owner, 2, axis=axis).take(np.arange(voxels), axis=axis)
            blocks, counts, candidates = self._halved(blocks, halves, counts, candidates, found < 0, 1 << (level - 1))
        return owner

    def _pruned(
        self, blocks: np.ndarray, size: int, counts: np.ndarray, candidates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Candidates that may be closest somewhere in their block, and the owner of each block that has one (else −1)."""
        if not len(blocks):
            return counts, candidates, np.empty(0, np.int32)
        low = blocks * size
        high = np.minimum(low + size, self.shape)
        centre = (self.corner + (low + high) / 2) * self.spacing
        half = (high - low - 1) / 2 * self.spacing
        starts = np.cumsum(counts) - counts
        distance = -self.weights[candidates]
        for axis, column in enumerate(self.columns):
            distance += (np.repeat(centre[:, axis], counts) - column[candidates]) ** 2
        distance -= np.repeat(np.minimum.reduceat(distance, starts), counts)
        best = candidates[_first(distance == 0, counts)]
        if size == 1:
            return counts, candidates, self.seed_of[best]
        for axis, column in enumerate(self.columns):
            away = column[candidates] - np.repeat(column[best], counts)
            distance -= np.repeat(2 * half[:, axis], counts) * np.abs(away)
        kept = distance <= self.slack
        candidates, counts = candidates[kept], np.add.reduceat(kept.astype(np.int64), starts)
        seeds = self.seed_of[candidates]
        starts = np.cumsum(counts) - counts
        alone = np.minimum.reduceat(seeds, starts) == np.maximum.reduceat(seeds, starts)
        return counts, candidates, np.where(alone, self.seed_of[best], -1).astype(np.int32)

    def _halved(
        self, blocks: np.ndarray, halves: np.ndarray, counts: np.ndarray, candidates: np.ndarray, open_: np.ndarray, size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The halves of open blocks that lie in the tile, with the candidates of their parents."""
        parent = np.repeat(np.flatnonzero(open_), len(halves))
        children = 2 * blocks[parent] + np.tile(halves, (int(open_.sum()), 1))
        inside = (children * size < self.shape).all(axis=1)
        parent, children = parent[inside], children[inside]
        wanted = counts[parent]
        first = (np.cumsum(counts) - counts)[parent] - (np.cumsum(wanted) - wanted)
        return children, wanted, candidates[np.repeat(first, wanted) + np.arange(wanted.sum())]


def _first(flags: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Index of the first true flag of each block, of which each has one."""
    where = np.flatnonzero(flags)
    block = np.repeat(np.arange(len(counts)), counts)[where]
    return where[np.flatnonzero(np.diff(block, prepend=-1))]
