import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    LAUE_GROUPS,
    embed,
    embedding_size,
    in_fundamental_zone,
    misorientation,
    multiply,
    normalize,
    project,
    random_orientations,
)
from tests.daily import daily

KEY = jax.random.key(5)
N = 300
ROUND_TRIP = {jnp.float64: 1e-10, jnp.float32: 1e-3}  # degrees; 0.01° is asked for
MIDPOINT = 1e-3  # degrees, of pairs 5° apart; 0.1° is asked for


@functools.partial(jax.jit, static_argnums=1)
def projected(t, laue):
    return project(t, laue)


def turned(q, angle):
    axis = jax.random.normal(jax.random.key(9), (3, q.shape[1]))
    axis = axis / jnp.linalg.norm(axis, axis=0)
    return multiply(jnp.concatenate([jnp.full((1, q.shape[1]), jnp.cos(angle / 2)), jnp.sin(angle / 2) * axis]), q)


@pytest.mark.parametrize("laue", daily(LAUE_GROUPS, "m-3m", "6/mmm"))
def test_round_trip_and_midpoints(laue):
    """The embedding's shortest paths are rotations, so the middle of a chord projects to the middle of the turn."""
    q = random_orientations(KEY, N)
    found = projected(embed(q, laue), laue)
    assert float(misorientation(found, q, laue, degrees=True).max()) < ROUND_TRIP[jnp.float64]
    assert in_fundamental_zone(found, laue).all()
    between = (embed(q, laue) + embed(turned(q, np.deg2rad(5.0)), laue)) / 2
    middle = turned(q, np.deg2rad(2.5))
    assert float(misorientation(projected(between, laue), middle, laue, degrees=True).max()) < MIDPOINT


@pytest.mark.parametrize("laue", daily(["m-3m", "6/mmm"], "m-3m"))
def test_single_precision(laue):
    q = random_orientations(KEY, N, jnp.float32)
    found = projected(embed(q, laue), laue)
    assert found.dtype == jnp.float32
    assert float(misorientation(found, q, laue, degrees=True).max()) < ROUND_TRIP[jnp.float32]


@pytest.mark.parametrize("laue", daily(["m-3m", "6/mmm", "m-3", "mmm"], "m-3m", "6/mmm"))
def test_blends_go_to_the_nearest_of_all_orientations(laue):
    """Blends of three crystals: nothing among 20,000 orientations is nearer than what is found."""
    shares = jax.random.dirichlet(jax.random.key(1), jnp.ones(3), (N,)).T
    t = sum(share * embed(random_orientations(jax.random.key(n), N), laue) for n, share in enumerate(shares))
    found = jnp.sum(embed(projected(t, laue), laue) * t, axis=0)
    brute = (embed(random_orientations(jax.random.key(7), 20_000), laue).T @ t).max(axis=0)
    assert float((found - brute).min()) > -1e-12
    assert float(((found - brute) / found).max()) < 0.1  # the 20,000 come near, so the comparison means something


def test_noise_is_climbed_to_a_maximum():
    """The derivative of t · embed(q) in every turn of q is zero, by differences of the embedding itself."""
    t = jax.random.normal(KEY, (9, N))
    q = projected(t, "m-3m")

    def height(turn):
        return jnp.sum(embed(normalize(multiply(q, jnp.concatenate([jnp.ones((1, N)), turn]))), "m-3m") * t)

    slope = jax.grad(height)(jnp.zeros((3, N)))
    assert float(jnp.abs(slope).max()) < 1e-12 * float(jnp.linalg.norm(t, axis=0).max()) * 10


@pytest.mark.parametrize("laue", ["m-3m", pytest.param("6/m", marks=pytest.mark.slow)])
def test_the_derivative_is_that_of_the_maximum(laue):
    t = embed(random_orientations(KEY, 2), laue)
    t = t + 0.03 * jax.random.normal(jax.random.key(8), t.shape)  # off the orientations
    check_grads(functools.partial(projected, laue=laue), (t,), order=1, modes=("fwd", "rev"), rtol=1e-6)


@pytest.mark.slow
def test_along_the_orientations_the_derivative_of_the_round_trip_is_the_identity():
    q = random_orientations(KEY, ())
    q = projected(embed(q), "m-3m")  # a member that comes back as itself
    jacobian = jax.jit(jax.jacobian(lambda q: project(embed(normalize(q)))))(q)
    np.testing.assert_allclose(jacobian, jnp.eye(4) - jnp.outer(q, q), atol=1e-12)


def test_zero_and_not_a_number():
    t = jnp.zeros((9, 2)).at[:, 1].set(jnp.nan)
    np.testing.assert_array_equal(projected(t, "m-3m"), [[1, np.nan], [0, np.nan], [0, np.nan], [0, np.nan]])
    assert not jax.jit(jax.jacfwd(project))(jnp.zeros(9)).any()
    assert project(jnp.zeros((9, 0))).shape == (4, 0)


def test_jit_vmap_and_chunks_agree_with_single_calls():
    t = embed(random_orientations(KEY, (5, 130)))  # more than one chunk of 512
    whole = projected(t, "m-3m")
    assert whole.shape == (4, 5, 130)
    np.testing.assert_allclose(whole[:, 3], projected(t[:, 3], "m-3m"), atol=1e-14)
    np.testing.assert_allclose(jax.jit(jax.vmap(project, 1, 1))(t[:, :, :7]), whole[:, :, :7], atol=1e-14)


def test_embeddings_of_another_group_are_refused():
    with pytest.raises(ValueError, match=r"`t` must be an embedding \(27, …\) of '6/mmm', but its shape is \(9, 2\). Make it with embed"):
        project(np.ones((9, 2)), "6/mmm")
    assert embedding_size("6/mmm") == 27
