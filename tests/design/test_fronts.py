import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.design import (
    Between,
    Conductivity,
    Density,
    Maximize,
    Measure,
    Minimize,
    Problem,
    Target,
    VolumeFraction,
    hypervolume,
    minimize,
    nondominated,
)
from jaxmicro.design.costs import costs_of
from jaxmicro.design.evolution import FAILED, _score
from jaxmicro.design.front_search import weights_on_simplex
from jaxmicro.design.pareto import hypervolume_history
from jaxmicro.design.space import unit
from jaxmicro.fields import Grid

GRID = Grid((8, 8))


def trade(constraints=(), properties=None, grid=GRID):
    parts = [Conductivity([1.0, 10.0]), VolumeFraction()] if properties is None else properties
    return Problem(Density(grid), parts, [Maximize("k_xx"), Minimize("volume_fraction")], constraints)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gradient", "nsga2", "hybrid", "random"])
def test_no_solved_design_dominates_the_front(method):
    result = minimize(trade(), method, budget=60, population=6, key=jax.random.key(0), reference=(1.0, 1.0), verify=False)
    assert result.status == "front"
    assert result.senses == ("max", "min")
    assert result.evaluations <= 60
    solved = result.history["objectives"]
    for k, share in result.front:
        better = (solved[:, 0] >= k) & (solved[:, 1] <= share) & ((solved[:, 0] > k) | (solved[:, 1] < share))
        assert not better.any()
    area = result.hypervolume_history
    assert (np.diff(area[:, 1]) >= 0).all()
    assert area[-1, 0] == result.evaluations
    assert area[-1, 1] == pytest.approx(hypervolume(np.array([-1.0, 1.0]) * result.front, np.array([-1.0, 1.0])), rel=1e-12)
    again = [float((cell.labels == 1).mean()) for cell in result.microstructures]
    assert np.allclose(again, result.front[:, 1])


@pytest.mark.slow
def test_gradients_beat_chance_at_equal_cost():
    problem = Problem(
        Density(Grid((16, 16))),
        [Conductivity([1.0, 10.0]), VolumeFraction()],
        [Maximize("k_xx"), Minimize("k_yy")],
        Between("volume_fraction", 0.45, 0.55),
    )
    found = {}
    for method in ("gradient", "random"):
        result = minimize(problem, method, budget=64, population=8, key=jax.random.key(1), reference=(1.0, 10.0), verify=False)
        found[method] = result.hypervolume_history[-1, 1]
    assert found["gradient"] > 1.4 * found["random"]  # measured with 96 solves: 1.7 to 2.0


def test_constraints_hold_on_the_front_and_an_impossible_one_returns_the_least_infeasible():
    held = minimize(trade([Between("k_yy", 3.0, None)]), budget=60, population=6, key=jax.random.key(0), verify=False)
    assert held.status == "front"
    assert (held.values["k_yy"] >= 3.0 - 1e-6).all()
    for method in ("gradient", "nsga2"):
        lost = minimize(trade([Between("k_xy", 4.0, None)]), method, budget=24, population=6, key=jax.random.key(0), verify=False)
        assert lost.status == "infeasible"
        assert len(lost.front) == 1
        assert not lost.history["feasible"].any()
        assert lost.values["k_xy"][0] == lost.history["values"][:, 2].max()


@pytest.mark.slow
def test_targets_beside_extremes_are_constraints():
    problem = Problem(
        Density(GRID), [Conductivity([1.0, 10.0]), VolumeFraction()], [Target("k_xx", 3.0, tolerance=0.05), Minimize("volume_fraction")]
    )
    result = minimize(problem, budget=80, population=8, key=jax.random.key(0), verify=False)
    assert result.status == "front"
    assert result.objective_names == ("volume_fraction",)
    assert (abs(result.values["k_xx"] / 3.0 - 1) <= 0.05 + 1e-9).all()


@pytest.mark.parametrize("method", ["gradient", "nsga2"])
def test_failed_lanes_do_not_reach_the_front(method):
    def fragile(fractions, grid):
        k = Conductivity([1.0, 10.0])(fractions, grid)["k_xx"]
        return {"k_xx": jnp.where(fractions[1].mean() > 0.5, jnp.nan, k)}

    result = minimize(
        trade(properties=[Measure(fragile, solves=1), VolumeFraction()]),
        method,
        budget=36,
        population=6,
        key=jax.random.key(0),
        verify=False,
    )
    assert result.failed > 0
    assert np.isfinite(result.front).all()
    assert (result.front[:, 1] <= 0.5).all()
    assert np.isnan(result.history["values"]).any(axis=1).sum() == result.failed


@pytest.mark.slow
def test_nsga2_starts_from_given_latents_and_repeats_itself():
    latents = Density(GRID).initial(6, jax.random.key(5))
    runs = [minimize(trade(), "nsga2", budget=18, population=6, sampling=latents, key=jax.random.key(0), verify=False) for _ in range(2)]
    assert np.array_equal(runs[0].history["values"], runs[1].history["values"])
    direct = [
        float(Conductivity([1.0, 10.0])(cell, GRID)["k_xx"])
        for cell in jax.nn.one_hot(jnp.argmax(Density(GRID).decode(latents), 1), 2, axis=1, dtype=float)
    ]
    assert np.allclose(runs[0].history["values"][:6, 1], direct, rtol=1e-9)
    with pytest.raises(ValueError, match=r"`sampling` must hold latents of shape \(8, 8\), but its shape is \(3, 7\)"):
        minimize(trade(), "nsga2", sampling=jnp.zeros((3, 7)), budget=18, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`sampling` must be left out for method='gradient'"):
        minimize(trade(), sampling=latents, key=jax.random.key(0))


def test_hypervolumes_by_hand():
    reference = np.array([4.0, 4.0])
    assert hypervolume(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.5]]), reference) == pytest.approx(3 + 2)
    assert hypervolume(np.array([[5.0, 1.0]]), reference) == 0
    assert hypervolume(np.array([[1.0], [2.5]]), np.array([4.0])) == 3.0
    boxes = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])  # 2·2·1 + 1·1·2 − 1·1·1
    assert hypervolume(boxes, np.array([2.0, 2.0, 2.0])) == pytest.approx(5.0)


def test_hypervolume_agrees_with_counting_points():
    draws = np.random.default_rng(0)
    points, probes = draws.random((12, 3)), draws.random((200_000, 3))
    covered = (points[None, :, :] <= probes[:, None, :]).all(axis=2).any(axis=1).mean()
    assert hypervolume(points, np.ones(3)) == pytest.approx(covered, abs=0.004)  # four standard errors of the count


def test_the_history_of_a_hypervolume_skips_failures():
    costs = np.array([[2.0, 2.0], [np.nan, 0.0], [1.0, 3.0]])
    assert hypervolume_history(costs, np.array([2, 4, 6]), np.array([4.0, 4.0])).tolist() == [[2, 4], [4, 4], [6, 5]]


def test_fronts_keep_one_of_equal_points_and_no_nan():
    costs = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 2.0], [np.nan, -1.0], [2.0, 1.0]])
    assert nondominated(costs).tolist() == [True, False, True, False, False]


def test_weights_reach_all_corners():
    assert np.allclose(weights_on_simplex(5, 2, jax.random.key(0))[:, 0], np.linspace(0, 1, 5))
    drawn = weights_on_simplex(10, 3, jax.random.key(0))
    assert np.allclose(drawn.sum(axis=1), 1)
    assert np.allclose(drawn[:3], np.eye(3))


@pytest.mark.slow
def test_steps_keep_their_length_where_a_direction_is_uniform():
    assert float(jnp.abs(unit(jnp.full((4, 4), -3.0))).max()) == pytest.approx(1.0)  # such is the slope of a volume fraction
    result = minimize(trade([Between("volume_fraction", 0.3, 0.5)]), budget=40, population=4, key=jax.random.key(0), verify=False)
    assert np.abs(result.latents).max() < 10


def test_failed_designs_are_bad_in_every_cost_that_nsga2_sees():
    from pymoo.core.population import Population

    problem = trade([Between("k_yy", 3.0, None)])
    values = np.array([[2.0, 2.5, 0.0, 2.0, 0.4], [np.nan, np.nan, np.nan, np.nan, 0.1]])  # k_mean, k_xx, k_xy, k_yy, volume fraction
    offspring = Population.new("X", np.zeros((2, 3)))
    _score(offspring, costs_of(problem), values)
    assert np.allclose(offspring.get("F"), [[-2.5, 0.4], [FAILED, FAILED]])
    assert np.allclose(offspring.get("G")[:, 0], [1.0 / 0.03, FAILED])
