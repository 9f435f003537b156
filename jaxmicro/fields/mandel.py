"""Mandel notation: symmetric tensors as vectors whose inner product is that of the tensors.

3D order 11, 22, 33, 23, 13, 12 and 2D order 11, 22, 12, with √2 on the shears (Mandel 1965). Voigt notation, with 2 on
the shear strains and 1 on the shear stresses, is converted at the edge.
"""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice

PAIRS = {3: ((0, 0), (1, 1), (0, 1)), 6: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}
Kind = Literal["stiffness", "compliance", "stress", "strain"]


def _shear_factors(size: int, kind: str) -> np.ndarray:
    """Mandel over Voigt, component by component, for vectors; the square roots of 2 of the shears."""
    shear = np.array([i != j for i, j in PAIRS[size]])
    root = {"stiffness": np.sqrt(2), "stress": np.sqrt(2), "compliance": np.sqrt(0.5), "strain": np.sqrt(0.5)}[kind]
    return np.where(shear, root, 1.0)


def _scale(value: ArrayLike, kind: Kind, sign: int) -> Float[Array, "m ..."]:
    check_choice("kind", kind, ("stiffness", "compliance", "stress", "strain"))
    array = as_float_array("value", value)
    size = array.shape[0] if array.ndim else 0
    check(size in PAIRS, f"`value` must have 3 or 6 components first, but its shape is {array.shape}.")
    factor = _shear_factors(size, kind) ** sign
    if kind in ("stiffness", "compliance"):
        check(
            array.ndim >= 2 and array.shape[1] == size, f"`value` must be ({size}, {size}, …) for a {kind}, but its shape is {array.shape}."
        )
        factor = np.outer(factor, factor)
    factor = factor.reshape(factor.shape + (1,) * (array.ndim - factor.ndim))
    return array * jnp.asarray(factor, array.dtype)


def from_voigt(value: ArrayLike, kind: Kind = "stiffness") -> Float[Array, "m ..."]:
    """Voigt to Mandel.

    Args:
        value: `(m, m, …)` for `"stiffness"` and `"compliance"`, `(m, …)` for `"stress"` and `"strain"` (engineering shear
            strains, twice the tensor's); m is 3 or 6.
        kind: which of the four it is.

    Returns:
        The same shape in Mandel notation. Linear, so differentiable.

    Raises:
        ValueError: if the leading sizes are not 3 or 6.

    Example:
        >>> from_voigt(jnp.eye(6), "stiffness").diagonal().round(6).tolist()
        [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    """
    return _scale(value, kind, +1)


def to_voigt(value: ArrayLike, kind: Kind = "stiffness") -> Float[Array, "m ..."]:
    """Mandel to Voigt: the inverse of `from_voigt`, with the same arguments.

    Example:
        >>> to_voigt(jnp.array([0.0, 0.0, 2.0**0.5]), "strain").round(6).tolist()
        [0.0, 0.0, 2.0]
    """
    return _scale(value, kind, -1)


def mandel_to_tensor(vector: Float[ArrayLike, "m ..."]) -> Float[Array, "d d ..."]:
    """A Mandel vector (m, …) as its symmetric tensor (d, d, …). Linear, so differentiable.

    Example:
        >>> mandel_to_tensor(jnp.array([1.0, 2.0, 2.0**0.5])).round(6).tolist()
        [[1.0, 1.0], [1.0, 2.0]]
    """
    vector = as_float_array("vector", vector)
    size = vector.shape[0]
    check(size in PAIRS, f"`vector` must have 3 or 6 components first, but its shape is {vector.shape}.")
    dim = 2 if size == 3 else 3
    lookup = {pair: k for k, pair in enumerate(PAIRS[size])}
    rows = []
    for i in range(dim):
        entries = [vector[lookup[min(i, j), max(i, j)]] * (1.0 if i == j else 0.5**0.5) for j in range(dim)]
        rows.append(jnp.stack(entries))
    return jnp.stack(rows)


def tensor_to_mandel(tensor: Float[ArrayLike, "d d ..."]) -> Float[Array, "m ..."]:
    """A symmetric tensor (d, d, …) as its Mandel vector (m, …); the symmetric part of any other. Linear, so differentiable.

    Example:
        >>> [round(float(x), 4) for x in tensor_to_mandel(jnp.array([[1.0, 1.0], [1.0, 2.0]]))]
        [1.0, 2.0, 1.4142]
    """
    tensor = as_float_array("tensor", tensor)
    dim = tensor.shape[0]
    check(dim in (2, 3) and tensor.shape[1] == dim, f"`tensor` must be (2, 2, …) or (3, 3, …), but its shape is {tensor.shape}.")
    pairs = PAIRS[3 if dim == 2 else 6]
    return jnp.stack([tensor[i, j] if i == j else (tensor[i, j] + tensor[j, i]) * 0.5**0.5 for i, j in pairs])
