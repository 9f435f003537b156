"""The one-liner, assignment, moduli and analytic bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import (
    assign_conductivity,
    assign_stiffness,
    directional_young,
    hashin_shtrikman_conductivity,
    hashin_shtrikman_moduli,
    moduli,
    nearest_isotropic,
    reuss_bound,
    voigt_bound,
)
from tests.daily import daily

COPPER = jm.materials.constants("Cu")
LABELS = np.array([[0, 0, 5, 5]] * 4)  # layers across y: label 5 in the upper half
SOFT = {"young": 1.0, "poisson": 0.3, "conductivity": 1.0}
HARD = {"young": 10.0, "poisson": 0.3, "conductivity": 3.0}


def test_everything_the_constants_allow_comes_back():
    r = jm.homogenize(LABELS, {0: SOFT, 5: HARD})
    assert int(r.status) == 0
    assert np.allclose(r.conductivity, np.diag([2.0, 1.5]), rtol=1e-8)
    assert r.stiffness.shape == (3, 3)
    assert r.plane == "strain"
    text = str(r)
    for word in ("converged", "Young", "Reuss", "Voigt", "conductivity", "phase 0 50.0%"):
        assert word in text


def test_only_what_all_phases_know_is_computed():
    r = jm.homogenize(LABELS, [{"conductivity": 1.0}, HARD])
    assert r.stiffness is None
    assert r.moduli is None
    assert r.conductivity is not None
    with pytest.raises(ValueError, match="'phase 0' has no stiffness"):
        jm.homogenize(LABELS, [{"conductivity": 1.0}, {"young": 1.0, "poisson": 0.2}])


def test_crystals_choose_the_columnar_problem():
    assert jm.homogenize(LABELS, ["Cu", "IN625"]).stiffness.shape == (6, 6)
    assert jm.homogenize(LABELS, ["Cu", "IN625"], plane="strain").stiffness.shape == (3, 3)


def test_phases_may_carry_their_constants():
    ms = jm.Microstructure(
        labels=LABELS // 5,
        phases=(jm.microstructures.Phase("a", constants=SOFT), jm.microstructures.Phase("b", constants="Al")),
    )
    assert jm.homogenize(ms).stiffness is not None
    assert np.allclose(jm.homogenize(ms).stiffness, jm.homogenize(ms, {"a": SOFT, "b": "Al"}).stiffness)


@pytest.mark.parametrize(
    ("labels", "materials", "message"),
    [
        (LABELS, [SOFT], r"one entry per phase \(2: .*\), but it holds 1"),
        (LABELS, {0: SOFT}, "phase 5.*missing"),
        (LABELS, {0: SOFT, 5: HARD, 7: HARD}, r"\[7\]"),
        (LABELS, None, "carry no constants"),
        (LABELS.astype(float), [SOFT, HARD], "integer label array.*float64"),
        (np.arange(10000).reshape(100, 100), [SOFT, HARD], "10000 different labels"),
        (LABELS.ravel(), [SOFT, HARD], "2 or 3 axes"),
    ],
)
def test_materials_that_do_not_match_are_refused(as_user, labels, materials, message):
    with pytest.raises(ValueError, match=message):
        jm.homogenize(labels, materials)


@pytest.mark.parametrize("materials", ["Cu", COPPER, COPPER.stiffness, {"c11": 168.9, "c12": 121.8, "c44": 75.8}])
def test_one_material_needs_no_list(as_user, materials):
    result = jm.homogenize(np.zeros((4, 3), int), materials)
    assert np.allclose(result.stiffness, COPPER.stiffness)
    with pytest.raises(ValueError, match=r"one entry per phase \(2: 'phase 0', 'phase 1'\), but it holds 1"):
        jm.homogenize(np.eye(3, dtype=int), materials)


def test_a_result_beyond_a_bound_is_flagged_never_clipped():
    bounds = jm.homogenize(LABELS, [SOFT, HARD]).analytic_bounds
    too_stiff = 1.01 * bounds.stiffness[1]
    lines = bounds.violations(too_stiff, None)
    assert len(lines) == 1
    assert "Voigt" in lines[0]
    assert "defect" in lines[0]


def test_assignment_is_linear_in_fractions_and_differentiable():
    grid = jm.Grid((3, 2))
    fractions = jnp.asarray(np.random.default_rng(0).dirichlet((1, 1), size=(3, 2)).transpose(2, 0, 1))
    tensors = [jm.materials.isotropic_stiffness(1.0, 0.2, dim=2), jm.materials.isotropic_stiffness(9.0, 0.3, dim=2)]
    ms = jm.Microstructure(grid=grid, fractions=fractions)
    field = assign_stiffness(ms, tensors)
    assert np.allclose(field[:, :, 1, 1], fractions[0, 1, 1] * tensors[0] + fractions[1, 1, 1] * tensors[1])
    reuss = assign_stiffness(ms, tensors, "reuss")
    assert np.allclose(np.linalg.inv(reuss[:, :, 1, 1]), sum(fractions[p, 1, 1] * np.linalg.inv(tensors[p]) for p in range(2)))
    gradient = jax.grad(lambda f: assign_stiffness(jm.Microstructure(grid=grid, fractions=f), tensors)[0, 0, 1, 1])(fractions)
    assert gradient[1, 1, 1] == pytest.approx(float(tensors[1][0, 0]))


def test_orientations_rotate_crystals_and_have_gradients():
    grid = jm.Grid((2, 2))
    angle = np.deg2rad(30.0)
    q = jm.orientations.from_euler(np.array([angle, 0.0, 0.0]))
    ms = jm.Microstructure(grid=grid, labels=np.zeros((2, 2), int), orientation=np.broadcast_to(np.asarray(q)[:, None, None], (4, 2, 2)))
    c = jm.materials.cubic_stiffness(3.0, 1.0, 2.0)
    field = assign_stiffness(ms, [c])
    turned = directional_young(field[:, :, 0, 0], np.array([np.cos(angle), np.sin(angle), 0.0]))
    assert float(turned) == pytest.approx(float(directional_young(c, np.array([1.0, 0.0, 0.0]))))
    effective = jm.effective_stiffness(field, grid)
    assert np.allclose(effective.tensor, field[:, :, 0, 0], rtol=1e-10)
    gradient = jax.grad(lambda o: assign_stiffness(ms.replace(orientation=o), [c])[0, 0, 0, 0])(ms.orientation)
    assert bool(jnp.any(gradient != 0))


def test_assignment_counts_phases():
    ms = jm.Microstructure(labels=[[0, 1], [1, 0]], phases=("matrix", "fibre"))
    with pytest.raises(ValueError, match=r"2: 'matrix', 'fibre'.*holds 3"):
        assign_conductivity(ms, [1.0, 2.0, 3.0])
    tensor = assign_conductivity(ms, [1.0, np.diag([2.0, 3.0])])
    assert tensor.shape == (2, 2, 2, 2)
    assert np.allclose(tensor[:, :, 0, 1], np.diag([2.0, 3.0]))


def test_moduli_of_an_isotropic_solid_are_its_constants():
    m = moduli(jm.materials.isotropic_stiffness(210.0, 0.3))
    assert np.allclose(m.young, 210.0)
    assert np.allclose(m.shear, 210 / 2.6)
    assert np.allclose(m.poisson, 0.3 * (1 - np.eye(3)))
    assert float(m.bulk) == pytest.approx(175.0)
    assert float(m.bulk_isotropic) == pytest.approx(175.0)
    assert float(m.anisotropy) == pytest.approx(0.0, abs=1e-12)


def test_directional_youngs_modulus_of_a_cubic_crystal_has_its_closed_form():
    c11, c12, c44 = 243.9, 157.0, 117.9
    c = jm.materials.cubic_stiffness(c11, c12, c44)
    s11, s12, s44 = (c11 + c12) / ((c11 - c12) * (c11 + 2 * c12)), -c12 / ((c11 - c12) * (c11 + 2 * c12)), 1 / c44
    for n in ([1, 0, 0], [1, 1, 0], [1, 1, 1], [3, 2, 1]):
        n = np.array(n) / np.linalg.norm(n)
        exact = 1 / (s11 - 2 * (s11 - s12 - s44 / 2) * (n[0] ** 2 * n[1] ** 2 + n[1] ** 2 * n[2] ** 2 + n[0] ** 2 * n[2] ** 2))
        assert float(directional_young(c, n)) == pytest.approx(exact)


def test_nearest_isotropic_in_2d_gives_the_plane_bulk_modulus():
    bulk, shear = nearest_isotropic(jm.materials.isotropic_stiffness(1.0, 0.3, dim=2))
    lame, mu = 0.3 / (1.3 * 0.4), 1 / 2.6
    assert float(bulk) == pytest.approx(lame + mu)
    assert float(shear) == pytest.approx(mu)


def test_voigt_and_reuss_are_the_two_means():
    tensors = np.stack([np.diag([1.0, 2.0]), np.diag([3.0, 4.0])])
    assert np.allclose(voigt_bound(tensors, [0.25, 0.75]), np.diag([2.5, 3.5]))
    assert np.allclose(reuss_bound(tensors, [0.25, 0.75]), np.diag([1 / (0.25 + 0.25), 1 / (0.125 + 0.1875)]))
    assert not reuss_bound(np.stack([np.zeros((2, 2)), np.eye(2)]), [0.5, 0.5]).any()


def test_hashin_shtrikman_is_the_coated_disc_and_sphere():
    # Two phases: the textbook forms k1 + f2/(1/(k2 − k1) + f1/(d k1)), K1 + f2/(1/(K2 − K1) + 3 f1/(3 K1 + 4 G1)).
    f1, f2 = 0.6, 0.4
    for d in (2, 3):
        low, high = hashin_shtrikman_conductivity([1.0, 10.0], [f1, f2], d)
        assert float(low) == pytest.approx(1 + f2 / (1 / 9 + f1 / d))
        assert float(high) == pytest.approx(10 + f1 / (-1 / 9 + f2 / (d * 10)))
    found = hashin_shtrikman_moduli([2.0, 20.0], [1.0, 8.0], [f1, f2], 3)
    assert float(found["bulk"][0]) == pytest.approx(2 + f2 / (1 / 18 + 3 * f1 / (3 * 2 + 4 * 1)))
    assert float(found["shear"][0]) == pytest.approx(1 + f2 / (1 / 7 + 6 * f1 * (2 + 2 * 1) / (5 * 1 * (3 * 2 + 4 * 1))))
    plane = hashin_shtrikman_moduli([2.0, 20.0], [1.0, 8.0], [f1, f2], 2)
    assert float(plane["bulk"][0]) == pytest.approx(2 + f2 / (1 / 18 + f1 / (2 + 1)))
    assert float(plane["shear"][0]) == pytest.approx(1 + f2 / (1 / 7 + f1 * (2 + 2 * 1) / (2 * 1 * (2 + 1))))


def test_bounds_with_a_void_do_not_pretend():
    low, high = hashin_shtrikman_conductivity([0.0, 1.0], [0.5, 0.5], 2)
    assert float(low) == 0.0
    assert 0 < float(high) < 0.5


def test_a_colour_picture_is_not_taken_for_a_thin_volume():
    picture = np.repeat(np.eye(6, dtype=np.uint8)[..., None], 3, axis=-1)
    materials = [{"conductivity": 1.0}, {"conductivity": 2.0}]
    with pytest.raises(
        ValueError, match=r"shape \(6, 6, 3\) and dtype uint8 are those of a colour picture. Read the picture with jaxmicro.io.read"
    ):
        jm.homogenize(picture, materials)
    assert jm.homogenize(picture.astype(int), materials).conductivity.shape == (3, 3)


def one_crystal(q, shape=(4, 3)):
    """A cell of one crystal in one orientation."""
    turned = np.broadcast_to(np.asarray(q).reshape(4, *(1,) * len(shape)), (4, *shape))
    return jm.Microstructure(grid=jm.Grid(shape), labels=np.zeros(shape, int), orientation=turned)


SKEW = jm.orientations.from_euler(np.array([0.5, 0.7, 0.2]))


@pytest.mark.parametrize("plane", ["strain", "stress"])
def test_a_turned_crystal_is_turned_before_it_is_made_plane(plane):
    r = jm.homogenize(one_crystal(SKEW), ["Cu"], plane=plane)
    turned = np.asarray(jm.orientations.rotate_stiffness(jm.materials.constants("Cu").stiffness, SKEW))
    inside = np.ix_([0, 1, 5], [0, 1, 5])
    expected = turned[inside] if plane == "strain" else np.linalg.inv(np.linalg.inv(turned)[inside])
    assert np.allclose(r.stiffness, expected, rtol=1e-9)
    for bound in r.analytic_bounds.stiffness:
        assert np.allclose(bound, expected, rtol=1e-9)
    assert not r.defects


def test_plane_bounds_of_a_polycrystal_enclose_it():
    ms = jm.microstructures.polycrystal(jm.Grid((16, 15)), grains=6, key=jax.random.key(0))
    for plane in ("strain", "stress"):
        for scheme in ("voigt", "reuss"):
            r = jm.homogenize(ms, ["Cu"], plane=plane, scheme=scheme)
            low, high = r.analytic_bounds.stiffness
            assert np.linalg.eigvalsh(high - low).min() > 0.1
            assert not r.defects
            assert any("voxel by voxel" in note for note in r.analytic_bounds.notes)


def test_plane_belongs_to_solid_tensors_on_a_2d_grid():
    flat = jm.materials.isotropic_stiffness(1.0, 0.3, dim=2)
    with pytest.raises(ValueError, match=r"`plane` is for \(6, 6\) tensors on a 2D grid, but it is 'stress' with \(3, 3\)"):
        assign_stiffness(jm.Microstructure(labels=[[0, 0], [0, 0]]), [flat], plane="stress")


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2)])
def test_a_crystals_conductivity_is_turned_with_it(shape):
    crystal = np.array([[1.0, 0.2, 0.0], [0.2, 3.0, 0.1], [0.0, 0.1, 9.0]])
    g, d = np.asarray(jm.orientations.to_matrix(SKEW)), len(shape)
    ms = one_crystal(SKEW, shape)
    expected = (g.T @ crystal @ g)[:d, :d]
    r = jm.homogenize(ms, [{"conductivity": crystal}])
    assert np.allclose(r.conductivity, expected, rtol=1e-9)
    for bound in r.analytic_bounds.conductivity:
        assert np.allclose(bound, expected, rtol=1e-9)
    axis = np.array([0.0, 0.0, 1.0])  # the axis of rotation about z stays where it is
    about_z = one_crystal(jm.orientations.from_euler(np.pi / 2 * axis), shape)
    assert np.allclose(assign_conductivity(about_z, [np.diag([1.0, 3.0, 9.0])])[:, :, *(0,) * d], np.diag([3.0, 1.0, 9.0])[:d, :d])


def test_a_plane_conductivity_stays_in_the_sample_frame():
    flat, solid = np.diag([2.0, 3.0]), np.diag([2.0, 3.0, 7.0])
    assert np.allclose(jm.homogenize(one_crystal(SKEW), [{"conductivity": flat}]).conductivity, flat)
    assert np.allclose(jm.homogenize(LABELS, [{"conductivity": solid}] * 2).conductivity, flat)
    with pytest.raises(ValueError, match=r"a number or a \(3, 3\) tensor per phase, but the shapes are \[\(2, 2\)\]"):
        assign_conductivity(jm.Microstructure(labels=np.zeros((2, 2, 2), int)), [flat])


def test_bounds_of_a_conducting_polycrystal_enclose_it():
    ms = jm.microstructures.polycrystal(jm.Grid((16, 15)), grains=6, key=jax.random.key(0))
    r = jm.homogenize(ms, [{"conductivity": np.diag([1.0, 1.0, 5.0])}])
    low, high = r.analytic_bounds.conductivity
    assert np.linalg.eigvalsh(r.conductivity - low).min() > 1e-3
    assert np.linalg.eigvalsh(high - r.conductivity).min() > 1e-3


CELL = jm.Microstructure(labels=LABELS // 5)
PAIRS = {
    "names": ["Cu", "Al"],
    "mappings": [SOFT, HARD],
    "bulk and shear": [{"bulk": 1.0, "shear": 0.5}, {"bulk": 3.0, "shear": 2.0}],
    "arrays": [np.eye(6), 2 * np.eye(6)],
    "JAX arrays": [jnp.eye(6), {"stiffness": 2 * jnp.eye(6), "conductivity": 1.0}],
}


@pytest.mark.parametrize("kind", daily(list(PAIRS), "mappings", "JAX arrays"))
def test_constants_are_read_on_the_host_while_the_cell_is_traced(kind):
    plain = jm.homogenize(CELL, PAIRS[kind], plane="stress")
    jitted = jax.jit(lambda ms: jm.homogenize(ms, PAIRS[kind], plane="stress"))(CELL)
    assert np.allclose(jitted.stiffness, plain.stiffness, rtol=1e-9)
    assert np.allclose(jitted.analytic_bounds.stiffness, plain.analytic_bounds.stiffness, rtol=1e-12)


@pytest.mark.slow
def test_constants_that_phases_carry_serve_grad_and_vmap():
    phases = (jm.microstructures.Phase("a", constants=SOFT), jm.microstructures.Phase("b", constants="Al"))

    def stiff(share):
        fractions = jnp.stack([1 - share, share])
        return jm.homogenize(jm.Microstructure(fractions=fractions, phases=phases), plane="strain").stiffness[0, 0]

    share = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.8, (2, 4, 3)))
    found = jax.vmap(stiff)(share)
    assert np.allclose(found, [stiff(s) for s in share], rtol=1e-9)
    step = jnp.zeros_like(share[0]).at[1, 2].set(1e-5)
    central = (stiff(share[0] + step) - stiff(share[0] - step)) / 2e-5
    assert float(jax.grad(stiff)(share[0])[1, 2]) == pytest.approx(float(central), rel=1e-4)


def test_traced_constants_and_labels_are_told_the_differentiable_way(as_user):
    def of_young(e):
        return jm.homogenize(CELL, [SOFT, {"young": e, "poisson": 0.3}]).stiffness[0, 0]

    with pytest.raises(TypeError, match=r"'young' is being traced.*effective_stiffness\(assign_stiffness\("):
        jax.grad(of_young)(1.0)
    with pytest.raises(TypeError, match=r"it is being traced.*assign_stiffness"):
        jax.jit(lambda c: jm.homogenize(CELL, [c, c]).stiffness)(jnp.eye(6))
    with pytest.raises(TypeError, match=r"`microstructure` must.*Microstructure\(labels=array"):
        jax.jit(lambda labels: jm.homogenize(labels, [SOFT, HARD]).stiffness)(jnp.asarray(LABELS))
    assert of_young(jnp.asarray(2.0)) > 0


def test_bounds_count_the_voxels_that_the_solve_counts():
    plain = jm.homogenize(CELL, [SOFT, HARD])
    half = jm.homogenize(CELL.replace(mask=LABELS == 5), [SOFT, HARD])
    assert half.volume_fractions.tolist() == [0.0, 1.0]
    assert np.allclose(half.analytic_bounds.stiffness, plain.analytic_bounds.stiffness, rtol=1e-12)
    assert np.allclose(half.analytic_bounds.conductivity, plain.analytic_bounds.conductivity, rtol=1e-12)
    assert not half.defects
    assert "not measured" in str(half)


def test_float32_tensors_are_judged_by_float32():
    """Isotropic phases of a single-precision cell are recognised, and rounding alone is no defect."""
    discs = (np.hypot(*np.meshgrid(np.arange(16) - 8, np.arange(15) - 7, indexing="ij")) < 5).astype(int)
    with jax.enable_x64(False):
        ms = jm.Microstructure(labels=discs)
        r = jm.homogenize(ms, [{"young": 3.3, "poisson": 0.27}, {"young": 4.1, "poisson": 0.31}])
        assert r.stiffness.dtype == jnp.float32
        assert r.analytic_bounds.bulk is not None
        assert not r.defects
        bounds, high = r.analytic_bounds, r.analytic_bounds.stiffness[1]
        assert not any("Voigt" in line for line in bounds.violations(high * np.float32(1 + 3e-5), None))
        assert any("Voigt" in line for line in bounds.violations(high * np.float32(1 + 1e-3), None))


def test_a_phase_that_lost_its_stiffness_to_rounding_is_a_void_for_reuss():
    """In float32 a rotated rank-deficient tensor has eigenvalues of about 1e-7, of either sign."""
    flat = np.diag([3.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    turned = np.asarray(jm.orientations.rotate_stiffness(flat, SKEW)).astype(np.float32)
    assert not reuss_bound(np.stack([turned, np.eye(6, dtype=np.float32)]), np.array([0.5, 0.5], np.float32)).any()


def test_a_soft_phase_is_no_void_because_another_one_is_stiff():
    found = reuss_bound(np.stack([1e-16 * np.eye(2), np.eye(2)]), np.array([0.5, 0.5]))
    assert np.allclose(found, 2e-16 * np.eye(2), rtol=1e-12)


def test_grey_voxels_have_no_hashin_shtrikman_bounds():
    """A uniform grey mixed by Voigt lies above them without any defect."""
    grid, rounding = jm.Grid((4, 3)), 1e-16
    grey = jm.homogenize(jm.Microstructure(grid=grid, fractions=np.full((2, 4, 3), 0.5)), [SOFT, HARD])
    assert (grey.analytic_bounds.bulk, grey.analytic_bounds.conductivity_hashin_shtrikman) == (None, None)
    assert sum("grey voxel" in note for note in grey.analytic_bounds.notes) == 1
    assert not grey.defects
    share = np.broadcast_to(np.array([1 - rounding, rounding])[:, None, None], (2, 4, 3))
    sharp = jm.homogenize(jm.Microstructure(grid=grid, fractions=share), [SOFT, HARD])
    assert sharp.analytic_bounds.bulk is not None
    assert sharp.analytic_bounds.conductivity_hashin_shtrikman is not None


def test_a_porous_sheet_has_a_stiffness_in_plane_stress():
    void = {"young": 0.0, "poisson": 0.3, "conductivity": 0.0}
    porous = np.zeros((5, 4), int)
    porous[1:3, 1] = 1
    for scheme in ("voigt", "reuss"):
        r = jm.homogenize(porous, [SOFT, void], plane="stress", scheme=scheme)
        assert np.linalg.eigvalsh(r.stiffness).min() > 0.1
        assert np.linalg.eigvalsh(r.conductivity).min() > 0.1
        assert not r.defects


def test_the_inverse_mean_with_a_void_or_a_fluid_is_its_limit():
    solid, void, fluid = (jm.materials.lame_stiffness(lame, shear) for lame, shear in ((1.0, 2.0), (0.0, 0.0), (3.0, 0.0)))
    shares = jnp.repeat(jnp.asarray([[1.0, 0.7, 0.0], [0.0, 0.3, 1.0]])[:, None], 2, axis=1)
    ms = jm.Microstructure(grid=jm.Grid((2, 3)), fractions=shares)
    for soft in (void, fluid):
        field = assign_stiffness(ms, [solid, soft], "reuss")[:, :, 0]
        assert np.allclose(field[..., 0], solid, rtol=1e-12)
        assert not field[..., 1].any()
        assert np.allclose(field[..., 2], soft, rtol=1e-12)
    assert assign_conductivity(ms, [2.0, 0.0], "reuss")[0].tolist() == pytest.approx([2.0, 0.0, 0.0])

    def total(shares, scale):
        cell = jm.Microstructure(grid=ms.grid, fractions=shares)
        return jnp.sum(assign_stiffness(cell, [scale * solid, scale * void], "reuss"))

    for gradient in jax.grad(total, argnums=(0, 1))(shares, 2.0):
        assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("scheme", ["voigt", "reuss"])
def test_an_absent_phase_spoils_nothing_and_a_present_one_is_not_hidden(scheme):
    shares = jnp.repeat(jnp.asarray([[1.0, 0.5], [0.0, 0.5]])[:, None], 2, axis=1)
    ms = jm.Microstructure(grid=jm.Grid((2, 2)), fractions=shares)
    field = assign_stiffness(ms, [jnp.eye(6), jnp.full((6, 6), jnp.nan)], scheme)
    assert np.allclose(field[:, :, 0, 0], np.eye(6))
    assert jnp.isnan(field[:, :, 0, 1]).any()
    slope = jax.grad(
        lambda f: assign_stiffness(jm.Microstructure(grid=ms.grid, fractions=f), [jnp.eye(6), 4 * jnp.eye(6)], scheme)[0, 0, 0, 0]
    )
    assert float(slope(shares)[1, 0, 0]) == pytest.approx({"voigt": 4.0, "reuss": -0.25}[scheme])
    bound = {"voigt": voigt_bound, "reuss": reuss_bound}[scheme]
    assert np.allclose(bound(np.stack([np.eye(2), np.full((2, 2), np.nan)]), np.array([1.0, 0.0])), np.eye(2))
