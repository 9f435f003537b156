"""Smooth cuts: exact means, their sharp limit, and derivatives that need no loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import soft_levels
from jaxmicro.microstructures.level_cut import typical_slope

ROUNDING = 1e-14
FIELD = jax.random.normal(jax.random.key(1), (12, 9)) * 3 + 100  # off centre: rounding of the level shows
SHARES = jnp.array([0.13, 0.4, 0.0, 0.47])


@pytest.mark.parametrize("width", [1e-3, 0.3, 5.0, 1e3])
def test_means_are_exact_at_every_width(width):
    phases = soft_levels(FIELD, SHARES, width)
    # a level is told to an ulp of the field, over the width: 100 ulp / width, where few voxels are cut
    np.testing.assert_allclose(phases.mean(axis=(1, 2)), SHARES, atol=ROUNDING * (1 + 10 / width))
    assert float(phases.min()) >= -ROUNDING
    np.testing.assert_allclose(phases.sum(axis=0), 1, atol=ROUNDING)


def test_the_sharp_limit_is_the_sorted_field():
    phases = soft_levels(FIELD, (0.25, 0.75), 1e-4)
    lowest = np.argsort(np.asarray(FIELD).ravel())[: FIELD.size // 4]
    expected = np.zeros(FIELD.size)
    expected[lowest] = 1
    np.testing.assert_allclose(phases[0].ravel(), expected, atol=1e-9)


def test_the_profile_is_the_logistic_promised():
    z = jnp.linspace(-3, 3, 401)
    lower = soft_levels(z, (0.5, 0.5), 0.8)[0]
    np.testing.assert_allclose(lower, 1 / (1 + np.exp(4 * np.asarray(z) / 0.8)), atol=1e-10)
    assert abs(float((lower[201] - lower[199]) / (z[201] - z[199])) + 1 / 0.8) < 1e-3


def test_derivatives_in_field_fractions_and_width():
    def value(p):
        phases = soft_levels(p[:20].reshape(5, 4), jnp.array([p[20], p[21], 1 - p[20] - p[21]]), p[22])
        return jnp.sum(phases * jnp.cos(jnp.arange(60.0)).reshape(3, 5, 4))

    p = jnp.concatenate([jax.random.normal(jax.random.key(2), (20,)), jnp.array([0.3, 0.2, 0.8])])
    direction = jax.random.normal(jax.random.key(3), p.shape) * jnp.append(jnp.ones(20), jnp.array([0.05, 0.05, 0.2]))
    gradient = jax.grad(value)
    call = jax.jit(lambda p: (gradient(p), jax.jvp(value, (p,), (direction,))[1], value(p), jax.jvp(gradient, (p,), (direction,))[1]))
    step, (reverse, forward, _, curvature) = 1e-5, call(p)
    above, below = call(p + step * direction), call(p - step * direction)
    expected = (above[2] - below[2]) / (2 * step)
    np.testing.assert_allclose([reverse @ direction, forward], [expected] * 2, rtol=1e-6)
    np.testing.assert_allclose(curvature, (above[0] - below[0]) / (2 * step), rtol=1e-5, atol=1e-6)


def test_derivatives_of_a_mean_are_what_was_asked_however_sharp():
    def mean(shares, width):
        return soft_levels(FIELD, jnp.array([shares, 1 - shares]), width)[0].mean()

    for width in (1e-9, 0.1, 10.0):  # at the first every slope underflows
        gradient = jax.grad(mean, argnums=(0, 1))(0.37, width)
        np.testing.assert_allclose(gradient, (1.0, 0.0), atol=1e-10)


def test_single_precision_and_batches():
    single = jnp.asarray(FIELD - 100, jnp.float32)
    phases = soft_levels(single, jnp.asarray(SHARES, jnp.float32), jnp.float32(0.2))
    assert phases.dtype == jnp.float32
    np.testing.assert_allclose(phases.mean(axis=(1, 2)), SHARES, atol=1e-6)
    widths = jnp.array([0.1, 1.0])
    batch = jax.jit(jax.vmap(lambda w: soft_levels(FIELD, SHARES, w)))(widths)
    np.testing.assert_allclose(batch[1], soft_levels(FIELD, SHARES, 1.0), atol=1e-12)


def test_the_slope_is_that_of_a_wave_on_any_cell():
    grid = Grid((9, 8), (3.0, 5.0))
    x, y = grid.centres()
    wave = jnp.cos(2 * jnp.pi * (2 * x / 3.0 + y / 5.0))
    expected = 2 * np.pi * np.hypot(2 / 3.0, 1 / 5.0) / np.sqrt(2)
    np.testing.assert_allclose(typical_slope(wave, grid), expected, rtol=1e-12)


def test_bad_input_is_named_and_traced_bad_input_is_nan(as_user):
    with pytest.raises(ValueError, match=r"non-negative and sum to 1, but they are \[0.5, 0.4"):
        soft_levels(FIELD, (0.5, 0.4), 0.1)
    with pytest.raises(ValueError, match=r"`width` must be positive and finite, but it is 0"):
        soft_levels(FIELD, (0.5, 0.5), 0.0)
    with pytest.raises(ValueError, match=r"`field` must be finite, but 1 of its 2"):
        soft_levels(jnp.array([0.0, jnp.nan]), (0.5, 0.5), 0.1)
    traced = jax.jit(soft_levels)
    assert np.isnan(traced(FIELD, jnp.array([0.5, 0.4]), 0.1)).all()
    assert np.isnan(traced(FIELD, jnp.array([0.5, 0.5]), -0.1)).all()
    assert np.isnan(traced(FIELD.at[0, 0].set(jnp.nan), jnp.array([0.5, 0.5]), 0.1)).all()
