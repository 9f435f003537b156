"""The front door of design: search, choose, verify."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import Progress, check, check_choice, silent, split_named
from jaxmicro.design.costs import Costs, costs_of
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.front_search import search_front
from jaxmicro.design.pareto import hypervolume_history, nondominated
from jaxmicro.design.problem import Problem
from jaxmicro.design.random_search import search_random
from jaxmicro.design.result import DesignResult
from jaxmicro.design.target_search import search_targets
from jaxmicro.design.trace import Trace
from jaxmicro.design.verification import verify as verify_designs

METHODS = ("gradient", "nsga2", "hybrid", "random")
BUDGET = {"targets": 60, "front": 480}
GRADIENT_SHARE = 0.5  # of a hybrid's budget


def minimize(
    problem: Problem,
    method: str = "gradient",
    *,
    budget: int | None = None,
    key: Array,
    progress: Progress = silent,
    population: int | None = None,
    sampling: Float[ArrayLike, "n *latent"] | None = None,
    reference: Sequence[float] | Float[np.ndarray, " m"] | None = None,
    verify: bool = True,
    data: Float[Array, "t *latent"] | None = None,
) -> DesignResult:
    """Search for cells with the wanted properties, judged on discrete cells, and verify what is found.

    Args:
        problem: what varies, is computed and is wanted. Its targets are checked against rigorous bounds first.
        method: `"gradient"` (targets: Levenberg–Marquardt; fronts: many weights at once; both straight through the
            threshold), `"nsga2"`, `"hybrid"` (fronts: half the budget gradients, whose designs NSGA-II starts from), or
            `"random"`.
        budget: largest number of solves (cells times cell problems); by default 60 for targets and 480 for fronts.
        key: typed random key; the same key gives the same result.
        progress: called with the solves so far, the budget, and the error.
        population: lanes of a gradient front (default 16), or designs of a generation (default 20).
        sampling: `"nsga2"`: latents of the first generation.
        reference: reference point of the hypervolume in the user's sense, `(m,)`; by default the worst of what this search
            solved. Histories of several searches compare only with one reference.
        verify: solve the designs again (see `Verification`); costs three solves a design that are not counted.
        data: latents of training cells, for their distance to the designs.

    Returns:
        `DesignResult`.

    Raises:
        TargetError: for a target that no cell can reach.
        ValueError: for an unknown method, or a budget below one cell.

    References: Levenberg (1944), doi:10.1090/qam/10666; Bengio, Léonard & Courville (2013), arXiv:1308.3432 (straight-through
    estimator); Deb et al. (2002), doi:10.1109/4235.996017.

    Example:
        >>> goals = [Target("k_xx", 3.0), Target("k_yy", 2.5)]
        >>> problem = Problem(Density(jm.Grid((16, 16))), [Conductivity([1.0, 10.0])], goals)
        >>> result = minimize(problem, key=jax.random.key(0), verify=False)
        >>> result.status, bool(abs(result.values["k_xx"][0] / 3.0 - 1) < 0.01)
        ('met', True)

    Not differentiable: a search.
    """
    budget = _check(problem, method, budget, sampling)
    problem.check_targets()
    evaluator = Evaluator(problem)
    trace = _search(problem, evaluator, method, budget, key, progress, population, sampling)
    costs = costs_of(problem)
    chosen, status = _choose(problem, costs, trace)
    latents = trace.latents[chosen]
    volume, corner = (None, None) if not problem.extremes else _hypervolume(costs, trace, reference)
    values = trace.values
    return DesignResult(
        grid=problem.space.grid,
        latents=latents,
        labels=np.argmax(np.asarray(discrete(problem.space, jnp.asarray(latents))), axis=1),
        values={name: values[chosen, i] for i, name in enumerate(problem.names)},
        errors=trace.errors[chosen],
        front=costs.shown(values[chosen]),
        hypervolume_history=volume,
        reference=corner,
        history={
            "evaluations": trace.evaluations,
            "error": trace.errors,
            "objectives": costs.shown(values),
            "values": values,
            "feasible": costs.feasible(values),
        },
        verification=verify_designs(problem, jnp.asarray(latents), data) if verify else None,
        status=status,
        method=method,
        evaluations=evaluator.evaluations,
        failed=evaluator.failed,
        names=problem.names,
        objective_names=costs.names,
        senses=costs.senses,
        phase_names=_phase_names(problem),
    )


def _check(problem: Problem, method: str, budget: int | None, sampling: Any) -> int:
    check(isinstance(problem, Problem), f"`problem` must be a Problem, but it is {type(problem).__name__}.", TypeError)
    check_choice("method", method, METHODS)
    check(
        method != "hybrid" or bool(problem.extremes),
        "`method` must be 'gradient', 'nsga2' or 'random' for targets alone, but it is 'hybrid', which is for fronts. Use method='gradient'.",
    )
    check(sampling is None or method == "nsga2", f"`sampling` must be left out for method={method!r}. It is for 'nsga2'.")
    if budget is None:
        return BUDGET["front" if problem.extremes else "targets"] * max(problem.solves, 1)
    check(
        int(budget) >= max(problem.solves, 1), f"`budget` must pay at least one cell ({max(problem.solves, 1)} solves), but it is {budget}."
    )
    return int(budget)


def _search(
    problem: Problem, evaluator: Evaluator, method: str, budget: int, key: Array, progress: Progress, population: int | None, sampling: Any
) -> Trace:
    keys = split_named(key, "gradient", "nsga2", "random")
    if method == "random":
        return search_random(problem, evaluator, budget, keys["random"], progress)
    if method == "gradient":
        if problem.extremes:
            return search_front(problem, evaluator, budget, keys["gradient"], progress, population=population)
        return search_targets(problem, evaluator, budget, keys["gradient"], progress)
    from jaxmicro.design.evolution import search_nsga2  # pymoo loads only where it is used

    if method == "nsga2":
        return search_nsga2(problem, evaluator, budget, keys["nsga2"], progress, population=population, sampling=sampling)
    first = search_front(problem, evaluator, int(GRADIENT_SHARE * budget), keys["gradient"], progress, population=population)
    order = _order(costs_of(problem), first)
    second = search_nsga2(problem, evaluator, budget, keys["nsga2"], progress, population=population, sampling=first.latents[order])
    return first.joined(second)


def _order(costs: Costs, trace: Trace) -> np.ndarray:
    """Designs from best to worst: front after front among the feasible, then by violation."""
    values = trace.values
    objectives, left = costs.of(values), costs.feasible(values)
    order: list[int] = []
    while left.any():
        front = np.flatnonzero(left)[nondominated(objectives[left])]
        order += front.tolist()
        left[front] = False
    rest = np.setdiff1d(np.arange(len(values)), order)
    return np.array(order + rest[np.argsort(trace.errors[rest], kind="stable")].tolist(), int)


def _choose(problem: Problem, costs: Costs, trace: Trace) -> tuple[np.ndarray, str]:
    """Which designs to return, and how the search ended."""
    if not problem.extremes:
        best = np.array([int(np.argmin(trace.errors))])
        return best, "met" if trace.errors[best[0]] <= 1 else "budget"
    feasible = np.flatnonzero(costs.feasible(trace.values))
    if len(feasible) == 0:
        return np.array([int(np.argmin(trace.errors))]), "infeasible"
    front = feasible[nondominated(costs.of(trace.values[feasible]))]
    return front[np.argsort(costs.of(trace.values[front])[:, 0], kind="stable")], "front"


def _hypervolume(costs: Costs, trace: Trace, reference: Any) -> tuple[np.ndarray, np.ndarray]:
    """History of the feasible designs' dominated volume, and the reference point in the user's sense."""
    values, signs = trace.values, costs.signs
    feasible = costs.feasible(values)
    objectives = np.where(feasible[:, None], costs.of(values), np.nan)
    if reference is None:
        known = objectives[feasible] if feasible.any() else np.ones((1, len(signs)))
        corner = known.max(axis=0)
    else:
        corner = np.asarray(reference, float)
        check(corner.shape == signs.shape, f"`reference` must have one entry per objective {costs.names}, but its shape is {corner.shape}.")
        corner = signs * corner
    return hypervolume_history(objectives, trace.evaluations, corner), signs * corner


def _phase_names(problem: Problem) -> tuple[str, ...]:
    codec = getattr(problem.space, "codec", None)
    names = getattr(getattr(codec, "inner", codec), "phases", None)
    count = problem.space.phases
    return tuple(names) if isinstance(names, tuple) and len(names) == count else tuple(f"phase {p}" for p in range(count))
