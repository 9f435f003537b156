"""Smooth bodies: derivatives, periodicity, limits."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


# on the centres of voxels, at corners of voxels, in the middle of the cell and on its corner
SPECIAL = jnp.stack([(jnp.array([3.0, 4.0, 5.0]) + 0.5) * GRID.spacing, 2 * GRID.spacing], axis=1)
MIDDLE = jnp.stack([GRID.lengths / 2, jnp.zeros(3)], axis=1)
WIDE = 0.6  # over half of the cell: all images are felt


@functools.cache
def program(kind):
    """Value, gradient and derivative along a way of a weighted sum, in all arguments."""
    weight = jnp.asarray(np.random.default_rng(0).normal(size=GRID.shape))

    def value(c, s, t, w, lengths):
        return jnp.sum(weight * KINDS[kind](Grid(GRID.shape, lengths), c, s, t, w))

    return jax.jit(lambda p, d: (*jax.value_and_grad(value, tuple(range(5)))(*p), jax.jvp(value, p, d)[1]))


EVERY_DAY = [pytest.param(kind, marks=[] if kind == "ellipsoids" else pytest.mark.slow) for kind in KINDS]  # spheres are equal ellipsoids


@pytest.mark.parametrize("kind", EVERY_DAY)
def test_derivatives_are_those_of_differences_wherever_centres_lie(kind):
    for number, (centres, width) in enumerate([(CENTRES, 0.15), (SPECIAL, WIDE), (MIDDLE, WIDE)]):
        point = (centres, SIZES, TURNS, jnp.asarray(width, float), GRID.lengths)
        rng = np.random.default_rng(number)
        way, step = tuple(jnp.asarray(0.1 * rng.normal(size=jnp.shape(x))) for x in point), 1e-6
        _, gradient, forward = program(kind)(point, way)
        one, other = (program(kind)(tuple(x + sign * step * d for x, d in zip(point, way, strict=True)), way)[0] for sign in (1, -1))
        expected = float(one - other) / (2 * step)
        reverse = sum(float(jnp.vdot(g, d)) for g, d in zip(gradient, way, strict=True))
        np.testing.assert_allclose([reverse, forward], [expected] * 2, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", EVERY_DAY)
@pytest.mark.parametrize("away", [0.0, 0.5])
def test_no_image_comes_or_goes_as_a_centre_moves_past_a_voxel_or_half_a_cell_from_it(kind, away):
    """The sum and its slopes on both sides differ by no more than on the way there."""
    near = (jnp.array([3.0, 4.0, 5.0]) + 0.5) * GRID.spacing + away * GRID.lengths
    values, slopes = [], []
    for x in (-3e-7, -1e-7, 1e-7, 3e-7):
        centres = jnp.stack([near + x * jnp.array([1.0, -0.7, 0.4]), jnp.array([0.9, 0.8, 0.1])], axis=1)
        point = (centres, SIZES, TURNS, jnp.asarray(WIDE, float), GRID.lengths)
        value, gradient, _ = program(kind)(point, point)
        values.append([float(value)])
        slopes.append(np.concatenate([np.ravel(g) for g in gradient]))
    for numbers in (values, slopes):
        steps = np.abs(np.diff(np.array(numbers), axis=0)).max(axis=1)
        assert steps.max() < 1e-4
        assert steps[1] < 3 * max(steps[0], steps[2]) + 1e-10


def test_all_images_count_and_long_bodies_keep_their_shape():
    """Against the union of spheres at 7 × 7 images, and of a fibre across one and a half cells."""
    grid, lengths = Grid((14, 11), (1.0, 0.8)), np.array([1.0, 0.8])
    x, width = np.asarray(grid.centres()), 0.2
    rest = np.ones(grid.shape)
    for image in itertools.product(range(-3, 4), repeat=2):
        square = ((x - (np.array([0.3, 0.7]) + image * lengths)[:, None, None]) ** 2).sum(axis=0)
        rest *= 1 / (1 + np.exp(-4 / width * (square - 0.3**2) / (2 * np.sqrt(square))))
    # the window leaves out what is farther than an edge: exp(−2 · 0.8 / 0.2) = 3e-4
    np.testing.assert_allclose(soft_spheres(grid, [[0.3], [0.7]], [0.3], width=width), 1 - rest, atol=2e-3)
    way = np.array([1.0, 0.3]) / np.hypot(1.0, 0.3)
    inside = np.zeros(grid.shape, bool)
    for image in itertools.product(range(-3, 4), repeat=2):
        away = x - (np.array([0.3, 0.7]) + image * lengths)[:, None, None]
        along = np.clip(np.tensordot(way, away, 1), -0.7, 0.7)
        inside |= np.linalg.norm(away - along * way[:, None, None], axis=0) < 0.05
    np.testing.assert_allclose(soft_capsules(grid, [[0.3], [0.7]], way[:, None], [1.5], [0.05], width=1e-6), inside, atol=1e-9)


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
    with pytest.raises(ValueError, match=r"`radii` must be at most 8, for bodies of twice the shortest edge, but it is \[9"):
        soft_spheres(Grid((8, 8)), [[0.5], [0.5]], [9.0], width=0.1)
    with pytest.raises(ValueError, match="`width` must be positive"):
        soft_spheres(Grid((8, 8)), [[0.5], [0.5]], [0.2], width=0.0)
    with pytest.raises(ValueError, match="`orientations` must have shape"):
        soft_ellipsoids(GRID, CENTRES, SIZES, [0.1, 0.2], width=0.1)
    with pytest.raises(ValueError, match="`lengths` must be at least twice the radii"):
        soft_capsules(GRID, CENTRES, TURNS[:3], [0.1, 0.1], [0.2, 0.2], width=0.1)
