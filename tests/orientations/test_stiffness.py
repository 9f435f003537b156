import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import mandel_to_tensor, tensor_to_mandel
from jaxmicro.materials import constants, hexagonal_stiffness
from jaxmicro.orientations import from_euler, random_orientations, rotate_stiffness, rotation_mandel, to_matrix

KEY = jax.random.key(8)
PAIRS = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
CRYSTALS = {
    "titanium": hexagonal_stiffness(162.4, 92.0, 69.0, 180.7, 46.7),
    "olivine": constants("olivine").stiffness,
    "triclinic": np.diag(np.arange(1.0, 7.0)) + 0.1 * np.add.outer(np.arange(6.0), np.arange(6.0)),
}


def rank_four(stiffness):
    """C_ijkl of a Mandel matrix, entry by entry."""
    tensor = np.zeros((3, 3, 3, 3))
    for a, (i, j) in enumerate(PAIRS):
        for b, (k, m) in enumerate(PAIRS):
            value = float(stiffness[a, b]) / (np.sqrt(2) if i != j else 1) / (np.sqrt(2) if k != m else 1)
            for x, y in {(i, j), (j, i)}:
                for z, w in {(k, m), (m, k)}:
                    tensor[x, y, z, w] = value
    return tensor


@pytest.mark.parametrize("crystal", CRYSTALS)
def test_rotation_against_the_rank_four_tensor(crystal):
    q = random_orientations(KEY, ())
    g = np.asarray(to_matrix(q))
    # h = g s, so tensor components go back to the sample with gᵀ: C'_abcd = g_ia g_jb g_kc g_ld C_ijkl
    expected = np.einsum("ia,jb,kc,ld,ijkl->abcd", g, g, g, g, rank_four(CRYSTALS[crystal]))
    np.testing.assert_allclose(rank_four(rotate_stiffness(CRYSTALS[crystal], q)), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


def test_mandel_rotation_is_orthogonal_and_turns_tensors():
    q = random_orientations(KEY, 4)
    m, g = rotation_mandel(q), to_matrix(q)
    np.testing.assert_allclose(jnp.einsum("ijn,kjn->ikn", m, m), np.eye(6)[..., None] * np.ones(4), atol=1e-14)
    vector = jnp.arange(1.0, 7.0)
    turned = jnp.einsum("ikn,jln,kl->ijn", g, g, mandel_to_tensor(vector))
    np.testing.assert_allclose(jnp.einsum("ijn,j->in", m, vector), tensor_to_mandel(turned), atol=1e-13)


def test_a_basal_texture_stays_transversely_isotropic():
    """Turning a hexagonal crystal about its c axis changes nothing; tilting it by 90° puts C33 along the sample's y."""
    c = CRYSTALS["titanium"]
    np.testing.assert_allclose(rotate_stiffness(c, from_euler((0.7, 0.0, 0.0))), c, rtol=1e-13, atol=1e-11)
    tilted = rotate_stiffness(c, from_euler((0.0, np.pi / 2, 0.0)))
    np.testing.assert_allclose(jnp.diagonal(tilted)[:3], [162.4, 180.7, 162.4], rtol=1e-13)


def test_fields_of_orientations_and_of_stiffness():
    q = random_orientations(KEY, (3, 2))
    c = jnp.asarray(CRYSTALS["triclinic"])
    field = rotate_stiffness(c, q)
    assert field.shape == (6, 6, 3, 2)
    np.testing.assert_allclose(field[..., 2, 1], rotate_stiffness(c, q[:, 2, 1]), atol=1e-13)
    np.testing.assert_allclose(rotate_stiffness(c[..., None, None] * jnp.ones((3, 2)), q), field, atol=1e-13)
    np.testing.assert_allclose(jax.jit(jax.vmap(rotate_stiffness, (None, 1), 2))(c, q), field, atol=1e-13)


def test_derivatives_agree_with_differences():
    q, direction = random_orientations(KEY, (2,)), random_orientations(jax.random.key(9), (2,))
    c = jnp.asarray(CRYSTALS["triclinic"])
    weights = jax.random.normal(KEY, (6, 6, 2))

    def scalar(p, stiffness):
        return jnp.sum(weights * rotate_stiffness(stiffness, p))

    value = jax.jit(scalar)
    tangents = (direction, 0.1 * c @ c)
    forward, (by_q, by_c) = jax.jit(lambda p, k: (jax.jvp(scalar, (p, k), tangents)[1], jax.grad(scalar, (0, 1))(p, k)))(q, c)
    step = 1e-5
    expected = (value(q + step * tangents[0], c + step * tangents[1]) - value(q - step * tangents[0], c - step * tangents[1])) / (2 * step)
    np.testing.assert_allclose([forward, jnp.vdot(by_q, tangents[0]) + jnp.vdot(by_c, tangents[1])], [expected] * 2, rtol=1e-8)


def test_single_precision():
    q = random_orientations(KEY, 2)
    c = jnp.asarray(CRYSTALS["triclinic"])
    single = rotate_stiffness(c.astype(jnp.float32), q.astype(jnp.float32))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, rotate_stiffness(c, q), rtol=0, atol=1e-5)


def test_plane_stiffness_is_refused():
    with pytest.raises(ValueError, match=r"`stiffness` must be a Mandel matrix \(6, 6, …\) of a crystal, but its shape is \(3, 3\)"):
        rotate_stiffness(np.eye(3), np.array([1.0, 0, 0, 0]))
