"""Fronts by gradients: many weights at once, steps judged on discrete cells.

Every lane has weights w of the objectives and minimises the augmented Chebyshev scalarisation with an exact penalty,

    s(v) = max_i w_i f̂_i + 0.05 Σ_i w_i f̂_i + ½ Σ_c violation_c,      f̂ = (f − ideal)/(nadir − ideal),

over discrete cells: predicted values of finite changes (flips.py) stand in for solves within a trust region of changed
voxels, which grows where the solve confirms the step and shrinks where it does not. All lanes of an iteration are one batched
solve, and each lane goes on from whichever solved cell of all lanes suits its weights best.

Reference: Miettinen, Nonlinear Multiobjective Optimization (1998), doi:10.1007/978-1-4615-5563-7.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import linear_sum_assignment

from jaxmicro._core import Progress, check, numpy_generator, split_named
from jaxmicro.design.costs import Costs, costs_of
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.flips import Factors, decode_one, gains, latent_rows, predict, pull
from jaxmicro.design.problem import Problem
from jaxmicro.design.space import drawn, hard, spread_of, unit
from jaxmicro.design.trace import Trace

LANES = 16
NEIGHBOURS = 4  # lanes whose cells a lane may take over
ROUNDS = 3
STRENGTHS = tuple(2.0 ** np.arange(-8, 1, 1.5))
AUGMENTATION, PENALTY = 0.05, 0.5
RETURNS = (0.0, 0.1, 0.3, 1.0)  # lengths of steps back to the constraints, relative to the step along them
FIRST_CHANGE, LARGEST_CHANGE = 0.1, 0.3  # share of voxels that a step may change
GROW, SHRINK = 1.4, 0.5
KICK = 0.1  # noise after a failed step, in standard deviations of the latent, times the number of failures


class _Scalarisation(NamedTuple):
    """Arrays of s(v) for one lane."""

    weights: Array
    ideal: Array
    width: Array
    signs: Array
    columns: Array
    bounds: Array


class _Base(NamedTuple):
    """A solved cell with what a step from it needs."""

    score: float
    latent: Array
    cell: Array
    value: np.ndarray
    gain: Array


class _Lane:
    """One weight's search: its base, its trust region, its learned factors."""

    def __init__(self, weights: np.ndarray, count: int):
        self.weights, self.factors = weights, Factors(count)
        self.base: _Base | None = None
        self.reach, self.failures = FIRST_CHANGE, 0
        self.guess: tuple[np.ndarray, np.ndarray] | None = None


def search_front(
    problem: Problem, evaluator: Evaluator, budget: int, key: Array, progress: Progress, *, population: int | None = None
) -> Trace:
    """Iterations of all lanes until the budget is spent."""
    costs, trace, space = costs_of(problem), Trace(problem), problem.space
    count = LANES if population is None else population
    check(count >= 1, f"`population` must be at least 1, but it is {count}.")
    count = max(min(count, evaluator.left(budget)), 1)
    keys = split_named(key, "start", "weights")
    lanes = [_Lane(w, len(problem.names)) for w in weights_on_simplex(count, len(costs.names), keys["weights"])]
    latents, scales = drawn(space, count, keys["start"]), jnp.asarray(problem.stiffness_scales())
    while (left := evaluator.left(budget)) > 0:
        latents = latents[: min(count, left)]
        cells = discrete(space, latents)
        values, jacobians = evaluator.values_and_jacobians(cells)
        trace.add(evaluator.evaluations, np.asarray(latents), values, costs.errors(values))
        progress(evaluator.evaluations, budget, {"feasible": float(costs.feasible(trace.values).mean())})
        if len(latents) < count:
            break
        frame = _frame(costs, trace.values)
        _update(lanes, costs, frame, latents, cells, values, _all_gains(cells, jacobians, scales.astype(cells.dtype)))
        name = f"kick {trace.count}"
        latents = _propose(problem, lanes, costs, frame, split_named(key, name)[name])
    return trace


_all_gains = jax.jit(jax.vmap(gains, in_axes=(0, 0, None)))


def weights_on_simplex(count: int, objectives: int, key: Array) -> Float[np.ndarray, "n m"]:
    """Weights that sum to 1: evenly spaced for two objectives, spread at random but with all corners for more.

    Example:
        >>> weights_on_simplex(3, 2, jax.random.key(0)).tolist()
        [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    if objectives == 1:
        return np.ones((count, 1))
    if objectives == 2:
        first = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
        return np.stack([first, 1 - first], axis=1)
    drawn = numpy_generator(key).dirichlet(np.ones(objectives), count)
    drawn[: min(count, objectives)] = np.eye(objectives)[: min(count, objectives)]
    return drawn


def _frame(costs: Costs, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ideal point and width of what has been seen (feasible designs first)."""
    chosen = values[costs.feasible(values)]
    if len(chosen) < 2:
        chosen = values[np.isfinite(values).all(axis=1)]
    if len(chosen) == 0:
        return np.zeros(len(costs.names)), np.ones(len(costs.names))
    found = costs.of(chosen)
    width = found.max(axis=0) - found.min(axis=0)
    return found.min(axis=0), np.where(width > 0, width, np.maximum(np.abs(found).max(axis=0), 1e-12))


def _score(lane: _Lane, costs: Costs, frame: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> Float[np.ndarray, " n"]:
    parts = lane.weights * (costs.of(values) - frame[0]) / frame[1]
    found = parts.max(axis=1) + AUGMENTATION * parts.sum(axis=1) + PENALTY * costs.violations(values).sum(axis=1)
    return np.where(np.isfinite(found), found, np.inf)


def _update(
    lanes: list[_Lane], costs: Costs, frame: tuple[np.ndarray, np.ndarray], latents: Array, cells: Array, values: np.ndarray, all_gains: Array
) -> None:  # fmt: skip
    """Learn from the new cells, and move each lane on."""
    scores = np.stack([_score(lane, costs, frame, values) for lane in lanes])
    if all(lane.base is None for lane in lanes):
        _, chosen = linear_sum_assignment(np.where(np.isfinite(scores), scores, 1e12))
    else:
        chosen = [int(np.argmin(np.where(_neighbours(lanes, i), scores[i], np.inf))) for i in range(len(lanes))]
    for i, (lane, best) in enumerate(zip(lanes, chosen, strict=True)):
        if lane.guess is not None and np.isfinite(values[i]).all():
            size = np.maximum(np.abs(lane.guess[1]), 1e-12)
            lane.factors.observe(lane.guess[0] / size[:, None], (values[i] - lane.guess[1]) / size)
        own = np.inf if lane.base is None else float(_score(lane, costs, frame, lane.base.value[None])[0])
        improved = scores[i, best] < own
        lane.reach = min(lane.reach * GROW, LARGEST_CHANGE) if scores[i, i] < own else max(lane.reach * SHRINK, 2.0 / cells[0, 0].size)
        lane.failures = 0 if improved else lane.failures + 1
        if lane.failures >= 4:  # the region has closed in on a cell that steps do not improve: open it and look around
            lane.reach, lane.failures = FIRST_CHANGE / 2, 1
        if improved:
            lane.base = _Base(float(scores[i, best]), latents[best], cells[best], values[best], all_gains[best])


def _neighbours(lanes: list[_Lane], i: int) -> np.ndarray:
    """The lanes with the weights nearest to those of lane i: cells spread from lane to lane without crowding out others."""
    distance = np.array([np.abs(lane.weights - lanes[i].weights).sum() for lane in lanes])
    return distance <= np.sort(distance)[min(NEIGHBOURS, len(lanes) - 1)]


def _propose(problem: Problem, lanes: list[_Lane], costs: Costs, frame: tuple[np.ndarray, np.ndarray], key: Array) -> Array:
    """Next latents of all lanes; a lane whose solves all failed starts anew."""
    space = problem.space
    fresh = drawn(space, 2 * len(lanes), key)
    usable = [lane for lane in lanes if lane.base is not None]
    if len(usable) < len(lanes):
        return fresh[: len(lanes)]
    bases = [lane.base for lane in lanes if lane.base is not None]
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *[(b.latent, b.cell, b.gain) for b in bases])
    latents, cells, all_gains = stacked
    dtype = cells.dtype
    spread = jax.vmap(spread_of)(latents)
    noise = (fresh[::2] - fresh[1::2]) / jnp.sqrt(2.0)
    noise = jax.vmap(unit)(noise)
    kick = jnp.asarray([KICK * max(lane.failures - 1, 0) for lane in lanes], dtype) * spread
    starts = latents + kick.reshape(-1, *(1,) * (latents.ndim - 1)) * noise
    values = jnp.asarray(np.stack([b.value for b in bases]), dtype)
    factors = jnp.asarray(np.stack([lane.factors.values for lane in lanes]), dtype)
    ruler = _Scalarisation(
        weights=jnp.asarray(np.stack([lane.weights for lane in lanes]), dtype),
        ideal=jnp.asarray(frame[0], dtype),
        width=jnp.asarray(frame[1], dtype),
        signs=jnp.asarray(costs.signs, dtype),
        columns=jnp.asarray(costs.columns),
        bounds=jnp.asarray(costs.bounds, dtype),
    )
    reach = jnp.asarray([lane.reach for lane in lanes], dtype)
    found, parts = _steps(space, latents, starts, cells, values, all_gains, factors, ruler, reach)
    for i, (lane, base) in enumerate(zip(lanes, bases, strict=True)):
        lane.guess = (np.asarray(parts[i]), base.value)
    return found


@jax.jit
def _steps(
    space: Any, bases: Array, starts: Array, cells: Array, values: Array, all_gains: Array, factors: Array, ruler: _Scalarisation, reach: Array
) -> tuple[Array, Array]:  # fmt: skip
    """The steps of all lanes: on CPU one lane after the other, since the decoded candidates of all lanes together take a gigabyte."""

    def one(lane: tuple[Any, ...]) -> tuple[Array, Array]:
        base, start, cell, value, gain, factor, weights, reach = lane
        return _step(space, base, start, cell, value, gain, factor, ruler._replace(weights=weights), reach)

    lanes = (bases, starts, cells, values, all_gains, factors, ruler.weights, reach)
    return jax.lax.map(one, lanes) if jax.default_backend() == "cpu" else jax.vmap(one)(lanes)


def scalar_score(ruler: _Scalarisation, value: Array, sharpness: float | None = None) -> Array:
    """s(v); with `sharpness` the maximum is smooth, for a derivative that sees all objectives near it."""
    parts = ruler.weights * (ruler.signs * value[ruler.columns] - ruler.ideal) / ruler.width
    most = jnp.max(parts) if sharpness is None else jax.nn.logsumexp(sharpness * parts) / sharpness
    low, high, scale = ruler.bounds[:, 1], ruler.bounds[:, 2], ruler.bounds[:, 3]
    bounded = value[ruler.bounds[:, 0].astype(int)]
    violation = jnp.maximum(jnp.maximum(low - bounded, bounded - high), 0) / scale
    return most + AUGMENTATION * jnp.sum(parts) + PENALTY * jnp.sum(violation)


def _step(
    space: Any, base: Array, start: Array, cell: Array, value: Array, gain: Array, factors: Array, ruler: _Scalarisation, reach: Array
) -> tuple[Array, Array]:  # fmt: skip
    """The latent with the best predicted score within reach of the base."""
    ndim = cell.ndim - 1
    rows, spread = pull(gain, factors), spread_of(base)
    columns = ruler.bounds[:, 0].astype(int)

    def guess(latent: Array) -> tuple[Array, Array]:
        new = hard(decode_one(space, latent), ndim)
        return predict(value, gain, factors, new)[0], 1 - jnp.mean(jnp.sum(new * cell, axis=0))

    def judge(latent: Array) -> tuple[Array, Array]:
        predicted, changed = guess(latent)
        bad = (changed > reach) | (changed == 0)
        return predicted, scalar_score(ruler, predicted) + jnp.where(bad, 1e3 * (1 + changed), 0.0)

    def one_round(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        latent, predicted, score = carry
        slope = jax.grad(lambda v: scalar_score(ruler, v, sharpness=20.0))(predicted)
        downhill = -latent_rows(space, latent, jnp.tensordot(slope, rows, axes=1)[None])[0]
        latents = latent + spread * _along(jnp.asarray(STRENGTHS, base.dtype), downhill)
        if len(columns):
            fixed = latent_rows(space, latent, rows[columns] / ruler.bounds[:, 3].reshape(-1, *(1,) * cell.ndim))
            latents = jnp.concatenate([latents, _constrained(latent, downhill, fixed, guess, ruler, spread)])
        guesses, scores = jax.vmap(judge)(latents)
        i = jnp.argmin(scores)
        better = scores[i] < score
        return jnp.where(better, latents[i], latent), jnp.where(better, guesses[i], predicted), jnp.where(better, scores[i], score)

    best, *_ = jax.lax.fori_loop(0, ROUNDS, one_round, (start, *judge(start)))
    return best, predict(value, gain, factors, hard(decode_one(space, best), ndim))[1]


def _along(lengths: Array, direction: Array) -> Array:
    """Steps of given lengths, in standard deviations, along a direction."""
    return lengths.reshape(-1, *(1,) * direction.ndim) * unit(direction)


def _constrained(latent: Array, downhill: Array, fixed: Array, guess: Any, ruler: _Scalarisation, spread: Array) -> Array:
    """Steps along the constraints, each followed by steps back into their intervals.

    With the rows J of the constraints' derivatives: d − Jᵀ(J Jᵀ)⁻¹J d, then Jᵀ(J Jᵀ)⁻¹(wanted − predicted).
    """
    flat = fixed.reshape(len(fixed), -1)
    normal = flat @ flat.T
    normal = normal + (1e-3 * jnp.trace(normal) / len(fixed) + jnp.finfo(flat.dtype).tiny) * jnp.eye(len(fixed), dtype=flat.dtype)
    low, high = ruler.bounds[:, 1], ruler.bounds[:, 2]
    inset = jnp.where(jnp.isfinite(high - low), 0.2 * (high - low), 0.0)

    def lift(right: Array) -> Array:
        return jnp.tensordot(jnp.linalg.solve(normal, right), fixed, axes=1)

    tangent = downhill - lift(flat @ downhill.ravel())
    lengths = jnp.asarray(STRENGTHS, latent.dtype)
    moved = latent + spread * _along(lengths, tangent)

    def back(each: Array, length: Array) -> Array:
        bounded = guess(each)[0][ruler.bounds[:, 0].astype(int)]
        wanted = (jnp.clip(bounded, low + inset, high - inset) - bounded) / ruler.bounds[:, 3]
        return each + spread * _along(length * jnp.asarray(RETURNS, latent.dtype), lift(wanted))

    return jax.vmap(back)(moved, lengths).reshape(-1, *latent.shape)
