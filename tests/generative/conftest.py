"""One tiny codec for all tests of the room, trained once."""

import jax
import numpy as np
import pytest

from jaxmicro.datasets import random_fields, synthetic
from jaxmicro.fields import Grid
from jaxmicro.generative import CodecConfig, train

TINY = CodecConfig(
    latent_channels=2, patch=2, widths=(6, 8), blocks=1, epochs=2, batch_size=8, periodic=True, prior_components=2, learning_rate=5e-3
)


@pytest.fixture(scope="session")
def tiny_config():
    """Factor 4, two latent channels."""
    return TINY


@pytest.fixture(scope="session")
def cells():
    """Twenty-four random cells of 16 × 16."""
    return synthetic(24, [random_fields(Grid((16, 16)), correlation_length=(2.0, 3.0))], key=jax.random.key(1))


@pytest.fixture(scope="session")
def tiny(cells):
    """A codec of two epochs."""
    return train(cells, TINY, key=jax.random.key(0))


@pytest.fixture
def latents(tiny):
    """Latents in double precision on a grid that is not square."""
    return np.random.default_rng(0).standard_normal((2, 2, 3, 4))
