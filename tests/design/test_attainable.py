import jax
import numpy as np
import pytest

from jaxmicro.design import Between, Conductivity, Density, Maximize, PairLimits, Problem, Stiffness, Target, TargetError, VolumeFraction
from jaxmicro.design.attainable import largest_mean, limits
from jaxmicro.fields import Grid
from jaxmicro.homogenization import hashin_shtrikman_conductivity
from jaxmicro.microstructures import random_field

GRID = Grid((8, 8))
PAIR = PairLimits(1.0, 10.0)


def wanted(*goals, constraints=(), properties=None):
    parts = [Conductivity([1.0, 10.0]), VolumeFraction()] if properties is None else properties
    return Problem(Density(GRID), parts, list(goals), constraints)


@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.8])
def test_a_laminate_needs_exactly_its_fraction(fraction):
    low, high = PAIR.fractions(*PAIR.means(fraction))
    assert low == pytest.approx(fraction, abs=1e-9)
    assert high == pytest.approx(fraction, abs=1e-9)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9])
def test_isotropic_pairs_end_at_hashin_and_shtrikman(fraction):
    lower, upper = hashin_shtrikman_conductivity([1.0, 10.0], [1 - fraction, fraction], 2)
    assert PAIR.fractions(float(lower), float(lower))[1] == pytest.approx(fraction, abs=1e-9)  # the lower bound: no larger fraction
    assert PAIR.fractions(float(upper), float(upper))[0] == pytest.approx(fraction, abs=1e-9)


def test_every_pair_on_the_inner_side_of_the_laminates_is_reachable_and_none_outside():
    for small in np.linspace(1.05, 9.5, 12):
        edge = PAIR.partner(small)
        inside, outside = PAIR.refusal(small, 0.999 * edge + 0.001 * small, (0, 1)), PAIR.refusal(small, edge * 1.001, (0, 1))
        assert inside == ""
        assert outside != "" or edge * 1.001 < small
        assert PAIR.refusal(edge * 1.001, small, (0, 1)) == outside.replace("k_xx", "#").replace("k_yy", "k_xx").replace("#", "k_yy")


@pytest.mark.parametrize("seed", range(4))
def test_solved_cells_lie_inside(seed):
    fraction = 0.2 + 0.15 * seed
    ms = random_field(Grid((16, 16)), volume_fraction=fraction, anisotropy=(1.5, 0.7), key=jax.random.key(seed))
    found = Conductivity([1.0, 10.0], split=4)(ms.fractions, ms.grid)
    low, high = PAIR.fractions(float(found["k_xx"]), float(found["k_yy"]))
    assert low <= float(ms.volume_fractions[1]) <= high


def test_a_target_beyond_the_phases_names_the_bound_and_the_excess():
    with pytest.raises(
        TargetError, match=r"k_xx = 12 must be at most 10, the Voigt bound over all volume fractions.*passes it by 2 \(20.0%\)"
    ):
        wanted(Target("k_xx", 12.0)).check_targets()
    with pytest.raises(TargetError, match=r"k_mean = 0.5 must be at least 1, the Reuss bound"):
        wanted(Target("k_mean", 0.5)).check_targets()


def test_a_volume_fraction_narrows_the_bounds():
    goal = Target("k_xx", 6.0)
    wanted(goal).check_targets()
    with pytest.raises(TargetError, match=r"at most 4.6, the Voigt bound at the volume fractions that the goals allow"):
        wanted(goal, constraints=[Between("volume_fraction", 0.2, 0.4)]).check_targets()


def test_a_pair_outside_the_laminates_is_refused_though_each_value_is_possible():
    for value in (2.0, 9.0):
        wanted(Target("k_xx", value)).check_targets()
    with pytest.raises(TargetError, match=r"with k_xx = 2 no cell .* has k_yy above 6 .* passed by 3 \(50.0%\)"):
        wanted(Target("k_xx", 2.0), Target("k_yy", 9.0)).check_targets()


def test_a_pair_that_needs_another_fraction_is_refused():
    problem = wanted(Target("k_xx", 3.0), Target("k_yy", 3.5), constraints=[Between("volume_fraction", 0.65, 0.7)])
    with pytest.raises(TargetError, match=r"needs a volume fraction of the better conductor in \[0.3786, 0.6433\]"):
        problem.check_targets()


def test_elastic_bounds_of_equal_poisson_ratios_are_young():
    part = Stiffness([{"young": 1.0, "poisson": 0.3}, {"young": 10.0, "poisson": 0.3}], plane="stress")
    bounds = limits(part, ((0.5, 0.5), (0.5, 0.5)), GRID)
    assert bounds["E_x"].low == pytest.approx(1 / (0.5 + 0.05), rel=1e-9)  # Reuss
    assert bounds["E_x"].high == pytest.approx(5.5, rel=1e-9)  # Voigt: of C⁻¹, not of C11
    assert bounds["C11"].high == pytest.approx(5.5 / (1 - 0.09), rel=1e-9)
    assert bounds["G_xy"].high == pytest.approx(5.5 / 2.6, rel=1e-9)
    with pytest.raises(TargetError, match=r"E_x = 0\.9 must be at least 1"):
        wanted(Target("E_x", 0.9), properties=part).check_targets()


def test_no_cell_is_stiffer_in_tension_than_its_stiffest_phase():
    part = Stiffness([{"young": 3.5, "poisson": 0.33}, {"young": 71.0, "poisson": 0.22}])
    bounds = limits(part, ((0, 1), (0, 1)), GRID)
    assert bounds["E_x"].high == pytest.approx(71 / (1 - 0.22**2), rel=1e-9)  # Young's modulus in plane strain
    assert bounds["C11"].low == pytest.approx(3.5 * 0.67 / (1.33 * 0.34), rel=1e-9)
    with pytest.raises(TargetError, match=r"E_x = 78 must be at most 74\.6"):
        wanted(Target("E_x", 78.0), properties=part).check_targets()


def test_a_constraint_that_no_cell_meets_is_refused_before_solving():
    with pytest.raises(TargetError, match=r"constraint on k_yy must be at most 10, the Voigt bound .* passes it by 40 \(400\.0%\)"):
        wanted(Maximize("k_xx"), constraints=[Between("k_yy", 50.0, None)]).check_targets()
    with pytest.raises(TargetError, match=r"constraint on k_yy must be at least 1, the Reuss bound"):
        wanted(Maximize("k_xx"), constraints=[Between("k_yy", None, 0.5)]).check_targets()
    wanted(Maximize("k_xx"), constraints=[Between("k_yy", 0.5, 50.0)]).check_targets()


@pytest.mark.parametrize("seed", range(3))
def test_solved_stiffnesses_lie_between_their_limits(seed):
    ms = random_field(GRID, volume_fraction=0.3 + 0.2 * seed, key=jax.random.key(seed))
    part = Stiffness([{"young": 1.0, "poisson": 0.1}, {"young": 30.0, "poisson": 0.4}])
    shares = [(float(f), float(f)) for f in ms.volume_fractions]
    found = part(ms.fractions, GRID)
    bounds = limits(part, shares, GRID)
    assert {"C11", "E_x", "G_xy", "bulk", "shear"} <= bounds.keys()
    for name, limit in bounds.items():
        assert limit.low <= float(found[name]) <= limit.high


def test_the_largest_mean_fills_up_the_largest_first():
    assert largest_mean(np.array([1.0, 5.0, 3.0]), [(0, 1), (0.1, 0.3), (0.2, 0.4)]) == pytest.approx(0.3 + 1.5 + 1.2)


def test_goals_for_fractions_that_cannot_hold_together():
    parts = [VolumeFraction(0, name="first"), VolumeFraction(1, name="second"), Conductivity([1.0, 10.0])]
    problem = Problem(Density(GRID), parts, Maximize("k_xx"), [Between("first", 0.7, 1.0), Between("second", 0.5, 1.0)])
    with pytest.raises(TargetError, match="must leave fractions that sum to 1"):
        problem.check_targets()


def test_wrong_names_get_a_hint():
    with pytest.raises(ValueError, match=r"it names 'volumefraction'. Did you mean 'volume_fraction'\?"):
        wanted(Target("volumefraction", 0.3))
    with pytest.raises(ValueError, match="must name each property once"):
        wanted(Target("k_xx", 3.0), Maximize("k_xx"))
    with pytest.raises(ValueError, match=r"must have different names, but \['k_mean', 'k_xx', 'k_xy', 'k_yy'\] occur twice"):
        wanted(Target("k_xx", 3.0), properties=[Conductivity([1.0, 10.0])] * 2)


def test_bad_goals_are_refused(as_user):
    with pytest.raises(ValueError, match="`tolerance` of the target 'k_xx' must lie in"):
        Target("k_xx", 3.0, tolerance=0.0)
    with pytest.raises(ValueError, match="must be finite, but it is nan"):
        Target("k_xx", float("nan"))
    with pytest.raises(ValueError, match="must have low ≤ high, but they are 2 and 1"):
        Between("k_xx", 2.0, 1.0)
    with pytest.raises(TypeError, match="`objectives` must hold Target, Minimize, Maximize, but one is a Between"):
        Problem(Density(GRID), Conductivity([1.0, 10.0]), [Between("k_xx", 1.0, 2.0)])
