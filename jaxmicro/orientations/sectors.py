"""The standard sector of each Laue group: one representative of all equivalent crystal directions, and two coordinates in it.

A sector is a spherical triangle with its first corner at [001]. A direction in it is described by `t`, its angle from [001]
over that of the opposite edge on the same great circle, and by `s`, its azimuth counted from the second corner to the third,
both in [0, 1]. In m-3m the corners are [001], [101], [111].
"""

import dataclasses
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, check_choice, in_reach

CUBIC = ("m-3", "m-3m")


@dataclasses.dataclass(frozen=True)
class Sector:
    """Where a sector lies: its azimuths in degrees, whether planes through z are mirrors, its corners.

    `turn` is the angle after which z, as a rotation axis, repeats; `corners` are Miller indices with their t and s.
    """

    turn: float
    start: float
    mirror: bool
    corners: tuple[tuple[tuple[int, ...], float, float], ...]

    @property
    def width(self) -> float:
        """Range of azimuths, in degrees."""
        return self.turn / 2 if self.mirror else self.turn


def _corners(first: tuple[int, ...], second: tuple[int, ...], third: tuple[int, ...], *more: tuple[tuple[int, ...], float]):
    return ((first, 0.0, 0.0), (second, 1.0, 0.0), (third, 1.0, 1.0), *((indices, 1.0, share) for indices, share in more))


SECTORS: dict[str, Sector] = {
    "-1": Sector(360, 0, False, (((0, 0, 1), 0.0, 0.0), ((1, 0, 0), 1.0, 0.0), ((0, 1, 0), 1.0, 0.25), ((-1, 0, 0), 1.0, 0.5))),
    "2/m": Sector(360, 0, True, _corners((0, 0, 1), (1, 0, 0), (-1, 0, 0), ((0, 1, 0), 0.5))),
    "mmm": Sector(180, 0, True, _corners((0, 0, 1), (1, 0, 0), (0, 1, 0))),
    "-3": Sector(120, 0, False, _corners((0, 0, 0, 1), (2, -1, -1, 0), (-1, 2, -1, 0))),
    "-3m": Sector(120, 30, True, _corners((0, 0, 0, 1), (1, 0, -1, 0), (0, 1, -1, 0))),
    "4/m": Sector(90, 0, False, _corners((0, 0, 1), (1, 0, 0), (0, 1, 0))),
    "4/mmm": Sector(90, 0, True, _corners((0, 0, 1), (1, 0, 0), (1, 1, 0))),
    "6/m": Sector(60, 0, False, _corners((0, 0, 0, 1), (2, -1, -1, 0), (1, 1, -2, 0))),
    "6/mmm": Sector(60, 0, True, _corners((0, 0, 0, 1), (2, -1, -1, 0), (1, 0, -1, 0))),
    "m-3": Sector(90, 0, False, _corners((0, 0, 1), (1, 0, 1), (0, 1, 1), ((1, 1, 1), 0.5))),
    "m-3m": Sector(90, 0, True, _corners((0, 0, 1), (1, 0, 1), (1, 1, 1))),
}


def to_sector(h: ArrayLike, laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """The crystal direction of the standard sector that is equivalent to `h` by the Laue group.

    Args:
        h: crystal directions `(3, …)` of any length.
        laue: Laue group in Hermann–Mauguin notation, one of the eleven.

    Returns:
        Unit vectors `(3, …)`; NaN where `h` has no length or is NaN.

    Raises:
        ValueError: if the first axis is not 3 or the group is not known.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> to_sector(jnp.array([0.0, -2.0, 0.0])).round(6).tolist()
        [0.0, 0.0, 1.0]

    Differentiable inside the sector.
    """
    t, s = sector_coordinates(h, laue)
    return sector_direction(t, s, laue)


def sector_coordinates(h: ArrayLike, laue: str = "m-3m") -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Coordinates (t, s) in [0, 1] of crystal directions `(3, …)` in the standard sector, equal for equivalent directions.

    Directions on an edge that a rotation maps onto another edge (in -1, 2/m, -3, -3m, 4/m, 6/m, m-3, whose sectors are not
    bounded by mirror planes alone) are counted to the edge of smaller `s`.

    Raises:
        ValueError: if the first axis is not 3 or the group is not known.

    Example:
        >>> [round(float(each), 6) for each in sector_coordinates(jnp.array([1.0, 1.0, -1.0]))]
        [1.0, 1.0]

    Differentiable inside the sector; at [001] the derivative is zero.
    """
    check_choice("laue", laue, SECTORS)
    array = as_float_array("h", h)
    check(
        array.ndim >= 1 and array.shape[0] == 3,
        f"`h` must be crystal directions (3, …), but its shape is {array.shape}. Move the components to the first axis.",
    )
    return _coordinates(array, laue)


def sector_direction(t: ArrayLike, s: ArrayLike, laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """The crystal direction with the coordinates (t, s) of the standard sector.

    Args:
        t: angle from [001] over that of the opposite edge, `(…)`.
        s: share of the azimuth, `(…)`.
        laue: Laue group.

    Returns:
        Unit vectors `(3, …)`.

    Raises:
        ValueError: if the group is not known.

    Example:
        >>> [round(float(each), 6) for each in sector_direction(1.0, 0.0, "m-3m")]  # [101]
        [0.707107, 0.0, 0.707107]

    Differentiable, except in `s` = 1/2 of m-3.
    """
    check_choice("laue", laue, SECTORS)
    t, s = as_float_arrays(t=t, s=s)
    azimuth = jnp.deg2rad(SECTORS[laue].start + s * SECTORS[laue].width)
    polar = t * edge_angle(azimuth, laue)
    return jnp.stack([jnp.sin(polar) * jnp.cos(azimuth), jnp.sin(polar) * jnp.sin(azimuth), jnp.cos(polar) + 0 * azimuth])


def edge_angle(azimuth: Float[ArrayLike, "..."], laue: str) -> Float[Array, "..."]:
    """Angle from [001] to the opposite edge at an azimuth (radians): to the plane x = z or y = z for cubic crystals, else 90°."""
    azimuth = jnp.asarray(azimuth)
    if laue not in CUBIC:
        return jnp.full_like(azimuth, math.pi / 2)
    return jnp.arctan2(jnp.ones_like(azimuth), jnp.maximum(jnp.cos(azimuth), jnp.sin(azimuth)))  # tan χ · max(cos η, sin η) = 1


def direction_of_indices(indices: tuple[float, ...]) -> Float[np.ndarray, " 3"]:
    """The unit vector of [uvw] in crystal axes, or of [uvtw] with x ∥ a₁; four indices are exact in the basal plane and along c.

    Elsewhere the axes must be equally long and perpendicular (three indices), or c = a (four).

    Example:
        >>> direction_of_indices((1, 0, -1, 0)).round(3).tolist()
        [0.866, 0.5, 0.0]
    """
    if len(indices) == 3:
        vector = np.asarray(indices, dtype=float)
    else:
        u, v, t, w = indices
        vector = np.array([u - (v + t) / 2, math.sqrt(0.75) * (v - t), w], dtype=float)
    return vector / np.linalg.norm(vector)


@partial(jax.jit, static_argnames="laue")
def _coordinates(h: Array, laue: str) -> tuple[Array, Array]:
    tiny = 64 * float(jnp.finfo(h.dtype).eps)
    h = in_reach(h)
    square = jnp.sum(h**2, axis=0)
    h = h / jnp.where(square == 0, jnp.nan, jnp.sqrt(jnp.where(square == 0, 1.0, square)))
    folded = _folded_cubic(h, laue, tiny) if laue in CUBIC else jnp.where(h[2] < 0, -h, h)
    x, y, z = folded
    flat = x * x + y * y
    pole = flat <= tiny**2
    x, y = jnp.where(pole, 1.0, x), jnp.where(pole, 0.0, y)
    offset = _folded_azimuth(jnp.arctan2(y, x), laue, tiny)
    if laue not in CUBIC:  # the two directions ±h of the equator both lie in the upper half
        offset = jnp.where(z <= tiny, jnp.minimum(offset, _folded_azimuth(jnp.arctan2(-y, -x), laue, tiny)), offset)
    polar = jnp.where(pole, 0.0, jnp.arctan2(jnp.sqrt(jnp.where(pole, 1.0, flat)), z))
    sector = SECTORS[laue]
    t = polar / edge_angle(offset + math.radians(sector.start), laue)
    s = jnp.where(pole, 0.0, offset / math.radians(sector.width))
    return jnp.minimum(t, 1.0) + 0 * square, jnp.minimum(s, 1.0) + 0 * square


def _folded_cubic(h: Array, laue: str, tiny: float) -> Array:
    """The equivalent direction with z ≥ x, y ≥ 0; in m-3m also x ≥ y."""
    size = jnp.abs(h)
    if laue == "m-3m":
        low, middle, high = jnp.sort(size, axis=0)
        return jnp.stack([middle, low, high])
    turned = jnp.stack([size, jnp.roll(size, 1, axis=0), jnp.roll(size, 2, axis=0)])
    inside = turned[:, 2] >= jnp.max(size, axis=0) - tiny
    azimuth = jnp.where(inside, jnp.arctan2(turned[:, 1], turned[:, 0] + tiny), jnp.inf)  # of two on an edge, that of smaller s
    return jnp.take_along_axis(turned, jnp.argmin(azimuth, axis=0)[None, None], axis=0)[0]


def _folded_azimuth(azimuth: Array, laue: str, tiny: float) -> Array:
    """Azimuth from the start of the sector, in [0, width]."""
    sector = SECTORS[laue]
    turn = math.radians(sector.turn)
    offset = jnp.mod(azimuth - math.radians(sector.start), turn)
    if sector.mirror:
        return jnp.minimum(offset, turn - offset)
    if laue in CUBIC:  # already in the first quadrant, whose end is no repetition of its start
        return jnp.clip(azimuth, 0.0, turn)
    return jnp.where(offset >= turn - 8 * tiny, 0.0, offset)
