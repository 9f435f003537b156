"""Iterative refinement: corrections in low precision, residuals in high precision.

A correction needs a few digits only, for the residual of the sum is computed anew, and what a pass leaves is the error of its
correction. So each pass gains the digits of its solve until those of the high precision are reached (Wilkinson 1963; Carson &
Higham 2018, doi:10.1137/17M1140819).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from jaxmicro._core import Status
from jaxmicro.solvers.conjugate_gradients import Residual, stretched, subtracted, tree_dot
from jaxmicro.solvers.stopping import RUNNING, Outcome, Stopping

PASSES = 12
LOOSEST, TIGHTEST = 0.1, 3e-4  # tolerances asked of one correction


class _State(NamedTuple):
    x: PyTree
    rz: Float[Array, ""]
    scale: Float[Array, ""]
    error: Float[Array, ""]
    steps: Int[Array, ""]
    passes: Int[Array, ""]
    status: Int[Array, ""]


def refine(
    operator: Callable[[PyTree], PyTree],
    correct: Callable[[PyTree, Array, Array], tuple[PyTree, Outcome]],
    measure: Callable[[PyTree], Array],
    b: PyTree,
    stopping: Stopping,
    start: PyTree | None = None,
    residual: Residual | None = None,
) -> tuple[PyTree, Outcome]:
    """Solve K x = b by corrections of low precision.

    Args:
        operator: K in high precision.
        correct: (r, rtol, max_steps) → about the solution of K d = r, in high precision, and the `Outcome` of its solve.
        measure: r → r·M r with the preconditioner M.
        b: right-hand side, in high precision.
        stopping: tolerance, step limit over all passes, and energy budget.
        start: a guess, zero by default.
        residual: as in `conjugate_gradients`.

    Returns:
        The iterate and its `Outcome`; `steps` counts those of all corrections.

    Example:
        >>> def correct(r, rtol, max_steps):
        ...     size = jnp.abs(r).max()
        ...     error = (1e-3 * size) ** 2
        ...     return 0.25 * r * (1 + 1e-3), Outcome(jnp.int32(0), jnp.int32(1), 1e-3 * size, error)
        >>> x, outcome = refine(lambda v: 4.0 * v, correct, lambda r: jnp.vdot(r, r), jnp.ones(3), Stopping(rtol=1e-5, max_steps=50))
        >>> bool(abs(x - 0.25).max() < 1e-6), int(outcome.status)
        (True, 0)
    """
    dtype = jax.tree.leaves(b)[0].dtype
    nothing, unknown = jnp.zeros((), dtype), jnp.full((), jnp.inf, dtype)
    truth = residual or subtracted(operator, b, stopping.budget)

    def measured(x: PyTree) -> tuple[PyTree, PyTree, Array]:
        return x, *truth(x)

    def guessed(x: PyTree) -> tuple[PyTree, PyTree, Array]:
        x, r = stretched(operator, b, x)
        return x, r, stopping.budget - tree_dot(x, jax.tree.map(jnp.add, b, r))

    def one_pass(state: _State) -> _State:
        first = state.passes == 0
        x, r, relaxed = measured(state.x) if start is None else jax.lax.cond(first, guessed, measured, state.x)
        state = state._replace(x=x)
        energy = tree_dot(x, jax.tree.map(jnp.add, b, r))
        rz = measure(r)
        scale = state.scale if start is not None else jnp.where(first, rz, state.scale)
        limit, solution = stopping.tolerated(scale, relaxed, dtype), stopping.tolerated(energy, relaxed, dtype)
        met = ((rz <= limit) | ((state.error <= solution) & (rz <= 4.0 * limit))) & (state.error <= solution)
        met |= ((scale == 0) & (rz == 0)) | stopping.is_nothing(relaxed, dtype)
        stuck = (rz > 0.25 * state.rz) | (state.passes >= PASSES)
        ended = jnp.where(state.steps >= stopping.max_steps, Status.MAX_STEPS, jnp.where(stuck, Status.STAGNATED, RUNNING))
        status = jnp.where(met, Status.CONVERGED, jnp.where(jnp.isfinite(rz), ended, Status.NON_FINITE)).astype(jnp.int32)
        error = jnp.minimum(state.error, jnp.maximum(relaxed, 0.0))  # the minimum is no energy below zero
        before = state._replace(rz=rz, scale=scale, error=error, status=status, passes=state.passes + 1)

        def improve(state: _State) -> _State:
            rtol = jnp.clip(0.5 * jnp.sqrt(limit / rz), TIGHTEST, LOOSEST)
            change, outcome = correct(r, rtol, stopping.max_steps - state.steps)
            failed = (outcome.status == Status.INDEFINITE) | (outcome.status == Status.NON_FINITE)
            return state._replace(
                x=jax.tree.map(jnp.add, state.x, change), steps=state.steps + outcome.steps, error=outcome.error,
                status=jnp.where(failed, outcome.status, state.status),
            )  # fmt: skip

        return jax.lax.cond(before.status == RUNNING, improve, lambda state: state, before)

    zero = jnp.zeros((), jnp.int32)
    begin = _State(
        x=jax.tree.map(jnp.zeros_like, b) if start is None else start,
        rz=unknown, scale=nothing if start is None else measure(b), error=unknown, steps=zero, passes=zero, status=jnp.full((), RUNNING, jnp.int32),
    )  # fmt: skip
    state = jax.lax.while_loop(lambda state: state.status == RUNNING, one_pass, begin)
    remaining = jnp.sqrt(jnp.maximum(state.rz, 0.0) / jnp.where(state.scale > 0, state.scale, 1.0))
    return state.x, Outcome(state.status, state.steps, remaining.astype(dtype), jnp.maximum(state.error, state.rz))
