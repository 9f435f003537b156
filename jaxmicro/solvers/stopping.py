"""When an iteration ends, and how it has ended."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

RUNNING = -100  # no `Status`
ROUNDING = 16  # eps of the load's energy norm: errors below cannot be told
ACCEPTED = 1e-6  # an error that cannot be told may be so large, squared, relative to the relaxed energy
NOTHING = 64  # eps of the load's energy norm: a solution whose own norm is below is zero
UNRESOLVED = {"float64": 0.0, "float32": 32.0}  # a relaxed energy above that but below so many eps of the load's has lost its digits


class Stopping(NamedTuple):
    """When to stop.

    Attributes:
        rtol: tolerated energy-norm error relative to the solution's own energy norm.
        max_steps: largest number of steps over all restarts.
        budget: energy of the load before relaxation (x·b is taken from it), `inf` if there is none. Where the
            relaxed energy is much smaller than x·b, the error is measured against the smaller of the two.
        smallest: about the smallest eigenvalue of M K, rather below it, that the Gauss–Radau bound shall reckon with as long as the
            iteration meets none below. The lower, the safer, and the more steps.
        relaxed_rtol: instead of `rtol`, if given: tolerated squared error relative to the relaxed energy `budget` − x·b alone,
            which must be finite then.
        softest: the same where the recursive residual has left the true one, by default `smallest`: rounding may have put into
            the softest directions what the iteration has not met.

    Example:
        >>> stopping = Stopping(rtol=1e-2, max_steps=100, budget=8.0)
        >>> round(float(stopping.tolerated(jnp.float32(4.0), jnp.float32(2.0), jnp.float32)), 6)
        0.0002
    """

    rtol: float | Array
    max_steps: int | Array
    budget: float | Array = jnp.inf
    smallest: float | Array = 1e-3
    relaxed_rtol: float | None = None
    softest: float | Array | None = None

    def allowed(self, size: Array, relaxed: Array, dtype: Any) -> Float[Array, ""]:
        """Squared energy-norm error at which to look, for a measure of the solution's energy and the relaxed energy so far."""
        return jnp.maximum(self._asked(size, relaxed), self._rounding(ROUNDING, dtype))

    def tolerated(self, size: Array, relaxed: Array, dtype: Any) -> Float[Array, ""]:
        """The same at which to end: errors within rounding are tolerated as long as the relaxed energy keeps most of its digits."""
        rounding = jnp.minimum(self._rounding(ROUNDING, dtype), ACCEPTED * jnp.maximum(relaxed, 0.0))
        return jnp.maximum(self._asked(size, relaxed), rounding)

    def is_nothing(self, relaxed: Array, dtype: Any) -> Bool[Array, ""]:
        """Whether the relaxed energy is zero to rounding, as in a cell that voids cut in two: nothing is left to lower."""
        return jnp.abs(relaxed) <= self._rounding(NOTHING, dtype)

    def is_lost(self, relaxed: Array, dtype: Any) -> Bool[Array, ""]:
        """Whether the relaxed energy is so small a part of the budget that this precision cannot tell it."""
        least = UNRESOLVED[jnp.dtype(dtype).name] * float(jnp.finfo(dtype).eps)
        return jnp.isfinite(self.budget) & (relaxed < least * self.budget)

    def _asked(self, size: Array, relaxed: Array) -> Array:
        relaxed = jnp.maximum(relaxed, 0.0)
        return self.relaxed_rtol * relaxed if self.relaxed_rtol is not None else self.rtol**2 * jnp.minimum(size, relaxed)

    def _rounding(self, count: int, dtype: Any) -> Array:
        """The squared energy norm of so many eps of the load, zero without a budget."""
        return jnp.where(jnp.isfinite(self.budget), (count * float(jnp.finfo(dtype).eps)) ** 2 * self.budget, 0.0)


class Outcome(NamedTuple):
    """How an iteration ended.

    Attributes:
        status: a `Status` code.
        steps: steps done.
        residual: true preconditioned residual relative to that of a zero start.
        error: estimate of the squared energy-norm error of the iterate.
    """

    status: Int[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    error: Float[Array, ""]
