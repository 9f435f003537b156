"""Paths between latents."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice


def interpolate(
    z0: Float[ArrayLike, "*latent"], z1: Float[ArrayLike, "*latent"], steps: int, kind: str = "linear"
) -> Float[Array, "steps *latent"]:
    """Latents on the way from `z0` to `z1`, both ends included.

    `"linear"` is (1 − t) z0 + t z1. `"spherical"` turns the direction at constant speed and changes the length
    linearly, (sin((1 − t)θ) û0 + sin(tθ) û1) / sin θ · ((1 − t)|z0| + t|z1|), so that the middle of the path is as
    long as typical latents are. Where the directions are (anti)parallel or an end is zero there is no unique turn:
    there the path is the linear one.

    Args:
        z0: first latent.
        z1: last latent, of the same shape.
        steps: number of latents, at least 2.
        kind: `"linear"` or `"spherical"`.

    Returns:
        `(steps, *latent)`.

    Raises:
        ValueError: for shapes that differ, fewer than 2 steps or an unknown kind.

    Example:
        >>> interpolate(jnp.zeros(2), jnp.ones(2), 3)[1].tolist()
        [0.5, 0.5]

    Differentiable everywhere, also at equal, opposite and zero latents.

    Reference:
        K. Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985, doi:10.1145/325165.325242.
    """
    start, end = as_float_array("z0", z0), as_float_array("z1", z1)
    check(start.shape == end.shape, f"`z0` and `z1` must have one shape, but they have {start.shape} and {end.shape}.")
    check(steps >= 2, f"`steps` must be at least 2, but it is {steps}.")
    check_choice("kind", kind, ("linear", "spherical"))
    t = jnp.linspace(0, 1, steps, dtype=start.dtype).reshape(steps, *[1] * start.ndim)
    linear = (1 - t) * start + t * end
    return linear if kind == "linear" else _spherical(start, end, t, linear)


def _spherical(start: Array, end: Array, t: Array, linear: Array) -> Array:
    tiny = jnp.finfo(start.dtype).tiny ** 0.5
    squares = jnp.sum(start**2), jnp.sum(end**2)
    nonzero = (squares[0] > tiny) & (squares[1] > tiny)
    length0, length1 = (jnp.sqrt(jnp.where(nonzero, square, 1.0)) for square in squares)
    a, b = start / length0, end / length1
    # the angle by half chords: exact for nearly parallel directions, where arccos is not
    far, near = jnp.sum((a - b) ** 2), jnp.sum((a + b) ** 2)
    turns = nonzero & (far > 16 * jnp.finfo(a.dtype).eps) & (near > 16 * jnp.finfo(a.dtype).eps)
    far, near = jnp.where(turns, far, 1.0), jnp.where(turns, near, 1.0)
    angle = 2 * jnp.arctan2(jnp.sqrt(far), jnp.sqrt(near))
    direction = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / jnp.sin(angle)
    return jnp.where(turns, direction * ((1 - t) * length0 + t * length1), linear)
