"""Dislocations of lattices whose curvature is known, and of mixtures whose density is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import dislocation_density, segment_grains
from jaxmicro.descriptors.dislocations import nye_tensor
from jaxmicro.orientations import from_axis_angle, from_euler, multiply, random_orientations, slip_systems, symmetry_operators, to_matrix

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
        from jaxmicro.descriptors.dislocations import _least_norm

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


def test_bad_input_is_named(as_user):
    ms = bending(2, 0, 0.02)
    for burgers in (0.0, -1.0, np.nan, "b"):
        with pytest.raises(ValueError, match="`burgers` must be a positive length"):
            dislocation_density(ms, burgers)
    with pytest.raises(ValueError, match="norm"):
        dislocation_density(ms, BURGERS, method="l2")
    with pytest.raises(ValueError, match="um"):
        dislocation_density(ms, BURGERS, unit="inch")
    with pytest.raises(ValueError, match="`angle` must be"):
        dislocation_density(ms, BURGERS, angle=-1.0)
