"""Two-point correlations in windows, with masks and of all phases; averages over directions; the integral scale."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.descriptors import correlation_length, correlation_matrix, radial_average, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, random_field

KEY = jax.random.key(8)


def signed(size):
    return np.rint(np.fft.fftfreq(size, 1 / size)).astype(int)


def by_pairs(first, second, measured, wraps):
    """Mean of products over all pairs of measured voxels, pair by pair."""
    shape = first.shape
    lags = [signed(n if wrap else 2 * n - 1) for n, wrap in zip(shape, wraps, strict=True)]
    sums, pairs = np.zeros([len(each) for each in lags]), np.zeros([len(each) for each in lags])
    for place in np.ndindex(*sums.shape):
        for x in itertools.product(*map(range, shape)):
            y = [a + lag[i] for a, lag, i in zip(x, lags, place, strict=True)]
            y = tuple(a % n if wrap else a for a, n, wrap in zip(y, shape, wraps, strict=True))
            if all(0 <= a < n for a, n in zip(y, shape, strict=True)) and measured[x] and measured[y]:
                sums[place] += first[x] * second[y]
                pairs[place] += 1
    return np.where(pairs > 0, sums / np.maximum(pairs, 1), np.nan)


@pytest.mark.parametrize(("shape", "wraps"), [((5, 6), (False, False)), ((4, 3, 3), (False, True, False)), ((5, 6), (True, True))])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_mean_over_measured_pairs(shape, wraps, masked):
    keys = jax.random.split(KEY, 3)
    first, second = (np.asarray(jax.random.uniform(key, shape)) for key in keys[:2])
    measured = np.asarray(jax.random.uniform(keys[2], shape) < 0.4) if masked else np.ones(shape, bool)
    dirty = np.where(measured, first, np.nan)  # what was not measured has no say
    found = two_point_correlation(dirty, second, periodic=wraps, mask=measured if masked else None)
    expected = by_pairs(first, second, measured, wraps)
    assert masked or not np.isnan(expected).any()
    assert not masked or any(wraps) or np.isnan(expected).any()
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_a_window_is_not_biased_and_its_neighbours_do_not_matter():
    """The mean of many windows of a cell is the correlation of the cell, at every lag, though they are not periodic."""
    cell = np.asarray(random_field(Grid((12, 10)), volume_fraction=0.4, key=KEY, correlation_length=1.5).labels, float)
    truth = np.asarray(two_point_correlation(cell))
    windows = np.stack([np.roll(cell, (a, b), (0, 1))[:5, :4] for a in range(12) for b in range(10)])
    found = np.asarray(jax.vmap(lambda each: two_point_correlation(each, periodic=False))(windows)).mean(axis=0)
    np.testing.assert_allclose(found, truth[np.ix_(signed(9), signed(7))], atol=1e-14)


@pytest.mark.parametrize("periodic", [True, False])
def test_all_phases_obey_their_identities(periodic):
    ms = random_field(Grid((9, 8)), (0.2, 0.3, 0.5), key=KEY)
    found = np.asarray(correlation_matrix(ms, periodic=periodic))
    for i, j in itertools.product(range(3), repeat=2):
        expected = two_point_correlation(ms.fractions[i], ms.fractions[j], periodic=periodic)
        np.testing.assert_allclose(found[i, j], expected, atol=1e-14)
        backwards = found[i, j][np.ix_(*(-np.arange(n) % n for n in found.shape[2:]))]
        np.testing.assert_allclose(found[j, i], backwards, atol=1e-14)
    np.testing.assert_allclose(found.sum(axis=(0, 1)), 1.0, rtol=1e-13)
    if periodic:
        phi = np.asarray(ms.volume_fractions)
        np.testing.assert_allclose(found.sum(axis=1), np.broadcast_to(phi[:, None, None], (3, 9, 8)), rtol=1e-12)
        np.testing.assert_allclose(found.mean(axis=(2, 3)), np.outer(phi, phi), atol=1e-15)


def test_all_phases_of_a_masked_map():
    labels = np.asarray(jax.random.randint(KEY, (6, 7), 0, 2))
    mask = np.ones((6, 7), bool)
    mask[2:4, 3] = False
    found = correlation_matrix(Microstructure(labels=labels, mask=mask), periodic=(True, False))
    expected = two_point_correlation(labels == 0, labels == 1, periodic=(True, False), mask=mask)
    np.testing.assert_allclose(found[0, 1], expected, atol=1e-14)


def test_radial_average_of_windows_and_several_fields():
    grid = Grid((20, 12), (4.0, 3.0))
    x, y = signed(39) * 0.2, signed(23) * 0.25
    length = np.sqrt(x[:, None] ** 2 + y[None] ** 2)
    fields = np.stack([length**2, np.exp(-length), np.cos(length)])
    fields[1, 3:5, 2] = np.nan
    distance, value = radial_average(fields[:, None], grid, bins=6)
    shell = np.floor(length / (1.5 / 6) + 0.5).astype(int)
    np.testing.assert_allclose(distance, [length[shell == k].mean() for k in range(6)], rtol=1e-13)
    expected = [[np.nanmean(field[shell == k]) for k in range(6)] for field in fields]
    np.testing.assert_allclose(value, np.array(expected)[:, None], rtol=1e-12)
    traced = jax.jit(lambda f, lengths: radial_average(f, Grid((20, 12), lengths), bins=6)[1])(fields[:, None], grid.lengths)
    np.testing.assert_allclose(traced, value, rtol=1e-12)


def test_radial_average_keeps_its_digits_in_single_precision():
    """Shells of thousands of lags: a plain sum in single precision is off by more than 1e-5."""
    field = 1000 + np.asarray(jax.random.uniform(KEY, (256, 256)))
    exact = radial_average(field, Grid((256, 256)))[1]
    single = radial_average(field.astype(np.float32), Grid((256, 256)))[1]
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, exact, rtol=1.5e-7)


@pytest.mark.parametrize(("shape", "lengths"), [((400, 40), (40.0, 8.0)), ((80, 60, 4), (8.0, 6.0, 1.0))])
@pytest.mark.parametrize("periodic", [True, False])
def test_integral_scale_of_an_exponential(shape, lengths, periodic):
    """S = φ² + φ (1 − φ) exp(−|x|/a) along axis 0 only: ℓ = a up to the step and the first zero."""
    phi, a = 0.3, 0.7
    size = shape[0] if periodic else 2 * shape[0] - 1
    x = np.abs(signed(size)) * lengths[0] / shape[0]
    field = phi**2 + phi * (1 - phi) * np.exp(-x / a)
    lags = [size, *(n if periodic else 2 * n - 1 for n in shape[1:])]
    field = np.broadcast_to(field.reshape([-1] + [1] * (len(shape) - 1)), lags)
    # The mean over all lags is what the far value is measured by: of this field it is 2 a/L (1 − φ) φ above φ².
    weights = np.ones(size) if periodic else shape[0] - np.abs(signed(size))
    offset = np.average(np.exp(-x / a), weights=weights)
    zero = -a * np.log(offset)
    expected = (a * (1 - np.exp(-zero / a)) - offset * zero) / (1 - offset)
    found = correlation_length(field, Grid(shape, lengths), axis=0)
    error = lengths[0] ** 2 / shape[0] ** 2 / (12 * a) / (1 - offset)  # of the trapezoidal rule
    assert 0.5 * error < found - expected < 1.1 * error


def test_integral_scale_over_all_directions_and_of_a_constant():
    grid = Grid((48, 40), (12.0, 10.0))
    x, y = signed(48) * 0.25, signed(40) * 0.25
    field = np.exp(-(x[:, None] ** 2 + y[None] ** 2) / 2)
    offset = field.mean()
    zero = np.sqrt(-2 * np.log(offset))
    r = np.linspace(0, zero, 100_001)
    expected = np.trapezoid(np.exp(-(r**2) / 2) - offset, r) / (1 - offset)
    np.testing.assert_allclose(correlation_length(field, grid), expected, rtol=0.01)
    assert np.isnan(correlation_length(np.ones((48, 40)), grid))
    both = correlation_length(np.stack([field, field**4]), grid, axis=-1)
    assert both.shape == (2,)
    np.testing.assert_allclose(both[1] / both[0], 0.5, rtol=0.2)


def test_derivatives_in_both_modes():
    keys = jax.random.split(KEY, 3)
    first, weights = jax.random.uniform(keys[0], (5, 4)), jax.random.normal(keys[1], (9, 7))
    mask = np.ones((5, 4), bool)
    mask[1, 2] = mask[4, 0] = False
    masked = jax.jit(lambda f: jnp.nansum(weights * two_point_correlation(f, f**2, periodic=False, mask=mask)))
    check_grads(masked, (first,), order=1)
    logits, grid = jax.random.normal(keys[2], (2, 6, 5)), Grid((6, 5))

    @jax.jit
    def scale(f, lengths):
        matrix = correlation_matrix(Microstructure(grid=grid, fractions=jax.nn.softmax(f, axis=0)))
        return jnp.sum(correlation_length(matrix, Grid((6, 5), lengths), axis=0)) + radial_average(matrix, grid)[1].sum()

    check_grads(scale, (logits, jnp.array([6.0, 5.0])), order=1)


def test_single_precision_under_jit_and_vmap():
    batch = jax.random.uniform(KEY, (3, 9, 8))
    mask = np.arange(72).reshape(9, 8) % 5 > 0
    call = jax.jit(jax.vmap(lambda f, m: two_point_correlation(f, periodic=False, mask=m), (0, None)))
    exact = call(batch, mask)
    np.testing.assert_allclose(exact[1], two_point_correlation(batch[1], periodic=False, mask=mask), rtol=1e-12)
    single = call(batch.astype(jnp.float32), mask)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, exact, atol=2e-5)
    assert two_point_correlation(batch[0] > 0.5, batch[1].astype(jnp.float32)).dtype == jnp.float64  # truth values take the default


def test_bad_input_is_named(as_user):
    field = np.ones((4, 4))
    with pytest.raises(ValueError, match=r"`periodic` must be one flag or 2, but it is \(True, False, True\)"):
        two_point_correlation(field, periodic=(True, False, True))
    with pytest.raises(ValueError, match=r"`periodic` must be one flag or 2, but it is 'mirror'"):
        two_point_correlation(field, periodic="mirror")
    with pytest.raises(ValueError, match=r"`mask` must have shape \(4, 4\), but its shape is \(4,\)"):
        two_point_correlation(field, mask=np.ones(4, bool))
    with pytest.raises(ValueError, match=r"`mask` must hold truth values, 0 or 1, but it holds \[2"):
        two_point_correlation(field, mask=2 * field)
    with pytest.raises(ValueError, match=r"`indicator` must be finite, but 1 of its 16 entries are not \(the first at index \(1, 2\)"):
        two_point_correlation(np.where(np.arange(16).reshape(4, 4) == 6, np.nan, 1.0))
    with pytest.raises(ValueError, match=r"`correlation` must have shape \(4, 4\) of a periodic cell or \(7, 7\) of a window"):
        radial_average(np.ones((8, 8)), Grid((4, 4)))
    with pytest.raises(ValueError, match="`bins` must be a whole number from 1 on, but it is 0"):
        radial_average(field, Grid((4, 4)), bins=0)
    with pytest.raises(ValueError, match="`axis` must be below the number of axes, 2, but it is 2"):
        correlation_length(field, Grid((4, 4)), axis=2)
    assert np.isnan(two_point_correlation(field, mask=np.zeros((4, 4)))).all()
