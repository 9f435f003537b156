"""Every discretisation keeps the contract: adjoint pairs, the right symbol, the right energy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.fields import conduction, elasticity, forward, inverse
from jaxmicro.homogenization.operators import OPERATORS, make_operator, sweep
from jaxmicro.homogenization.operators.flat import Padded
from jaxmicro.homogenization.operators.stencils import differences, nodal
from jaxmicro.materials import Isotropic, Phases, Scalar, Tensor
from tests.daily import daily
from tests.homogenization.references import random_stiffness

CASES = [
    (name, kinematics, shape)
    for kinematics, shape in (
        (elasticity(2, 3), (5, 4)),
        (elasticity(2, 6), (5, 4)),
        (elasticity(3, 6), (3, 4, 5)),
        (conduction(2), (5, 4)),
        (conduction(3), (3, 4, 5)),
    )
    for name in OPERATORS
    if name != "finite_volume" or kinematics.components == 1
]
ELASTIC = [(elasticity(2, 3), (5, 4)), (elasticity(2, 6), (5, 4)), (elasticity(3, 6), (3, 4, 5))]
SPACING = jnp.array([0.7, 1.3, 0.4])


def random_law(rng, size, shape, name=""):
    if name == "finite_volume":
        return Scalar(jnp.asarray(rng.uniform(0.5, 3.0, size=shape)))
    voxels = np.stack([random_stiffness(rng, size) for _ in range(int(np.prod(shape)))], axis=-1)
    return Tensor(jnp.asarray(voxels.reshape(size, size, *shape)))


def random_displacement(rng, kinematics, shape):
    return tuple(jnp.asarray(rng.normal(size=shape)) for _ in range(kinematics.components))


@pytest.mark.parametrize(("name", "kinematics", "shape"), CASES)
def test_the_operator_is_symmetric_and_positive(name, kinematics, shape):
    rng = np.random.default_rng(1)
    operator, spacing = make_operator(name, kinematics), SPACING[: len(shape)]
    law = random_law(rng, kinematics.size, shape, name)
    u, v = random_displacement(rng, kinematics, shape), random_displacement(rng, kinematics, shape)
    ku, kv = operator.force(law, u, spacing)[0], operator.force(law, v, spacing)[0]
    vku, ukv, uku = (sum(jnp.vdot(a, b) for a, b in zip(x, y, strict=True)) for x, y in ((v, ku), (u, kv), (u, ku)))
    assert abs(vku - ukv) < 1e-12 * abs(uku)
    assert uku > 0


@pytest.mark.parametrize(("name", "kinematics", "shape"), CASES)
def test_load_and_mean_stress_are_adjoint_to_the_strain(name, kinematics, shape):
    # u · Bᵀ C E = Σ_voxels σ(u) · E for every mean strain E, with σ(u) the voxel-mean stress.
    rng = np.random.default_rng(2)
    operator, spacing = make_operator(name, kinematics), SPACING[: len(shape)]
    law = random_law(rng, kinematics.size, shape, name)
    u, mean = random_displacement(rng, kinematics, shape), jnp.asarray(rng.normal(size=kinematics.size))
    push, stress = operator.force(law, None, spacing, mean)
    own_strain, own_stress = (jnp.stack(part) for part in operator.local(law, u, spacing, jnp.zeros(kinematics.size)))
    assert np.allclose(own_stress, jnp.einsum("ij...,j...->i...", law.tensor(), own_strain), rtol=1e-12)
    work = sum(jnp.vdot(a, b) for a, b in zip(u, push, strict=True))
    assert work == pytest.approx(float(jnp.einsum("i...,i->", own_stress, mean)), rel=1e-12)
    zero = jax.tree.map(jnp.zeros_like, u)
    both = operator.local(law, zero, spacing, mean)
    space = tuple(range(1, len(shape) + 1))
    assert np.allclose(stress, jnp.mean(jnp.stack(both[1]), axis=space), rtol=1e-12)
    assert np.allclose(jnp.mean(jnp.stack(both[0]), axis=space), mean, rtol=1e-12)


@pytest.mark.parametrize(("name", "kinematics", "shape"), CASES)
def test_the_symbol_is_the_operator_of_a_homogeneous_medium(name, kinematics, shape):
    rng = np.random.default_rng(3)
    operator, spacing = make_operator(name, kinematics), SPACING[: len(shape)]
    c = jnp.asarray(random_stiffness(rng, kinematics.size))
    law = Tensor(jnp.broadcast_to(c.reshape(c.shape + (1,) * len(shape)), c.shape + shape))
    if name == "finite_volume":
        c, law = 1.7 * jnp.eye(kinematics.size), Scalar(jnp.full(shape, 1.7))
    u = random_displacement(rng, kinematics, shape)
    expected = operator.force(law, u, spacing)[0]
    symbol = operator.symbol(c, shape, spacing)
    spectra = [forward(field, len(shape)) for field in u]
    for i in range(kinematics.components):
        got = inverse(sum(symbol[min(i, j), max(i, j)] * spectra[j] for j in range(kinematics.components)), shape)
        assert np.allclose(got, expected[i], atol=1e-11 * float(jnp.max(jnp.abs(expected[i]))))


@pytest.mark.parametrize("name", ["finite_element", "rotated", "fourier"])
def test_a_linear_combination_of_smooth_waves_has_the_analytic_strain(name):
    # Second-order schemes converge with h² to the analytic strain of a sine at the voxel centres' phase; Fourier is exact.
    errors = []
    for n in (16, 32):
        operator = make_operator(name, elasticity(2, 3))
        spacing = jnp.array([1.0 / n, 2.0 / n])
        nodes = jnp.stack(jnp.meshgrid(jnp.arange(n) / n, 2.0 * jnp.arange(n) / n, indexing="ij"))
        centre = 0.0 if name == "fourier" else 0.5
        x, y = nodes[0] + centre / n, nodes[1] + 2 * centre / n
        k = 2 * jnp.pi
        u = (jnp.sin(k * nodes[0]), jnp.cos(k * nodes[1] / 2))
        strain = operator.strain(u, spacing)
        exact = (k * jnp.cos(k * x), -k / 2 * jnp.sin(k * y / 2), jnp.zeros_like(x))
        errors.append(max(float(jnp.max(jnp.abs(a - b))) for a, b in zip(strain, exact, strict=True)))
    if name == "fourier":
        assert errors[0] < 1e-11
    else:
        assert errors[1] < 0.27 * errors[0]


def test_zero_modes_are_the_documented_ones():
    checkerboard = jnp.asarray(np.indices((4, 6)).sum(0) % 2 * 2.0 - 1.0)
    law = Scalar(jnp.ones((4, 6)))
    spacing = jnp.ones(2)
    for name, vanishes in (("finite_element", False), ("rotated", True), ("fourier", True), ("finite_volume", False)):
        force = make_operator(name, conduction(2)).force(law, (checkerboard,), spacing)[0][0]
        assert (float(jnp.max(jnp.abs(force))) < 1e-14) == vanishes


@pytest.mark.parametrize(("name", "kinematics", "shape"), [case for case in CASES if case[0] in ("finite_element", "rotated")])
def test_every_kernel_acts_as_the_force(name, kinematics, shape):
    rng = np.random.default_rng(4)
    operator, spacing = make_operator(name, kinematics), SPACING[: len(shape)]
    law, u = random_law(rng, kinematics.size, shape, name), random_displacement(rng, kinematics, shape)
    expected = operator.force(law, u, spacing)[0]
    for found, wanted in zip(operator.action(law, spacing, True)(u), expected, strict=True):
        assert np.allclose(found, wanted, atol=1e-13 * float(jnp.max(jnp.abs(wanted))))
    mean = jnp.asarray(rng.normal(size=kinematics.size))
    expected, stress = operator.force(law, u, spacing, mean)
    forces, found_stress = operator.kernel(law, spacing, True)(u, mean)
    for found, wanted in zip(forces, expected, strict=True):
        assert np.allclose(found, wanted, atol=1e-13 * float(jnp.max(jnp.abs(wanted))))
    assert np.allclose(found_stress, stress, atol=1e-13 * float(jnp.max(jnp.abs(stress))))


@pytest.mark.parametrize("name", ["finite_element", "rotated"])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    daily(
        [
            (shape, dtype)
            for shape in ((2, 2), (11, 13), (2, 2, 2), (4, 10, 5), (2, 9), (7, 2), (2, 7, 3), (3, 9, 2))
            for dtype in (jnp.float64, jnp.float32)
        ],
        ((2, 2), jnp.float64),
        ((11, 13), jnp.float32),
        ((2, 2, 2), jnp.float32),
        ((4, 10, 5), jnp.float64),
        unpack=True,
    ),
)
def test_kernels_on_grids_of_several_blocks_and_of_the_smallest_size(name, shape, dtype, monkeypatch):
    # In 3D blocks of at most two or three rows; where these do not divide the plane, the last two blocks overlap.
    monkeypatch.setattr(sweep, "BLOCK", 4 * (shape[-1] + 2))
    rng = np.random.default_rng(5)
    dim, size = len(shape), {2: 3, 3: 6}[len(shape)]
    kinematics, spacing = elasticity(dim, size), SPACING[:dim].astype(dtype)
    operator, u = make_operator(name, kinematics), tuple(field.astype(dtype) for field in random_displacement(rng, kinematics, shape))
    lame, shear = (jnp.asarray(rng.uniform(1, 2, size=shape), dtype) for _ in range(2))
    labels, table = jnp.asarray(rng.integers(0, 2, shape)), jnp.asarray(np.stack([random_stiffness(rng, size) for _ in range(2)]), dtype)
    mean = jnp.asarray(rng.normal(size=size), dtype)
    for law in (Isotropic(lame, shear, size), Phases(labels, table)):
        expected, stress = operator.force(law, u, spacing, mean)
        forces, found_stress = operator.kernel(law, spacing, True)(u, mean)
        for found, wanted in zip((*forces, found_stress), (*expected, stress), strict=True):
            assert found.dtype == dtype
            assert np.allclose(found, wanted, atol=20 * float(jnp.finfo(dtype).eps) * float(jnp.max(jnp.abs(wanted))))


def test_a_field_with_a_number_that_is_not_finite_is_not_hidden_by_a_kernel():
    operator, law = make_operator("finite_element", conduction(2)), Scalar(jnp.ones((5, 6)))
    for place in ((0, 0), (2, 3)):
        for value in (jnp.nan, jnp.inf):
            force = operator.action(law, jnp.ones(2), True)((jnp.ones((5, 6)).at[place].set(value),))[0]
            assert not bool(jnp.isfinite(force[place]))


def test_an_unknown_discretization_is_refused_with_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'fourier'"):
        make_operator("forier", conduction(2))


def test_operators_are_static_and_compare_by_value():
    assert make_operator("rotated", elasticity(2, 3)) == make_operator("rotated", elasticity(2, 3))
    assert hash(make_operator("rotated", elasticity(2, 3))) != hash(make_operator("finite_element", elasticity(2, 3)))
    assert jax.tree.leaves(make_operator("fourier", conduction(3))) != []


@pytest.mark.parametrize("shape", daily([(2, 2), (5, 3), (2, 3, 4)], (2, 3, 4)))
def test_corner_differences_and_nodal_sums_are_transposes_of_each_other(shape):
    rng = np.random.default_rng(6)
    layout = Padded(shape)
    keys = tuple(frozenset(key) for n in range(len(shape) + 1) for key in itertools.combinations(range(len(shape)), n))
    nodes, other = (jnp.asarray(rng.normal(size=(2, *shape))) for _ in range(2))
    voxels = jnp.asarray(rng.normal(size=(len(keys), 2, *shape)))

    def rolled(key, field):
        for axis in range(len(shape)):
            after = jnp.roll(field, -1, axis)
            field = after - field if axis in key else after + field
        return field

    @jax.jit
    def given(field):
        return jnp.stack([layout.inside(f) for f in differences(layout, keys, field)])

    @jax.jit
    def gathered(fields):
        return nodal(layout, keys, [layout.voxels_of(field) for field in fields])

    there, back = jax.vmap(given)(nodes), jax.vmap(gathered, in_axes=1)(voxels)
    for sample in range(2):
        for i, key in enumerate(keys):
            assert np.allclose(there[sample, i], rolled(key, nodes[sample]), atol=1e-14)
        assert np.isclose(jnp.vdot(there[sample], voxels[:, sample]), jnp.vdot(nodes[sample], back[sample]), rtol=1e-13)
        assert np.allclose(jax.linear_transpose(given, nodes[0])(voxels[:, sample])[0], back[sample], atol=1e-14)
        assert np.allclose(jax.linear_transpose(gathered, voxels[:, 0])(nodes[sample])[0], there[sample], atol=1e-14)
    # Cotangents that pass through products with fields of voxels, at second order, and in a batch.

    @jax.jit
    def energy(field, weight):
        found = jnp.stack(differences(layout, keys, field))
        return jnp.vdot(other[0], nodal(layout, keys, list(layout.voxels_of(weight) * jnp.sin(found))))

    check_grads(energy, (nodes[0], voxels[:, 0]), order=2, atol=1e-6, rtol=1e-6)
    batch = jax.vmap(jax.grad(energy, 1))(nodes, jnp.moveaxis(voxels, 1, 0))
    assert np.allclose(batch[1], jax.grad(energy, 1)(nodes[1], voxels[:, 1]), atol=1e-13)


def test_the_mean_stress_of_many_blocks_keeps_the_digits_of_float32(monkeypatch):
    monkeypatch.setattr(sweep, "BLOCK", 12)  # one row a block, 8100 of them
    shape = (90, 90, 4)
    rng = np.random.default_rng(7)
    shear = jnp.asarray(rng.uniform(1, 2, size=shape), jnp.float32)
    u, mean = random_displacement(rng, elasticity(3, 6), shape), jnp.asarray([1.0, 0.5, 0.2, 0.1, 0.0, 0.3], jnp.float32)
    operator, u = make_operator("rotated", elasticity(3, 6)), tuple(0.01 * field.astype(jnp.float32) for field in u)
    found = operator.kernel(Isotropic(shear, shear), jnp.ones(3, jnp.float32), True)(u, mean)[1]
    exact = operator.force(
        Isotropic(shear.astype(jnp.float64), shear.astype(jnp.float64)),
        tuple(field.astype(jnp.float64) for field in u),
        jnp.ones(3),
        mean.astype(jnp.float64),
    )[1]
    assert np.abs(found - exact).max() < 4 * float(jnp.finfo(jnp.float32).eps) * np.abs(exact).max()


@pytest.mark.parametrize(("kinematics", "shape"), daily(ELASTIC, ELASTIC[0], ELASTIC[2], unpack=True))
@pytest.mark.parametrize("name", daily(["finite_element", "rotated"], "finite_element"))
def test_a_uniform_stress_exerts_no_force_at_all(name, kinematics, shape):
    # Not even one of rounding: inside a phase a million times as stiff that would be as large as the forces around it.
    operator, law = (
        make_operator(name, kinematics),
        Isotropic(jnp.full(shape, 0.7e6, jnp.float32), jnp.full(shape, 1.1e6, jnp.float32), kinematics.size),
    )
    mean = jnp.asarray(np.random.default_rng(9).normal(size=kinematics.size), jnp.float32)
    spacing = SPACING[: len(shape)].astype(jnp.float32)
    still = tuple(jnp.zeros(shape, jnp.float32) for _ in range(kinematics.components))
    for force in (operator.force(law, None, spacing, mean)[0], operator.kernel(law, spacing, True)(still, mean)[0]):
        assert all(float(jnp.max(jnp.abs(field))) == 0.0 for field in force)
