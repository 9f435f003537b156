"""NSGA-II on latents: each generation is one batched solver call.

References: Deb et al. (2002), doi:10.1109/4235.996017; Blank & Deb, pymoo (2020), doi:10.1109/ACCESS.2020.2990567.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem as Variables

from jaxmicro._core import Progress, check, numpy_generator, split_named
from jaxmicro.design.costs import Costs, costs_of
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.problem import Problem
from jaxmicro.design.space import drawn
from jaxmicro.design.trace import Trace

POPULATION = 20
FAILED = 1e6  # cost and violation of a design whose solve failed: pymoo lets NaN into fronts and cannot compare it
MARGIN = 0.5  # how far latents may leave the range of the initial ones, relative to it


def search_nsga2(
    problem: Problem,
    evaluator: Evaluator,
    budget: int,
    key: Array,
    progress: Progress,
    *,
    population: int | None = None,
    sampling: Float[ArrayLike, "n *latent"] | None = None,
) -> Trace:
    """Generations until all targets are met or the budget is spent.

    `sampling` holds latents of the first generation, such as those of a gradient front; it is filled up or cut to the
    population.
    """
    size = POPULATION if population is None else population
    check(size >= 4, f"`population` must be at least 4, but it is {size}.")
    costs, trace = costs_of(problem), Trace(problem)
    algorithm, shape = _start(problem, costs, size, sampling, key), problem.space.latent_shape
    while evaluator.left(budget) > 0 and algorithm.has_next():
        offspring = algorithm.ask()
        if offspring is None or len(offspring) == 0:
            break
        n = min(len(offspring), evaluator.left(budget))
        latents = jnp.asarray(offspring.get("X").reshape(-1, *shape))
        values = evaluator.values(discrete(problem.space, _fill(latents, size))[:n], batch=size)
        trace.add(evaluator.evaluations, np.asarray(latents[:n]), values, costs.errors(values))
        progress(evaluator.evaluations, budget, {"error": trace.best_error, "generation": float(algorithm.n_gen or 0)})
        if (problem.targets and not problem.extremes and trace.best_error <= 1) or n < len(offspring):
            break
        _score(offspring, costs, values)
        algorithm.tell(infills=offspring)
    return trace


def _fill(latents: Array, size: int) -> Array:
    """Repeat the last latent up to a fixed number, so that odd generations compile nothing new."""
    return latents if len(latents) >= size else jnp.concatenate([latents, jnp.repeat(latents[-1:], size - len(latents), axis=0)])


def _score(offspring: Any, costs: Costs, values: np.ndarray) -> None:
    """Hand costs and violations to pymoo; a failed solve is bad in all of them."""
    failed = ~np.asarray(np.isfinite(values).all(axis=1))
    safe = np.where(failed[:, None], 0.0, values)
    offspring.set("F", np.where(failed[:, None], FAILED, costs.of(safe)))
    if len(costs.bounds):
        offspring.set("G", np.where(failed[:, None], FAILED, costs.violations(safe)))
    for each in offspring:
        each.evaluated.update({"F", "G", "H"})


def _start(problem: Problem, costs: Costs, size: int, sampling: ArrayLike | None, key: Array) -> Any:
    keys = split_named(key, "population", "range", "operators")
    space = problem.space
    first = np.asarray(drawn(space, size, keys["population"])).reshape(size, -1)
    if sampling is not None:
        given = np.asarray(sampling, float)
        check(
            given.shape[1:] == space.latent_shape,
            f"`sampling` must hold latents of shape {space.latent_shape}, but its shape is {np.shape(sampling)}.",
        )
        first = np.concatenate([given.reshape(len(given), -1), first])[:size]
    pool = np.asarray(drawn(space, 64, keys["range"])).reshape(64, -1)
    cloud = np.concatenate([first, pool])
    low, high = cloud.min(), cloud.max()
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    variables = Variables(
        n_var=first.shape[1], n_obj=len(costs.names), n_ieq_constr=len(costs.bounds), xl=low, xu=high
    )  # equal bounds for all: a latent has no preferred place
    algorithm = NSGA2(pop_size=size, sampling=first)  # pyright: ignore[reportArgumentType]
    seed = int(numpy_generator(keys["operators"]).integers(2**31 - 1))
    algorithm.setup(variables, termination=("n_gen", 10**9), seed=seed, verbose=False, save_history=False)
    return algorithm
