"""Misorientation of crystals: the smallest angle among all symmetric equivalents, the rotation of that angle, and its axis."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import in_reach
from jaxmicro.orientations.axis_angle import to_axis_angle
from jaxmicro.orientations.equivalents import (
    check_group,
    checked_pair,
    least_turn,
    pair_operators,
    relative_rotation,
    turning_angle,
    vector_length,
)
from jaxmicro.orientations.sectors import to_sector


def misorientation(
    q1: ArrayLike, q2: ArrayLike, laue: str = "m-3m", *, laue2: str | None = None, degrees: bool = False
) -> Float[Array, "..."]:
    """The smallest angle that turns one crystal into the other, ω = min over s1, s2 of the angle of s2 q2 q1⁻¹ s1⁻¹.

    ω = 2 atan2(|v|, |w|) of the equivalent with the largest scalar part w. The vector part v is formed from q2 − q1, so
    small angles keep their digits in float32, and identical neighbours give exactly zero.

    Args:
        q1: unit quaternions `(4, …)`.
        q2: unit quaternions `(4, …)`; the trailing shapes broadcast.
        laue: Laue group of the crystals of `q1`, one of `LAUE_GROUPS`.
        laue2: Laue group of the crystals of `q2`, where it is another one.
        degrees: whether to return degrees.

    Returns:
        Angles `(…)`, in radians; for m-3m at most 62.8°. NaN where a quaternion is zero or NaN.

    Raises:
        ValueError: if the first axis is not 4, the shapes do not broadcast or a group is not known.

    Reference:
        H. Grimmer, "Disorientations and coincidence rotations for cubic lattices", Acta Cryst. A 30, 685 (1974),
        doi:10.1107/S0567739474001719.

    Example:
        >>> turned = from_euler((80.0, 0.0, 0.0), degrees=True)
        >>> round(float(misorientation(jnp.array([1.0, 0, 0, 0]), turned, "m-3m", degrees=True)), 3)
        10.0

    Differentiable where one equivalent is nearest; for identical crystals, where the angle has a tip, the derivative is zero.
    """
    first, second = checked_pair(q1, q2)
    check_group("laue", laue)
    check_group("laue2", laue if laue2 is None else laue2)
    angle = _angle(first, second, laue, laue if laue2 is None else laue2)
    return jnp.rad2deg(angle) if degrees else angle


def disorientation(q1: ArrayLike, q2: ArrayLike, laue: str = "m-3m") -> Float[Array, "4 ..."]:
    """The one equivalent of the misorientation that turns least and whose axis lies in the standard sector of crystal axes.

    All s2 q2 q1⁻¹ s1⁻¹ and their inverses count as equivalent, so the two crystals may be swapped.

    Args:
        q1: unit quaternions `(4, …)`.
        q2: unit quaternions `(4, …)`; the trailing shapes broadcast.
        laue: Laue group of both, one of `LAUE_GROUPS`.

    Returns:
        Unit quaternions `(4, …)`, (cos ω/2, −sin ω/2 n) as in `from_axis_angle`. Where several equivalents turn equally
        little, which happens at the largest angles only, any of their axes.

    Raises:
        ValueError: if the first axis is not 4, the shapes do not broadcast or the group is not known.

    Reference: H. Grimmer, Acta Cryst. A 36, 382 (1980), doi:10.1107/S0567739480000861.

    Example:
        >>> twin = from_axis_angle((1.0, -1.0, 1.0), 60.0, degrees=True)
        >>> disorientation(jnp.array([1.0, 0, 0, 0]), twin, "m-3m").round(3).tolist()
        [0.866, -0.289, -0.289, -0.289]

    Differentiable inside the sector and where one equivalent is nearest.
    """
    first, second = checked_pair(q1, q2)
    check_group("laue", laue)
    return _disorientation(first, second, laue)


def misorientation_axis(q1: ArrayLike, q2: ArrayLike, laue: str = "m-3m") -> Float[Array, "3 ..."]:
    """The axis of the smallest turn between two crystals, as a crystal direction in the standard sector.

    Args:
        q1: unit quaternions `(4, …)`.
        q2: unit quaternions `(4, …)`; the trailing shapes broadcast.
        laue: Laue group of both, one of `LAUE_GROUPS`.

    Returns:
        Unit vectors `(3, …)` in crystal axes; (0, 0, 1) where the angle is zero.

    Raises:
        ValueError: if the first axis is not 4, the shapes do not broadcast or the group is not known.

    Reference: H. Grimmer, Acta Cryst. A 36, 382 (1980), doi:10.1107/S0567739480000861.

    Example:
        >>> turned = from_axis_angle((0.0, -1.0, 0.0), 10.0, degrees=True)
        >>> misorientation_axis(jnp.array([1.0, 0, 0, 0]), turned, "m-3m").round(3).tolist()
        [0.0, 0.0, 1.0]

    Differentiable inside the sector; where the angle is zero the derivative is zero.
    """
    return to_axis_angle(disorientation(q1, q2, laue))[0]


@partial(jax.jit, static_argnums=(2, 3))
def _angle(q1: Array, q2: Array, laue: str, laue2: str) -> Array:
    return turning_angle(least_turn(relative_rotation(in_reach(q1), in_reach(q2)), pair_operators(laue, laue2)))


@partial(jax.jit, static_argnums=2)
def _disorientation(q1: Array, q2: Array, laue: str) -> Array:
    w, *v = least_turn(relative_rotation(in_reach(q1), in_reach(q2)), pair_operators(laue, laue))
    length = vector_length((w, *v))
    none = length == 0
    z = [jnp.zeros_like(w), jnp.zeros_like(w), jnp.ones_like(w)]
    axis = to_sector(jnp.stack([jnp.where(none, up, component) for up, component in zip(z, v, strict=True)]), laue)
    size = jnp.sqrt(w**2 + length**2)
    return jnp.concatenate([jnp.abs(w / size)[None], -length / size * axis])
