"""Rotations as an axis and an angle: how the crystal is turned away from the sample axes.

A crystal whose axes lay along those of the sample and that was then turned by ω about the axis n (right-handed) has the
quaternion q = (cos ω/2, −sin ω/2 n): the vector part is minus that of the turn, because q takes components from the sample
to the crystal. So `from_axis_angle((0, 0, 1), φ1)` is `from_euler((φ1, 0, 0))`. The components of n are the same in sample
and crystal axes.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_broadcast, in_reach, is_concrete
from jaxmicro.orientations.quaternions import checked, normalize


def from_axis_angle(axis: ArrayLike | Sequence[Any], angle: ArrayLike | Sequence[Any], degrees: bool = False) -> Float[Array, "4 ..."]:
    """Unit quaternions of crystals turned by an angle ω about an axis n: q = (cos ω/2, −sin ω/2 n).

    Args:
        axis: `(3, …)`, of any length but zero, in sample or crystal axes (the components are the same).
        angle: `(…)`, in radians, right-handed about `axis`; the trailing shapes broadcast.
        degrees: whether the angle is in degrees.

    Returns:
        Unit quaternions `(4, …)`, passive rotation sample → crystal; NaN where a traced axis is zero.

    Raises:
        ValueError: if the first axis of `axis` is not 3, the shapes do not broadcast, or an axis has no length.

    Reference:
        D. Rowenhorst et al., "Consistent representations of and conversions between 3D rotations", Modelling Simul.
        Mater. Sci. Eng. 23, 083501 (2015), doi:10.1088/0965-0393/23/8/083501. Its axis is the opposite of this one.

    Example:
        >>> from_axis_angle((0.0, 0.0, 2.0), 60.0, degrees=True).round(3).tolist()
        [0.866, -0.0, -0.0, -0.5]

    Differentiable in both, at zero angle too. The way back and forth, `from_axis_angle(*to_axis_angle(q))`, is not at the
    identity, where its derivative is zero. Optimise over quaternions or embeddings, not over axes and angles.
    """
    n, turn = as_float_arrays(axis=axis, angle=angle)
    check(
        n.ndim >= 1 and n.shape[0] == 3,
        f"`axis` must be vectors (3, …), but its shape is {n.shape}. Move the components to the first axis.",
    )
    check_broadcast("angle", turn.shape, "axis", n.shape[1:], "Give one angle for all axes, or one each.")
    n = in_reach(n)
    square = jnp.sum(n**2, axis=0)
    if is_concrete(square):
        check(not bool((square == 0).any()), "`axis` must have a length, but it is zero. Give any axis where the angle is zero.")
    length = jnp.sqrt(jnp.where(square == 0, jnp.nan, square))
    half = (jnp.deg2rad(turn) if degrees else turn) / 2
    parts = [jnp.where(square == 0, jnp.nan, jnp.cos(half)), *(-jnp.sin(half) * component / length for component in n)]
    return jnp.stack(jnp.broadcast_arrays(*parts))


def to_axis_angle(q: ArrayLike, degrees: bool = False) -> tuple[Float[Array, "3 ..."], Float[Array, "..."]]:
    """Axis and angle of quaternions, the angle in [0, π].

    Args:
        q: quaternions `(4, …)` of any length, which drops out.
        degrees: whether to return degrees.

    Returns:
        (axis, angle): unit vectors `(3, …)` and angles `(…)` in radians. Where the angle is zero the axis is (0, 0, 1);
        where it is π, the axis and its opposite are one rotation and either is returned.

    Raises:
        ValueError: if the first axis is not 4.

    Example:
        >>> axis, angle = to_axis_angle(from_euler((0.3, 0.0, 0.0)))
        >>> axis.round(3).tolist(), round(float(angle), 3)
        ([0.0, 0.0, 1.0], 0.3)

    Differentiable; at zero angle, where neither has a derivative, both are given zero, so that what follows has none either
    (see `from_axis_angle`).
    """
    w, *v = normalize(checked("q", q))
    sign = jnp.where(w < 0, -1.0, 1.0).astype(w.dtype)
    w, v = sign * w, -sign * jnp.stack(v)
    square = jnp.sum(v**2, axis=0)
    none = square < jnp.finfo(w.dtype).tiny
    length = jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, square)))
    z = jnp.zeros_like(v).at[2].set(1.0)
    axis = jnp.where(none, z, v / jnp.where(none, 1.0, length))
    angle = 2 * jnp.arctan2(length, w)
    return axis, jnp.rad2deg(angle) if degrees else angle
