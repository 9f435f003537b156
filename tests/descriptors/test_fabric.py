"""Fabric tensors of stretched fields, isotropic fields and layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import fabric_tensor
from jaxmicro.fields import Grid
from jaxmicro.microstructures import gaussian_random_field, laminate, random_field

GRID = Grid((192, 160), (240.0, 240.0))
ANGLE = 0.5
ALONG = np.array([np.cos(ANGLE), np.sin(ANGLE)])


def test_intercepts_of_a_cut_field_are_as_its_correlation():
    """By Rice's formula lines along n cross a Gaussian field of stretch ℓ_i at its mean √(Σ n_i²/ℓ_i²)/π times per length."""
    found = []
    for seed in range(4):
        ms = random_field(GRID, correlation_length=5.0, anisotropy=(2.0, 1.0), rotation=ANGLE, key=jax.random.key(seed))
        f = fabric_tensor(ms.labels == 1, GRID)
        found.append([float(f.anisotropy), *np.asarray(f.lengths) / np.pi])
        assert abs(ALONG @ np.asarray(f.directions)[:, 1]) > 0.99
        np.testing.assert_allclose(f.tensor @ f.directions, f.directions * f.values, atol=1e-12)
        assert float(jnp.trace(f.tensor)) == pytest.approx(2.0)
    np.testing.assert_allclose(np.mean(found, axis=0), [2.0, 5.0, 10.0], rtol=0.06)


def test_gradients_of_a_smooth_field_are_as_its_correlation():
    f = fabric_tensor(
        gaussian_random_field(GRID, correlation_length=6.0, anisotropy=(2.0, 1.0), rotation=ANGLE, key=jax.random.key(0)), GRID, "gradient"
    )
    assert float(f.anisotropy) == pytest.approx(2.0, rel=0.08)
    assert abs(ALONG @ np.asarray(f.directions)[:, 1]) > 0.99
    np.testing.assert_allclose(f.lengths, [6.0, 12.0], rtol=0.08)


def test_three_axes_on_flat_voxels():
    grid = Grid((48, 48, 32), (72.0,) * 3)
    turn = jnp.array([np.cos(0.3), 0.0, 0.0, np.sin(0.3)])
    ms = random_field(grid, correlation_length=5.0, anisotropy=(1.8, 1.0, 1.3), rotation=turn, key=jax.random.key(1))
    f = fabric_tensor(ms.labels == 1, grid)
    np.testing.assert_allclose(f.values, 3 * np.array([1.0, 1.3, 1.8]) / 4.1, rtol=0.06)
    assert abs(np.asarray(f.directions)[2, 1]) > 0.98  # the middle one along z
    assert abs(np.asarray(f.directions)[:2, 2] @ [np.cos(0.6), -np.sin(0.6)]) > 0.98
    assert "degree of anisotropy" in str(f)


@pytest.mark.parametrize("method", ["mean_intercept_length", "gradient"])
def test_an_isotropic_field_has_the_identity(method):
    ms = random_field(GRID, correlation_length=5.0, key=jax.random.key(3))
    np.testing.assert_allclose(fabric_tensor(ms.labels == 1, GRID, method).tensor, np.eye(2), atol=0.05)


@pytest.mark.parametrize("method", ["mean_intercept_length", "gradient"])
def test_layers_are_endless_along_themselves(method):
    ms = laminate(Grid((16, 6, 5), (8.0, 9.0, 5.0)), (0.5, 0.5), repeats=2)
    f = fabric_tensor(ms.labels == 1, ms.grid, method)
    np.testing.assert_allclose(f.tensor, np.diag([0, 1.5, 1.5]), atol=1e-9)
    assert np.isinf(float(f.anisotropy))
    assert np.isinf(np.asarray(f.lengths)[1:]).all()
    if method == "mean_intercept_length":
        assert float(f.lengths[0]) == pytest.approx(2.0)  # four interfaces in 8


@pytest.mark.parametrize("method", ["mean_intercept_length", "gradient"])
def test_derivatives_agree_with_differences(method):
    grid = Grid((7, 6), (7.0, 8.0))
    fractions, direction = (jax.random.uniform(key, grid.shape) for key in jax.random.split(jax.random.key(5)))

    def value(f):
        fabric = fabric_tensor(f, grid, method)
        return fabric.anisotropy + fabric.tensor[0, 1] + fabric.lengths[0]

    call = jax.jit(value)
    expected = (call(fractions + 1e-6 * direction) - call(fractions - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(jnp.vdot(jax.grad(call)(fractions), direction), expected, rtol=1e-6)


def test_batches_in_single_precision_and_nothing_to_measure():
    masks = np.stack([np.random.default_rng(0).random((9, 8)), np.zeros((9, 8))]).astype(np.float32)
    found = jax.jit(jax.vmap(lambda mask: fabric_tensor(mask).values))(masks)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[0], fabric_tensor(masks[0].astype(float)).values, rtol=1e-5)
    assert np.isnan(found[1]).all()


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match="`mask` must hold an interface, but all of its voxels are alike"):
        fabric_tensor(np.ones((4, 4), bool))
    with pytest.raises(ValueError, match="`method` must be one of 'mean_intercept_length', 'gradient', but it is 'mil'"):
        fabric_tensor(np.eye(4), method="mil")
    with pytest.raises(ValueError, match="`smoothing` is for method='gradient'"):
        fabric_tensor(np.eye(4), smoothing=1.0)
    with pytest.raises(ValueError, match="`smoothing` must be a length from 0 on, but it is -1"):
        fabric_tensor(np.eye(4), method="gradient", smoothing=-1.0)
