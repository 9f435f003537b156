"""Smooth Laguerre cells: their interfaces, their limit, and derivatives in everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.microstructures import laguerre, soft_laguerre

ROUNDING = 1e-13
LENGTHS = jnp.array([1.0, 2.0])


def cells(count=5, dim=2):
    rng = np.random.default_rng(2)
    return rng.random((dim, count)) * np.array([1.0, 2.0, 1.5])[:dim, None], rng.normal(size=count) * 0.03


@pytest.mark.parametrize(("shape", "aspect"), [((14, 11), None), ((12, 15), (3.0, 1.0)), ((6, 9, 8), (2.0, 1.0, 0.7))])
def test_fractions_sum_to_one_and_become_the_sharp_cells(shape, aspect):
    grid = jm.Grid(shape, (1.0, 2.0, 1.5)[: len(shape)])
    seeds, weights = cells(dim=len(shape))
    owner = laguerre(grid, seeds, weights, aspect=aspect)
    shares = []
    for width in (0.3, 0.1, 1e-3):
        found = soft_laguerre(grid, seeds, weights, width=width, aspect=aspect)
        assert np.abs(found.sum(axis=0) - 1).max() < ROUNDING
        shares.append(float(jnp.take_along_axis(found, jnp.asarray(owner)[None], axis=0).mean()))
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.99
    np.testing.assert_array_equal(found.argmax(axis=0), owner)


@pytest.mark.parametrize("gap", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("aspect", [None, (4.0, 1.0)])
def test_an_interface_has_its_width_whatever_the_distance_of_its_seeds(gap, aspect):
    """f = 1 / (1 + exp(−4 t / width)) from 0.01 to 0.99, also where a weight moves the face."""
    grid, width, place = jm.Grid((1000, 24), (1.0, 0.3)), 0.02, 0.5 + 0.1 * gap
    ratio = 1.0 if aspect is None else aspect[0] / aspect[1]
    weight = 2 * 0.1 * gap * gap / ratio  # moves the face by a tenth of the distance
    found = soft_laguerre(grid, [[0.5 - gap / 2, 0.5 + gap / 2], [0.15, 0.15]], [weight, 0.0], width=width, aspect=aspect)[0, :, 12]
    t = place - np.asarray(grid.centres())[0, :, 12]
    near = np.abs(t) < 1.15 * width
    np.testing.assert_allclose(found[near], 1 / (1 + np.exp(-4 * t[near] / width)), atol=0.01)


def weighted(seeds, weights, aspect, lengths, width):
    found = soft_laguerre(jm.Grid((14, 11), lengths), seeds, weights, width=width, aspect=aspect)
    return jnp.sum(found**2 * np.cos(np.arange(found.size)).reshape(found.shape))


def point():
    seeds, weights = cells()
    return jnp.asarray(seeds), jnp.asarray(weights), jnp.array([2.0, 1.0]), LENGTHS, jnp.array(0.3)


def test_derivatives_are_those_of_differences():
    slopes, value = jax.grad(weighted, argnums=range(5))(*point()), weighted  # the program of the fractions is compiled once for all
    for index, slope in enumerate(slopes):
        direction = np.cos(1.0 + np.arange(slope.size)).reshape(slope.shape)
        step = 1e-6
        moved = [value(*(p + sign * step * direction if k == index else p for k, p in enumerate(point()))) for sign in (1, -1)]
        assert float(np.sum(slope * direction)) == pytest.approx(float(moved[0] - moved[1]) / (2 * step), rel=1e-5), index


@pytest.mark.slow
def test_derivatives_of_both_modes_agree():
    check_grads(weighted, point(), order=1, modes=("fwd", "rev"), rtol=1e-4, eps=1e-5)


def test_derivatives_are_finite_where_cells_are_sharp_or_empty():
    seeds, weights = cells()
    weights[0] = -50.0
    for width in (1e-4, 0.1):
        slopes = jax.grad(weighted, argnums=range(5))(jnp.asarray(seeds), jnp.asarray(weights), jnp.ones(2), LENGTHS, jnp.array(width))
        assert all(np.isfinite(slope).all() for slope in slopes)
    assert float(soft_laguerre(jm.Grid((14, 11), LENGTHS), seeds, weights, width=0.1)[0].max()) == 0.0


def test_jit_and_vmap_agree_and_single_precision_is_near():
    seeds, weights = cells()
    grid = jm.Grid((14, 11), LENGTHS)
    plain = soft_laguerre(grid, seeds, weights, width=0.1)
    np.testing.assert_allclose(jax.jit(soft_laguerre)(grid, seeds, weights, width=0.1), plain, atol=ROUNDING)
    batch = jnp.stack([jnp.asarray(seeds), jnp.asarray(seeds) + 0.1])
    many = jax.vmap(lambda s: soft_laguerre(grid, s, weights, width=0.1))(batch)
    np.testing.assert_allclose(many[0], plain, atol=ROUNDING)
    single = soft_laguerre(jm.Grid((14, 11), LENGTHS.astype(jnp.float32)), jnp.float32(seeds), jnp.float32(weights), width=0.1)
    assert single.dtype == jnp.float32
    assert np.abs(single - plain).max() < 2e-4


def test_one_cell_fills_everything_and_seeds_are_periodic():
    grid = jm.Grid((6, 5))
    np.testing.assert_allclose(soft_laguerre(grid, [[1.0], [2.0]], width=1.0), 1.0, rtol=ROUNDING)
    seeds = np.array([[1.0, 4.0], [2.0, 3.5]])
    here = soft_laguerre(grid, seeds, width=0.7)
    np.testing.assert_allclose(soft_laguerre(grid, seeds + np.array([[12.0], [-5.0]]), width=0.7), here, atol=1e-12)


def test_wrong_input_is_refused(as_user):
    grid, seeds = jm.Grid((8, 8)), [[1.0, 5.0], [2.0, 6.0]]
    with pytest.raises(ValueError, match=r"`width` must be positive, but it is 0\.0"):
        soft_laguerre(grid, seeds, width=0.0)
    with pytest.raises(ValueError, match=r"`seeds` must have shape \(2, n\)"):
        soft_laguerre(grid, np.zeros((3, 2)), width=1.0)
    with pytest.raises(ValueError, match=r"`weights` must have shape \(2,\)"):
        soft_laguerre(grid, seeds, [1.0], width=1.0)
    with pytest.raises(ValueError, match="`aspect` must be positive"):
        soft_laguerre(grid, seeds, width=1.0, aspect=(1.0, -1.0))
    with pytest.raises(ValueError, match="`seeds` must be finite"):
        soft_laguerre(grid, [[np.nan, 1.0], [1.0, 1.0]], width=1.0)


@pytest.mark.parametrize("bad", ["width", "aspect"])
def test_bad_values_under_a_trace_are_nan(bad):
    """A width below zero would turn the softmax around and give each voxel to the farthest seeds."""
    seeds, weights = cells()
    good = {"width": 0.1, "aspect": jnp.ones(2)}
    fractions = jax.jit(lambda options: soft_laguerre(jm.Grid((14, 11), LENGTHS), seeds, weights, **options))
    assert np.isfinite(fractions(good)).all()
    assert np.isnan(fractions(good | {bad: -good[bad]})).all()
