"""Random changes of training images that keep what they are samples of."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import split_named
from jaxmicro.generative.config import CodecConfig


def augment(images: Float[Array, "n p *grid"], config: CodecConfig, key: Array) -> Float[Array, "n p *grid"]:
    """Roll (periodic data only), mirror and turn each image at random, as the configuration allows."""
    keys = split_named(key, "roll", "flip", "turn")
    axes = tuple(range(1, images.ndim - 1))  # space axes of one image
    if config.periodic:
        images = _roll(images, keys["roll"])
    if config.flips:
        for axis, subkey in zip(axes, jax.random.split(keys["flip"], len(axes)), strict=True):
            images = _maybe(images, jnp.flip(images, axis + 1), subkey)
    if config.rotations:
        for axis, subkey in zip(axes[1:], jax.random.split(keys["turn"], len(axes) - 1), strict=True):
            images = _maybe(images, jnp.swapaxes(images, 2, axis + 1), subkey)
    return images


def _roll(images: Float[Array, "n p *grid"], key: Array) -> Float[Array, "n p *grid"]:
    """Shift every image by its own random whole number of voxels along each axis."""
    n, _, *grid = images.shape
    for axis, (size, subkey) in enumerate(zip(grid, jax.random.split(key, len(grid)), strict=True), start=2):
        start = jax.random.randint(subkey, (n, 1), 0, size, dtype=jnp.int32)
        index = (jnp.arange(size)[None] + start) % size
        index = index.reshape(n, *[size if a == axis else 1 for a in range(1, images.ndim)])
        images = jnp.take_along_axis(images, index, axis=axis)
    return images


def _maybe(images: Float[Array, "n *rest"], changed: Float[Array, "n *rest"], key: Array) -> Float[Array, "n *rest"]:
    chosen = jax.random.uniform(key, (images.shape[0], *[1] * (images.ndim - 1)), dtype=jnp.float32) < 0.5
    return jnp.where(chosen, changed, images)
