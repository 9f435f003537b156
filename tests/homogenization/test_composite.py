"""Composite voxels: the laminate rule against independent truths, its limits, derivatives and what is wrong with bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.homogenization import (
    assign_conductivity,
    assign_stiffness,
    composite_conductivity,
    composite_stiffness,
    loewner_gap,
    reuss_bound,
    voigt_bound,
)
from jaxmicro.materials import isotropic_stiffness
from jaxmicro.microstructures import interface_normals
from tests.daily import daily
from tests.homogenization.references import laminate_conductivity, laminate_stiffness, random_stiffness

EXACT = 1e-12
SOLVED = 1e-10  # the tensor's error is about rtol², so 1e-7 leaves only rounding
CASES = [(2, 3, 2), (2, 6, 3), (3, 6, 3)]  # axes of the grid, strain components, displacement components

case = pytest.mark.parametrize(("dim", "size", "components"), CASES, ids=["plane", "columnar", "solid"])


def drawn(dim, size, count, seed=0):
    """Random fractions, normals of any length, and two anisotropic tensors per voxel, of contrast about a hundred."""
    rng = np.random.default_rng(seed)
    tensors = [np.stack([random_stiffness(rng, size) * scale for _ in range(count)], -1) for scale in (1.0, 100.0)]
    return rng.uniform(0.05, 0.95, count), rng.normal(size=(dim, count)), *tensors


def unit(vector):
    return vector / np.linalg.norm(vector)


@case
def test_it_is_the_laminate_of_arbitrary_anisotropic_phases_at_any_normal(dim, size, components):
    f, n, c0, c1 = drawn(dim, size, 12)
    found = np.asarray(composite_stiffness(f, n, c0, c1))
    for k in range(f.size):
        exact = laminate_stiffness([c0[..., k], c1[..., k]], [1 - f[k], f[k]], unit(n[:, k]), components)
        assert np.abs(found[..., k] - exact).max() < EXACT * np.abs(exact).max()
        alone = np.asarray(composite_stiffness(f[k : k + 1], n[:, k : k + 1], c0[..., k], c1[..., k]))[..., 0]
        assert np.abs(alone - found[..., k]).max() < EXACT * np.abs(exact).max()


@pytest.mark.parametrize("dim", [2, 3])
def test_it_is_the_laminate_of_anisotropic_conductors(dim):
    f, n, k0, k1 = drawn(dim, dim, 12)
    found = np.asarray(composite_conductivity(f, n, k0, k1))
    for k in range(f.size):
        exact = laminate_conductivity([k0[..., k], k1[..., k]], [1 - f[k], f[k]], unit(n[:, k]))
        assert np.abs(found[..., k] - exact).max() < EXACT * np.abs(exact).max()
    numbers = composite_conductivity(f, n, 2.0, 5.0)
    assert np.allclose(numbers, composite_conductivity(f, n, 2.0 * np.eye(dim), 5.0 * np.eye(dim)), rtol=EXACT)


@pytest.mark.parametrize(("shape", "axis", "size"), daily([((8, 3), 0, 3), ((3, 8), 1, 6), ((2, 8, 3), 1, 6)], ((8, 3), 0, 3), unpack=True))
def test_it_is_what_the_cell_problem_of_two_layers_gives(shape, axis, size):
    rng = np.random.default_rng(axis)
    phases = np.stack([random_stiffness(rng, size), 20 * random_stiffness(rng, size)])
    layer = (np.arange(8) >= 3).astype(int).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    field = np.moveaxis(phases[np.broadcast_to(layer, shape)], (-2, -1), (0, 1))
    solved = jm.effective_stiffness(field, jm.Grid(shape), rtol=1e-7).tensor
    normal = np.eye(len(shape))[axis][:, None]
    voxel = composite_stiffness(np.array([5 / 8]), normal, *phases)[..., 0]
    assert np.abs(voxel - solved).max() < SOLVED * np.abs(solved).max()


@pytest.mark.slow
def test_it_is_what_the_cell_problem_of_oblique_layers_of_crystals_gives():
    n = 7  # diagonal layers of an odd square are exact with the one-point scheme
    crystal = jm.materials.cubic_stiffness(243.9, 157.0, 117.9)
    turns = jm.orientations.from_euler(np.radians([[20.0, 70.0], [35.0, 110.0], [50.0, 10.0]]))
    phases = np.moveaxis(np.asarray(jm.orientations.rotate_stiffness(crystal, turns)), -1, 0)
    field = np.moveaxis(phases[(np.add.outer(np.arange(n), np.arange(n)) % n < 4).astype(int)], (-2, -1), (0, 1))
    solved = jm.effective_stiffness(field, jm.Grid((n, n)), discretization="rotated", rtol=1e-7).tensor
    voxel = composite_stiffness(np.array([4 / 7]), np.array([[1.0], [1.0]]), *phases)[..., 0]
    assert np.abs(voxel - solved).max() < SOLVED * np.abs(solved).max()


@case
def test_pure_voxels_are_their_phase_to_the_last_bit_whatever_their_normal(dim, size, components):
    _, n, c0, c1 = drawn(dim, size, 4)
    n[:, 0], n[:, 1] = 0.0, np.nan
    f = np.array([0.0, 1.0, 1.0, 0.0])
    expected = np.where(f == 1, c1, c0)
    assert np.array_equal(composite_stiffness(f, n, c0, c1), expected)
    near = np.where(f == 1, 1 - 1e-15, 1e-15)  # what rounding makes of pure voxels
    assert np.array_equal(composite_stiffness(near, n, c0, c1), expected)


@case
def test_sign_and_length_of_the_normal_do_not_matter(dim, size, components):
    f, n, c0, c1 = drawn(dim, size, 5)
    here = np.asarray(composite_stiffness(f, n, c0, c1))
    for factor in (-1.0, 1e-200, 1e200):
        assert np.allclose(composite_stiffness(f, factor * n, c0, c1), here, rtol=EXACT, atol=EXACT)
    swapped = composite_stiffness(1 - f, n, c1, c0)
    assert np.allclose(swapped, here, rtol=EXACT, atol=EXACT)


@case
def test_it_lies_between_reuss_and_voigt(dim, size, components):
    f, n, c0, c1 = drawn(dim, size, 8)
    found = composite_stiffness(f, n, c0, c1)
    for k in range(f.size):
        pair, shares = jnp.stack([c0[..., k], c1[..., k]]), jnp.array([1 - f[k], f[k]])
        assert loewner_gap(reuss_bound(pair, shares), found[..., k]) > -EXACT
        assert loewner_gap(found[..., k], voigt_bound(pair, shares)) > -EXACT
        assert np.array_equal(found[..., k], found[..., k].T)


@case
def test_a_void_layer_takes_the_tractions_and_leaves_the_rest(dim, size, components):
    f, n, c0, _ = drawn(dim, size, 6)
    f[0] = 1e-6  # a crack
    found = np.asarray(composite_stiffness(f, n, c0, np.zeros((size, size))))
    for k in range(f.size):
        soft = laminate_stiffness([c0[..., k], 1e-10 * np.eye(size)], [1 - f[k], f[k]], unit(n[:, k]), components)
        assert np.abs(found[..., k] - soft).max() < 1e-3 * np.abs(c0[..., k]).max()
        values = np.linalg.eigvalsh(found[..., k])
        assert np.abs(values[:components]).max() < 1e-13 * values[-1]  # no traction across the layer
        assert values[components:].size == 0 or values[components] > 1e-3 * values[-1]
    nothing = composite_stiffness(f, n, np.zeros((size, size)), np.zeros((size, size)))
    assert np.array_equal(nothing, np.zeros_like(found))


def test_a_fluid_beside_a_solid_and_beside_a_fluid_is_the_limit_of_soft_solids():
    f, n, _, _ = drawn(3, 6, 4)
    solid, fluid, other = isotropic_stiffness(2.0, 0.3), jm.materials.lame_stiffness(3.0, 0.0), jm.materials.lame_stiffness(0.5, 0.0)
    for first, second in ((solid, fluid), (fluid, other)):
        near = composite_stiffness(f, n, first + 1e-9 * np.eye(6), second + 1e-9 * np.eye(6))
        assert np.abs(composite_stiffness(f, n, first, second) - near).max() < 1e-7
    mixture = composite_stiffness(f, n, fluid, other)
    assert np.allclose(mixture[0, 0], 1 / ((1 - f) / 3.0 + f / 0.5), rtol=EXACT)  # compressibilities add


@pytest.mark.slow
@case
def test_derivatives_in_all_arguments_and_both_modes(dim, size, components):
    arguments = tuple(map(jnp.asarray, drawn(dim, size, 2)))
    check_grads(composite_stiffness, arguments, order=2, modes=("fwd", "rev"), rtol=1e-5)


@pytest.mark.parametrize("order", daily([1, 2], 1))
def test_derivatives_of_conductors(order):
    check_grads(jax.jit(composite_conductivity), tuple(map(jnp.asarray, drawn(3, 3, 2))), order=order, modes=("fwd", "rev"), rtol=1e-5)


@pytest.mark.parametrize("pure", [0.0, 1.0])
def test_the_derivative_in_a_pure_voxel_is_that_of_a_first_thin_layer(pure):
    _, n, c0, c1 = drawn(2, 3, 1)
    step = 1e-7 if pure == 0 else -1e-7
    slope = jax.jacfwd(composite_stiffness)(jnp.array([pure]), n, c0, c1)[..., 0, 0]
    difference = (composite_stiffness(np.array([pure + step]), n, c0, c1) - composite_stiffness(np.array([pure]), n, c0, c1))[..., 0] / step
    assert np.abs(slope - difference).max() < 1e-4 * np.abs(difference).max()
    without = jax.jacfwd(composite_stiffness)(jnp.array([pure]), 0 * n, c0, c1)[..., 0, 0]
    assert np.allclose(without, (c1 - c0)[..., 0], rtol=EXACT)


@pytest.mark.parametrize("fraction", [0.0, 1e-9, 0.4, 1.0])
def test_derivatives_beside_a_void_are_finite(fraction):
    f, n, solid, void = np.array([fraction]), np.array([[1.0], [2.0]]), random_stiffness(np.random.default_rng(0), 3), np.zeros((3, 3))
    slopes = jax.jit(jax.jacrev(composite_stiffness, argnums=(0, 1, 2, 3)))(jnp.asarray(f), n, solid, void)
    assert all(np.isfinite(slope).all() for slope in slopes)


@case
def test_compiled_mapped_and_single_precision_agree(dim, size, components):
    f, n, c0, c1 = drawn(dim, size, 6)
    here = np.asarray(composite_stiffness(f, n, c0, c1))
    assert np.allclose(jax.jit(composite_stiffness)(f, n, c0, c1), here, rtol=EXACT)
    mapped = jax.vmap(composite_stiffness, (0, 1, 2, 2), 2)(f, n, c0, c1)
    assert np.allclose(mapped, here, rtol=EXACT, atol=EXACT)
    single = composite_stiffness(*(np.asarray(x, np.float32) for x in (f, n, c0, c1)))
    assert single.dtype == np.float32
    assert np.abs(single - here).max() < 1e-5 * np.abs(here).max()


def test_the_grid_may_have_any_shape_and_constants_may_be_fields():
    rng = np.random.default_rng(3)
    f, n = rng.uniform(size=(4, 5)), rng.normal(size=(2, 4, 5))
    young = rng.uniform(1.0, 3.0, size=(4, 5))
    field, constant = isotropic_stiffness(young, 0.3, dim=2), isotropic_stiffness(9.0, 0.2, dim=2)
    found = composite_stiffness(f, n, field, constant)
    assert found.shape == (3, 3, 4, 5)
    alone = composite_stiffness(f[2:3, 1], n[:, 2:3, 1], field[:, :, 2, 1], constant)[..., 0]
    assert np.allclose(found[:, :, 2, 1], alone, rtol=EXACT)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.array([0.2, 1.3]), np.ones((2, 2)), np.eye(3), np.eye(3)), r"`fraction` must lie in \[0, 1\], but it spans \[0.2, 1.3\]"),
        ((np.array([0.2]), np.ones((2, 2)), np.eye(3), np.eye(3)), r"`normal` must have shape \(d, 1\), but its shape is \(2, 2\)"),
        ((np.array([0.2]), np.ones((4, 1)), np.eye(3), np.eye(3)), "`normal` must have 2 or 3 components first"),
        ((np.array([0.2]), np.ones((3, 1)), np.eye(3), np.eye(3)), r"`C0` must be \(6, 6\) for a normal with 3 components"),
        ((np.array([0.2]), np.ones((2, 1)), np.eye(3), np.eye(6)), r"with one m for both phases, but the shapes are \(3, 3\) and \(6, 6\)"),
        ((np.array([0.2]), np.ones((2, 1)), np.eye(3), np.ones((3, 3, 7))), r"`C1` must be \(m, m\) or \(m, m, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        composite_stiffness(*arguments)


def test_a_normal_of_no_length_at_an_interface_is_refused_with_the_remedy_and_is_nan_under_a_tracer():
    f = np.full((3, 3), 0.25)
    f[0, 0] = 1.0
    n = np.ones((2, 3, 3))
    n[:, 1, 2] = n[:, 0, 0] = 0.0
    words = r"`normal` must have a length .* in 1 of 8 such voxels it has none .*voxel \(1, 2\) with a fraction of 0.25 .*interface_normals"
    for rule, m in ((composite_stiffness, 3), (composite_conductivity, 2)):
        with pytest.raises(ValueError, match=words):
            rule(f, n, np.eye(m), 2 * np.eye(m))
        traced = jax.jit(rule)(f, n, np.eye(m), 2 * np.eye(m))
        assert np.array_equal(np.isnan(traced).any(axis=(0, 1)), (n == 0).all(0) & (f < 1))
        slope = jax.jit(jax.grad(lambda g, rule=rule, m=m: jnp.sum(rule(f, g, np.eye(m), 2 * np.eye(m)))))(jnp.asarray(n))
        assert np.isfinite(slope[:, 0, 0]).all()
    assert np.isnan(jax.jit(composite_stiffness)(np.array([1.5]), np.ones((2, 1)), np.eye(3), np.eye(3))).all()


# ------------------------------------------------------------------------------------------------------- from microstructures


def soft_disc(n, phases=2, seed=1):
    """Fractions of phases that change smoothly over a periodic cell, up to pure voxels."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(*[2 * np.pi * (np.arange(n) + 0.5) / n] * 2, indexing="ij")
    waves = [np.clip(0.5 + 1.2 * np.cos(x + a) * np.sin(y + b), 0, 1) for a, b in rng.uniform(0, 6, size=(phases - 1, 2))]
    shares = [np.ones((n, n))]
    for wave in waves:
        shares = [s * (1 - wave) for s in shares] + [wave * np.ones((n, n))]
    return np.stack(shares)


def test_two_phases_of_a_microstructure_are_composite_voxels():
    shares = soft_disc(8)
    ms = jm.Microstructure(fractions=shares, grid=jm.Grid((8, 8), (2.0, 1.0)))
    tensors = [isotropic_stiffness(1.0, 0.3, dim=2), isotropic_stiffness(10.0, 0.2, dim=2)]
    normals = interface_normals(shares, ms.grid)
    found = assign_stiffness(ms, tensors, "laminate")
    flat = np.all(np.asarray(normals) == 0, axis=0) & (shares[1] > 0) & (shares[1] < 1)
    assert not flat.any()
    assert np.allclose(found, composite_stiffness(shares[1], normals, *tensors), rtol=EXACT)
    turned = np.stack([-normals[1], normals[0]])
    assert np.allclose(
        assign_stiffness(ms, tensors, "laminate", normals=turned), composite_stiffness(shares[1], turned, *tensors), rtol=EXACT
    )
    k = assign_conductivity(ms, [1.0, 5.0], "laminate")
    assert np.allclose(k, composite_conductivity(shares[1], normals, 1.0, 5.0), rtol=EXACT)


def test_crystals_are_turned_before_they_are_layered():
    rng = np.random.default_rng(5)
    q = rng.normal(size=(4, 4, 4))
    q /= np.linalg.norm(q, axis=0)
    shares = soft_disc(4)
    ms = jm.Microstructure(fractions=shares, orientation=q)
    crystals = [jm.materials.cubic_stiffness(243.9, 157.0, 117.9), jm.materials.hexagonal_stiffness(162.5, 91.8, 68.9, 180.6, 46.8)]
    turned = [jm.orientations.rotate_stiffness(c, q) for c in crystals]
    normals = np.ones((2, 4, 4))
    found = assign_stiffness(ms, crystals, "laminate", normals=normals)
    assert np.allclose(found, composite_stiffness(shares[1], normals, *turned), rtol=EXACT)


def test_more_phases_in_a_voxel_are_layers_with_one_normal_in_any_order():
    shares = soft_disc(6, phases=4)
    rng = np.random.default_rng(2)
    tensors = [10.0**k * random_stiffness(rng, 3) for k in range(4)]
    normals = rng.normal(size=(2, 6, 6))
    found = np.asarray(assign_stiffness(jm.Microstructure(fractions=shares), tensors, "laminate", normals=normals))
    for where in np.ndindex(6, 6):
        exact = laminate_stiffness(tensors, shares[(slice(None), *where)], unit(normals[(slice(None), *where)]), 2)
        assert np.abs(found[(..., *where)] - exact).max() < EXACT * np.abs(exact).max()
    order = [2, 0, 3, 1]
    moved = assign_stiffness(jm.Microstructure(fractions=shares[order]), [tensors[k] for k in order], "laminate", normals=normals)
    assert np.allclose(moved, found, rtol=1e-9, atol=EXACT * np.abs(found).max())


@pytest.mark.parametrize("phases", [2, 3])
def test_the_field_of_a_microstructure_has_derivatives_in_its_fractions(phases):
    shares = jnp.asarray(0.05 + 0.9 * soft_disc(5, phases, seed=3)) / (1 + 0.05 * (phases - 2) + 0.0)
    shares = shares / shares.sum(axis=0)
    tensors = [isotropic_stiffness(3.0**k, 0.3, dim=2) for k in range(phases)]

    def field(raw):
        return assign_stiffness(jm.Microstructure(fractions=raw / raw.sum(axis=0)), tensors, "laminate")

    check_grads(jax.jit(field), (shares,), order=1, modes=("fwd", "rev"), rtol=1e-5)


def test_derivatives_of_three_phases_are_right_in_pure_voxels():
    tensors = [isotropic_stiffness(3.0**k, 0.3, dim=2) for k in range(3)]
    normals = np.broadcast_to(np.array([1.0, 2.0])[:, None, None], (2, 2, 2))
    shares = np.zeros((3, 2, 2))
    shares[1] = 1.0

    def field(raw):
        return assign_stiffness(jm.Microstructure(fractions=raw), tensors, "laminate", normals=normals)

    for added in (0, 2):
        direction = np.zeros_like(shares)
        direction[added], direction[1] = 1.0, -1.0
        slope = jax.jvp(field, (jnp.asarray(shares),), (jnp.asarray(direction),))[1]
        difference = (field(shares + 1e-7 * direction) - field(shares)) / 1e-7
        assert np.abs(slope - difference).max() < 1e-5 * np.abs(difference).max()


def test_fractions_without_a_gradient_are_averaged_and_sharp_labels_need_no_normals():
    tensors = [isotropic_stiffness(1.0, 0.3, dim=2), isotropic_stiffness(10.0, 0.3, dim=2)]
    even = jm.Microstructure(fractions=np.full((2, 4, 4), 0.5))
    assert np.allclose(assign_stiffness(even, tensors, "laminate"), assign_stiffness(even, tensors, "voigt"), rtol=EXACT)
    slope = jax.jit(jax.grad(lambda f: assign_stiffness(jm.Microstructure(fractions=f), tensors, "laminate").sum()))(even.fractions)
    assert np.isfinite(slope).all()
    sharp = jm.Microstructure(labels=np.random.default_rng(0).integers(0, 2, (5, 4)))
    assert np.array_equal(assign_stiffness(sharp, tensors, "laminate"), assign_stiffness(sharp, tensors, "voigt"))
    assert assign_conductivity(sharp, [1.0, 2.0], "laminate").shape == (2, 2, 5, 4)


def test_normals_of_a_microstructure_are_checked():
    tensors = [isotropic_stiffness(1.0, 0.3, dim=2), isotropic_stiffness(10.0, 0.3, dim=2)]
    ms = jm.Microstructure(fractions=np.full((2, 3, 3), 0.5))
    with pytest.raises(ValueError, match=r"`normals` must have a length .* in 9 of 9 such voxels"):
        assign_stiffness(ms, tensors, "laminate", normals=np.zeros((2, 3, 3)))
    traced = jax.jit(lambda n: assign_stiffness(ms, tensors, "laminate", normals=n))(np.zeros((2, 3, 3)))
    assert np.isnan(traced).all()
    with pytest.raises(ValueError, match="`normals` are for scheme='laminate', but it is 'voigt'"):
        assign_stiffness(ms, tensors, normals=np.ones((2, 3, 3)))
    with pytest.raises(ValueError, match=r"`normals` must have shape \(2, 3, 3\)"):
        assign_conductivity(ms, [1.0, 2.0], "laminate", normals=np.ones((3, 3, 3)))


def test_tensors_that_are_not_finite_spoil_only_voxels_that_hold_their_phase():
    shares = np.zeros((2, 3, 3))
    shares[0], shares[:, 1, 1] = 1.0, 0.5
    tensors = [isotropic_stiffness(1.0, 0.3, dim=2), np.full((3, 3), np.nan)]
    for bad in (0, 1):
        order = [bad, 1 - bad]
        found = assign_stiffness(jm.Microstructure(fractions=shares[order]), [tensors[k] for k in order], "laminate")
        assert np.array_equal(np.isnan(found).all(axis=(0, 1)), shares[1] > 0)


def test_homogenize_takes_composite_voxels_that_conduct():
    ms = jm.Microstructure(fractions=soft_disc(16))
    found = jm.homogenize(ms, [{"conductivity": 1.0}, {"conductivity": 5.0}], scheme="laminate", discretization="rotated")
    field = assign_conductivity(ms, [1.0, 5.0], "laminate")
    assert np.allclose(found.conductivity, jm.effective_conductivity(field, ms.grid, discretization="rotated").tensor, rtol=1e-9)
    assert found.defects == ()


@pytest.mark.slow
def test_homogenize_takes_composite_voxels():
    shares = soft_disc(16)
    materials = [{"young": 1.0, "poisson": 0.3, "conductivity": 1.0}, {"young": 10.0, "poisson": 0.3, "conductivity": 5.0}]
    ms = jm.Microstructure(fractions=shares)
    found = jm.homogenize(ms, materials, scheme="laminate", discretization="rotated")
    field = assign_stiffness(ms, [isotropic_stiffness(young, 0.3, dim=2) for young in (1.0, 10.0)], "laminate")
    assert np.allclose(found.stiffness, jm.effective_stiffness(field, ms.grid, discretization="rotated").tensor, rtol=1e-9)
    assert found.conductivity.shape == (2, 2)
    assert found.defects == ()
