"""The mean of orientations that are equal up to crystal symmetry.

The mean m maximises Σ w_i max_s (m · s q_i)²: given the nearest equivalents r_i = s_i q_i it is the eigenvector of largest
eigenvalue of T = Σ w_i r_i r_iᵀ, and given m the equivalents are those nearest to m. Both steps only raise the sum, and the
choices are finite in number, so the alternation ends.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, is_concrete
from jaxmicro.orientations.equivalents import check_group, inverse, nearest_operator, product
from jaxmicro.orientations.fundamental_zone import fundamental_zone
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import checked, normalize

MAX_STEPS = 100


def mean_orientation(q: ArrayLike, laue: str = "m-3m", weights: ArrayLike | None = None) -> Float[Array, "4"]:
    """The mean of all orientations modulo symmetry, m = argmax Σ w max_s (m · s q)².

    Args:
        q: quaternions `(4, …)` of any length. NaN, as where a map is not indexed, counts for nothing, nor does zero.
        laue: Laue group, one of `LAUE_GROUPS`.
        weights: not negative, of the trailing shape of `q`; equal by default. What has weight zero may be NaN.

    Returns:
        One unit quaternion `(4,)` in the fundamental zone; NaN where nothing has a weight. For scattered orientations the
        maximum is that reached from the orientation of largest weight.

    Raises:
        ValueError: if the first axis is not 4, there is no orientation, the group is not known, or weights are negative
            or of another shape.

    Reference:
        F. L. Markley, Y. Cheng, J. L. Crassidis, Y. Oshman, "Averaging quaternions", J. Guid. Control Dyn. 30, 1193
        (2007), doi:10.2514/1.28949.

    Example:
        >>> angles = np.array([[1.0, 89.0, 271.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> mean = mean_orientation(from_euler(angles, degrees=True), "m-3m")
        >>> to_euler(mean, degrees=True).round(3).tolist()
        [0.333, 0.0, 0.0]

    Differentiable in `q` and `weights` where the mean is unique (the largest eigenvalue of T is simple).
    """
    check_group("laue", laue)
    q = checked("q", q)
    q, share = as_float_arrays(q=q, weights=jnp.ones(q.shape[1:], q.dtype) if weights is None else weights)
    check(q.size > 0, f"`q` must hold at least one orientation, but its shape is {q.shape}.")
    check(
        share.shape == q.shape[1:],
        f"`weights` must have the trailing shape of `q`, {q.shape[1:]}, but its shape is {share.shape}. Give one per orientation.",
    )
    if is_concrete(share):
        least = float(np.asarray(share).min())
        check(not least < 0, f"`weights` must not be negative, but the smallest is {least:g}.")
    return fundamental_zone(_mean(q.reshape(4, -1), share.ravel(), laue), laue)


@partial(jax.jit, static_argnums=2)
def _mean(q: Array, weights: Array, laue: str) -> Array:
    weights = jnp.where(weights < 0, jnp.nan, weights)
    counted = jnp.isfinite(q).all(axis=0) & (q != 0).any(axis=0) & (weights != 0)
    q = normalize(jnp.where(counted, q, 0.0))
    weights = jnp.where(counted, weights, 0.0)
    total = jnp.sum(weights)
    share = weights / jnp.where(total == 0, jnp.nan, total)
    return _top_eigenvector(_moment(_settled(q, share, laue), q, share, laue))


def _moment(m: Array, q: Array, weights: Array, laue: str) -> Float[Array, "4 4"]:
    """T = Σ w r rᵀ over the equivalents nearest to m."""
    r = jnp.stack(product(nearest_operator(product(q, inverse(m)), symmetry_operators(laue)), q))
    return jnp.matmul(weights * r, r.T, precision=jax.lax.Precision.HIGHEST)


def _settled(q: Array, weights: Array, laue: str) -> Float[Array, "4"]:
    """The mean at which the choice of equivalents no longer changes; a constant for differentiation."""
    q, weights = jax.lax.stop_gradient((q, weights))
    least_gain = 8 * jnp.finfo(q.dtype).eps

    def gains(state: tuple[Array, Array, Array, Array]) -> Array:
        _, now, before, steps = state
        return (now > before + least_gain) & (steps < MAX_STEPS)

    def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        m, now, _, steps = state
        values, vectors = jnp.linalg.eigh(_moment(m, q, weights, laue))
        return vectors[:, -1], values[-1], now, steps + 1

    start = q[:, jnp.argmax(weights)]
    zero = jnp.zeros((), q.dtype)
    return jax.lax.while_loop(gains, step, (start, zero, zero - 1, jnp.zeros((), jnp.int32)))[0]


@jax.custom_jvp
def _top_eigenvector(matrix: Float[Array, "4 4"]) -> Float[Array, "4"]:
    """The eigenvector of largest eigenvalue, of which alone the derivative needs to be simple."""
    return jnp.linalg.eigh(matrix)[1][:, -1]


@_top_eigenvector.defjvp
def _top_eigenvector_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # (T − λ) m = 0 with m · m = 1:  (λ − T + m mᵀ) dm = (1 − m mᵀ) dT m
    (matrix,), (change,) = primals, tangents
    m = _top_eigenvector(matrix)
    value = m @ matrix @ m
    system = value * jnp.eye(4, dtype=m.dtype) - matrix + jnp.outer(m, m)
    push = change @ m
    return m, jnp.linalg.solve(system, push - m * (m @ push))
