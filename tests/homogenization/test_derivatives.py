"""Derivatives of effective tensors against finite differences, and their cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from tests.daily import daily

GRID = jm.Grid((6, 5), (1.2, 0.8))
RNG = np.random.default_rng(0)
YOUNG = jnp.asarray(10.0 ** RNG.uniform(-1, 1, size=(6, 5)))
CONDUCTIVITY = jnp.asarray(10.0 ** RNG.uniform(-1, 1, size=(6, 5)))


def functional(tensor):
    """Any smooth function of the whole tensor."""
    weights = jnp.arange(1.0, tensor.size + 1).reshape(tensor.shape)
    return jnp.sum(jnp.sin(weights) * tensor) + jnp.sum(tensor**2)


def stiffness_value(young, grid=GRID, **options):
    return functional(jm.effective_stiffness(jm.materials.isotropic_stiffness(young, 0.3, dim=2), grid, **options).tensor)


@pytest.mark.parametrize("name", daily(["finite_element", "rotated", "fourier"], "finite_element"))
def test_random_directional_derivatives_match_central_differences(name):
    value = jax.jit(lambda y: stiffness_value(y, discretization=name, rtol=1e-9))
    gradient = jax.jit(jax.grad(value))(YOUNG)
    for seed in range(3):
        direction = jnp.asarray(np.random.default_rng(seed).normal(size=YOUNG.shape)) * YOUNG
        step = 1e-5
        central = (value(YOUNG + step * direction) - value(YOUNG - step * direction)) / (2 * step)
        assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(central), rel=1e-6)


@pytest.mark.parametrize("name", daily(["finite_element", "finite_volume"], "finite_element"))
def test_both_modes_agree_for_conduction(name):
    check_grads(
        jax.jit(lambda k: functional(jm.effective_conductivity(k, GRID, discretization=name, rtol=1e-10).tensor)),
        (CONDUCTIVITY,),
        order=1,
        modes=["fwd", "rev"],
        rtol=1e-6,
    )


def test_second_derivatives_need_the_solution_to_move():
    def value(k):
        return jm.effective_conductivity(k, GRID, rtol=1e-10).tensor[0, 0]

    direction = jnp.asarray(np.random.default_rng(1).normal(size=(6, 5)))
    gradient = jax.jit(jax.grad(value))
    product = jax.jit(lambda k, v: jax.jvp(jax.grad(value), (k,), (v,))[1])(CONDUCTIVITY, direction)
    step = 1e-5
    central = (gradient(CONDUCTIVITY + step * direction) - gradient(CONDUCTIVITY - step * direction)) / (2 * step)
    assert float(jnp.max(jnp.abs(product - central))) < 1e-6 * float(jnp.max(jnp.abs(central)))


def test_the_gradient_with_respect_to_edge_lengths():
    def value(lengths):
        return stiffness_value(YOUNG, jm.Grid((6, 5), lengths), rtol=1e-9)

    check_grads(jax.jit(value), (GRID.lengths,), order=1, modes=["rev"], rtol=1e-5)


@pytest.mark.slow
def test_the_gradient_with_respect_to_a_full_stiffness_field_in_3d():
    c = jm.materials.cubic_stiffness(3.0, 1.5, 1.2)
    field = c[:, :, None, None, None] * jnp.asarray(10.0 ** RNG.uniform(-0.5, 0.5, size=(2, 3, 2)))
    grid = jm.Grid((2, 3, 2))
    direction = jnp.asarray(RNG.normal(size=field.shape))
    direction = 0.1 * (direction + jnp.swapaxes(direction, 0, 1))
    value = jax.jit(lambda f: functional(jm.effective_stiffness(f, grid, rtol=1e-9).tensor))
    central = (value(field + 1e-5 * direction) - value(field - 1e-5 * direction)) / 2e-5
    assert float(jnp.vdot(jax.grad(value)(field), direction)) == pytest.approx(float(central), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["finite_element", "finite_volume"])
def test_field_outputs_have_implicit_derivatives(name):
    def local_strain(k):
        found = jm.effective_conductivity(k, GRID, discretization=name, fields=("strain", "energy_density"), rtol=1e-10)
        return found.strain[0, 0, 2, 3] + found.energy_density[1, 1, 1]

    check_grads(local_strain, (CONDUCTIVITY,), order=1, modes=["fwd", "rev"], rtol=1e-5)


@pytest.mark.slow
def test_the_tensor_keeps_its_cheap_derivative_when_fields_are_asked_for():
    def value(k, fields):
        return functional(jm.effective_conductivity(k, GRID, fields=fields, rtol=1e-9).tensor)

    assert np.allclose(jax.grad(value)(CONDUCTIVITY, ("strain",)), jax.grad(value)(CONDUCTIVITY, ()), rtol=1e-10)


def count_solves(jaxpr):
    """CG solves in a program, those in called programs included."""
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == "cell_solve"
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                total += count_solves(inner) if hasattr(inner, "eqns") else 0
    return total


def test_a_gradient_costs_no_further_solve():
    def value(k):
        return jm.effective_conductivity(k, GRID).tensor[0, 0]

    plain = count_solves(jax.make_jaxpr(value)(CONDUCTIVITY).jaxpr)
    assert plain == 1
    assert count_solves(jax.make_jaxpr(jax.grad(value))(CONDUCTIVITY).jaxpr) == plain
    forward = jax.make_jaxpr(lambda k: jax.jvp(value, (k,), (k,)))(CONDUCTIVITY)
    assert count_solves(forward.jaxpr) == plain


@pytest.mark.parametrize("way", daily(["vmap", "batch"], "batch"))
def test_vmap_and_grad_commute(way):
    k = jnp.stack([CONDUCTIVITY, CONDUCTIVITY[::-1]])

    def value(one):
        return jm.effective_conductivity(one, GRID).tensor[0, 0]

    def total(both):
        return jnp.sum(jax.vmap(value)(both) if way == "vmap" else jm.effective_conductivity(both, GRID).tensor[:, 0, 0])

    outside = jax.jit(jax.vmap(jax.grad(value)))(k)
    assert np.allclose(outside, jax.jit(jax.grad(total))(k), rtol=1e-12)


@pytest.mark.parametrize("size", [1e-30, 1e10])
def test_cotangents_of_extreme_size_stay_finite_and_linear_in_float32(size):
    k = CONDUCTIVITY.astype(jnp.float32)
    grid = jm.Grid((6, 5), GRID.lengths.astype(jnp.float32))
    strain, pull = jax.vjp(lambda one: jm.effective_conductivity(one, grid, fields=("strain",)).strain, k)
    unit = jnp.ones_like(strain).at[0, 0, 1, 1].set(3.0)
    reference, scaled = pull(unit)[0], pull(unit * jnp.float32(size))[0]
    assert bool(jnp.all(jnp.isfinite(scaled)))
    largest = float(jnp.max(jnp.abs(reference)))
    assert np.allclose(np.asarray(scaled, np.float64) / size, reference, atol=2e-3 * largest)


@pytest.mark.slow
def test_second_derivatives_agree_in_every_mode():
    grid, k = jm.Grid((3, 4)), jnp.asarray(10.0 ** np.random.default_rng(8).uniform(-1, 1, size=(3, 4)))

    def value(k):
        return functional(jm.effective_conductivity(k, grid, rtol=1e-10).tensor)

    reference = jax.jacfwd(jax.jacfwd(value))(k)
    slope = jax.grad(value)
    direction = jnp.asarray(np.random.default_rng(9).normal(size=k.shape))
    product = jnp.tensordot(reference, direction, axes=2)
    largest = float(jnp.max(jnp.abs(reference)))
    assert np.allclose(jax.hessian(value)(k), reference, atol=1e-7 * largest)
    assert np.allclose(jax.jacrev(slope)(k), reference, atol=1e-7 * largest)
    assert np.allclose(jax.grad(lambda k: jnp.sum(slope(k) * direction))(k), product, atol=1e-7 * largest)
    assert np.allclose(jax.linearize(slope, k)[1](direction), product, atol=1e-7 * largest)
    step = 1e-4
    central = (slope(k + step * k * direction) - slope(k - step * k * direction)) / (2 * step)
    assert np.allclose(jnp.tensordot(reference, k * direction, axes=2), central, atol=1e-5 * largest)
