"""Effective thermal expansion: Levin's relation, layers, free cells, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro import Status
from jaxmicro.homogenization import effective_thermoelastic, solve_cell_problem
from jaxmicro.materials import isotropic_stiffness
from tests.daily import daily
from tests.homogenization.everyday import once_for_each_cell
from tests.homogenization.references import random_stiffness

CELLS = [((8, 9), 3), ((8, 9), 6), ((4, 5, 6), 6)]


def two_phases(shape, size, seed=0, voids=False):
    """Labels and the two tensors and expansions, all anisotropic."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(shape) < 0.4).astype(int)
    return labels, [0.0 * np.eye(size) if voids else random_stiffness(rng, size), random_stiffness(rng, size)], rng.normal(size=(2, size))


def field(labels, values):
    return np.moveaxis(np.asarray(values)[labels], range(-np.ndim(values[0]), 0), range(np.ndim(values[0])))


@pytest.mark.parametrize(("shape", "size", "discretization"), once_for_each_cell(CELLS))
def test_two_phases_obey_levin(shape, size, discretization):
    """α_eff = ⟨α⟩ + (α₁ − α₀) (S₁ − S₀)⁻¹ (S_eff − ⟨S⟩), whatever the geometry."""
    labels, tensors, own = two_phases(shape, size)
    r = effective_thermoelastic(field(labels, tensors), field(labels, own), jm.Grid(shape), discretization=discretization)
    compliances, share = np.linalg.inv(np.array(tensors)), labels.mean()
    mean_compliance = (1 - share) * compliances[0] + share * compliances[1]
    mean = (1 - share) * own[0] + share * own[1]
    levin = mean + (own[1] - own[0]) @ np.linalg.solve(compliances[1] - compliances[0], np.linalg.inv(r.stiffness) - mean_compliance)
    assert np.allclose(r.expansion, levin, rtol=0, atol=1e-10 * np.abs(levin).max())
    assert np.allclose(r.stiffness @ r.expansion, r.thermal_stress, atol=1e-11)
    assert float(r.heat) < 0
    plain = jm.effective_stiffness(field(labels, tensors), jm.Grid(shape), discretization=discretization, rtol=1e-6)
    assert np.allclose(r.stiffness, plain.tensor, rtol=0, atol=1e-11 * np.abs(plain.tensor).max())


def test_layers():
    """Isotropic layers: across, α = ⟨α + ν/(1 − ν)·2 (α − α_∥)⟩…; here from equal in-plane strain and zero stress across, solved by hand."""
    young, poisson, own, share = np.array([1.0, 7.0]), np.array([0.3, 0.2]), np.array([10.0, 2.0]), np.array([0.25, 0.75])
    labels = np.repeat([0, 1], [2, 6])[:, None] * np.ones((8, 4), int)
    stiffness = field(labels, [isotropic_stiffness(e, n) for e, n in zip(young, poisson, strict=True)])
    r = effective_thermoelastic(stiffness, own[labels], jm.Grid(labels.shape))
    biaxial = young / (1 - poisson)
    along = np.sum(share * biaxial * own) / np.sum(share * biaxial)
    across = np.sum(share * (own - 2 * poisson / (1 - poisson) * (along - own)))
    assert np.allclose(r.expansion, [across, along, along, 0, 0, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_fields_are_those_of_the_cell_free_of_stress():
    labels, tensors, own = two_phases((6, 7), 3)
    stiffness, expansion, grid = field(labels, tensors), field(labels, own), jm.Grid((6, 7), (1.0, 2.0))
    fields = ("strain", "stress", "energy_density", "displacement")
    r = effective_thermoelastic(stiffness, expansion, grid, rtol=1e-9, fields=fields)
    free = solve_cell_problem(stiffness, grid, stress=np.zeros(3), eigenstrain=expansion, rtol=1e-10, fields=fields)
    assert np.allclose(r.expansion, free.mean_strain, atol=1e-8)
    for name in fields:
        assert np.allclose(getattr(r, name), getattr(free, name), atol=1e-6)
    assert np.allclose(r.stress.mean((1, 2)), 0.0, atol=1e-7)
    held = solve_cell_problem(stiffness, grid, eigenstrain=expansion)
    assert np.allclose(r.thermal_stress, -held.mean_stress, atol=1e-6)
    assert float(r.heat) == pytest.approx(-2 * float(free.energy), rel=1e-8)


def test_a_uniform_expansion_is_that_of_the_cell_and_stresses_nothing():
    labels, tensors, _ = two_phases((6, 7), 6)
    r = effective_thermoelastic(field(labels, tensors), 3e-6 * np.ones((6, 7)), jm.Grid((6, 7)), fields="stress")
    assert np.allclose(r.expansion, [3e-6] * 3 + [0] * 3, atol=1e-15)
    assert float(jnp.abs(r.stress).max()) < 1e-11


def test_pores_do_not_change_the_expansion_of_a_solid():
    labels, tensors, own = two_phases((10, 10), 3, voids=True)
    labels = np.maximum(labels, (np.indices((10, 10)) == 0).any(0))
    r = effective_thermoelastic(field(labels, tensors), field(labels, [own[1], own[1]]), jm.Grid((10, 10)))
    assert np.allclose(r.expansion, own[1], rtol=1e-9)


def test_derivatives():
    labels, tensors, own = two_phases((3, 4), 3)

    def answers(tensors, own, lengths):
        tensors = 0.5 * (tensors + jnp.swapaxes(tensors, 1, 2))
        c = jnp.moveaxis(tensors[labels], (-2, -1), (0, 1))
        r = effective_thermoelastic(c, jnp.moveaxis(own[labels], -1, 0), jm.Grid((3, 4), lengths), rtol=1e-9)
        return r.expansion, r.stiffness, r.heat

    check_grads(
        jax.jit(answers),
        (jnp.asarray(tensors), jnp.asarray(own), jnp.array([1.0, 1.5])),
        order=1,
        modes=("fwd", "rev"),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.slow
def test_derivatives_of_stresses():
    labels, tensors, own = two_phases((3, 4), 3)

    def stress(own):
        c = jnp.moveaxis(jnp.asarray(tensors)[labels], (-2, -1), (0, 1))
        return effective_thermoelastic(c, jnp.moveaxis(own[labels], -1, 0), jm.Grid((3, 4)), rtol=1e-9, fields="stress").stress

    check_grads(stress, (jnp.asarray(own),), order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", daily(["batch", "vmap", "float32"], "batch"))
def test_jit_vmap_batch_and_float32(way):
    labels, tensors, own = two_phases((6, 5), 3)
    stiffness = jnp.asarray(np.stack([field(labels, tensors), field(1 - labels, tensors)]))
    expansion = jnp.asarray(np.stack([field(labels, own), field(1 - labels, own)]))
    grid = jm.Grid((6, 5))
    alone = [effective_thermoelastic(c, a, grid).expansion for c, a in zip(stiffness, expansion, strict=True)]
    if way == "batch":
        assert np.allclose(effective_thermoelastic(stiffness, expansion, grid).expansion, jnp.stack(alone), rtol=1e-11)
    elif way == "vmap":
        mapped = jax.vmap(lambda c, a: effective_thermoelastic(c, a, grid).expansion)(stiffness, expansion)
        assert np.allclose(mapped, jnp.stack(alone), rtol=1e-9)
    else:
        single = effective_thermoelastic(stiffness[0].astype(jnp.float32), expansion[0].astype(jnp.float32), grid)
        assert np.allclose(single.expansion, alone[0], rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    labels, tensors, own = two_phases((6, 5), 3)
    stiffness, grid = field(labels, tensors), jm.Grid((6, 5))
    with pytest.raises(ValueError, match="An expansion needs a `stiffness`"):
        effective_thermoelastic(None, field(labels, own), grid)
    with pytest.raises(ValueError, match=r"`expansion` must have shape \(6, 5\) or \(3, 6, 5\), but its shape is \(3,\)"):
        effective_thermoelastic(stiffness, own[0], grid)
    with pytest.raises(ValueError, match="`expansion` must be finite in every voxel, but 1 of its 30 numbers are not"):
        effective_thermoelastic(stiffness, np.where(np.arange(30).reshape(6, 5) == 4, np.nan, 1.0), grid)
    cut = stiffness * (np.arange(6) > 2)[None, None, :, None]
    with pytest.raises(ValueError, match="no stiffness in some direction"):
        effective_thermoelastic(cut, field(labels, own), grid)
    with pytest.raises(ValueError, match="`stiffness` must be finite"):
        effective_thermoelastic(np.nan * stiffness, field(labels, own), grid)
    failed = effective_thermoelastic(stiffness, field(labels, own), grid, max_steps=1, throw=False)
    assert int(failed.status) == Status.MAX_STEPS
    with pytest.raises(jm.SolveError, match="MAX_STEPS"):
        effective_thermoelastic(stiffness, field(labels, own), grid, max_steps=1)
