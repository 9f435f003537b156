"""Targets: Levenberg–Marquardt steps judged on the discrete cell.

After each solve the values v and their derivatives of a discrete cell are known. For other cells the values are predicted
(flips.py), which costs no solve, so a whole search for the next cell runs on predictions: a few rounds of

    z ← z + s Jᵀ (J Jᵀ + λ)⁻¹ (target − predicted),     J = (derivative of the prediction) · (derivative of the decoder),

straight through the threshold, each round trying many step lengths s and dampings λ and judging them on the thresholded cell,
never more voxels changed than a trust region allows. The best prediction is solved next. Where the best cell stays the best,
the next search starts from it plus some noise, and after a while from a new one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import Progress, split_named
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.flips import Factors, decode_one, gains, latent_rows, predict, pull
from jaxmicro.design.goals import Between, Target
from jaxmicro.design.problem import Problem
from jaxmicro.design.space import drawn, hard, spread_of, unit
from jaxmicro.design.trace import Trace

ROUNDS = 4
STRENGTHS = tuple(2.0 ** np.arange(-8, 1, 1.5))  # of a step, in standard deviations of the latent
DAMPINGS = (1e-4, 1e-2, 1.0)  # relative to the mean diagonal of J Jᵀ
LARGEST_CHANGE = 0.15  # share of the voxels that one step may change
KICKS = (0.0, 0.1, 0.1, 0.2, 0.2, 0.3)  # noise after 0, 1, … solves without a better cell, in standard deviations; then a new start
REMEMBERED = 64  # cells that are not proposed again
TABOO, TOO_FAR = 1e6, 1e3


class Goals(NamedTuple):
    """Intervals of all values that have a goal: a target is an interval of one value.

    Attributes:
        columns: places among the values, `(g,)`.
        low, high: ends, `(g,)`.
        scale: what an error is relative to; an error of 1 is the tolerance, `(g,)`.
    """

    columns: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scale: np.ndarray


def goals_of(problem: Problem) -> Goals:
    """Targets and constraints of a problem as intervals; a constraint's error is relative to 1 % of its ends."""
    largest = max([abs(t.value) for t in problem.targets], default=0.0) or 1.0
    rows = []
    for goal in (*problem.targets, *problem.constraints):
        column = problem.column(goal.name)
        if isinstance(goal, Target):
            rows.append((column, goal.value, goal.value, goal.tolerance * (abs(goal.value) or largest)))
        else:
            rows.append((column, *interval(goal), constraint_scale(goal)))
    columns, low, high, scale = zip(*rows, strict=True)
    return Goals(np.asarray(columns), *(np.asarray(part, float) for part in (low, high, scale)))


def interval(goal: Between) -> tuple[float, float]:
    """Ends of a constraint, infinite where open."""
    return (-np.inf if goal.low is None else goal.low, np.inf if goal.high is None else goal.high)


def constraint_scale(goal: Between) -> float:
    """What counts as much as missing a target by its tolerance: 1 % of the larger end."""
    return 0.01 * (max(abs(end) for end in (goal.low, goal.high) if end is not None) or 1.0)


def misses(goals: Goals, values: np.ndarray, slack: float = 0.0) -> Float[np.ndarray, "n g"]:
    """Distances of values `(n, k)` from their intervals in units of the scales; NaN counts as infinite."""
    chosen = np.asarray(values)[..., goals.columns]
    distance = np.maximum(np.maximum(goals.low - chosen, chosen - goals.high) - slack, 0) / goals.scale
    return np.where(np.isfinite(chosen), distance, np.inf)


class _State(NamedTuple):
    """A solved cell from which a search starts."""

    error: float
    latent: Array
    cell: Array
    value: np.ndarray
    gain: Array


def search_targets(problem: Problem, evaluator: Evaluator, budget: int, key: Array, progress: Progress) -> Trace:
    """Solve cells until all goals are met or the budget is spent."""
    goals, space = goals_of(problem), problem.space
    trace, factors = Trace(problem), Factors(len(goals.columns))
    scales = jnp.asarray(problem.stiffness_scales()[goals.columns])
    latent, best, guess, stall, starts = drawn(space, 1, split_named(key, "start 0")["start 0"])[0], None, None, 0, 0
    seen = np.full((REMEMBERED, space.grid.size), -1, np.int8)
    while evaluator.left(budget) > 0:
        cell = discrete(space, latent[None])[0]
        values, jacobians = evaluator.values_and_jacobians(cell[None])
        seen[trace.count % REMEMBERED] = np.argmax(np.asarray(cell), axis=0).ravel()
        error = float(misses(goals, values)[0].max())
        trace.add(evaluator.evaluations, np.asarray(latent[None]), values, np.asarray([error]), guess)
        progress(evaluator.evaluations, budget, {"error": trace.best_error, "best": trace.best_error})
        if error <= 1:
            break
        chosen = values[0][goals.columns]
        if guess is not None and np.isfinite(chosen).all():
            factors.observe(np.asarray(guess.parts) / goals.scale[:, None], (chosen - guess.base) / goals.scale)
        if np.isfinite(error) and (best is None or error < best.error):
            best, stall = _State(error, latent, cell, chosen, gains(cell, jacobians[0][goals.columns], scales.astype(cell.dtype))), 0
        else:
            stall += 1
        if best is None or stall >= len(KICKS):
            starts += 1
            latent, best, guess, stall = drawn(space, 1, split_named(key, f"start {starts}")[f"start {starts}"])[0], None, None, 0
            continue
        noise = split_named(key, f"kick {trace.count}")[f"kick {trace.count}"]
        latent, guess = _next(space, best, goals, factors, KICKS[stall], seen, noise)
    return trace


class Guess(NamedTuple):
    """What was predicted for the next cell.

    Attributes:
        value: predicted values of the goals, `(g,)`.
        parts: predicted gains and losses, `(g, 2)`.
        base: values at the cell that the prediction starts from, `(g,)`.
    """

    value: np.ndarray
    parts: np.ndarray
    base: np.ndarray


def _next(space: Any, best: _State, goals: Goals, factors: Factors, kick: float, seen: np.ndarray, key: Array) -> tuple[Array, Guess]:
    pair = drawn(space, 2, key)
    noise = spread_of(best.latent) * unit(pair[0] - pair[1])
    dtype = best.cell.dtype
    bounds = tuple(jnp.asarray(part, dtype) for part in (goals.low, goals.high, goals.scale))
    value = jnp.asarray(best.value, dtype)
    latent, predicted, parts = _propose(
        space, best.latent, best.latent + kick * noise, best.cell, value, best.gain, jnp.asarray(factors.values, dtype), bounds, jnp.asarray(seen)
    )  # fmt: skip
    return latent, Guess(np.asarray(predicted), np.asarray(parts), best.value)


@jax.jit
def _propose(
    space: Any, base: Array, start: Array, cell: Array, value: Array, gain: Array, factors: Array, bounds: tuple[Array, Array, Array], seen: Array
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The latent whose thresholded cell is predicted to come closest to the goals."""
    low, high, scale = bounds
    ndim = cell.ndim - 1
    rows = pull(gain, factors) / scale.reshape(-1, *(1,) * cell.ndim)
    spread = spread_of(base)
    tries = jnp.asarray([(s, d) for s in STRENGTHS for d in DAMPINGS], base.dtype)

    def residual(v: Array) -> Array:
        return (jnp.clip(v, low, high) - v) / scale

    def judge(latent: Array) -> tuple[Array, Array, Array]:
        new = hard(decode_one(space, latent), ndim)
        predicted, _ = predict(value, gain, factors, new)
        changed = 1 - jnp.mean(jnp.sum(new * cell, axis=0))
        error = jnp.max(jnp.abs(residual(predicted)))
        error = jnp.where(changed > LARGEST_CHANGE, TOO_FAR * (1 + changed), error)
        known = jnp.any(jnp.all(seen == jnp.argmax(new, axis=0).ravel().astype(seen.dtype)[None], axis=1))
        return predicted, error, jnp.where(known, TABOO, error)

    def one_round(_: Any, carry: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        latent, predicted, error, best, best_error = carry
        r = residual(predicted)
        J = jnp.where((r != 0).reshape(-1, *(1,) * latent.ndim), latent_rows(space, latent, rows), 0)
        flat = J.reshape(J.shape[0], -1)
        normal = flat @ flat.T
        size = jnp.maximum(jnp.trace(normal) / J.shape[0], jnp.finfo(r.dtype).tiny)

        def step(trial: Array) -> Array:
            coefficients = jnp.linalg.solve(normal + trial[1] * size * jnp.eye(J.shape[0], dtype=r.dtype), r)
            direction = jnp.tensordot(coefficients, J, axes=1)
            return latent + trial[0] * spread * unit(direction)

        latents = jax.vmap(step)(tries)
        guesses, errors, fresh = jax.vmap(judge)(latents)
        i, j = jnp.argmin(errors), jnp.argmin(fresh)
        better, record = errors[i] < error, fresh[j] < best_error
        return (
            jnp.where(better, latents[i], latent),
            jnp.where(better, guesses[i], predicted),
            jnp.where(better, errors[i], error),
            jnp.where(record, latents[j], best),
            jnp.where(record, fresh[j], best_error),
        )

    predicted, error, fresh = judge(start)
    *_, best, _ = jax.lax.fori_loop(0, ROUNDS, one_round, (start, predicted, error, start, fresh))
    return best, *predict(value, gain, factors, hard(decode_one(space, best), ndim))
