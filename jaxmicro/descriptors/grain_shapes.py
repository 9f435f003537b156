"""Size and shape of labelled grains from the first and second moments of their voxels."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Shapes(NamedTuple):
    """Shapes of n grains in d dimensions."""

    centroids: Float[np.ndarray, "d n"]
    axes: Float[np.ndarray, "d n"]
    directions: Float[np.ndarray, "d d n"]


def equivalent_diameters(areas: Float[np.ndarray, " n"], ndim: int) -> Float[np.ndarray, " n"]:
    """Diameter of the disc (in 3D the ball) of the same area (volume)."""
    return 2 * np.sqrt(areas / math.pi) if ndim == 2 else np.cbrt(6 * areas / math.pi)


def grain_shapes(
    owner: Int[np.ndarray, " n"], count: int, shape: tuple[int, ...], spacing: Float[np.ndarray, " d"], periodic: bool
) -> Shapes:
    """Centroids, and the ellipse (ellipsoid) of the same second moments, each voxel counted as a box.

    Full axes are 2 √((d + 2) λ) for the eigenvalues λ of the covariance: 4 √λ in 2D, 2 √(5 λ) in 3D. In a periodic cell a grain
    across an edge is put together first.
    """
    ndim = len(shape)
    members = np.flatnonzero(owner >= 0)
    places = np.stack(np.unravel_index(members, shape)).astype(float)
    if periodic:
        places = _unwrapped(places, owner[members], count, shape)
    places = (places + 0.5) * spacing[:, None]
    number = np.bincount(owner[members], minlength=count)
    centroids = np.stack([np.bincount(owner[members], x, minlength=count) for x in places]) / number
    offset = places - centroids[:, owner[members]]
    covariance = np.empty((count, ndim, ndim))
    for i in range(ndim):
        for j in range(ndim):
            covariance[:, i, j] = np.bincount(owner[members], offset[i] * offset[j], minlength=count) / number
        covariance[:, i, i] += spacing[i] ** 2 / 12
    values, vectors = np.linalg.eigh(covariance)
    axes = 2 * np.sqrt((ndim + 2) * values[:, ::-1].T)
    directions = np.moveaxis(vectors[:, :, ::-1], 0, -1)
    lengths = spacing * shape
    return Shapes(centroids % lengths[:, None] if periodic else centroids, axes, directions)


def _unwrapped(
    places: Float[np.ndarray, "d n"], owner: Int[np.ndarray, " n"], count: int, shape: tuple[int, ...]
) -> Float[np.ndarray, "d n"]:
    """Positions moved by whole cells so that each grain is in one piece: its emptiest layer is where it is cut open.

    A grain that reaches round the cell has no empty layer along that axis and keeps its positions there.
    """
    moved = places.copy()
    for axis, n in enumerate(shape):
        column = places[axis].astype(int)
        filled = np.zeros((count, n), bool)
        filled[owner, column] = True
        start = _after_longest_gap(filled)
        moved[axis] = np.where(column < start[owner], column + n, column)
    return moved


def _after_longest_gap(filled: np.ndarray) -> Int[np.ndarray, " n"]:
    """For each row the first filled place after its longest cyclic run of empty ones; 0 where there is no empty one."""
    count, n = filled.shape
    run = np.zeros(count, int)
    best, start = np.zeros(count, int), np.zeros(count, int)
    for place in range(2 * n):
        here = filled[:, place % n]
        longer = here & (run > best)
        best = np.where(longer, run, best)
        start = np.where(longer, place % n, start)
        run = np.where(here, 0, run + 1)
    return start
