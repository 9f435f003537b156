"""Colours of orientations: the classic inverse-pole-figure key of every Laue group, and Euler angles as red, green, blue."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice, in_reach, is_concrete
from jaxmicro.orientations.euler import to_euler
from jaxmicro.orientations.laue import LAUE_GROUPS, symmetry_operators
from jaxmicro.orientations.quaternions import checked, multiply, to_matrix
from jaxmicro.orientations.sectors import SECTORS, sector_coordinates

PHI_2_OF_M3 = 180.0  # its axis z is twofold, though its sector spans a quadrant


def ipf_color(q: ArrayLike, direction: ArrayLike | Sequence[Any] = (0.0, 0.0, 1.0), laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """Inverse-pole-figure colours: which crystal direction lies along a sample direction, h = g s.

    Args:
        q: unit quaternions `(4, …)`, sample → crystal.
        direction: sample direction s `(3,)` of any length.
        laue: Laue group in Hermann–Mauguin notation, one of the eleven.

    Returns:
        Red, green and blue `(3, …)` in [0, 1], as `direction_color` gives them; NaN where the quaternion is NaN.

    Raises:
        ValueError: if the first axis is not 4, the direction is no vector of some length, or the group is not known.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> ipf_color(jnp.array([1.0, 0, 0, 0]), (0.0, 1.0, 1.0)).tolist()  # [011] along the direction: green
        [0.0, 1.0, 0.0]

    Differentiable inside the sector; derivatives that are infinite, where a channel is zero, are zero.
    """
    q = checked("q", q)
    s = jnp.asarray(as_float_array("direction", direction), q.dtype)
    check(s.shape == (3,), f"`direction` must be one sample direction (3,), but its shape is {s.shape}. Colour one direction at a time.")
    if is_concrete(s):
        largest = float(np.abs(np.asarray(s)).max())
        check(
            0 < largest < math.inf,
            f"`direction` must have some length, but its length is {largest:g}. Pass a vector such as (0, 0, 1).",
        )
    return direction_color(jnp.einsum("ij...,j->i...", to_matrix(q), in_reach(s)), laue)


def direction_color(h: ArrayLike, laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """Colours of crystal directions by the classic (TSL) key.

    With the coordinates (t, s) of the standard sector, t the angle from [001] over that of the opposite edge and s the share of
    the azimuth, the channels are √(1 − t), √(t (1 − s)), √(t s), divided by the largest of them. The first corner of the sector
    is red, the second green, the third blue: [001], [101], [111] for m-3m; [0001], [2-1-10], [10-10] for 6/mmm. The middle is white.

    Opposite and equivalent directions have one colour. On edges that are no mirror planes (in -1, 2/m, -3, -3m, 4/m, 6/m, m-3)
    colours jump, as they do in every classic key.

    Args:
        h: crystal directions `(3, …)` of any length.
        laue: Laue group in Hermann–Mauguin notation, one of the eleven.

    Returns:
        Red, green and blue `(3, …)` in [0, 1]; NaN where `h` has no length or is NaN.

    Raises:
        ValueError: if the first axis is not 3 or the group is not known.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> direction_color(jnp.array([[0.0, 0, 1], [0, 1, 1], [1, 1, 1]]).T).round(6).T.tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    Differentiable inside the sector; derivatives that are infinite, where a channel is zero, are zero.
    """
    return sector_color(*sector_coordinates(h, laue))


@jax.jit
def sector_color(t: Float[Array, "..."], s: Float[Array, "..."]) -> Float[Array, "3 ..."]:
    """Colours of the coordinates (t, s) of a standard sector, whatever the Laue group.

    Example:
        >>> sector_color(jnp.array(2 / 3), jnp.array(0.5)).round(5).tolist()
        [1.0, 1.0, 1.0]
    """
    channels = jnp.stack([1 - t, t * (1 - s), t * s])
    none = channels <= 64 * jnp.finfo(channels.dtype).eps
    channels = jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, channels)))
    return channels / jnp.max(channels, axis=0)


def euler_color(q: ArrayLike, laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """Bunge Euler angles as colours: red φ1/360°, green Φ/Φmax, blue φ2/φ2max.

    Φmax is 90° where a twofold axis lies across z, else 180°; φ2max is the angle after which z repeats: 90° and 90° for m-3m.
    Angles beyond are brought into these ranges by the rotations that keep the axis z, which leaves angles within them as they
    are in the file. Threefold axes of cubic crystals are not reduced: one orientation may be stored with three colours, so for
    boundaries look at `ipf_color`.

    Args:
        q: unit quaternions `(4, …)`.
        laue: Laue group in Hermann–Mauguin notation, one of the eleven.

    Returns:
        Red, green and blue `(3, …)` in [0, 1].

    Raises:
        ValueError: if the first axis is not 4 or the group is not known.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> euler_color(from_euler((90.0, 45.0, 18.0), degrees=True)).round(4).tolist()
        [0.25, 0.5, 0.2]

    Differentiable where no angle jumps.
    """
    check_choice("laue", laue, LAUE_GROUPS)
    return _euler_color(checked("q", q), laue)


def euler_ranges(laue: str) -> tuple[float, float, float]:
    """Ranges of φ1, Φ and φ2 in degrees that `euler_color` spreads over its channels.

    Example:
        >>> euler_ranges("6/mmm")
        (360.0, 90.0, 60.0)
    """
    check_choice("laue", laue, LAUE_GROUPS)
    return 360.0, 180.0 if _turning_over(laue) is None else 90.0, PHI_2_OF_M3 if laue == "m-3" else float(SECTORS[laue].turn)


def _turning_over(laue: str) -> Float[np.ndarray, " 4"] | None:
    """A symmetry that takes z to −z, where there is one."""
    operators = symmetry_operators(laue)
    over = np.flatnonzero(operators[0] ** 2 + operators[3] ** 2 < 0.25)  # cos² of half the tilt of z: 0, and 1/2 at 90°
    return operators[:, over[0]] if over.size else None


@partial(jax.jit, static_argnames="laue")
def _euler_color(q: Array, laue: str) -> Array:
    over = _turning_over(laue)
    if over is not None:
        w, x, y, z = q
        turned = multiply(jnp.asarray(over, q.dtype).reshape(4, *(1,) * (q.ndim - 1)), q)
        q = jnp.where(w * w + z * z < x * x + y * y, turned, q)
    phi1, phi, phi2 = to_euler(q, degrees=True)
    most1, most, most2 = euler_ranges(laue)
    return jnp.clip(jnp.stack([phi1 / most1, phi / most, jnp.mod(phi2, most2) / most2]), 0.0, 1.0)
