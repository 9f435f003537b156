import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.design import Between, Conductivity, Density, LatentSpace, Measure, Problem, Target, VolumeFraction, minimize
from jaxmicro.design.target_search import goals_of, misses
from jaxmicro.fields import Grid
from jaxmicro.homogenization import effective_conductivity
from tests.design.test_space import Upsampling

GRID = Grid((16, 16))
PAIR = [Target("k_xx", 3.0), Target("k_yy", 2.5)]


def solved_again(ms):
    """The conductivity of a cell by another route than the search's."""
    return np.asarray(effective_conductivity(jnp.where(ms.labels == 1, 10.0, 1.0), ms.grid, rtol=1e-8).tensor)


@pytest.fixture(scope="module")
def found():
    return minimize(Problem(Density(GRID), [Conductivity([1.0, 10.0])], PAIR), key=jax.random.key(0))


def test_a_pair_of_targets_is_met_on_the_discrete_cell(found):
    (cell,) = found.microstructures
    again = solved_again(cell)
    assert found.status == "met"
    assert found.met.all()
    assert again[0, 0] == pytest.approx(3.0, rel=0.01)
    assert again[1, 1] == pytest.approx(2.5, rel=0.01)
    assert found.values["k_xx"][0] == pytest.approx(again[0, 0], rel=1e-6)
    assert found.evaluations <= 30
    assert len(found.history["evaluations"]) == found.evaluations


def test_the_same_key_gives_the_same_design(found):
    twin = minimize(Problem(Density(GRID), [Conductivity([1.0, 10.0])], PAIR), key=jax.random.key(0), verify=False)
    other = minimize(Problem(Density(GRID), [Conductivity([1.0, 10.0])], PAIR), key=jax.random.key(1), verify=False)
    assert np.array_equal(twin.latents, found.latents)
    assert np.array_equal(twin.history["values"], found.history["values"])
    assert not np.array_equal(other.labels, found.labels)


@pytest.mark.parametrize("method", ["gradient", *(pytest.param(each, marks=pytest.mark.slow) for each in ("random", "nsga2"))])
def test_evaluations_are_the_solves_that_ran(method):
    calls = []
    solver = Conductivity([1.0, 10.0])

    def watched(fractions, grid):
        jax.debug.callback(lambda _: calls.append(1), fractions[0, 0, 0])  # of the cell, so that a batch calls once a cell
        return {"k": solver(fractions, grid)["k_xx"]}

    problem = Problem(Density(Grid((8, 8))), Measure(watched, solves=1), Target("k", 3.0, tolerance=1e-6))
    result = minimize(problem, method, budget=8, population=4, key=jax.random.key(0), verify=False)
    jax.effects_barrier()
    assert len(calls) == result.evaluations == 8
    assert result.status == "budget"


def test_a_budget_counts_solves_not_cells():
    problem = Problem(Density(GRID), [Conductivity([1.0, 10.0]), Measure(_twin, solves=1)], [Target("twin", 3.0, tolerance=1e-6)])
    result = minimize(problem, "random", budget=7, key=jax.random.key(0), verify=False)
    assert (result.evaluations, len(result.history["evaluations"])) == (6, 3)
    assert result.history["evaluations"].tolist() == [2, 4, 6]


def _twin(fractions, grid):
    return {"twin": Conductivity([1.0, 10.0])(fractions, grid)["k_xx"]}


def test_constraints_hold_beside_targets():
    problem = Problem(
        Density(GRID), [Conductivity([1.0, 10.0]), VolumeFraction()], [Target("k_xx", 3.0)], [Between("volume_fraction", 0.38, 0.42)]
    )
    result = minimize(problem, key=jax.random.key(2), verify=False)
    assert result.status == "met"
    assert 0.376 <= result.values["volume_fraction"][0] <= 0.424


def test_targets_are_met_through_a_latent_space():
    space = LatentSpace(Upsampling(), Grid((16, 16)))
    problem = Problem(space, [Conductivity([1.0, 10.0])], [Target("k_xx", 3.0, tolerance=0.03), Target("k_yy", 2.5, tolerance=0.03)])
    result = minimize(problem, key=jax.random.key(0))
    assert result.status == "met"
    assert result.latents.shape == (1, 8, 8)
    assert result.phase_names == ("matrix", "fibre")
    (cell,) = result.microstructures
    blocks = np.asarray(cell.labels).reshape(8, 2, 8, 2)
    assert (blocks == blocks[:, :1, :, :1]).all()  # decoded from the latent, not from voxels
    assert result.verification.prior_distance[0] == pytest.approx(np.sqrt(np.mean(result.latents**2)))


@pytest.mark.slow
def test_three_phases():
    problem = Problem(Density(Grid((12, 12)), phases=3), [Conductivity([1.0, 3.0, 10.0])], [Target("k_xx", 3.2), Target("k_yy", 2.9)])
    result = minimize(problem, key=jax.random.key(0), verify=False)
    assert result.status == "met"
    assert set(np.unique(result.labels)) <= {0, 1, 2}


@pytest.mark.slow
def test_failed_cells_are_counted_and_left_behind():
    def fragile(fractions, grid):
        k = Conductivity([1.0, 10.0])(fractions, grid)["k_xx"]
        return {"k": jnp.where(fractions[1].mean() > 0.45, jnp.nan, k)}  # the first cell has half of each phase

    problem = Problem(Density(GRID, fractions=(0.3, 0.6)), Measure(fragile, solves=1), Target("k", 1.9))
    result = minimize(problem, "random", budget=60, key=jax.random.key(1), verify=False)
    assert result.failed > 0
    assert np.isinf(result.history["error"]).sum() == result.failed
    assert np.isfinite(result.values["k"]).all()
    descent = minimize(problem, "gradient", budget=30, key=jax.random.key(1), verify=False)
    assert descent.failed >= 0
    assert np.isfinite(descent.values["k"]).all() or descent.failed == 30


def test_errors_are_in_tolerances():
    problem = Problem(
        Density(GRID), [Conductivity([1.0, 10.0])], [Target("k_xx", 4.0, tolerance=0.05), Target("k_xy", 0.0)], [Between("k_yy", None, 3.0)]
    )
    goals = goals_of(problem)
    values = np.full((1, 4), np.nan)
    values[0, [problem.column(n) for n in ("k_xx", "k_xy", "k_yy")]] = 4.1, 0.02, 3.3
    assert np.allclose(misses(goals, values)[0], [0.5, 0.5, 10.0])  # 0.1/(0.05·4), 0.02/(0.01·4), 0.3/(0.01·3)


def test_wrong_calls_say_what_to_do(as_user):
    problem = Problem(Density(GRID), [Conductivity([1.0, 10.0])], PAIR)
    with pytest.raises(ValueError, match=r"`method` must be one of 'gradient', .* but it is 'gradeint'. Did you mean 'gradient'\?"):
        minimize(problem, "gradeint", key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"'hybrid', which is for fronts\. Use method='gradient'"):
        minimize(problem, "hybrid", key=jax.random.key(0))
    with pytest.raises(ValueError, match="`budget` must pay at least one cell"):
        minimize(problem, budget=0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="k_xx = 12 must be at most 10"):
        minimize(Problem(Density(GRID), [Conductivity([1.0, 10.0])], [Target("k_xx", 12.0)]), key=jax.random.key(0))
