"""Discs and spheres on a periodic grid, sharp or anti-aliased."""

import itertools
from typing import Any

import numpy as np

from jaxmicro._core import check, check_shape, is_concrete
from jaxmicro.fields import Grid


def rasterise_spheres(grid: Grid, centres: Any, radii: Any, supersample: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Share of each voxel inside periodic discs (2D) or spheres (3D), and which of them it belongs to.

    Every voxel is sampled at the centres of `supersample`^d sub-voxels.

    Args:
        grid: the periodic cell; lengths must be concrete.
        centres: `(d, n)`, in the unit of `grid.lengths`.
        radii: `(n,)`.
        supersample: samples along each axis of a voxel; 1 gives shares of 0 and 1.

    Returns:
        The share `(*grid)` in [0, 1], and the index `(*grid)` of the sphere that fills most of the voxel plus one,
        0 where there is none.

    Raises:
        ValueError: if shapes disagree or `supersample` is not a positive whole number.

    Example:
        >>> share, index = rasterise_spheres(Grid((8, 8)), [[4.0], [4.0]], [2.0], supersample=8)
        >>> float(share.sum())
        12.6875

    Not differentiable: it runs on the host.
    """
    check(is_concrete(grid, centres, radii), "Discs and spheres are drawn on the host: call this outside jit, vmap and grad.")
    check(int(supersample) == supersample and supersample >= 1, f"`supersample` must be a positive whole number, but it is {supersample}.")
    lengths = np.asarray(grid.lengths, float)
    centres, radii = np.asarray(centres, float), np.asarray(radii, float)
    check_shape("centres", centres, (grid.ndim, "n"))
    check_shape("radii", radii, (centres.shape[1],), "Give one radius per centre.")
    share, largest, index = np.zeros(grid.shape), np.zeros(grid.shape), np.zeros(grid.shape, np.int32)
    for number, (centre, radius) in enumerate(zip(centres.T, radii, strict=True), start=1):
        window, inside = _one(grid.shape, lengths, centre, radius, int(supersample))
        share[window] += inside
        index[window] = np.where(inside > largest[window], number, index[window])
        largest[window] = np.maximum(largest[window], inside)
    return np.minimum(share, 1.0), index


def _one(shape: tuple[int, ...], lengths: np.ndarray, centre: np.ndarray, radius: float, samples: int) -> tuple[Any, np.ndarray]:
    """The window of voxels around one sphere (indices wrapped) and the share of each inside it."""
    voxels, squares = [], []
    for n, length, c in zip(shape, lengths, centre, strict=True):
        h = length / n
        low, high = int(np.floor((c - radius) / h)), int(np.floor((c + radius) / h))
        if high - low + 1 >= n:  # the sphere reaches around the cell: take each voxel once, at its nearest image
            low, high = int(np.floor(c / h)) - n // 2, int(np.floor(c / h)) - n // 2 + n - 1
        cells = np.arange(low, high + 1)
        positions = ((cells[:, None] + (np.arange(samples) + 0.5) / samples) * h - c + length / 2) % length - length / 2
        voxels.append(cells % n)
        squares.append(positions**2)
    inside = np.zeros([len(v) for v in voxels])
    for offset in itertools.product(range(samples), repeat=len(shape)):
        distance = sum(np.ix_(*[s[:, k] for s, k in zip(squares, offset, strict=True)]))
        inside += distance < radius**2
    return np.ix_(*voxels), inside / samples ** len(shape)
