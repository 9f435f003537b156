"""Conduction between walls: against a network solved directly, closed forms, and a published cell."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro import Status
from jaxmicro.fields import conduction
from jaxmicro.homogenization.operators import FiniteVolume
from jaxmicro.homogenization.volume_multigrid import volume_multigrid
from jaxmicro.materials import Scalar
from tests.daily import daily


def kirchhoff(k, lengths, axis, periodic):
    """Effective conductivity and potentials of the network of voxel centres between two walls, by a sparse direct solve."""
    h, index = np.asarray(lengths) / np.array(k.shape), np.arange(k.size).reshape(k.shape)
    rows, columns, values = [], [], []
    for a in range(k.ndim):
        first, second = (np.take(index, range(start, stop), a).ravel() for start, stop in ((0, k.shape[a] - 1), (1, k.shape[a])))
        if periodic and a != axis:
            first, second = index.ravel(), np.roll(index, -1, a).ravel()
        with np.errstate(divide="ignore"):
            g = h.prod() / h[a] / (h[a] / 2 / k.ravel()[first] + h[a] / 2 / k.ravel()[second])
        rows += [first, second, first, second]
        columns += [first, second, second, first]
        values += [g, g, -g, -g]
    ends = [np.take(index, layer, axis).ravel() for layer in (0, -1)]
    with np.errstate(divide="ignore"):
        halves = [h.prod() / h[axis] / (h[axis] / 2 / k.ravel()[end]) for end in ends]
    rows, columns, values = [*rows, *ends], [*columns, *ends], [*values, *halves]
    joined = jm.microstructures.through_clusters(k > 0, axis, periodic_sides=periodic).voxels
    live = np.flatnonzero(np.asarray(joined))
    matrix = sp.coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (k.size, k.size)).tocsc()
    push = np.zeros(k.size)
    push[ends[1]] = halves[1]
    potential = np.full(k.size, np.nan)
    potential[live] = spla.spsolve(matrix[live][:, live], push[live])
    reached = np.isin(ends[0], live)
    current = np.sum(halves[0][reached] * potential[ends[0][reached]])
    return current * lengths[axis] / (np.prod(lengths) / lengths[axis]), potential.reshape(k.shape)


def porous_cell():
    """A cell with solid voxels at random, two conductivities in its pores, and a path from wall to wall."""
    rng = np.random.default_rng(3)
    return (rng.random((13, 10, 9)) < 0.6) * rng.choice([1.0, 30.0], (13, 10, 9))


def face_centred_spheres(n):
    """Insulating spheres on the corners and face centres of a cube of n voxels."""
    x = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij"))
    centres = [c for c in itertools.product((0, 0.5, 1), repeat=3) if c.count(0.5) in (0, 2)]
    distance = np.min([np.sum((x - n * np.reshape(c, (3, 1, 1, 1))) ** 2, 0) for c in centres], 0)
    return (distance >= (0.25 * np.sqrt(2) * n / 0.975) ** 2).astype(float)


CASES = [
    (shape, axis, sides) for shape, axes in (((7, 6), (0, 1)), ((5, 8, 6), (0, 1, 2))) for axis in axes for sides in ("no_flux", "periodic")
]
EVERYDAY = (((7, 6), 0, "no_flux"), ((7, 6), 1, "periodic"), ((5, 8, 6), 2, "no_flux"))


@pytest.mark.parametrize(("shape", "axis", "sides"), daily(CASES, *EVERYDAY, unpack=True))
def test_finite_volumes_equal_their_network_of_resistors(shape, axis, sides):
    rng = np.random.default_rng(axis)
    k = rng.uniform(0.2, 5.0, size=shape) * (rng.random(shape) < 0.8)
    lengths = np.array([1.0, 2.0, 1.5])[: len(shape)]
    exact, potential = kirchhoff(k, lengths, axis, sides == "periodic")
    r = jm.effective_conductivity(
        k, jm.Grid(shape, lengths), walls=axis, sides=sides, rtol=1e-7, fields=("potential", "flux", "energy_density")
    )
    assert exact > 0.1
    assert float(r.value) == pytest.approx(exact, rel=1e-12)
    assert float(r.inflow) == pytest.approx(exact, rel=1e-6)
    assert float(r.outflow) == pytest.approx(exact, rel=1e-6)
    assert np.allclose(r.potential, potential, atol=1e-6, equal_nan=True)
    others = tuple(a for a in range(len(shape)) if a != axis)
    assert np.allclose(r.flux[axis].mean(others), exact / lengths[axis], rtol=1e-5)  # the same through every section
    assert float(r.energy_density.mean()) == pytest.approx(0.5 * exact / lengths[axis] ** 2, rel=1e-10)
    assert float(r.tortuosity) == pytest.approx(k.mean() / exact, rel=1e-12)


@pytest.mark.parametrize("preconditioner", daily(["green", "green_jacobi", "multigrid"], "multigrid"))
def test_every_preconditioner_finds_the_same(preconditioner):
    k = porous_cell()
    exact, _ = kirchhoff(k, k.shape, 1, False)
    r = jm.effective_conductivity(k, jm.Grid(k.shape), walls=1, preconditioner=preconditioner, rtol=1e-6)
    assert float(r.value) == pytest.approx(exact, rel=1e-11)
    assert abs(float(r.value) - exact) <= float(r.value_error)


@pytest.mark.parametrize("precision", daily(["mixed", "float32"], "float32"))
def test_lower_precisions(precision):
    k = porous_cell()
    exact, _ = kirchhoff(k, k.shape, 0, False)
    assert exact > 0.1
    given, option = (k.astype(np.float32), None) if precision == "float32" else (k, "mixed")
    r = jm.effective_conductivity(given, jm.Grid(k.shape), walls=0, precision=option)
    assert float(r.value) == pytest.approx(exact, rel=3e-6 if precision == "float32" else 1e-9)


@pytest.mark.parametrize("preconditioner", daily(["multigrid", "green"], "green"))
def test_face_centred_spheres_have_the_published_tortuosity(preconditioner):
    k = face_centred_spheres(32)
    r = jm.effective_conductivity(k, jm.Grid(k.shape), walls=0, tensor_rtol=3e-5, preconditioner=preconditioner)
    assert float(r.tortuosity) == pytest.approx(3.307094, abs=1e-4)
    assert int(r.steps) <= 25


@pytest.mark.slow
def test_elements_conduct_through_corners():
    """Which makes the tortuosity of the same spheres much smaller."""
    k = face_centred_spheres(32)
    octant = k[:16, :16, :16]  # the spheres are symmetric about the middle planes, where the potential is one half
    r = jm.effective_conductivity(octant, jm.Grid(octant.shape), walls=0, discretization="finite_element", tensor_rtol=1e-5)
    assert float(r.tortuosity) == pytest.approx(1.8996, abs=1e-4)


@pytest.mark.parametrize("discretization", daily(["finite_volume", "finite_element"], "finite_volume"))
def test_layers_and_channels(discretization):
    grid = jm.Grid((6, 4), (3.0, 1.0))
    layers = np.repeat([1.0, 4.0, 0.5], 2)[:, None] * np.ones(4)
    across = jm.effective_conductivity(layers, grid, walls=0, discretization=discretization, rtol=1e-8, fields=("potential", "gradient"))
    along = jm.effective_conductivity(layers, grid, walls=1, discretization=discretization, rtol=1e-8)
    assert float(across.value) == pytest.approx(1 / np.mean(1 / layers), rel=1e-12)
    assert float(along.value) == pytest.approx(layers.mean(), rel=1e-12)
    drops = 1 / layers[:, 0] / np.sum(1 / layers[:, 0])
    assert np.allclose(across.potential[:, 0], np.cumsum(drops) - 0.5 * drops, atol=1e-8)
    assert np.allclose(across.gradient[0, :, 0], drops / 0.5, atol=1e-7)


def bilinear_walls(k, axis, closed):
    """Effective conductivity by bilinear elements with given potentials at the nodes of both walls, assembled and solved directly."""
    n = k.shape
    element = np.array([[4, -1, -1, -2], [-1, 4, -2, -1], [-1, -2, 4, -1], [-2, -1, -1, 4]]) / 6  # corners 00, 01, 10, 11
    nodes = [m + 1 if closed or a == axis else m for a, m in enumerate(n)]
    matrix = np.zeros((np.prod(nodes),) * 2)
    for i, j in np.ndindex(*n):
        place = [((i + a) % nodes[0]) * nodes[1] + (j + b) % nodes[1] for a in (0, 1) for b in (0, 1)]
        matrix[np.ix_(place, place)] += k[i, j] * element
    rise = np.broadcast_to(np.arange(nodes[axis]).reshape([-1 if a == axis else 1 for a in (0, 1)]) / n[axis], nodes).ravel()
    fixed = (rise == 0) | (rise == 1)
    u = np.where(rise == 1, 1.0, 0.0)
    u[~fixed] = np.linalg.solve(matrix[np.ix_(~fixed, ~fixed)], -matrix[~fixed] @ u)
    return u @ matrix @ u * n[axis] / n[1 - axis]


@pytest.mark.parametrize(
    ("axis", "sides"),
    daily(list(itertools.product((0, 1), ("no_flux", "periodic"))), (0, "no_flux"), (1, "periodic"), unpack=True),
)
def test_finite_elements_equal_their_assembled_system(axis, sides):
    k = np.random.default_rng(4).uniform(0.2, 5.0, size=(5, 4))
    r = jm.effective_conductivity(k, jm.Grid((5, 4)), walls=axis, sides=sides, discretization="finite_element", rtol=1e-8)
    assert float(r.value) == pytest.approx(bilinear_walls(k, axis, sides == "no_flux"), rel=1e-12)
    tensors = np.eye(2)[:, :, None, None] * k
    alike = jm.effective_conductivity(tensors, jm.Grid((5, 4)), walls=axis, sides=sides, discretization="finite_element", rtol=1e-8)
    assert float(alike.value) == pytest.approx(float(r.value), rel=1e-12)


def test_a_turned_crystal_between_walls():
    """A uniform anisotropic medium in a long cell: without flux through the sides the flux is straight, 1/(k⁻¹)_xx; in a wide one k_xx."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    k = turn @ np.diag([1.0, 3.0]) @ turn.T
    for shape, exact in (((256, 8), 1 / np.linalg.inv(k)[0, 0]), ((4, 128), k[0, 0])):
        field = np.broadcast_to(k[:, :, None, None], (2, 2, *shape))
        r = jm.effective_conductivity(field, jm.Grid(shape), walls=0, discretization="finite_element")
        assert float(r.value) == pytest.approx(exact, rel=0.03)


def test_no_path_is_a_status_and_no_error():
    k = np.ones((6, 6))
    k[3] = 0.0
    grid = jm.Grid((6, 6))
    for r in (jm.effective_conductivity(k, grid, walls=0), jax.jit(lambda k: jm.effective_conductivity(k, grid, walls=0))(k)):
        assert int(r.status) == Status.NO_PATH
        assert float(r.value) == 0.0
        assert np.isinf(float(r.tortuosity))
        assert int(r.isolated_clusters) == 2
        assert int(r.steps) == 0
    assert int(jm.effective_conductivity(k, grid, walls=1).status) == Status.CONVERGED
    assert int(jm.effective_conductivity(np.zeros((6, 6)), grid, walls=0).status) == Status.NO_PATH
    slope = jax.jit(jax.grad(lambda k: jm.effective_conductivity(k, grid, walls=0).value))(jnp.asarray(k))
    assert np.array_equal(slope, np.zeros((6, 6)))


def test_the_connectivity_is_that_of_the_scheme():
    """Two squares that meet at a corner join the walls for elements, not for volumes."""
    k = np.kron(np.eye(2), np.ones((4, 4)))
    grid = jm.Grid(k.shape)
    assert int(jm.effective_conductivity(k, grid, walls=0).status) == Status.NO_PATH
    r = jm.effective_conductivity(k, grid, walls=0, discretization="finite_element")
    assert int(r.status) == Status.CONVERGED
    assert float(r.value) > 0.05


def test_what_does_not_join_the_walls_is_left_out_and_counted():
    k = np.zeros((9, 12))
    k[:, 4:6] = 2.0  # the only path
    k[4, 8] = k[2, 10] = 1.0  # two islands
    k[:3, 0] = 5.0  # a dead end at the first wall
    r = jm.effective_conductivity(k, jm.Grid(k.shape), walls=0, fields=("potential", "flux"))
    assert float(r.value) == pytest.approx(2.0 * 2 / 12, rel=1e-12)
    assert int(r.isolated_clusters) == 3
    assert float(r.porosity) == pytest.approx((18 + 2 + 3) / 108)
    assert float(r.percolating_porosity) == pytest.approx(18 / 108)
    assert np.array_equal(np.isnan(r.potential), np.arange(12)[None] * np.ones((9, 1)) // 2 != 2)
    assert float(jnp.abs(r.flux[:, :, :4]).max()) == 0.0


def test_batches_of_cells_with_and_without_a_path():
    rng = np.random.default_rng(5)
    k = np.stack([rng.uniform(1, 2, (6, 5)), np.ones((6, 5)), rng.uniform(1, 2, (6, 5))])
    k[1, 2] = 0.0
    grid = jm.Grid((6, 5))
    together = jm.effective_conductivity(k, grid, walls=0)
    mapped = jax.vmap(lambda one: jm.effective_conductivity(one, grid, walls=0))(k)
    for n in range(3):
        alone = jm.effective_conductivity(k[n], grid, walls=0)
        for r in (together, mapped):
            assert int(r.status[n]) == int(alone.status) == (Status.NO_PATH if n == 1 else Status.CONVERGED)
            assert float(r.value[n]) == pytest.approx(float(alone.value), rel=1e-12)


@pytest.mark.parametrize("discretization", daily(["finite_volume", "finite_element"], "finite_volume"))
def test_derivatives_in_constants_and_edge_lengths(discretization):
    k = jnp.asarray(np.random.default_rng(6).uniform(0.5, 3.0, size=(5, 4)))

    def value(k, lengths):
        r = jm.effective_conductivity(k, jm.Grid((5, 4), lengths), walls=1, discretization=discretization, rtol=1e-8)
        return r.value, r.tortuosity

    check_grads(jax.jit(value), (k, jnp.array([1.0, 1.7])), order=1, modes=("fwd", "rev"), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_second_derivatives():
    k = jnp.asarray(np.random.default_rng(6).uniform(0.5, 3.0, size=(5, 4)))
    check_grads(lambda k: jm.effective_conductivity(k, jm.Grid((5, 4)), walls=1, rtol=1e-8).value, (k,), order=2, modes=("rev",), rtol=1e-5)


def test_derivatives_of_fields():
    k = jnp.asarray(np.random.default_rng(7).uniform(0.5, 3.0, size=(4, 5)))

    def flux(k):
        r = jm.effective_conductivity(k, jm.Grid((4, 5)), walls=0, rtol=1e-9, fields=("flux", "potential"))
        return r.flux, r.potential, r.value

    check_grads(jax.jit(flux), (k,), order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-6)


def test_the_derivative_with_pores_is_that_of_the_pores():
    """Where nothing conducts the one-sided derivative is zero; elsewhere it is that of the network."""
    rng = np.random.default_rng(8)
    k = np.where(rng.random((7, 6)) < 0.75, 1.0, 0.0)
    grid = jm.Grid(k.shape)
    slope = jax.jit(jax.grad(lambda k: jm.effective_conductivity(k, grid, walls=0, rtol=1e-8).value))(jnp.asarray(k))
    assert np.array_equal(np.asarray(slope)[k == 0], np.zeros(np.sum(k == 0)))
    for place in np.argwhere(k > 0)[::5]:
        values = []
        for sign in (1, -1):
            moved = k.copy()
            moved[tuple(place)] += sign * 1e-5
            values.append(kirchhoff(moved, k.shape, 0, False)[0])
        assert float(slope[tuple(place)]) == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(9, 14), (21, 16, 13), (50, 3)])
@pytest.mark.parametrize("walls", [None, 0])
def test_the_multigrid_cycle_is_symmetric_and_definite(shape, walls):
    rng = np.random.default_rng(9)
    k = jnp.asarray(10.0 ** rng.uniform(-2, 2, shape) * (rng.random(shape) < 0.8))
    operator, spacing = FiniteVolume(conduction(len(shape)), walls, walls is not None), jnp.array([0.7, 1.3, 0.4])[: len(shape)]
    cycle = jax.jit(volume_multigrid(operator, Scalar(k), spacing))
    forces = [operator.force(Scalar(k), (jnp.asarray(rng.normal(size=shape)),), spacing)[0] for _ in range(2)]
    found = [cycle(force)[0] for force in forces]
    cross = [float(jnp.vdot(forces[i][0], found[1 - i])) for i in (0, 1)]
    own = float(jnp.vdot(forces[0][0], found[0]))
    assert own > 0
    assert abs(cross[0] - cross[1]) < 1e-10 * own


@pytest.mark.slow
def test_multigrid_serves_periodic_finite_volumes():
    rng = np.random.default_rng(10)
    k = np.where(rng.random((45, 52)) < 0.35, 1e-4, 1.0)
    grid = jm.Grid(k.shape)
    found = {
        p: jm.effective_conductivity(k, grid, discretization="finite_volume", preconditioner=p) for p in ("auto", "green", "multigrid")
    }
    assert np.allclose(found["auto"].tensor, found["multigrid"].tensor, rtol=1e-13)
    assert np.allclose(found["green"].tensor, found["multigrid"].tensor, rtol=1e-8)
    assert int(found["multigrid"].steps.max()) < 0.5 * int(found["green"].steps.max())


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    grid, k = jm.Grid((4, 4)), np.ones((4, 4))
    with pytest.raises(ValueError, match=r"`shape` must be at least 2 along each axis, but it is \(1, 4\)"):
        jm.effective_conductivity(np.ones((1, 4)), jm.Grid((1, 4)), walls=0)
    with pytest.raises(ValueError, match="`walls` must be the number of an axis of the grid, below 2, but it is 2"):
        jm.effective_conductivity(k, grid, walls=2)
    with pytest.raises(ValueError, match="`walls` must be the number of an axis of the grid, below 2, but it is 'x'"):
        jm.effective_conductivity(k, grid, walls="x")
    with pytest.raises(ValueError, match="`sides` must be one of"):
        jm.effective_conductivity(k, grid, walls=0, sides="open")
    with pytest.raises(ValueError, match="`discretization` must be one of"):
        jm.effective_conductivity(k, grid, walls=0, discretization="fourier")
    with pytest.raises(ValueError, match="takes one conductivity per voxel, but it is given a tensor"):
        jm.effective_conductivity(np.ones((2, 2, 4, 4)), grid, walls=0)
    traced = jax.jit(lambda k: jm.effective_conductivity(k, grid, walls=0).tortuosity)
    for wrong, words in ((-1.0, "positive semi-definite"), (np.nan, "finite"), (np.inf, "finite")):
        bad = k.copy()
        bad[1, 2] = wrong
        with pytest.raises(ValueError, match=rf"`conductivity` must be {words} in every voxel, .*the first is voxel \(1, 2\)"):
            jm.effective_conductivity(bad, grid, walls=0)
        r = jm.effective_conductivity(bad, grid, walls=0, throw=False)
        assert int(r.status) == Status.BAD_INPUT
        assert np.isnan(float(r.value))
        assert np.isnan(float(traced(bad)))
    with pytest.raises(ValueError, match="`sides` is for cells between walls"):
        jm.effective_conductivity(k, grid, sides="periodic")


def test_a_solve_that_fails_says_so():
    k = porous_cell()
    grid = jm.Grid(k.shape)
    with pytest.raises(jm.SolveError, match="MAX_STEPS"):
        jm.effective_conductivity(k, grid, walls=0, max_steps=2)
    best = jm.effective_conductivity(k, grid, walls=0, max_steps=2, throw=False)
    assert int(best.status) == Status.MAX_STEPS
    assert float(best.value) > 0
    assert np.isnan(float(jax.jit(lambda k: jm.effective_conductivity(k, grid, walls=0, max_steps=2).value)(k)))


def test_a_start_saves_steps_and_changes_nothing():
    k = np.random.default_rng(11).uniform(0.1, 2.0, size=(24, 20)) * (np.indices((24, 20)).sum(0) % 7 > 0)
    grid = jm.Grid(k.shape, (1.0, 3.0))
    first = jm.effective_conductivity(k, grid, walls=0, sides="periodic", rtol=1e-7, fields=("potential",))
    again = jm.effective_conductivity(k, grid, walls=0, sides="periodic", rtol=1e-7, start=first)
    assert int(again.steps) < 0.3 * int(first.steps)
    assert float(again.value) == pytest.approx(float(first.value), rel=1e-12)
    with pytest.raises(ValueError, match="`start` is a result without a potential"):
        jm.effective_conductivity(k, grid, walls=0, start=again)
    with pytest.raises(ValueError, match=r"`start` must be a potential of shape \(24, 20\)"):
        jm.effective_conductivity(k, grid, walls=0, start=jnp.zeros((1, 24, 20)))


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 2])
def test_an_electrode_equals_a_direct_solve(shared_data, axis):
    """A sub-volume of a tomogram small enough to be solved directly; split once, its voxels conduct a few percent less or more."""
    solid = jm.io.read(shared_data / "tomo_nmc_cathode" / "nmc_128_superres.tif").labels[40:62, 30:50, 20:42]
    pores = np.asarray(solid == 0, float)
    exact, _ = kirchhoff(pores, pores.shape, axis, False)
    r = jm.effective_conductivity(pores, jm.Grid(pores.shape), walls=axis)
    assert float(r.value) == pytest.approx(exact, rel=1e-9)
    assert float(r.inflow) == pytest.approx(float(r.outflow), rel=1e-5)
    split = np.kron(pores, np.ones((2, 2, 2)))
    finer = jm.effective_conductivity(split, jm.Grid(split.shape), walls=axis, tensor_rtol=1e-4)
    assert 0.002 < abs(float(finer.value) / exact - 1) < 0.1
