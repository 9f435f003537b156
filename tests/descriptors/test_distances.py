"""Distances to what surrounds a phase, against all pairs of voxels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import distance_transform
from jaxmicro.fields import Grid


def by_all_pairs(mask, edges, wraps, to):
    """The smallest of the distances to every voxel outside."""
    places = np.indices(mask.shape).reshape(mask.ndim, -1).T
    steps = np.abs(places[:, None] - places[~mask.ravel()][None]).astype(float)
    for axis, wrap in enumerate(wraps):
        if wrap:
            steps[..., axis] = np.minimum(steps[..., axis], mask.shape[axis] - steps[..., axis])
    steps = np.maximum(steps - 0.5, 0) if to == "faces" else steps
    return np.where(mask, np.sqrt(((steps * edges) ** 2).sum(-1)).min(1).reshape(mask.shape), 0)


@pytest.mark.parametrize("to", ["centres", "faces"])
@pytest.mark.parametrize(("shape", "wraps"), [((9, 6), (True, True)), ((9, 6), (False, True)), ((5, 8, 6), (True, False, True))])
def test_it_is_the_smallest_of_all_distances(shape, wraps, to):
    edges = np.array([0.5, 1.3, 0.9])[: len(shape)]
    mask = np.random.default_rng(0).random(shape) > 0.05
    grid = Grid(shape, edges * shape)
    np.testing.assert_allclose(distance_transform(mask, grid, periodic=wraps, to=to), by_all_pairs(mask, edges, wraps, to), rtol=1e-12)
    signed = by_all_pairs(mask, edges, wraps, to) - by_all_pairs(~mask, edges, wraps, to)
    np.testing.assert_allclose(distance_transform(mask, grid, periodic=wraps, signed=True, to=to), signed, rtol=1e-12)


def test_lines_of_the_phase_alone_do_not_hide_what_is_beside_them():
    """Along every axis some lines hold no voxel outside; the nearest one is in the middle of the cell, or far from it."""
    mask = np.ones((12, 11), bool)
    mask[1, 9] = False
    np.testing.assert_allclose(distance_transform(mask), by_all_pairs(mask, 1.0, (True, True), "centres"))
    np.testing.assert_allclose(distance_transform(mask, periodic=False), by_all_pairs(mask, 1.0, (False, False), "centres"))


def test_nothing_outside_is_infinitely_far():
    assert np.isinf(distance_transform(np.ones((4, 3), bool))).all()
    assert not np.any(distance_transform(np.zeros((4, 3), bool)))


def test_under_jit_vmap_and_in_single_precision():
    masks = np.random.default_rng(1).random((3, 7, 6)) > 0.1
    single = Grid((7, 6), jnp.array([7.0, 9.0], jnp.float32))
    found = jax.jit(jax.vmap(lambda mask: distance_transform(mask, single)))(masks)
    assert found.dtype == jnp.float32
    for one, mask in zip(found, masks, strict=True):
        np.testing.assert_allclose(one, by_all_pairs(mask, np.array([1.0, 1.5]), (True, True), "centres"), rtol=1e-6)


def test_its_derivative_in_the_lengths_of_the_cell():
    mask = np.random.default_rng(2).random((6, 5)) > 0.2
    call = jax.jit(
        lambda lengths: jnp.sum(distance_transform(mask, Grid((6, 5), lengths)) ** 2 + distance_transform(mask, Grid((6, 5), lengths)))
    )
    lengths, step = jnp.array([6.3, 7.1]), 1e-6
    slopes = [(call(lengths + step * e) - call(lengths - step * e)) / (2 * step) for e in jnp.eye(2)]
    np.testing.assert_allclose(jax.grad(call)(lengths), slopes, rtol=1e-7)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match=r"`mask` must be true or false \(1 or 0\) in every voxel, but it holds 2"):
        distance_transform(np.array([[0, 2], [1, 1]]))
    with pytest.raises(ValueError, match=r"`mask` must have two or three axes, but its shape is \(3,\)"):
        distance_transform(np.ones(3, bool))
    with pytest.raises(ValueError, match=r"`mask` must have shape \(4, 4\), but its shape is \(3, 4\)"):
        distance_transform(np.ones((3, 4), bool), Grid((4, 4)))
    with pytest.raises(ValueError, match="`periodic` must be True or False, or 2 of them"):
        distance_transform(np.ones((3, 4), bool), periodic=(True,))
    with pytest.raises(ValueError, match="`to` must be one of 'centres', 'faces', but it is 'center'"):
        distance_transform(np.ones((3, 4), bool), to="center")
    with pytest.raises(TypeError, match="`grid` must be a Grid, but it is tuple"):
        distance_transform(np.ones((3, 4), bool), (3, 4))
