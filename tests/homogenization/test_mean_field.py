"""Mean-field estimates against closed forms, bounds, and the same schemes written with integrals of the acoustic tensor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import jaxmicro as jm
from jaxmicro.homogenization import (
    differential,
    dilute,
    hashin_shtrikman_conductivity,
    hashin_shtrikman_moduli,
    hill_tensor,
    loewner_gap,
    mean_field,
    mean_field_estimates,
    mori_tanaka,
    reuss_bound,
    self_consistent,
    voigt_bound,
)
from jaxmicro.homogenization.differential_scheme import STEPS, differential_constants
from jaxmicro.homogenization.inclusions import Kind
from jaxmicro.materials import hexagonal_stiffness, isotropic_stiffness
from tests.homogenization.composites import (
    FIBRE,
    FIBRE_MATRIX,
    METHODS,
    PAIRS,
    ROUNDING,
    VOID,
    from_moduli,
    integrated_hill,
    integrated_scheme,
    moduli_of,
)
from tests.homogenization.references import random_stiffness


@pytest.mark.parametrize("pair", PAIRS)
def test_the_hill_tensor_is_the_integral_of_the_acoustic_tensor(pair):
    shape, c0, _ = PAIRS[pair]
    exact = integrated_hill(c0, shape)
    assert np.abs(hill_tensor(c0, shape=shape) - exact).max() < ROUNDING * np.abs(exact).max()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("method", METHODS)
def test_the_schemes_equal_those_written_with_integrals(pair, method):
    shape, c0, c1 = PAIRS[pair]
    exact = integrated_scheme(method, c0, c1, 0.37, shape)
    tolerance = 1e-8 if method == "differential" else 1e-11  # of the general-purpose integrator; of the fixed point
    assert np.abs(mean_field(c0, c1, 0.37, shape=shape, method=method) - exact).max() < tolerance * np.abs(exact).max()


@pytest.mark.parametrize("pair", PAIRS)
def test_all_estimates_agree_to_first_order(pair):
    shape, c0, c1 = PAIRS[pair]
    exact = (c1 - c0) @ np.linalg.inv(np.eye(len(c0)) + integrated_hill(c0, shape) @ (c1 - c0))
    for method in METHODS:
        value, slope = jax.jvp(lambda f, m=method: mean_field(c0, c1, f, shape=shape, method=m), (0.0,), (1.0,))
        assert np.allclose(value, c0, rtol=ROUNDING, atol=ROUNDING * c0.max())
        assert np.abs(slope - exact).max() < 1e-10 * np.abs(exact).max()


@pytest.mark.parametrize("pair", PAIRS)
def test_a_full_volume_is_the_inclusion(pair):
    shape, c0, c1 = PAIRS[pair]
    for method in METHODS[1:]:
        # The differential path ends √eps before 1 and goes on along its tangent: the square of that is left.
        assert np.abs(mean_field(c0, c1, 1.0, shape=shape, method=method) - c1).max() < 1e-11 * np.abs(c1).max()


@pytest.mark.parametrize(("shape", "dim"), [("sphere", 3), ("disc", 2)])
@pytest.mark.parametrize("f", [0.2, 0.7])
def test_mori_tanaka_is_the_hashin_shtrikman_bound_of_the_matrix(shape, dim, f):
    soft, hard = (2.0, 0.7), (31.0, 12.0)
    bounds = hashin_shtrikman_moduli([soft[0], hard[0]], [soft[1], hard[1]], [1 - f, f], dim)
    around_hard = hashin_shtrikman_moduli([soft[0], hard[0]], [soft[1], hard[1]], [f, 1 - f], dim)
    low = moduli_of(mori_tanaka(from_moduli(*soft, dim), from_moduli(*hard, dim), f, shape=shape))
    high = moduli_of(mori_tanaka(from_moduli(*hard, dim), from_moduli(*soft, dim), f, shape=shape))
    assert np.allclose(low, [float(bounds[name][0]) for name in ("bulk", "shear")], rtol=ROUNDING)
    assert np.allclose(high, [float(around_hard[name][1]) for name in ("bulk", "shear")], rtol=ROUNDING)
    k_low, k_high = hashin_shtrikman_conductivity([1.0, 20.0], [1 - f, f], dim)
    assert float(mori_tanaka(1.0, 20.0, f, shape=shape)[0, 0]) == pytest.approx(float(k_low), rel=ROUNDING)
    assert float(mori_tanaka(20.0, 1.0, 1 - f, shape=shape)[1, 1]) == pytest.approx(float(k_high), rel=ROUNDING)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("f", [0.05, 0.5, 0.93])
def test_all_estimates_lie_between_voigt_and_reuss(pair, f):
    shape, c0, c1 = PAIRS[pair]
    phases, shares = np.stack([c0, c1]), np.array([1 - f, f])
    for method in METHODS if f == 0.05 else METHODS[1:]:  # the dilute one has no business at large fractions
        c = mean_field(c0, c1, f, shape=shape, method=method)
        assert loewner_gap(reuss_bound(phases, shares), c) > -1e-12  # zero along the fibres
        assert loewner_gap(c, voigt_bound(phases, shares)) > -1e-12


@pytest.mark.parametrize(("shape", "dim"), [("sphere", 3), ("disc", 2)])
def test_self_consistent_and_differential_lie_between_hashin_shtrikman(shape, dim):
    for f in (0.1, 0.5, 0.9):
        bounds = hashin_shtrikman_moduli([2.0, 200.0], [0.7, 90.0], [1 - f, f], dim)
        soft, hard = from_moduli(2.0, 0.7, dim), from_moduli(200.0, 90.0, dim)
        found = [
            self_consistent(soft, hard, f, shape=shape),
            differential(soft, hard, f, shape=shape),
            differential(hard, soft, 1 - f, shape=shape),
        ]
        for values in map(moduli_of, found):
            for value, name in zip(values, ("bulk", "shear"), strict=True):
                assert float(bounds[name][0]) < value < float(bounds[name][1])


# Self-consistent closed forms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [0.0, 0.1, 0.3, 0.45, 0.499])
def test_self_consistent_voids_in_an_incompressible_solid(f):
    shear = moduli_of(self_consistent(from_moduli(1e9, 1.0), VOID, f))[1]
    exact = 3 * (1 - 2 * f) / (3 - f)
    assert shear == pytest.approx(exact, rel=1e-6)  # of the bulk modulus, 1e9 instead of infinite, divided by 1 − 2 f


@pytest.mark.parametrize("f", [0.5, 0.500001, 0.7, 1.0])
def test_self_consistent_solids_fall_apart_at_half_their_volume(f):
    assert not np.asarray(self_consistent(from_moduli(1e9, 1.0), VOID, f)).any()
    assert not np.asarray(self_consistent(isotropic_stiffness(3.0, 0.2), VOID, f)).any()


def test_self_consistent_discs():
    # Voids of a plane solid: Young's modulus E₀ (1 − 3 f) whatever the Poisson ratio (Day, Snyder, Garboczi & Thorpe 1992).
    for poisson in (0.0, 0.3):
        solid = isotropic_stiffness(2.0, poisson, dim=2, plane="stress")
        c = self_consistent(solid, np.zeros((3, 3)), 0.2, shape="disc")
        assert 1 / np.linalg.inv(c)[0, 0] == pytest.approx(2.0 * (1 - 0.6), rel=ROUNDING)
        assert not np.asarray(self_consistent(solid, np.zeros((3, 3)), 0.34, shape="disc")).any()


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("k0", "k1", "f"), [(1.0, 7.0, 0.3), (1.0, 0.0, 0.3), (1.0, 1e6, 0.6), (1.0, 1e6, 0.1)])
def test_self_consistent_conduction_solves_bruggemans_quadratic(d, k0, k1, f):
    b = (d * (1 - f) - 1) * k0 + (d * f - 1) * k1
    exact = max(np.roots([d - 1, -b, -k0 * k1]))
    found = self_consistent(k0, k1, f, shape={2: "disc", 3: "sphere"}[d])
    assert float(found[0, 0]) == pytest.approx(exact, rel=1e-9)  # of the polynomial's roots


@pytest.mark.parametrize("pair", PAIRS)
def test_self_consistent_phases_may_be_exchanged(pair):
    shape, c0, c1 = PAIRS[pair]
    one, other = self_consistent(c0, c1, 0.3, shape=shape), self_consistent(c1, c0, 0.7, shape=shape)
    assert np.abs(one - other).max() < ROUNDING * np.abs(one).max()


def test_self_consistent_rigid_spheres_lock():
    # Rigid spheres in an incompressible matrix: G/G₀ = 2/(2 − 5 f), up to f = 2/5.
    def shear(f):
        return moduli_of(self_consistent(from_moduli(1e9, 1.0), from_moduli(1e12, 1e12), f))[1]

    assert shear(0.2) == pytest.approx(2.0, rel=1e-6)  # of the bulk modulus of the matrix
    assert shear(0.39) == pytest.approx(40.0, rel=1e-5)
    assert shear(0.5) > 1e9


def test_a_self_consistent_fluid_suspension_loses_its_shear_stiffness_alone():
    c = self_consistent(from_moduli(2.0, 1.0), from_moduli(4.0, 0.0), 0.7)
    bulk, shear = moduli_of(c)
    assert shear == pytest.approx(0.0, abs=1e-14)
    assert bulk == pytest.approx(1 / (0.3 / 2 + 0.7 / 4), rel=ROUNDING)  # Wood's equation


# Differential closed forms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "d"), [("disc", 2), ("sphere", 3)])
@pytest.mark.parametrize("k1", [0.0, 0.2, 50.0, 1e6])
def test_differential_conduction_has_its_closed_form(shape, d, k1):
    for f in (0.25, 0.8):
        k = float(differential(1.0, k1, f, shape=shape)[0, 0])
        assert (k1 - k) / (k1 - 1) * (1 / k) ** (1 / d) == pytest.approx(1 - f, rel=1e-9)


@pytest.mark.parametrize("f", [0.2, 0.9])
def test_differential_porous_solids_of_stationary_poisson_ratio(f):
    # ν = 1/5 in space and κ = 2 μ in the plane stay what they are: C = C₀ (1 − f)² and C₀ (1 − f)³.
    solid, sheet = isotropic_stiffness(3.0, 0.2), from_moduli(2.0, 1.0, 2)
    assert np.allclose(differential(solid, VOID, f), (1 - f) ** 2 * solid, rtol=1e-9)
    assert np.allclose(differential(sheet, np.zeros((3, 3)), f, shape="disc"), (1 - f) ** 3 * sheet, rtol=1e-9)
    rigid = differential(solid, 1e14 * solid, f)
    assert np.allclose(rigid, solid / (1 - f) ** 2, rtol=1e-9)


def test_the_differential_path_converges_at_its_order():
    matrix, void, kind = jnp.array([2.0, 1.0]), jnp.zeros(2), Kind("sphere", True)
    solve = jax.jit(differential_constants, static_argnums=(3, 4))
    fine = solve(matrix, void, jnp.array(0.99), kind, 256)
    errors = [float(jnp.max(jnp.abs(solve(matrix, void, jnp.array(0.99), kind, n) / fine - 1))) for n in (12, 24)]
    assert 7 < np.log2(errors[0] / errors[1]) < 9.5  # order eight
    assert (
        float(jnp.max(jnp.abs(solve(matrix, void, jnp.array(0.9), kind, STEPS) / solve(matrix, void, jnp.array(0.9), kind, 256) - 1)))
        < 1e-10
    )


@pytest.mark.parametrize("matrix", [(1e7, 1.0), (16.0, 3.2), (1e-3, 1.0)])
@pytest.mark.parametrize("inclusion", [(0.0, 0.0), (0.6, 0.45), (1e5, 1e-2)])
def test_the_differential_path_bears_stiff_equations(matrix, inclusion):
    """A solid that is hardly compressible, or hardly anything else, against an implicit integrator of the textbook form."""

    def rate(_, c):
        (k, g), (k1, g1) = c, inclusion
        a, b = 3 * k / (3 * k + 4 * g), 6 * (k + 2 * g) / (5 * (3 * k + 4 * g))
        return np.array([(k1 - k) / (1 + a * (k1 / k - 1)), (g1 - g) / (1 + b * (g1 / g - 1))])

    for f in (0.3, 0.95):
        path = solve_ivp(rate, (0, -np.log1p(-f)), np.array(matrix), method="Radau", rtol=1e-9, atol=1e-14)
        found = moduli_of(differential(from_moduli(*matrix), from_moduli(*inclusion), f))
        assert np.allclose(found, path.y[:, -1], rtol=1e-6)  # of the implicit integrator


# Fibres -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_fibres_across_are_discs_and_antiplane_shear_is_conduction(method):
    c0, c1, f = np.asarray(isotropic_stiffness(3.5, 0.33)), np.asarray(isotropic_stiffness(71.0, 0.22)), 0.4
    fibres = mean_field(c0, c1, f, shape="fibre", method=method)
    inside = np.ix_([0, 1, 5], [0, 1, 5])
    assert np.allclose(fibres[inside], mean_field(c0[inside], c1[inside], f, shape="disc", method=method), rtol=1e-11)
    along = mean_field(c0[3, 3] / 2, c1[3, 3] / 2, f, shape="disc", method=method)
    assert np.allclose(np.diagonal(fibres)[3:5] / 2, np.diagonal(along), rtol=1e-11)


@pytest.mark.parametrize("method", METHODS[1:])
def test_fibres_keep_hills_universal_connections(method):
    def constants(c):
        return np.array([(c[0, 0] + c[0, 1]) / 2, c[0, 2], c[2, 2]])

    c = np.asarray(mean_field(FIBRE_MATRIX, FIBRE, 0.45, shape="fibre", method=method))
    (k0, l0, n0), (k1, l1, n1), (k, l, n) = map(constants, (FIBRE_MATRIX, FIBRE, c))
    ratio = (l0 - l1) / (k0 - k1)
    assert (l - l0) / (k - k0) == pytest.approx(ratio, rel=1e-9)
    assert n - (0.55 * n0 + 0.45 * n1) == pytest.approx(ratio * (l - 0.55 * l0 - 0.45 * l1), rel=1e-9)


@pytest.mark.parametrize("difference", [0.0, 1e-4, 0.1])
def test_fibres_of_nearly_the_plane_bulk_modulus_of_their_matrix(difference):
    """Hill's quotient for n is 0/0 where both agree."""
    like = np.asarray(hexagonal_stiffness(8.0 + difference, 5.0, 5.5, 70.0, 9.0))  # k = 6.5 is that of the matrix
    exact = integrated_scheme("differential", FIBRE_MATRIX, like, 0.45, "fibre")
    assert np.abs(differential(FIBRE_MATRIX, like, 0.45, shape="fibre") - exact).max() < 1e-8 * np.abs(exact).max()


def test_mori_tanaka_axial_shear_is_that_of_composite_cylinders():
    p0, p1, f = 1.3, 27.0, 0.6
    c = mori_tanaka(from_moduli(2.0, p0), from_moduli(40.0, p1), f, shape="fibre")
    assert float(c[3, 3] / 2) == pytest.approx(p0 * (p1 * (1 + f) + p0 * (1 - f)) / (p1 * (1 - f) + p0 * (1 + f)), rel=ROUNDING)


TURNS = {0: (np.pi / 2, np.pi / 2, 0.0), 1: (0.0, np.pi / 2, 0.0), 2: (0.0, 0.0, 0.0)}  # Bunge angles that lay the third axis along another


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_fibres_run_along_any_axis(method, axis):
    q = jm.orientations.from_euler(np.array(TURNS[axis]))
    assert np.allclose(np.abs(jm.orientations.to_matrix(q)[2]), np.eye(3)[axis], atol=1e-12)
    c0, c1 = (jm.orientations.rotate_stiffness(c, q) for c in (FIBRE_MATRIX, FIBRE))
    turned = jm.orientations.rotate_stiffness(mean_field(FIBRE_MATRIX, FIBRE, 0.3, shape="fibre", method=method), q)
    assert np.allclose(mean_field(c0, c1, 0.3, shape="fibre", method=method, axis=axis), turned, rtol=1e-9, atol=1e-9)
    along = mean_field(2.0, 7.0, 0.3, shape="fibre", method=method, axis=axis)
    assert float(along[axis, axis]) == pytest.approx(3.5, rel=1e-12)


@pytest.mark.slow
def test_columnar_cells_approach_the_dilute_fibre():
    n = 40
    x = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5,) * 2, indexing="ij"))
    labels = ((x**2).sum(0) < 0.15**2).astype(int)
    f = labels.mean()
    c0, c1 = isotropic_stiffness(1.0, 0.3), isotropic_stiffness(5.0, 0.2)
    cell = jm.effective_stiffness(jm.materials.Phases(jnp.asarray(labels), jnp.stack([c0, c1])), jm.Grid((n, n))).tensor
    estimate = mori_tanaka(c0, c1, f, shape="fibre")
    change = np.abs(np.asarray(estimate) - c0).max()
    assert np.abs(cell - estimate).max() < 0.06 * change  # a pixel disc of radius 6; neighbours add terms of order f


# Anisotropic inclusions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dilute", "mori_tanaka"])
@pytest.mark.parametrize(("pair", "seed"), [("spheres", 0), ("discs", 1), ("fibres", 2), ("conducting fibres", 3)])
def test_inclusions_may_be_of_any_symmetry(method, pair, seed):
    shape, c0, _ = PAIRS[pair]
    c1 = random_stiffness(np.random.default_rng(seed), len(c0))
    exact = integrated_scheme(method, c0, c1, 0.3, shape)
    found = mean_field(c0, c1, 0.3, shape=shape, method=method)
    assert np.abs(found - exact).max() < ROUNDING * np.abs(exact).max() * 10


@pytest.mark.parametrize("pair", PAIRS)
def test_the_record_holds_the_single_estimates(pair):
    shape, c0, c1 = PAIRS[pair]
    record = mean_field_estimates(c0, c1, 0.3, shape=shape)
    for method, front_door in zip(METHODS, (dilute, mori_tanaka, differential, self_consistent), strict=True):
        assert np.allclose(getattr(record, method), front_door(c0, c1, 0.3, shape=shape), rtol=1e-11, atol=1e-11)
    assert int(record.status) == 0
    assert 0 < int(record.steps) < 20
    assert float(record.residual) < 1e-12
    assert record.shape == shape
