"""How far each voxel of a phase is from what surrounds it."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from jaxmicro._core import check_choice
from jaxmicro.descriptors.masks import as_mask, flags
from jaxmicro.fields import Grid

TARGETS = ("centres", "faces")


def distance_transform(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"],
    grid: Grid | None = None,
    *,
    periodic: bool | tuple[bool, ...] = True,
    signed: bool = False,
    to: str = "centres",
) -> Float[Array, "*grid"]:
    """Euclidean distance from each voxel of a phase to the nearest voxel outside it, 0 outside.

        D(x) = min over y outside of |x − y|,   x the centre of a voxel

    With `to="centres"` y are the centres of the outside voxels, so that a voxel at a wall is a whole edge away from it: half an
    edge too far for flat walls along the axes, and about right for curved ones. With `to="faces"` y is any point of an outside
    voxel: D(x) is then the radius of the largest ball around x that fits into the phase as a set of boxes.
    The distance is exact; each axis is taken after the other (Felzenszwalb & Huttenlocher), over offsets up to the largest
    distance found.

    Args:
        mask: the phase, truth values or 0 and 1, (*grid).
        grid: the cell, for the edges of its voxels; by default unit voxels.
        periodic: whether the cell repeats, along all axes or along each. Where it does not, nothing lies beyond its edge.
        signed: voxels outside hold minus their distance to the phase. To centres, the sign jumps from one edge to minus one edge
            across a wall; to faces, from half an edge to minus half an edge.
        to: "centres" or "faces".

    Returns:
        (*grid), in the unit of `grid.lengths`; inf where there is nothing outside.

    Raises:
        ValueError: for a mask with other values, another shape than the grid, or an unknown name.

    Reference:
        P. F. Felzenszwalb, D. P. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 415 (2012),
        doi:10.4086/toc.2012.v008a019.

    Example:
        >>> layer = jnp.zeros((6, 2), bool).at[1:5].set(True)
        >>> distance_transform(layer)[:, 0].tolist()
        [0.0, 1.0, 2.0, 2.0, 1.0, 0.0]

    Runs under `jit` and `vmap`; differentiable in `grid.lengths`, not in the mask.
    """
    check_choice("to", to, TARGETS)
    inside, grid = as_mask(mask, grid)
    wraps = flags(periodic, grid.ndim)
    distance = _root(_between(~inside, grid.spacing, wraps, to))
    return distance - _root(_between(inside, grid.spacing, wraps, to)) if signed else distance


def _root(square: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
    """Square root whose derivative at zero is zero."""
    apart = square > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, square, 1.0)), 0.0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _between(target: Bool[Array, "*grid"], spacing: Float[Array, " d"], wraps: tuple[bool, ...], to: str) -> Float[Array, "*grid"]:
    """Squared distance to a target, with derivatives in the edges of a voxel in both modes."""
    return squared_distance(target, spacing, wraps, to)


@_between.defjvp
def _(wraps: tuple[bool, ...], to: str, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """One forward derivative for each edge, since the loop over offsets, whose end is not known beforehand, has no reverse."""
    target, spacing = primals
    square = squared_distance(target, spacing, wraps, to)
    slopes = [
        jax.jvp(lambda h: squared_distance(target, h, wraps, to), (spacing,), (unit,))[1]
        for unit in jnp.eye(len(wraps), dtype=spacing.dtype)
    ]
    return square, sum(jnp.where(jnp.isfinite(square), slope, 0.0) * edge for slope, edge in zip(slopes, tangents[1], strict=True))  # type: ignore[return-value]


@functools.partial(jax.jit, static_argnames=("wraps", "to"))
def squared_distance(
    target: Bool[Array, "*grid"], spacing: Float[Array, " d"], wraps: tuple[bool, ...], to: str = "centres", limit: Array | None = None
) -> Float[Array, "*grid"]:
    """Squared distance from each voxel to the nearest voxel of a target; where it is larger than a limit, the limit.

    The square is a sum over the axes, so the minimum is taken along one axis after the other, D²(x) ← min over k of D²(x + k) + (h k)².

    Args:
        target: to which voxels.
        spacing: edges of a voxel.
        wraps: whether the cell repeats along each axis.
        to: their "centres" or "faces".
        limit: a squared distance beyond which none matters; inf by default.
    """
    if limit is None:
        square = _along_lines(target, spacing[0], wraps[0], to)
    else:  # within reach of the limit, few offsets do for the first axis too
        square = _spread(jnp.where(target, 0.0, limit).astype(spacing.dtype), 0, _cost(spacing[0], to), wraps[0], limit)
    for axis in range(1, target.ndim):
        square = _spread(square, axis, _cost(spacing[axis], to), wraps[axis], limit)
    return square


def _cost(edge: Array, to: str) -> Callable[[Array], Array]:
    """The square of the distance along one axis at an offset of whole voxels."""
    reach = 0.0 if to == "centres" else 0.5
    return lambda offset: (edge * jnp.maximum(offset - reach, 0.0)) ** 2


def _along_lines(target: Array, edge: Array, wrap: bool, to: str) -> Array:
    """Squared distances to the target on the same line of the first axis, from the last one before and the first one after."""
    n = target.shape[0]
    position = jnp.arange(n, dtype=jnp.int32).reshape(-1, *(1,) * (target.ndim - 1))
    never = 4 * n
    before = jax.lax.cummax(jnp.where(target, position, -never), axis=0)
    after = jax.lax.cummin(jnp.where(target, position, never), axis=0, reverse=True)
    gap = jnp.minimum(position - before, after - position)
    if wrap:  # the last one of the image in front, the first one of the image behind
        gap = jnp.minimum(gap, jnp.minimum(position - (before[-1:] - n), (after[:1] + n) - position))
    square = _cost(edge, to)(gap.astype(edge.dtype))
    return jnp.where(gap >= 2 * n, jnp.inf, square).astype(edge.dtype)


def _spread(square: Array, axis: int, cost: Callable[[Array], Array], wrap: bool, limit: Array | None) -> Array:
    """The minimum over offsets along an axis; an offset that costs more than the largest value, or the limit, has nothing to give."""
    n = square.shape[axis]
    most = n // 2 if wrap else n - 1
    widths = [(most, most) if k == axis else (0, 0) for k in range(square.ndim)]
    padded = jnp.pad(square, widths, mode="wrap") if wrap else jnp.pad(square, widths, constant_values=jnp.inf)

    def worth(state: tuple[Array, Array]) -> Array:
        found, offset = state
        return (offset <= most) & (cost(offset.astype(square.dtype)) < (jnp.max(found) if limit is None else limit))

    def nearer(state: tuple[Array, Array]) -> tuple[Array, Array]:
        found, offset = state
        ahead = jax.lax.dynamic_slice_in_dim(padded, most + offset, n, axis)
        behind = jax.lax.dynamic_slice_in_dim(padded, most - offset, n, axis)
        return jnp.minimum(found, jnp.minimum(ahead, behind) + cost(offset.astype(square.dtype))), offset + 1

    return jax.lax.while_loop(worth, nearer, (square, jnp.asarray(1)))[0]
