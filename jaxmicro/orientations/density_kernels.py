"""The de la Vallée Poussin kernel of rotations and of axes, and its mean about many places with bounded memory.

About one rotation the density is K(ω) = C cos^(2κ)(ω/2) with C = B(3/2, 1/2) / B(3/2, κ + 1/2), one on average over all
rotations. Its integral over the rotations that bring one direction to within an angle η of another is
(1 + κ) cos^(2κ)(η/2), one on average over the sphere. In the characters χ_l of the rotation group
K = Σ (2l + 1) A_l χ_l(ω), with A_0 = 1 and A_(l+1) / A_l = (κ − l) / (κ + l + 2).

H. Schaeben, phys. stat. sol. (b) 200, 367 (1997), doi:10.1002/1521-3951(199704)200:2<367::AID-PSSB367>3.0.CO;2-I, and
Textures and Microstructures 33, 365 (1999), doi:10.1155/TSM.33.365.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, is_concrete
from jaxmicro.orientations.quaternions import checked, normalize

HALFWIDTH = math.radians(10.0)
SMALLEST_HALFWIDTH = math.radians(0.1)
ROWS, SOURCES = 384, 2048  # of one block: a few megabytes

Kernel = Callable[[Array, Array], Array]


def exponent_of(halfwidth: Any, degrees: bool) -> float:
    """The exponent κ of the kernel that falls to one half of its peak at an angle; 10° where none is given."""
    if halfwidth is None:
        angle = HALFWIDTH
    else:
        number = is_concrete(halfwidth) and np.shape(halfwidth) == () and np.asarray(halfwidth).dtype.kind in "iuf"
        check(
            number,
            f"`halfwidth` must be a number, but it is {halfwidth!r}. It is fixed outside of `jit`: close over it.",
            TypeError,
        )
        angle = math.radians(float(halfwidth)) if degrees else float(halfwidth)
    check(
        SMALLEST_HALFWIDTH <= angle <= math.pi / 2,
        f"`halfwidth` must lie in [0.1°, 90°], but it is {math.degrees(angle):g}°. Give radians, or degrees with `degrees=True`.",
    )
    return math.log(0.5) / math.log1p(-(math.sin(angle / 2) ** 2))


def rotation_kernel(cosine: Float[Array, "..."], exponent: Float[Array, ""]) -> Float[Array, "..."]:
    """cos^(2κ)(ω/2) of the scalar product of two quaternions: the kernel of rotations over its peak."""
    return _power(cosine**2, exponent)


def axis_kernel(cosine: Float[Array, "..."], exponent: Float[Array, ""]) -> Float[Array, "..."]:
    """cos^(2κ)(η/2), the mean of both ends of an axis, of the scalar product of two unit vectors."""
    return (_power((1 + cosine) / 2, exponent) + _power((1 - cosine) / 2, exponent)) / 2


def rotation_peak(exponent: float) -> float:
    """C = B(3/2, 1/2) / B(3/2, κ + 1/2)."""
    return math.sqrt(math.pi) * math.exp(math.lgamma(exponent + 2) - math.lgamma(exponent + 0.5))


def axis_peak(exponent: float) -> float:
    """The peak of the kernel of directions, 1 + κ."""
    return 1 + exponent


def character_coefficients(exponent: float, tail: float) -> Float[np.ndarray, " l"]:
    """A_0, A_1, … as far as what follows adds less than a share `tail` to the mean square of K."""
    found, square = [1.0], 1.0
    while True:
        degree = len(found)
        following = found[-1] * (exponent - degree + 1) / (exponent + degree + 1)
        share = ((2 * degree + 1) * following) ** 2
        if share * (degree + 1) < tail * square:
            return np.array(found)
        found.append(following)
        square += share


def checked_sources(orientations: Any, weights: Any) -> tuple[Float[Array, "4 n"], Float[Array, " n"]]:
    """Unit quaternions in a row and their shares, of sum one; what is NaN, zero or has no weight is the identity with share zero."""
    q = checked("orientations", as_float_array("orientations", orientations))
    q, weight = as_float_arrays(orientations=q, weights=jnp.ones(q.shape[1:], q.dtype) if weights is None else weights)
    check(q.size > 0, f"`orientations` must hold at least one orientation, but the shape is {q.shape}.")
    check(
        weight.shape == q.shape[1:],
        f"`weights` must have the trailing shape of `orientations`, {q.shape[1:]}, but the shape is {weight.shape}. "
        "Give one per orientation.",
    )
    if is_concrete(weight):
        least = float(np.asarray(weight).min())
        check(not least < 0, f"`weights` must not be negative, but the smallest is {least:g}. Give volumes, or counts.")
    q, weight = q.reshape(4, -1), weight.ravel()
    counted = jnp.isfinite(q).all(axis=0) & (q != 0).any(axis=0) & (weight != 0)
    weight = jnp.where(counted, jnp.where(weight < 0, jnp.nan, weight), 0.0)
    total = jnp.sum(weight)
    return normalize(jnp.where(counted, q, 0.0)), weight / jnp.where(total == 0, jnp.nan, total)


@partial(jax.jit, static_argnums=3)
def kernel_mean(
    points: Float[Array, "m e k"], sources: Float[Array, "k n"], share: Float[Array, " n"], kernel: Kernel, exponent: Float[Array, ""]
) -> Float[Array, " e"]:
    """Σ_n share_n mean_m kernel(points · sources), in blocks of points and of sources; the reverse pass works blocks out again."""
    same, places, size = points.shape
    if places == 0:
        return jnp.zeros(0, points.dtype)
    at_once = min(max(ROWS // same, 1), places)
    blocks = -(-places // at_once)
    rows = jnp.pad(points, ((0, 0), (0, blocks * at_once - places), (0, 0)))
    rows = rows.reshape(same, blocks, at_once, size).transpose(1, 0, 2, 3).reshape(blocks, same * at_once, size)
    pieces = _in_blocks(sources, share)

    @jax.checkpoint
    def add(total: Array, row: Array, piece: tuple[Array, Array]) -> Array:
        cosine = jnp.matmul(row, piece[0], precision=jax.lax.Precision.HIGHEST)
        return total + jnp.matmul(kernel(cosine, exponent), piece[1], precision=jax.lax.Precision.HIGHEST)

    def block(row: Array) -> Array:
        start = jnp.zeros(same * at_once, row.dtype)
        total, _ = jax.lax.scan(lambda total, piece: (add(total, row, piece), None), start, pieces)
        return jnp.mean(total.reshape(same, at_once), axis=0)

    return jax.lax.map(block, rows).ravel()[:places]


def _in_blocks(sources: Array, share: Array) -> tuple[Float[Array, "b k s"], Float[Array, "b s"]]:
    """Sources in blocks of equal size, the last one filled up with what has no share."""
    size, number = sources.shape
    length = min(SOURCES, number)
    blocks = -(-number // length)
    missing = blocks * length - number
    sources, share = jnp.pad(sources, ((0, 0), (0, missing))), jnp.pad(share, (0, missing))
    return sources.reshape(size, blocks, length).transpose(1, 0, 2), share.reshape(blocks, length)


def _power(base: Array, exponent: Array) -> Array:
    """base^κ where it is above e^−60, else zero with derivative zero: denormal numbers would be slow and rounding leaves negative ones."""
    counts = ~(base <= jnp.exp(-60 / exponent))  # NaN too
    return jnp.where(counts, jnp.exp(exponent * jnp.log(jnp.where(counts, base, 1.0))), 0.0)
