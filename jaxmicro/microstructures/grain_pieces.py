"""Grains of a periodic cell in one piece: their voxels beside each other, and the connected pieces of labels."""

import itertools

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.fields import Grid


def grains_from_their_gaps(
    grid: Grid, voxels: Int[np.ndarray, " k"], numbers: Int[np.ndarray, " k"], count: int
) -> tuple[Float[np.ndarray, "d k"], int]:
    """Centres of voxels, where a grain that crosses a face of the cell goes on beyond it.

    Along each axis a grain begins after the widest gap between its layers. One without a gap begins at its layer of fewest voxels, and is
    counted.

    Args:
        grid: the periodic cell.
        voxels: flat indices.
        numbers: grain of each, below `count`.
        count: number of grains.

    Returns:
        Centres `(d, k)` in the unit of `grid.lengths`, and the number of grains without a gap along some axis.
    """
    spacing = np.asarray(grid.lengths, float) / grid.shape
    places, endless = [], np.zeros(count, bool)
    for index, size, step in zip(np.unravel_index(voxels, grid.shape), grid.shape, spacing, strict=True):
        layers = np.bincount(numbers * size + index, minlength=count * size).reshape(count, size)
        twice = np.concatenate([layers, layers], axis=1) == 0
        upto = np.cumsum(twice, axis=1)
        run = upto - np.maximum.accumulate(np.where(twice, 0, upto), axis=1)  # empty layers that end here
        full = ~twice[:, :size].any(axis=1)
        start = np.where(full, layers.argmin(axis=1), (run.argmax(axis=1) + 1) % size)
        places.append(((index - start[numbers]) % size + start[numbers] + 0.5) * step)
        endless |= full & (size > 1)
    return np.stack(places), int(endless.sum())


def connected_pieces(labels: Int[np.ndarray, "*grid"]) -> Int[np.ndarray, "*grid"]:
    """Numbers of the connected pieces of equal labels in a periodic cell, in the order of their first voxels; −1 where a label is negative.

    Voxels that touch at an edge or a corner are connected.
    """
    import scipy.sparse
    import scipy.sparse.csgraph

    nodes = np.arange(labels.size).reshape(labels.shape)
    pairs = []
    for shift in itertools.product((-1, 0, 1), repeat=labels.ndim):
        if shift > (0,) * labels.ndim:
            axes = tuple(range(labels.ndim))
            same = (labels == np.roll(labels, shift, axes)) & (labels >= 0)
            pairs.append(np.stack([nodes[same], np.roll(nodes, shift, axes)[same]]))
    rows, columns = np.concatenate(pairs, axis=1)
    graph = scipy.sparse.coo_array((np.ones(rows.size, np.int8), (rows, columns)), shape=(labels.size, labels.size))
    piece = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    return in_order(np.where(labels.ravel() >= 0, piece, -1)).reshape(labels.shape)


def in_order(owner: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Numbers without gaps in the order of the first place of each; negative ones become −1."""
    numbers, first, inverse = np.unique(owner, return_index=True, return_inverse=True)
    rank = np.empty(len(numbers), int)
    rank[np.argsort(np.where(numbers < 0, -1, first), kind="stable")] = np.arange(len(numbers)) - int((numbers < 0).sum())
    return np.where(owner < 0, -1, rank[inverse.ravel()])
