"""Statistics of overlapping discs and spheres against their closed forms.

Germs of a Poisson process of n per volume, each with a ball of radius R, voxels in or out by their centres. A set of points is clear of
all balls with probability exp(−n V), V being the volume of the union of balls around these points: S. Torquato, "Random Heterogeneous
Materials", Springer (2002), section 5.1 (one and two points: φ and S2) and section 5.3 (a segment: the lineal path), doi:10.1007/978-1-4757-6355-3.
Centres of voxels are such points, so that these are exact on a grid, too. Every mean over realisations is compared in standard errors.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import numpy_generator
from jaxmicro.descriptors import chord_lengths, correlation_length, lineal_path, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.microstructures import boolean_model

# Of as many lags as are looked at, the largest deviation stays below this many standard errors in all but about one of a thousand keys.
STANDARD_ERRORS = 4.5

CASES = {2: ((48, 40), (12.0, 10.0), 1.3, 0.13, 1500), 3: ((20, 22, 18), (10.0, 11.0, 9.0), 1.4, 0.06, 200)}


def ball(d, radius):
    return np.pi * radius**2 if d == 2 else 4 * np.pi * radius**3 / 3


def common(d, radius, r):
    """Volume that two balls a distance r apart have in common (Torquato, equations 5.25 and 5.26)."""
    x = np.minimum(np.asarray(r) / (2 * radius), 1)
    share = 2 / np.pi * (np.arccos(x) - x * np.sqrt(1 - x**2)) if d == 2 else 1 - 1.5 * x + 0.5 * x**3
    return ball(d, radius) * share


@partial(jax.jit, static_argnums=0)
def matrix_of_balls(shape, lengths, radius, germs, present):
    """Truth values, 1 outside of all balls, of one realisation in a periodic cell."""
    centres = Grid(shape, lengths).centres()

    def cover(inside, germ):
        place, there = germ
        apart = centres - place.reshape((-1,) + (1,) * len(shape))
        box = lengths.reshape((-1,) + (1,) * len(shape))
        apart = apart - box * jnp.round(apart / box)
        return inside & ~(there & (jnp.sum(apart**2, axis=0) < radius**2)), None

    return jax.lax.scan(cover, jnp.ones(shape, bool), (germs, present))[0]


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def matrices(request):
    """Dimension, realisations `(n, *grid)` of what lies outside of the balls, and the truths."""
    d = request.param
    shape, lengths, radius, density, count = CASES[d]
    rng = numpy_generator(jax.random.key(d))
    numbers = rng.poisson(density * np.prod(lengths), count)
    germs = rng.uniform(size=(count, numbers.max(), d)) * lengths
    present = np.arange(numbers.max()) < numbers[:, None]
    draw = jax.jit(jax.vmap(lambda g, p: matrix_of_balls(shape, jnp.array(lengths), radius, g, p)))
    return d, np.asarray(draw(germs, present)), Grid(shape, lengths), radius, density


def deviations(samples, truth):
    """Distance of the mean over realisations from the truth, in standard errors."""
    samples = np.asarray(samples)
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    # Events that hardly ever happen have no measured scatter: at least that of the events one would expect.
    error = np.maximum(error, np.sqrt(np.maximum(truth, 0) * (1 - truth) / samples.shape[0]) / 100)
    return np.abs(samples.mean(axis=0) - truth) / error


def test_volume_fraction(matrices):
    d, masks, _, radius, density = matrices
    phi = masks.reshape(len(masks), -1).mean(axis=1)
    truth = np.exp(-density * ball(d, radius))
    assert 0.4 < truth < 0.8
    assert deviations(phi, truth) < 3.5
    assert deviations(phi, np.exp(-0.9 * density * ball(d, radius))) > 5  # it would be noticed


@pytest.mark.parametrize("periodic", [True, False])
def test_two_point_correlation(matrices, periodic):
    d, masks, grid, radius, density = matrices
    window = masks if periodic else masks[(slice(None), *[slice(n // 2) for n in grid.shape])]
    inner = window.shape[1:]
    found = jax.jit(jax.vmap(lambda m: two_point_correlation(m, periodic=periodic)))(window)
    lags = [np.rint(np.fft.fftfreq(m, 1 / m)) for m in found.shape[1:]]
    steps = np.meshgrid(*lags, indexing="ij")
    r = np.sqrt(sum((s * h) ** 2 for s, h in zip(steps, np.asarray(grid.spacing), strict=True)))
    truth = np.exp(-density * (2 * ball(d, radius) - common(d, radius, r)))
    near = np.broadcast_to(r < 3 * radius, r.shape) & np.all([np.abs(s) < n // 2 for s, n in zip(steps, inner, strict=True)], axis=0)
    off = deviations(found, truth)[near]
    assert near.sum() > 200
    assert off.max() < STANDARD_ERRORS
    wrong = np.exp(-density * (2 * ball(d, radius) - common(d, 0.9 * radius, r)))
    assert deviations(found, wrong)[near].max() > 2 * STANDARD_ERRORS
    phi = np.exp(-density * ball(d, radius))
    far = near & (r >= 2 * radius)
    assert far.any()
    np.testing.assert_allclose(truth[far], phi**2, rtol=1e-12)


def test_lineal_path(matrices):
    """Balls around equally spaced points of a line: each adds what it has not in common with the one before it."""
    d, masks, grid, radius, density = matrices
    measure = jax.jit(jax.vmap(lambda m: lineal_path(m, max_length=10)))
    found = np.asarray(measure(masks))
    r = np.arange(11)
    for axis, h in enumerate(np.asarray(grid.spacing)):
        truth = np.exp(-density * (ball(d, radius) + r * (ball(d, radius) - common(d, radius, h))))
        assert deviations(found[:, axis], truth).max() < STANDARD_ERRORS
        wrong = np.exp(-1.1 * density * r * (ball(d, radius) - common(d, radius, h))) * truth[0]
        assert deviations(found[:, axis], wrong).max() > STANDARD_ERRORS
        # Between the points of the grid no ball may lie either: exp(−n V_{d−1}(R) r) with 2 R or π R² per length, for small steps.
        along = 2 * radius if d == 2 else np.pi * radius**2
        np.testing.assert_allclose(np.log(truth / truth[0]), -density * along * r * h, rtol=0.03)
    windows = jax.jit(jax.vmap(lambda m: lineal_path(m, axis=0, max_length=10, periodic=False)))(masks)
    truth = np.exp(-density * (ball(d, radius) + r * (ball(d, radius) - common(d, radius, float(grid.spacing[0])))))
    assert deviations(windows, truth).max() < STANDARD_ERRORS


def test_chords_of_the_matrix(matrices):
    """Where L falls by the same factor q with every step, chords have a geometric distribution: p(k) = (1 − q) q^(k − 1)."""
    d, masks, grid, radius, density = matrices
    h = float(grid.spacing[1])
    q = np.exp(-density * (ball(d, radius) - common(d, radius, h)))
    measure = jax.jit(jax.vmap(lambda m: chord_lengths(m, 1, grid).counts))
    per_voxel = np.asarray(measure(masks))[:, :12] / masks[0].size
    k = np.arange(1, 13)
    truth = np.exp(-density * ball(d, radius)) * (1 - q) ** 2 * q ** (k - 1)
    assert deviations(per_voxel, truth).max() < STANDARD_ERRORS
    # Cauchy: the mean chord is 4 φ/s_V in 3D and π φ/s_V in 2D with s_V = n φ S, so 1/(n V_{d−1}(R)) for small steps.
    along = 2 * radius if d == 2 else np.pi * radius**2
    np.testing.assert_allclose(h / (1 - q), 1 / (density * along) + h / 2, rtol=0.02)


def test_integral_scale(matrices):
    d, masks, grid, radius, density = matrices
    s2 = jax.jit(jax.vmap(two_point_correlation))(masks).mean(axis=0)
    r = np.linspace(0, 2 * radius, 20_001)
    phi = np.exp(-density * ball(d, radius))
    rho = (np.exp(-density * (2 * ball(d, radius) - common(d, radius, r))) - phi**2) / (phi - phi**2)
    expected = np.trapezoid(rho, r)
    found = [float(correlation_length(s2, grid, axis=axis)) for axis in range(d)] + [float(correlation_length(s2, grid))]
    np.testing.assert_allclose(found, expected, rtol=0.08)


@pytest.mark.slow
def test_the_generator_draws_this_model():
    """`boolean_model` from its volume fraction alone: correlations along the axes, and the lineal path of the matrix."""
    shape, lengths, radius, phi = (32, 28), (8.0, 7.0), 1.1, 0.6
    grid, density = Grid(shape, lengths), -np.log(phi) / ball(2, radius)
    masks = np.stack(
        [np.asarray(boolean_model(grid, 1 - phi, radius, key=key).labels) == 0 for key in jax.random.split(jax.random.key(5), 400)]
    )
    s2 = np.asarray(jax.jit(jax.vmap(two_point_correlation))(masks))
    path = np.asarray(jax.jit(jax.vmap(lambda m: lineal_path(m, max_length=8)))(masks))
    steps = np.arange(9)
    for axis, h in enumerate(np.asarray(grid.spacing)):
        pairs = np.exp(-density * (2 * ball(2, radius) - common(2, radius, steps * h)))
        found = s2[:, :9, 0] if axis == 0 else s2[:, 0, :9]
        assert deviations(found, pairs).max() < STANDARD_ERRORS
        line = np.exp(-density * (ball(2, radius) + steps * (ball(2, radius) - common(2, radius, h))))
        assert deviations(path[:, axis], line).max() < STANDARD_ERRORS
        assert deviations(path[:, axis], line**1.2).max() > STANDARD_ERRORS  # an intensity higher by a fifth would be noticed
