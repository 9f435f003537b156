"""Axis and angle, Rodrigues vectors, and the ways between all representations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

from jaxmicro.orientations import (
    conjugate,
    from_axis_angle,
    from_euler,
    from_matrix,
    from_rodrigues,
    multiply,
    random_orientations,
    to_axis_angle,
    to_euler,
    to_matrix,
    to_rodrigues,
)

KEY = jax.random.key(11)
WAYS = {
    "matrix": jax.jit(lambda q: from_matrix(to_matrix(q))),
    "euler": jax.jit(lambda q: from_euler(to_euler(q))),
    "axis and angle": jax.jit(lambda q: from_axis_angle(*to_axis_angle(q))),
    "rodrigues": jax.jit(lambda q: from_rodrigues(to_rodrigues(q))),
}


def rotation_distance(p, q):
    return jnp.linalg.norm(multiply(p, conjugate(q))[1:], axis=0)


def test_pinned_signs():
    """The crystal is turned by 0.6 about z: its x axis, in the sample, is (cos 0.6, sin 0.6, 0)."""
    q = from_axis_angle((0.0, 0.0, 3.0), 0.6)
    np.testing.assert_allclose(q, from_euler((0.6, 0.0, 0.0)), atol=1e-15)
    np.testing.assert_allclose(to_matrix(q).T @ np.array([1.0, 0, 0]), [np.cos(0.6), np.sin(0.6), 0], atol=1e-15)
    np.testing.assert_allclose(to_rodrigues(q), [0, 0, np.tan(0.3)], atol=1e-15)


def test_the_crystal_axes_are_those_of_the_active_turn():
    """Rows of g are the crystal axes in the sample: R e_i for the active rotation R of SciPy."""
    axis, angle = np.array([0.48, -0.6, 0.64]), 1.3
    active = Rotation.from_rotvec(axis * angle).as_matrix()
    np.testing.assert_allclose(to_matrix(from_axis_angle(axis, angle)).T, active, atol=1e-15)
    np.testing.assert_allclose(to_matrix(from_rodrigues(axis * np.tan(angle / 2))).T, active, atol=1e-15)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-14), (jnp.float32, 1e-6)])
def test_round_trips(way, dtype, tolerance):
    special = from_axis_angle(np.array([[0, 1, 3, 0], [0, 0, -1, 2], [1, 0, 2, -1.0]]), np.array([0, np.pi, np.pi, 1e-7]))
    q = jnp.concatenate([random_orientations(KEY, 40), special], axis=1).astype(dtype)
    back = WAYS[way](q)
    assert back.dtype == dtype
    assert float(rotation_distance(back, q).max()) < tolerance


def test_axis_and_angle_are_returned_as_given():
    axis = np.array([[0.0, 0.6, 1.0], [0.8, 0.0, 0.0], [0.6, -0.8, 0.0]])
    angle = np.array([1e-9, 2.0, 3.1])
    found, turn = to_axis_angle(from_axis_angle(axis, angle))
    np.testing.assert_allclose(found, axis, atol=1e-14)
    np.testing.assert_allclose(turn, angle, rtol=1e-14)
    np.testing.assert_allclose(to_axis_angle(from_axis_angle(axis, np.rad2deg(angle), degrees=True), degrees=True)[1], np.rad2deg(angle))
    np.testing.assert_allclose(to_axis_angle(-from_axis_angle(axis, angle))[1], angle, rtol=1e-14)


def test_half_turns_have_finite_rodrigues_vectors():
    q = jnp.array([[0.0, -0.0], [0.6, 0.0], [-0.8, 1.0], [0.0, 0.0]])
    for dtype, least in [(jnp.float64, 1e153), (jnp.float32, 1e18)]:
        r = np.asarray(to_rodrigues(q.astype(dtype)))
        assert np.isfinite(np.sum(r**2, axis=0)).all()
        assert np.abs(r).max() > least
        assert float(rotation_distance(from_rodrigues(r), q.astype(dtype)).max()) < 1e-6


def test_broadcast():
    axis = jnp.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    angles = jnp.array([[0.1], [0.2], [0.3]])
    assert from_axis_angle(axis, angles).shape == (4, 3, 2)
    assert from_axis_angle((0.0, 0.0, 1.0), angles).shape == (4, 3, 1)
    np.testing.assert_allclose(jax.vmap(from_axis_angle, (1, None), 1)(axis, 0.2), from_axis_angle(axis, 0.2), atol=1e-15)
    np.testing.assert_allclose(jax.jit(from_rodrigues)(axis), from_rodrigues(axis), atol=1e-15)


def test_derivatives_agree_with_differences():
    r = jnp.array([[0.3, -2.0], [0.1, 0.5], [-0.4, 3.0]])
    q = from_rodrigues(r)
    both = jax.jit(lambda x, w, p: (from_axis_angle(x, w), from_rodrigues(x), to_rodrigues(p), to_axis_angle(p)))
    check_grads(both, (r, jnp.array([0.4, 1.0]), q), 1, eps=1e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_derivatives_are_finite_at_zero_and_half_turns(dtype):
    identity, half = jnp.array([1.0, 0, 0, 0], dtype), jnp.array([0.0, 0, 1, 0], dtype)
    rates = jax.jit(jax.vmap(lambda q: (jax.jacobian(to_axis_angle)(q), jax.jacobian(to_rodrigues)(q))))(jnp.stack([identity, half]))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(rates))
    rate = jax.jit(jax.jacobian(from_axis_angle, 1))(jnp.array([0, 0, 1], dtype), jnp.zeros((), dtype))
    np.testing.assert_allclose(rate, [0, 0, 0, -0.5])
    np.testing.assert_allclose(jax.jit(jax.jacobian(from_rodrigues))(jnp.zeros(3, dtype)), np.vstack([np.zeros(3), -np.eye(3)]))


def test_what_is_no_rotation():
    assert np.isnan(jax.jit(from_axis_angle)(jnp.zeros(3), 0.3)).all()
    assert np.isnan(from_rodrigues(jnp.array([np.nan, 0, 0]))).all()
    with pytest.raises(ValueError, match=r"`axis` must have a length, but it is zero"):
        from_axis_angle(np.zeros(3), 0.3)
    with pytest.raises(ValueError, match=r"`axis` must be vectors \(3, …\), but its shape is \(2,\)"):
        from_axis_angle(np.zeros(2), 0.3)
    with pytest.raises(ValueError, match=r"`r` must be Rodrigues vectors \(3, …\), but its shape is \(4,\)"):
        from_rodrigues(np.zeros(4))
    with pytest.raises(ValueError, match=r"`q` must be quaternions \(4, …\)"):
        to_rodrigues(np.zeros(3))
