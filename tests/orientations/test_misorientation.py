import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

from jaxmicro.orientations import (
    LAUE_GROUPS,
    disorientation,
    from_axis_angle,
    from_euler,
    from_rodrigues,
    is_coincident,
    misorientation,
    misorientation_axis,
    multiply,
    random_orientations,
    symmetry_operators,
    to_axis_angle,
    to_matrix,
)
from tests.orientations.brute_force import equivalents, smallest_angles, symmetries
from tests.orientations.groups import GROUPS

KEY, OTHER = jax.random.split(jax.random.key(21))
PAIRS = 12
Q1, Q2 = random_orientations(KEY, PAIRS), random_orientations(OTHER, PAIRS)
# Rounding of q, 6e-8, doubled, in degrees 0.7e-5, and a little for the products with the symmetry.
SINGLE = 3e-5
HERE = jnp.array([1.0, 0, 0, 0])


@pytest.mark.parametrize("laue", GROUPS)
def test_every_pair_of_symmetries_agrees(laue):
    angles = misorientation(Q1, Q2, laue)
    np.testing.assert_allclose(angles, smallest_angles(Q1, Q2, laue), atol=1e-12)
    np.testing.assert_allclose(misorientation(Q2, Q1, laue), angles, atol=1e-12)


@pytest.mark.parametrize(("laue", "laue2"), [("m-3m", "6/mmm"), ("-3", "4/m"), ("2/m", "m-3")])
def test_two_phases(laue, laue2):
    angles = misorientation(Q1, Q2, laue, laue2=laue2)
    np.testing.assert_allclose(angles, smallest_angles(Q1, Q2, laue, laue2), atol=1e-12)
    np.testing.assert_allclose(misorientation(Q2, Q1, laue2, laue2=laue), angles, atol=1e-12)


def test_symmetric_equivalents_do_not_differ():
    s = symmetry_operators("6/mmm")
    angles = misorientation(multiply(s[:, :, None], Q1[:, None]), Q1[:, None], "6/mmm")
    assert angles.shape == (12, PAIRS)
    assert float(angles.max()) < 1e-15 * 10


@pytest.mark.parametrize(("laue", "mean", "largest"), [("m-3m", 40.73, 62.80), ("6/mmm", 60.08, 93.84)])
def test_random_pairs(laue, mean, largest):
    """J. K. Mackenzie, Biometrika 45, 229 (1958), doi:10.1093/biomet/45.1-2.229, for cubes; the maxima in closed form."""
    n = 20_000
    angles = misorientation(random_orientations(KEY, n), random_orientations(OTHER, n), laue, degrees=True)
    error = float(angles.std()) / np.sqrt(n)
    assert abs(float(angles.mean()) - mean) < 4 * error
    assert largest - 2.5 < float(angles.max()) < largest + 0.01


def test_the_largest_misorientations_are_reached():
    """At a corner of the zone of Rodrigues vectors: the truncated cube of m-3m, the twelve-sided prism of 6/mmm."""
    t, u = np.sqrt(2) - 1, 2 - np.sqrt(3)
    for laue, corner, degrees in [("m-3m", (t, t, t * t), 62.7994), ("6/mmm", (1.0, u, u), 93.84097)]:
        largest = 2 * np.arctan(np.linalg.norm(corner))
        np.testing.assert_allclose(misorientation(HERE, from_rodrigues(corner), laue), largest, rtol=1e-12)
        np.testing.assert_allclose(np.rad2deg(largest), degrees, atol=1e-4)


def test_twins_of_cubic_crystals():
    twin = from_axis_angle((1.0, 1.0, -1.0), np.pi)  # the half turn about ⟨111⟩ is a rotation by 60°
    np.testing.assert_allclose(misorientation(HERE, twin, degrees=True), 60.0, rtol=1e-14)
    np.testing.assert_allclose(misorientation_axis(HERE, twin), np.full(3, 3**-0.5), atol=1e-12)


@pytest.mark.parametrize("laue", ["m-3m", "6/mmm", "-3", "2/m"])
def test_the_disorientation_is_one_of_all_equivalents(laue):
    d = disorientation(Q1, Q2, laue)
    turns, _ = equivalents(Q1, Q2, laue)
    both = np.concatenate([turns, np.swapaxes(turns, -1, -2)])
    apart = np.abs(both - np.moveaxis(np.asarray(to_matrix(d)), -1, 0)).max(axis=(-1, -2)).min(axis=0)
    assert apart.max() < 1e-12
    np.testing.assert_allclose(to_axis_angle(d)[1], misorientation(Q1, Q2, laue), atol=1e-13)
    np.testing.assert_allclose(disorientation(Q2, Q1, laue), d, atol=1e-12)
    s = symmetry_operators(laue)[:, -1]
    np.testing.assert_allclose(disorientation(multiply(s, Q1), Q2, laue), d, atol=1e-12)


def test_cubic_axes_lie_in_the_standard_triangle():
    x, y, z = misorientation_axis(Q1, Q2, "m-3m")
    assert bool(((z >= x) & (x >= y) & (y >= 0)).all())
    np.testing.assert_allclose(x**2 + y**2 + z**2, 1, atol=1e-14)
    np.testing.assert_allclose(misorientation_axis(Q1, Q1, "m-3m"), np.array([[0], [0], [1.0]]) * np.ones(PAIRS))


@pytest.mark.parametrize("laue", ["m-3m", "6/mmm"])
def test_single_precision(laue):
    """Against all pairs in double precision, from the same rounded quaternions."""
    a, b = random_orientations(KEY, 2000, jnp.float32), random_orientations(OTHER, 2000, jnp.float32)
    close = multiply(from_axis_angle(b[1:], jnp.logspace(-6, -1, 2000, dtype=jnp.float32)), a)
    for first, second in ((a, b), (a, close)):
        single = misorientation(first, second, laue, degrees=True)
        assert single.dtype == jnp.float32
        exact = misorientation(first.astype(jnp.float64), second.astype(jnp.float64), laue, degrees=True)
        assert float(jnp.abs(single - exact).max()) < SINGLE
    np.testing.assert_allclose(single, exact, rtol=1e-6)  # small angles keep their digits


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_identical_neighbours_have_no_angle_and_no_slope(dtype):
    q = random_orientations(KEY, PAIRS, dtype)
    value, slope = jax.jit(jax.value_and_grad(lambda a, b: misorientation(a, b).sum(), (0, 1)))(q, q * jnp.where(q[1] > 0, 1, -1))
    assert float(value) == 0
    assert float(max(jnp.abs(each).max() for each in slope)) == 0
    assert np.isfinite(jax.jit(jax.grad(lambda a: disorientation(a, q).sum() + misorientation_axis(a, q).sum()))(q)).all()


@pytest.mark.parametrize("laue", ["m-3m", "6/mmm"])
def test_derivatives_agree_with_differences(laue):
    both = jax.jit(lambda a, b: (misorientation(a, b, laue), disorientation(a, b, laue)))
    check_grads(both, (Q1, Q2), 1, eps=1e-6, rtol=1e-6, atol=1e-8)


def test_the_slope_is_along_the_axis():
    """Turning the second crystal on about the misorientation axis raises the angle as fast as it turns."""
    axis = jnp.array([0.36, 0.48, 0.8])
    np.testing.assert_allclose(jax.grad(lambda w: misorientation(HERE, from_axis_angle(axis, w)))(0.2), 1.0, atol=1e-12)


def test_transformations_and_broadcasting():
    plain = misorientation(Q1, Q2)
    np.testing.assert_allclose(jax.vmap(misorientation, (1, 1))(Q1, Q2), plain, atol=1e-15)
    np.testing.assert_allclose(jax.jit(misorientation)(Q1.reshape(4, 3, 4), Q2.reshape(4, 3, 4)), plain.reshape(3, 4), atol=1e-15)
    np.testing.assert_allclose(misorientation(Q1[:, 0], Q2)[1:], misorientation(Q2, Q1[:, 0])[1:], atol=1e-14)
    assert misorientation(Q1[:, :, None], Q2[:, None]).shape == (PAIRS, PAIRS)


def test_what_is_not_indexed_stays_unknown():
    unknown = Q1.at[:, 0].set(jnp.nan).at[:, 1].set(0.0)
    for laue2 in ("m-3m", "6/mmm"):
        angles = misorientation(unknown, Q2, laue2=laue2)
        assert np.isnan(angles).tolist() == [True, True] + [False] * (PAIRS - 2)
    assert np.isnan(disorientation(unknown, Q2)).all(axis=0).tolist() == [True, True] + [False] * (PAIRS - 2)


def test_groups_are_those_of_scipy():
    for laue in LAUE_GROUPS:
        ours = np.moveaxis(np.asarray(to_matrix(symmetry_operators(laue))), -1, 0)
        theirs = symmetries(laue)
        assert len(ours) == len(theirs)
        assert np.abs(ours[:, None] - theirs).max(axis=(-1, -2)).min(axis=1).max() < 1e-14


def test_wrong_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`laue` must be one of '-1', .*, but it is 'm3m'\. Did you mean 'm-3m'"):
        misorientation(Q1, Q2, "m3m")
    with pytest.raises(ValueError, match=r"`laue2` must be one of"):
        misorientation(Q1, Q2, laue2="cubic")
    with pytest.raises(ValueError, match=r"`q2` must be quaternions \(4, …\)"):
        disorientation(Q1, np.zeros(3))
    with pytest.raises(ValueError, match=r"`q2` must have a trailing shape that broadcasts with that of `q1`, \(12,\), but it is \(5,\)"):
        misorientation(Q1, Q2[:, :5])


def test_measured_neighbours(shared_data):
    """The Oxford map of a nickel superalloy: counts that agree with those of another program, boundary by boundary."""
    file = shared_data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.crc"
    angles = np.ascontiguousarray(np.fromfile(file, np.uint8).reshape(-1, 25)[:, 1:13]).view("<f4").T.astype(float)
    q = from_euler(angles.reshape(3, 243, 359))
    pairs = [misorientation(q[:, :, 1:], q[:, :, :-1], degrees=True), misorientation(q[:, 1:], q[:, :-1], degrees=True)]
    turn = np.concatenate([np.ravel(each) for each in pairs])
    assert (turn.size, int((turn >= 5).sum())) == (173_872, 6_980)
    np.testing.assert_allclose(turn[turn < 5].mean(), 0.373, atol=5e-4)
    np.testing.assert_allclose(turn[turn >= 5].mean(), 52.0, atol=0.05)
    sides = [(q[:, :, 1:], q[:, :, :-1]), (q[:, 1:], q[:, :-1])]
    first, second = (np.concatenate([np.reshape(pair[k], (4, -1)) for pair in sides], axis=1)[:, turn >= 5] for k in (0, 1))
    assert float(is_coincident(first, second, 3).mean()) == pytest.approx(0.574, abs=5e-4)


def test_scipy_agrees_that_equivalents_turn_as_far():
    """The truth of the other tests, tested on a case known by heart."""
    q = from_euler((np.pi / 2, 0.0, 0.0))[:, None]
    turns, angles = equivalents(jnp.array([[1.0], [0], [0], [0]]), q, "4/m")
    assert angles.min() < 1e-7
    assert len(turns) == 16
    assert Rotation.from_matrix(turns[0, 0]).magnitude() == pytest.approx(np.pi / 2)
