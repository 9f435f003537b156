"""Every linear law keeps the protocol: one row per law."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.materials import Crystals, Isotropic, Phases, Scalar, Tensor, is_definite, is_semidefinite
from jaxmicro.orientations import random_orientations
from tests.daily import daily

RNG = np.random.default_rng(0)
SHAPE = (4, 3)


def tensors(size, count):
    a = RNG.normal(size=(count, size, size))
    return jnp.asarray(a @ np.swapaxes(a, 1, 2) + 0.2 * np.eye(size))


def positive(shape):
    return jnp.asarray(RNG.uniform(0.5, 3.0, size=shape))


LAWS = {
    "tensor in plane": Tensor(jnp.moveaxis(tensors(3, 12), 0, -1).reshape(3, 3, *SHAPE)),
    "tensor columnar": Tensor(jnp.moveaxis(tensors(6, 12), 0, -1).reshape(6, 6, *SHAPE)),
    "isotropic in plane": Isotropic(positive(SHAPE), positive(SHAPE)),
    "isotropic columnar": Isotropic(positive(SHAPE), positive(SHAPE), 6),
    "isotropic 3D": Isotropic(positive((2, 3, 2)), positive((2, 3, 2))),
    "phases": Phases(jnp.asarray(RNG.integers(0, 2, SHAPE)), tensors(6, 2)),
    "crystals": Crystals(tensors(6, 1)[0], random_orientations(jax.random.key(0), SHAPE)),
    "crystals of two phases": Crystals(
        tensors(6, 2), random_orientations(jax.random.key(1), SHAPE), jnp.asarray(RNG.integers(0, 2, SHAPE))
    ),
    "scalar": Scalar(positive(SHAPE)),
    "conductivity tensor": Tensor(jnp.moveaxis(tensors(2, 12), 0, -1).reshape(2, 2, *SHAPE)),
}


@pytest.mark.parametrize("name", LAWS)
def test_stress_is_the_tensor_times_the_strain(name):
    law = LAWS[name]
    strain = jnp.asarray(RNG.normal(size=(law.components, *law.grid_shape)))
    expected = jnp.einsum("ij...,j...->i...", law.tensor(), strain)
    assert np.allclose(jnp.stack(law.stress(tuple(strain))), expected, rtol=1e-12)
    one = jnp.zeros_like(strain).at[1].set(strain[1])
    missing = tuple(one[k] if k == 1 else None for k in range(law.components))
    assert np.allclose(jnp.stack(law.stress(missing)), jnp.einsum("ij...,j...->i...", law.tensor(), one), rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in LAWS if "tensor" in name])
def test_a_packed_tensor_is_the_same_law(name):
    law = LAWS[name]
    strain = tuple(jnp.asarray(RNG.normal(size=(law.components, *law.grid_shape))))
    packed = law.packed()
    assert packed.values.shape[0] == law.components * (law.components + 1) // 2
    assert np.allclose(jnp.stack(packed.stress(strain)), jnp.stack(law.stress(strain)), rtol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_mapped_fields_are_those_of_the_grid(name):
    law = LAWS[name]
    flat = law.map_fields(lambda field: field.reshape(*field.shape[: field.ndim - len(law.grid_shape)], -1))
    strain = jnp.asarray(RNG.normal(size=(law.components, int(np.prod(law.grid_shape)))))
    expected = jnp.stack(law.stress(tuple(strain.reshape(law.components, *law.grid_shape))))
    assert np.allclose(jnp.stack(flat.stress(tuple(strain))), expected.reshape(law.components, -1), rtol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_the_mean_is_that_of_the_tensor_field(name):
    law = LAWS[name]
    field = law.tensor()
    assert field.shape == (law.components, law.components, *law.grid_shape)
    assert np.allclose(law.mean(), jnp.mean(field, axis=tuple(range(2, field.ndim))), rtol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_a_sound_law_has_no_faults_and_survives_jit(name):
    faults = jax.jit(lambda law: law.faults())(LAWS[name])
    assert not any(bool(jnp.any(flags)) for flags in faults)


@pytest.mark.parametrize("name", daily(list(LAWS), "tensor in plane", "isotropic columnar", "phases", "crystals of two phases", "scalar"))
def test_stress_is_differentiable_in_the_constants(name):
    law = LAWS[name]
    leaves, structure = jax.tree.flatten(law)
    floating = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def energy(values):
        values = iter(values)
        rebuilt = jax.tree.unflatten(structure, [next(values) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf for leaf in leaves])
        strain = tuple(jnp.full(law.grid_shape, 1.0 + k) for k in range(law.components))
        return sum(jnp.vdot(s, e) for s, e in zip(rebuilt.stress(strain), strain, strict=True))

    check_grads(
        energy, (floating,), order=1, modes=["fwd", "rev"], rtol=1e-6, eps=1e-5
    )  # turned crystals are of degree eight: smaller steps


@pytest.mark.slow
def test_laws_and_full_tensors_give_the_same_effective_stiffness():
    grid = jm.Grid(SHAPE)
    for name in ("isotropic in plane", "isotropic columnar", "phases", "crystals of two phases"):
        law = LAWS[name]
        compact = jm.effective_stiffness(law, grid, rtol=1e-8).tensor
        assert np.allclose(compact, jm.effective_stiffness(law.tensor(), grid, rtol=1e-8).tensor, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_phases_have_a_gradient_in_the_table_and_none_in_the_labels():
    law, grid = LAWS["phases"], jm.Grid(SHAPE)
    value = jax.jit(lambda table: jm.effective_stiffness(Phases(law.labels, table), grid, rtol=1e-9).tensor[0, 0])
    direction = tensors(6, 2)
    central = (value(law.table + 1e-6 * direction) - value(law.table - 1e-6 * direction)) / 2e-6
    assert float(jnp.vdot(jax.grad(value)(law.table), direction)) == pytest.approx(float(central), rel=1e-6)


def test_a_label_outside_the_table_is_a_fault(as_user):
    labels = jnp.zeros(SHAPE, int).at[1, 2].set(2)
    assert np.array_equal(Phases(labels, tensors(6, 2)).faults().unknown, labels == 2)
    with pytest.raises(TypeError, match="`labels` must be whole numbers"):
        Phases(np.full(SHAPE, 0.5), tensors(6, 2))


@pytest.mark.slow
def test_a_label_outside_the_table_is_refused(as_user):
    law = Phases(jnp.full(SHAPE, 2), tensors(6, 2))
    with pytest.raises(
        ValueError,
        match=r"`stiffness` must have a tensor in the table in every voxel, but 12 of 12 fail \(the first is voxel \(0, 0\)\)",
    ):
        jm.effective_stiffness(law, jm.Grid(SHAPE))


@pytest.mark.parametrize("given", [np.float16, int, np.float32, np.float64])
def test_constants_become_floats_that_the_solver_knows(as_user, given):
    field, dtype = np.ones(SHAPE, given), {np.float16: np.float32, np.float32: np.float32}.get(given, np.float64)
    for law in (Isotropic(field, field), Isotropic(1, field), Scalar(field), Tensor(np.ones((2, 2, *SHAPE), given))):
        assert law.dtype == dtype
        assert all(isinstance(leaf, jax.Array) and leaf.shape[-2:] == SHAPE for leaf in jax.tree.leaves(law))
    assert Phases(np.zeros(SHAPE, int), np.ones((1, 3, 3), given)).dtype == dtype


def test_without_x64_a_double_field_is_judged_as_the_single_one_it_becomes(as_user):
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        law = Scalar(np.ones(SHAPE))
        with pytest.raises(ValueError, match="for float32"):
            jm.effective_conductivity(law, jm.Grid(SHAPE), rtol=1e-9)


def test_laws_are_asked_for_the_components_of_their_grid():
    with pytest.raises(ValueError, match="`conductivity` must have 2 components on a 2D grid, but it has 3"):
        jm.effective_conductivity(Tensor(jnp.ones((3, 3, *SHAPE))), jm.Grid(SHAPE))
    with pytest.raises(ValueError, match="`stiffness` must have 6 components on a 3D grid, but it has 3"):
        jm.effective_stiffness(Isotropic(positive((2, 3, 2)), positive((2, 3, 2)), 3), jm.Grid((2, 3, 2)))


@pytest.mark.parametrize("size", [2, 3, 6])
def test_semidefiniteness_agrees_with_eigenvalues(size):
    a = RNG.normal(size=(400, size, size))
    a = a + np.swapaxes(a, 1, 2) + RNG.uniform(0, 3 * size, size=(400, 1, 1)) * np.eye(size)
    rank_one = RNG.normal(size=(100, size))
    singular = np.einsum("ni,nj->nij", rank_one, rank_one)
    both = np.concatenate([a, singular, -singular])
    lowest = np.linalg.eigvalsh(both)[:, 0]
    expected = lowest > -1e-12 * np.abs(both).max((1, 2))
    clear = np.abs(lowest) > 1e-9
    clear[400:] = True
    found = np.asarray(is_semidefinite(jnp.moveaxis(jnp.asarray(both), 0, -1)))
    assert 50 < expected[:400].sum() < 350
    assert (found == expected)[clear].all()


def rotation(size, i, j, angle):
    g = np.eye(size)
    g[[i, j], [i, j]] = np.cos(angle)
    g[i, j], g[j, i] = np.sin(angle), -np.sin(angle)
    return g


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("angle", [1e-8, 1e-5, 1e-3, 0.3])
def test_a_rank_deficient_tensor_stays_semidefinite_however_it_is_turned(dtype, angle):
    """Small angles leave entries √size of rounding over a vanishing pivot."""
    turn = rotation(6, 0, 3, angle) @ rotation(6, 1, 4, 2 * angle)
    turned = (turn @ np.diag([0.0, 0.0, 3.0, 1.0, 2.0, 0.0]) @ turn.T).astype(dtype)
    for size in (1.0, 1e20, 1e-20):
        assert is_semidefinite(jnp.asarray(turned * dtype(size))).item()
        assert not is_definite(jnp.asarray(turned * dtype(size))).item()


@pytest.mark.parametrize(("dtype", "lowest"), [(np.float32, -1e-3), (np.float64, -2e-7), (np.float64, -1e-11)])
def test_an_eigenvalue_negative_beyond_rounding_is_seen(dtype, lowest):
    turn = rotation(6, 0, 3, 0.4) @ rotation(6, 1, 5, 0.7) @ rotation(6, 0, 1, 0.3)
    for place in range(6):
        values = np.ones(6)
        values[place] = lowest
        tensor = (turn @ np.diag(values) @ turn.T).astype(dtype)
        for size in (1.0, 1e20, 1e-20):
            assert not is_semidefinite(jnp.asarray(tensor * dtype(size))).item()
            assert is_definite(jnp.asarray((tensor + 2 * abs(lowest) * np.eye(6, dtype=dtype)) * dtype(size))).item()


def test_zero_is_semidefinite_and_nan_is_not():
    assert is_semidefinite(jnp.zeros((3, 3))).item()
    assert not is_definite(jnp.zeros((3, 3))).item()
    for bad in (jnp.nan, jnp.inf):
        assert not is_semidefinite(jnp.eye(3).at[1, 1].set(bad)).item()


def test_crystals_refuse_what_is_no_rotation(as_user):
    crystal = np.eye(6)
    with pytest.raises(ValueError, match="unit quaternions, but 12 are not"):
        Crystals(crystal, np.ones((4, *SHAPE)))
    with pytest.raises(ValueError, match=r"quaternions \(4, \*grid\)"):
        Crystals(crystal, np.ones((3, *SHAPE)))
    with pytest.raises(ValueError, match="`labels` must be given"):
        Crystals(np.stack([crystal, crystal]), np.ones((4, *SHAPE)) / 2)


@pytest.mark.slow
def test_a_solve_refuses_a_turn_that_is_no_number(as_user):
    turns = np.ones((4, *SHAPE)) / 2
    turns[0, 1, 1] = np.nan
    with pytest.raises(ValueError, match="must be finite in every voxel, but 1 of 12"):
        jm.effective_stiffness(Crystals(np.eye(6), turns), jm.Grid(SHAPE))


@pytest.mark.parametrize("label", [2, -1])
def test_labels_without_a_crystal_are_refused_and_nan_under_a_tracer(label):
    pair, turns = tensors(6, 2), random_orientations(jax.random.key(0), SHAPE)
    labels = jnp.zeros(SHAPE, int).at[1, 2].set(label)
    with pytest.raises(ValueError, match=rf"`labels` must lie between 0 and 1 for 2 crystals, but they include \[{label}\]"):
        Crystals(pair, turns, labels)
    traced = jax.jit(lambda labels: (Crystals(pair, turns, labels).tensor()[0, 0], Crystals(pair, turns, labels).faults().unknown))(labels)
    assert np.isnan(traced[0]).tolist() == traced[1].tolist() == (labels != 0).tolist()


def test_traced_quaternions_of_any_length_stand_for_turns():
    crystal, turns = tensors(6, 1)[0], random_orientations(jax.random.key(0), SHAPE)
    strain = [positive(SHAPE) for _ in range(6)]
    stress = jax.jit(lambda q: jnp.stack(Crystals(crystal, q).stress(strain)))
    np.testing.assert_allclose(stress(1.5 * turns), stress(turns), rtol=1e-12)
