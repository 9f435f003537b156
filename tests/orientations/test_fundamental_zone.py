"""Fundamental zones, and means modulo symmetry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    from_axis_angle,
    from_euler,
    fundamental_zone,
    in_fundamental_zone,
    mean_orientation,
    misorientation,
    multiply,
    random_orientations,
    symmetry_operators,
    to_axis_angle,
    to_rodrigues,
)
from tests.daily import daily
from tests.orientations.brute_force import smallest_angles
from tests.orientations.groups import GROUPS

KEY = jax.random.key(31)
HERE = jnp.array([1.0, 0, 0, 0])
Q = random_orientations(KEY, 24)
# Of 6/mmm and of m-3m: on an edge of the zone, on a face, and at the identity.
SPECIAL = from_euler(np.deg2rad(np.array([[45.0, 30.0, 0.0, 90.0], [0.0, 0.0, 0.0, 45.0], [0.0, 0.0, 0.0, 10.0]])))


@pytest.mark.parametrize("laue", GROUPS)
def test_all_equivalents_reduce_to_the_one_nearest_the_identity(laue):
    zone = fundamental_zone(Q, laue)
    np.testing.assert_allclose(to_axis_angle(zone)[1], smallest_angles(HERE[:, None], Q, laue), atol=1e-12)
    assert float(zone[0].min()) >= 0
    same = multiply(symmetry_operators(laue)[:, :, None], -Q[:, None])
    np.testing.assert_allclose(fundamental_zone(same, laue), jnp.broadcast_to(zone[:, None], same.shape), atol=1e-14)
    inside = in_fundamental_zone(same, laue)
    assert inside.sum(axis=0).tolist() == [1] * 24
    np.testing.assert_array_equal(inside, jnp.linalg.norm(same - zone[:, None] * jnp.sign(same[:1]), axis=0) < 1e-12)


@pytest.mark.parametrize("laue", daily(["m-3m", "6/mmm", "-1"], "m-3m", "6/mmm"))
@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_ties_are_settled_for_good(laue, dtype):
    same = multiply(symmetry_operators(laue)[:, :, None], SPECIAL[:, None]).astype(dtype)
    zone = fundamental_zone(same, laue)
    assert zone.dtype == dtype
    np.testing.assert_allclose(zone, jnp.broadcast_to(zone[:, :1], same.shape), atol=8 * jnp.finfo(dtype).eps)
    np.testing.assert_array_equal(fundamental_zone(zone, laue), zone)
    assert bool(in_fundamental_zone(zone, laue).all())


def test_half_turns_keep_one_sign():
    axis = jnp.array([0.36, -0.48, 0.8])
    q = jnp.concatenate([jnp.zeros(1), axis])
    np.testing.assert_allclose(fundamental_zone(q, "-1"), fundamental_zone(-q, "-1"), atol=1e-15)


def test_the_cubic_zone_is_a_truncated_cube():
    r = jnp.sort(jnp.abs(to_rodrigues(fundamental_zone(random_orientations(KEY, 24), "m-3m"))), axis=0)
    assert float(r[2].max()) <= np.sqrt(2) - 1
    assert float(r.sum(axis=0).max()) <= 1


def test_the_zone_moves_with_the_orientation():
    check_grads(lambda q: fundamental_zone(q, "m-3m"), (Q,), 1, eps=1e-6, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(jax.jit(jax.vmap(fundamental_zone, 1, 1))(Q), fundamental_zone(Q), atol=1e-15)


def test_what_is_not_indexed_stays_unknown():
    unknown = Q.at[:, 0].set(jnp.nan)
    assert np.isnan(fundamental_zone(unknown)[:, 0]).all()
    assert np.isfinite(fundamental_zone(unknown)[:, 1:]).all()
    assert not bool(in_fundamental_zone(unknown)[0])


def scattered(centre, spread, laue, n=24, dtype=jnp.float64):
    """Orientations around `centre`, each replaced by some equivalent and some sign."""
    turns = spread * jax.random.normal(KEY, (3, n))
    turns = turns - turns.mean(axis=1, keepdims=True)
    near = multiply(from_axis_angle(turns, jnp.linalg.norm(turns, axis=0)), centre)
    s = symmetry_operators(laue)
    return multiply(s[:, np.arange(n) % s.shape[1]] * (-1.0) ** np.arange(n), near).astype(dtype), near


@pytest.mark.parametrize("laue", ["m-3m", "6/mmm", "-1"])
def test_the_mean_does_not_see_the_choice_of_equivalents(laue):
    q, near = scattered(Q[:, 0], 0.05, laue)
    mean = mean_orientation(q, laue)
    _, vectors = np.linalg.eigh(np.asarray(near @ near.T))  # without symmetry, where nothing is ambiguous
    np.testing.assert_allclose(misorientation(mean, vectors[:, -1], laue), 0, atol=1e-12)
    np.testing.assert_allclose(mean, mean_orientation(q[:, ::-1].reshape(4, 6, 4), laue), atol=1e-12)
    assert bool(in_fundamental_zone(mean, laue))
    assert float(misorientation(mean, Q[:, 0], laue)) < 2e-3  # the spread is centred to first order


def test_weights():
    q, _ = scattered(Q[:, 1], 0.1, "m-3m")
    one = jnp.zeros(24).at[5].set(2.0)
    np.testing.assert_allclose(mean_orientation(q, weights=one), fundamental_zone(q[:, 5]), atol=1e-12)
    twice = jnp.concatenate([q, q[:, :7]], axis=1)
    weights = jnp.ones(24).at[:7].set(2.0)
    np.testing.assert_allclose(mean_orientation(q, weights=weights), mean_orientation(twice), atol=1e-12)


def test_what_is_not_indexed_counts_for_nothing():
    q, _ = scattered(Q[:, 1], 0.1, "m-3m")
    without = jnp.concatenate([q[:, :3], jnp.full((4, 2), jnp.nan), q[:, 3:]], axis=1)
    np.testing.assert_allclose(mean_orientation(without), mean_orientation(q), atol=1e-14)
    assert np.isnan(mean_orientation(jnp.full((4, 24), jnp.nan))).all()
    assert np.isnan(mean_orientation(q, weights=jnp.zeros(24))).all()
    assert np.isnan(jax.jit(lambda w: mean_orientation(q, "m-3m", w))(jnp.ones(24).at[2].set(-1.0))).all()
    slope = jax.jit(jax.grad(lambda q: mean_orientation(q)[1]))(without)
    assert np.isfinite(slope).all()
    assert float(jnp.abs(slope[:, 3:5]).max()) == 0


def test_derivatives_of_the_mean_agree_with_differences():
    q, _ = scattered(Q[:, 1], 0.1, "m-3m")
    weights = jnp.linspace(0.5, 1.5, 24)
    check_grads(jax.jit(lambda q, w: mean_orientation(q, "m-3m", w)), (q, weights), 1, eps=1e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_the_mean_of_equal_orientations_moves_with_them(dtype):
    """All other eigenvalues are equal here, which must not matter: the mean of n moves 1/n as far as each."""
    q = jnp.repeat(fundamental_zone(Q[:, 2:3]), 24, axis=1).astype(dtype)
    np.testing.assert_allclose(mean_orientation(q), q[:, 0], atol=1e-6)
    rate = jax.jit(jax.jacobian(mean_orientation))(q)[:, :, 0]
    np.testing.assert_allclose(24 * rate, np.eye(4) - np.outer(q[:, 0], q[:, 0]), atol=1e-5)


def test_wrong_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`weights` must have the trailing shape of `q`, \(24,\), but its shape is \(3,\)"):
        mean_orientation(Q, weights=np.ones(3))
    with pytest.raises(ValueError, match=r"`weights` must not be negative, but the smallest is -1"):
        mean_orientation(Q, weights=-np.ones(24))
    with pytest.raises(ValueError, match=r"`q` must hold at least one orientation, but its shape is \(4, 0\)"):
        mean_orientation(np.zeros((4, 0)))
    with pytest.raises(ValueError, match=r"`laue` must be one of"):
        fundamental_zone(Q, "cubic")
    with pytest.raises(ValueError, match=r"`q` must be quaternions"):
        in_fundamental_zone(np.zeros(3))
