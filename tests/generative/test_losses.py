"""Losses against closed forms and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.generative import losses


@pytest.fixture
def images():
    return jnp.asarray(np.random.default_rng(0).dirichlet([0.3, 0.3, 0.3], size=(2, 4, 6)).transpose(0, 3, 1, 2))


def test_two_point_correlation_is_the_mean_of_products(images):
    s2 = losses.two_point(images)
    for lag in [(0, 0), (1, 0), (3, 5), (2, 1)]:
        expected = np.mean(images * np.roll(images, [-h for h in lag], axis=(2, 3)), axis=(2, 3))
        np.testing.assert_allclose(s2[:, :, lag[0], lag[1]], expected, atol=1e-14)


def test_a_perfect_image_costs_nothing(images):
    np.testing.assert_allclose(losses.reconstruction(jnp.log(images), images), 0, atol=1e-12)
    assert float(losses.reconstruction(jnp.log(images[::-1]), images)) > 0.1
    assert float(losses.statistics(images, images)) == 0
    assert float(losses.sharpness(images, images)) == 0


def test_binariness_is_4p_1_minus_p_for_two_phases():
    p = np.random.default_rng(1).uniform(size=(3, 1, 4, 4))
    np.testing.assert_allclose(losses.binariness(np.concatenate([p, 1 - p], axis=1)), np.mean(4 * p * (1 - p), axis=(1, 2, 3)))


def test_only_blur_beyond_the_data_is_punished(images):
    sharp = jnp.eye(3)[images.argmax(axis=1)].transpose(0, 3, 1, 2)
    assert float(losses.sharpness(sharp, images)) == 0
    np.testing.assert_allclose(losses.sharpness(images, sharp), np.mean(losses.binariness(images)))


def test_divergence_is_that_of_gaussians():
    rng = np.random.default_rng(2)
    mean, log_std = rng.standard_normal((1, 2, 3, 2)), rng.standard_normal((1, 2, 3, 2)) * 0.3
    draws = mean + np.exp(log_std) * rng.standard_normal((50000, 2, 3, 2))
    estimate = np.sum(np.mean(-0.5 * ((draws - mean) / np.exp(log_std)) ** 2 - log_std + 0.5 * draws**2, axis=0))
    mean, log_std = jnp.asarray(mean), jnp.asarray(log_std)
    value = float(losses.kl_divergence(mean, log_std, 0.0))
    assert abs(value - estimate) < 0.1
    np.testing.assert_allclose(losses.kl_divergence(mean, log_std, 100.0), 6 * 2 * 100.0)


def test_scrambling_keeps_mean_and_covariances_but_not_the_field():
    z = np.random.default_rng(3).standard_normal((2, 4, 5, 3))
    scrambled = np.asarray(losses.scramble(jnp.asarray(z), jax.random.key(0)))
    np.testing.assert_allclose(scrambled.mean(axis=(1, 2)), z.mean(axis=(1, 2)), atol=1e-12)

    def cross_spectra(field):
        spectrum = np.fft.fft2(field, axes=(1, 2))
        return spectrum[..., :, None] * spectrum[..., None, :].conj()

    np.testing.assert_allclose(cross_spectra(scrambled), cross_spectra(z), atol=1e-9)
    assert np.abs(scrambled - z).max() > 0.5


def test_lag_weights_are_a_mean():
    weights = losses.lag_weights((6, 5))
    np.testing.assert_allclose(weights.sum(), 1)
    assert weights.argmax() == 0
    np.testing.assert_allclose(weights[1, 0], weights[5, 0])


def test_short_runs_count_specks_and_halftones():
    line = jnp.asarray([0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1.0])
    image = jnp.stack([1 - line, line])[None, :, :, None] * jnp.ones((1, 1, 1, 5))
    found = losses.short_runs(image)[0]
    np.testing.assert_allclose(found[1] * 12, [1, 1, 0, 0], atol=1e-12)  # of phase 1: one of length 1, one of length 2, none across
    np.testing.assert_allclose(found[0] * 12, [1, 1, 0, 0], atol=1e-12)
    halftone = (jnp.indices((12, 6)).sum(axis=0) % 2).astype(float)
    halftone = jnp.stack([1 - halftone, halftone])[None]
    np.testing.assert_allclose(losses.short_runs(halftone)[0, :, [0, 2]], 0.5)
    assert float(losses.statistics(halftone, image[..., :1] * jnp.ones((1, 1, 1, 6)))) > 0.9
