import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.orientations import conjugate, from_euler, from_matrix, multiply, normalize, random_orientations, to_euler, to_matrix

KEY = jax.random.key(3)


def passive_z(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def passive_x(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def rotation_distance(p, q):
    """Sine of half the angle between rotations, without a cosine near 1."""
    return jnp.linalg.norm(multiply(p, conjugate(q))[1:], axis=0)


def test_pinned_signs():
    np.testing.assert_allclose(from_euler((0.6, 0.0, 0.0)), [np.cos(0.3), 0, 0, -np.sin(0.3)], atol=1e-15)
    # a crystal turned by +φ1 about z: the sample's x axis has crystal coordinates (cos φ1, −sin φ1, 0)
    np.testing.assert_allclose(to_matrix(from_euler((0.6, 0.0, 0.0))) @ np.array([1.0, 0, 0]), [np.cos(0.6), -np.sin(0.6), 0], atol=1e-15)


def test_bunge_angles_are_three_passive_turns():
    phi1, phi, phi2 = 0.3, 1.1, 2.4
    expected = passive_z(phi2) @ passive_x(phi) @ passive_z(phi1)
    np.testing.assert_allclose(to_matrix(from_euler((phi1, phi, phi2))), expected, atol=1e-15)
    np.testing.assert_allclose(to_matrix(from_euler(np.rad2deg([phi1, phi, phi2]), degrees=True)), expected, atol=1e-14)


def test_the_product_is_that_of_the_matrices_and_symmetry_multiplies_from_the_left():
    p, q = random_orientations(KEY, 6), random_orientations(jax.random.key(4), 6)
    np.testing.assert_allclose(to_matrix(multiply(p, q)), jnp.einsum("ijn,jkn->ikn", to_matrix(p), to_matrix(q)), atol=1e-14)
    turn = from_euler((np.pi / 2, 0.0, 0.0))  # a fourfold axis of a cubic crystal permutes the crystal components h
    h, turned = to_matrix(q)[:, 0], to_matrix(multiply(turn, q))[:, 0]
    np.testing.assert_allclose(turned, jnp.stack([h[1], -h[0], h[2]]), atol=1e-14)


def test_matrices_give_quaternions_with_a_positive_scalar_part():
    q = random_orientations(KEY, 50)
    found = from_matrix(to_matrix(q))
    assert float(q[0].min()) < 0 <= float(found[0].min())
    np.testing.assert_allclose(found, q * jnp.sign(q[0]), atol=1e-14)


def test_conjugate_is_the_inverse():
    q = random_orientations(KEY, 5)
    np.testing.assert_allclose(multiply(q, conjugate(q)), np.array([[1.0], [0], [0], [0]]) * np.ones(5), atol=1e-15)
    np.testing.assert_allclose(to_matrix(conjugate(q)), jnp.swapaxes(to_matrix(q), 0, 1), atol=1e-15)


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-14), (jnp.float32, 1e-6)])
def test_euler_angles_come_back(dtype, tolerance):
    q = random_orientations(KEY, (40, 5), dtype)
    angles = to_euler(q)
    assert angles.dtype == dtype
    assert float(rotation_distance(from_euler(angles), q).max()) < tolerance
    assert bool((angles >= 0).all())
    assert bool((angles[1] <= np.pi * (1 + tolerance)).all())
    assert bool((angles[::2] < 2 * np.pi).all())


@pytest.mark.parametrize("tilt", [0.0, np.pi, 1e-9, np.pi - 1e-9, 1e-3])
@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_euler_angles_at_their_poles(tilt, dtype):
    q = from_euler(jnp.array([5.0, tilt, 0.7], dtype))
    assert float(rotation_distance(from_euler(to_euler(q)), q)) < (1e-14 if dtype == jnp.float64 else 1e-6)
    assert np.isfinite(jax.jit(jax.jacobian(to_euler))(q)).all()


def test_euler_angles_are_returned_as_given():
    angles = np.array([[0.2, 6.0], [1.0, 3.0], [5.9, 0.1]])
    np.testing.assert_allclose(to_euler(from_euler(angles)), angles, atol=1e-14)
    np.testing.assert_allclose(to_euler(from_euler(angles), degrees=True), np.rad2deg(angles), atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("angle", [np.pi, np.pi - 1e-7, 0.0, 1e-9, 2.5])
def test_matrices_come_back_at_every_angle(axis, angle):
    q = np.zeros(4)
    q[0], q[1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    assert float(rotation_distance(from_matrix(to_matrix(q)), q)) < 1e-15
    assert np.isfinite(jax.jit(jax.jacobian(from_matrix))(to_matrix(q))).all()


@pytest.mark.parametrize("change", [from_euler, lambda a: to_euler(from_euler(a)), lambda a: from_matrix(to_matrix(from_euler(a)))])
def test_derivatives_agree_with_differences(change):
    angles, direction, weights = (
        jax.random.uniform(key, (n, 2), minval=0.3, maxval=1.2) for key, n in zip(jax.random.split(KEY, 3), (3, 3, 4), strict=True)
    )

    def scalar(a):
        value = change(a)
        return jnp.sum(weights[: value.shape[0]] * value)

    both = jax.jit(lambda a: (jax.jvp(scalar, (a,), (direction,))[1], jnp.vdot(jax.grad(scalar)(a), direction)))(angles)
    step = 1e-5
    value = jax.jit(scalar)
    expected = (value(angles + step * direction) - value(angles - step * direction)) / (2 * step)
    np.testing.assert_allclose(both, [expected] * 2, rtol=1e-8)


def test_normalize_is_safe_at_zero():
    q = jnp.zeros((4, 2)).at[:, 1].set(2.0)
    np.testing.assert_allclose(normalize(q), [[1, 0.5], [0, 0.5], [0, 0.5], [0, 0.5]])
    assert np.isfinite(jax.jit(jax.jacobian(normalize))(q)).all()


def test_random_orientations_are_uniform():
    q = random_orientations(KEY, 20_000)
    np.testing.assert_allclose(jnp.linalg.norm(q, axis=0), 1.0, atol=1e-14)
    assert float(jnp.abs(to_matrix(q).mean(axis=-1)).max()) < 5 / np.sqrt(20_000 * 3)
    angle = 2 * jnp.arctan2(jnp.linalg.norm(q[1:], axis=0), jnp.abs(q[0]))
    share = np.arange(1, 20_001) / 20_000
    cumulative = (np.sort(angle) - np.sin(np.sort(angle))) / np.pi  # Haar measure: density (1 − cos ω)/π
    assert np.abs(cumulative - share).max() < 1.95 / np.sqrt(20_000)  # Kolmogorov–Smirnov at 0.1 %
    assert not np.array_equal(q, random_orientations(jax.random.key(4), 20_000))


def test_jit_and_vmap_agree_with_the_plain_call():
    angles = to_euler(random_orientations(KEY, 7))
    plain = from_euler(angles)
    np.testing.assert_allclose(jax.jit(from_euler)(angles), plain, atol=1e-15)
    np.testing.assert_allclose(jax.vmap(from_euler, 1, 1)(angles), plain, atol=1e-15)
    np.testing.assert_allclose(jax.vmap(to_euler, 1, 1)(plain), jax.jit(to_euler)(plain), atol=1e-14)


def test_wrong_shapes_and_conventions_are_named():
    with pytest.raises(ValueError, match=r"`angles` must be Euler angles \(3, …\), but its shape is \(2,\)"):
        from_euler(np.zeros(2))
    with pytest.raises(ValueError, match=r"`q` must be quaternions \(4, …\), scalar first, but its shape is \(5, 4\)"):
        to_matrix(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"`convention` must be one of 'bunge'"):
        from_euler(np.zeros(3), convention="roe")
    with pytest.raises(ValueError, match=r"`matrix` must have shape \(3, 3, …\)"):
        from_matrix(np.zeros((2, 2)))
