"""Angles of random pairs against Mackenzie's closed form, tabulated means and sampled pairs."""

import jax
import numpy as np
import pytest

from jaxmicro.orientations import LAUE_GROUPS, random_misorientation_density, random_misorientation_share, random_orientations
from jaxmicro.orientations.on_host import angle_between


def test_mackenzie_up_to_where_the_zone_is_a_ball():
    angles = np.linspace(0.0, 45.0, 50)
    np.testing.assert_allclose(random_misorientation_density(angles), 24 / 180 * (1 - np.cos(np.deg2rad(angles))), atol=1e-12)


@pytest.mark.parametrize(("laue", "mean", "largest"), [("m-3m", 40.736, 62.80), ("6/mmm", 60.07, 93.84)])
def test_means_and_largest_angles(laue, mean, largest):
    angles = np.linspace(0.0, 180.0, 36_001)
    density = random_misorientation_density(angles, laue)
    assert np.trapezoid(angles * density, angles) == pytest.approx(mean, abs=0.01)
    assert angles[density > 0].max() == pytest.approx(largest, abs=0.1)


@pytest.mark.parametrize("laue", LAUE_GROUPS)
def test_share_is_the_integral_and_that_of_sampled_pairs(laue):
    angles = np.linspace(0.0, 180.0, 3601)
    share = random_misorientation_share(angles, laue)
    density = random_misorientation_density(angles, laue)
    np.testing.assert_allclose(np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * 0.05)]), share, atol=2e-4)
    q = np.asarray(random_orientations(jax.random.key(5), 40_000))
    sampled = np.sort(np.rad2deg(angle_between(q[:, ::2], q[:, 1::2], laue)))
    apart = np.abs(np.searchsorted(sampled, angles) / sampled.size - share).max()
    assert apart < 1.63 / np.sqrt(sampled.size)  # Kolmogorov–Smirnov, 1 %
    assert share[-1] == pytest.approx(1.0, abs=1e-5)


def test_an_unknown_group_is_named(as_user):
    with pytest.raises(ValueError, match="m-3m"):
        random_misorientation_share(10.0, "cubic")


def test_it_runs_on_the_host(as_user):
    for call in (random_misorientation_share, random_misorientation_density):
        with pytest.raises(ValueError, match="outside jit"):
            jax.jit(lambda angle, call=call: jax.numpy.asarray(call(angle)))(10.0)


def test_one_angle_has_one_share():
    for one in (15.0, np.float64(15.0), np.array(15.0)):
        share, density = random_misorientation_share(one), random_misorientation_density(one)
        assert share.shape == density.shape == ()
        assert float(share) == pytest.approx(float(random_misorientation_share([15.0])[0]))
