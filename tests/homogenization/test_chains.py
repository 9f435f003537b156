"""Derivatives of whole chains against differences: all that enters at once, in both modes, to second order where it is asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import (
    composite_stiffness,
    distance_to_cubic,
    distance_to_isotropic,
    effective_thermoelastic,
    nearest_cubic,
    solve_cell_problem,
)
from jaxmicro.microstructures import interface_of_spheres

RNG = np.random.default_rng(3)


def stiffness(*shape, size):
    a = RNG.normal(size=(*shape, size, size))
    return np.moveaxis(a @ np.swapaxes(a, -1, -2) + 2 * np.eye(size), (-2, -1), (0, 1))


def symmetric(c):
    return 0.5 * (c + jnp.swapaxes(c, 0, 1))


def rotation(vector):
    x, y, z = vector
    return jax.scipy.linalg.expm(jnp.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]))


def agree(answers, arguments, order=1, rtol=1e-8):
    """A random number of all answers along a random direction of all arguments: differences, forward, reverse, and their mixtures."""
    rng = np.random.default_rng(0)
    arguments = tuple(jnp.asarray(a, dtype=float) for a in arguments)
    ways, every = tuple(jnp.asarray(rng.normal(size=a.shape)) for a in arguments), tuple(range(len(arguments)))

    def joined(*a):
        return jnp.concatenate([jnp.ravel(x) for x in answers(*a)])

    weights = jnp.asarray(rng.normal(size=jax.eval_shape(joined, *arguments).shape))

    def number(*a):
        return jnp.vdot(weights, joined(*a))

    def forward(f):
        return lambda *a: jax.jvp(f, a, ways)[1]

    def reverse(f):
        return lambda *a: sum(jnp.vdot(g, w) for g, w in zip(jax.grad(f, every)(*a), ways, strict=True))

    def difference(f, h):
        at = [float(f(*(a + s * h * w for a, w in zip(arguments, ways, strict=True)))) for s in (1, -1, 2, -2)]
        return (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * h)

    first = difference(jax.jit(number), 1e-4)
    assert abs(first) > 1e-3  # something moves
    assert float(jax.jit(forward(number))(*arguments)) == pytest.approx(first, rel=rtol)
    assert float(jax.jit(reverse(number))(*arguments)) == pytest.approx(first, rel=rtol)
    if order == 2:
        slope = jax.jit(forward(number))
        second = difference(slope, 1e-4)
        for derivative in (forward(forward(number)), forward(reverse(number)), reverse(reverse(number))):
            assert float(jax.jit(derivative)(*arguments)) == pytest.approx(second, rel=100 * rtol)


def of_a_disc(centre, radius, young):
    """Stiffness of a disc of composite voxels."""
    interface = interface_of_spheres(jm.Grid((8, 8)), centre[:, None], radius[None])
    matrix, disc = (jm.materials.isotropic_stiffness(e, 0.3, dim=2) for e in young)
    c = composite_stiffness(interface.fraction, interface.normal, disc, matrix)
    return (jm.effective_stiffness(c, jm.Grid((8, 8)), discretization="rotated", rtol=1e-10).tensor,)


DISC = ([4.1, 3.9], 2.7, [1.0, 10.0])


def test_from_the_centre_and_radius_of_a_disc_to_its_stiffness():
    agree(of_a_disc, DISC)


@pytest.mark.slow
def test_from_the_centre_and_radius_of_a_disc_to_its_stiffness_twice():
    agree(of_a_disc, DISC, order=2)


@pytest.mark.slow
@pytest.mark.parametrize("discretization", ["finite_element", "rotated", "fourier"])
def test_a_load_in_a_turned_frame_in_3d(discretization):
    def answers(c, lengths, strain, stress, own, vector):
        r = solve_cell_problem(
            symmetric(c), jm.Grid((3, 4, 3), lengths), strain=strain, stress=stress, control=["strain", "stress"] * 3,
            eigenstrain=own, frame=rotation(vector), discretization=discretization, rtol=1e-10,
        )  # fmt: skip
        return r.mean_strain, r.mean_stress, r.stress, r.energy

    own = RNG.normal(size=(6, 3, 4, 3))
    agree(answers, (stiffness(3, 4, 3, size=6), [1.0, 1.3, 0.8], RNG.normal(size=6), RNG.normal(size=6), own, [0.3, 0.5, -0.2]))


@pytest.mark.slow
def test_a_load_on_a_columnar_cell_in_a_turned_frame():
    def answers(c, lengths, stress, vector):
        r = solve_cell_problem(
            symmetric(c), jm.Grid((5, 4), lengths), strain=jnp.array([0.01, 0.0, 0.0, 0.0, 0.0, 0.0]), stress=stress,
            control=["strain", *["stress"] * 5], frame=rotation(vector), rtol=1e-10,
        )  # fmt: skip
        return r.mean_strain, r.mean_stress, r.stress

    agree(answers, (stiffness(5, 4, size=6), [1.0, 1.3], RNG.normal(size=6), [0.3, 0.5, -0.2]))


@pytest.mark.slow
def test_expansion_and_the_residual_stress_of_a_change_of_temperature():
    def answers(c, expansion, change, lengths):
        grid = jm.Grid((4, 5), lengths)
        r = effective_thermoelastic(symmetric(c), expansion, grid, rtol=1e-10)
        free = solve_cell_problem(symmetric(c), grid, stress=jnp.zeros(3), eigenstrain=change * expansion, rtol=1e-10)
        return r.expansion, r.stiffness, r.heat, free.mean_strain, free.stress

    agree(answers, (stiffness(4, 5, size=3), RNG.normal(size=(3, 4, 5)), -50.0, [1.0, 1.2]), order=2)


@pytest.mark.slow
@pytest.mark.parametrize(("discretization", "axis"), [("finite_element", 2), ("finite_volume", 1)])
def test_conduction_between_walls_in_3d(discretization, axis):
    def answers(k, lengths):
        r = jm.effective_conductivity(
            k, jm.Grid((3, 4, 5), lengths), walls=axis, discretization=discretization, rtol=1e-10, fields=("flux", "gradient")
        )
        return r.value, r.tortuosity, r.flux, r.gradient

    agree(answers, (RNG.uniform(0.5, 3.0, (3, 4, 5)), [1.0, 1.3, 0.8]), order=2)


@pytest.mark.slow
def test_the_bound_from_above_in_3d():
    def answers(c, lengths):
        return (jm.effective_stiffness(symmetric(c), jm.Grid((3, 4, 3), lengths), bounds=True, rtol=1e-9).bounds[1],)

    agree(answers, (stiffness(3, 4, 3, size=6), [1.0, 1.3, 0.8]))


@pytest.mark.slow
def test_the_nearest_cubic_tensor_and_the_distances():
    def answers(c):
        c = symmetric(c)
        return nearest_cubic(c), distance_to_cubic(c), distance_to_isotropic(c)

    agree(answers, (stiffness(size=6),))
