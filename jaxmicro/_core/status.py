"""How a solve ended, in one integer that survives `jit` and `vmap`.

A solve never lies: its value travels with a `Status`. On concrete values a failure raises `SolveError`; under a
tracer the value is poisoned with NaN, and so is its derivative.
"""

import enum

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from jaxmicro._core.checks import is_concrete


class Status(enum.IntEnum):
    """How a solve ended. Larger is worse, so a batch is judged by its maximum; from `MAX_STEPS` on a solve has failed."""

    NO_PATH = -1
    CONVERGED = 0
    MAX_STEPS = 1
    STAGNATED = 2
    NON_FINITE = 3
    INDEFINITE = 4
    BAD_INPUT = 5

    @property
    def advice(self) -> str:
        """What happened and what to do about it."""
        return _ADVICE[self]


_ADVICE = {
    Status.NO_PATH: "no conducting path joins the two walls, so that the effective value is exactly zero",
    Status.CONVERGED: "the solve converged",
    Status.MAX_STEPS: "the solve stopped at `max_steps` before it met `rtol`. Raise `max_steps`, loosen `rtol`, or lower the contrast",
    Status.STAGNATED: "the residual stopped falling above `rtol`: rounding dominates. Use float64 (`jax.config.update('jax_enable_x64', True)`) or loosen `rtol`",
    Status.NON_FINITE: "the iteration produced a non-finite number. Check the input for extreme values, or use float64",
    Status.INDEFINITE: "the operator is not positive semi-definite, or its range does not hold the load. Check the constants, or use discretization='finite_element'",
    Status.BAD_INPUT: "the material field is not finite, symmetric and positive semi-definite, or is zero where the discretization forbids it",
}


class SolveError(RuntimeError):
    """A solve that did not converge, raised where its status is concrete and `throw=True`."""


def worst(status: Int[Array, "..."]) -> Int[Array, ""]:
    """The worst status of a batch."""
    return jnp.max(status)


def poison(value: PyTree, ok: Array) -> PyTree:
    """NaN in value and derivative where `ok` is false.

    A `where` would leave an ordinary-looking zero gradient; the product with NaN reaches the adjoint too. Leaves that
    cannot hold a NaN (counts, codes) pass unchanged.

    Args:
        value: arrays, each with the axes of `ok` in front.
        ok: booleans, one per entry of a batch, or a single one.

    Returns:
        `value`, with NaN in the entries that failed.

    Example:
        >>> poison(jnp.array([1.0, 2.0]), jnp.array([True, False])).tolist()
        [1.0, nan]
    """

    def spoil(leaf: Array) -> Array:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        flag = jnp.reshape(ok, ok.shape + (1,) * (leaf.ndim - ok.ndim))
        return leaf * jnp.where(flag, 1.0, jnp.nan).astype(leaf.dtype)

    return jax.tree.map(spoil, value)


def raise_for_status(question: str, status: Int[Array, "..."], residual: Array, steps: Array) -> None:
    """Raise `SolveError` when `status` is concrete and a failure; do nothing under a tracer.

    Args:
        question: the front door that was called, for the message.
        status: codes, `(*batch)`.
        residual: relative residuals, `(*batch)` or with more axes behind.
        steps: iterations, likewise.

    Raises:
        SolveError: naming the worst entry, its residual, its steps, and what to do.
    """
    if not is_concrete(status, residual, steps):
        return
    codes = np.asarray(status)
    if not (codes > Status.CONVERGED).any():
        return
    code = Status(int(codes.max()))
    entry = tuple(int(i) for i in np.argwhere(codes == code)[0])
    where = f" (entry {entry} of a batch of shape {codes.shape})" if codes.ndim else ""
    raise SolveError(
        f"`{question}` failed with status {code.name}{where} after {_worst_of(steps, entry):.0f} steps "
        f"at relative residual {_worst_of(residual, entry):.2e}: {code.advice}. `throw=False` returns the best iterate with its status."
    )


def _worst_of(values: Array, entry: tuple[int, ...]) -> float:
    array = np.asarray(values)
    return float(np.max(array[entry] if array.ndim >= len(entry) else array))
