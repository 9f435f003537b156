"""Smooth bodies: derivatives, periodicity, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.fields import Grid
from jaxmicro.microstructures import soft_capsules, soft_ellipsoids, soft_spheres

GRID = Grid((10, 8, 9), (1.0, 0.9, 1.1))
CENTRES = jnp.array([[0.13, 0.57], [0.8, 0.4], [0.3, 1.0]])
KINDS = {
    "spheres": lambda g, c, s, t, w: soft_spheres(g, c, s[0], width=w),
    "ellipsoids": lambda g, c, s, t, w: soft_ellipsoids(g, c, s, t, width=w),
    "capsules": lambda g, c, s, t, w: soft_capsules(g, c, t[:3], 2 * s[0] + 0.3, s[1], width=w),
}
SIZES = jnp.array([[0.25, 0.2], [0.15, 0.18], [0.2, 0.12]])
TURNS = jnp.array([[0.9, 0.5], [0.2, -0.4], [0.3, 0.6], [-0.1, 0.3]])


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_differences(kind):
    weight = jnp.asarray(np.random.default_rng(0).normal(size=GRID.shape))

    def total(c, s, t, w, lengths):
        return jnp.sum(weight * KINDS[kind](Grid(GRID.shape, lengths), c, s, t, w))

    check_grads(total, (CENTRES, SIZES, TURNS, 0.15, GRID.lengths), order=1, modes=("fwd", "rev"), rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_voxels_of_shift_roll_the_field(kind):
    step = jnp.array([3.0, -2.0, 4.0]) * GRID.spacing
    plain, moved = (KINDS[kind](GRID, c, SIZES, TURNS, 0.1) for c in (CENTRES, CENTRES + step[:, None]))
    np.testing.assert_allclose(jnp.roll(plain, (3, -2, 4), (0, 1, 2)), moved, atol=1e-6)


def test_sharp_limits_are_the_bodies():
    grid = Grid((120, 100), (1.2, 1.0))
    x = np.asarray(grid.centres()) - np.array([0.6, 0.5])[:, None, None]
    c, s = np.cos(0.5), np.sin(0.5)
    inside = ((c * x[0] + s * x[1]) / 0.4) ** 2 + ((-s * x[0] + c * x[1]) / 0.15) ** 2 < 1
    soft = soft_ellipsoids(grid, [[0.6], [0.5]], [[0.4], [0.15]], [0.5], width=1e-4)
    assert (np.abs(np.asarray(soft) - inside) > 0.01).mean() < 1e-3
    along = np.clip(c * x[0] + s * x[1], -0.3, 0.3)
    rod = np.hypot(x[0] - along * c, x[1] - along * s) < 0.1
    soft = soft_capsules(grid, [[0.6], [0.5]], [[2 * c], [2 * s]], [0.8], [0.1], width=1e-4)
    assert (np.abs(np.asarray(soft) - rod) > 0.01).mean() < 1e-3


def test_equal_axes_make_spheres_and_profiles_have_their_width():
    round_ones = soft_ellipsoids(GRID, CENTRES, jnp.full((3, 2), 0.3), TURNS, width=0.1)
    np.testing.assert_allclose(round_ones, soft_spheres(GRID, CENTRES, [0.3, 0.3], width=0.1), atol=1e-12)
    line = Grid((2000, 2), (2.0, 2.0))
    profile = np.asarray(soft_spheres(line, [[1.0], [0.5]], [0.6], width=0.05))[:, 0]
    assert np.abs(np.diff(profile)).max() / 1e-3 == pytest.approx(1 / 0.05, rel=1e-3)


def test_single_precision_batches_and_bad_numbers(as_user):
    f = soft_spheres(
        Grid((8, 8), jnp.array([1.0, 1.0], "float32")), jnp.array([[0.5], [0.5]], "float32"), jnp.array([0.3], "float32"), width=0.1
    )
    assert f.dtype == jnp.float32
    radii = jnp.array([[0.2], [0.3]])
    batch = jax.vmap(lambda r: soft_spheres(Grid((8, 8), (1.0, 1.0)), [[0.5], [0.5]], r, width=0.1))(radii)
    np.testing.assert_allclose(batch[1], f, atol=1e-5)
    assert jnp.isnan(jax.jit(lambda r: soft_spheres(Grid((8, 8)), [[0.5], [0.5]], r, width=0.1))(jnp.array([-0.2]))).any()
    with pytest.raises(ValueError, match=r"`radii` must be positive, but it is \[-0.2\]"):
        soft_spheres(Grid((8, 8)), [[0.5], [0.5]], [-0.2], width=0.1)
    with pytest.raises(ValueError, match="`width` must be positive"):
        soft_spheres(Grid((8, 8)), [[0.5], [0.5]], [0.2], width=0.0)
    with pytest.raises(ValueError, match="`orientations` must have shape"):
        soft_ellipsoids(GRID, CENTRES, SIZES, [0.1, 0.2], width=0.1)
    with pytest.raises(ValueError, match="`lengths` must be at least twice the radii"):
        soft_capsules(GRID, CENTRES, TURNS[:3], [0.1, 0.1], [0.2, 0.2], width=0.1)
