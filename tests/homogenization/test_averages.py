"""Equivalent and principal values, phase means and concentration tensors against closed forms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.fields import mandel_to_tensor, tensor_to_mandel
from jaxmicro.homogenization import concentration_tensors, phase_averages, principal_values, von_mises
from tests.daily import daily
from tests.homogenization.references import laminate_stiffness, random_stiffness, strain_of

RNG = np.random.default_rng(3)
FIELDS = ("strain", "stress")
ROUNDING = 1e-12  # of sums over a few hundred voxels


# Von Mises --------------------------------------------------------------------------------------------------------------


def test_von_mises_is_that_of_the_deviator():
    stress = RNG.normal(size=(6, 4, 3))
    full = np.asarray(mandel_to_tensor(stress))
    deviator = full - np.trace(full) / 3 * np.eye(3)[:, :, None, None]
    assert np.allclose(von_mises(stress), np.sqrt(1.5 * np.sum(deviator**2, axis=(0, 1))), rtol=ROUNDING)
    shear = tensor_to_mandel(np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert float(von_mises(shear)) == pytest.approx(2 * np.sqrt(3))


def test_von_mises_in_the_plane_needs_the_stress_across_it():
    flat = RNG.normal(size=(3, 5))
    sheet = np.stack([flat[0], flat[1], 0 * flat[0], 0 * flat[0], 0 * flat[0], flat[2]])
    assert np.allclose(von_mises(flat, plane="stress"), von_mises(sheet), rtol=ROUNDING)
    sheet[2] = 0.3 * (flat[0] + flat[1])
    assert np.allclose(von_mises(flat, out_of_plane=sheet[2]), von_mises(sheet), rtol=ROUNDING)
    with pytest.raises(ValueError, match=r"σ33 must be given. Pass plane='stress'"):
        von_mises(flat)
    with pytest.raises(ValueError, match="`plane` must be one of 'stress', but it is 'strain'"):
        von_mises(flat, plane="strain")
    with pytest.raises(ValueError, match="Pass one of them"):
        von_mises(flat, plane="stress", out_of_plane=0.0)
    with pytest.raises(ValueError, match="belong to an in-plane stress"):
        von_mises(sheet, plane="stress")
    with pytest.raises(ValueError, match=r"3 or 6 components first, but its shape is \(4,\)"):
        von_mises(np.ones(4))


def test_von_mises_has_derivatives_everywhere():
    check_grads(jax.jit(von_mises), (jnp.asarray(RNG.normal(size=(6, 3))),), order=2, modes=["fwd", "rev"], rtol=1e-6)
    pressure = jnp.array([2.0, 2.0, 2.0, 0.0, 0.0, 0.0])
    for stress in (pressure, jnp.zeros(6)):
        assert jax.grad(von_mises)(stress).tolist() == [0.0] * 6
    assert von_mises(np.float32([1, 0, 0, 0, 0, 0])).dtype == jnp.float32


# Principal values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6])
def test_principal_values_are_eigenvalues_in_descending_order(size):
    field = RNG.normal(size=(size, 4, 3, 2))
    full = np.moveaxis(np.asarray(mandel_to_tensor(field)), (0, 1), (-2, -1))
    assert np.allclose(principal_values(field), np.moveaxis(np.linalg.eigvalsh(full)[..., ::-1], -1, 0), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [3, 6])
def test_principal_values_do_not_see_rotations(size):
    tensor = RNG.normal(size=size)
    if size == 3:
        turned = jm.orientations.rotation_mandel_in_plane(0.7) @ tensor
    else:
        turned = jm.orientations.rotation_mandel(jm.orientations.random_orientations(jax.random.key(1), ())) @ tensor
    assert np.allclose(principal_values(turned), principal_values(tensor), rtol=1e-12)


@pytest.mark.parametrize("size", [3, 6])
def test_derivatives_of_principal_values(size):
    check_grads(jax.jit(principal_values), (jnp.asarray(RNG.normal(size=(size, 2))),), order=1, modes=["fwd", "rev"], rtol=1e-6)
    d = 2 if size == 3 else 3
    sphere = jnp.concatenate([jnp.ones(d), jnp.zeros(size - d)])
    axial = jnp.zeros(size).at[0].set(1.0)  # in space its other two values coincide

    def symmetric(t):
        return jnp.sum(principal_values(t) ** 3)  # tr T³, whose derivative is 3 T²

    for tensor in (sphere, axial, jnp.zeros(size)):
        square = tensor_to_mandel(jnp.einsum("ij,jk->ik", *(mandel_to_tensor(tensor),) * 2))
        assert np.allclose(jax.grad(symmetric)(tensor), 3 * square, atol=1e-12)
        assert np.allclose(jax.jacfwd(symmetric)(tensor), 3 * square, atol=1e-12)


# Means over phases and grains -------------------------------------------------------------------------------------------


def test_means_are_those_of_a_loop():
    labels = RNG.integers(0, 4, (5, 3, 4))
    field = RNG.normal(size=(2, 6, 5, 3, 4))
    found = phase_averages(field, labels)
    assert found.shape == (2, 4, 6)
    for p in range(4):
        assert np.allclose(found[:, p], field[..., labels == p].mean(-1), rtol=ROUNDING)
    assert np.allclose(phase_averages(field[0], labels), found[0])
    assert np.allclose(phase_averages(field[0, 0], labels), found[0, :, 0])


def test_labels_fractions_and_microstructures_are_one():
    labels = RNG.integers(0, 3, (6, 5))
    field = RNG.normal(size=(3, 6, 5))
    by_label = phase_averages(field, labels)
    fractions = (labels == np.arange(3)[:, None, None]).astype(float)
    for where in (fractions, jnp.asarray(labels), jm.Microstructure(labels=labels), jm.Microstructure(fractions=fractions)):
        assert np.allclose(phase_averages(field, where), by_label, rtol=ROUNDING)
    masked = jm.Microstructure(labels=labels, mask=labels > 0)
    assert np.allclose(phase_averages(field, masked), by_label, rtol=ROUNDING)  # the solve counts every voxel


def test_grey_voxels_count_by_their_fractions():
    fractions = RNG.dirichlet((1, 1, 1), size=(4, 3)).transpose(2, 0, 1)
    field = RNG.normal(size=(3, 4, 3))
    expected = np.einsum("mxy,pxy->pm", field, fractions) / fractions.sum((1, 2))[:, None]
    assert np.allclose(phase_averages(field, fractions), expected, rtol=ROUNDING)
    check_grads(lambda x, f: phase_averages(x, f), (jnp.asarray(field), jnp.asarray(fractions)), order=1, modes=["fwd", "rev"], rtol=1e-6)


def test_absent_phases_and_voxels_of_none():
    labels = np.array([[0, 2], [2, -1]])
    found = phase_averages(jnp.array([[1.0, 2.0], [4.0, 100.0]]), labels, count=4)
    assert np.allclose(found, [1.0, np.nan, 3.0, np.nan], equal_nan=True)
    slope = jax.grad(lambda x: phase_averages(x, labels, count=4)[2])(jnp.ones((2, 2)))
    assert slope.tolist() == [[0.0, 0.5], [0.5, 0.0]]


def test_single_precision_means_keep_their_digits():
    labels = RNG.integers(0, 2, (64, 64))
    field = (1000.0 + RNG.normal(size=(64, 64))).astype(np.float32)
    exact = [field[labels == p].astype(float).mean() for p in range(2)]
    found = phase_averages(field, labels)
    assert found.dtype == jnp.float32
    assert np.allclose(found, exact, rtol=1.2e-7)


def test_means_that_do_not_fit_are_refused(as_user):
    labels = np.zeros((4, 3), int)
    with pytest.raises(ValueError, match=r"`field` must end with the axes of the grid \(4, 3\), but its shape is \(6, 3, 4\)"):
        phase_averages(np.ones((6, 3, 4)), labels)
    with pytest.raises(ValueError, match=r"`where` must be a Microstructure, integer labels .* float64 and its shape \(4, 3\)"):
        phase_averages(np.ones((6, 4, 3)), labels.astype(float))
    with pytest.raises(ValueError, match=r"`where` must lie in \[0, 1\]"):
        phase_averages(np.ones((4, 3)), 2.0 * np.ones((2, 4, 3)))
    with pytest.raises(ValueError, match="`count` must be more than the largest label, but it is 1 and the label 1"):
        phase_averages(np.ones((4, 3)), labels + 1, count=1)
    with pytest.raises(TypeError, match=r"labels that are being traced.*count="):
        jax.jit(lambda x: phase_averages(jnp.ones((4, 3)), x))(labels)
    assert jax.jit(lambda x: phase_averages(jnp.ones((4, 3)), x, count=2))(labels).tolist()[0] == 1.0


# Concentration tensors --------------------------------------------------------------------------------------------------

LAYERS = np.repeat(np.arange(3), (1, 3, 2))
SHARES = np.array([1, 3, 2]) / 6


def layered_cell(size, components, axis=0):
    """Stiffnesses of three anisotropic layers, and the labels of a cell of them."""
    stiffnesses = [random_stiffness(np.random.default_rng(k), size) for k in range(3)]
    labels = np.broadcast_to(LAYERS[:, None] if axis == 0 else LAYERS[None], (6, 4) if axis == 0 else (4, 6))
    return stiffnesses, labels


@pytest.mark.parametrize(
    ("axis", "size", "components"), daily([(0, 3, 2), (0, 6, 3), (1, 3, 2), (1, 6, 3)], (0, 3, 2), (1, 6, 3), unpack=True)
)
def test_layers_have_the_concentration_tensors_of_a_laminate(axis, size, components):
    stiffnesses, labels = layered_cell(size, components, axis)
    field = np.moveaxis(np.stack(stiffnesses)[labels], (2, 3), (0, 1))
    result = jm.effective_stiffness(field, jm.Grid(labels.shape), rtol=1e-8, fields=FIELDS)
    found = concentration_tensors(result, labels)
    # Layers strain by A = I + J a with equal tractions Jᵀ C A, J the strain of a displacement jump along the normal.
    normal = np.eye(2)[axis]
    jump = np.stack([strain_of(np.outer(np.eye(components)[i], normal), size) for i in range(components)], axis=1)
    inverse = [np.linalg.inv(jump.T @ c @ jump) for c in stiffnesses]
    mean = sum(f * b for f, b in zip(SHARES, inverse, strict=True))
    traction = np.linalg.solve(mean, sum(f * b @ jump.T @ c for f, b, c in zip(SHARES, inverse, stiffnesses, strict=True)))
    effective = laminate_stiffness(stiffnesses, SHARES, normal, components)
    assert np.allclose(found.fractions, SHARES, rtol=ROUNDING)
    for p, (b, c) in enumerate(zip(inverse, stiffnesses, strict=True)):
        exact = np.eye(size) + jump @ b @ (traction - jump.T @ c)
        assert np.allclose(found.strain[p], exact, atol=1e-7)  # of the solve: the strain is linear in its tolerance
        assert np.allclose(found.stress[p], c @ exact @ np.linalg.inv(effective), atol=1e-6)


def test_concentration_tensors_add_up():
    stiffnesses = [random_stiffness(np.random.default_rng(k), 3) * 10.0**k for k in range(3)]
    labels = np.random.default_rng(5).integers(0, 3, (7, 6))
    result = jm.effective_stiffness(np.moveaxis(np.stack(stiffnesses)[labels], (2, 3), (0, 1)), jm.Grid((7, 6)), rtol=1e-9, fields=FIELDS)
    found = concentration_tensors(result, jm.Microstructure(labels=labels))
    shares = np.bincount(labels.ravel()) / labels.size
    assert np.allclose(np.einsum("p,pij->ij", shares, found.strain), np.eye(3), atol=ROUNDING)
    assert np.allclose(np.einsum("p,pij->ij", shares, found.stress), np.eye(3), atol=1e-8)  # of the solve
    total = np.einsum("p,pij,pjk->ik", shares, np.stack(stiffnesses), found.strain)
    assert np.abs(total - result.tensor).max() < 1e-8 * np.abs(result.tensor).max()
    for p, c in enumerate(stiffnesses):
        assert np.allclose(found.stress[p], c @ found.strain[p] @ np.linalg.inv(result.tensor), atol=1e-9)


@pytest.mark.parametrize("discretization", daily(["finite_element", "rotated", "finite_volume"], "finite_element"))
def test_conduction_concentrates_alike(discretization):
    labels = np.random.default_rng(6).integers(0, 2, (6, 5, 4))
    k = np.array([1.0, 8.0])[labels]
    grid = jm.Grid(labels.shape, (1.0, 2.0, 1.5))
    result = jm.effective_conductivity(k, grid, discretization=discretization, rtol=1e-9, fields=FIELDS)
    found = concentration_tensors(result, labels)
    assert np.allclose(np.einsum("p,pij->ij", found.fractions, found.strain), np.eye(3), atol=1e-11)
    assert np.allclose(np.einsum("p,pij->ij", found.fractions, found.stress), np.eye(3), atol=1e-7)
    if discretization != "finite_volume":  # whose gradients live on faces, between two phases
        assert np.allclose(np.einsum("p,p,pij->ij", found.fractions, [1.0, 8.0], found.strain), result.tensor, atol=1e-7)


def test_missing_fields_name_the_remedy():
    batch = jm.effective_conductivity(np.ones((2, 4, 3)), jm.Grid((4, 3)), fields=FIELDS)
    with pytest.raises(ValueError, match=r"that of one cell, but its tensor has shape \(2, 2, 2\)"):
        concentration_tensors(batch, np.zeros((4, 3), int))
    one = concentration_tensors(jax.tree.map(lambda leaf: leaf[0], batch), np.zeros((4, 3), int))
    assert np.allclose(one.strain[0], np.eye(2))
    with pytest.raises(ValueError, match=r'Solve with fields=\("strain", "stress"\)'):
        concentration_tensors(dataclasses.replace(batch, strain=None), np.zeros((4, 3), int))


@pytest.mark.slow
def test_concentration_tensors_have_derivatives():
    labels = np.random.default_rng(7).integers(0, 2, (4, 3))

    def hot(k1):
        k = jnp.where(labels == 1, k1, 1.0)
        return concentration_tensors(jm.effective_conductivity(k, jm.Grid((4, 3)), rtol=1e-10, fields=FIELDS), labels).strain[1, 0, 0]

    central = (hot(5.0 + 1e-4) - hot(5.0 - 1e-4)) / 2e-4
    assert float(jax.grad(hot)(5.0)) == pytest.approx(float(central), rel=1e-5)
