"""Stiffness builders against closed forms, and named constants against their published tables."""

import json
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.fields import to_voigt
from jaxmicro.materials import MixedUnitsWarning, as_constants, constants, names
from jaxmicro.materials.constants import warn_about_units


def test_isotropic_stiffness_inverts_to_the_engineering_compliance():
    s = np.linalg.inv(to_voigt(jm.materials.isotropic_stiffness(210.0, 0.3)))
    assert s[0, 0] == pytest.approx(1 / 210)
    assert s[0, 1] == pytest.approx(-0.3 / 210)
    assert s[3, 3] == pytest.approx(2.6 / 210)


def test_plane_stress_and_plane_strain_are_those_of_the_solid():
    solid = jm.materials.isotropic_stiffness(7.0, 0.25)
    for plane in ("strain", "stress"):
        expected = jm.materials.isotropic_stiffness(7.0, 0.25, dim=2, plane=plane)
        assert np.allclose(jm.materials.plane_stiffness(solid, plane), expected)
    sheet = np.linalg.inv(jm.materials.isotropic_stiffness(7.0, 0.25, dim=2, plane="stress"))
    assert 1 / sheet[0, 0] == pytest.approx(7.0)


def test_fields_keep_their_precision_beside_plain_numbers():
    field = jnp.full((2, 3), 3.0, jnp.float32)
    made = (
        jm.materials.isotropic_stiffness(field, 0.3),
        jm.materials.lame_stiffness(1, field),
        jm.materials.cubic_stiffness(field, 2.0, 1.5),
        jm.materials.hexagonal_stiffness(162.5, 91.8, 68.9, 180.6, field),
    )
    assert all(c.dtype == jnp.float32 and c.shape == (6, 6, 2, 3) for c in made)


@pytest.mark.parametrize("plane", ["strain", "stress"])
def test_fields_are_are_made_plane_voxel_by_voxel(plane):
    q = jm.orientations.random_orientations(jax.random.key(1), (2, 3))
    field = jm.orientations.rotate_stiffness(jm.materials.cubic_stiffness(3.0, 2.0, 1.5), q)
    flat = jm.materials.plane_stiffness(field, plane)
    assert flat.shape == (3, 3, 2, 3)
    solid, inside = np.asarray(field[:, :, 1, 2]), np.ix_([0, 1, 5], [0, 1, 5])
    expected = solid[inside] if plane == "strain" else np.linalg.inv(np.linalg.inv(solid)[inside])
    assert np.allclose(flat[:, :, 1, 2], expected, rtol=1e-12)


def test_a_void_or_a_fluid_has_no_stiffness_in_plane_stress():
    assert not jm.materials.plane_stiffness(jnp.zeros((6, 6, 2, 2)), "stress").any()
    assert not jm.materials.plane_stiffness(jm.materials.lame_stiffness(3.0, 0.0), "stress").any()
    slope = jax.jit(jax.jacfwd(lambda c: jm.materials.plane_stiffness(c, "stress")))(jnp.zeros((6, 6)))
    assert jnp.isfinite(slope).all()
    assert jnp.isfinite(jax.jit(jax.jacrev(lambda c: jm.materials.plane_stiffness(c, "stress")))(jnp.zeros((6, 6)))).all()
    assert slope[0, 0, 0, 0] == 1


def test_cubic_and_hexagonal_place_their_constants():
    cubic = np.asarray(to_voigt(jm.materials.cubic_stiffness(3.0, 2.0, 1.5)))
    assert np.allclose(cubic, np.block([[np.full((3, 3), 2.0) + np.eye(3), np.zeros((3, 3))], [np.zeros((3, 3)), 1.5 * np.eye(3)]]))
    hexagonal = np.asarray(to_voigt(jm.materials.hexagonal_stiffness(162.5, 91.8, 68.9, 180.6, 46.8)))
    assert hexagonal[5, 5] == pytest.approx((162.5 - 91.8) / 2)
    assert hexagonal[0, 2] == hexagonal[1, 2] == 68.9
    assert np.allclose([hexagonal[3, 3], hexagonal[4, 4]], 46.8)


def test_fields_of_constants_make_fields_of_tensors():
    young = jnp.ones((4, 5)).at[1, 2].set(9.0)
    field = jm.materials.isotropic_stiffness(young, 0.3, dim=2)
    assert field.shape == (3, 3, 4, 5)
    assert np.allclose(field[:, :, 1, 2], 9 * field[:, :, 0, 0])


@pytest.mark.parametrize(("young", "poisson", "word"), [(-1.0, 0.3, "young"), (1.0, 0.5, "poisson"), (1.0, -1.0, "poisson")])
def test_impossible_constants_are_refused(young, poisson, word):
    with pytest.raises(ValueError, match=f"`{word}` must"):
        jm.materials.isotropic_stiffness(young, poisson)


@pytest.mark.parametrize("name", names())
def test_named_materials_are_stable_crystals_with_a_source(name):
    found = constants(name)
    assert np.linalg.eigvalsh(found.stiffness).min() > 0
    assert found.unit == "GPa"
    assert len(found.source) > 20


def test_an_unknown_material_suggests_the_nearest():
    with pytest.raises(KeyError, match="Did you mean 'IN625'"):
        constants("IN652")


def test_named_cubic_metals_lie_near_the_collected_handbook_values(shared_data):
    table = json.loads((shared_data / "materials.json").read_text())
    for name in ("Al", "Cu", "Ag", "Au", "W", "Fe", "Ta"):
        handbook = table[name]["C"]
        voigt = np.asarray(to_voigt(constants(name).stiffness))
        assert voigt[0, 0] == pytest.approx(handbook["C11"], rel=0.03)
        assert voigt[0, 1] == pytest.approx(handbook["C12"], rel=0.03)
        assert voigt[3, 3] == pytest.approx(handbook["C44"], rel=0.03)


def test_in625_has_the_measured_polycrystal_modulus():
    # Hill average of the single crystal against the annealed alloy's data sheet, 207.5 GPa.
    c = np.asarray(constants("IN625").stiffness)
    _, shear_voigt = jm.homogenization.nearest_isotropic(c)
    s = np.linalg.inv(c)
    shear_reuss = 5 / (4 * (s[0, 0] - s[0, 1]) + 3 * 2 * s[3, 3])
    bulk, shear = (c[0, 0] + 2 * c[0, 1]) / 3, 0.5 * (float(shear_voigt) + shear_reuss)
    assert 9 * bulk * shear / (3 * bulk + shear) == pytest.approx(207.5, rel=0.01)


def test_constants_are_read_in_every_form():
    by_name = as_constants("Cu")
    by_values = as_constants({"c11": 168.9, "c12": 121.8, "c44": 75.8})
    by_tensor = as_constants(by_name.stiffness)
    mixed = as_constants({"stiffness": "Cu", "conductivity": 401.0})
    for other in (by_values, by_tensor, mixed):
        assert np.allclose(other.stiffness, by_name.stiffness)
    assert (mixed.conductivity, mixed.unit) == (401.0, "GPa")
    moduli = as_constants({"bulk": 175.0, "shear": 80.0})
    assert np.allclose(jm.homogenization.nearest_isotropic(moduli.stiffness), (175.0, 80.0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"yuong": 1.0, "poisson": 0.3}, "Did you mean 'young'"),
        ({"young": 1.0}, "one complete set"),
        ({}, "elastic constants or a conductivity"),
        (np.eye(3), r"\(3, 3\)"),
        ({"stiffness": np.eye(3)}, r"\(3, 3\)"),
    ],
)
def test_unreadable_constants_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        as_constants(given)


LABELS = np.array([[0, 1], [1, 0]])


MIXED = [
    [{"young": 70.0, "poisson": 0.3}, {"young": 210e9, "poisson": 0.3}],
    ["Al", {"young": 210e3, "poisson": 0.3}],
    [{"young": 70.0, "poisson": 0.3, "unit": "GPa"}, {"young": 80.0, "poisson": 0.3, "unit": "MPa"}],
]
LEGITIMATE = [
    ["epoxy", "glass fibre"],
    [{"young": 0.0, "poisson": 0.3}, "Al"],
    [{"young": 210e3, "poisson": 0.3}, {"young": 5.0, "poisson": 0.49}],
]


def test_units_are_judged_by_sizes_and_names():
    for pair in MIXED:
        with pytest.warns(MixedUnitsWarning, match="one unit"):
            warn_about_units([as_constants(each, f"phase {k}") for k, each in enumerate(pair)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pair in LEGITIMATE:
            warn_about_units([as_constants(each, f"phase {k}") for k, each in enumerate(pair)])


@pytest.mark.slow
@pytest.mark.parametrize("pair", MIXED)
def test_mixed_units_are_warned_about(pair):
    with pytest.warns(MixedUnitsWarning, match="one unit"):
        jm.homogenize(LABELS, pair)


@pytest.mark.slow
@pytest.mark.parametrize("pair", LEGITIMATE)
def test_legitimate_contrasts_are_not(pair):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jm.homogenize(LABELS, pair)
