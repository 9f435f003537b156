"""Turns in NumPy are those in JAX."""

import jax
import numpy as np
import pytest

from jaxmicro.orientations import LAUE_GROUPS, coincidence, coincidence_deviation, from_axis_angle, misorientation, random_orientations
from jaxmicro.orientations.on_host import angle_between, angle_from


@pytest.mark.parametrize("laue", LAUE_GROUPS)
def test_misorientations_agree(laue):
    q1, q2 = (np.array(random_orientations(jax.random.key(k), 400)) for k in (0, 1))
    q2[:, :200] = q1[:, :200] + 1e-3 * q2[:, :200]  # neighbours, for which no operator is tried
    q2 /= np.linalg.norm(q2, axis=0)
    np.testing.assert_allclose(angle_between(q1, q2, laue), misorientation(q1, q2, laue), atol=1e-14)
    assert (angle_between(q1, q1, laue) == 0).all()


@pytest.mark.parametrize("sigma", [3, "13b"])
def test_deviations_from_coincidence_agree(sigma):
    q1, q2 = (np.asarray(random_orientations(jax.random.key(k), 400)) for k in (0, 1))
    special = np.asarray(from_axis_angle(*coincidence(sigma)))
    expected = coincidence_deviation(q1, q2, sigma)
    np.testing.assert_allclose(angle_from(q1, q2, special, "m-3m"), expected, atol=1e-13)
    np.testing.assert_allclose(angle_from(q2, q1, special, "m-3m"), expected, atol=1e-13)


def test_missing_orientations_stay_missing():
    q = np.array([[1.0, np.nan], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    angles = angle_between(q, q, "m-3m")
    assert angles[0] == 0
    assert np.isnan(angles[1])
