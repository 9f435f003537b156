import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    coincidence,
    coincidence_deviation,
    from_axis_angle,
    is_coincident,
    multiply,
    random_orientations,
    symmetry_operators,
)
from jaxmicro.orientations.coincidence import brandon
from tests.daily import daily
from tests.orientations.brute_force import smallest_angles

KEY = jax.random.key(41)
HERE = jnp.array([1.0, 0, 0, 0])
# H. Grimmer, W. Bollmann, D. H. Warrington, Acta Cryst. A 30, 197 (1974): angle in degrees and axis.
KNOWN = {
    3: (60.00, (1, 1, 1)), 5: (36.87, (1, 0, 0)), 7: (38.21, (1, 1, 1)), 9: (38.94, (1, 1, 0)), 11: (50.48, (1, 1, 0)),
    "13a": (22.62, (1, 0, 0)), "13b": (27.80, (1, 1, 1)), 15: (48.19, (2, 1, 0)), "17a": (28.07, (1, 0, 0)),
    "17b": (61.93, (2, 2, 1)), "19a": (26.53, (1, 1, 0)), "19b": (46.83, (1, 1, 1)), "21a": (21.79, (1, 1, 1)),
    "21b": (44.42, (2, 1, 1)), 23: (40.46, (3, 1, 1)), "25a": (16.26, (1, 0, 0)), "25b": (51.68, (3, 3, 1)),
    "27a": (31.59, (1, 1, 0)), "27b": (35.43, (2, 1, 0)), "29a": (43.60, (1, 0, 0)), "29b": (46.40, (2, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("sigma", KNOWN)
def test_axes_and_angles_of_the_tables(sigma):
    degrees, indices = KNOWN[sigma]
    axis, angle = coincidence(sigma, degrees=True)
    low, middle, high = sorted(np.array(indices) / np.linalg.norm(indices))
    np.testing.assert_allclose(axis, [middle, low, high], atol=1e-12)
    assert angle == pytest.approx(degrees, abs=0.011)


def test_no_turn_is_the_coincidence_of_all_sites():
    axis, angle = coincidence(1)
    assert (axis.tolist(), angle) == ([0, 0, 1], 0)
    np.testing.assert_allclose(coincidence_deviation(HERE, from_axis_angle((1.0, 2.0, 3.0), 0.1), 1), 0.1, rtol=1e-12)


@pytest.mark.parametrize(("sigma", "variants"), daily([(3, 4), (5, 6), (7, 8), (9, 12)], (3, 4), (9, 12), unpack=True))
def test_every_variant_coincides(sigma, variants):
    """From one grain, the coincidence leads to that many different ones: s c s⁻¹ for all symmetries s."""
    s = symmetry_operators("m-3m")
    inverse = s * np.array([1, -1, -1, -1])[:, None]
    q = random_orientations(KEY, ())
    others = multiply(multiply(multiply(s, from_axis_angle(*coincidence(sigma))[:, None]), inverse), q[:, None])
    np.testing.assert_allclose(coincidence_deviation(q, others, sigma), 0, atol=1e-14)
    np.testing.assert_allclose(coincidence_deviation(others, q, sigma), 0, atol=1e-14)
    apart = np.stack([smallest_angles(np.roll(others, k, axis=1), others, "m-3m") for k in range(24)])
    assert (apart < 1e-6).sum() * variants == 24 * 24


@pytest.mark.parametrize("sigma", daily([3, 9, "13b", "39b"], 3, "39b"))
def test_the_deviation_is_the_smallest_of_all(sigma):
    """All rotations s2 c s1⁻¹ and s2 c⁻¹ s1⁻¹, one after the other."""
    first, second = random_orientations(KEY, 5), random_orientations(jax.random.key(42), 5)
    s = symmetry_operators("m-3m")
    c = from_axis_angle(*coincidence(sigma))
    found = np.full(5, np.inf)
    for rotation in (c, c * jnp.array([1, -1, -1, -1])):
        variants = multiply(rotation[:, None], s)
        turned = multiply(variants[:, :, None], first[:, None])
        angles = smallest_angles(np.reshape(turned, (4, -1)), np.reshape(second[:, None] + 0 * turned, (4, -1)), "m-3m")
        found = np.minimum(found, angles.reshape(24, 5).min(axis=0))
    np.testing.assert_allclose(coincidence_deviation(first, second, sigma), found, atol=1e-12)
    np.testing.assert_allclose(coincidence_deviation(second, first, sigma), found, atol=1e-12)


@pytest.mark.parametrize(("criterion", "limit"), [("brandon", 15 / np.sqrt(5)), ("palumbo-aust", 15 / 5 ** (5 / 6))])
def test_the_criteria(criterion, limit):
    axis, angle = coincidence(5, degrees=True)
    off = from_axis_angle(axis, jnp.array([angle - limit + 0.01, angle - limit - 0.01, angle]), degrees=True)
    assert is_coincident(HERE, off, 5, criterion).tolist() == [True, False, True]
    assert is_coincident(HERE, off, 5, tolerance=np.deg2rad(0.01)).tolist() == [False, False, True]


def test_single_precision_and_transformations():
    q = random_orientations(KEY, 6)
    c = from_axis_angle(*coincidence(3))
    twins = multiply(c[:, None], q)
    single = coincidence_deviation(q.astype(jnp.float32), twins.astype(jnp.float32), 3)
    assert single.dtype == jnp.float32
    assert float(single.max()) < 1e-6
    plain = coincidence_deviation(q, twins[:, ::-1], 3)
    np.testing.assert_allclose(jax.jit(jax.vmap(lambda a, b: coincidence_deviation(a, b, 3), (1, 1)))(q, twins[:, ::-1]), plain, atol=1e-14)
    assert not bool(is_coincident(q.at[:, 0].set(jnp.nan), twins, 3)[0])


def test_derivatives():
    first, second = random_orientations(KEY, 3), random_orientations(jax.random.key(43), 3)
    check_grads(jax.jit(lambda a, b: coincidence_deviation(a, b, 3)), (first, second), 1, eps=1e-6, rtol=1e-6, atol=1e-8)
    twin = multiply(from_axis_angle(*coincidence(3))[:, None], first)
    assert np.isfinite(jax.grad(lambda a: coincidence_deviation(a, twin, 3).sum())(first)).all()


def test_wrong_names(as_user):
    with pytest.raises(ValueError, match=r"`sigma` must tell which Σ13 is meant, but it is 13\. Give one of '13a', '13b'"):
        coincidence(13)
    with pytest.raises(ValueError, match=r"`sigma` must be one of '1', '3', .*, but it is '4'"):
        coincidence(4)
    with pytest.raises(
        ValueError, match=r"`criterion` must be one of 'brandon', 'palumbo-aust', but it is 'brandn'\. Did you mean 'brandon'"
    ):
        is_coincident(HERE, HERE, 3, "brandn")
    with pytest.raises(ValueError, match=r"`tolerance` must not be negative, but it is -1"):
        is_coincident(HERE, HERE, 3, tolerance=-1.0)


def test_the_criterion_of_brandon_is_of_a_coincidence():
    assert brandon(3) == pytest.approx(15 / 3**0.5)
    assert brandon("13a") == brandon(13) == pytest.approx(15 / 13**0.5)
    for sigma in (0, 2, -3, 49, "x"):
        with pytest.raises(ValueError, match="`sigma` must be one of"):
            brandon(sigma)
