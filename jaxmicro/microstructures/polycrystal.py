"""Periodic Voronoi polycrystals."""

import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, is_concrete, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.packing import into_cell
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.orientations import random_orientations


def polycrystal(grid: Grid, grains: int = 100, *, key: Array, relax: int = 0, phase: Phase | str = "crystal") -> Microstructure:
    """Grains of one phase: periodic Voronoi cells of random seeds, each with a random orientation.

    A voxel belongs to the nearest seed, counted over all periodic images in the lengths of the cell.

    Args:
        grid: the periodic cell.
        grains: number of seeds.
        key: typed random key.
        relax: Lloyd steps that move each seed to the centre of its grain: 0 gives Poisson–Voronoi grains, a few give
            grains of more even size.
        phase: the crystal's name, or a `Phase` with its Laue group.

    Returns:
        The microstructure with `orientation` `(4, *grid)`, uniform over all rotations and constant in each grain, and
        the map `grain` `(*grid)`: 0 … grains − 1. Where the grid is too coarse to give every seed a voxel, the grains
        are numbered without gaps and a note says so.

    Raises:
        ValueError: if there is no grain, or there are more grains than voxels.

    Example:
        >>> import jax
        >>> ms = polycrystal(Grid((32, 32)), grains=10, key=jax.random.key(0))
        >>> ms.orientation.shape, int(ms.maps["grain"].max())
        ((4, 32, 32), 9)

    Not differentiable in the seeds: it runs on the host.
    """
    check(is_concrete(grid, key), "Polycrystals are made on the host: call this outside jit, vmap and grad.")
    whole = isinstance(grains, int | np.integer) and not isinstance(grains, bool)
    check(whole and 1 <= grains <= grid.size, f"`grains` must be a whole number from 1 to the {grid.size} voxels, but it is {grains!r}.")
    check(relax >= 0, f"`relax` must not be negative, but it is {relax}.")
    keys = split_named(key, "seeds", "orientations")
    lengths = np.asarray(grid.lengths, float)
    points = (np.indices(grid.shape).reshape(grid.ndim, -1).T + 0.5) * (lengths / grid.shape)
    seeds = numpy_generator(keys["seeds"]).random((int(grains), grid.ndim)) * lengths
    owner = _nearest(points, seeds, lengths)
    for _ in range(relax):
        seeds = _centroids(points, owner, seeds, lengths)
        owner = _nearest(points, seeds, lengths)
    present, owner = np.unique(owner, return_inverse=True)
    notes = () if present.size == grains else (f"{grains} seeds gave {present.size} grains: the others hold no voxel centre",)
    grain = owner.reshape(grid.shape).astype(np.int32)
    turns = random_orientations(keys["orientations"], int(present.size), grid.lengths.dtype)
    return Microstructure(
        grid=grid,
        labels=np.zeros(grid.shape, np.int32),
        orientation=turns[:, grain],
        phases=(phase,),
        maps={"grain": grain},
        provenance=f"polycrystal: periodic Voronoi, {grains} seeds, {relax} Lloyd steps",
        notes=notes,
    )


def _nearest(points: np.ndarray, seeds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Index of the nearest seed of each point in the periodic cell."""
    from scipy.spatial import KDTree

    return np.asarray(KDTree(into_cell(seeds, lengths), boxsize=lengths).query(points)[1])


def _centroids(points: np.ndarray, owner: np.ndarray, seeds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Seeds moved to the mean of their voxels, each taken at its nearest image; an empty seed stays."""
    offset = points - seeds[owner]
    offset -= lengths * np.round(offset / lengths)
    counts = np.bincount(owner, minlength=len(seeds))
    sums = np.stack([np.bincount(owner, weights=column, minlength=len(seeds)) for column in offset.T], axis=1)
    return seeds + sums / np.maximum(counts, 1)[:, None]
