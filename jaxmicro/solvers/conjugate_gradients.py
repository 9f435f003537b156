"""Preconditioned conjugate gradients with a stopping rule on the energy of the error.

The loop runs on the recursive residual; when that says "done" the true residual is computed. If the truth disagrees,
another round begins from it, and the iteration ends as STAGNATED once a round gains nothing. A step and the computation of
the true residual are the same program, so that K and M are compiled once.

Two estimates of the squared energy error must both be small:
- r·z, with z = M r: exact if M is the inverse of the operator;
- the energies α r·z that the steps to come will gain, which sum to the squared error (Hestenes & Stiefel 1952,
  doi:10.6028/jres.049.044): the gains of the last steps, extrapolated as a geometric series over windows that grow with the
  number of steps, so that a slow iteration is judged by a long memory.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmicro._core import Status, dot

MEMORY = 256  # gains kept; windows are an eighth of the steps done, so this serves 1024 steps and degrades gently beyond
ROUNDS = 6  # of steps, each begun from a true residual
RUNNING = -1
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
    gains: Float[Array, " memory"]  # the last gains, newest first
    best: Float[Array, ""]
    best_step: Int[Array, ""]
    step: Int[Array, ""]
    origin: Int[Array, ""]  # step at which this round began
    round_rz: Float[Array, ""]  # true r·z at which this round began
    rounds: Int[Array, ""]
    verify: Bool[Array, ""]  # the next pass computes the true residual instead of a step
    claimed: Bool[Array, ""]  # the recursion says that the tolerance is met
    status: Int[Array, ""]  # RUNNING until the iteration has ended


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
    precondition_b = precondition(b)
    scale = tree_dot(b, precondition_b)
    noise = jnp.where(jnp.isfinite(stopping.budget), (16 * eps) ** 2 * stopping.budget, 0.0)

    def allowed(size: Array, energy: Array) -> Array:
        relaxed = jnp.maximum(stopping.budget - energy, 0.0)
        return jnp.maximum(stopping.rtol**2 * jnp.minimum(size, relaxed), noise)

    def advance(state: _State) -> _State:
        """One pass: a step along p, or, if `verify`, the true residual. One application of K and one of M serve both."""
        verify = state.verify
        kv = operator(_choose(verify, state.x, state.p))
        pkp = tree_dot(state.p, kv)
        alpha = state.rz / pkp
        usable = verify | (jnp.isfinite(alpha) & (pkp > 0))
        alpha = jnp.where(verify | ~usable, 0.0, alpha)
        x = _axpy(alpha, state.p, state.x)
        r = _axpy(-jnp.where(verify, 1.0, alpha), kv, _choose(verify, b, state.r))
        z = precondition(r)
        rz = tree_dot(r, z)
        beta = jnp.where(verify | ~usable, 0.0, rz / state.rz)
        moved = state._replace(x=x, r=r, p=_axpy(beta, state.p, z), rz=rz)
        after = _choose(verify, judge(moved), progress(moved, state.rz, alpha))
        broken = jnp.where(usable, Status.NON_FINITE, jnp.where(jnp.isfinite(pkp), Status.INDEFINITE, Status.NON_FINITE))
        return after._replace(status=jnp.where(usable & jnp.isfinite(rz), after.status, broken).astype(jnp.int32))

    def progress(state: _State, rz_before: Array, alpha: Array) -> _State:
        """After a step: bookkeeping, and whether the truth should be asked for."""
        gain = alpha * rz_before
        energy, gains, step = state.energy + gain, jnp.concatenate([gain[None], state.gains[:-1]]), state.step + 1
        improved = state.rz < state.best
        best_step = jnp.where(improved, step, state.best_step)
        claimed = (state.rz <= allowed(scale, energy)) & (_remaining(gains, step - state.origin) <= allowed(energy, energy))
        return state._replace(
            energy=energy, gains=gains, step=step, best=jnp.minimum(state.rz, state.best), best_step=best_step, claimed=claimed,
            verify=claimed | (step - best_step >= window) | (step >= stopping.max_steps),
        )  # fmt: skip

    def judge(state: _State) -> _State:
        """After the true residual: finish, or begin another round from it."""
        # The truth may lie a little above what the recursion promised; far above, another round must gain something.
        limit = allowed(scale, state.energy)
        met = (state.rz <= limit) | (state.claimed & (state.rz <= 4.0 * limit))
        spent = state.step >= stopping.max_steps
        stuck = (state.rz > 0.25 * state.round_rz) | (state.rounds + 1 >= ROUNDS)
        ended = jnp.where(spent, Status.MAX_STEPS, jnp.where(stuck, Status.STAGNATED, RUNNING))
        return state._replace(
            gains=jnp.zeros_like(state.gains), best=state.rz, best_step=state.step, origin=state.step, round_rz=state.rz,
            rounds=state.rounds + 1, verify=jnp.zeros((), bool), claimed=jnp.zeros((), bool),
            status=jnp.where(met, Status.CONVERGED, ended).astype(jnp.int32),
        )  # fmt: skip

    window = WINDOW[jnp.dtype(dtype).name]
    zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
    at_once = jnp.where(scale <= allowed(scale, jnp.zeros_like(scale)), Status.CONVERGED, RUNNING)
    start = _State(
        x=jax.tree.map(jnp.zeros_like, b), r=b, p=precondition_b, rz=scale, energy=jnp.zeros_like(scale),
        gains=jnp.zeros(MEMORY, scale.dtype), best=scale, best_step=zero, step=zero, origin=zero, round_rz=scale, rounds=zero,
        verify=no, claimed=no, status=jnp.where(jnp.isfinite(scale), at_once, Status.NON_FINITE).astype(jnp.int32),
    )  # fmt: skip
    state = jax.lax.while_loop(lambda state: state.status == RUNNING, advance, start)
    residual = jnp.sqrt(jnp.maximum(state.rz, 0.0) / jnp.where(scale > 0, scale, 1.0))
    return state.x, Outcome(state.status, state.step, residual.astype(dtype))


def _choose(flag: Array, yes: PyTree, no: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: jnp.where(flag, a, b), yes, no)


def _remaining(gains: Array, done: Array) -> Array:
    """The gains of all steps to come, extrapolated from two windows of the last ones."""
    width = jnp.clip(done // 8, 2, MEMORY // 2)
    age = jnp.arange(MEMORY)
    recent = jnp.sum(jnp.where(age < width, gains, 0.0))
    before = jnp.sum(jnp.where((age >= width) & (age < 2 * width), gains, 0.0))
    rate = jnp.clip(recent / jnp.where(before > 0, before, 1.0), 0.0, 0.99)
    return jnp.where(done >= 2 * width, recent * rate / (1.0 - rate), 0.0)
