"""Preconditioned conjugate gradients with a stopping rule on the energy of the error.

The iteration goes in rounds. A round begins with the true residual; if that is not small enough, steps follow until the
recursive residual says "done". If the truth then disagrees, the next round begins from it, and the iteration ends as STAGNATED
once a round gains nothing.

Three estimates of the squared energy error must all be small:
- r·z, with z = M r: exact if M is the inverse of the operator;
- the energies α r·z that the steps to come will gain, which sum to the squared error (Hestenes & Stiefel 1952,
  doi:10.6028/jres.049.044): the gains of the last steps, extrapolated as a geometric series over windows that grow with the
  number of steps, so that a slow iteration is judged by a long memory;
- the Gauss–Radau bound (Golub & Meurant 1997, doi:10.1007/BF02510247; Meurant & Tichý 2013, doi:10.1007/s11075-012-9591-9)
  from a lower bound of the eigenvalues: what the steps to come will gain cannot be seen while the iteration has not met the
  softest directions, but it cannot exceed this.
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
UNRESOLVED = {"float64": 0.0, "float32": 32.0}  # a relaxed energy below so many eps of the load's is lost in rounding
FLOOR = 1e-3  # eigenvalues below this are not reckoned with: the bound would double the steps of cells with voids for nothing
WINDOW = {"float64": 200, "float32": 60}  # steps without a new smallest residual before the iteration counts as stagnated


class Stopping(NamedTuple):
    """When to stop.

    Attributes:
        rtol: tolerated energy-norm error relative to the solution's own energy norm.
        max_steps: largest number of steps over all restarts.
        budget: energy of the load before relaxation (x·b is taken from it), `inf` if there is none. Where the
            relaxed energy is much smaller than x·b, the error is measured against the smaller of the two.
        smallest: about the smallest eigenvalue of M K, rather below it; 0 where nothing is known.
    """

    rtol: float
    max_steps: int
    budget: float | Array = jnp.inf
    smallest: float | Array = 0.0


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
    scale: Float[Array, ""]  # b·M b
    energy: Float[Array, ""]  # x·(b + r), which grows by α r·z each step
    radau: Float[Array, ""]  # times r·z it bounds the squared error
    gains: Float[Array, " memory"]  # the last gains, newest first
    best: Float[Array, ""]
    best_step: Int[Array, ""]
    step: Int[Array, ""]
    origin: Int[Array, ""]  # step at which this round began
    round_rz: Float[Array, ""]  # true r·z at which this round began
    rounds: Int[Array, ""]
    verify: Bool[Array, ""]  # the round is over: the truth is asked for
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

    The loop is not for differentiation: `symmetric_solve` has the derivatives of the equation.

    References:
        Hestenes & Stiefel (1952), doi:10.6028/jres.049.044.

    Example:
        >>> x, outcome = conjugate_gradients(lambda v: 4.0 * v, lambda r: r, jnp.ones(3), Stopping(rtol=1e-5, max_steps=10))
        >>> x.tolist(), int(outcome.steps)
        ([0.25, 0.25, 0.25], 1)
    """
    dtype = jax.tree.leaves(b)[0].dtype
    rounding = (16 * float(jnp.finfo(dtype).eps)) ** 2 * stopping.budget
    noise = jnp.where(jnp.isfinite(stopping.budget), rounding, 0.0)
    lost = UNRESOLVED[jnp.dtype(dtype).name] * float(jnp.finfo(dtype).eps)
    resolved = jnp.where(jnp.isfinite(stopping.budget), lost * stopping.budget, -jnp.inf)
    system = _System(operator, precondition, b, stopping, noise, resolved, WINDOW[jnp.dtype(dtype).name])
    state = jax.lax.while_loop(lambda state: state.status == RUNNING, system.round, system.start())
    residual = jnp.sqrt(jnp.maximum(state.rz, 0.0) / jnp.where(state.scale > 0, state.scale, 1.0))
    return state.x, Outcome(state.status, state.step, residual.astype(dtype))


class _System(NamedTuple):
    """One linear system, and the passes of its iteration."""

    operator: Callable[[PyTree], PyTree]
    precondition: Callable[[PyTree], PyTree]
    b: PyTree
    stopping: Stopping
    noise: Float[Array, ""]  # squared errors below this are rounding
    resolved: Float[Array, ""]  # relaxed energies below this are rounding
    window: int

    @property
    def floor(self) -> Array:
        """The lower bound of the eigenvalues that the Gauss–Radau bound reckons with."""
        return jnp.maximum(jnp.asarray(self.stopping.smallest, jax.tree.leaves(self.b)[0].dtype), FLOOR)

    def allowed(self, size: Array, energy: Array) -> Array:
        relaxed = jnp.maximum(self.stopping.budget - energy, 0.0)
        return jnp.maximum(self.stopping.rtol**2 * jnp.minimum(size, relaxed), self.noise)

    def round(self, state: _State) -> _State:
        """The true residual, and steps until the recursion says that it is small enough."""
        nothing_yet = state.rounds == 0
        r = jax.lax.cond(nothing_yet, lambda _: self.b, lambda x: _axpy(jnp.asarray(-1.0), self.operator(x), self.b), state.x)
        z = self.precondition(r)
        rz = tree_dot(r, z)
        state = self.judge(state._replace(r=r, p=z, rz=rz, scale=jnp.where(nothing_yet, rz, state.scale)))
        return jax.lax.while_loop(lambda state: (state.status == RUNNING) & ~state.verify, self.advance, state)

    def advance(self, state: _State) -> _State:
        """One step along p."""
        kp = self.operator(state.p)
        pkp = tree_dot(state.p, kp)
        alpha = state.rz / pkp
        usable = jnp.isfinite(alpha) & (pkp > 0)
        alpha = jnp.where(usable, alpha, 0.0)
        x, r = _axpy(alpha, state.p, state.x), _axpy(-alpha, kp, state.r)
        z = self.precondition(r)
        rz = tree_dot(r, z)
        beta = jnp.where(usable, rz / state.rz, 0.0)
        after = self.progress(state._replace(x=x, r=r, p=_axpy(beta, state.p, z), rz=rz), state.rz, alpha)
        broken = jnp.where(usable | ~jnp.isfinite(pkp), Status.NON_FINITE, Status.INDEFINITE)
        return after._replace(status=jnp.where(usable & jnp.isfinite(rz), after.status, broken).astype(jnp.int32))

    def progress(self, state: _State, rz_before: Array, alpha: Array) -> _State:
        """After a step: bookkeeping, and whether the truth should be asked for."""
        gain = alpha * rz_before
        above = jnp.maximum(state.radau - alpha, 0.0)
        radau = above / (self.floor * above + state.rz / rz_before)
        energy, gains, step = state.energy + gain, jnp.concatenate([gain[None], state.gains[:-1]]), state.step + 1
        improved = state.rz < state.best
        best_step = jnp.where(improved, step, state.best_step)
        to_come = jnp.maximum(_remaining(gains, step - state.origin), radau * state.rz)
        claimed = (state.rz <= self.allowed(state.scale, energy)) & (to_come <= self.allowed(energy, energy))
        return state._replace(
            energy=energy, gains=gains, radau=radau, step=step, best=jnp.minimum(state.rz, state.best), best_step=best_step, claimed=claimed,
            verify=claimed | (step - best_step >= self.window) | (step >= self.stopping.max_steps),
        )  # fmt: skip

    def judge(self, state: _State) -> _State:
        """After the true residual: finish, or begin the steps of another round."""
        # The truth may lie a little above what the recursion promised; far above, another round must gain something.
        limit = self.allowed(state.scale, state.energy)
        met = (state.rz <= limit) | (state.claimed & (state.rz <= 4.0 * limit))
        spent = state.step >= self.stopping.max_steps
        met &= self.stopping.budget - state.energy >= self.resolved
        stuck = (state.rz > 0.25 * state.round_rz) | (state.rounds >= ROUNDS)
        ended = jnp.where(spent, Status.MAX_STEPS, jnp.where(stuck, Status.STAGNATED, RUNNING))
        status = jnp.where(met, Status.CONVERGED, jnp.where(jnp.isfinite(state.rz), ended, Status.NON_FINITE))
        return state._replace(
            gains=jnp.zeros_like(state.gains), radau=1.0 / self.floor, best=state.rz, best_step=state.step, origin=state.step, round_rz=state.rz,
            rounds=state.rounds + 1, verify=jnp.zeros((), bool), claimed=jnp.zeros((), bool), status=status.astype(jnp.int32),
        )  # fmt: skip

    def start(self) -> _State:
        """The state of a zero iterate, before its first round."""
        zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
        dtype = jax.eval_shape(tree_dot, self.b, self.b).dtype
        nothing, unknown = jnp.zeros((), dtype), jnp.full((), jnp.inf, dtype)
        fields = jax.tree.map(jnp.zeros_like, self.b)
        return _State(
            x=fields, r=fields, p=fields, rz=unknown, scale=nothing, energy=nothing, radau=unknown, gains=jnp.zeros(MEMORY, dtype), best=unknown,
            best_step=zero, step=zero, origin=zero, round_rz=unknown, rounds=zero, verify=no, claimed=no,
            status=jnp.full((), RUNNING, jnp.int32),
        )  # fmt: skip


def _remaining(gains: Array, done: Array) -> Array:
    """The gains of all steps to come, extrapolated from two windows of the last ones."""
    width = jnp.clip(done // 8, 2, MEMORY // 2)
    age = jnp.arange(MEMORY)
    recent = jnp.sum(jnp.where(age < width, gains, 0.0))
    before = jnp.sum(jnp.where((age >= width) & (age < 2 * width), gains, 0.0))
    rate = jnp.clip(recent / jnp.where(before > 0, before, 1.0), 0.0, 0.99)
    return jnp.where(done >= 2 * width, recent * rate / (1.0 - rate), 0.0)
