"""Smooth cuts of a field at levels that give each phase its volume fraction, and their derivatives.

What lies below a level t is, with u = 4 (t − f) / width and the logistic s(u) = 1 / (1 + exp(−u)),

    p(x) = a(x) s(u(x)),        mean p = v,

with a the share of each voxel that is still free (one, for a single cut). The level follows from v, which is wanted. From the equation,
with the means over voxels and ω = a s′ / Σ a s′,

    dt = (width / 4) (N dv − Σ s da) / Σ a s′ + Σ ω (df − (t − f) dwidth / width),
    dp = s da + ω (N dv − Σ s da) + a s′ du₀,     du₀ = (4 / width) (Σ ω g − g),   g = df − (f − t) dwidth / width ,

in which ω is a softmax: it stays finite where the width is so small that s′ underflows everywhere, and the mean of dp is dv to rounding.
The search for t is never differentiated.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import as_float_arrays, check, check_finite, is_concrete
from jaxmicro.fields import Grid, forward, frequencies, mirror_weights

FRACTION_SLACK = 1e-5  # what fractions may miss of a sum of one: float32
TAIL = {"float64": 40.0, "float32": 20.0}  # u at which what is left of the logistic is below the rounding of a mean
MOST_STEPS = 200  # bisection alone needs about 70


def soft_levels(
    field: Float[ArrayLike, "..."],
    fractions: Float[ArrayLike, " p"] | Sequence[float | ArrayLike],
    width: float | Float[ArrayLike, ""],
) -> Float[Array, "p ..."]:
    """Phase fractions by cutting a field at levels, smooth, with the asked mean of each phase.

    Phase 0 is what lies below the first level, phase k what lies between levels k and k + 1, as in `random_field`:

        φ_k = s(4 (t_{k+1} − f) / width) − s(4 (t_k − f) / width),      mean φ_k = fractions_k,

    with the logistic s, whose tangent in the middle goes from 0 to 1 over `width` (in the unit of the field), and levels t that solve the
    equations on the right to rounding. As the width goes to zero this becomes a sharp cut.

    Args:
        field: numbers of any shape, here `(*grid)`.
        fractions: mean of each phase, `(p,)`, sum 1.
        width: of the transition, in the unit of the field. Divide by the slope of the field for a width in space: `typical_slope`.

    Returns:
        Fractions `(p, *grid)`, non-negative, sum 1 over the phases: for `Microstructure(fractions=…)`.

    Raises:
        ValueError: if fractions are negative or do not sum to 1, the field is not finite, or the width is not positive; where these are
            traced the result is NaN.

    Reference: the equations are derived in this file.

    Example:
        >>> phases = soft_levels(jnp.linspace(-1.0, 1.0, 8).reshape(2, 4), (0.3, 0.5, 0.2), width=0.5)
        >>> [round(float(share), 6) for share in phases.mean(axis=(1, 2))]
        [0.3, 0.5, 0.2]

    Differentiable in the field, the fractions (towards the sum of one, the last is what is left) and the width, in both modes and twice.
    """
    values, shares, thickness = as_float_arrays(field=field, fractions=fractions, width=width)
    shares = checked_shares(shares)
    check(thickness.ndim == 0, f"`width` must be one number, but its shape is {thickness.shape}.")
    check_width(thickness)
    check_finite("field", values)
    return _levels(values, shares, thickness)


@jax.jit
def _levels(field: Float[Array, "..."], shares: Float[Array, " p"], width: Float[Array, ""]) -> Float[Array, "p ..."]:
    cumulative = jnp.cumsum(shares)[:-1]
    below = jax.vmap(lambda v: soft_share(field, v, width, jnp.ones_like(field)))(cumulative)
    none, all_ = jnp.zeros_like(field)[None], jnp.ones_like(field)[None]
    wrong = jnp.any(shares < 0) | (jnp.abs(jnp.sum(shares) - 1) > FRACTION_SLACK)
    phases = jnp.diff(jnp.concatenate([none, below, all_]), axis=0)
    return phases * jnp.where(wrong, jnp.nan, 1.0)


@jax.custom_jvp
def soft_share(
    field: Float[Array, "..."], share: Float[Array, ""], width: Float[Array, ""], free: Float[Array, "..."]
) -> Float[Array, "..."]:
    """What lies below the level that gives it the mean `share`, where `free` is what a voxel has left for it.

    Example:
        >>> below = soft_share(jnp.arange(4.0), jnp.array(0.5), jnp.array(0.1), jnp.ones(4))
        >>> [round(float(share), 3) for share in below]
        [1.0, 1.0, 0.0, 0.0]
    """
    return free * jax.nn.sigmoid(4 * (level(field, share, width, free) - field) / width)


@soft_share.defjvp
def _soft_share_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    field, share, width, free = primals
    dfield, dshare, dwidth, dfree = tangents
    t = level(field, share, width, free)
    u = 4 * (t - field) / width
    s, weight = jax.nn.sigmoid(u), _weights(u, free)
    moved = dfield + (t - field) * dwidth / width
    given = field.size * dshare - jnp.sum(s * dfree)
    inner = free * s * jax.nn.sigmoid(-u) * 4 / width
    return free * s, s * dfree + weight * given + inner * (jnp.sum(weight * moved) - moved)


@jax.custom_jvp
def level(field: Float[Array, "..."], share: Float[Array, ""], width: Float[Array, ""], free: Float[Array, "..."]) -> Float[Array, ""]:
    """The level t at which what lies below has the mean `share`; NaN where a width is not positive or a share is out of [0, mean free].

    Example:
        >>> round(float(level(jnp.arange(4.0), jnp.array(0.5), jnp.array(0.1), jnp.ones(4))), 6)
        1.5
    """
    t = _search(field, share, width, free)
    mean = jnp.mean(free)
    sound = (width > 0) & (share >= 0) & (share <= mean * (1 + FRACTION_SLACK)) & jnp.all(jnp.isfinite(field))
    return jnp.where(sound, t, jnp.nan)


@level.defjvp
def _level_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    field, share, width, free = primals
    dfield, dshare, dwidth, dfree = tangents
    t = level(field, share, width, free)
    u = 4 * (t - field) / width
    s, weight = jax.nn.sigmoid(u), _weights(u, free)
    slope = jnp.sum(free * s * jax.nn.sigmoid(-u)) * 4 / width
    moved = dfield + (t - field) * dwidth / width
    return t, jnp.sum(weight * moved) + (field.size * dshare - jnp.sum(s * dfree)) / slope


def _weights(u: Float[Array, "..."], free: Float[Array, "..."]) -> Float[Array, "..."]:
    """A s′ over its sum, as a softmax of logarithms."""
    safe = jnp.where(free > 0, free, 1.0)
    exponents = jnp.where(free > 0, jnp.log(safe) + jax.nn.log_sigmoid(u) + jax.nn.log_sigmoid(-u), -jnp.inf)
    return jax.nn.softmax(exponents.ravel()).reshape(u.shape)


def _search(field: Array, share: Array, width: Array, free: Array) -> Array:
    """Root of a monotone function: Newton's steps, and bisection where they leave the bracket or gain less than it does."""
    reach = (TAIL[field.dtype.name] + math.log(field.size)) * width / 4
    low, high = jnp.min(field) - reach, jnp.max(field) + reach
    # two ulps of the bracket's ends: no level between is told apart
    tolerance = 2 * float(jnp.finfo(field.dtype).eps) * jnp.maximum(jnp.abs(low), jnp.abs(high))

    def excess(t: Array) -> tuple[Array, Array]:
        s = jax.nn.sigmoid(4 * (t - field) / width)
        return jnp.mean(free * s) - share, jnp.mean(free * s * (1 - s)) * 4 / width

    def unfinished(state: tuple[Array, ...]) -> Array:
        count, _, low, high, _, step = state
        return (count < MOST_STEPS) & (high - low > tolerance) & (jnp.abs(step) > tolerance / 4)

    def body(state: tuple[Array, ...]) -> tuple[Array, ...]:
        count, t, low, high, before, _ = state
        value, slope = excess(t)
        low, high = jnp.where(value < 0, t, low), jnp.where(value >= 0, t, high)
        newton = t - value / jnp.where(slope > 0, slope, 1.0)
        trusted = (slope > 0) & (newton > low) & (newton < high) & (jnp.abs(value) < before / 2)
        new = jnp.where(trusted, newton, (low + high) / 2)
        return count + 1, new, low, high, jnp.abs(value), new - t

    start = (jnp.zeros((), jnp.int32), (low + high) / 2, low, high, jnp.full_like(low, jnp.inf), high - low)
    return jax.lax.stop_gradient(jax.lax.while_loop(unfinished, body, start)[1])


def typical_slope(field: Float[Array, "*grid"], grid: Grid) -> Float[Array, ""]:
    """Root mean square of |∇f| of a periodic field, over its Fourier modes.

    Of a Gaussian field it is that at every level, since value and slope are independent there.

    Example:
        >>> wave = jnp.sin(2 * jnp.pi * (jnp.arange(16.0)[:, None] + 0 * jnp.arange(4.0)) / 16)
        >>> round(float(typical_slope(wave, Grid((16, 4)))), 6), round(2 * np.pi / 16 * 0.5**0.5, 6)
        (0.27768, 0.27768)
    """
    power = jnp.abs(forward(field, grid.ndim)) ** 2
    waves = [
        jnp.asarray(wave, field.dtype) * 2 * jnp.pi / length for wave, length in zip(frequencies(grid.shape), grid.lengths, strict=True)
    ]
    square = functools.reduce(jnp.add, [wave**2 for wave in waves])
    return jnp.sqrt(jnp.sum(power * square * jnp.asarray(mirror_weights(field.shape), field.dtype))) / field.size


def ranks(field: Float[Array, "*grid"]) -> Int[Array, "*grid"]:
    """Position of each voxel in ascending order: with it, sharp cuts are exact to one voxel.

    Example:
        >>> ranks(jnp.array([[0.3, 0.1], [0.2, 0.4]])).tolist()
        [[2, 0], [1, 3]]
    """
    order = jnp.argsort(field.ravel())
    return jnp.zeros(field.size, jnp.int32).at[order].set(jnp.arange(field.size, dtype=jnp.int32)).reshape(field.shape)


def voxel_bounds(shares: Float[Array, " p"], size: int) -> Int[Array, " cuts"]:
    """Cumulative numbers of voxels; rounding half up keeps every count within one voxel, rounding half to even would not.

    Example:
        >>> voxel_bounds(jnp.array([0.25, 0.5, 0.25]), 10).tolist()
        [3, 8]
    """
    return jnp.floor(jnp.cumsum(shares)[:-1] * size + 0.5).astype(jnp.int32)


@jax.jit
def sharp_levels(field: Float[Array, "*grid"], shares: Float[Array, " p"]) -> Int[Array, "*grid"]:
    """Phase of each voxel: number of cumulative counts at or below its rank.

    Example:
        >>> sharp_levels(jnp.array([[0.3, 0.1], [0.2, 0.4]]), jnp.array([0.5, 0.5])).tolist()
        [[1, 0], [0, 1]]
    """
    bounds = voxel_bounds(shares, field.size)
    return jnp.searchsorted(bounds, ranks(field).ravel(), side="right").reshape(field.shape).astype(jnp.int32)


def two_shares(volume_fraction: Any, dtype: Any) -> Float[Array, " 2"]:
    """Shares of two phases from that of the second.

    Example:
        >>> two_shares(0.25, jnp.float32).tolist()
        [0.75, 0.25]
    """
    second = jnp.asarray(volume_fraction, dtype)
    check(second.ndim == 0, f"`volume_fraction` must be one number, but its shape is {second.shape}. Use `fractions` for several phases.")
    if is_concrete(second):
        check(0 <= float(second) <= 1, f"`volume_fraction` must lie in [0, 1], but it is {float(second):g}.")
    return jnp.stack([1 - second, second])


def checked_shares(shares: Float[Array, "..."]) -> Float[Array, " p"]:
    """At least two phases whose concrete shares are non-negative and sum to one."""
    check(
        shares.ndim == 1 and shares.shape[0] >= 2,
        f"`fractions` must hold at least two numbers, but its shape is {shares.shape}. Use `volume_fraction` for the second of two phases.",
    )
    if is_concrete(shares):
        values = np.asarray(shares)
        good = (values >= 0).all() and abs(values.sum() - 1) < FRACTION_SLACK
        check(bool(good), f"`fractions` must be non-negative and sum to 1, but they are {values.tolist()} with sum {values.sum():g}.")
    return shares


def check_width(width: Any) -> None:
    """A width that is known must be positive and finite."""
    if is_concrete(width):
        check(bool(np.isfinite(width)) and float(width) > 0, f"`width` must be positive and finite, but it is {float(width):g}.")
