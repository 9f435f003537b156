"""Exact results: laminates, an assembled direct solve, homogeneous cells, bounds."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.fields import elasticity
from jaxmicro.homogenization import loewner_gap, reuss_bound, voigt_bound
from jaxmicro.homogenization.cell import energy_tensor
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.homogenization.solve import Medium, Setup
from jaxmicro.materials.laws import Tensor
from tests.daily import daily
from tests.homogenization.references import (
    assembled_effective,
    laminate_conductivity,
    laminate_stiffness,
    random_stiffness,
)

# Seven layers of one or two voxels: nine voxels along the layering axis.
LAYERS = np.repeat(np.arange(7), (1, 2, 1, 1, 2, 1, 1))
SHARES = np.bincount(LAYERS) / LAYERS.size
ROUNDING = 1e-14  # of sums over a few dozen voxels in another order
EXACT = 1e-10  # the tensor's error is about rtol², so 1e-6 leaves only rounding


def layered(values, shape, axis):
    """(m, m, *grid) with layer p of `values` across `axis`."""
    assert shape[axis] == LAYERS.size
    layers = np.stack(values, axis=-1)[..., LAYERS]
    expand = [1] * len(shape)
    expand[axis] = shape[axis]
    return np.broadcast_to(layers.reshape(*layers.shape[:2], *expand), layers.shape[:2] + shape).copy()


LAMINATES = [
    (shape, axis, size, name)
    for shape, axis, size in (
        ((9, 9), 0, 3),
        ((9, 9), 1, 3),
        ((9, 4), 0, 3),
        ((9, 9), 0, 6),
        ((9, 9), 1, 6),
        ((9, 2, 9), 0, 6),
        ((9, 2, 9), 2, 6),
    )
    for name in ("finite_element", "rotated")
]
EVERYDAY = (
    ((9, 4), 0, 3, "finite_element"),
    ((9, 9), 1, 3, "rotated"),
    ((9, 9), 0, 6, "rotated"),
    ((9, 2, 9), 2, 6, "finite_element"),
)


@pytest.mark.parametrize(("shape", "axis", "size", "name"), daily(LAMINATES, *EVERYDAY, unpack=True))
def test_axis_aligned_laminates_of_arbitrary_anisotropic_phases_are_exact(shape, axis, size, name):
    rng = np.random.default_rng(axis)
    phases = [random_stiffness(rng, size) * 10.0 ** rng.uniform(-1, 1) for _ in range(7)]
    lengths = np.array([1.3, 0.7, 2.1])[: len(shape)]
    result = jm.effective_stiffness(layered(phases, shape, axis), jm.Grid(shape, lengths), discretization=name, rtol=1e-7)
    exact = laminate_stiffness(phases, SHARES, np.eye(len(shape))[axis], 2 if size == 3 else 3)
    assert np.abs(np.asarray(result.tensor) - exact).max() < EXACT * np.abs(exact).max()


@pytest.mark.parametrize(("shape", "axis"), [((9, 9), 0), ((9, 9), 1)])
def test_fourier_is_exact_on_odd_laminates(shape, axis):
    rng = np.random.default_rng(5)
    phases = [random_stiffness(rng, 3) for _ in range(7)]
    result = jm.effective_stiffness(layered(phases, shape, axis), jm.Grid(shape), discretization="fourier", rtol=1e-7)
    exact = laminate_stiffness(phases, SHARES, np.eye(2)[axis], 2)
    assert np.abs(np.asarray(result.tensor) - exact).max() < EXACT * np.abs(exact).max()


@pytest.mark.parametrize(
    ("size", "name"), daily(list(itertools.product((3, 6), ("rotated", "fourier"))), (3, "fourier"), (6, "rotated"), unpack=True)
)
def test_the_diagonal_laminate_of_an_odd_square_is_exact(name, size):
    n = 7
    rng = np.random.default_rng(6)
    phases = [random_stiffness(rng, size) for _ in range(n)]
    index = np.add.outer(np.arange(n), np.arange(n)) % n
    field = np.moveaxis(np.stack(phases)[index], (2, 3), (0, 1))
    result = jm.effective_stiffness(field, jm.Grid((n, n)), discretization=name, rtol=1e-7)
    exact = laminate_stiffness(phases, np.full(n, 1 / n), np.array([1.0, 1.0]) / np.sqrt(2), 2 if size == 3 else 3)
    assert np.abs(np.asarray(result.tensor) - exact).max() < EXACT * np.abs(exact).max()


@pytest.mark.parametrize(
    ("name", "shape", "axis"),
    daily(
        [(name, *cell) for name in ("finite_element", "rotated") for cell in (((9, 9), 0), ((9, 2, 9), 2))],
        ("finite_element", (9, 2, 9), 2),
        ("rotated", (9, 9), 0),
        unpack=True,
    ),
)
def test_conductivity_of_anisotropic_layers_is_exact(name, shape, axis):
    rng = np.random.default_rng(7)
    phases = [random_stiffness(rng, len(shape)) for _ in range(7)]
    result = jm.effective_conductivity(layered(phases, shape, axis), jm.Grid(shape), discretization=name, rtol=1e-7)
    exact = laminate_conductivity(phases, SHARES, np.eye(len(shape))[axis])
    assert np.abs(np.asarray(result.tensor) - exact).max() < EXACT * np.abs(exact).max()


@pytest.mark.parametrize(
    ("shape", "size", "components"),
    daily([((5, 6), 3, 2), ((5, 6), 6, 3), ((3, 4, 5), 6, 3)], ((5, 6), 3, 2), ((3, 4, 5), 6, 3), unpack=True),
)
def test_finite_elements_equal_an_assembled_direct_solve(shape, size, components):
    rng = np.random.default_rng(8)
    count = int(np.prod(shape))
    field = np.stack([random_stiffness(rng, size) * 10.0 ** rng.uniform(-2, 2) for _ in range(count)], -1).reshape(size, size, *shape)
    lengths = np.array([1.0, 2.3, 0.6])[: len(shape)]
    grid = jm.Grid(shape, lengths)
    result = jm.effective_stiffness(field, grid, rtol=1e-7)
    truth = assembled_effective(field, lengths / np.array(shape), components)
    assert np.abs(np.asarray(result.tensor) - truth).max() < 1e-10 * np.abs(truth).max()


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5)])
def test_conduction_equals_an_assembled_direct_solve(shape):
    rng = np.random.default_rng(9)
    k = 10.0 ** rng.uniform(-2, 2, size=shape)
    d = len(shape)
    truth = assembled_effective(np.eye(d).reshape(d, d, *(1,) * d) * k, np.ones(d), 1)
    result = jm.effective_conductivity(k, jm.Grid(shape), rtol=1e-7)
    assert np.abs(np.asarray(result.tensor) - truth).max() < 1e-10 * np.abs(truth).max()


def test_layers_of_very_different_phases_are_exact_at_the_default_tolerance():
    # Few layers whose soft directions the iteration meets late: an estimate that looks at the last steps alone stops before.
    rng = np.random.default_rng(11)
    for _ in range(6):
        layers = rng.integers(0, 5, 12)
        phases = [random_stiffness(rng, 3) * 10.0 ** rng.uniform(-2, 2) for _ in range(5)]
        shares = np.bincount(layers, minlength=5) / 12
        field = np.broadcast_to(np.stack(phases, -1)[..., layers][..., None], (3, 3, 12, 4))
        exact = laminate_stiffness(phases, shares, np.array([1.0, 0.0]), 2)
        found = np.asarray(jm.effective_stiffness(field, jm.Grid((12, 4))).tensor)
        assert np.abs(found - exact).max() < EXACT * np.abs(exact).max()
        loose = np.asarray(jm.effective_stiffness(field, jm.Grid((12, 4)), rtol=1e-2).tensor)
        assert np.max(np.diag(loose - exact) / np.diag(exact)) < 10 * 1e-2**2


def test_a_mixture_of_fluids_has_the_inverse_mean_compressibility():
    shape = (9, 5)
    bulk = np.exp(np.random.default_rng(4).normal(size=shape))
    exact = np.pad(np.ones((2, 2)), (0, 1)) / np.mean(1 / bulk)
    fluid = jm.materials.lame_stiffness(bulk, 0.0, dim=2)
    assert np.allclose(jm.effective_stiffness(fluid, jm.Grid(shape), discretization="rotated", rtol=1e-7).tensor, exact, atol=1e-10)
    above = np.asarray(jm.effective_stiffness(fluid, jm.Grid(shape)).tensor) - exact
    assert above[0, 0] > 0.01
    assert np.linalg.eigvalsh(above)[0] > -1e-12


@pytest.mark.parametrize("name", daily(["finite_element", "rotated", "fourier"], "finite_element"))
def test_a_homogeneous_cell_returns_its_own_tensor(name):
    c = random_stiffness(np.random.default_rng(10), 3)
    result = jm.effective_stiffness(np.broadcast_to(c[:, :, None, None], (3, 3, 6, 4)), jm.Grid((6, 4)), discretization=name)
    assert np.allclose(result.tensor, c, rtol=1e-13)
    assert int(result.steps.max()) == 0


@pytest.mark.parametrize("name", daily(["rotated", "fourier"], "rotated"))
def test_dykhne_determinant_of_a_self_dual_checkerboard_like_cell(name):
    # Keller–Dykhne: exchanging the phases of a 2D cell turns k by 90 degrees: k(k1, k2) · R k(k2, k1) Rᵀ = k1 k2 on odd grids.
    labels = np.random.default_rng(11).integers(0, 2, (9, 9))
    grid = jm.Grid((9, 9))
    a = np.asarray(jm.effective_conductivity(np.where(labels == 0, 1.0, 7.0), grid, discretization=name, rtol=1e-9).tensor)
    b = np.asarray(jm.effective_conductivity(np.where(labels == 0, 7.0, 1.0), grid, discretization=name, rtol=1e-9).tensor)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    assert np.allclose(a @ (turn @ b @ turn.T), 7.0 * np.eye(2), atol=1e-7)


@pytest.mark.slow
def test_bounds_hold_in_the_loewner_order_and_finite_elements_are_an_upper_bound():
    grid = jm.Grid((8, 6))
    rng = np.random.default_rng(12)
    phases = np.stack([random_stiffness(rng, 3), 50 * random_stiffness(rng, 3)])
    for seed in range(3):
        labels = np.random.default_rng(seed).integers(0, 2, (8, 6))
        field = np.moveaxis(phases[labels], (2, 3), (0, 1))
        shares = np.bincount(labels.ravel(), minlength=2) / labels.size
        fine = np.repeat(np.repeat(field, 2, axis=2), 2, axis=3)
        coarse = jm.effective_stiffness(field, grid).tensor
        split = jm.effective_stiffness(fine, jm.Grid((16, 12), (8.0, 6.0))).tensor
        assert loewner_gap(reuss_bound(phases, shares), coarse) > 0
        assert loewner_gap(coarse, voigt_bound(phases, shares)) > 0
        assert loewner_gap(split, coarse) > 0  # subdividing never raises the finite-element energy


@pytest.mark.slow
def test_columnar_cells_contain_the_plane_strain_ones():
    rng = np.random.default_rng(13)
    young = 10.0 ** rng.uniform(0, 2, size=(6, 5))
    grid = jm.Grid((6, 5))
    flat = jm.effective_stiffness(jm.materials.isotropic_stiffness(young, 0.3, dim=2), grid, rtol=1e-7).tensor
    full = jm.effective_stiffness(jm.materials.isotropic_stiffness(young, 0.3), grid, rtol=1e-7).tensor
    inside = np.array([0, 1, 5])
    assert np.allclose(np.asarray(full)[np.ix_(inside, inside)], flat, rtol=1e-9)
    antiplane = jm.effective_conductivity(young / 2.6, grid, rtol=1e-7).tensor  # shear modulus: antiplane shear is conduction
    assert np.allclose(np.asarray(full)[4, 4] / 2, antiplane[0, 0], rtol=1e-9)
    assert np.allclose(np.asarray(full)[3, 3] / 2, antiplane[1, 1], rtol=1e-9)


@pytest.mark.slow
def test_a_cell_extruded_to_3d_equals_the_columnar_problem():
    rng = np.random.default_rng(14)
    field = np.stack([random_stiffness(rng, 6) for _ in range(12)], -1).reshape(6, 6, 4, 3)
    columnar = jm.effective_stiffness(field, jm.Grid((4, 3)), rtol=1e-7).tensor
    solid = jm.effective_stiffness(np.repeat(field[..., None], 2, axis=-1), jm.Grid((4, 3, 2)), rtol=1e-7).tensor
    assert np.allclose(columnar, solid, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("contrast", [0.0, 1e-6])
def test_voids_converge_with_finite_elements(contrast):
    x = np.stack(np.meshgrid(*(np.linspace(-0.5, 0.5, 24, endpoint=False) + 1 / 48,) * 2, indexing="ij"))
    young = np.where((x**2).sum(0) < 0.3**2, contrast, 1.0)
    result = jm.effective_stiffness(jm.materials.isotropic_stiffness(young, 0.3, dim=2), jm.Grid((24, 24)))
    assert int(result.status) == 0
    assert int(result.steps.max()) < 40
    assert 0 < float(result.tensor[0, 0]) < float(jm.materials.isotropic_stiffness(1.0, 0.3, dim=2)[0, 0])


def test_the_nyquist_rule_makes_even_fourier_cells_inexact_as_documented():
    young = np.broadcast_to(np.array([1.0, 10.0] * 4)[:, None], (8, 4))
    field = jm.materials.isotropic_stiffness(young, 0.3, dim=2)
    exact = laminate_stiffness([np.asarray(field[:, :, 0, 0]), np.asarray(field[:, :, 1, 0])], [0.5, 0.5], np.array([1.0, 0.0]), 2)
    result = jm.effective_stiffness(field, jm.Grid((8, 4)), discretization="fourier").tensor
    assert result[0, 0] > 1.5 * exact[0, 0]  # one-voxel layers are a Nyquist wave: the even spectral cell cannot relax them


@pytest.mark.slow
def test_hashin_shtrikman_holds_for_an_isotropic_disc_array():
    n = 48
    x = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5,) * 2, indexing="ij"))
    labels = ((x**2).sum(0) < 0.25**2).astype(int)
    materials = [{"young": 1.0, "poisson": 0.3, "conductivity": 1.0}, {"young": 10.0, "poisson": 0.3, "conductivity": 10.0}]
    result = jm.homogenize(labels, materials)
    low, high = result.analytic_bounds.conductivity_hashin_shtrikman
    assert low < result.conductivity[0, 0] < high
    assert result.defects == ()
    print(result)


@pytest.mark.parametrize(
    ("count", "shape", "size"),
    daily(
        [(count, *cell) for count in (1, 2, 4) for cell in (((4, 3), 3), ((4, 3), 6), ((2, 3, 2), 6))],
        (4, (4, 3), 3),
        (2, (2, 3, 2), 6),
        unpack=True,
    ),
)
def test_batches_of_stiffness_of_any_size_are_their_samples(shape, size, count):
    rng = np.random.default_rng(count)
    voxels = count * int(np.prod(shape))
    field = np.stack([random_stiffness(rng, size) for _ in range(voxels)]).reshape(count, *shape, size, size)
    field = np.moveaxis(field, (-2, -1), (1, 2))
    batch = jm.effective_stiffness(field, jm.Grid(shape))
    assert batch.tensor.shape == (count, size, size)
    assert batch.status.shape == (count,)
    alone = jm.effective_stiffness(field[-1], jm.Grid(shape)).tensor
    assert np.abs(batch.tensor[-1] - alone).max() < ROUNDING * np.abs(alone).max()  # another program


def test_results_do_not_depend_on_the_load_order_or_batching():
    rng = np.random.default_rng(15)
    k = jnp.asarray(10.0 ** rng.uniform(-1, 1, size=(3, 6, 5)))
    grid = jm.Grid((6, 5))
    batch = jm.effective_conductivity(k, grid)
    mapped = jax.vmap(lambda one: jm.effective_conductivity(one, grid).tensor)(k)
    single = jnp.stack([jm.effective_conductivity(one, grid).tensor for one in k])
    assert np.array_equal(batch.tensor, single)
    assert np.allclose(mapped, single, rtol=1e-13)
    assert batch.status.shape == (3,)
    assert batch.steps.shape == (3, 2)


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5)])
def test_finite_volumes_equal_their_network_of_resistors(shape):
    """Kirchhoff's laws on the graph of voxels, each face two halves in series, solved directly."""
    rng = np.random.default_rng(7)
    k = rng.uniform(0.2, 5.0, size=shape)
    lengths = np.array([1.0, 2.0, 1.5])[: len(shape)]
    h, index = lengths / np.array(shape), np.arange(k.size).reshape(shape)
    for load in range(len(shape)):
        matrix, push, energy = np.zeros((k.size, k.size)), np.zeros(k.size), 0.0
        faces = []
        for axis in range(len(shape)):
            first, second = index.ravel(), np.roll(index, -1, axis).ravel()
            resistance = h[axis] / 2 / k.ravel()[first] + h[axis] / 2 / k.ravel()[second]
            conductance = h.prod() / h[axis] / resistance
            faces.append((first, second, conductance, h[axis] if axis == load else 0.0))
            for i, j, g in zip(first, second, conductance, strict=True):
                matrix[[i, i, j, j], [i, j, j, i]] += np.array([1, -1, 1, -1]) * g
                push[i] += g * faces[-1][3]
                push[j] -= g * faces[-1][3]
        potential = np.linalg.pinv(matrix, rcond=1e-12) @ push
        energy = sum(np.sum(g * (potential[j] - potential[i] + drop) ** 2) for i, j, g, drop in faces) / lengths.prod()
        found = jm.effective_conductivity(
            k, jm.Grid(shape, lengths), discretization="finite_volume", rtol=1e-8, fields=("strain", "stress")
        )
        assert float(found.tensor[load, load]) == pytest.approx(energy, rel=1e-12)
        space = tuple(range(2, 2 + len(shape)))
        assert np.allclose(found.stress.mean(space), found.tensor, atol=1e-7)
        assert np.allclose(found.strain.mean(space), np.eye(len(shape)), atol=1e-12)


def test_finite_volumes_conduct_through_faces_only():
    squares = np.kron(np.indices((2, 2)).sum(0) % 2, np.ones((3, 3)))
    grid = jm.Grid((6, 6))
    assert float(jm.effective_conductivity(squares, grid, discretization="finite_volume").tensor[0, 0]) == pytest.approx(0.0, abs=1e-10)
    assert float(jm.effective_conductivity(squares, grid).tensor[0, 0]) > 0.05
    layers = np.repeat([1.0, 4.0, 0.5], 2)[:, None] * np.ones(6)
    exact = np.diag([1 / np.mean(1 / layers), layers.mean()])
    assert np.allclose(jm.effective_conductivity(layers, grid, discretization="finite_volume", rtol=1e-8).tensor, exact, rtol=1e-12)


def test_finite_volumes_say_what_they_do_not_take():
    with pytest.raises(ValueError, match="'finite_volume' is for conduction only"):
        jm.effective_stiffness(np.ones((3, 3, 4, 4)), jm.Grid((4, 4)), discretization="finite_volume")
    with pytest.raises(ValueError, match="takes one conductivity per voxel, but it is given a tensor"):
        jm.effective_conductivity(np.ones((2, 2, 4, 4)), jm.Grid((4, 4)), discretization="finite_volume")


@pytest.mark.parametrize(
    ("name", "shape"),
    daily(
        [("finite_element", (5, 4)), ("rotated", (5, 4)), ("fourier", (5, 4)), ("finite_element", (3, 2, 4))],
        ("rotated", (5, 4)),
        ("finite_element", (3, 2, 4)),
        unpack=True,
    ),
)
def test_the_energy_density_of_a_stiffness_adds_up_to_the_tensor(name, shape):
    rng = np.random.default_rng(8)
    size = 3 * len(shape) - 3
    c = np.stack([random_stiffness(rng, size) for _ in range(int(np.prod(shape)))], -1).reshape(size, size, *shape)
    found = jm.effective_stiffness(c, jm.Grid(shape), discretization=name, fields=("strain", "stress", "energy_density"), rtol=1e-8)
    space = tuple(range(1, 1 + len(shape)))
    assert found.energy_density.shape == (size, *shape)
    assert np.allclose(found.energy_density.mean(space), np.diagonal(found.tensor) / 2, rtol=1e-11)
    pointwise = 0.5 * np.sum(np.asarray(found.strain * found.stress), axis=1)
    if name == "finite_element":
        assert (found.energy_density > pointwise - 1e-12).all()  # its strain varies within a voxel
    else:
        assert np.allclose(found.energy_density, pointwise)


@pytest.mark.parametrize("name", ["finite_element", "finite_volume"])
def test_the_energy_density_of_a_conductivity_adds_up_to_the_tensor(name):
    k = np.random.default_rng(9).uniform(0.0, 3.0, size=(5, 4))
    k[1, 2] = 0.0
    found = jm.effective_conductivity(k, jm.Grid((5, 4), (1.0, 2.0)), discretization=name, fields="energy_density", rtol=1e-8)
    assert found.strain is None
    assert np.allclose(found.energy_density.mean((1, 2)), np.diagonal(found.tensor) / 2, rtol=1e-11)
    assert (found.energy_density[:, 1, 2] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"rtol": 0.3}, (5, 4)),
        ({"rtol": 0.3}, (3, 2, 4)),
        ({"rtol": 0.3, "discretization": "fourier"}, (5, 4)),
        ({"rtol": 0.3, "preconditioner": "multigrid"}, (20, 18)),
        ({"rtol": 0.3, "precision": "mixed"}, (5, 4)),
        ({"rtol": 1e-9, "max_steps": 1}, (5, 4)),
        ({"rtol": 0.3, "start": True}, (5, 4)),
    ],
)
def test_the_tensor_of_any_solve_is_the_energy_of_its_displacements(options, shape):
    rng = np.random.default_rng(8)
    size = 3 * len(shape) - 3
    c = np.stack([random_stiffness(rng, size) for _ in range(int(np.prod(shape)))], -1).reshape(size, size, *shape)
    if "start" in options:
        options = options | {"start": rng.normal(size=(size, len(shape), *shape))}
    found = jm.effective_stiffness(c, jm.Grid(shape), **options, fields="displacement", throw=False)
    operator = make_operator(options.get("discretization", "finite_element"), elasticity(len(shape), size))
    setup, medium = Setup(operator, 1.0, 1, True), Medium(Tensor(jnp.asarray(c)), jnp.ones(len(shape)))
    energy = energy_tensor(setup, medium, tuple(jnp.moveaxis(found.displacement, 1, 0)))
    exact = jm.effective_stiffness(c, jm.Grid(shape), discretization=options.get("discretization", "finite_element"), rtol=1e-8)
    assert np.abs(found.tensor - exact.tensor).max() > 1e-6
    assert np.allclose(found.tensor, energy, rtol=1e-12, atol=1e-12 * np.abs(energy).max())
    assert np.array_equal(found.tensor, found.tensor.T)
    plain = jm.effective_stiffness(c, jm.Grid(shape), **options, throw=False)
    assert np.allclose(plain.tensor, energy, rtol=1e-12, atol=1e-12 * np.abs(energy).max())
