"""One load on a cell: against the effective tensor, closed forms, and bad loads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro import Status
from jaxmicro.fields import mandel_to_tensor, tensor_to_mandel
from jaxmicro.homogenization import solve_cell_problem, uniaxial_stress
from jaxmicro.materials import Isotropic, isotropic_stiffness
from jaxmicro.orientations import from_euler, to_matrix
from tests.daily import daily
from tests.homogenization.everyday import once_for_each_cell
from tests.homogenization.references import laminate_stiffness, random_stiffness

MEANS = 1e-6  # default rtol is 1e-7; means are off by about that times the contrast of the load cases
CELLS = [((6, 5), 3), ((6, 5), 6), ((4, 3, 5), 6)]


def random_cell(shape, size, seed=0):
    rng = np.random.default_rng(seed)
    voxels = np.stack([random_stiffness(rng, size) for _ in range(int(np.prod(shape)))], axis=-1)
    return jnp.asarray(voxels.reshape(size, size, *shape)), jm.Grid(shape, np.array([1.0, 1.7, 0.8])[: len(shape)])


@pytest.mark.parametrize(("shape", "size", "discretization"), once_for_each_cell(CELLS))
def test_any_mixture_of_prescribed_components(shape, size, discretization):
    """Against the partitioned effective tensor."""
    stiffness, grid = random_cell(shape, size)
    effective = np.asarray(jm.effective_stiffness(stiffness, grid, discretization=discretization, rtol=1e-8).tensor)
    rng = np.random.default_rng(1)
    for pattern in (rng.random(size) < 0.5, np.zeros(size, bool), np.ones(size, bool), np.arange(size) == 0):
        strain, stress = rng.normal(size=size), rng.normal(size=size)
        r = solve_cell_problem(
            stiffness,
            grid,
            strain=strain,
            stress=stress,
            control=np.where(pattern, "stress", "strain").tolist(),
            discretization=discretization,
        )
        expected = np.where(pattern, 0.0, strain)
        free = np.flatnonzero(pattern)
        if len(free):
            expected[free] = np.linalg.solve(effective[np.ix_(free, free)], (stress - effective @ expected)[free])
        assert int(r.status) == Status.CONVERGED
        assert np.allclose(r.mean_strain, expected, atol=MEANS * np.abs(expected).max())
        assert np.allclose(r.mean_stress, effective @ expected, atol=MEANS * np.abs(effective @ expected).max())
        assert np.allclose(np.asarray(r.mean_strain)[~pattern], strain[~pattern], rtol=0, atol=1e-14)
        assert np.allclose(np.asarray(r.mean_stress)[pattern], stress[pattern], rtol=0, atol=1e-12)
        space = tuple(range(1, 1 + len(shape)))
        assert np.allclose(r.strain.mean(space), r.mean_strain, atol=1e-12)
        assert np.allclose(r.stress.mean(space), r.mean_stress, atol=1e-12)
        assert float(r.energy) == pytest.approx(0.5 * float(r.mean_strain @ r.mean_stress), rel=1e-6)


@pytest.mark.slow
def test_uniaxial_tension_of_a_uniform_cell():
    law = Isotropic(jnp.full((4, 5), 121.15), jnp.full((4, 5), 80.77), 6)
    grid = jm.Grid((4, 5))
    young, poisson = 210.0, 0.3
    r = solve_cell_problem(law, grid, strain=[1e-3] + 5 * [0.0], control=["strain"] + 5 * ["stress"])
    assert float(r.mean_stress[0]) == pytest.approx(1e-3 * young, rel=1e-4)
    assert np.allclose(r.mean_strain[1:3], -1e-3 * poisson, rtol=1e-4)
    on_average = solve_cell_problem(law, grid, strain=[1e-3, 0, 0, 0, 0, 0], control=["strain", "strain"] + 3 * ["stress"] + ["strain"])
    assert float(on_average.mean_stress[0]) == pytest.approx(1e-3 * young / (1 - poisson**2), rel=1e-4)  # plane stress


def test_nan_says_what_is_not_prescribed():
    stiffness, grid = random_cell((6, 5), 3)
    nan = np.nan
    found = solve_cell_problem(stiffness, grid, strain=[1e-3, nan, nan], stress=[nan, 0.0, 2.0])
    asked = solve_cell_problem(stiffness, grid, strain=[1e-3, 7, 7], stress=[7, 0.0, 2.0], control=["strain", "stress", "stress"])
    assert np.array_equal(found.mean_strain, asked.mean_strain)
    assert np.allclose(solve_cell_problem(stiffness, grid, stress=[1.0, 2, 3]).mean_stress, [1, 2, 3], atol=1e-12)
    assert np.array_equal(solve_cell_problem(stiffness, grid).mean_stress, np.zeros(3))


@pytest.mark.parametrize(("shape", "size"), daily(CELLS, CELLS[1], unpack=True))
def test_loads_in_another_frame(shape, size):
    stiffness, grid = random_cell(shape, size)
    axes = np.array([[0.8, 0.6], [-0.6, 0.8]]) if size == 3 else np.asarray(to_matrix(from_euler(jnp.array([0.3, 0.7, -1.1]))))
    strain = np.zeros(size)
    strain[0] = 1e-3
    r = solve_cell_problem(stiffness, grid, strain=strain, control=["strain"] + (size - 1) * ["stress"], frame=axes)
    turned = {}
    for name in ("mean_strain", "mean_stress"):
        turned[name] = np.asarray(tensor_to_mandel(axes @ mandel_to_tensor(getattr(r, name)) @ axes.T))
    assert turned["mean_strain"][0] == pytest.approx(1e-3, abs=1e-15)
    assert np.allclose(turned["mean_stress"][1:], 0.0, atol=1e-14)
    tension = solve_cell_problem(stiffness, grid, stress=uniaxial_stress(turned["mean_stress"][0], axes[0], size))
    assert np.allclose(tension.mean_strain, r.mean_strain, atol=MEANS * 1e-3)


@pytest.mark.slow
def test_layers_with_an_eigenstrain():
    """Closed form: the strain jump is a ⊗ n, the traction is uniform."""
    rng = np.random.default_rng(2)
    tensors, own = [random_stiffness(rng, 6) for _ in range(2)], rng.normal(size=(2, 6))
    layer = np.repeat([0, 1], [2, 4])[None, :, None] * np.ones((3, 1, 2), int)
    stiffness = np.moveaxis(np.array(tensors)[layer], (-2, -1), (0, 1))
    eigenstrain = np.moveaxis(own[layer], -1, 0)
    r = solve_cell_problem(stiffness, jm.Grid(layer.shape), stress=np.zeros(6), eigenstrain=eigenstrain, rtol=1e-10)
    # In plane the strains agree (33, 11, 13 for a normal along 22), across it the stresses do; Voigt-like and Reuss-like blocks mix.
    across, along, share = [1, 3, 5], [0, 2, 4], [1 / 3, 2 / 3]
    unknowns = np.zeros((3 + 6, 3 + 6))  # common in-plane strain, strains across in both layers
    right = np.zeros(9)
    for k in range(2):
        columns = [*range(3), *range(3 + 3 * k, 6 + 3 * k)]
        order = along + across
        block, target = tensors[k][:, order], tensors[k] @ own[k]
        unknowns[np.ix_(range(3), columns)] += share[k] * block[along]
        right[:3] += share[k] * target[along]
        unknowns[np.ix_(range(3 + 3 * k, 6 + 3 * k), columns)] += block[across]
        right[3 + 3 * k : 6 + 3 * k] += target[across]
    solution = np.linalg.solve(unknowns, right)
    expected = np.zeros(6)
    expected[along], expected[across] = solution[:3], share[0] * solution[3:6] + share[1] * solution[6:]
    assert np.allclose(r.mean_strain, expected, atol=1e-10)
    assert np.allclose(np.asarray(r.stress)[across], 0.0, atol=1e-9)
    assert np.allclose(np.asarray(r.strain)[along, 0, 0, 0], solution[:3], atol=1e-9)
    assert float(r.energy) > 0
    density = solve_cell_problem(
        stiffness, jm.Grid(layer.shape), stress=np.zeros(6), eigenstrain=eigenstrain, rtol=1e-10, fields=("stress", "energy_density")
    )
    compliances = np.moveaxis(np.linalg.inv(np.array(tensors))[layer], (-2, -1), (0, 1))
    stored = 0.5 * np.einsum("i...,ij...,j...->...", density.stress, compliances, density.stress)
    assert np.allclose(density.energy_density, stored, rtol=1e-8)


def test_a_uniform_eigenstrain_is_free():
    stiffness, grid = random_cell((6, 5), 3)
    own = np.array([1e-3, -2e-3, 5e-4])
    r = solve_cell_problem(stiffness, grid, stress=np.zeros(3), eigenstrain=own)
    assert np.allclose(r.mean_strain, own, atol=1e-9)
    assert float(jnp.abs(r.stress).max()) < 1e-9


@pytest.mark.parametrize("way", daily(["batch", "vmap"], "batch"))
def test_voids_and_batches(way):
    rng = np.random.default_rng(4)
    solid = isotropic_stiffness(1.0, 0.3, dim=2)
    masks = rng.random((2, 8, 8)) < 0.8
    masks[:, 0] = masks[:, :, 0] = True
    stiffness = np.asarray(solid)[None, :, :, None, None] * masks[:, None, None]
    grid = jm.Grid((8, 8))
    if way == "batch":
        both = solve_cell_problem(stiffness, grid, stress=[1.0, 0.0, 0.0])
    else:
        both = jax.vmap(lambda c: solve_cell_problem(c, grid, stress=jnp.array([1.0, 0.0, 0.0])))(jnp.asarray(stiffness))
    for k in range(2):
        alone = solve_cell_problem(stiffness[k], grid, stress=[1.0, 0.0, 0.0])
        assert np.allclose(both.mean_strain[k], alone.mean_strain, rtol=1e-12 if way == "batch" else 1e-9)


@pytest.mark.parametrize("mode", daily(["fwd", "rev"], "rev"))
def test_derivatives_in_all_that_enters(mode):
    shape, size = (4, 3), 3
    stiffness, grid = random_cell(shape, size)
    rng = np.random.default_rng(5)
    strain, stress, own = (jnp.asarray(rng.normal(size=s)) for s in (size, size, (size, *shape)))
    control = ["strain", "stress", "strain"]

    def answers(stiffness, lengths, strain, stress, own, angle):
        c, s = jnp.cos(angle), jnp.sin(angle)
        axes = jnp.array([[c, s], [-s, c]])
        r = solve_cell_problem(
            stiffness, jm.Grid(shape, lengths), strain=strain, stress=stress, control=control, eigenstrain=own, frame=axes, rtol=1e-10
        )
        return r.mean_strain, r.mean_stress, r.stress, r.energy

    arguments = (stiffness, grid.lengths, strain, stress, own, jnp.asarray(0.4))

    def symmetric(stiffness, *rest):
        return answers(0.5 * (stiffness + jnp.swapaxes(stiffness, 0, 1)), *rest)

    check_grads(jax.jit(symmetric), arguments, order=1, modes=(mode,), rtol=1e-5, atol=1e-5)


def test_a_solve_that_fails_says_so():
    stiffness, grid = random_cell((6, 5), 3)
    with pytest.raises(jm.SolveError, match="MAX_STEPS"):
        solve_cell_problem(stiffness, grid, stress=[1.0, 0, 0], max_steps=2)


@pytest.mark.slow
def test_float32_and_failures_under_a_tracer():
    stiffness, grid = random_cell((6, 5), 3)
    exact = solve_cell_problem(stiffness, grid, stress=[1.0, 0, 0])
    single = solve_cell_problem(stiffness.astype(jnp.float32), grid, stress=[1.0, 0, 0])
    assert np.allclose(single.mean_strain, exact.mean_strain, atol=1e-3 * float(jnp.abs(exact.mean_strain).max()))
    traced = jax.jit(lambda c: solve_cell_problem(c, grid, stress=jnp.array([1.0, 0, 0]), max_steps=2))(stiffness)
    assert int(traced.status) == Status.MAX_STEPS
    assert np.isnan(np.asarray(traced.mean_strain)).all()


@pytest.mark.usefixtures("as_user")
def test_bad_loads_are_refused_in_words():
    stiffness, grid = random_cell((6, 5), 3)
    nan = np.nan
    with pytest.raises(ValueError, match="The load is contradictory: strain and stress both prescribe the components 22, 12"):
        solve_cell_problem(stiffness, grid, strain=[nan, 0, 0], stress=[1.0, 0, 0])
    with pytest.raises(ValueError, match="The load is incomplete: neither strain nor stress prescribes the components 12"):
        solve_cell_problem(stiffness, grid, strain=[0.1, nan, nan], stress=[nan, 0, nan])
    with pytest.raises(ValueError, match="`stress` must be finite where it is prescribed, but its components 22 are not"):
        solve_cell_problem(stiffness, grid, stress=[1.0, nan, 0], control="stress")
    with pytest.raises(ValueError, match="`control` must say 'strain' or 'stress' for each of the 3 components 11, 22, 12"):
        solve_cell_problem(stiffness, grid, control=["strain", "force", "stress"])
    with pytest.raises(ValueError, match="`strain` must have the 3 components 11, 22, 12"):
        solve_cell_problem(stiffness, grid, strain=[1.0, 0, 0, 0])
    with pytest.raises(ValueError, match=r"`eigenstrain` must have shape \(3, 6, 5\) or \(3,\)"):
        solve_cell_problem(stiffness, grid, eigenstrain=np.zeros((6, 5)))
    with pytest.raises(ValueError, match="`eigenstrain` must be finite, but 1 of its 3 numbers are not"):
        solve_cell_problem(stiffness, grid, eigenstrain=[0.0, nan, 0.0])
    with pytest.raises(ValueError, match="`frame` must have orthogonal rows of length 1"):
        solve_cell_problem(stiffness, grid, frame=[[1.0, 0.1], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"`frame` must be \(2, 2\)"):
        solve_cell_problem(stiffness, grid, frame=np.eye(3))
    with pytest.raises(ValueError, match="`direction` must have a length, but it is zero"):
        uniaxial_stress(1.0, np.zeros(2))
    fluid = np.zeros((3, 3, 6, 5))
    fluid[:2, :2] = 1.0
    with pytest.raises(
        ValueError, match="The load is singular: the stress is prescribed in the components 12, but no voxel has a stiffness"
    ):
        solve_cell_problem(fluid, grid, stress=[nan, nan, 1.0], strain=[0.0, 0.0, nan])


def test_a_stress_that_a_cut_cell_cannot_carry_is_named():
    solid = np.asarray(isotropic_stiffness(1.0, 0.3, dim=2))[:, :, None, None] * (np.arange(6) > 2)[None, None, :, None] * np.ones(5)
    with pytest.raises(jm.SolveError, match="no stiffness in the components 11"):
        solve_cell_problem(solid, jm.Grid((6, 5)), strain=[0, 0, 0], stress=[1.0, 0, 0], control=["stress", "strain", "strain"])
    along = solve_cell_problem(solid, jm.Grid((6, 5)), stress=[0.0, 1.0, 0.0])
    exact = laminate_stiffness([np.asarray(isotropic_stiffness(1.0, 0.3, dim=2))] * 2, [0.5, 0.5], [1.0, 0.0], 2)
    assert float(along.mean_strain[1]) == pytest.approx(2 * np.linalg.inv(exact)[1, 1], rel=1e-6)
