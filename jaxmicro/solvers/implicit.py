"""A symmetric linear solve whose derivatives come from the equation, never from the iteration.

K x = b, so K dx = db − dK x: forward mode costs one more solve, reverse mode one adjoint solve (K is its own transpose).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from jaxmicro._core import Status, poison
from jaxmicro.solvers.stopping import Outcome


def symmetric_solve(
    operator: Callable[[PyTree], PyTree],
    solve: Callable[[PyTree], tuple[PyTree, Outcome]],
    b: PyTree,
) -> PyTree:
    """Solve K x = b with implicit derivatives with respect to `b` and all that `operator` closes over.

    A solve that fails returns NaN, in the value and in every derivative: inside a transpose there is nobody to read a status.

    Args:
        operator: K, linear and symmetric on pytrees shaped like `b`.
        solve: returns the solution and its `Outcome` for a right-hand side; it is never differentiated. It is called with
            right-hand sides scaled to a largest entry of one, so that a cotangent of norm 1e-30 does not underflow.
        b: right-hand side.

    Example:
        >>> stopping = Stopping(rtol=1e-5, max_steps=10)
        >>> def solve(b):
        ...     return conjugate_gradients(lambda v: 4.0 * v, lambda r: r, b, stopping)
        >>> jax.grad(lambda b: symmetric_solve(lambda v: 4.0 * v, solve, b).sum())(jnp.ones(3)).tolist()
        [0.25, 0.25, 0.25]
    """

    def normalised(_: Callable[[PyTree], PyTree], rhs: PyTree) -> PyTree:
        size = largest(rhs)
        factor = jnp.where(size > 0, size, 1.0)
        x, outcome = solve(jax.tree.map(lambda leaf: leaf / factor, rhs))
        return poison(jax.tree.map(lambda leaf: leaf * factor, x), outcome.status == Status.CONVERGED)

    return jax.lax.custom_linear_solve(operator, b, normalised, symmetric=True)


def largest(tree: PyTree) -> Array:
    """Largest absolute entry of a pytree.

    Example:
        >>> float(largest((jnp.array([1.0, -3.0]), jnp.array([2.0]))))
        3.0
    """
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))
