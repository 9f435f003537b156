"""Euler angles in the Bunge convention."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice
from jaxmicro.orientations.quaternions import checked, normalize

CONVENTIONS = ("bunge",)


def from_euler(angles: ArrayLike | Sequence[Any], convention: str = "bunge", degrees: bool = False) -> Float[Array, "4 ..."]:
    """Unit quaternions of Bunge Euler angles (φ1, Φ, φ2): turns about z, the new x, the new z.

    g = R_z(φ2) R_x(Φ) R_z(φ1), each passive; `from_euler((φ1, 0, 0))` = (cos φ1/2, 0, 0, −sin φ1/2).

    Args:
        angles: `(3, …)`, in radians.
        convention: only "bunge" is known.
        degrees: whether the angles are in degrees.

    Returns:
        Unit quaternions `(4, …)`, passive rotation sample → crystal.

    Raises:
        ValueError: if the first axis is not 3 or the convention is not known.

    Reference:
        D. Rowenhorst et al., "Consistent representations of and conversions between 3D rotations", Modelling Simul.
        Mater. Sci. Eng. 23, 083501 (2015), doi:10.1088/0965-0393/23/8/083501.

    Example:
        >>> from_euler((60.0, 0.0, 60.0), degrees=True).round(3).tolist()
        [0.5, -0.0, -0.0, -0.866]

    Differentiable everywhere. The way back and forth, `from_euler(to_euler(q))`, is not where Φ is 0 or π (the identity among
    them): there Φ and one of the other angles have derivative zero. Optimise over quaternions or embeddings, not over angles.
    """
    check_choice("convention", convention, CONVENTIONS)
    turns = as_float_array("angles", angles)
    check(
        turns.ndim >= 1 and turns.shape[0] == 3,
        f"`angles` must be Euler angles (3, …), but its shape is {turns.shape}. Move the three angles to the first axis.",
    )
    phi1, phi, phi2 = jnp.deg2rad(turns) if degrees else turns
    mean, half = (phi1 + phi2) / 2, (phi1 - phi2) / 2
    c, s = jnp.cos(phi / 2), jnp.sin(phi / 2)
    return jnp.stack([c * jnp.cos(mean), -s * jnp.cos(half), -s * jnp.sin(half), -c * jnp.sin(mean)])


def to_euler(q: ArrayLike, convention: str = "bunge", degrees: bool = False) -> Float[Array, "3 ..."]:
    """Bunge Euler angles of quaternions; where Φ is 0 or π, φ2 = 0.

    Args:
        q: quaternions `(4, …)` of any length, which drops out.
        convention: only "bunge" is known.
        degrees: whether to return degrees.

    Returns:
        Angles `(3, …)`: φ1 and φ2 in [0, 2π), Φ in [0, π].

    Raises:
        ValueError: if the first axis is not 4 or the convention is not known.

    Example:
        >>> to_euler(from_euler((0.3, 0.2, 0.1))).round(3).tolist()
        [0.3, 0.2, 0.1]

    Differentiable where 0 < Φ < π; at both ends φ1 has a derivative, and those that do not exist are zero, and with them those of what
    follows (see `from_euler`).
    """
    check_choice("convention", convention, CONVENTIONS)
    w, x, y, z = normalize(checked("q", q))
    tiny = (4 * jnp.finfo(w.dtype).eps) ** 2
    tilted, upright = x * x + y * y, w * w + z * z
    no_tilt, no_axis = tilted <= tiny, upright <= tiny  # Φ = 0 and Φ = π: only φ1 + φ2 or φ1 − φ2 has a meaning
    mean = jnp.arctan2(-jnp.where(no_axis, 0.0, z), jnp.where(no_axis, 1.0, w))
    half = jnp.arctan2(-jnp.where(no_tilt, 0.0, y), jnp.where(no_tilt, 1.0, -x))
    phi = 2 * jnp.arctan2(_safe_root(tilted, no_tilt), _safe_root(upright, no_axis))
    phi1 = jnp.where(no_tilt, 2 * mean, jnp.where(no_axis, 2 * half, mean + half))
    phi2 = jnp.where(no_tilt | no_axis, 0.0, mean - half)
    angles = jnp.stack([_turn(phi1), phi, _turn(phi2)])
    return jnp.rad2deg(angles) if degrees else angles


def _safe_root(square: Array, zero: Array) -> Array:
    """Square root with value and derivative zero where `zero`."""
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))


def _turn(angle: Array) -> Array:
    """An angle in [0, 2π): rounding must not turn a tiny negative angle into 2π itself."""
    full = jnp.asarray(2 * jnp.pi, angle.dtype)
    wrapped = jnp.mod(angle, full)
    return jnp.where(wrapped >= full, wrapped - full, wrapped)
