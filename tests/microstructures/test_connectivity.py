"""Clusters by their definition, concrete and traced, and those that reach through a cell."""

import itertools

import jax
import numpy as np
import pytest
import scipy.sparse as sp

from jaxmicro.microstructures import clusters, through_clusters


def by_graph(mask, periodic, connectivity):
    """Labels from the graph of all touching pairs, numbered by first voxels."""
    index, pairs = np.arange(mask.size).reshape(mask.shape), []
    for offset in itertools.product((-1, 0, 1), repeat=mask.ndim):
        if not any(offset) or (connectivity == "faces" and sum(map(abs, offset)) > 1):
            continue
        for place in np.argwhere(mask):
            other = place + offset
            inside = all(flag or 0 <= o < n for o, n, flag in zip(other, mask.shape, periodic, strict=True))
            other = tuple(other % mask.shape)
            if inside and mask[other]:
                pairs.append((index[tuple(place)], index[other]))
    rows = np.array(pairs, int).reshape(-1, 2).T
    found = sp.csgraph.connected_components(sp.coo_matrix((np.ones(rows.shape[1]), tuple(rows)), (mask.size,) * 2))[1]
    names = {}
    return np.array([names.setdefault(c, len(names) + 1) if live else 0 for c, live in zip(found, mask.ravel(), strict=True)]).reshape(
        mask.shape
    )


@pytest.mark.parametrize("connectivity", ["faces", "corners"])
@pytest.mark.parametrize("periodic", [False, True, "second"])
@pytest.mark.parametrize("shape", [(7, 6), (4, 5, 6)])
def test_labels_are_those_of_the_graph(shape, periodic, connectivity):
    wraps = tuple(k == 1 for k in range(len(shape))) if periodic == "second" else (periodic,) * len(shape)
    traced = jax.jit(lambda mask: clusters(mask, periodic=wraps, connectivity=connectivity))
    rng = np.random.default_rng(0)
    for share in (0.0, 0.15, 0.3, 0.6, 1.0):
        mask = rng.random(shape) < share
        exact = by_graph(mask, wraps, connectivity)
        assert np.array_equal(clusters(mask, periodic=wraps, connectivity=connectivity), exact)
        assert np.array_equal(traced(mask), exact)


def test_a_long_winding_path_is_one_cluster():
    mask = np.ones((31, 31), bool)
    mask[1::2] = False
    mask[1::4, -1] = mask[3::4, 0] = True  # a snake
    assert int(clusters(mask).max()) == 1
    assert int(jax.jit(clusters)(mask).max()) == 1
    assert bool(through_clusters(mask, 0).voxels[0, 0])


def test_what_reaches_through_a_cell():
    mask = np.zeros((5, 8), bool)
    mask[:, 1] = mask[2, 3] = mask[:2, 5] = mask[2:, 6] = True
    for find in (through_clusters, jax.jit(through_clusters, static_argnames=("axis", "periodic_sides", "connectivity"))):
        found = find(mask, axis=0)
        assert np.array_equal(found.voxels, mask & (np.arange(8) == 1))
        assert int(found.isolated) == 3
        corners = find(mask, axis=-2, connectivity="corners")
        assert np.array_equal(corners.voxels, mask & (np.arange(8) != 3))
        assert int(corners.isolated) == 1
    edges = np.zeros((3, 4), bool)
    edges[:2, 0] = edges[1:, 3] = True
    assert not bool(through_clusters(edges, 0).voxels.any())
    assert bool(through_clusters(edges, 0, periodic_sides=True).voxels[0, 0])


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match=r"`mask` must have two or three axes, but its shape is \(3,\)"):
        clusters(np.ones(3, bool))
    with pytest.raises(ValueError, match="`connectivity` must be one of"):
        clusters(np.ones((3, 3), bool), connectivity="edges")
    with pytest.raises(ValueError, match="`periodic` must be one flag or 2"):
        clusters(np.ones((3, 3), bool), periodic=(True,))
    with pytest.raises(ValueError, match="`axis` must be below the number of axes, 2, but it is 2"):
        through_clusters(np.ones((3, 3), bool), 2)
