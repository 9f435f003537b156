"""Cahn–Hilliard: mass, energy, early growth, equilibrium, coarsening, derivatives, and steps that fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro import SolveError
from jaxmicro.fields import Grid
from jaxmicro.microstructures import cahn_hilliard, spinodal_decomposition

KEY = jax.random.key(3)
ROUNDING = 1e-13


def noisy(shape, mean=0.45, size=0.05):
    return mean + size * jax.random.normal(KEY, shape)


@pytest.mark.parametrize("time_step", [1.0, 50.0, 1e4])
def test_energy_falls_and_mass_stays_however_long_the_step(time_step):
    start = noisy((24, 21))
    run = cahn_hilliard(start, Grid((24, 21), (24.0, 18.0)), time_step=time_step, steps=60, gradient_energy=2.0)
    assert float(jnp.diff(run.energies).max()) <= 0
    assert abs(float(run.composition.mean() - start.mean())) < ROUNDING
    np.testing.assert_allclose(run.times, time_step * np.arange(61))


@pytest.mark.parametrize("law", ["constant", "degenerate"])
@pytest.mark.parametrize(
    ("shape", "mode"), [((15, 12), (1, 1)), pytest.param((16, 10), (3, 0), marks=pytest.mark.slow), ((9, 12, 8), (1, 1, 1))]
)
def test_small_waves_grow_as_linear_theory_says(law, shape, mode):
    lengths = np.array([15.0, 18.0, 12.0])[: len(shape)]
    grid = Grid(shape, tuple(lengths))
    kappa, barrier, mobility, mean, time_step = 2.2, 1.3, 0.7, 0.42, 1e-3
    wave = 2 * np.pi * np.array(mode) / lengths
    start = mean + 1e-6 * jnp.cos(jnp.einsum("i,i...->...", wave, grid.centres()))
    options = {"gradient_energy": kappa, "barrier": barrier, "mobility": mobility, "mobility_law": law}
    run = cahn_hilliard(start, grid, time_step=time_step, steps=50, **options)
    rate = np.log(np.ptp(run.composition) / np.ptp(start)) / (50 * time_step)
    square = float(wave @ wave)
    local = mobility * (4 * mean * (1 - mean) if law == "degenerate" else 1)
    expected = -local * square * (2 * barrier * (1 - 6 * mean + 6 * mean**2) + kappa * square)
    # first order in time: what is damped, and half of the square of the growth in one step
    error = mobility * square * (2 * barrier + kappa * square) * time_step + abs(expected) * time_step
    assert abs(rate / expected - 1) < error
    assert error < 0.01


def test_the_interface_is_the_closed_form():
    grid, kappa, barrier = Grid((64, 2)), 8.0, 1.5
    x = np.asarray(grid.centres()[0])
    start = jnp.asarray(np.where(np.abs(x - 32) < 16, 0.95, 0.05))
    run = cahn_hilliard(start, grid, time_step=10.0, steps=1500, gradient_energy=kappa, barrier=barrier)
    c = np.asarray(run.composition[:, 0])
    inside = slice(8, 25)
    scale = np.sqrt(2 * barrier / kappa)
    place = np.mean(x[inside, 0] - np.log(c[inside] / (1 - c[inside])) / scale)
    expected = 1 / (1 + np.exp(-scale * (x[inside, 0] - place)))
    np.testing.assert_allclose(c[inside], expected, atol=1e-3)
    # two interfaces of energy √(2 κ W) / 6 each, over the length of the cell
    assert abs(float(run.energies[-1]) / (2 * np.sqrt(2 * kappa * barrier) / 6 / 64) - 1) < 0.01


def test_snapshots_are_on_the_way():
    start, options = noisy((12, 10)), {"time_step": 1.0, "gradient_energy": 2.0}
    grid = Grid((12, 10))
    run = cahn_hilliard(start, grid, steps=12, snapshots=3, **options)
    first = cahn_hilliard(start, grid, steps=4, **options)
    np.testing.assert_allclose(run.snapshots[0], first.composition, atol=ROUNDING)
    np.testing.assert_allclose(run.snapshots[-1], run.composition, atol=0)
    np.testing.assert_allclose(run.energies[:5], first.energies, rtol=1e-12)


def test_unstable_steps_are_errors_outside_and_nan_inside_of_jit():
    start, grid = noisy((24, 20)), Grid((24, 20))
    options = {"time_step": 50.0, "steps": 30, "gradient_energy": 2.0, "stabilization": 0.0}
    with pytest.raises(SolveError, match=r"unstable: in step \d+ of 30 the energy went from .* Take a smaller `time_step` than 50"):
        cahn_hilliard(start, grid, **options)
    assert np.isnan(jax.jit(lambda c: cahn_hilliard(c, grid, **options).composition)(start)).all()
    kept = cahn_hilliard(start, grid, throw=False, **options)
    assert float(jnp.nanmax(jnp.diff(kept.energies))) > 0


def test_the_microstructure_holds_the_mean_and_the_phases():
    grid = Grid((32, 24), (16.0, 12.0))
    ms = spinodal_decomposition(grid, 0.4, key=KEY, steps=150)
    c = ms.maps["composition"]
    assert abs(float(c.mean()) - 0.4) < ROUNDING
    np.testing.assert_allclose(ms.fractions[1], np.clip(c, 0, 1))
    assert float(c.min()) < 0.05  # it has separated
    assert float(c.max()) > 0.95
    assert abs(float(ms.volume_fractions[1]) - 0.4) < 0.005
    same = spinodal_decomposition(grid, 0.4, key=KEY, steps=150)
    np.testing.assert_array_equal(same.fractions, ms.fractions)
    outside = spinodal_decomposition(grid, 0.1, key=KEY, steps=150)  # stable: the noise dies
    assert float(jnp.ptp(outside.maps["composition"])) < 0.01


def test_derivatives_agree_with_differences():
    def value(p):
        grid = Grid((10, 9), lengths=p[:2])
        options = {"gradient_energy": p[3], "barrier": p[4], "mobility": p[5], "noise": p[6], "time": p[7], "steps": 11}
        ms = spinodal_decomposition(grid, p[2], key=KEY, **options)
        return jnp.sum(ms.maps["composition"] ** 2 * jnp.cos(jnp.arange(90.0)).reshape(10, 9))

    p = jnp.array([10.0, 11.0, 0.45, 2.0, 1.1, 0.9, 0.1, 15.0])
    direction = jax.random.normal(KEY, p.shape) * p / 10
    gradient, forward = jax.jit(lambda p: (jax.grad(value)(p), jax.jvp(value, (p,), (direction,))[1]))(p)
    call, step = jax.jit(value), 1e-5
    expected = (call(p + step * direction) - call(p - step * direction)) / (2 * step)
    np.testing.assert_allclose([gradient @ direction, forward], [expected] * 2, rtol=1e-6)
    assert np.abs(np.asarray(gradient)).min() > 0


def test_single_precision_and_bad_input(as_user):
    single = Grid((16, 16), jnp.array([16.0, 16.0], jnp.float32))
    ms = spinodal_decomposition(single, 0.5, key=KEY, steps=120)
    assert ms.fractions.dtype == jnp.float32
    assert abs(float(ms.maps["composition"].mean()) - 0.5) < 1e-5
    for options, message in [
        ({"composition": 1.2}, "must lie between 0 and 1, but it is 1.2"),
        ({"interface_width": 4.0, "gradient_energy": 2.0}, "must not both be given"),
        ({"time": 1.0, "time_step": 2.0}, "must not both be given"),
        ({"interface_width": 1.0}, r"span at least two voxels, but √\(8 κ / W\) = 1 .* `gradient_energy` from 0.5"),
        ({"barrier": -1.0}, "`barrier` must be positive and finite, but it is -1"),
        ({"steps": 0}, "`steps` must be a whole number from 1 on, but it is 0"),
        ({"mobility_law": "degenerated"}, "Did you mean 'degenerate'"),
    ]:
        with pytest.raises(ValueError, match=message):
            spinodal_decomposition(Grid((8, 8)), **({"key": KEY} | options))
    with pytest.raises(ValueError, match="`snapshots` must divide `steps`, but they are 3 and 10"):
        cahn_hilliard(noisy((8, 8)), Grid((8, 8)), time_step=1.0, steps=10, gradient_energy=2.0, snapshots=3)


@pytest.mark.slow
def test_domains_coarsen_with_the_cube_root_of_time():
    """Lifshitz–Slyozov: the length grows as t^(1/3); the energy, of interfaces, falls as its inverse."""
    grid = Grid((192, 192))
    run = cahn_hilliard(noisy((192, 192), 0.5, 0.02), grid, time_step=2.0, steps=6000, gradient_energy=2.0)
    times, energies = np.asarray(run.times), np.asarray(run.energies)
    late = slice(600, None, 100)
    slope = np.polyfit(np.log(times[late]), np.log(energies[late]), 1)[0]
    assert -0.40 < slope < -0.24
