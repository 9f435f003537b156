"""Sizes of pores and particles: slabs, balls of known radii, and every ball that fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import distance_transform, local_thickness, pore_size_distribution
from jaxmicro.fields import Grid


def balls(grid, centres, radii):
    """True inside balls of the periodic cell."""
    lengths = np.asarray(grid.lengths).reshape(-1, *(1,) * grid.ndim)
    mask = np.zeros(grid.shape, bool)
    for centre, radius in zip(centres, radii, strict=True):
        away = np.asarray(grid.centres()) - np.reshape(centre, lengths.shape)
        away -= lengths * np.round(away / lengths)
        mask |= (away**2).sum(0) < radius**2
    return mask


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("to", ["centres", "faces"])
def test_every_ball_that_fits_is_tried(periodic, to):
    shape, edges = (13, 10), np.array([0.5, 0.7])
    mask = np.random.default_rng(0).random(shape) > 0.1
    grid = Grid(shape, edges * shape)
    radius = np.asarray(distance_transform(mask, grid, periodic=periodic, to=to)).ravel()
    places = np.indices(shape).reshape(2, -1).T
    steps = np.abs(places[:, None] - places[None]).astype(float)
    steps = np.minimum(steps, shape - steps) if periodic else steps
    apart = np.sqrt(((steps * edges) ** 2).sum(-1))
    largest = np.where((apart < radius * (1 - 1e-12)) & mask.ravel()[:, None], radius, 0).max(1).reshape(shape)
    np.testing.assert_allclose(local_thickness(mask, grid, periodic=periodic, to=to), 2 * largest, rtol=1e-12)


@pytest.mark.parametrize(("width", "found"), [(4, {"centres": 4.0, "faces": 3.0}), (5, {"centres": 6.0, "faces": 5.0})])
def test_a_slab_is_as_thick_as_it_is_to_one_edge(width, found):
    """A ball has its centre in that of a voxel: even widths are right to centres, odd ones to faces."""
    slab = np.zeros((16, 3, 3), bool)
    slab[2 : 2 + width] = True
    grid = Grid(slab.shape, (8.0, 30.0, 30.0))
    for to, thickness in found.items():
        assert set(np.unique(local_thickness(slab, grid, to=to))) == {0.0, thickness / 2}


def test_discs_of_two_sizes_are_told_apart():
    grid = Grid((60, 50), (60.0, 75.0))
    large, small = balls(grid, [(1.0, 2.0)], [14.0]), balls(grid, [(32.0, 38.0)], [7.0])
    sizes = pore_size_distribution(large | small, grid, bins=[0.0, 5.0, 9.0, 12.0, 16.0])
    share = large.sum() / (large.sum() + small.sum())
    assert sizes.cumulative[0] == 1.0
    assert float(sizes.cumulative[2]) == pytest.approx(share, abs=0.01)  # the rims of the large one hold smaller balls only
    assert float(sizes.r90) == pytest.approx(14.0, abs=0.8)
    assert float(jnp.sum(sizes.density * jnp.diff(sizes.radii))) == pytest.approx(1.0, rel=1e-12)
    assert float(sizes.d50) == 2 * float(sizes.r50)
    alone = pore_size_distribution(small, grid)
    assert float(alone.r50) == pytest.approx(7.0, abs=0.8)
    assert "d50" in str(alone)


def test_a_ball_across_the_edge_is_one_ball_in_a_periodic_cell():
    grid = Grid((30, 28, 26))
    ball = balls(grid, [(0.5, 0.5, 13.5)], [8.2])
    assert float(pore_size_distribution(ball, grid, radii=[4.0, 6.0, 7.0, 8.0, 9.0]).d50) == 16.0
    # where the image ends nothing is known to be outside, so that a piece of the ball is not nearer to a wall than the whole
    ball = balls(grid, [(3.5, 14.5, 13.5)], [8.2])
    cut, whole = (float(pore_size_distribution(ball, grid, "distance", periodic=flag).mean_radius) for flag in (False, True))
    assert cut > whole


def test_distances_in_a_ball_are_spread_like_shells():
    """A share (1 − r/R)³ of a ball is at least r from its surface; the mean distance is R/4."""
    grid, at = Grid((40, 40, 40)), np.array([4.0, 9.0, 15.0])
    ball = balls(grid, [(20.0, 20.0, 20.0)], [19.0])

    def share(r):
        return (1 - r / 19) ** 3

    slack = 0.005  # of counting voxels
    for to, nearest, furthest in (("centres", 0.0, 0.5), ("faces", -np.sqrt(3) / 2, 0.0)):  # centres are up to half an edge too far
        found = np.asarray(pore_size_distribution(ball, grid, "distance", bins=[0.0, *at, 19.0], to=to).cumulative[1:4])
        assert np.all(found >= share(at - nearest) - slack)
        assert np.all(found <= share(at - furthest) + slack)
    means = [float(pore_size_distribution(ball, grid, "distance", to=to).mean_radius) for to in ("faces", "centres")]
    assert means[0] < 19 / 4 < means[1] < 19 / 4 + 0.5


def test_given_radii_round_down_and_run_under_jit():
    slab = np.zeros((16, 3), bool)
    slab[2:10] = True
    call = jax.jit(jax.vmap(lambda mask: local_thickness(mask, Grid((16, 3), jnp.array([16.0, 3.0], jnp.float32)), radii=[1.0, 3.0, 6.0])))
    found = call(np.stack([slab, ~slab]))
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found[0], np.where(slab, 6.0, 0.0))
    np.testing.assert_array_equal(found[1], np.where(slab, 0.0, 6.0))
    traced = jax.jit(lambda mask: pore_size_distribution(mask, method="distance"))
    assert float(traced(slab).mean_radius) == 2.5
    assert np.isnan(float(traced(np.zeros_like(slab)).r50))


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    slab = np.zeros((6, 4), bool)
    with pytest.raises(ValueError, match="`mask` must hold a voxel of the phase, but it is empty"):
        pore_size_distribution(slab)
    with pytest.raises(ValueError, match="`mask` must leave a voxel outside of the phase, but it fills the cell"):
        pore_size_distribution(~slab)
    assert np.isinf(local_thickness(~slab)).all()
    assert not np.any(local_thickness(slab))
    slab[2] = True
    with pytest.raises(ValueError, match="`method` must be one of 'distance', 'opening', but it is 'open'"):
        pore_size_distribution(slab, method="open")
    with pytest.raises(ValueError, match=r"`bins` must be ascending, but it is \[2.0, 1.0\]"):
        pore_size_distribution(slab, bins=[2.0, 1.0])
    with pytest.raises(ValueError, match="`bins` must be a whole number from 1 on, but it is 0"):
        pore_size_distribution(slab, bins=0)
    with pytest.raises(ValueError, match="`radii` must be positive, but the first is 0"):
        local_thickness(slab, radii=[0.0, 1.0])
    with pytest.raises(ValueError, match="`radii` must be given under jit"):
        jax.jit(local_thickness)(slab)
