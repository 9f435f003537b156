"""Named splitting of random keys, so that adding a consumer never changes what the others draw."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def check_key(key: Array) -> Array:
    """Accept only typed keys (`jax.random.key(seed)`)."""
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        raise TypeError(f"`key` must be a typed key, but it is {type(key).__name__}. Pass jax.random.key(seed).")
    return key


def split_named(key: Array, *names: str) -> dict[str, Array]:
    """One independent key per name; the key of a name does not depend on the other names.

    Example:
        >>> keys = split_named(jax.random.key(0), "field", "noise")
        >>> sorted(keys)
        ['field', 'noise']
    """
    check_key(key)
    return {name: jax.random.fold_in(key, zlib.crc32(name.encode())) for name in names}


def numpy_generator(key: Array) -> np.random.Generator:
    """A NumPy generator seeded from a JAX key, for libraries and algorithms that want one."""
    check_key(key)
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
