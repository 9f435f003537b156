"""The Boolean model: mean and exact fractions; tests/descriptors/test_boolean_truths.py has its correlations."""

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import boolean_model

KEY = jax.random.key(2)


def test_the_boolean_model_has_its_mean_and_exact_fractions():
    grid = Grid((60, 50), (6.0, 5.0))
    shares = [float(boolean_model(grid, 0.4, 0.3, scatter=0.3, key=jax.random.key(k)).volume_fractions[1]) for k in range(40)]
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - 0.4) < 3.5 * error
    assert 0 < error < 0.02
    exact = boolean_model(grid, 0.4, length=1.5, diameter=0.2, orientation=(1, 0), key=KEY, exact=True)
    assert float(exact.volume_fractions[1]) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="Exactly one shape must be given"):
        boolean_model(grid, 0.4, 0.3, semi_axes=(0.2, 0.1), key=KEY)
