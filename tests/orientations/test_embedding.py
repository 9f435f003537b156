import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    embed,
    embedding_size,
    misorientation,
    multiply,
    normalize,
    random_orientations,
    symmetry_operators,
    to_matrix,
)
from jaxmicro.orientations.harmonics import harmonic_matrix, harmonics
from tests.orientations.groups import GROUPS

KEY, OTHER = jax.random.key(5), jax.random.key(6)
ROUNDING = 5e-15


def small_turns(size, n):
    """Rotations by an angle about axes spread over all directions."""
    axis = np.asarray(jax.random.normal(KEY, (3, n)))
    return jnp.concatenate([jnp.full((1, n), jnp.cos(size / 2)), jnp.sin(size / 2) * axis / jnp.linalg.norm(axis, axis=0)])


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 6])
def test_harmonics_reproduce_the_legendre_polynomials(degree):
    u, v = (to_matrix(random_orientations(key, 6))[0] for key in (KEY, OTHER))
    expected = np.polynomial.legendre.legval(np.sum(u * v, axis=0), [0] * degree + [1])
    np.testing.assert_allclose(jnp.sum(harmonics(u, degree) * harmonics(v, degree), axis=0), expected, atol=1e-14)
    assert harmonic_matrix(degree).shape == (2 * degree + 1, (degree + 1) * (degree + 2) // 2)


@pytest.mark.parametrize("laue", GROUPS)
def test_every_symmetry_of_the_group_leaves_the_embedding(laue):
    q = random_orientations(KEY, 7)
    operators = symmetry_operators(laue)
    members = multiply(operators[:, :, None], q[:, None])
    expected = jnp.broadcast_to(embed(q, laue)[:, None], (embedding_size(laue), operators.shape[1], 7))
    np.testing.assert_allclose(embed(members, laue), expected, atol=ROUNDING)


@pytest.mark.parametrize("laue", GROUPS)
def test_orientations_that_differ_have_embeddings_that_differ(laue):
    """Over 20,000 random pairs the distance is at least a third of the angle, and never more than it."""
    q, p = random_orientations(KEY, 20_000), random_orientations(OTHER, 20_000)
    near = multiply(small_turns(0.2, 20_000), q)
    for other in (p, near):
        ratio = jnp.linalg.norm(embed(q, laue) - embed(other, laue), axis=0) / misorientation(q, other, laue)
        assert float(ratio.min()) > 1 / 3
        assert float(ratio.max()) < 1


@pytest.mark.parametrize("laue", GROUPS)
def test_small_distances_are_angles_whatever_the_axis(laue):
    angle = 1e-3
    q = random_orientations(KEY, 500)
    distance = jnp.linalg.norm(embed(q, laue) - embed(multiply(small_turns(angle, 500), q), laue), axis=0)
    np.testing.assert_allclose(distance, angle, rtol=5 * angle**2)  # next term: fourth moments of degrees up to six


def test_the_cubic_embedding_is_the_fourth_rank_tensor_of_the_axes():
    """Differences of |t|² are those of T = Σ a⊗a⊗a⊗a, whose harmonic part it is, up to one factor."""
    q, p = random_orientations(KEY, 9), random_orientations(OTHER, 9)

    def tensor(q):
        g = to_matrix(q)  # its rows are the cube axes in the sample frame
        return jnp.einsum("anx,bnx,cnx,dnx->abcdx", *[jnp.swapaxes(g, 0, 1)] * 4)

    expected = jnp.sqrt(jnp.sum((tensor(q) - tensor(p)) ** 2, axis=(0, 1, 2, 3)))
    ratio = jnp.linalg.norm(embed(q) - embed(p), axis=0) / expected
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-13)


def test_a_pyrite_crystal_is_not_an_iron_crystal():
    """A quarter turn about a cube axis leaves m-3m and changes m-3, whose angle between the two is 90°."""
    q = random_orientations(KEY, 4)
    turned = multiply(jnp.array([0.5**0.5, 0, 0, 0.5**0.5])[:, None], q)
    np.testing.assert_allclose(embed(turned, "m-3m"), embed(q, "m-3m"), atol=ROUNDING)
    assert float(jnp.linalg.norm(embed(turned, "m-3") - embed(q, "m-3"), axis=0).min()) > 0.5


@pytest.mark.parametrize("laue", ["m-3m", pytest.param("6/m", marks=pytest.mark.slow)])
def test_derivatives_and_transformations(laue):
    q = random_orientations(KEY, (2,))
    check_grads(jax.jit(lambda q: embed(normalize(q), laue)), (q,), order=1, modes=("fwd", "rev"), rtol=1e-6)
    plain = embed(q, laue)
    np.testing.assert_allclose(jax.vmap(lambda q: embed(q, laue), 1, 1)(q), plain, atol=1e-14)
    single = embed(q.astype(jnp.float32), laue)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, plain, atol=2e-6)


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`laue` must be one of .*'m-3m', but it is 'm3m'. Did you mean 'm-3m'\?"):
        embed(np.ones(4), "m3m")
    with pytest.raises(ValueError, match=r"`q` must be quaternions \(4, …\)"):
        embed(np.ones((3, 2)))
