"""The shipped codec against cells that its training has not seen. The numbers asked for are those of its purpose."""

from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.datasets.shipped import autocovariance, two_phase_cells
from jaxmicro.generative import binariness, compare, interpolate, load, volume_fractions
from jaxmicro.generative.losses import short_runs


@pytest.fixture(scope="module")
def codec():
    return load("two-phase-64")


@pytest.fixture(scope="module")
def unseen():
    return two_phase_cells(48, key=jax.random.key(7)).images.astype(jnp.float32)


@pytest.fixture(scope="module")
def samples(codec):
    return codec.sample(96, key=jax.random.key(8))


def test_it_is_small():
    file = resources.files("jaxmicro.generative") / "pretrained" / "two-phase-64.safetensors"
    assert len(file.read_bytes()) < 2e6


def test_unseen_cells_come_back(codec, unseen):
    found = compare(codec.decode(codec.encode(unseen)), unseen)
    assert found["accuracy"] >= 0.97
    assert found["volume_fraction_error"] <= 0.01
    assert found["two_point_error"] <= 0.01
    assert found["binariness"] <= 0.1


def test_samples_are_crisp(samples):
    assert float(binariness(samples).mean()) <= 0.1


def test_samples_spread_over_the_volume_fractions_of_the_data(samples, unseen):
    data, drawn = (np.asarray(volume_fractions(images)[:, 1]) for images in (unseen, samples))
    assert abs(data.mean() - drawn.mean()) < 0.1
    assert 0.7 * data.std() < drawn.std() < 1.3 * data.std()


def test_two_point_correlations_of_samples_lie_within_the_scatter_of_the_data(samples, unseen):
    sharp = (samples == samples.max(axis=1, keepdims=True)).astype(samples.dtype)
    data, drawn = autocovariance(unseen), autocovariance(sharp)
    assert (np.abs(data.mean(axis=0) - drawn.mean(axis=0)) < data.std(axis=0)).all()


def test_samples_hold_no_halftone(samples, unseen):
    sharp = (samples == samples.max(axis=1, keepdims=True)).astype(samples.dtype)
    data, drawn = (float(short_runs(images).sum(axis=-1).mean()) for images in (unseen, sharp))
    assert drawn < 2 * data


def test_distance_tells_latents_of_cells_from_others(codec, unseen):
    z = codec.encode(unseen)
    typical = codec.prior_distance(z)
    assert 0.85 < float(typical.mean()) < 1.15
    order = jax.random.permutation(jax.random.key(0), 64)
    shuffled = z.reshape(*z.shape[:2], 64)[:, :, order].reshape(z.shape)  # the same numbers without their order in space
    assert float(codec.prior_distance(shuffled).mean()) > float(typical.mean()) + 0.03
    assert float(codec.prior_distance(3 * z).min()) > float(typical.max())


def test_other_sizes_have_the_same_order(codec, samples):
    large = codec.sample(24, key=jax.random.key(9), shape=(128, 96))
    order = [autocovariance(images).mean(axis=0) for images in (samples, large)]
    np.testing.assert_allclose(order[1][:3], order[0][:3], atol=0.08)


def test_a_path_between_cells_stays_crisp(codec, unseen):
    z = codec.encode(unseen[:2])
    path = codec.decode(interpolate(z[0], z[1], 5, kind="spherical"))
    assert float(binariness(path).max()) < 0.2
