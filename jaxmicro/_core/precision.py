"""What each dtype can reach, and sums that do not lose digits."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core.checks import is_concrete

DEFAULT_RTOL = {"float64": 1e-5, "float32": 1e-3}
SMALLEST_RTOL = {"float64": 1e-12, "float32": 1e-5}
SMALLEST_TENSOR_RTOL = {"float64": 1e-14, "float32": 1e-6}


def default_rtol(dtype: np.dtype, rtol: float | ArrayLike | None) -> float:
    """The relative tolerance of a solve: the user's if given and reachable, else the default of the dtype."""
    if rtol is None:
        return DEFAULT_RTOL[jnp.dtype(dtype).name]
    check_rtol(dtype, rtol)
    return float(np.asarray(rtol))


def tensor_rtol_root(dtype: np.dtype, tensor_rtol: float | ArrayLike) -> float:
    """The tolerance of a fluctuation that goes with one of the tensor, which is quadratic in it."""
    check_rtol(dtype, tensor_rtol, "tensor_rtol", SMALLEST_TENSOR_RTOL)
    return max(float(np.asarray(tensor_rtol)) ** 0.5, SMALLEST_RTOL[jnp.dtype(dtype).name])


def check_rtol(dtype: np.dtype, rtol: float | ArrayLike, what: str = "rtol", reach: Mapping[str, float] = SMALLEST_RTOL) -> None:
    """Refuse a tolerance that the dtype cannot reach."""
    name = jnp.dtype(dtype).name
    if not is_concrete(rtol) or np.shape(rtol) != () or np.asarray(rtol).dtype.kind not in "iuf":
        raise TypeError(f"`{what}` must be a number, but it is {rtol!r}.")
    smallest = reach[name]
    value = np.asarray(rtol)
    if not (smallest <= value < 1):
        remedy = " Use float64 input with JAX's x64 mode on for less." if name == "float32" else ""
        raise ValueError(f"`{what}` must lie in [{smallest:g}, 1) for {name}, but it is {float(value):g}.{remedy}")


def dot(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, ""]:
    """Inner product of two fields of one shape, in float64 where x64 is on, else with compensated partial sums."""
    if jnp.result_type(a, b) == jnp.float64:
        # A product-and-sum would be fused with whatever makes `a` and `b`, which is then computed twice.
        return jnp.vdot(a.ravel(), b.ravel(), precision=jax.lax.Precision.HIGHEST)
    product = a * b
    if jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        return jnp.sum(product, dtype=jnp.float64).astype(product.dtype)
    return _compensated_sum(jnp.sum(product, axis=-1).ravel())


@jax.jit
def in_reach(vectors: Float[Array, "d ..."]) -> Float[Array, "d ..."]:
    """Vectors over their largest entry where squares of their length, or derivatives of these, could over- or underflow.

    For what does not depend on the length: the divisor is a constant for differentiation. Zero stays zero, NaN stays NaN, and vectors of
    ordinary length stay as they are, bit by bit.

    Example:
        >>> in_reach(jnp.array([[2.0**100, 3.0], [0.0, 4.0]], jnp.float32)).tolist()
        [[1.0, 3.0], [0.0, 4.0]]
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vectors), axis=0))
    least = float(jnp.finfo(vectors.dtype).tiny) ** 0.25
    ordinary = (largest == 0) | ((largest > least) & (largest < 1 / least))
    return vectors / jnp.where(ordinary, 1.0, largest)


def _compensated_sum(values: Float[Array, " n"]) -> Float[Array, ""]:
    """Pairwise sum whose rounding errors are carried along (two-sum of Knuth)."""
    size = values.shape[0]
    width = 1 << max(size - 1, 0).bit_length()
    high = jnp.zeros(width, values.dtype).at[:size].set(values)
    low = jnp.zeros_like(high)
    while width > 1:
        width //= 2
        a, b = high[:width], high[width:]
        total = a + b
        shadow = total - a
        error = (a - (total - shadow)) + (b - shadow)
        high, low = total, low[:width] + low[width:] + error
    return (high + low)[0]
