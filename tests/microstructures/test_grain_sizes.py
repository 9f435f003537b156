import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, lognorm

from jaxmicro.microstructures import log_normal_sizes, mixed_sizes


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("spread", [0.1, 0.35, 0.8])
def test_diameters_are_log_normal(dim, spread):
    volumes = log_normal_sizes(500, spread, dim=dim)
    diameters = volumes ** (1 / dim)
    assert volumes.sum() == pytest.approx(1.0, abs=1e-14)
    assert (np.diff(volumes) > 0).all()
    median = np.exp(np.log(diameters).mean())
    assert kstest(diameters, lognorm(spread, scale=median).cdf).statistic == pytest.approx(
        1 / 1000, rel=1e-6
    )  # half a step: no better is possible
    assert np.log(diameters).std() == pytest.approx(spread, rel=0.01)


def test_no_spread_gives_equal_grains_and_a_large_one_does_not_overflow():
    np.testing.assert_allclose(log_normal_sizes(7, 0.0, dim=3), 1 / 7, rtol=1e-14)
    assert np.isfinite(log_normal_sizes(10, 500.0, dim=3)).all()


def test_populations_have_their_medians_and_counts():
    sizes = mixed_sizes((101, 11), (0.2, 0.3), (2.0, 6.0), dim=3)
    small, large = np.median(sizes[:101]), np.median(sizes[101:])
    assert (large / small) ** (1 / 3) == pytest.approx(3.0, rel=1e-12)
    assert sizes.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(mixed_sizes((9,), 0.3, (5.0,), dim=2), log_normal_sizes(9, 0.3, dim=2), rtol=1e-12)


def test_wrong_input_is_refused(as_user):
    with pytest.raises(ValueError, match="`count` must be a positive whole number, but it is 0"):
        log_normal_sizes(0, 0.3, dim=2)
    with pytest.raises(ValueError, match=r"`spread` must be a number that is not negative, but it is -0\.1"):
        log_normal_sizes(4, -0.1, dim=2)
    with pytest.raises(ValueError, match="`spread` must be"):
        log_normal_sizes(4, np.nan, dim=2)
    with pytest.raises(ValueError, match="`dim` must be 2 or 3, but it is 4"):
        log_normal_sizes(4, 0.1, dim=4)
    with pytest.raises(ValueError, match="one entry per population, but there are 2, 2 and 1"):
        mixed_sizes((4, 5), 0.1, (1.0,), dim=2)
    with pytest.raises(ValueError, match="`diameters` must be positive"):
        mixed_sizes((4, 5), 0.1, (1.0, 0.0), dim=2)
    with pytest.raises(ValueError, match="`counts` must be a sequence with one entry per population, but it is 4"):
        mixed_sizes(4, 0.1, 1.0, dim=2)
    with pytest.raises(ValueError, match=r"`spread` must be a number that is not negative, but it is '0\.3'"):
        log_normal_sizes(4, "0.3", dim=2)
    with pytest.raises(ValueError, match="call this outside jit"):
        jax.jit(lambda spread: jnp.asarray(log_normal_sizes(4, spread, dim=2)))(0.3)


def test_numbers_and_arrays_of_any_library_are_alike():
    expected = log_normal_sizes(6, 0.3, dim=3)
    for spread in (np.array(0.3), jnp.asarray(0.3), np.float64(0.3)):
        np.testing.assert_array_equal(log_normal_sizes(6, spread, dim=3), expected)
    expected = mixed_sizes((6, 3), (0.1, 0.2), (1.0, 4.0), dim=3)
    for library in (np, jnp):
        given = (library.asarray(each) for each in ((6, 3), (0.1, 0.2), (1.0, 4.0)))
        np.testing.assert_array_equal(mixed_sizes(*given, dim=3), expected)


def test_a_mixture_of_extremes_does_not_overflow():
    for spreads, diameters in (((0.1, 500.0), (1.0, 2.0)), ((0.1, 0.2), (1.0, 1e300)), ((0.1, 0.2), (1e-300, 1e-299))):
        sizes = mixed_sizes((5, 4), spreads, diameters, dim=3)
        assert np.isfinite(sizes).all()
        assert sizes.sum() == pytest.approx(1.0, abs=1e-14)
