"""Ellipses and ellipsoids at random that do not overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_number, check, check_finite, check_shape, check_whole, is_concrete, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Bodies, Ellipsoids, ball
from jaxmicro.microstructures.drawing import check_supersample, draw_bodies
from jaxmicro.microstructures.inclusion_sizes import SHARE, cut_moment, relative_scatter, scattered
from jaxmicro.microstructures.inclusions import NAMES, check_share, two_phases
from jaxmicro.microstructures.packing import Packed, PackingError, check_gap, frames_along_axes, into_cell, packed, settle
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pose, near_pairs
from jaxmicro.orientations import from_matrix, to_matrix

STEPS = 6000


def ellipsoids(
    grid: Grid,
    volume_fraction: float = SHARE,
    semi_axes: Sequence[float] | Float[ArrayLike, " d"] | None = None,
    *,
    key: Array,
    count: int | None = None,
    scatter: float = 0.0,
    orientations: str | float | ArrayLike | Sequence[Any] | None = None,
    gap: float = 0.0,
    supersample: int = 1,
    if_jammed: str = "raise",
    phases: Sequence[Phase | str] = NAMES,
) -> Microstructure:
    """Ellipses (2D) or ellipsoids (3D) at random in a matrix: periodic, without overlap.

    Their number follows from the volume fraction and the semi-axes; all are then scaled together, so that the undrawn volume fraction is the
    one asked for. Bodies with random orientations are moved and turned until they do not overlap, others are only moved.

    Args:
        grid: the periodic cell.
        volume_fraction: of the ellipsoids (phase 1).
        semi_axes: `(d,)` in the unit of `grid.lengths`; by default twice as long as thick, with 1/10 of the shortest edge. With `count` only
            their ratios matter.
        key: typed random key.
        count: number of ellipsoids.
        scatter: standard deviation of the size over its mean (log-normal, cut at 2.5 deviations); shapes are alike.
        orientations: `"random"` (also None), `"aligned"` with the axes, or fixed ones: in 3D unit quaternions sample → body `(4,)` or `(4, n)`,
            in 2D angles in radians from x to the first semi-axis, one or `(n,)`.
        gap: least distance between two surfaces.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        if_jammed: `"raise"`, or take the `"best"` that was reached, with smaller bodies and a note; `asked` keeps what was asked for.
        phases: names of matrix and ellipsoids.

    Returns:
        The microstructure, with the map `inclusion`: the number of the ellipsoid at each voxel, 0 in the matrix.

    Raises:
        PackingError: if the volume fraction cannot be reached, saying what was; or if an ellipsoid meets its own image.
        ValueError: if an argument is out of range.

    Reference: overlaps are found by the contact function of J. W. Perram, M. S. Wertheim, J. Comput. Phys. 58, 409 (1985),
    doi:10.1016/0021-9991(85)90171-8.

    Example:
        >>> import jax
        >>> ms = ellipsoids(Grid((48, 48)), 0.4, (8.0, 4.0), key=jax.random.key(0), supersample=3)
        >>> round(float(ms.volume_fractions[1]), 2)
        0.4

    Not differentiable: it runs on the host. `soft_ellipsoids` is, with the centres and orientations of `pack_ellipsoids`.
    """
    check(is_concrete(grid, key, semi_axes, orientations), "Ellipsoids are packed on the host: call this outside jit, vmap and grad.")
    check_share(volume_fraction)
    check_supersample(supersample)
    keys = split_named(key, "sizes", "packing")
    lengths = np.asarray(grid.lengths, float)
    axes = _semi_axes(lengths, volume_fraction, semi_axes, count, scatter, keys["sizes"])
    what = f"{len(axes)} ellipsoids of mean semi-axes {_listed(axes.mean(axis=0))} and gap {gap:g}"
    found, bodies = _packed(lengths, axes, orientations, gap, keys["packing"])
    factor, notes = settle(found, volume_fraction, what, if_jammed, grid.ndim)
    share, index = draw_bodies(grid, bodies.scaled(factor), found.pose, supersample)
    provenance = f"ellipsoids: {what}, scatter {scatter:g}, volume fraction {volume_fraction:g}"
    sizes = axes.prod(axis=1) ** (1 / grid.ndim)
    asked = {
        "volume_fractions": (1 - volume_fraction, volume_fraction),
        "count": len(axes),
        "mean_radius": sizes.mean(),
        "radius_scatter": relative_scatter(sizes),
        "aspect_ratio": axes[0].max() / axes[0].min(),
    }
    return two_phases(grid, share, index, supersample, phases, provenance).replace(asked=asked).with_notes(*notes)


def pack_ellipsoids(
    lengths: Any,
    semi_axes: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    orientations: str | float | ArrayLike | Sequence[Any] | None = None,
    gap: float = 0.0,
    *,
    key: Array,
) -> tuple[np.ndarray, np.ndarray]:
    """Centres and orientations of periodic ellipses or ellipsoids that do not overlap.

    Args:
        lengths: edge lengths of the cell, `(d,)`.
        semi_axes: of each body, `(d, n)`, same unit.
        orientations: as in `ellipsoids`.
        gap: least distance between two surfaces.
        key: typed random key.

    Returns:
        Centres `(d, n)`, and orientations: unit quaternions `(4, n)` in 3D, angles `(n,)` in 2D.

    Raises:
        PackingError: if overlaps remain, saying at what size they would not.
        ValueError: if an argument is out of range.

    Example:
        >>> import jax
        >>> centres, angles = pack_ellipsoids((1.0, 1.0), [[0.3, 0.2], [0.1, 0.1]], key=jax.random.key(0))
        >>> centres.shape, angles.shape
        ((2, 2), (2,))

    Not differentiable: it runs on the host. `soft_ellipsoids` is, in what comes out.
    """
    check(is_concrete(lengths, semi_axes, orientations, key), "Ellipsoids are packed on the host: call this outside jit, vmap and grad.")
    edges, axes = np.asarray(lengths, float), np.asarray(semi_axes, float)
    check_shape("semi_axes", axes, (edges.size, "n"), "Give one column per body.")
    good = axes.size > 0 and bool((np.isfinite(axes) & (axes > 0)).all())
    check(good, f"`semi_axes` must be positive, but they are {axes.tolist()}.")
    found, _ = _packed(edges, axes.T, orientations, gap, key)
    if found.factor != 1:
        raise PackingError(
            f"{axes.shape[1]} ellipsoids with gap {gap:g} could not be placed without overlap: they fit only where all are {found.factor:.3f} times "
            "as large. Ask for smaller ones or a smaller gap, or try another key."
        )
    return into_cell(found.pose.centres, edges).T, _as_orientations(found.pose.frames)


def _packed(lengths: np.ndarray, axes: np.ndarray, orientations: Any, gap: Any, key: Array) -> tuple[Packed, Ellipsoids]:
    check_gap(gap)
    bodies = Ellipsoids(axes, float(gap))
    generator = numpy_generator(key)
    count, ndim = axes.shape
    turning = orientations is None or (isinstance(orientations, str) and orientations == "random")
    frames = None if turning else fixed_frames(orientations, count, ndim)
    refuse_own_images(bodies, frames, lengths, "An ellipsoid of semi-axes " + _listed(axes[axes.max(axis=1).argmax()]))

    def draw() -> Pose:
        centres = generator.random((count, ndim)) * lengths
        return Pose(centres, random_frames(count, ndim, generator) if frames is None else frames)

    return packed(bodies, draw, lengths, steps=STEPS, turning=turning), bodies


def _semi_axes(lengths: np.ndarray, share: float, semi_axes: Any, count: Any, scatter: Any, key: Array) -> np.ndarray:
    """Semi-axes `(n, d)` with the scatter, whose volume is exactly the share of the cell."""
    ndim, cell = lengths.size, float(np.prod(lengths))
    thin = lengths.min() / 20
    axes = np.array([2 * thin, *[thin] * (ndim - 1)]) if semi_axes is None else np.asarray(semi_axes, float)
    check_shape("semi_axes", axes, (ndim,), "Give one semi-axis per axis of the grid.")
    check_finite("semi_axes", axes)
    check(bool((axes > 0).all()), f"`semi_axes` must be positive, but they are {axes.tolist()}.")
    check(0 <= as_number(scatter) < np.inf, f"`scatter` must not be negative, but it is {scatter!r}.")
    if count is None:
        mean = ball(ndim, 1.0) * axes.prod() * cut_moment(scatter, ndim) / cut_moment(scatter, 1) ** ndim
        count = max(1, round(share * cell / mean))
    check_whole("count", count, 1)
    factors = scattered(int(count), float(scatter), key)
    drawn = factors[:, None] * axes
    return drawn * (share * cell / float(ball(ndim, 1.0) * drawn.prod(axis=1).sum())) ** (1 / ndim)


def fixed_frames(orientations: Any, count: int, ndim: int) -> Float[np.ndarray, "n d d"]:
    """Axes of bodies as rows, from `"aligned"`, quaternions or angles."""
    if isinstance(orientations, str):
        check(orientations == "aligned", f"`orientations` must be 'random', 'aligned', or numbers, but it is {orientations!r}.")
        return frames_along_axes(count, ndim)
    given = np.asarray(orientations, float)
    check_finite("orientations", given)
    single = () if ndim == 2 else (4,)
    fits = given.shape in (single, (*single, count))
    wanted = "an angle or one per body" if ndim == 2 else "a unit quaternion (4,) or one per body"
    check(fits, f"`orientations` must be {wanted}, {(*single, count)}, but its shape is {given.shape}. Give `count` with one for each.")
    every = np.broadcast_to(given[..., None] if given.shape == single else given, (*single, count))
    if ndim == 2:
        c, s = np.cos(every), np.sin(every)
        return np.stack([np.stack([c, s], axis=1), np.stack([-s, c], axis=1)], axis=1)
    norm = np.sqrt((every**2).sum(axis=0))
    check(
        bool((np.abs(norm - 1) < 1e-3).all()),
        f"`orientations` must be unit quaternions, but their norms span [{norm.min():g}, {norm.max():g}].",
    )
    return np.moveaxis(np.asarray(to_matrix(every), float), -1, 0)


def _as_orientations(frames: Float[np.ndarray, "n d d"]) -> np.ndarray:
    if frames.shape[1] == 2:
        return np.arctan2(frames[:, 0, 1], frames[:, 0, 0])
    return np.asarray(from_matrix(np.moveaxis(_orthonormal(frames), 0, -1)))


def _orthonormal(frames: Float[np.ndarray, "n d d"]) -> Float[np.ndarray, "n d d"]:
    """Without the rounding of many turns."""
    left, _, right = np.linalg.svd(frames)
    return left @ right


def random_frames(count: int, ndim: int, generator: np.random.Generator) -> Float[np.ndarray, "n d d"]:
    """Frames of uniformly random rotations."""
    if ndim == 2:
        return fixed_frames(generator.random(count) * 2 * np.pi, count, 2)
    w, x, y, z = (q := generator.standard_normal((4, count))) / np.sqrt((q**2).sum(axis=0))
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def refuse_own_images(bodies: Bodies, frames: np.ndarray | None, lengths: np.ndarray, what: str) -> None:
    """Refuse bodies that would overlap their own images in any orientation, or in the fixed ones."""
    longest = 2 * float(bodies.reach.max())
    if longest <= lengths.min():
        return
    meets = frames is None
    if frames is not None:
        alone = near_pairs(bodies, Pose(np.zeros((len(frames), lengths.size)), frames), lengths, 0.0)
        meets = bool((alone.first == alone.second).any())
    if meets:
        raise PackingError(
            f"{what} and length {longest:g} with its gap meets its own image in a cell of edges {lengths.tolist()}. "
            "Use smaller bodies or a larger cell."
        )


def _listed(axes: np.ndarray) -> str:
    return "(" + ", ".join(f"{a:g}" for a in axes) + ")"
