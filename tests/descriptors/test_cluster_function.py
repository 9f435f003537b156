"""The cluster function against pairs counted one by one, and against S2."""

import jax
import numpy as np
import pytest

from jaxmicro.descriptors import cluster_function, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.microstructures import clusters, disc

KEY = jax.random.key(2)


def by_pairs(labels, wraps):
    shape = labels.shape
    places = np.argwhere(labels > 0)
    owner = labels[labels > 0]
    counts = np.zeros([n if wrap else 2 * n - 1 for n, wrap in zip(shape, wraps, strict=True)])
    for place, label in zip(places, owner, strict=True):
        lags = (places[owner == label] - place) % np.array(counts.shape)
        np.add.at(counts, tuple(lags.T), 1)
    pairs = np.ones([])
    for n, wrap in zip(shape, wraps, strict=True):
        along = np.full(n, n) if wrap else np.concatenate([np.arange(n, 0, -1), np.arange(1, n)])
        pairs = pairs[..., None] * along
    return counts / pairs


@pytest.mark.parametrize(("shape", "wraps"), [((13, 10), (True, True)), ((9, 14), (False, True)), ((6, 7, 5), (False, False, False))])
@pytest.mark.parametrize("connectivity", ["faces", "corners"])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_pairs_of_every_cluster(shape, wraps, connectivity, share):
    mask = np.asarray(jax.random.uniform(KEY, shape) < share)
    labels = np.asarray(clusters(mask, periodic=wraps, connectivity=connectivity))
    assert labels.max() > 1 or (share, connectivity) == (0.6, "corners")
    found = cluster_function(mask, connectivity, wraps)
    np.testing.assert_allclose(found, by_pairs(labels, wraps), atol=1e-15)


def test_boxes_of_every_size_across_the_seam():
    """Bars of all lengths up to one that runs around, in a cell that is longer than the sizes of transforms that are shared."""
    mask = np.zeros((150, 60), bool)
    for row, length in zip(range(0, 60, 3), [1, 2, 3, 4, 5, 8, 15, 16, 30, 33, 40, 60, 74, 75, 76, 90, 120, 148, 149, 150], strict=True):
        mask[(np.arange(length) - 7) % 150, row] = True
    for wraps in ((True, True), (False, True)):
        labels = np.asarray(clusters(mask, periodic=wraps))
        np.testing.assert_allclose(cluster_function(mask, periodic=wraps), by_pairs(labels, wraps), atol=1e-15)


def test_one_cluster_is_all_of_the_phase():
    ms = disc(Grid((30, 24)), radius=7.0)
    mask = ms.labels == 1
    np.testing.assert_allclose(cluster_function(mask), two_point_correlation(mask), atol=1e-14)
    np.testing.assert_allclose(cluster_function(~mask, periodic=False), two_point_correlation(~mask, periodic=False), atol=1e-13)


def test_pairs_of_two_clusters_are_what_is_left():
    mask = np.asarray(jax.random.uniform(KEY, (16, 12)) < 0.45)
    labels = np.asarray(clusters(mask, periodic=True))
    same = cluster_function(mask)
    rest = np.asarray(two_point_correlation(mask)) - np.asarray(same)
    other = sum(np.asarray(two_point_correlation(labels == k, mask & (labels != k))) for k in range(1, labels.max() + 1))
    np.testing.assert_allclose(rest, other, atol=1e-14)
    np.testing.assert_allclose(same[0, 0], mask.mean(), rtol=1e-14)
    np.testing.assert_allclose(np.sum(same) * mask.size, np.sum(np.bincount(labels[labels > 0]) ** 2) / 1.0, rtol=1e-12)


def test_empty_and_full():
    assert (np.asarray(cluster_function(np.zeros((4, 5), bool), periodic=False)) == 0).all()
    assert (np.asarray(cluster_function(np.ones((4, 5, 3)))) == 1).all()


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`mask` must be concrete, but it is traced\. Call `cluster_function` outside jit"):
        jax.jit(cluster_function)(np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"`mask` must have 2 or 3 axes, but its shape is \(4,\)"):
        cluster_function(np.ones(4))
    with pytest.raises(ValueError, match="`connectivity` must be one of 'faces', 'corners'"):
        cluster_function(np.ones((4, 4)), "edges")
    with pytest.raises(ValueError, match="`mask` must hold truth values"):
        cluster_function(np.full((4, 4), 0.5))
