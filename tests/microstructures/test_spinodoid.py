"""Spinodoids: waves of one length in cones, exact fractions, derivatives in every parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import spinodoid

KEY = jax.random.key(6)
GRID = Grid((30, 27), (10.0, 8.0))


def power(ms, grid):
    """Power of the solid by wave vector, over the full spectrum."""
    indicator = np.asarray(ms.fractions[1])
    found = np.abs(np.fft.fftn(indicator - indicator.mean())) ** 2
    waves = np.meshgrid(
        *[np.fft.fftfreq(n, 1 / n) / length for n, length in zip(grid.shape, np.asarray(grid.lengths), strict=True)], indexing="ij"
    )
    return found / found.sum(), np.stack(waves)


@pytest.mark.parametrize(
    ("cones", "open_axes"),
    [((30.0, 0.0, 0.0), [0]), ((0.0, 25.0, 25.0), [1, 2]), ((90.0, 0.0, 0.0), [0, 1, 2])],
)
def test_waves_have_the_length_and_lie_in_the_cones(cones, open_axes):
    grid = Grid((24, 25, 20), (24.0, 25.0, 22.0))
    ms = spinodoid(grid, 0.5, 6.0, key=KEY, cones=cones, width=6.0)  # a wide interface leaves the waves nearly alone
    found, waves = power(ms, grid)
    size = np.linalg.norm(waves, axis=0)
    size[0, 0, 0] = 1
    near = np.abs(size * 6.0 - 1) < 0.3
    assert found[near].sum() > 0.95
    nearest = np.degrees(np.arccos(np.clip(np.abs(waves) / size, 0, 1)))
    inside = np.min(nearest[open_axes], axis=0) < max(cones) + 3 if max(cones) < 90 else near
    assert found[near & inside].sum() > 0.93
    if len(open_axes) == 3:  # ninety degrees about one axis are all directions
        share = [found[near & (nearest.argmin(axis=0) == axis)].sum() for axis in range(3)]
        assert min(share) > 0.15


@pytest.mark.parametrize(
    ("grid", "bandwidth"),
    [(Grid((24, 25, 26), (6.0, 6.25, 6.5)), 0.2), pytest.param(Grid((72, 66), (12.0, 11.0)), 0.1, marks=pytest.mark.slow)],
)
def test_the_wavelength_is_the_one_asked_for(grid, bandwidth):
    """There are modes ∝ k^(d − 1) near |k|: equal amplitudes would shift the mean by (d − 1) b², in 3D by 8 %."""
    # a wide interface: four voxels a wave hold no overtones
    drawn = [spinodoid(grid, 0.4, 1.0, key=key, bandwidth=bandwidth, width=0.5) for key in jax.random.split(KEY, 4)]
    found = [fidelity(ms).relative_deviation[2] for ms in drawn if "wavelength" in ms.asked]
    assert len(found) == 4
    assert abs(np.mean(found)) < 0.02
    assert np.abs(found).max() < 0.04
    few = spinodoid(grid, 0.4, float(grid.lengths[0]) / 3.5, key=KEY, cones=(9.0, *[0.0] * (grid.ndim - 1)))
    assert set(few.asked) == {"volume_fractions"}  # three waves or four, as chance will have it


def test_the_sharp_form_is_the_limit_and_exact_to_a_voxel():
    options = {"key": KEY, "cones": (35.0, 0.0), "rotation": 0.4}
    sharp = spinodoid(GRID, 0.37, 2.5, **options)
    assert abs(float(sharp.volume_fractions[1]) - 0.37) * GRID.size < 1
    soft = spinodoid(GRID, float(sharp.volume_fractions[1]), 2.5, width=1e-9, **options)
    np.testing.assert_allclose(soft.fractions[1], sharp.labels, atol=1e-6)
    np.testing.assert_array_equal(sharp.labels, spinodoid(GRID, 0.37, 2.5, **options).labels)
    soft = spinodoid(GRID, 0.37, 2.5, width=0.8, **options)
    np.testing.assert_allclose(soft.volume_fractions, [0.63, 0.37], atol=1e-14)


def test_derivatives_in_every_parameter_agree_with_differences():
    def value(p):
        grid = Grid((14, 13), lengths=p[:2])
        options = {"cones": p[4:6], "edge": p[6], "bandwidth": p[7], "rotation": p[8], "width": p[9]}
        ms = spinodoid(grid, p[2], p[3], key=KEY, **options)
        return jnp.sum(ms.fractions[1] ** 2 * jnp.cos(jnp.arange(182.0)).reshape(14, 13))

    p = jnp.array([10.0, 8.0, 0.4, 3.1, 40.0, 25.0, 12.0, 0.15, 0.2, 1.5])
    directions = jax.random.normal(KEY, (3, p.size)) * p / 10
    gradient = jax.jit(jax.grad(value))(p)
    call, step = jax.jit(value), 1e-5
    expected = [(call(p + step * d) - call(p - step * d)) / (2 * step) for d in directions]
    np.testing.assert_allclose(directions @ gradient, expected, rtol=1e-5)
    assert np.abs(np.asarray(gradient)).min() > 0  # none is left out
    assert np.isnan(call(p.at[3].set(100.0)))


def test_cells_without_a_mode_and_bad_input_are_named(as_user):
    with pytest.raises(ValueError, match=r"none has the wavelength 30 within cones of \[90.0, 90.0\] degrees: the cell is \[0.33, 0.27\]"):
        spinodoid(GRID, 0.5, 30.0, key=KEY)
    with pytest.raises(ValueError, match=r"none has the wavelength 5\.7 within cones"):
        spinodoid(Grid((16, 16)), 0.5, 5.7, key=KEY, cones=(2.0, 0.0), edge=1.0, bandwidth=0.01)
    with pytest.raises(ValueError, match=r"half angles of 0 … 90 degrees, one at least above 0, but they are \[0.0, 0.0\]"):
        spinodoid(GRID, 0.5, 2.5, key=KEY, cones=(0.0, 0.0))
    with pytest.raises(ValueError, match=r"`cones` must have shape \(2,\)"):
        spinodoid(GRID, 0.5, 2.5, key=KEY, cones=(30.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"`volume_fraction` must lie in \[0, 1\], but it is 1.5"):
        spinodoid(GRID, 1.5, 2.5, key=KEY)


def test_single_precision():
    grid = Grid((16, 12), jnp.array([8.0, 6.0], jnp.float32))
    ms = spinodoid(grid, 0.3, 3.0, key=KEY, width=1.0)
    assert ms.fractions.dtype == jnp.float32
    assert abs(float(ms.volume_fractions[1]) - 0.3) < 1e-6
