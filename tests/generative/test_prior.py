"""The prior against a dense Gaussian, its samples against its density, its fit against known fields."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxmicro.generative.prior import LatentPrior, distance, log_density, sample
from jaxmicro.generative.prior_fit import fit_prior


def fields(rng, n, smoothing, shift=0.0):
    """Two correlated channels of a periodic moving average, with a mean of their own per field."""
    noise = rng.standard_normal((n, 2, 4, 6))
    mixed = np.stack([noise[:, 0], 0.6 * np.roll(noise[:, 0], 1, axis=1) + 0.8 * noise[:, 1]], axis=1)
    smooth = mixed + smoothing * np.roll(mixed, 1, axis=3)
    return smooth + shift + 0.3 * rng.standard_normal((n, 2, 1, 1))


@pytest.fixture(scope="module")
def one():
    return fit_prior(jnp.asarray(fields(np.random.default_rng(0), 400, 0.7)), 1, key=jax.random.key(0))


def dense(prior):
    """Mean and covariance of the one component over all entries, from the definition of the field."""
    coarse = (4, 6)
    factor = np.asarray(prior.factor[0, 0], float) + 1j * np.asarray(prior.factor[1, 0], float)
    covariance = factor @ factor.conj().swapaxes(-1, -2)
    level = np.asarray(prior.level[0], float)
    covariance[0, 0] = level @ level.T * np.prod(coarse)
    lags = np.moveaxis(np.fft.ifft2(covariance, axes=(0, 1)), (2, 3), (0, 1)).real  # ⟨z_a(x + h) z_b(x)⟩
    full = np.zeros((2, *coarse, 2, *coarse))
    for x in np.ndindex(*coarse):
        for y in np.ndindex(*coarse):
            full[:, x[0], x[1], :, y[0], y[1]] = lags[:, :, (x[0] - y[0]) % 4, (x[1] - y[1]) % 6]
    mean = np.broadcast_to(np.asarray(prior.means[0], float).reshape(2, 1, 1), (2, *coarse))
    return mean.ravel(), full.reshape(48, 48)


def test_density_is_that_of_the_dense_gaussian(one):
    z = fields(np.random.default_rng(1), 3, 0.2)
    mean, covariance = dense(one)
    np.testing.assert_allclose(log_density(one, z), multivariate_normal(mean, covariance).logpdf(z.reshape(3, -1)), rtol=1e-6)
    offset = z.reshape(3, -1) - mean
    expected = np.sqrt(np.sum(offset * np.linalg.solve(covariance, offset.T).T, axis=1) / 48)
    np.testing.assert_allclose(distance(one, z), expected, rtol=1e-6)


def test_samples_have_the_covariance_of_the_density(one):
    z = np.asarray(sample(one, 20000, (4, 6), key=jax.random.key(0))).reshape(20000, -1)
    mean, covariance = dense(one)
    scatter = 5 * covariance.max() / np.sqrt(20000)  # five standard errors
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=scatter * 1.5)
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=scatter)


def test_distance_is_one_for_samples_and_grows_outside(one):
    z = sample(one, 500, (4, 6), key=jax.random.key(1), dtype=jnp.float64)
    near = distance(one, z)
    assert abs(float(near.mean()) - 1) < 0.03
    assert float(distance(one, 2 * z).mean()) > 1.9
    assert bool(
        jnp.isfinite(jax.grad(lambda z: distance(one, z[None])[0])(jnp.broadcast_to(one.means[0].reshape(2, 1, 1), (2, 4, 6)))).all()
    )


def test_gradient_of_the_density_is_shift_invariant_and_right(one):
    z = jnp.asarray(fields(np.random.default_rng(2), 1, 0.3))
    direction = jnp.asarray(np.random.default_rng(3).standard_normal(z.shape))
    slope = jnp.vdot(jax.grad(lambda z: log_density(one, z)[0])(z), direction)
    step = 1e-4
    difference = (log_density(one, z + step * direction) - log_density(one, z - step * direction))[0] / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-6)
    np.testing.assert_allclose(log_density(one, jnp.roll(z, (1, 2), (2, 3))), log_density(one, z), rtol=1e-6)


@pytest.mark.parametrize("coarse", [(8, 6), (5, 7)])
def test_other_sizes_keep_the_spectrum(one, coarse):
    z = np.asarray(sample(one, 4000, coarse, key=jax.random.key(2)), float)
    reference = np.asarray(sample(one, 4000, (4, 6), key=jax.random.key(3)), float)
    for lag in (0, 1):
        here = np.mean((z - z.mean((2, 3), keepdims=True)) * np.roll(z - z.mean((2, 3), keepdims=True), lag, 3), axis=(0, 2, 3))
        there = np.mean((reference - reference.mean((2, 3), keepdims=True)) * np.roll(reference, lag, 3), axis=(0, 2, 3))
        np.testing.assert_allclose(here, there, atol=0.2)  # interpolation between few frequencies smooths
    np.testing.assert_allclose(z.mean((2, 3)).std(axis=0), reference.mean((2, 3)).std(axis=0), rtol=0.08)
    assert abs(float(distance(one, jnp.asarray(z)).mean()) - 1) < 0.03


def test_families_are_told_apart():
    rng = np.random.default_rng(4)
    families = [fields(rng, 150, 0.9, 2.0), fields(rng, 150, -0.9, -2.0)]
    prior = fit_prior(jnp.asarray(np.concatenate(families)), 2, key=jax.random.key(0))
    np.testing.assert_allclose(np.exp(prior.log_weights), 0.5, atol=0.02)
    np.testing.assert_allclose(sorted(np.asarray(prior.means)[:, 0]), [-2, 2], atol=0.15)
    unseen = jnp.asarray(fields(rng, 50, 0.9, -2.0))  # the spectrum of one family at the level of the other
    assert float(distance(prior, unseen).min()) > float(distance(prior, jnp.asarray(families[0])).mean())


def test_few_images_give_a_proper_prior():
    prior = fit_prior(jnp.asarray(fields(np.random.default_rng(5), 3, 0.5)), 16, key=jax.random.key(0))
    assert isinstance(prior, LatentPrior)
    assert prior.log_weights.shape == (1,)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(prior))
