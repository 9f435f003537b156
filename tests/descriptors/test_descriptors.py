import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import radial_average, surface_density, two_point_correlation, volume_fractions
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, checkerboard, disc, laminate, random_field, sphere

KEY = jax.random.key(6)


def test_volume_fractions():
    ms = random_field(Grid((10, 8)), (0.1, 0.3, 0.6), key=KEY)
    np.testing.assert_allclose(volume_fractions(ms), [0.1, 0.3, 0.6], atol=1e-15)


@pytest.mark.parametrize("shape", [(8, 7), (6, 5, 4)])
def test_two_point_correlation_is_the_sum_over_pairs(shape):
    a, b = (np.asarray(jax.random.uniform(key, shape)) for key in jax.random.split(KEY))
    lag = (2, 3, 1)[: len(shape)]
    expected = np.mean(a * np.roll(b, tuple(-n for n in lag), tuple(range(len(shape)))))  # ⟨a(x) b(x + r)⟩
    np.testing.assert_allclose(two_point_correlation(a, b)[lag], expected, rtol=1e-13)
    np.testing.assert_allclose(two_point_correlation(a)[(0,) * len(shape)], np.mean(a**2), rtol=1e-13)


def test_two_point_correlation_of_layers_and_checkers():
    layers = laminate(Grid((10, 3)), (0.7, 0.3)).fractions[1]
    lag = np.arange(10)
    expected = np.maximum(0.3 - np.minimum(lag, 10 - lag) / 10, 0)
    np.testing.assert_allclose(two_point_correlation(layers), np.repeat(expected[:, None], 3, axis=1), atol=1e-15)
    board = checkerboard(Grid((4, 4)), 4).fractions[0]
    i, j = np.indices((4, 4))
    np.testing.assert_allclose(two_point_correlation(board), 0.5 * ((i + j) % 2 == 0), atol=1e-15)


def test_radial_average_on_unequal_spacing():
    grid = Grid((40, 24), (4.0, 3.0))
    x, y = (np.fft.fftfreq(n) * length for n, length in zip((40, 24), (4.0, 3.0), strict=True))
    square = x[:, None] ** 2 + y[None] ** 2
    distance, value = radial_average(square, grid, bins=7)
    assert distance.shape == value.shape == (7,)
    width = 1.5 / 7
    shell = np.floor(np.sqrt(square) / width + 0.5).astype(int)
    np.testing.assert_allclose(distance, [np.sqrt(square)[shell == k].mean() for k in range(7)], rtol=1e-13)
    np.testing.assert_allclose(value, [square[shell == k].mean() for k in range(7)], rtol=1e-13)


def test_radial_average_starts_with_the_volume_fraction():
    ms = random_field(Grid((64, 64)), volume_fraction=0.3, key=KEY, correlation_length=3.0)
    distance, value = radial_average(two_point_correlation(ms.fractions[1]), ms.grid)
    assert float(distance[0]) == 0
    np.testing.assert_allclose(value[0], 0.3, atol=4e-4)
    assert abs(float(value[-1]) - 0.09) < 0.02  # far points are independent


@pytest.mark.parametrize(("method", "tolerance"), [("crofton", 0.02), ("faces", None)])
def test_surface_of_a_disc_and_a_sphere(method, tolerance):
    grid = Grid((96, 80), (6.0, 5.0))
    flat = disc(grid, radius=1.7).fractions[1]
    found = float(surface_density(flat, grid, method)) * 30.0
    expected = 2 * np.pi * 1.7
    assert abs(found / (expected if tolerance else expected * 4 / np.pi) - 1) < (tolerance or 0.01)
    box = Grid((40, 44, 48), (4.0, 4.4, 4.8))
    ball = sphere(box, radius=1.5).fractions[1]
    found = float(surface_density(ball, box, method)) * 4.0 * 4.4 * 4.8
    expected = 4 * np.pi * 1.5**2
    assert abs(found / (expected if tolerance else expected * 1.5) - 1) < (tolerance or 0.02)


def test_surface_on_flat_voxels():
    """Voxels twice as long in x: directions are weighted by the solid angle they stand for."""
    grid = Grid((60, 100), (6.0, 5.0))
    found = float(surface_density(disc(grid, radius=1.7).fractions[1], grid)) * 30.0
    assert abs(found / (2 * np.pi * 1.7) - 1) < 0.03


def test_surface_of_layers():
    ms = laminate(Grid((16, 6, 5), (2.0, 1.0, 1.0)), repeats=2)
    np.testing.assert_allclose(surface_density(ms.fractions[0], ms.grid, "faces"), 4 / 2.0, rtol=1e-14)
    assert abs(float(surface_density(ms.fractions[0], ms.grid)) / 2.0 - 1) < 0.12  # along an axis 13 directions are at their worst


def test_derivatives_agree_with_differences():
    grid = Grid((7, 6), (1.0, 2.0))
    fractions, direction, weights = (jax.random.uniform(key, grid.shape) for key in jax.random.split(KEY, 3))

    def value(f):
        correlation = two_point_correlation(f)
        return jnp.sum(weights * correlation) + jnp.sum(radial_average(correlation, grid)[1]) + surface_density(f, grid)

    forward, gradient = jax.jit(lambda f: (jax.jvp(value, (f,), (direction,))[1], jax.grad(value)(f)))(fractions)
    call = jax.jit(value)
    expected = (call(fractions + 1e-6 * direction) - call(fractions - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose([forward, jnp.vdot(gradient, direction)], [expected] * 2, rtol=1e-6)


def test_single_precision_and_batches():
    batch = jax.random.uniform(KEY, (3, 8, 8), jnp.float32)
    found = jax.jit(jax.vmap(two_point_correlation))(batch)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[1], two_point_correlation(batch[1]), atol=1e-6)


def test_bad_input_is_named(as_user):
    grid = Grid((4, 4))
    with pytest.raises(ValueError, match=r"`indicator` must have 2 or 3 axes.* its shape is \(4,\)"):
        two_point_correlation(np.zeros(4))
    with pytest.raises(ValueError, match=r"`other` must have shape \(4, 4\), but its shape is \(4, 3\)"):
        two_point_correlation(np.zeros((4, 4)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"`correlation` must have shape \(4, 4\)"):
        radial_average(np.zeros((3, 4)), grid)
    with pytest.raises(ValueError, match="`method` must be one of 'crofton', 'faces'"):
        surface_density(np.zeros((4, 4)), grid, "pixels")
    assert volume_fractions(Microstructure(labels=np.zeros((2, 2), int))).shape == (1,)
