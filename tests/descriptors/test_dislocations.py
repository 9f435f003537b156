"""Dislocations of lattices whose curvature is known, and of mixtures whose density is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

import jaxmicro as jm
from jaxmicro.descriptors import dislocation_density, segment_grains
from jaxmicro.descriptors.dislocations import _least_norm, nye_tensor
from jaxmicro.descriptors.least_line_length import dislocation_curvatures, least_line_length
from jaxmicro.orientations import (
    from_axis_angle,
    from_euler,
    from_matrix,
    multiply,
    random_orientations,
    slip_systems,
    symmetry_operators,
    to_matrix,
)

BURGERS = 2.5e-4  # µm
START = random_orientations(jax.random.key(2), 1)[:, 0]


def turned_by(vectors, lengths, start=START):
    """A lattice turned actively by rotation vectors (3, *grid) in sample axes, R = exp(ω×) R0."""
    vectors = jnp.asarray(vectors)
    angle = jnp.sqrt(jnp.sum(vectors**2, axis=0))
    passive = from_axis_angle(jnp.where(angle > 0, vectors, jnp.array([0.0, 0.0, 1.0]).reshape(3, *[1] * (vectors.ndim - 1))), angle)
    turns = multiply(jnp.broadcast_to(start.reshape(4, *[1] * (vectors.ndim - 1)), (4, *vectors.shape[1:])), passive)
    return jm.Microstructure(grid=jm.Grid(vectors.shape[1:], lengths), labels=np.zeros(vectors.shape[1:], int), orientation=turns)


def bending(axis, along, curvature, shape=(10, 8), lengths=(5.0, 2.0)):
    place = np.indices(shape)[along] * (lengths[along] / shape[along])
    vectors = np.zeros((3, *shape))
    vectors[axis] = curvature * place
    return turned_by(vectors, lengths)


@pytest.mark.parametrize(("axis", "along"), [(2, 0), (2, 1), (1, 0), (0, 1)])
def test_bending_is_curvature_over_burgers(axis, along):
    ms = bending(axis, along, 0.02)
    found = dislocation_density(ms, BURGERS)
    np.testing.assert_allclose(found.density, 0.02 / BURGERS * 1e12, rtol=1e-6)
    np.testing.assert_allclose(found.curvature[axis, along], 0.02e6, rtol=1e-6)
    np.testing.assert_allclose(found.nye[along, axis], 0.02e6, rtol=1e-6)
    np.testing.assert_allclose(dislocation_density(ms, BURGERS, method="entries").density, 0.02 / BURGERS * 1e12, rtol=1e-6)


def test_the_sense_of_the_curvature():
    """A lattice that turns counterclockwise about z with x: R = Rz(κx), so that φ1 of Bunge grows."""
    turns = from_euler(jnp.zeros((3, 6, 4)).at[0].set(0.01 * jnp.arange(6.0)[:, None]))
    found = dislocation_density(jm.Microstructure(labels=np.zeros((6, 4), int), orientation=turns), 1.0, unit="m")
    np.testing.assert_allclose(found.curvature[2, 0], 0.01, rtol=1e-9)
    assert np.isnan(found.nye[2, 0]).all()
    assert np.isnan(found.nye[0, 0]).all()
    np.testing.assert_allclose(found.nye[2, 2], 0.0, atol=1e-12)


def test_torsion_in_three_dimensions():
    shape, lengths = (4, 5, 8), (4.0, 5.0, 4.0)
    vectors = np.zeros((3, *shape))
    vectors[2] = 0.01 * np.indices(shape)[2] * 0.5
    found = dislocation_density(turned_by(vectors, lengths), BURGERS, method="norm")
    # κ_33 alone: α_11 = α_22 = −κ_33, two families of screws
    np.testing.assert_allclose(found.nye[0, 0], -0.01e6, rtol=1e-6)
    np.testing.assert_allclose(found.nye[2, 2], 0.0, atol=1.0)
    np.testing.assert_allclose(found.density, np.sqrt(2) * 0.01 / BURGERS * 1e12, rtol=1e-6)


def test_units_and_steps():
    fine = dislocation_density(bending(2, 0, 0.02), BURGERS).density
    metres = dislocation_density(bending(2, 0, 0.02e6, lengths=(5e-6, 2e-6)), BURGERS * 1e-6, unit="m").density
    np.testing.assert_allclose(fine, metres, rtol=1e-6)


def test_the_norm_bounds_any_population_from_below():
    """Edges and screws of fcc in random amounts: the bound of the whole tensor, and of what a map knows of it, stay below."""
    rng = np.random.default_rng(3)
    systems = slip_systems("fcc")
    b, n = np.asarray(systems.directions), np.asarray(systems.normals)
    lines = np.concatenate([np.cross(b, n, axis=0), b], axis=1)
    kinds = np.concatenate([b, b], axis=1)
    turn = np.asarray(to_matrix(START)).T
    for _ in range(50):
        density = rng.exponential(size=24) * (rng.random(24) < 0.3)
        alpha = turn @ np.einsum("s,is,js->ij", density * rng.choice([-1, 1], 24), kinds, lines) @ turn.T
        curvature = (alpha - 0.5 * np.trace(alpha) * np.eye(3)).T[:, :, None]  # κ = αᵀ − ½ tr(α) 1
        np.testing.assert_allclose(nye_tensor(curvature)[..., 0], alpha, atol=1e-12)
        whole = _least_norm(curvature, nye_tensor(curvature))[0]
        plane = _least_norm(curvature[:, :2], nye_tensor(curvature[:, :2]))[0]
        assert plane <= whole + 1e-12
        assert whole <= density.sum() + 1e-12


def test_boundaries_are_no_dislocations():
    ms = bending(2, 0, 0.02)
    turns = np.array(ms.orientation)
    turns[:, 5:] = np.asarray(multiply(jnp.asarray(turns[:, 5:]), from_axis_angle((1.0, 0.0, 0.0), 4.0, degrees=True)))
    tilted = ms.replace(orientation=turns)
    grains = segment_grains(tilted, 2.0)
    assert grains.count == 2
    inside = dislocation_density(tilted, BURGERS, grains=grains).density
    assert np.nanmax(inside) < 1.3 * 0.02 / BURGERS * 1e12
    assert np.nanmax(dislocation_density(tilted, BURGERS).density) > 2 * np.nanmax(inside)


def test_equivalents_and_unknown_voxels():
    ms = bending(1, 0, 0.02)
    choice = np.random.default_rng(1).integers(24, size=ms.grid.shape)
    mask = np.ones(ms.grid.shape, bool)
    mask[4, 3] = False
    other = ms.replace(orientation=multiply(jnp.asarray(symmetry_operators("m-3m")[:, choice]), ms.orientation), mask=mask)
    found = dislocation_density(other, BURGERS).density
    assert np.isnan(found[4, 3])
    np.testing.assert_allclose(found[mask], 0.02 / BURGERS * 1e12, rtol=1e-6)


def dislocations_of(name, c_over_a):
    """Burgers vectors and lines of edges and screws in crystal axes, lengths relative to ⟨a⟩, written apart from the library's."""
    systems = slip_systems(name, c_over_a)
    kinds = []
    for b, n, family in zip(np.asarray(systems.directions).T, np.asarray(systems.normals).T, systems.families, strict=True):
        pyramidal = family.startswith("hcp") and abs(b[2]) > 1e-6
        length = np.sqrt(1 + c_over_a**2) if pyramidal else 1.0
        kinds += [(length * b, np.cross(b, n)), (length * b, b)]
    return kinds


def mixtures(name, c_over_a, many, few=0.3, seed=3):
    """Curvatures (3, 3, many) in sample axes of random amounts of dislocations, and their densities."""
    rng = np.random.default_rng(seed)
    kinds = dislocations_of(name, c_over_a)
    turns = np.asarray(random_orientations(jax.random.key(4), many))
    density = rng.exponential(size=(len(kinds), many)) * (rng.random((len(kinds), many)) < few)
    signed = density * rng.choice([-1, 1], density.shape)
    alpha = np.einsum("sn,sij->ijn", signed, np.array([np.outer(b, t) for b, t in kinds]))
    g = np.asarray(to_matrix(jnp.asarray(turns)))
    alpha = np.einsum("ain,abn,bjn->ijn", g, alpha, g)
    curvature = np.swapaxes(alpha, 0, 1) - 0.5 * np.einsum("kkn->n", alpha) * np.eye(3)[:, :, None]
    return curvature, turns, density.sum(axis=0)


@pytest.mark.parametrize(("name", "c_over_a"), [("fcc", None), ("bcc", None), ("hcp", 1.6)])
@pytest.mark.parametrize("d", [2, 3])
def test_least_line_length_is_the_optimum_of_linear_programs(name, c_over_a, d):
    curvature, turns, density = mixtures(name, c_over_a, 12)
    curvature = curvature[:, :d].copy()
    curvature[:, :, :3] = 0.0
    curvature[2, 0, :2] = (1.0, 1e-14)  # pure bending, where most multipliers are tied
    found = least_line_length(curvature, 3.0 * turns, dislocation_curvatures(slip_systems(name, c_over_a)))
    g = np.asarray(to_matrix(jnp.asarray(turns)))
    for point in range(12):
        columns = []
        for b, t in dislocations_of(name, c_over_a):
            alpha = g[..., point].T @ np.outer(b, t) @ g[..., point]
            columns.append((alpha.T - 0.5 * np.trace(alpha) * np.eye(3))[:, :d].ravel())
        columns = np.array(columns).T
        size = np.abs(curvature[..., point]).max() or 1.0
        wanted = curvature[..., point].ravel() / size
        best = linprog(np.ones(2 * columns.shape[1]), A_eq=np.hstack([columns, -columns]), b_eq=wanted, bounds=(0, None))
        assert best.status == 0
        np.testing.assert_allclose(found[point] / size, best.fun, rtol=1e-7)
    assert (found[3:] <= density[3:] * (1 + 1e-9)).all()
    assert found[2] == 0.0


def test_the_bound_of_slip_systems_is_above_the_norm_and_reached_by_one_family():
    curvature, turns, density = mixtures("fcc", None, 40)
    kinds = dislocation_curvatures(slip_systems("fcc"))
    assert kinds.shape == (3, 3, 18)
    for d in (2, 3):
        part = curvature[:, :d]
        least = least_line_length(part, turns, kinds)
        assert (least >= _least_norm(part, nye_tensor(part)) * (1 - 1e-9)).all()
        assert (least <= density * (1 + 1e-9)).all()
    g = np.asarray(to_matrix(jnp.asarray(turns[:, :18])))
    single = np.einsum("ajn,abn,bkn->jkn", g, 0.7 * kinds, g)
    np.testing.assert_allclose(least_line_length(single, turns[:, :18], kinds), 0.7, rtol=1e-8)


def test_slip_systems_of_bending_and_of_phases():
    """Bending about [11-2] along [1-10] needs the edges b = [1-10], t = [11-2] of one system alone."""
    along, about = np.array([1.0, -1, 0]) / np.sqrt(2), np.array([1.0, 1, -2]) / np.sqrt(6)
    start = from_matrix(np.stack([along, np.cross(about, along), about], axis=1))
    place = np.indices((8, 6))[0] * 0.5
    vectors = np.zeros((3, 8, 6))
    vectors[2] = 2e-5 * place  # so little that the lattice stays along the axes of the map
    ms = turned_by(vectors, (4.0, 2.0), start)
    found = dislocation_density(ms, BURGERS, method="systems", systems=slip_systems("fcc"))
    np.testing.assert_allclose(found.density, 2e-5 / BURGERS * 1e12, rtol=1e-3)
    labels = np.zeros((8, 6), int)
    labels[:, 3:] = 1
    two = ms.replace(
        labels=labels, phases=(jm.microstructures.Phase("austenite", laue="m-3m"), jm.microstructures.Phase("ferrite", laue="m-3m"))
    )
    both = dislocation_density(two, [BURGERS, 2 * BURGERS], method="systems", systems=[slip_systems("fcc"), None]).density
    np.testing.assert_allclose(both[:, :3], 2e-5 / BURGERS * 1e12, rtol=1e-3)
    assert np.isnan(both[:, 3:]).all()
    norm = dislocation_density(two, [BURGERS, 2 * BURGERS]).density
    np.testing.assert_allclose(norm[:, 3:], 1e-5 / BURGERS * 1e12, rtol=1e-3)


def test_bad_slip_systems_are_named(as_user):
    ms = bending(2, 0, 0.02)
    for systems, words in (
        (None, "`systems` must be given with method 'systems'"), (slip_systems("hcp", 1.6), "`systems` must fit the Laue group of"),
        ([slip_systems("fcc")] * 2, "`systems` must be one for each of the phases"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            dislocation_density(ms, BURGERS, method="systems", systems=systems)
    with pytest.raises(ValueError, match="`systems` must be given with method 'systems'"):
        dislocation_density(ms, BURGERS, systems=slip_systems("fcc"))
    hexagonal = ms.replace(phases=(jm.microstructures.Phase("Ti", laue="6/mmm"),))
    with pytest.raises(ValueError, match="make only 4 of its 9 components"):
        dislocation_density(hexagonal, BURGERS, method="systems", systems=slip_systems("hcp_basal"))
    with pytest.raises(TypeError, match="`systems` must be slip systems, or one or None for each phase"):
        dislocation_density(ms, BURGERS, method="systems", systems="fcc")
    with pytest.raises(ValueError, match="`burgers` must be one length, or one for each of the phases"):
        dislocation_density(ms, [BURGERS, BURGERS])


def test_bad_input_is_named(as_user):
    ms = bending(2, 0, 0.02)
    for burgers in (0.0, -1.0, np.nan, "b"):
        with pytest.raises(ValueError, match="`burgers` must be a positive length"):
            dislocation_density(ms, burgers)
    with pytest.raises(ValueError, match="`grains` must be those of `ms`"):
        dislocation_density(ms, BURGERS, grains=segment_grains(bending(2, 0, 0.02, (5, 4)), min_size=1))
    with pytest.raises(ValueError, match="norm"):
        dislocation_density(ms, BURGERS, method="l2")
    with pytest.raises(ValueError, match="um"):
        dislocation_density(ms, BURGERS, unit="inch")
    with pytest.raises(ValueError, match="`angle` must be"):
        dislocation_density(ms, BURGERS, angle=-1.0)
