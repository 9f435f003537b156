"""The multigrid preconditioner: its parts against dense matrices, and hard cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro._core import Status
from jaxmicro.fields import conduction, elasticity
from jaxmicro.homogenization import multigrid
from jaxmicro.homogenization.multigrid import nodal_blocks
from jaxmicro.homogenization.operators import BoxElement
from jaxmicro.materials import Isotropic, Phases, Scalar, Tensor
from tests.daily import daily
from tests.homogenization.references import random_stiffness, smooth_field

CASES = [
    (elasticity(2, 3), (12, 9)),
    (elasticity(2, 6), (7, 10)),
    (elasticity(3, 6), (5, 4, 6)),
    (conduction(2), (16, 13)),
    (conduction(3), (6, 7, 8)),
]


def hard_law(kinematics, shape):
    rng = np.random.default_rng(0)
    voxels = np.stack([random_stiffness(rng, kinematics.size) * 10.0 ** rng.uniform(-2, 2) for _ in range(int(np.prod(shape)))], axis=-1)
    return Tensor(jnp.asarray(voxels.reshape(kinematics.size, kinematics.size, *shape)))


def dense(function, components, shape):
    """The matrix of a linear function on displacements."""
    size = components * int(np.prod(shape))
    flat = jax.jit(jax.vmap(lambda e: jnp.stack(function(tuple(e.reshape(components, *shape)))).ravel()))(jnp.eye(size))
    return np.asarray(flat).T


def spacing_of(shape):
    return jnp.array([0.7, 1.0, 0.9])[: len(shape)]


@pytest.mark.parametrize(("kinematics", "shape"), daily(CASES, CASES[0], CASES[2], CASES[3], unpack=True))
def test_nodal_blocks_are_those_of_the_operator(kinematics, shape):
    operator, law, c = BoxElement(kinematics, full=True), hard_law(kinematics, shape), kinematics.components
    matrix = dense(lambda u: operator.force(law, u, spacing_of(shape))[0], c, shape).reshape(c, np.prod(shape), c, np.prod(shape))
    for (i, j), block in nodal_blocks(operator, law, spacing_of(shape)).items():
        np.testing.assert_allclose(block.ravel(), np.diagonal(matrix[i, :, j, :]), rtol=1e-10, atol=1e-12 * np.abs(matrix).max())


@pytest.mark.parametrize(("kinematics", "shape"), daily(CASES, CASES[0], unpack=True))
def test_a_cycle_is_symmetric_and_definite(kinematics, shape):
    operator, law, c = BoxElement(kinematics, full=True), hard_law(kinematics, shape), kinematics.components
    cycle = dense(multigrid.multigrid(operator, law, spacing_of(shape), True), c, shape)
    assert np.abs(cycle - cycle.T).max() < 1e-10 * np.abs(cycle).max()
    matrix = dense(lambda u: operator.force(law, u, spacing_of(shape))[0], c, shape)
    together = np.sort(np.linalg.eigvals(cycle @ matrix).real)
    assert (np.abs(together[:c]) < 1e-8).all()  # constant displacements
    assert together[c] > 1e-4
    assert together[-1] < 2.0


def test_transfers_are_transposes():
    rng = np.random.default_rng(1)
    fine, coarse = (9, 12), (5, 6)
    u, f = (jnp.asarray(rng.normal(size=coarse)),), (jnp.asarray(rng.normal(size=fine)),)
    there = jnp.vdot(multigrid.prolong(u, fine)[0], f[0])
    assert float(jnp.vdot(u[0], multigrid.restrict(f, coarse, 1.0)[0])) == pytest.approx(float(there), rel=1e-12)
    assert np.allclose(multigrid.prolong((jnp.ones(coarse),), fine)[0], 1.0)
    assert np.allclose(multigrid._average(jnp.ones(fine), coarse), 1.0)
    assert float(multigrid._average(f[0], coarse).mean()) == pytest.approx(float(f[0].mean()), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "contrast"), [((32, 32), 1e-3), ((32, 32), 1e-6), ((27, 20), 1e-6), ((12, 13, 12), 1e-3)])
def test_smooth_fields_of_high_contrast_take_a_fraction_of_the_steps(shape, contrast):
    young = jnp.asarray(smooth_field(shape, contrast))
    law = Isotropic(young * 0.3 / (1.3 * 0.4), young / 2.6)
    plain = jm.effective_stiffness(law, jm.Grid(shape), preconditioner="green", rtol=1e-5, max_steps=6000)
    found = jm.effective_stiffness(law, jm.Grid(shape), preconditioner="multigrid", rtol=1e-5)
    assert np.abs(found.tensor - plain.tensor).max() < 1e-8 * float(plain.tensor.max())
    assert int(found.steps.max()) < 0.6 * int(plain.steps.max())


@pytest.mark.slow
def test_voids_and_labels():
    x, y = np.meshgrid(*[(np.arange(24) + 0.5) / 24 - 0.5] * 2, indexing="ij")
    labels = (x**2 + y**2 < 0.09).astype(int)
    for soft in (0.0, 1e-9, 1e6):
        table = jnp.stack([jm.materials.isotropic_stiffness(e, 0.3, dim=2) for e in (1.0, soft)])
        law = Phases(jnp.asarray(labels), table)
        plain = jm.effective_stiffness(law, jm.Grid(labels.shape), preconditioner="green", rtol=1e-6)
        found = jm.effective_stiffness(law, jm.Grid(labels.shape), preconditioner="multigrid", rtol=1e-6)
        assert np.allclose(found.tensor, plain.tensor, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_derivatives_and_single_precision():
    k = jnp.asarray(smooth_field((24, 20), 1e-3))

    def value(k, preconditioner):
        return jnp.sum(jm.effective_conductivity(k, jm.Grid((24, 20)), preconditioner=preconditioner, rtol=1e-9).tensor ** 2)

    gradient = jax.jit(jax.grad(lambda k: value(k, "multigrid")))(k)
    assert np.allclose(gradient, jax.grad(lambda k: value(k, "green"))(k), rtol=1e-6, atol=1e-9 * float(jnp.abs(gradient).max()))
    single = jm.effective_conductivity(Scalar(k.astype(jnp.float32)), jm.Grid((24, 20)), preconditioner="multigrid")
    assert int(single.status) == Status.CONVERGED
    assert np.allclose(single.tensor, jm.effective_conductivity(k, jm.Grid((24, 20))).tensor, rtol=1e-4)


def test_it_belongs_to_finite_elements():
    with pytest.raises(ValueError, match="'multigrid' is for discretization='finite_element' or 'finite_volume', but it is 'rotated'"):
        jm.effective_conductivity(np.ones((4, 4)), jm.Grid((4, 4)), preconditioner="multigrid", discretization="rotated")
