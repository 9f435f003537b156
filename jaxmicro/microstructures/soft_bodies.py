"""Differentiable bodies: smooth phase fractions of periodic spheres, ellipsoids and capsules, and of their union.

With t an approximate distance from the surface, exact near it and negative inside, the fraction of one body is

    f = 1 / (1 + exp(4 t / width)),

whose tangent in the middle goes from 1 to 0 over `width`; the union of bodies and of their images is 1 − Π (1 − f_i). As `width` goes to
zero, fractions become those of the bodies. For an ellipsoid with q² = Σ (y/a²) y in coordinates y of the body,

    t = (q² − 1) / (2 |y/a²|),

the distance to first order; for a capsule it is the distance from the segment less the radius.

Images: the whole sum over images is ln(1 − f) = Σ_m w(x + m L) ln(1 − f(x + m L)), where along each axis the window w is 1 up to an edge L
from the centre of the body and falls to 0 at 3/2 L, with all derivatives. So three images per axis are all there are, none comes or goes
with a step, and bodies of up to twice the cell keep their shape.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_finite, check_shape, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.orientations import to_matrix

FLAT = 1e-6  # of the longest semi-axis: where a slope is smaller, it is taken as that
TAIL = 50.0  # of 4 t / width: beyond it a body adds less than 1e-21
STEP_ENDS = 0.01  # of a smooth step, where it is within 1e-43 of its ends

Distance = Callable[[Array, Any], Array]  # of points (d, *grid) from one body at the origin


def soft_spheres(
    grid: Grid,
    centres: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    radii: Float[ArrayLike, " n"] | Sequence[float],
    *,
    width: float | Float[ArrayLike, ""],
) -> Float[Array, "*grid"]:
    """Smooth phase fraction of the union of periodic discs (2D) or spheres (3D).

    `interface_of_spheres` gives the exact fractions of sharp ones; here the interface has a width, and all derivatives are smooth.

    Args:
        grid: the periodic cell.
        centres: `(d, n)`, in the unit of `grid.lengths`.
        radii: `(n,)`.
        width: of the interface, same unit; from about one voxel, below which voxels see only a step.

    Returns:
        Fractions `(*grid)` in [0, 1] at the voxel centres.

    Raises:
        ValueError: if a shape does not fit, or concrete radii or the width are not positive and finite; traced ones give NaN.

    Example:
        >>> f = soft_spheres(Grid((32, 32), (1.0, 1.0)), [[0.1], [0.5]], [0.3], width=0.02)
        >>> round(float(f.mean() / (np.pi * 0.3**2)), 2)
        1.0

    Differentiable in centres, radii, width and edge lengths, in both modes.
    """
    places, sizes, thickness = as_float_arrays(centres=centres, radii=radii, width=width)
    _check_bodies(grid, places, thickness, radii=sizes)
    return _union(_sphere, grid, places, (sizes,), (sizes, sizes), thickness)


def soft_ellipsoids(
    grid: Grid,
    centres: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    semi_axes: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    orientations: Float[ArrayLike, "..."] | Sequence[Any],
    *,
    width: float | Float[ArrayLike, ""],
) -> Float[Array, "*grid"]:
    """Smooth phase fraction of the union of periodic ellipses (2D) or ellipsoids (3D).

    Args:
        grid: the periodic cell.
        centres: `(d, n)`, in the unit of `grid.lengths`.
        semi_axes: `(d, n)`, same unit.
        orientations: in 3D quaternions sample → body `(4, n)` of any length; in 2D angles in radians from x to the first semi-axis, `(n,)`.
        width: of the interface, same unit.

    Returns:
        Fractions `(*grid)` in [0, 1] at the voxel centres.

    Raises:
        ValueError: if a shape does not fit, or concrete semi-axes or the width are not positive and finite; traced ones give NaN.

    Example:
        >>> f = soft_ellipsoids(Grid((32, 32), (1.0, 1.0)), [[0.1], [0.5]], [[0.4], [0.2]], [0.5], width=0.02)
        >>> round(float(f.mean() / (np.pi * 0.4 * 0.2)), 2)
        1.0

    Differentiable in centres, semi-axes, orientations, width and edge lengths, in both modes.
    """
    places, axes, turned, thickness = as_float_arrays(centres=centres, semi_axes=semi_axes, orientations=orientations, width=width)
    _check_bodies(grid, places, thickness, semi_axes=axes)
    check_shape("semi_axes", axes, places.shape, "Give one semi-axis per axis of the grid and body.")
    wanted = (places.shape[1],) if grid.ndim == 2 else (4, places.shape[1])
    check_shape("orientations", turned, wanted, "Give one angle (2D) or quaternion (3D) per body.")
    check_finite("orientations", turned)
    frames = jnp.moveaxis(to_matrix(turned) if grid.ndim == 3 else _plane_turns(turned), -1, 0)
    return _union(_ellipsoid, grid, places, (axes.T, frames), (jnp.max(axes, axis=0), jnp.min(axes, axis=0)), thickness)


def soft_capsules(
    grid: Grid,
    centres: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    directions: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    lengths: Float[ArrayLike, " n"] | Sequence[float],
    radii: Float[ArrayLike, " n"] | Sequence[float],
    *,
    width: float | Float[ArrayLike, ""],
) -> Float[Array, "*grid"]:
    """Smooth phase fraction of the union of periodic straight fibres with round ends.

    Args:
        grid: the periodic cell.
        centres: `(d, n)`, in the unit of `grid.lengths`.
        directions: `(d, n)`, of any length but zero.
        lengths: from end to end, `(n,)`, at least twice the radius.
        radii: `(n,)`.
        width: of the interface, same unit.

    Returns:
        Fractions `(*grid)` in [0, 1] at the voxel centres.

    Raises:
        ValueError: if a shape does not fit, or concrete radii or the width are not positive and finite; traced ones give NaN.

    Example:
        >>> f = soft_capsules(Grid((64, 64), (1.0, 1.0)), [[0.1], [0.5]], [[1.0], [1.0]], [0.6], [0.1], width=0.01)
        >>> round(float(f.mean() / (np.pi * 0.1**2 + 0.4 * 0.2)), 2)
        1.0

    Differentiable in centres, directions, lengths, radii, width and edge lengths, in both modes; second derivatives jump where the round ends begin.
    """
    places, ways, extents, sizes, thickness = as_float_arrays(
        centres=centres, directions=directions, lengths=lengths, radii=radii, width=width
    )
    _check_bodies(grid, places, thickness, lengths=extents, radii=sizes)
    check_shape("directions", ways, places.shape, "Give one direction per body.")
    check_finite("directions", ways)
    if is_concrete(ways, extents, sizes):
        check(bool((jnp.sum(ways**2, axis=0) > 0).all()), "`directions` must not be zero, but one of them is.")
        check(
            bool((extents >= 2 * sizes * (1 - 1e-6)).all()),
            "`lengths` must be at least twice the radii, from end to end, but some are less.",
        )
    units = ways / jnp.sqrt(jnp.sum(ways**2, axis=0))
    return _union(_capsule, grid, places, (units.T, extents / 2 - sizes, sizes), (extents / 2, sizes), thickness)


def _check_bodies(grid: Grid, centres: Array, width: Array, **sizes: Array) -> None:
    check_shape("centres", centres, (grid.ndim, "n"), "Centres have one row per axis of the grid.")
    check_shape("width", width, (), "One width holds for all interfaces.")
    check_finite("centres", centres)
    for name, value in (("width", width), *sizes.items()):
        if name in ("radii", "lengths"):
            check_shape(name, value, centres.shape[1:], "Give one per body.")
        check_finite(name, value)
        if is_concrete(value):
            check(bool((np.asarray(value) > 0).all()), f"`{name}` must be positive, but it is {np.asarray(value).tolist()}.")
        if name != "width" and is_concrete(value, grid):
            most = float(np.min(np.asarray(grid.lengths))) * (2 if name == "lengths" else 1)
            check(
                bool((np.asarray(value) <= most * (1 + 1e-6)).all()),
                f"`{name}` must be at most {most:g}, for bodies of twice the shortest edge, but it is {np.asarray(value).tolist()}. "
                "Use smaller bodies or a larger cell.",
            )


@functools.partial(jax.jit, static_argnums=0)
def _union(
    distance: Distance, grid: Grid, centres: Array, bodies: tuple[Array, ...], box: tuple[Array, Array], width: Array
) -> Float[Array, "*grid"]:
    """Image by image: neither memory nor what is compiled grows with their number; in reverse mode each is computed again.

    A body lies within the radius ρ of its centre and is nowhere thinner than its smallest radius a, the two in `box`. Then t ≥ a/2 (q − 1/q) at
    q ρ from the centre: images are passed over where this leaves less than rounding in every voxel.
    """
    lengths, spacing = grid.lengths.astype(centres.dtype), grid.spacing.astype(centres.dtype)
    slope = 4 / jnp.where(width > 0, width, jnp.nan)
    images = jnp.asarray(list(itertools.product((-1.0, 0.0, 1.0), repeat=grid.ndim)), centres.dtype)

    @jax.checkpoint
    def logarithm(body: tuple[Array, ...], image: Array) -> Array:
        place = []
        for axis, count in enumerate(grid.shape):
            away = (jnp.arange(count, dtype=centres.dtype) + 0.5) * spacing[axis] - body[0][axis]
            away = away - lengths[axis] * (jax.lax.stop_gradient(jnp.round(away / lengths[axis])) - image[axis])
            place.append(away.reshape([-1 if k == axis else 1 for k in range(grid.ndim)]))
        farthest, thinnest = body[-2:]
        q = jnp.sqrt(sum(jnp.min(x**2) for x in jax.lax.stop_gradient(place))) / farthest
        nothing = slope * thinnest * (q - 1 / q) / 2 > TAIL
        return jax.lax.cond(nothing, lambda: jnp.zeros(grid.shape, centres.dtype), lambda: _near(place, body[1:-2]))

    def _near(place: list[Array], body: tuple[Array, ...]) -> Array:
        weight = functools.reduce(jnp.multiply, [_window(x / length) for x, length in zip(place, lengths, strict=True)])
        return weight * jax.nn.log_sigmoid(slope * distance(jnp.stack(jnp.broadcast_arrays(*place)), body))

    def add(total: Array, body: tuple[Array, ...]) -> tuple[Array, None]:
        return jax.lax.scan(lambda sum_, image: (sum_ + logarithm(body, image), None), total, images)[0], None

    total, _ = jax.lax.scan(add, jnp.zeros(grid.shape, centres.dtype), (centres.T, *bodies, *jax.lax.stop_gradient(box)))
    return -jnp.expm1(total)


def _window(x: Array) -> Array:
    """1 up to 1, 0 from 3/2 on, and smooth between: of the smooth step 1 / (1 + exp(1/u − 1/(1 − u)))."""
    u = jnp.clip(3 - 2 * jnp.abs(x), STEP_ENDS, 1 - STEP_ENDS)
    return jax.nn.sigmoid(1 / (1 - u) - 1 / u)


def _sphere(x: Array, body: tuple[Array]) -> Array:
    (radius,) = body
    radius = jnp.where(radius > 0, radius, jnp.nan)
    square = jnp.sum(x**2, axis=0)
    least = (FLAT * radius) ** 2
    return (square - radius**2) / (2 * jnp.sqrt(jnp.maximum(square, least)))


def _ellipsoid(x: Array, body: tuple[Array, Array]) -> Array:
    axes, frame = body
    axes = jnp.where(axes > 0, axes, jnp.nan).reshape(-1, *(1,) * (x.ndim - 1))
    place = jnp.einsum("ij,j...->i...", frame, x) / axes
    steep = jnp.sum((place / axes) ** 2, axis=0)
    least = (FLAT / jnp.max(axes)) ** 2
    return (jnp.sum(place**2, axis=0) - 1) / (2 * jnp.sqrt(jnp.maximum(steep, least)))


def _capsule(x: Array, body: tuple[Array, Array, Array]) -> Array:
    way, half, radius = body
    radius = jnp.where(radius > 0, radius, jnp.nan)
    along = jnp.einsum("j,j...->...", way, x)
    rest = x - jnp.clip(along, -half, half) * way.reshape(-1, *(1,) * (x.ndim - 1))
    return _sphere(rest, (radius,))


def _plane_turns(angles: Float[Array, " n"]) -> Float[Array, "2 2 n"]:
    c, s = jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([jnp.stack([c, s]), jnp.stack([-s, c])])
