import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.fields import tensor_to_mandel
from jaxmicro.orientations import (
    from_axis_angle,
    multiply,
    random_orientations,
    schmid_factors,
    slip_systems,
    symmetry_operators,
    to_matrix,
)

KEY = jax.random.key(51)
HERE = jnp.array([1.0, 0, 0, 0])
COUNTS = {
    "fcc": 12, "bcc": 24, "bcc_110": 12, "bcc_112": 12, "bcc_123": 24, "hcp_basal": 3, "hcp_prismatic": 3,
    "hcp_pyramidal_a": 6, "hcp_pyramidal_ca": 12, "hcp_pyramidal_ca_second": 6, "hcp": 30,
}  # fmt: skip
RATIO = 1.587
Q = random_orientations(KEY, 7)


@pytest.mark.parametrize("name", COUNTS)
def test_systems_are_distinct_and_closed_under_symmetry(name):
    systems = slip_systems(name, c_over_a=RATIO)
    d, n = np.asarray(systems.directions), np.asarray(systems.normals)
    assert d.shape == n.shape == (3, COUNTS[name])
    assert len(systems.families) == COUNTS[name]
    np.testing.assert_allclose([np.linalg.norm(d, axis=0), np.linalg.norm(n, axis=0)], 1, atol=1e-15)
    np.testing.assert_allclose(np.sum(d * n, axis=0), 0, atol=1e-15)
    shear = np.einsum("in,jn->nij", d, n).reshape(len(d.T), 9)
    assert (np.abs(shear @ shear.T) > 1 - 1e-9).sum() == COUNTS[name]  # no two are one
    for g in np.moveaxis(np.asarray(to_matrix(symmetry_operators("6/mmm" if "hcp" in name else "m-3m"))), -1, 0):
        turned = np.einsum("ki,in,lj,jn->nkl", g, d, g, n).reshape(shear.shape)
        assert np.abs(turned @ shear.T).max(axis=1).min() > 1 - 1e-9


def test_hexagonal_directions_and_planes():
    """Angles of the pyramids by trigonometry: plane {10-11} rises by 2c/√3a, ⟨11-23⟩ by c/a."""
    pyramid = slip_systems("hcp_pyramidal_ca", RATIO)
    np.testing.assert_allclose(np.abs(pyramid.normals[2]), np.cos(np.arctan(2 * RATIO / np.sqrt(3))), atol=1e-14)
    np.testing.assert_allclose(np.abs(pyramid.directions[2]), np.sin(np.arctan(RATIO)), atol=1e-14)
    second = slip_systems("hcp_pyramidal_ca_second", RATIO)
    np.testing.assert_allclose(np.abs(second.normals[2]), np.cos(np.arctan(RATIO)), atol=1e-14)
    basal = slip_systems("hcp_basal")
    np.testing.assert_allclose(np.abs(basal.normals[2]), 1, atol=1e-15)
    assert bool((np.abs(np.asarray(basal.directions)[0]) > 1 - 1e-12).any())  # one of them along x ∥ a


@pytest.mark.parametrize(("direction", "largest", "systems"), [((0, 0, 1), 1 / np.sqrt(6), 8), ((1, 1, 1), 2 / (3 * np.sqrt(6)), 6), ((1, 1, 0), 1 / np.sqrt(6), 4)])  # fmt: skip
def test_known_factors_of_fcc(direction, largest, systems):
    factors = jnp.abs(schmid_factors(HERE, slip_systems("fcc"), jnp.array(direction, float)))
    assert float(factors.max()) == pytest.approx(largest)
    assert int((factors > largest - 1e-9).sum()) == systems


def test_factors_are_bounded_and_the_bound_is_reached():
    assert float(jnp.abs(schmid_factors(random_orientations(KEY, 500), slip_systems("fcc"), (0.0, 0.0, 1.0))).max()) <= 0.5
    systems = slip_systems("fcc")
    between = systems.directions[:, 0] + systems.normals[:, 0]
    np.testing.assert_allclose(schmid_factors(HERE, systems, between)[0], 0.5, atol=1e-15)


def test_a_uniaxial_stress_resolves_the_schmid_factors():
    load = np.array([0.48, -0.6, 0.64])
    systems = slip_systems("hcp", RATIO)
    factors = schmid_factors(Q, systems, load)
    assert factors.shape == (30, 7)
    stress = tensor_to_mandel(jnp.asarray(250.0 * np.outer(load, load)))
    np.testing.assert_allclose(schmid_factors(Q, systems, stress), 250 * factors, atol=1e-11)
    np.testing.assert_allclose(schmid_factors(Q, systems, 3 * load), factors, atol=1e-15)


def test_a_stress_is_resolved_by_hand():
    stress = np.array([[3.0, 1, -2], [1, 0, 4], [-2, 4, 5]])
    systems = slip_systems("bcc", RATIO)
    g = np.asarray(to_matrix(Q))
    expected = np.einsum("an,akp,kl,blp,bn->np", systems.directions, g, stress, g, systems.normals)
    np.testing.assert_allclose(schmid_factors(Q, systems, tensor_to_mandel(jnp.asarray(stress))), expected, atol=1e-13)


def test_turning_crystal_and_load_together_changes_nothing():
    turn = from_axis_angle((1.0, 2.0, -1.0), 0.7)
    load = jnp.array([0.2, 0.9, -0.1])
    turned = to_matrix(turn).T @ load
    before, after = (schmid_factors(q, slip_systems("fcc"), x) for q, x in [(Q, load), (multiply(Q, turn[:, None]), turned)])
    np.testing.assert_allclose(before, after, atol=1e-14)


def test_fields_and_transformations():
    systems = slip_systems("fcc")
    loads = jax.random.normal(KEY, (6, 7))
    field = schmid_factors(Q, systems, loads)
    np.testing.assert_allclose(jax.jit(jax.vmap(schmid_factors, (1, None, 1), 1))(Q, systems, loads), field, atol=1e-14)
    assert schmid_factors(Q[:, :, None], systems, jnp.ones((3, 2))).shape == (12, 7, 2)
    assert schmid_factors(Q.astype(jnp.float32), systems, loads.astype(jnp.float32)).dtype == jnp.float32
    np.testing.assert_allclose(schmid_factors(Q.astype(jnp.float32), systems, loads.astype(jnp.float32)), field, atol=2e-6)


def test_derivatives_agree_with_differences():
    systems = slip_systems("hcp_pyramidal_a", RATIO)
    both = jax.jit(lambda q, x: (schmid_factors(q, systems, x[:3]), schmid_factors(q, systems, x)))
    check_grads(both, (Q, jax.random.normal(KEY, (6, 7))), 1, eps=1e-6, rtol=1e-6, atol=1e-8)


def test_wrong_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`name` must be one of 'fcc', .*, but it is 'fc'\. Did you mean 'fcc'"):
        slip_systems("fc")
    with pytest.raises(ValueError, match=r"`c_over_a` must be given for 'hcp', but it is None"):
        slip_systems("hcp")
    with pytest.raises(ValueError, match=r"`c_over_a` must be positive, but it is -1"):
        slip_systems("hcp", c_over_a=-1.0)
    with pytest.raises(ValueError, match=r"`loading` must be a direction \(3, …\) or a Mandel stress \(6, …\), but its shape is \(4,\)"):
        schmid_factors(HERE, slip_systems("fcc"), np.zeros(4))
    assert np.isnan(schmid_factors(HERE, slip_systems("fcc"), np.zeros(3))).all()
