"""Exact relations of heterogeneous media that no discretisation with one gradient per voxel may break.

On odd grids `rotated` and `fourier` have no null waves, so their discrete gradients and divergence-free fields form the same
complex as the continuous ones, and what follows from it alone holds to rounding (Milton, The Theory of Composites, 2002,
doi:10.1017/CBO9780511613357, chapters 3 to 5).
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import loewner_gap
from tests.daily import daily
from tests.homogenization.references import random_stiffness

ODD = (7, 9)
GRID = jm.Grid(ODD, (1.0, 1.7))
PLANE = ["rotated", "fourier"]
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
RTOL = 1e-8  # of the fields, so that tensors are wrong by rounding only


def conductivity(k, grid=GRID, **options):
    return np.asarray(jm.effective_conductivity(jnp.asarray(k), grid, rtol=RTOL, **options).tensor)


def stiffness(c, grid=GRID, **options):
    return np.asarray(jm.effective_stiffness(jnp.asarray(c), grid, rtol=RTOL, **options).tensor)


@pytest.mark.parametrize("name", daily(PLANE, "rotated"))
def test_kellers_duality(name):
    k = np.exp(np.random.default_rng(0).normal(size=ODD))
    dual = TURN @ np.linalg.inv(conductivity(1 / k, discretization=name)) @ TURN.T
    np.testing.assert_allclose(conductivity(k, discretization=name), dual, rtol=1e-10, atol=1e-11)
    ordinary = TURN @ np.linalg.inv(conductivity(1 / k)) @ TURN.T
    assert np.abs(conductivity(k) - ordinary).max() > 1e-3  # finite elements bound it, and do not keep it


@pytest.mark.parametrize("name", daily(PLANE, "fourier"))
def test_the_determinant_of_a_plane_polycrystal_is_that_of_its_crystal(name):
    angle = np.random.default_rng(1).uniform(0, np.pi, size=ODD)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    k = np.einsum("ik...,k,jk...->ij...", turn, [1.0, 7.0], turn)
    assert np.linalg.det(conductivity(k, discretization=name)) == pytest.approx(7.0, rel=1e-10)


@pytest.mark.parametrize("name", daily(PLANE, "rotated"))
def test_the_shift_of_cherkaev_lurie_and_milton(name):
    # ⟨σ : T : σ⟩ of a divergence-free stress is that of its mean, so a constant T in the compliance passes through.
    rng = np.random.default_rng(2)
    c = np.stack([random_stiffness(rng, 3) for _ in range(ODD[0] * ODD[1])], -1).reshape(3, 3, *ODD)
    compliance = np.linalg.inv(np.moveaxis(c, (0, 1), (-2, -1)))
    shift = 0.3 * np.linalg.eigvalsh(compliance).min() * np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    shifted = np.moveaxis(np.linalg.inv(compliance + shift), (-2, -1), (0, 1))
    found = np.linalg.inv(stiffness(shifted, discretization=name)) - np.linalg.inv(stiffness(c, discretization=name))
    np.testing.assert_allclose(found, shift, atol=1e-10 * np.abs(compliance).max())


@pytest.mark.parametrize(
    ("name", "shape", "factor"),
    daily(
        [(name, *cell) for name in PLANE for cell in ((ODD, 1.0), ((3, 5, 3), 4 / 3))],
        ("fourier", ODD, 1.0),
        ("rotated", (3, 5, 3), 4 / 3),
        unpack=True,
    ),
)
def test_hills_result_for_equal_shear_moduli(name, shape, factor):
    bulk, shear, d = np.random.default_rng(3).uniform(1, 20, size=shape), 2.0, len(shape)
    c = jm.materials.lame_stiffness(bulk - 2 * shear / d, shear, dim=d)
    expected = 1 / np.mean(1 / (bulk + factor * shear)) - factor * shear
    exact = jm.materials.lame_stiffness(expected - 2 * shear / d, shear, dim=d)
    np.testing.assert_allclose(stiffness(c, jm.Grid(shape), discretization=name), exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "shape"),
    daily(
        list(itertools.product(("finite_element", "rotated", "fourier"), ((4, 5), (3, 4, 3)))),
        ("finite_element", (3, 4, 3)),
        ("rotated", (4, 5)),
        unpack=True,
    ),
)
def test_a_cubic_polycrystal_has_the_bulk_modulus_of_its_crystal(name, shape):
    q = jm.orientations.random_orientations(jax.random.key(4), shape)
    copper = jm.materials.cubic_stiffness(168.9, 121.8, 75.8)
    effective = stiffness(jm.orientations.rotate_stiffness(copper, q), jm.Grid(shape), discretization=name)
    pressure = np.array([1.0, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(effective @ pressure, (168.9 + 2 * 121.8) * pressure, rtol=1e-11, atol=1e-9)


def test_smaller_voxels_never_stiffen_finite_elements():
    rng = np.random.default_rng(5)
    c = np.stack([random_stiffness(rng, 3) for _ in range(4)])[rng.integers(0, 4, size=(4, 5))]
    c = np.moveaxis(c, (-2, -1), (0, 1))
    finer = [stiffness(np.kron(c, np.ones((1, 1, n, n))), jm.Grid((4 * n, 5 * n), (4.0, 5.0))) for n in (1, 2, 4)]
    for coarse, fine in itertools.pairwise(finer):
        assert float(loewner_gap(jnp.asarray(fine), jnp.asarray(coarse))) > 1e-4
