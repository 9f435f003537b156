"""The self-consistent scheme: every phase is an inclusion in the composite itself.

Per constant, c = (Σ f_r/(c_r + c*(c)))⁻¹ − c*(c) =: G(c) with the constraint c* of the composite. G increases with c and is
concave, so Newton's method from above (Voigt) descends to the largest solution without overshooting, also next to the
percolation threshold of voids, beyond which the largest solution is zero.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import Status
from jaxmicro.homogenization.inclusions import Kind, resisting, star

MAX_STEPS = 100  # quadratic convergence takes about 8; at the threshold itself each step halves the modulus, down to rounding


def self_consistent_constants(
    phases: Float[Array, "p c"], fractions: Float[Array, " p"], kind: Kind
) -> tuple[Float[Array, " c"], tuple[Int[Array, ""], Int[Array, ""], Float[Array, ""]]]:
    """Constants of the composite by the self-consistent scheme, and status, Newton steps and relative residual.

    Example:
        >>> found, _ = self_consistent_constants(jnp.array([[1.0], [3.0]]), jnp.array([0.5, 0.5]), Kind("disc", False))
        >>> round(float(found[0]), 9) == round(3.0**0.5, 9)
        True
    """
    held = np.array(resisting(kind))
    values = phases[:, held]

    def complete(x: Array) -> Array:
        return jnp.zeros(phases.shape[1], phases.dtype).at[held].set(x)

    def update(x: Array) -> Array:
        return _shifted_harmonic(values, fractions, star(complete(x), kind)[held])

    start = fractions @ values
    least = jnp.min(jnp.where(values > 0, values, jnp.inf), axis=0)
    floor = jnp.finfo(values.dtype).eps * jnp.where(jnp.isfinite(least), least, 0.0)
    x, outcome = largest_fixed_point(update, start, floor)
    return _with_axial(complete(x), phases, fractions, kind), outcome


def _shifted_harmonic(values: Array, fractions: Array, shift: Array) -> Array:
    """(Σ f_r/(c_r + c*))⁻¹ − c* per constant, zero where a phase that is there resists nothing in a medium that does not either."""
    total = values + shift
    alive = jnp.all((total > 0) | (fractions[:, None] <= 0), axis=0)
    share = jnp.sum(fractions[:, None] / jnp.where(total > 0, total, 1.0), axis=0)
    return jnp.where(alive, 1 / jnp.where(share > 0, share, 1.0) - shift, 0.0)


def _with_axial(constants: Array, phases: Array, fractions: Array, kind: Kind) -> Array:
    """The constants along fibres, which follow from those across: exact for any circular fibre in its medium (Hill 1964)."""
    if kind.shape != "fibre":
        return constants
    if not kind.elastic:
        return constants.at[1].set(fractions @ phases[:, 1])
    k, l, n = phases[:, 0], phases[:, 1], phases[:, 2]
    total = k + constants[3]
    loose = (total <= 0) & (fractions > 0)
    yielding = jnp.where(total > 0, fractions / jnp.where(total > 0, total, 1.0), 0.0)
    share = jnp.sum(yielding)
    coupling = jnp.where(jnp.any(loose), 0.0, yielding @ l / jnp.where(share > 0, share, 1.0))
    return constants.at[1].set(coupling).at[2].set(fractions @ n - yielding @ (l * (l - coupling)))


def largest_fixed_point(
    update: Callable[[Array], Array], start: Float[Array, " c"], floor: Float[Array, " c"]
) -> tuple[Float[Array, " c"], tuple[Int[Array, ""], Int[Array, ""], Float[Array, ""]]]:
    """Largest solution of x = G(x) for an increasing concave G, from a start above it, with implicit derivatives.

    Newton's sequence falls until rounding stops it. A step that leaves the interval between zero and G(x), which exact numbers
    never do, is replaced by x ← G(x).

    Args:
        update: G.
        start: x with G(x) ≤ x, per component.
        floor: what is not above it at the end counts as zero.

    Returns:
        The solution, and status, steps and the largest |x − G(x)|/x.

    Example:
        >>> x, _ = largest_fixed_point(lambda x: jnp.sqrt(2 * x), jnp.array([9.0]), jnp.array([0.0]))
        >>> x.round(9).tolist()
        [2.0]
    """
    slack = 4 * jnp.finfo(start.dtype).eps

    def solve(gap: Callable[[Array], Array], x: Array) -> tuple[Array, tuple[Array, ...]]:
        def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            x, _, count = state
            error = gap(x)
            simple = x - error
            newton = x - jnp.linalg.solve(jax.jacfwd(gap)(x), error)
            fits = jnp.isfinite(newton) & (newton > -1e-3 * x) & (newton <= simple + slack * x)
            new = jnp.where(fits, jnp.maximum(newton, 0.0), simple)
            return new, jnp.any((new < (1 - slack) * x) & (new > floor)), count + 1

        start = (x, jnp.array(True), jnp.array(0, jnp.int32))
        x, falling, count = jax.lax.while_loop(lambda s: s[1] & (s[2] < MAX_STEPS), step, start)
        x = jnp.where(x > floor, x, 0.0)
        residual = jnp.max(jnp.abs(gap(x)) / jnp.where(x > 0, x, 1.0))
        finite = jnp.all(jnp.isfinite(x)) & jnp.isfinite(residual)
        ended = jnp.where(falling, Status.MAX_STEPS, Status.CONVERGED)
        status = jnp.where(finite, ended, Status.NON_FINITE)
        return x, tuple(part.astype(x.dtype) for part in (status, count, residual))  # custom_root takes no integers beside x

    def tangent_solve(linear: Callable[[Array], Array], right: Array) -> Array:
        return jnp.linalg.solve(jax.vmap(linear, in_axes=1, out_axes=1)(jnp.eye(right.size, dtype=right.dtype)), right)

    x, (status, count, residual) = jax.lax.custom_root(lambda x: x - update(x), start, solve, tangent_solve, has_aux=True)
    return x, (status.astype(jnp.int32), count.astype(jnp.int32), residual)
