"""Isotropic aggregates of crystals, from their constants alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.homogenization import mean_field_estimates, polycrystal_estimates
from jaxmicro.materials import constants, cubic_stiffness, hexagonal_stiffness, isotropic_stiffness
from jaxmicro.orientations import random_orientations, rotate_stiffness
from tests.truths.crystal_formulas import hashin_shtrikman_shear, reuss_voigt, self_consistent_shear

# CRC Handbook of Chemistry and Physics, Elastic Constants for Single Crystals; the shear moduli in GPa that follow by Kröner's cubic equation.
SELF_CONSISTENT = {"Cu": ((168.3, 121.2, 75.7), 48.3), "W": ((522.39, 204.37, 160.58), 160.0), "Ta": ((260.2, 154.4, 82.55), 69.2)}


def shears(found):
    return [
        float(each.shear)
        for each in (found.reuss, found.hashin_shtrikman[0], found.self_consistent, found.hashin_shtrikman[1], found.voigt)
    ]


@pytest.mark.parametrize("name", SELF_CONSISTENT)
def test_cubic_crystals_have_closed_forms(name):
    crystal, published = SELF_CONSISTENT[name]
    found = polycrystal_estimates(cubic_stiffness(*crystal))
    (reuss, voigt), (low, high) = reuss_voigt(*crystal), hashin_shtrikman_shear(*crystal)
    assert shears(found) == pytest.approx([reuss, low, self_consistent_shear(*crystal), high, voigt], rel=1e-10)
    assert float(found.self_consistent.shear) == pytest.approx(published, abs=0.051)  # the table has one digit
    assert float(found.self_consistent.bulk) == pytest.approx((crystal[0] + 2 * crystal[1]) / 3, rel=1e-12)


def test_an_isotropic_crystal_is_its_aggregate():
    found = polycrystal_estimates(isotropic_stiffness(200.0, 0.3))
    assert shears(found) == pytest.approx([200 / 2.6] * 5, rel=1e-9)
    assert float(found.hill.young) == pytest.approx(200.0, rel=1e-12)
    assert float(found.hill.poisson) == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("name", ["Zn", "Ti", "olivine"])
def test_estimates_are_ordered_and_know_no_frame(name):
    crystal = jnp.asarray(constants(name).stiffness)
    found = polycrystal_estimates(crystal)
    turned = polycrystal_estimates(rotate_stiffness(crystal, random_orientations(jax.random.key(1), 1)[:, 0]))
    ladder = shears(found)
    assert ladder == sorted(ladder)
    assert ladder[3] - ladder[1] < 0.6 * (ladder[4] - ladder[0])
    assert shears(turned) == pytest.approx(ladder, rel=1e-9)


def test_bounds_of_other_symmetries_are_those_of_a_search_in_the_plane_of_media():
    """Every medium (K₀, G₀) with C − C₀ semidefinite gives a bound: none on a fine mesh beats the border."""
    crystal = np.asarray(constants("Zn").stiffness)
    found = polycrystal_estimates(crystal)
    best = {-1: [-np.inf, -np.inf], 1: [np.inf, np.inf]}
    J = np.zeros((6, 6))
    J[:3, :3] = 1 / 3
    K = np.eye(6) - J
    for bulk in np.linspace(5, 150, 140):
        for shear in np.linspace(5, 90, 140):
            low, high = np.linalg.eigvalsh(crystal - 3 * bulk * J - 2 * shear * K)[[0, -1]]
            if low < 0 < high:
                continue
            shift = 4 * shear * J + shear * (9 * bulk + 8 * shear) / (3 * (bulk + 2 * shear)) * K
            soft = np.linalg.inv(crystal + shift)
            dilating = np.sum(J * soft)
            aggregate = [(1 / dilating - np.sum(J * shift)) / 3, (5 / (np.trace(soft) - dilating) - np.sum(K * shift) / 5) / 2]
            side, pick = (-1, np.maximum) if low >= 0 else (1, np.minimum)
            best[side] = pick(best[side], aggregate)
    (lower, upper) = found.hashin_shtrikman
    for bound, side in ((lower, -1), (upper, 1)):
        gain = side * (np.array(best[side]) - [float(bound.bulk), float(bound.shear)])
        assert (gain >= 0).all()
        assert (gain < 0.6).all()


def test_isotropic_phases_give_the_symmetric_self_consistent_composite():
    first, second = isotropic_stiffness(10.0, 0.2), isotropic_stiffness(100.0, 0.35)
    found = polycrystal_estimates(jnp.stack([first, second]), [0.3, 0.7])
    composite = mean_field_estimates(first, second, 0.7).self_consistent
    assert float(found.self_consistent.shear) == pytest.approx(float(composite[3, 3]) / 2, rel=1e-9)


def test_an_absent_phase_counts_for_nothing():
    iron, epoxy = constants("Fe").stiffness, constants("epoxy").stiffness
    assert shears(polycrystal_estimates([iron, epoxy], [1.0, 0.0])) == pytest.approx(shears(polycrystal_estimates(iron)), rel=1e-12)


def some_of_all(found):
    return found.self_consistent.shear + 2 * found.hashin_shtrikman[0].shear + 3 * found.hashin_shtrikman[1].bulk + 5 * found.reuss.young


@pytest.mark.parametrize("name", ["Cu", "Zn"])
def test_derivatives_of_every_estimate(name):
    crystal = jnp.asarray(constants(name).stiffness)
    if name == "Cu":
        change = cubic_stiffness(1.0, -0.4, 0.7)  # other changes split equal eigenvalues: a kink
    else:
        change = hexagonal_stiffness(1.0, -0.4, 0.6, 0.7, 0.3)

    @jax.jit
    def along(t):
        return some_of_all(polycrystal_estimates(crystal + t * change))

    step = 1e-4
    difference = (along(step) - along(-step)) / (2 * step)
    forward, backward = jax.jvp(along, (0.0,), (1.0,))[1], jax.grad(along)(0.0)
    assert float(forward) == pytest.approx(float(backward), rel=1e-9)
    assert float(backward) == pytest.approx(float(difference), rel=1e-5)  # the places on the border are steps of 4 %


@pytest.mark.slow
def test_batches_and_float32():
    pair = jnp.stack([jnp.asarray(constants("Cu").stiffness), jnp.asarray(constants("Zn").stiffness)])
    together = jax.jit(jax.vmap(lambda c: polycrystal_estimates(c).hashin_shtrikman[0].shear))(pair)
    alone = [float(polycrystal_estimates(c).hashin_shtrikman[0].shear) for c in pair]
    assert together.tolist() == pytest.approx(alone, rel=1e-12)
    single = polycrystal_estimates(pair[0].astype(jnp.float32))
    assert single.self_consistent.shear.dtype == jnp.float32
    assert shears(single) == pytest.approx(shears(polycrystal_estimates(pair[0])), rel=1e-5)


def test_bad_input_is_named_and_is_nan_under_a_tracer():
    crystal = constants("Cu").stiffness
    with pytest.raises(ValueError, match=r"fractions are \[0.5, 0.4\]"):
        polycrystal_estimates([crystal, crystal], [0.5, 0.4])
    with pytest.raises(ValueError, match="`fractions` must be given"):
        polycrystal_estimates([crystal, crystal])
    with pytest.raises(ValueError, match="positive definite"):
        polycrystal_estimates(-crystal)
    with pytest.raises(ValueError, match=r"its shape is \(3, 3\)"):
        polycrystal_estimates(np.eye(3))
    for none in ([], np.zeros((0, 6, 6))):
        with pytest.raises(ValueError, match="`stiffness` must hold one tensor or more, but it is empty"):
            polycrystal_estimates(none, [])
    skew = crystal + 5.0 * np.eye(6, k=1)
    with pytest.raises(ValueError, match="must hold symmetric tensors, but C − Cᵀ has an entry of 5"):
        polycrystal_estimates(skew)
    assert bool(jnp.isnan(jax.jit(lambda c: polycrystal_estimates(c).voigt.shear)(skew)))
    assert bool(jnp.isnan(jax.jit(lambda c: polycrystal_estimates(c).voigt.shear)(-crystal)))


def test_the_shear_modulus_of_tantalum_is_the_measured_one():
    """69.2 GPa, Kaye & Laby, Tables of Physical and Chemical Constants; the constants are the package's own."""
    assert float(polycrystal_estimates(constants("Ta").stiffness).self_consistent.shear) == pytest.approx(69.2, abs=0.05)
