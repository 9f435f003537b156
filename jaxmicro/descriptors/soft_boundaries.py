"""A map of grain boundaries with derivatives in the orientations."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxmicro._core import as_float_array, check, check_shape, is_concrete
from jaxmicro.descriptors.grains import LARGEST_ANGLE
from jaxmicro.orientations import misorientation


def soft_boundaries(
    orientation: Float[ArrayLike, "4 *grid"],
    laue: str = "m-3m",
    *,
    angle: Float[ArrayLike, ""] = 5.0,
    width: Float[ArrayLike, ""] = 1.0,
    mask: Bool[ArrayLike, "*grid"] | None = None,
    periodic: bool = True,
) -> Float[Array, "*grid"]:
    """How much of a boundary each voxel has: near 0 inside grains, near 1 where a neighbour is of another grain.

    Of the misorientations θ to the neighbours along the axes, b = 1 − Π (1 − σ((θ − angle)/width)) with the logistic σ: the chance
    that one of independent soft boundaries is there. As the width goes to zero it is 1 where some θ exceeds the angle.

    Args:
        orientation: unit quaternions `(4, *grid)`.
        laue: Laue group of the crystals.
        angle: misorientation at which a boundary counts half, in degrees.
        width: degrees over which it grows.
        mask: where orientations are known `(*grid)`; pairs with another voxel count nothing.
        periodic: whether the first voxels of the grid follow the last ones.

    Returns:
        `(*grid)`, from 0 to 1, in the dtype of the orientations.

    Raises:
        ValueError: if the first axis is not 4, the grid has not one to three axes, the group is not known, or the angle or the width
            are not one number within 0–180° (where concrete; traced they give NaN).

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 6, 2)).at[0, 3:].set(30.0), degrees=True)
        >>> soft_boundaries(turns, periodic=False)[:, 0].round(2).tolist()
        [0.01, 0.02, 1.0, 1.0, 0.02, 0.01]

    Differentiable in the orientations, the angle and the width; identical neighbours have the derivative zero.
    """
    turns = as_float_array("orientation", orientation)
    check(
        turns.ndim in (2, 3, 4) and turns.shape[0] == 4,
        f"`orientation` must be quaternions (4, *grid), but its shape is {turns.shape}. Put the components first.",
    )
    start, scale = jnp.asarray(angle, turns.dtype), jnp.asarray(width, turns.dtype)
    for name, value in (("angle", start), ("width", scale)):
        check(
            value.ndim == 0 and (not is_concrete(value) or bool((value > 0) & (value <= LARGEST_ANGLE))),
            f"`{name}` must be a positive number of degrees up to 180, but it is {value}.",
        )
    known = None if mask is None else jnp.asarray(mask, bool)
    if known is not None:
        check_shape("mask", known, turns.shape[1:])
    clear = jnp.zeros(turns.shape[1:], turns.dtype)  # log of the chance that no boundary is there
    for axis in range(turns.ndim - 1):
        ahead = _no_boundary(turns, known, axis, laue, start, scale, periodic)
        clear = clear + ahead + jnp.roll(ahead, 1, axis)
    good = (start > 0) & (start <= LARGEST_ANGLE) & (scale > 0) & (scale <= LARGEST_ANGLE)
    return jnp.where(good, -jnp.expm1(clear), jnp.nan)


def _no_boundary(
    turns: Array, known: Array | None, axis: int, laue: str, angle: Array, width: Array, periodic: bool
) -> Float[Array, "*grid"]:
    """log(1 − σ) of each voxel and the next one along an axis; 0 where the pair does not count."""
    nexts = jnp.roll(turns, -1, axis + 1)
    counted = jnp.ones(turns.shape[1:], bool)
    if known is not None:
        counted &= known & jnp.roll(known, -1, axis)
    if not periodic:
        place = jnp.arange(turns.shape[axis + 1]).reshape([-1 if k == axis else 1 for k in range(turns.ndim - 1)])
        counted &= place < turns.shape[axis + 1] - 1
    here = jnp.where(counted, turns, jnp.zeros_like(turns).at[0].set(1.0))
    there = jnp.where(counted, nexts, here)
    apart = misorientation(here, there, laue, degrees=True)
    return jnp.where(counted, -jax.nn.softplus((apart - angle) / width), 0.0)
