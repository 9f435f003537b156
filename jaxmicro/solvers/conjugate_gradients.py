"""Preconditioned conjugate gradients with a stopping rule on the energy of the error.

The iteration goes in rounds. A round begins with the true residual; if that is not small enough, steps follow until the
recursive residual says "done". If the truth then disagrees, the next round begins from it, and the iteration ends as STAGNATED
once a round gains nothing. The preconditioner stands in one place of the program, for it may be long to compile.

Three estimates of the squared energy error must all be small:
- r·z, with z = M r: exact if M is the inverse of the operator;
- the Gauss–Radau bound (Golub & Meurant 1997, doi:10.1007/BF02510247; Meurant & Tichý 2013, doi:10.1007/s11075-012-9591-9)
  from a lower bound of the eigenvalues: what the steps to come will gain cannot be seen while the iteration has not met the
  softest directions, but it cannot exceed this. Where the smallest Ritz value (ritz.py) shows that there are softer directions
  than that, the bound is taken from half of it (Meurant & Tichý 2019, doi:10.1007/s11075-018-0634-8);
- what rounding may have left: where the true residual is above the recursive one, the softest directions may make a large error of
  a small residual. Then another round looks for it, and what that gains is what was left.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmicro._core import Status, dot
from jaxmicro.solvers.ritz import Ritz
from jaxmicro.solvers.stopping import RUNNING, Outcome, Stopping

ROUNDS = 6  # of steps, each begun from a true residual
WINDOW = {"float64": 200, "float32": 60}  # steps without a new smallest residual, or a quarter of all steps: then it has stagnated

Map = Callable[[PyTree], PyTree]
Residual = Callable[[PyTree], tuple[PyTree, Float[Array, ""]]]


class _State(NamedTuple):
    x: PyTree
    r: PyTree
    p: PyTree
    rz: Float[Array, ""]
    alpha: Float[Array, ""]  # length of the last step
    scale: Float[Array, ""]  # b·M b
    energy: Float[Array, ""]  # x·(b + r), which grows by α r·z each step
    relaxed: Float[Array, ""]  # the budget less that
    gained: Float[Array, ""]  # by the steps of this round
    floor: Float[Array, ""]  # lower bound of the eigenvalues in this round
    radau: Float[Array, ""]  # times r·z it bounds the squared error, if the floor is one
    ritz: Ritz  # what this round has seen of the spectrum
    seen: Float[Array, ""]  # smallest Ritz value of the rounds before
    error: Float[Array, ""]  # squared, estimated
    best: Float[Array, ""]
    best_step: Int[Array, ""]
    step: Int[Array, ""]
    origin: Int[Array, ""]  # step at which this round began
    round_rz: Float[Array, ""]  # true r·z at which this round began
    rounds: Int[Array, ""]
    fresh: Bool[Array, ""]  # r is a true residual whose r·z is not known yet
    verify: Bool[Array, ""]  # the round is over: the truth is asked for
    claimed: Bool[Array, ""]  # the recursion says that the tolerance is met
    indefinite: Bool[Array, ""]  # a direction had no energy
    status: Int[Array, ""]  # RUNNING until the iteration has ended


def tree_dot(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Inner product of two pytrees of fields, with the digits of `dot`.

    Example:
        >>> float(tree_dot((jnp.ones(3), 2.0 * jnp.ones(2)), (jnp.ones(3), jnp.ones(2))))
        7.0
    """
    return functools.reduce(jnp.add, [dot(u, v) for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)])


def subtracted(operator: Map, b: PyTree, budget: float | Array) -> Residual:
    """The residual of an iterate and the relaxed energy, as they are written."""

    def residual(x: PyTree) -> tuple[PyTree, Array]:
        r = jax.tree.map(jnp.subtract, b, operator(x))
        return r, budget - tree_dot(x, jax.tree.map(jnp.add, b, r))

    return residual


def stretched(operator: Map, b: PyTree, guess: PyTree) -> tuple[PyTree, PyTree]:
    """The best multiple of a guess and its residual; of a guess that is no use, nothing."""
    image = operator(guess)
    length = tree_dot(guess, b) / tree_dot(guess, image)
    usable = jnp.isfinite(length)
    x = jax.tree.map(lambda v: jnp.where(usable, length.astype(v.dtype) * v, 0.0), guess)
    return x, jax.tree.map(lambda v, w: jnp.where(usable, v - length.astype(v.dtype) * w, v), b, image)


def _axpy(alpha: Array, x: PyTree, y: PyTree) -> PyTree:
    return jax.tree.map(lambda u, v: v + alpha.astype(v.dtype) * u, x, y)


def conjugate_gradients(
    operator: Map,
    precondition: Map,
    b: PyTree,
    stopping: Stopping,
    start: PyTree | None = None,
    residual: Residual | None = None,
) -> tuple[PyTree, Outcome]:
    """Solve K x = b for a symmetric positive semi-definite K.

    Args:
        operator: K, a linear function on pytrees shaped like `b`.
        precondition: a symmetric positive semi-definite approximation of the inverse of K.
        b: right-hand side; a pytree of arrays of one dtype.
        stopping: tolerance, step limit and energy budget.
        start: a guess, shaped like `b`; zero by default. The iteration begins from the best multiple of it, which in the
            energy norm is never farther from the solution than zero.
        residual: x → b − K x and the relaxed energy budget − x·(2 b − K x), by default as they are written, or in a way that loses
            less to rounding where the parts are large.

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

    residual = residual or subtracted(operator, b, stopping.budget)
    system = _System(operator, residual, precondition, b, stopping, start, WINDOW[jnp.dtype(dtype).name])
    state = jax.lax.while_loop(lambda state: state.status == RUNNING, system.round, system.start_state())
    remaining = jnp.sqrt(jnp.maximum(state.rz, 0.0) / jnp.where(state.scale > 0, state.scale, 1.0))
    return state.x, Outcome(state.status, state.step, remaining.astype(dtype), jnp.maximum(state.error, state.rz).astype(dtype))


class _System(NamedTuple):
    """One linear system, and the passes of its iteration."""

    operator: Map
    residual: Residual
    precondition: Map
    b: PyTree
    stopping: Stopping
    start: PyTree | None
    window: int

    @property
    def dtype(self) -> jnp.dtype:
        return jax.tree.leaves(self.b)[0].dtype

    @property
    def floors(self) -> tuple[Array, Array]:
        """Lower bounds of the eigenvalues to reckon with, and where rounding has come in."""
        smallest, softest = self.stopping.smallest, self.stopping.softest
        return jnp.asarray(smallest, self.dtype), jnp.asarray(smallest if softest is None else softest, self.dtype)

    def below(self, ritz: Array) -> Array:
        """A lower bound of the eigenvalues that an iteration has met, from about the smallest Ritz value."""
        return jnp.maximum(0.5 * ritz, 16 * float(jnp.finfo(self.dtype).eps)).astype(self.dtype)

    def repairs(self, state: _State) -> Array:
        """Whether the round of this state began because the recursive residual had left the true one."""
        return state.rounds > (1 if self.start is None else 2)

    def round(self, state: _State) -> _State:
        """The true residual, and steps until the recursion says that it is small enough."""
        state = jax.lax.cond(state.rounds == 0, lambda state: state._replace(r=self.b), self.truth, state)
        state = state._replace(fresh=jnp.ones((), bool), verify=jnp.zeros((), bool))
        state = jax.lax.while_loop(lambda state: (state.status == RUNNING) & ~state.verify, self.advance, state)
        if self.start is None:
            return state
        # The first round measures the load alone; the guess comes in with the second.
        return state._replace(x=jax.lax.cond(state.rounds == 1, lambda _: self.start, lambda x: x, state.x))

    def truth(self, state: _State) -> _State:
        """The true residual and the relaxed energy; a guess is brought to its best length first."""

        def measured(state: _State) -> _State:
            r, relaxed = self.residual(state.x)
            return state._replace(r=r, relaxed=relaxed.astype(state.relaxed.dtype))

        def guessed(state: _State) -> _State:
            x, r = stretched(self.operator, self.b, state.x)
            energy = tree_dot(x, jax.tree.map(jnp.add, self.b, r))
            return state._replace(x=x, r=r, energy=energy, relaxed=self.stopping.budget - energy)

        return measured(state) if self.start is None else jax.lax.cond(state.rounds == 1, guessed, measured, state)

    def advance(self, state: _State) -> _State:
        """The preconditioned residual, what it says, and one step along the next direction."""
        z = self.precondition(state.r)
        rz = tree_dot(state.r, z)
        beta = jnp.where(state.fresh, 0.0, rz / state.rz)
        before, judged = self.progress(state, rz), self.judge(state, rz)
        state = jax.tree.map(lambda a, b: a if a is b else jnp.where(state.fresh, a, b), judged, before)
        state = state._replace(p=_axpy(beta, state.p, z), fresh=jnp.zeros((), bool))
        return jax.lax.cond((state.status == RUNNING) & ~state.verify, self.step, lambda state: state, state)

    def step(self, state: _State) -> _State:
        """One step along p."""
        kp = self.operator(state.p)
        pkp = tree_dot(state.p, kp)
        alpha = state.rz / pkp
        finite, usable = jnp.isfinite(pkp), jnp.isfinite(alpha) & (pkp > 0)
        length = jnp.where(usable, alpha, 0.0)
        return state._replace(
            x=_axpy(length, state.p, state.x),
            r=_axpy(-length, kp, state.r),
            alpha=alpha,
            step=state.step + 1,
            verify=~usable,
            indefinite=~usable,
            status=jnp.where(finite, state.status, Status.NON_FINITE).astype(jnp.int32),
        )

    def progress(self, state: _State, rz: Array) -> _State:
        """After a step: bookkeeping, and whether the truth should be asked for."""
        gain = state.alpha * state.rz
        beta = rz / state.rz
        ritz = state.ritz.extended(state.alpha, beta)
        above = jnp.maximum(state.radau - state.alpha, 0.0)
        radau = above / (state.floor * above + beta)
        # Below the floor the bound of Gauss–Radau means nothing any more: there the simpler one is taken.
        softer = self.below(ritz.smallest)
        bound = jnp.where(softer < state.floor, jnp.maximum(radau, ritz.share / softer), radau)
        energy, relaxed = state.energy + gain, state.relaxed - gain
        improved = rz < state.best
        best_step = jnp.where(improved, state.step, state.best_step)
        error = bound * rz
        limits = [self.stopping.allowed(size, relaxed, self.dtype) for size in (state.scale, energy)]
        claimed = (rz <= limits[0]) & (error <= limits[1])
        stagnant = state.step - best_step >= jnp.maximum(self.window, (state.step - state.origin) // 4)
        verify = claimed | stagnant | (state.step >= self.stopping.max_steps)
        return state._replace(
            rz=rz, energy=energy, relaxed=relaxed, gained=state.gained + gain, radau=radau, ritz=ritz,
            best=jnp.minimum(rz, state.best), best_step=best_step, error=error, claimed=claimed, verify=verify,
            status=jnp.where(jnp.isfinite(rz), state.status, Status.NON_FINITE).astype(jnp.int32),
        )  # fmt: skip

    def judge(self, state: _State, rz: Array) -> _State:
        """After the true residual: finish, or begin the steps of another round."""
        first = state.rounds == 0
        scale = jnp.where(first, jnp.maximum(rz, 0.0), state.scale)
        seen = jnp.minimum(state.seen, state.ritz.smallest)
        floor, softest = (jnp.minimum(given, self.below(seen)) for given in self.floors)
        limit = self.stopping.tolerated(scale, state.relaxed, self.dtype)
        # What the truth is above the recursion is rounding, and the iteration has not looked for the error that it makes. That is
        # small if the softest directions cannot make it large, or if a round that set out from the truth gained little.
        lost = jnp.maximum(rz - jnp.maximum(state.rz, 0.0), 0.0) / softest
        lost = jnp.where(self.repairs(state), jnp.minimum(lost, state.gained), lost)
        met = (first & (rz <= limit)) | (rz <= jnp.minimum(softest, floor) * limit)
        kept = self.stopping.tolerated(state.energy, state.relaxed, self.dtype)  # the relaxed energy is known better now
        met |= state.claimed & (rz <= 4.0 * limit) & (lost <= limit) & (state.error <= 4.0 * kept)
        met &= ~self.stopping.is_lost(state.relaxed, self.dtype)
        met |= self.stopping.is_nothing(state.relaxed, self.dtype)
        met &= rz >= -limit
        measuring = jnp.zeros((), bool)
        if self.start is not None:  # nothing has been seen of the softest directions of a guess
            measuring = first & ~met
            met = jnp.where(state.rounds == 1, rz <= floor * limit, met)
        spent = state.step >= self.stopping.max_steps
        hopeful = state.claimed & (rz <= 4.0 * limit)
        stuck = ((rz > 0.25 * state.round_rz) & ~hopeful) | (state.rounds >= ROUNDS)
        ended = jnp.where(spent, Status.MAX_STEPS, jnp.where(stuck, Status.STAGNATED, RUNNING))
        ended = jnp.where((rz < -limit) | state.indefinite, Status.INDEFINITE, ended)
        status = jnp.where(met, Status.CONVERGED, jnp.where(jnp.isfinite(rz), ended, Status.NON_FINITE))
        error = jnp.where(state.step == 0, rz / floor, jnp.minimum(jnp.maximum(state.error, lost), rz / jnp.minimum(softest, floor)))
        error = jnp.minimum(error, jnp.maximum(state.relaxed, 0.0))  # the minimum is no energy below zero
        lowest = jnp.where(self.repairs(state._replace(rounds=state.rounds + 1)), softest, floor)
        return state._replace(
            rz=rz, scale=scale, gained=jnp.zeros_like(rz), floor=lowest, radau=1.0 / lowest, ritz=Ritz.begin(rz.dtype), seen=seen,
            best=rz, best_step=state.step, origin=state.step, error=error, round_rz=jnp.where(measuring, jnp.inf, rz),
            rounds=state.rounds + 1, verify=measuring, claimed=jnp.zeros((), bool), status=status.astype(jnp.int32),
        )  # fmt: skip

    def start_state(self) -> _State:
        """The state of a zero iterate, before its first round."""
        zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
        dtype = jax.eval_shape(tree_dot, self.b, self.b).dtype
        nothing, unknown = jnp.zeros((), dtype), jnp.full((), jnp.inf, dtype)
        fields = jax.tree.map(jnp.zeros_like, self.b)
        return _State(
            x=fields, r=fields, p=fields, rz=unknown, alpha=nothing, scale=nothing, energy=nothing,
            relaxed=jnp.asarray(self.stopping.budget, dtype), gained=nothing, floor=nothing, radau=unknown, ritz=Ritz.begin(dtype),
            seen=unknown, error=unknown, best=unknown, best_step=zero, step=zero, origin=zero, round_rz=unknown, rounds=zero,
            fresh=~no, verify=no, claimed=no, indefinite=no, status=jnp.full((), RUNNING, jnp.int32),
        )  # fmt: skip
