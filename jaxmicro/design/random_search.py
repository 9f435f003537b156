"""The plainest search: draw, solve, keep the best. What every other method must beat."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import Progress, split_named
from jaxmicro.design.costs import costs_of
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.problem import Problem
from jaxmicro.design.space import drawn
from jaxmicro.design.trace import Trace

BATCH = 16


def search_random(problem: Problem, evaluator: Evaluator, budget: int, key: Array, progress: Progress) -> Trace:
    """Solve draws from the space until all targets are met or the budget is spent."""
    costs, trace = costs_of(problem), Trace(problem)
    while evaluator.left(budget) > 0:
        n = min(BATCH, evaluator.left(budget))
        name = f"draw {trace.count}"
        latents = drawn(problem.space, BATCH, split_named(key, name)[name])[:n]
        single = bool(problem.targets) and not problem.extremes
        for part in jnp.split(latents, n) if single else [latents]:  # one by one where the first hit ends the search
            values = evaluator.values(discrete(problem.space, part), batch=1 if single else BATCH)
            trace.add(evaluator.evaluations, np.asarray(part), values, costs.errors(values))
            progress(evaluator.evaluations, budget, {"error": trace.best_error})
            if single and trace.best_error <= 1:
                return trace
    return trace
