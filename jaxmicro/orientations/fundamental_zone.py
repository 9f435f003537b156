"""The fundamental zone: of all equivalent orientations the one nearest the identity."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxmicro.orientations.equivalents import check_group, nearest_operator, product
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import checked, multiply, normalize

# Equivalents whose scalar parts differ by less than this many rounding errors are equally near.
TIE = 16
# Of those, the one whose rotation vector lies furthest along a direction that no symmetry singles out.
PREFERRED = (1.0, 0.6180339887, 0.3247179572)


def fundamental_zone(q: ArrayLike, laue: str = "m-3m") -> Float[Array, "4 ..."]:
    """The symmetrically equivalent orientation s q nearest the identity.

    On the faces of the zone several are equally near (to 16 rounding errors); then the one is taken whose axis lies furthest
    along a fixed direction of no symmetry, so that equivalent orientations give the same one and a second call changes
    nothing.

    Args:
        q: quaternions `(4, …)` of any length.
        laue: Laue group, one of `LAUE_GROUPS`.

    Returns:
        Unit quaternions `(4, …)`, scalar part not negative.

    Raises:
        ValueError: if the first axis is not 4 or the group is not known.

    Reference:
        A. Morawiec, D. P. Field, "Rodrigues parameterization for orientation and misorientation distributions", Philos.
        Mag. A 73, 1113 (1996), doi:10.1080/01418619608243708.

    Example:
        >>> turned = from_euler((80.0, 0.0, 0.0), degrees=True)
        >>> to_euler(fundamental_zone(turned, "m-3m"), degrees=True).round(3).tolist()
        [350.0, 0.0, 0.0]

    Differentiable inside the zone: a constant symmetry times q.
    """
    array = _of_unit_length(checked("q", q))
    check_group("laue", laue)
    return _reduced(array, laue)


def in_fundamental_zone(q: ArrayLike, laue: str = "m-3m") -> Bool[Array, "..."]:
    """Whether no equivalent orientation is nearer to the identity; the faces of the zone belong to it.

    Args:
        q: unit quaternions `(4, …)`; q and −q are one rotation.
        laue: Laue group, one of `LAUE_GROUPS`.

    Returns:
        `(…)`; False where q is NaN.

    Raises:
        ValueError: if the first axis is not 4 or the group is not known.

    Example:
        >>> in_fundamental_zone(from_euler([[40.0, 50.0], [0.0, 0.0], [0.0, 0.0]], degrees=True), "m-3m").tolist()
        [True, False]

    Yes or no: there is nothing to differentiate.
    """
    array = _of_unit_length(checked("q", q))
    check_group("laue", laue)
    return _inside(array, laue)


def _of_unit_length(q: Array) -> Array:
    """`normalize`, with its derivative, but quaternions that are of unit length to rounding stay as they are, bit by bit."""
    unit = normalize(q)
    near = jnp.abs(jnp.sum(q**2, axis=0) - 1) <= TIE * jnp.finfo(q.dtype).eps
    return unit + jax.lax.stop_gradient(jnp.where(near, q - unit, 0.0))


def _largest_scalar(q: Array, laue: str) -> Array:
    """The largest scalar part, in size, among the equivalents s q."""
    return jnp.abs(product(nearest_operator(q, symmetry_operators(laue)), q)[0])


@partial(jax.jit, static_argnums=1)
def _inside(q: Array, laue: str) -> Array:
    return jnp.abs(q[0]) >= _largest_scalar(q, laue) - TIE * jnp.finfo(q.dtype).eps


@partial(jax.jit, static_argnums=1)
def _reduced(q: Array, laue: str) -> Array:
    """A pass over ± s q for the preferred one among the nearest, then that constant operator times q."""
    fixed = jax.lax.stop_gradient(q)
    least = _largest_scalar(fixed, laue) - TIE * jnp.finfo(q.dtype).eps
    table = symmetry_operators(laue).T
    operators = jnp.stack([jnp.asarray(table, q.dtype), jnp.asarray(-table, q.dtype)], axis=1).reshape(-1, 4)

    def consider(best: tuple[Array, Array], s: Array) -> tuple[tuple[Array, Array], None]:
        score, chosen = best
        w, x, y, z = product(s, fixed)
        new = jnp.where(w >= least, -(PREFERRED[0] * x + PREFERRED[1] * y + PREFERRED[2] * z), -jnp.inf)
        better = new > score
        return (jnp.where(better, new, score), jnp.where(better, s.reshape((4,) + (1,) * (q.ndim - 1)), chosen)), None

    start = (jnp.full(q.shape[1:], -jnp.inf, q.dtype), jnp.zeros_like(q).at[0].set(1.0))
    (_, chosen), _ = jax.lax.scan(consider, start, operators)
    return multiply(chosen, q)
