"""Size and shape of labelled grains from the first and second moments of their voxels."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.fields import Grid
from jaxmicro.microstructures.grain_pieces import grains_from_their_gaps


class Shapes(NamedTuple):
    """Shapes of n grains in d dimensions."""

    centroids: Float[np.ndarray, "d n"]
    axes: Float[np.ndarray, "d n"]
    directions: Float[np.ndarray, "d d n"]


def equivalent_diameters(areas: Float[np.ndarray, " n"], ndim: int) -> Float[np.ndarray, " n"]:
    """Diameter of the disc (in 3D the ball) of the same area (volume)."""
    return 2 * np.sqrt(areas / math.pi) if ndim == 2 else np.cbrt(6 * areas / math.pi)


def grain_shapes(owner: Int[np.ndarray, " n"], count: int, grid: Grid, periodic: bool) -> Shapes:
    """Centroids, and the ellipse (ellipsoid) of the same second moments, each voxel counted as a box.

    Full axes are 2 √((d + 2) λ) for the eigenvalues λ of the covariance: 4 √λ in 2D, 2 √(5 λ) in 3D. In a periodic cell a grain
    across an edge is put together first.
    """
    ndim, lengths = grid.ndim, np.asarray(grid.lengths, float)
    spacing = lengths / grid.shape
    members = np.flatnonzero(owner >= 0)
    if periodic:
        places, _ = grains_from_their_gaps(grid, members, owner[members], count)
    else:
        places = (np.stack(np.unravel_index(members, grid.shape)) + 0.5) * spacing[:, None]
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
    return Shapes(centroids % lengths[:, None] if periodic else centroids, axes, directions)
