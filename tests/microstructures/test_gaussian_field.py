import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import gaussian_random_field

GRID = Grid((48, 36), (6.0, 3.0))  # spacings 1/8 and 1/12
KEYS = jax.random.split(jax.random.key(5), 400)


def correlation(**options):
    """Autocorrelation averaged over many fields, zero lag at index 0."""

    def one(key):
        spectrum = jnp.fft.rfftn(gaussian_random_field(GRID, key=key, **options))
        return jnp.fft.irfftn(jnp.abs(spectrum) ** 2, GRID.shape) / GRID.size

    return np.asarray(jax.jit(lambda keys: jnp.mean(jax.vmap(one)(keys), axis=0))(KEYS))


def lags():
    steps = [np.fft.fftfreq(n) * n * h for n, h in zip(GRID.shape, np.asarray(GRID.spacing), strict=True)]
    return np.meshgrid(*steps, indexing="ij")


def test_the_covariance_is_the_one_promised():
    length = 0.25
    x, y = lags()
    expected = np.exp(-(x**2 + y**2) / (2 * length**2))
    # the mean is removed in each field: about 2πℓ²/area = 2 % of the variance, and the scatter of 400 fields is 1 %
    np.testing.assert_allclose(correlation(correlation_length=length), expected, atol=0.05)


def test_anisotropy_is_turned_from_x_towards_y():
    length, stretch, angle = 0.15, np.array([3.0, 1.0]), 0.5
    x, y = lags()
    along, across = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    expected = np.exp(-((along / stretch[0]) ** 2 + across**2) / (2 * length**2))
    found = correlation(correlation_length=length, anisotropy=stretch, rotation=angle)
    np.testing.assert_allclose(found, expected, atol=0.07)
    mirrored = correlation(correlation_length=length, anisotropy=stretch, rotation=-angle)
    assert np.abs(mirrored - expected).max() > 0.3


def test_a_band_has_its_wavelength():
    field = gaussian_random_field(GRID, key=KEYS[0], correlation_length=0.6, spectrum="band", bandwidth=0.05)
    power = np.abs(np.fft.fftn(field)) ** 2
    kx, ky = (np.fft.fftfreq(n, 1 / n) / length for n, length in zip(GRID.shape, (6.0, 3.0), strict=True))
    wave = np.hypot(kx[:, None], ky[None])
    assert abs((power * wave).sum() / power.sum() * 0.6 - 1) < 0.05
    assert power[np.abs(wave * 0.6 - 1) > 0.4].sum() < 1e-3 * power.sum()


def test_a_power_law_decays_as_asked():
    def one(key):
        return jnp.abs(jnp.fft.fftn(gaussian_random_field(GRID, key=key, correlation_length=3.0, spectrum="power", exponent=5.0))) ** 2

    power = np.asarray(jax.vmap(one)(KEYS[:100]).mean(axis=0))
    square = (2 * np.pi * np.fft.fftfreq(48, 1 / 48) * 3.0 / 6.0) ** 2
    slope = np.polyfit(np.log(1 + square[1:20]), np.log(power[1:20, 0]), 1)[0]
    assert abs(slope + 2.5) < 0.1


@pytest.mark.parametrize("spectrum", ["gaussian", "band", "power"])
@pytest.mark.parametrize("shape", [(12, 9), (7, 6, 5)])
def test_mean_zero_and_expected_variance_one(spectrum, shape):
    grid = Grid(shape)
    fields = jax.jit(jax.vmap(lambda key: gaussian_random_field(grid, key=key, correlation_length=3.0, spectrum=spectrum)))(KEYS)
    axes = tuple(range(1, fields.ndim))
    np.testing.assert_allclose(fields.mean(axis=axes), 0, atol=1e-13)
    assert abs(float(jnp.mean(fields**2)) - 1) < 0.1


def test_three_dimensions_turn_with_a_quaternion():
    grid = Grid((12, 12, 12))
    quarter = np.sqrt([0.5, 0, 0, 0.5])  # takes the sample's y axis to the principal axis 0
    long_in_y = gaussian_random_field(grid, key=KEYS[0], correlation_length=1.0, anisotropy=(3.0, 1.0, 1.0), rotation=quarter)
    direct = gaussian_random_field(grid, key=KEYS[0], correlation_length=1.0, anisotropy=(1.0, 3.0, 1.0))
    np.testing.assert_allclose(long_in_y, direct, atol=1e-12)


@pytest.mark.parametrize("spectrum", ["gaussian", "band", "power"])
def test_derivatives_agree_with_differences(spectrum):
    def value(p):
        grid = Grid((10, 9), lengths=p[:2])
        field = gaussian_random_field(
            grid,
            key=KEYS[1],
            correlation_length=p[2],
            anisotropy=p[3:5],
            rotation=p[5],
            spectrum=spectrum,
            bandwidth=p[6],
            exponent=p[7],
        )
        return jnp.sum(field**3)

    p = jnp.array([2.0, 1.7, 0.4, 1.5, 0.8, 0.3, 0.4, 4.5])
    direction = jax.random.normal(KEYS[2], p.shape) * p
    gradient, forward = jax.jit(lambda p: (jax.grad(value)(p), jax.jvp(value, (p,), (direction,))[1]))(p)
    call, step = jax.jit(value), 1e-5
    expected = (call(p + step * direction) - call(p - step * direction)) / (2 * step)
    np.testing.assert_allclose([jnp.vdot(gradient, direction), forward], [expected] * 2, rtol=1e-6)


def test_single_precision_and_long_lengths_stay_finite():
    grid = Grid((16, 16), jnp.array([1.0, 1.0], jnp.float32))
    field = gaussian_random_field(grid, key=KEYS[0], correlation_length=5.0)  # five times the cell: only the longest waves are left
    assert field.dtype == jnp.float32
    assert 0.05 < float(jnp.std(field)) < 4


def test_keys_decide_and_bad_input_is_named(as_user):
    one = gaussian_random_field(GRID, key=KEYS[0])
    np.testing.assert_array_equal(one, gaussian_random_field(GRID, key=KEYS[0]))
    assert not np.allclose(one, gaussian_random_field(GRID, key=KEYS[1]))
    with pytest.raises(TypeError, match="typed key"):
        gaussian_random_field(GRID, key=jax.random.PRNGKey(0))
    with pytest.raises(ValueError, match=r"`correlation_length` must be positive and finite, but it is -1"):
        gaussian_random_field(GRID, key=KEYS[0], correlation_length=-1.0)
    with pytest.raises(ValueError, match=r"`anisotropy` must have shape \(2,\), but its shape is \(3,\)"):
        gaussian_random_field(GRID, key=KEYS[0], anisotropy=(1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match=r"Did you mean 'gaussian'"):
        gaussian_random_field(GRID, key=KEYS[0], spectrum="gausian")
    with pytest.raises(ValueError, match="In 2D it is one angle"):
        gaussian_random_field(GRID, key=KEYS[0], rotation=(1.0, 0, 0, 0))
