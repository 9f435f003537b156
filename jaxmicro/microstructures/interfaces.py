"""Phase fractions and interface normals of voxels, from shapes that are known as functions: what composite voxels are made of.

A level set is negative in phase 1. In each part of a voxel it is replaced by its tangent plane, whose cut is exact
(plane_cut.py), so that what is left is the curvature within a part.

`width` widens the window that is averaged over beyond the voxel. For layers the laminate rule stays exact, because layers of
layers with one normal are layers; a grid resolves the smoother profile better, and curved interfaces pay for it with an error
of order (width · h)². Whole numbers keep the volume. homogenization/composite.py holds what was measured.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, check_choice, check_shape, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.plane_cut import plane_cut

ROUNDING = 1000  # slopes that cancel to below this many eps of their size have no direction

Sampler = Callable[[Float[Array, " d"]], tuple[Array, Array]]  # value and slope of a level set at an offset from all centres, in voxels


class Interface(NamedTuple):
    """What a composite voxel needs to know; a pair and a pytree.

    Attributes:
        fraction: share of phase 1 in each voxel, (*grid).
        normal: unit normal of the interface, out of phase 1, (d, *grid); zero where none was found.
    """

    fraction: Float[Array, "*grid"]
    normal: Float[Array, "d *grid"]


def interface_from_level_set(
    level_set: Callable[[Any], Any] | Float[ArrayLike, "*grid"],
    grid: Grid,
    *,
    parts: int = 4,
    width: float = 1.0,
    at: str = "centres",
) -> Interface:
    """Fractions and normals of the phase where a level set is negative, such as a signed distance.

    Args:
        level_set: a differentiable function of the position, (d, ...) → (...), in the unit of `grid.lengths` and periodic like
            the cell; or its values on the grid, (*grid), periodic, which are interpolated by cubics.
        grid: the periodic cell.
        parts: along each axis of a voxel, each with a tangent plane of its own.
        width: edge of the window that is averaged over, in voxels.
        at: where values lie: at `"centres"` of the voxels or at their `"corners"`, the lowest first.

    Returns:
        `Interface` (fraction, normal).

    Raises:
        ValueError: if the shapes do not fit, or `parts` or `width` is out of range.

    Example:
        >>> def ball(x):
        ...     return jnp.hypot(x[0] - 0.5, x[1] - 0.5) - 0.25
        >>> interface = interface_from_level_set(ball, Grid((15, 15), (1.0, 1.0)))
        >>> round(float(interface.fraction.mean() / (np.pi * 0.25**2)), 3)
        1.0
        >>> interface.normal[0, 14, 7].round(6).item()
        1.0

    Differentiable almost everywhere in values, in what the function holds, and in the edge lengths.
    """
    if callable(level_set):
        centres = grid.centres()
        sampler = _of_function(level_set, centres, grid.spacing)
    else:
        check_choice("at", at, ("centres", "corners"))
        values = as_float_array("level_set", level_set)
        check_shape("level_set", values, grid.shape, "Values of a level set have the shape of the grid.")
        sampler = _of_values(values, grid.spacing.astype(values.dtype), 0.5 if at == "corners" else 0.0)
    return _averaged(sampler, grid, parts, width)


def interface_of_spheres(
    grid: Grid,
    centres: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    radii: Float[ArrayLike, " n"] | Sequence[float],
    *,
    parts: int = 4,
    width: float = 1.0,
) -> Interface:
    """Fractions and normals of periodic discs (2D) or spheres (3D), which may overlap.

    Args:
        grid: the periodic cell.
        centres: (d, n), in the unit of `grid.lengths`.
        radii: (n,), at most half of the shortest edge.
        parts: as in `interface_from_level_set`.
        width: as in `interface_from_level_set`.

    Returns:
        `Interface` (fraction, normal); the spheres are phase 1.

    Raises:
        ValueError: if the shapes do not fit or a radius is out of range.

    Example:
        >>> interface = interface_of_spheres(Grid((16, 16, 16)), [[8.0], [8.0], [8.0]], [5.0])
        >>> round(float(interface.fraction.sum() / (4 / 3 * np.pi * 5.0**3)), 2)
        1.0

    Differentiable in centres, radii and edge lengths.
    """
    places, sizes = as_float_arrays(centres=centres, radii=radii)
    check_shape("centres", places, (grid.ndim, "n"))
    check_shape("radii", sizes, (places.shape[1],), "Give one radius per centre.")
    if is_concrete(sizes, grid.lengths):
        low, high, most = float(jnp.min(sizes)), float(jnp.max(sizes)), float(jnp.min(grid.lengths)) / 2
        check(
            low > 0 and high <= most * (1 + 1e-6),
            f"`radii` must lie between 0 and half of the shortest edge {most:g}, but they span [{low:g}, {high:g}].",
        )
    return _averaged(_of_spheres(places, sizes, grid), grid, parts, width)


def interface_of_layers(
    grid: Grid,
    fraction: Float[ArrayLike, ""],
    normal: Sequence[int],
    *,
    shift: Float[ArrayLike, ""] = 0.0,
    width: float = 1.0,
) -> Interface:
    """Exact fractions and normals of two layers across any periodic direction.

    Phase 1 fills 1 − fraction ≤ t < 1 of t = frac(Σ n_i x_i / L_i − shift), as in `laminate` with `(1 - fraction, fraction)`. The
    share in a window is a sum of plane cuts.

    Args:
        grid: the periodic cell.
        fraction: volume fraction of phase 1.
        normal: whole numbers n_i, one per axis, not all zero; their common factor is the number of periods.
        shift: of the layers along t.
        width: edge of the window that is averaged over, in voxels.

    Returns:
        `Interface` (fraction, normal).

    Raises:
        ValueError: if `fraction` leaves [0, 1] or `normal` is no periodic direction.

    Example:
        >>> interface = interface_of_layers(Grid((4, 3)), 0.375, (1, 0))
        >>> interface.fraction[:, 0].tolist()
        [0.0, 0.0, 0.5, 1.0]

    Differentiable in fraction, shift and edge lengths.
    """
    share, start = as_float_arrays(fraction=fraction, shift=shift)
    _check_width(width)
    if is_concrete(share):
        check(0 <= float(share) <= 1, f"`fraction` must lie in [0, 1], but it is {float(share)}.")
    whole = len(normal) == grid.ndim and all(int(n) == n for n in normal) and any(normal)
    check(whole, f"`normal` must be {grid.ndim} whole numbers, not all zero (others are not periodic), but it is {tuple(normal)!r}.")
    direction = jnp.asarray(normal, grid.lengths.dtype) / grid.lengths
    slope = jnp.broadcast_to(direction.reshape(-1, *(1,) * grid.ndim), (grid.ndim, *grid.shape))
    position = jnp.einsum("k,k...->...", direction, grid.centres()) - start
    position = position - jax.lax.stop_gradient(jnp.floor(position))
    reach = int(np.ceil(sum(abs(n) * width / size for n, size in zip(normal, grid.shape, strict=True)) / 2))  # periods
    window = width * grid.spacing
    ends = [(period + 1 - share, period + 1) for period in range(-reach - 1, reach + 1)]
    pieces = [plane_cut(position - stop, slope, window) - plane_cut(position - first, slope, window) for first, stop in ends]
    return Interface(jnp.clip(sum(pieces), 0.0, 1.0), unit(slope, jnp.zeros((), slope.dtype)))


def unit(vectors: Float[Array, "d *grid"], smallest: Float[Array, "..."]) -> Float[Array, "d *grid"]:
    """Vectors of length 1, zero where no component is above `smallest`, which is what rounding makes; safe to differentiate."""
    size = jnp.max(jnp.abs(vectors), axis=0)
    live = (size > smallest) & jnp.isfinite(size)
    safe = jnp.where(live, vectors, 1.0)
    return jnp.where(live, safe / jnp.sqrt(jnp.sum(safe**2, axis=0)), 0.0)


def _averaged(sampler: Sampler, grid: Grid, parts: int, width: float) -> Interface:
    """The means over the parts of every window: of the plane cut, and of the slope."""
    check(isinstance(parts, int | np.integer) and parts >= 1, f"`parts` must be a positive whole number, but it is {parts!r}.")
    _check_width(width)
    steps = ((np.arange(parts) + 0.5) / parts - 0.5) * width
    offsets = jnp.asarray(list(itertools.product(steps, repeat=grid.ndim)), grid.lengths.dtype)

    @jax.checkpoint
    def add(totals: tuple[Array, ...], offset: Array) -> tuple[tuple[Array, ...], None]:
        value, slope = sampler(offset)
        slope = jnp.where(jnp.isfinite(slope), slope, 0.0)  # at the centre of a norm
        cut = plane_cut(value, slope, (width / parts) * grid.spacing.astype(value.dtype))
        return (totals[0] + cut, totals[1] + slope, totals[2] + jax.lax.stop_gradient(jnp.max(jnp.abs(slope), axis=0))), None

    value, slope = jax.eval_shape(sampler, offsets[0])
    start = [jnp.zeros(leaf.shape, leaf.dtype) for leaf in (value, slope, value)]
    (share, slope, size), _ = jax.lax.scan(add, tuple(start), offsets)
    return Interface(share / len(offsets), unit(slope, ROUNDING * jnp.finfo(slope.dtype).eps * size))


def _check_width(width: float) -> None:
    check(width > 0, f"`width` must be positive, but it is {width}. 1 is the voxel itself.")


def _of_function(level_set: Callable[[Any], Any], centres: Array, spacing: Array) -> Sampler:
    """A function of the position, with its slope by differentiation."""

    def sample(offset: Array) -> tuple[Array, Array]:
        x = centres + (offset * spacing).reshape(-1, *(1,) * (centres.ndim - 1))
        value, pull = jax.vjp(level_set, x)
        check_shape("level_set(x)", value, x.shape[1:], "It takes positions (d, ...) to values (...).")
        return value, pull(jnp.ones_like(value))[0]

    return sample


def _of_spheres(centres: Array, radii: Array, grid: Grid) -> Sampler:
    """The distance to the nearest sphere, negative inside."""
    lengths = grid.lengths.reshape(-1, *(1,) * grid.ndim)
    middle = grid.centres()

    def sample(offset: Array) -> tuple[Array, Array]:
        x = middle + (offset * grid.spacing).reshape(lengths.shape)

        def nearest(found: tuple[Array, Array], ball: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
            gap = x - ball[0].reshape(lengths.shape)
            gap = gap - lengths * jax.lax.stop_gradient(jnp.round(gap / lengths))
            square = jnp.sum(gap**2, axis=0)
            length = jnp.sqrt(jnp.where(square > 0, square, 1.0))
            distance = jnp.where(square > 0, length, 0.0) - ball[1]
            nearer = distance < found[0]
            return (jnp.where(nearer, distance, found[0]), jnp.where(nearer, gap / length, found[1])), None

        far = jnp.full(grid.shape, jnp.inf, x.dtype), jnp.zeros_like(x)
        return jax.lax.scan(nearest, far, (centres.T.astype(x.dtype), radii.astype(x.dtype)))[0]

    return sample


def _of_values(values: Array, spacing: Array, shift: float) -> Sampler:
    """Periodic values between which cubics through four neighbours are drawn, axis by axis."""

    def sample(offset: Array) -> tuple[Array, Array]:
        fields = [values]
        for axis in range(values.ndim):
            place = offset[axis] + shift
            base = jnp.floor(place)
            weights, slopes = _cubic((place - base).astype(values.dtype))
            moved = [[jnp.roll(field, -(base.astype(int) + k), axis) for k in (-1, 0, 1, 2)] for field in fields]
            fields = [jnp.einsum("k,k...->...", weights, jnp.stack(four)) for four in moved]
            fields.append(jnp.einsum("k,k...->...", slopes, jnp.stack(moved[0])) / spacing[axis])
        return fields[0], jnp.stack(fields[1:])

    return sample


def _cubic(s: Float[Array, ""]) -> tuple[Float[Array, " 4"], Float[Array, " 4"]]:
    """Weights of the values at −1, 0, 1, 2 for value and slope at s in [0, 1]: Lagrange's cubic."""
    nodes = np.arange(-1.0, 3.0)
    inverse = np.linalg.inv(np.vander(nodes, increasing=True)).T  # row k: coefficients of the cubic that is 1 at node k
    powers, slopes = jnp.stack([s**0, s, s**2, s**3]), jnp.stack([0.0 * s, s**0, 2 * s, 3 * s**2])
    table = jnp.asarray(inverse, s.dtype)
    return table @ powers, table @ slopes
