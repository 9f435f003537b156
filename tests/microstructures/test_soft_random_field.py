"""Random phases with smooth interfaces: exact means, their sharp limit, derivatives in every parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import random_field, soft_random_field

KEY = jax.random.key(4)
GRID = Grid((15, 14), (3.0, 2.0))


@pytest.mark.parametrize("arrangement", ["levels", "independent"])
@pytest.mark.parametrize("shape", [(15, 14), pytest.param((7, 6, 9), marks=pytest.mark.slow)])
def test_means_are_exact_for_any_number_of_phases(arrangement, shape):
    shares = (0.1, 0.35, 0.3, 0.05, 0.2)
    ms = soft_random_field(Grid(shape), shares, 3.0, key=KEY, arrangement=arrangement, phases=tuple("abcde"))
    np.testing.assert_allclose(ms.volume_fractions, shares, atol=1e-14)
    assert ms.asked == {"volume_fractions": shares}
    assert float(ms.fractions.min()) > -1e-12


@pytest.mark.parametrize("arrangement", ["levels", "independent"])
def test_its_sharp_limit_is_the_random_field(arrangement):
    shares = np.array([63, 84, 63]) / 210
    options = {"correlation_length": 0.4, "anisotropy": (1.5, 1.0), "rotation": 0.3, "arrangement": arrangement}
    sharp = random_field(GRID, shares, key=KEY, **options)
    soft = soft_random_field(GRID, shares, key=KEY, width=1e-9, **options)
    np.testing.assert_allclose(soft.fractions, sharp.fractions, atol=1e-6)


def test_the_width_is_that_of_the_interfaces():
    """The mean of |∇φ| over the interface's area is one over the width, on average over slopes: φ(1 − φ) integrates to width/4 per area."""
    grid = Grid((160, 120), (40.0, 30.0))
    widths = []
    for key in jax.random.split(KEY, 3):
        phi = np.asarray(soft_random_field(grid, key=key, correlation_length=2.0, width=0.5).fractions[1])
        line = np.abs(np.diff(phi, axis=0, append=phi[:1])).mean() * 160 / 40 * np.pi / 2  # Cauchy's formula
        widths.append(4 * (phi * (1 - phi)).mean() / line)
    # the width is divided by the mean square slope, the area weighs with 1/slope: (√(π/2) / √2)² = 1.13 … 1.27 of it
    assert 0.5 < np.mean(widths) < 0.5 * 1.35


@pytest.mark.parametrize("arrangement", ["levels", pytest.param("independent", marks=pytest.mark.slow)])
def test_derivatives_in_every_parameter_agree_with_differences(arrangement):
    def value(p):
        grid = Grid((10, 9), lengths=p[:2])
        options = {"spectrum": "band", "bandwidth": p[6], "arrangement": arrangement}
        shares = jnp.stack([p[8], p[9], 1 - p[8] - p[9]])
        ms = soft_random_field(grid, shares, p[2], p[3:5], key=KEY, rotation=p[5], width=p[7], **options)
        return jnp.sum(ms.fractions**2 * jnp.cos(jnp.arange(90.0)).reshape(10, 9)) + jnp.sum(ms.fractions[1, :3, :4])

    p = jnp.array([2.0, 1.7, 0.7, 1.5, 0.8, 0.3, 0.4, 0.6, 0.3, 0.25])
    directions = jax.random.normal(KEY, (3, p.size)) * p / 3
    gradient = jax.jit(jax.grad(value))(p)
    forward = jax.jit(lambda d: jax.jvp(value, (p,), (d,))[1])(directions[0])
    call, step = jax.jit(value), 1e-5
    expected = [(call(p + step * d) - call(p - step * d)) / (2 * step) for d in directions]
    np.testing.assert_allclose(directions @ gradient, expected, rtol=1e-6)
    np.testing.assert_allclose(forward, expected[0], rtol=1e-6)


def test_single_precision_under_jit_and_vmap():
    grid = Grid((12, 10), jnp.array([6.0, 5.0], jnp.float32))
    draw = jax.jit(jax.vmap(lambda key, v: soft_random_field(grid, volume_fraction=v, key=key, correlation_length=1.5).fractions))
    shares = jnp.array([0.1, 0.6], jnp.float32)
    batch = draw(jax.random.split(KEY, 2), shares)
    assert batch.dtype == jnp.float32
    np.testing.assert_allclose(batch[:, 1].mean(axis=(1, 2)), shares, atol=1e-6)


def test_bad_input_is_named_and_nan_under_jit(as_user):
    with pytest.raises(ValueError, match=r"`width` must be positive and finite, but it is -1"):
        soft_random_field(GRID, key=KEY, width=-1.0)
    with pytest.raises(ValueError, match=r"one entry per fraction, but there are 1"):
        soft_random_field(GRID, key=KEY, phases=("a",))
    with pytest.raises(ValueError, match=r"`volume_fraction` must lie in \[0, 1\], but it is 1.2"):
        soft_random_field(GRID, key=KEY, volume_fraction=1.2)
    assert np.isnan(jax.jit(lambda v: soft_random_field(GRID, key=KEY, volume_fraction=v).fractions)(1.2)).any()
