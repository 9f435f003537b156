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

from jaxmicro._core import Progress, check, numpy_generator, split_named
from jaxmicro.design.costs import Costs, costs_of
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.design.flips import Factors, decode_one, gains, latent_rows, predict, pull
from jaxmicro.design.problem import Problem
from jaxmicro.design.space import drawn, hard
from jaxmicro.design.trace import Trace

LANES = 16
ROUNDS = 3
STRENGTHS = tuple(2.0 ** np.arange(-8, 2))
AUGMENTATION, PENALTY = 0.05, 0.5
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
    """Learn from the new cells, and give each lane the one that suits it best if that beats its own."""
    for i, lane in enumerate(lanes):
        if lane.guess is not None and np.isfinite(values[i]).all():
            size = np.maximum(np.abs(lane.guess[1]), 1e-12)
            lane.factors.observe(lane.guess[0] / size[:, None], (values[i] - lane.guess[1]) / size)
        scores = _score(lane, costs, frame, values)
        own = np.inf if lane.base is None else float(_score(lane, costs, frame, lane.base.value[None])[0])
        best = int(np.argmin(scores))
        improved = scores[best] < own
        lane.reach = min(lane.reach * GROW, LARGEST_CHANGE) if scores[i] < own else max(lane.reach * SHRINK, 2.0 / cells[0, 0].size)
        lane.failures = 0 if improved else lane.failures + 1
        if lane.failures >= 4:  # the region has closed in on a cell that steps do not improve: open it and look around
            lane.reach, lane.failures = FIRST_CHANGE / 2, 1
        if improved:
            lane.base = _Base(float(scores[best]), latents[best], cells[best], values[best], all_gains[best])


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
    spread = jnp.stack([jnp.std(z) for z in latents])
    noise = (fresh[::2] - fresh[1::2]) / jnp.sqrt(2.0)
    noise = noise / jnp.maximum(jnp.std(noise), 1e-12)
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


_AXES = _Scalarisation(weights=0, ideal=None, width=None, signs=None, columns=None, bounds=None)  # type: ignore[arg-type]


@jax.jit
def _steps(
    space: Any, bases: Array, starts: Array, cells: Array, values: Array, all_gains: Array, factors: Array, ruler: _Scalarisation, reach: Array
) -> tuple[Array, Array]:  # fmt: skip
    def one(base, start, cell, value, gain, factor, ruler, reach):
        return _step(space, base, start, cell, value, gain, factor, ruler, reach)

    return jax.vmap(one, in_axes=(0, 0, 0, 0, 0, 0, _AXES, 0))(bases, starts, cells, values, all_gains, factors, ruler, reach)


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
    rows, spread = pull(gain, factors), jnp.std(base)
    strengths = jnp.asarray(STRENGTHS, base.dtype)

    def judge(latent: Array) -> tuple[Array, Array]:
        new = hard(decode_one(space, latent), ndim)
        predicted, _ = predict(value, gain, factors, new)
        changed = 1 - jnp.mean(jnp.sum(new * cell, axis=0))
        bad = (changed > reach) | (changed == 0)
        return predicted, scalar_score(ruler, predicted) + jnp.where(bad, 1e3 * (1 + changed), 0.0)

    def one_round(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        latent, predicted, score = carry
        slope = jax.grad(lambda v: scalar_score(ruler, v, sharpness=20.0))(predicted)
        direction = latent_rows(space, latent, jnp.tensordot(slope, rows, axes=1)[None])[0]
        direction = direction / jnp.maximum(jnp.std(direction), jnp.finfo(base.dtype).tiny)
        latents = latent - spread * strengths.reshape(-1, *(1,) * latent.ndim) * direction
        guesses, scores = jax.vmap(judge)(latents)
        i = jnp.argmin(scores)
        better = scores[i] < score
        return jnp.where(better, latents[i], latent), jnp.where(better, guesses[i], predicted), jnp.where(better, scores[i], score)

    best, *_ = jax.lax.fori_loop(0, ROUNDS, one_round, (start, *judge(start)))
    return best, predict(value, gain, factors, hard(decode_one(space, best), ndim))[1]
