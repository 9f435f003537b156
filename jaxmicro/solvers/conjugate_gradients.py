"""Preconditioned conjugate gradients with a stopping rule on the energy of the error.

The loop runs on the recursive residual; when that says "done" the true residual is computed. If the truth disagrees,
the iteration restarts from it, and ends as STAGNATED once a restart gains nothing.

Two estimates of the squared energy error must both be small:
- r·z, with z = M r: exact if M is the inverse of the operator;
- the energy α r·z gained by the last step, extrapolated as a geometric series (Hestenes & Stiefel 1952,
  doi:10.6028/jres.049.044: the gains of all steps to come sum to the squared error).
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmicro._core import Status, dot

DELAY = 4  # steps over which the rate of convergence is estimated
RESTARTS = 6
WINDOW = {"float64": 200, "float32": 60}  # steps without a new smallest residual before the iteration counts as stagnated


class Stopping(NamedTuple):
    """When to stop.

    Attributes:
        rtol: tolerated energy-norm error relative to the solution's own energy norm.
        max_steps: largest number of steps over all restarts.
        budget: energy of the load before relaxation (x·b is taken from it), `inf` if there is none. Where the
            relaxed energy is much smaller than x·b, the error is measured against the smaller of the two.
    """

    rtol: float
    max_steps: int
    budget: float | Array = jnp.inf


class Outcome(NamedTuple):
    """How an iteration ended.

    Attributes:
        status: a `Status` code.
        steps: steps done.
        residual: true preconditioned residual relative to that of a zero start.
    """

    status: Int[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]


class _State(NamedTuple):
    x: PyTree
    r: PyTree
    p: PyTree
    rz: Float[Array, ""]
    energy: Float[Array, ""]  # x·(b + r), which grows by α r·z each step
    gains: Float[Array, " delay"]
    best: Float[Array, ""]
    best_step: Int[Array, ""]
    step: Int[Array, ""]
    done: Bool[Array, ""]
    broken: Bool[Array, ""]


def tree_dot(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Inner product of two pytrees of fields."""
    return functools.reduce(jnp.add, [dot(u, v) for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)])


def _axpy(alpha: Array, x: PyTree, y: PyTree) -> PyTree:
    return jax.tree.map(lambda u, v: v + alpha.astype(v.dtype) * u, x, y)


def conjugate_gradients(
    operator: Callable[[PyTree], PyTree],
    precondition: Callable[[PyTree], PyTree],
    b: PyTree,
    stopping: Stopping,
) -> tuple[PyTree, Outcome]:
    """Solve K x = b for a symmetric positive semi-definite K, starting from zero.

    Args:
        operator: K, a linear function on pytrees shaped like `b`.
        precondition: a symmetric positive semi-definite approximation of the inverse of K.
        b: right-hand side; a pytree of arrays of one dtype.
        stopping: tolerance, step limit and energy budget.

    Returns:
        The iterate and its `Outcome`. The iterate is finite even when the status says that the solve failed.
    """
    dtype = jax.tree.leaves(b)[0].dtype
    eps = float(jnp.finfo(dtype).eps)
    scale = tree_dot(b, precondition(b))
    noise = jnp.where(jnp.isfinite(stopping.budget), (16 * eps) ** 2 * stopping.budget, 0.0)

    def allowed(size: Array, energy: Array) -> Array:
        relaxed = jnp.maximum(stopping.budget - energy, 0.0)
        return jnp.maximum(stopping.rtol**2 * jnp.minimum(size, relaxed), noise)

    def remaining(gains: Array) -> Array:
        rate = jnp.clip((gains[-1] / jnp.maximum(gains[0], jnp.finfo(dtype).tiny)) ** (1.0 / (DELAY - 1)), 0.0, 0.999)
        return gains[-1] * rate / (1.0 - rate)

    def inner(state: _State) -> _State:
        kp = operator(state.p)
        pkp = tree_dot(state.p, kp)
        alpha = state.rz / pkp
        broken = ~(jnp.isfinite(alpha) & (pkp > 0))
        alpha = jnp.where(broken, 0.0, alpha)
        x, r = _axpy(alpha, state.p, state.x), _axpy(-alpha, kp, state.r)
        z = precondition(r)
        rz = tree_dot(r, z)
        broken = broken | ~jnp.isfinite(rz)
        gain = alpha * state.rz
        energy = state.energy + gain
        gains = jnp.concatenate([state.gains[1:], gain[None]])
        done = (rz <= allowed(scale, energy)) & (remaining(gains) <= allowed(energy, energy))
        step = state.step + 1
        improved = rz < state.best
        beta = jnp.where(broken, 0.0, rz / state.rz)
        return _State(
            x=x, r=r, p=_axpy(beta, state.p, z), rz=rz, energy=energy, gains=gains,
            best=jnp.minimum(rz, state.best), best_step=jnp.where(improved, step, state.best_step),
            step=step, done=done, broken=broken,
        )  # fmt: skip

    window = WINDOW[jnp.dtype(dtype).name]

    def running(state: _State) -> Array:
        fresh = state.step - state.best_step < window
        return ~state.done & ~state.broken & fresh & (state.step < stopping.max_steps)

    def restart(x: PyTree, step: Array) -> _State:
        r = jax.tree.map(jnp.subtract, b, operator(x))
        z = precondition(r)
        rz = tree_dot(r, z)
        energy = tree_dot(x, jax.tree.map(jnp.add, b, r))
        return _State(
            x=x, r=r, p=z, rz=rz, energy=energy, gains=jnp.full(DELAY, jnp.inf, rz.dtype), best=rz, best_step=step,
            step=step, done=rz <= allowed(scale, energy), broken=~jnp.isfinite(rz),
        )  # fmt: skip

    def outer(carry: tuple[_State, Array, Array]) -> tuple[_State, Array, Array]:
        state, count, _ = carry
        after = jax.lax.while_loop(running, inner, state)
        fresh = restart(after.x, after.step)
        # The truth may lie a little above what the recursion promised; far above, another round must gain something.
        met = after.done & (fresh.rz <= 4.0 * allowed(scale, fresh.energy))
        gained = fresh.rz < 0.25 * state.rz
        return fresh._replace(done=fresh.done | met, broken=after.broken | fresh.broken), count + 1, gained

    def unfinished(carry: tuple[_State, Array, Array]) -> Array:
        state, count, gained = carry
        return ~state.done & ~state.broken & gained & (count < RESTARTS) & (state.step < stopping.max_steps)

    start = restart(jax.tree.map(jnp.zeros_like, b), jnp.zeros((), jnp.int32))
    state, _, _ = jax.lax.while_loop(unfinished, outer, (start, jnp.zeros((), jnp.int32), jnp.ones((), bool)))
    status = jnp.where(
        state.done,
        Status.CONVERGED,
        jnp.where(state.broken, Status.NON_FINITE, jnp.where(state.step >= stopping.max_steps, Status.MAX_STEPS, Status.STAGNATED)),
    )
    residual = jnp.sqrt(jnp.maximum(state.rz, 0.0) / jnp.where(scale > 0, scale, 1.0))
    return state.x, Outcome(status.astype(jnp.int32), state.step, residual.astype(dtype))
