"""A fence between loops that the CPU compiler would merge.

It merges whatever makes a field with every use of it, and computes it again for each: the stress of a voxel once for each of
its nodes, say. A condition that it cannot see through stops that and copies nothing.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def apart(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that is not merged with its neighbours on CPU: the compiler does not know the condition, which holds for all numbers.

    Args:
        step: a function of pytrees of fields. Where the first entry of the first field is not finite, its result is NaN.
    """
    if jax.default_backend() != "cpu":
        return step

    def nothing(*arguments: Any) -> Any:
        return jax.tree.map(lambda like: jnp.full(like.shape, jnp.nan, like.dtype), jax.eval_shape(step, *arguments))

    return lambda *arguments: jax.lax.cond(jnp.isfinite(jax.tree.leaves(arguments)[0].ravel()[0]), step, nothing, *arguments)
