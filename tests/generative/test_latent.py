"""Paths between latents: ends, lengths, and the places where a formula would divide by zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.generative import interpolate

CASES = {
    "general": (np.array([1.0, 2.0, 0.5]), np.array([-0.3, 1.0, 2.0])),
    "equal": (np.array([1.0, 2.0, 0.5]), np.array([1.0, 2.0, 0.5])),
    "opposite": (np.array([1.0, 2.0, 0.5]), -np.array([1.0, 2.0, 0.5])),
    "zero": (np.zeros(3), np.array([1.0, 2.0, 0.5])),
    "both zero": (np.zeros(3), np.zeros(3)),
}


@pytest.mark.parametrize("kind", ["linear", "spherical"])
@pytest.mark.parametrize("case", CASES)
def test_ends_and_finite_derivatives(case, kind):
    z0, z1 = CASES[case]
    path = interpolate(z0, z1, 5, kind=kind)
    np.testing.assert_allclose(path[0], z0, atol=1e-14)
    np.testing.assert_allclose(path[-1], z1, atol=1e-14)
    for argument in (0, 1):
        jacobian = jax.jacrev(lambda a, b: interpolate(a, b, 5, kind=kind), argument)(jnp.asarray(z0), jnp.asarray(z1))
        assert bool(jnp.isfinite(jacobian).all())


def test_spherical_path_turns_at_constant_speed_and_keeps_the_length():
    z0, z1 = np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]])
    path = np.asarray(interpolate(z0, z1, 4, kind="spherical")).reshape(4, 2)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2)
    np.testing.assert_allclose(np.degrees(np.arctan2(path[:, 1], path[:, 0])), [0, 30, 60, 90], atol=1e-12)


def test_spherical_derivative_against_differences():
    z0, z1 = (jnp.asarray(z) for z in CASES["general"])

    def path(a):
        return jnp.sum(jnp.cos(interpolate(a, z1, 4, kind="spherical")))

    direction, step = jnp.asarray([0.2, -1.0, 0.4]), 1e-6
    difference = (path(z0 + step * direction) - path(z0 - step * direction)) / (2 * step)
    np.testing.assert_allclose(jax.grad(path)(z0) @ direction, difference, rtol=1e-8)


@pytest.mark.parametrize("nearness", [1e-3, 1e-6, 1e-9])
def test_nearly_parallel_directions_lose_no_digits(nearness):
    z0 = np.array([1.0, 0.0])
    z1 = np.array([np.cos(nearness), np.sin(nearness)])
    middle = interpolate(z0, z1, 3, kind="spherical")[1]
    np.testing.assert_allclose(middle, [np.cos(nearness / 2), np.sin(nearness / 2)], rtol=1e-9)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(2), np.zeros(3), 3), r"one shape, but they have \(2,\) and \(3,\)"),
        ((np.zeros(2), np.zeros(2), 1), "at least 2, but it is 1"),
        ((np.zeros(2), np.zeros(2), 3, "sperical"), "Did you mean 'spherical'"),
    ],
)
def test_bad_input_is_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        interpolate(*arguments)
