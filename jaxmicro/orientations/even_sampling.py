"""Even samples: sequences that fill a density with fewer gaps and clusters than independent draws.

The points frac(u + i a) with the powers a_k = g^−k of the root g of g^(d+1) = g + 1 lie evenly in the unit cube for every stretch of
consecutive i (M. Roberts' R sequence, a Kronecker sequence), so that each component of a texture, which takes a stretch, is even too.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

TABLE = 2048
NARROW = 12.0  # times 1/√κ: beyond, nothing is left of a narrow kernel


def even_points(key: Array, n: int, dimensions: int, dtype: jnp.dtype) -> Float[Array, "d n"]:
    """Points of the unit cube, moved by one random shift."""
    root = 1.5
    for _ in range(50):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = np.outer(root ** -np.arange(1.0, dimensions + 1), np.arange(n)) % 1.0  # in double precision, whatever the dtype
    return (jnp.asarray(steps, dtype) + jax.random.uniform(key, (dimensions, 1), dtype)) % 1.0


def even_choice(key: Array, n: int, shares: Float[Array, " m"]) -> Int[Array, " n"]:
    """Indices in rising order, each as often as its share of n, up to one; never one without a share."""
    total = jnp.cumsum(shares)
    total = total / total[-1]  # so that it ends with one, whatever is rounded
    places = (jnp.arange(n, dtype=total.dtype) + jax.random.uniform(key, (), total.dtype)) / n
    places = jnp.clip(places, jnp.finfo(total.dtype).tiny, 1.0)
    return jnp.minimum(jnp.searchsorted(total, places), shares.shape[0] - 1)


def even_rotations(points: Float[Array, "3 n"]) -> Float[Array, "4 n"]:
    """Rotations without preference from points of the cube (K. Shoemake, Graphics Gems III, 1992)."""
    low, high = jnp.sqrt(1 - points[0]), jnp.sqrt(points[0])
    first, second = 2 * math.pi * points[1], 2 * math.pi * points[2]
    return jnp.stack([high * jnp.cos(second), low * jnp.sin(first), low * jnp.cos(first), high * jnp.sin(second)])


def even_turns(points: Float[Array, "3 n"], halfwidth: Array) -> Float[Array, "4 n"]:
    """Turns of the de la Vallée Poussin kernel, density ∝ sin²(ω/2) cos^2κ(ω/2) in the angle, about axes of all directions."""
    kappa = -math.log(2.0) / jnp.log1p(-(jnp.sin(halfwidth / 2) ** 2))
    half = jnp.linspace(0.0, 1.0, TABLE, dtype=points.dtype) * jnp.minimum(0.5 * math.pi, 0.5 * NARROW / jnp.sqrt(kappa))
    density = jnp.sin(half) ** 2 * jnp.exp(2 * kappa * jnp.log(jnp.maximum(jnp.cos(half), 1e-30)))
    area = jnp.concatenate([jnp.zeros(1, density.dtype), jnp.cumsum((density[1:] + density[:-1]) / 2)])
    angle = jnp.interp(points[0] * area[-1], area, half)
    height, around = 1 - 2 * points[1], 2 * math.pi * points[2]
    flat = jnp.sqrt(jnp.maximum(1 - height**2, 0.0))
    axis = jnp.stack([flat * jnp.cos(around), flat * jnp.sin(around), height])
    return jnp.concatenate([jnp.cos(angle)[None], jnp.sin(angle) * axis])
