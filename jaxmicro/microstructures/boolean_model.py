"""The Boolean model: grains at the points of a Poisson process, which overlap freely."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike

from jaxmicro._core import as_number, check, check_shape, is_concrete, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Bodies, Capsules, Ellipsoids, Spheres
from jaxmicro.microstructures.directions import directions, frames_of
from jaxmicro.microstructures.drawing import check_supersample, gauges
from jaxmicro.microstructures.ellipsoids import fixed_frames, random_frames, refuse_own_images
from jaxmicro.microstructures.inclusion_sizes import cut_moment, scattered
from jaxmicro.microstructures.inclusions import check_share, two_phases
from jaxmicro.microstructures.packing import frames_along_axes
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pose

MARGIN = 2.0  # how much larger grains may become to meet a fraction exactly


def boolean_model(
    grid: Grid,
    volume_fraction: float = 0.3,
    radius: float | None = None,
    *,
    key: Array,
    semi_axes: Sequence[float] | None = None,
    length: float | None = None,
    diameter: float | None = None,
    scatter: float = 0.0,
    orientation: str | float | Sequence[Any] | ArrayLike = "random",
    concentration: float = np.inf,
    exact: bool = False,
    supersample: int = 1,
    phases: Sequence[Phase | str] = ("matrix", "grain"),
) -> Microstructure:
    """Overlapping discs or spheres, ellipsoids or fibres: the Boolean model on a periodic cell.

        φ = 1 − exp(−n E[V]),    so that the intensity is  n = −ln(1 − φ) / E[V],

    with a Poisson number of grains of mean n · (volume of the cell). The volume fraction is that of the model: single cells scatter about it.

    Args:
        grid: the periodic cell.
        volume_fraction: φ of the grains (phase 1).
        radius: mean radius of discs or spheres, in the unit of `grid.lengths`; by default 1/10 of the shortest edge. Or
        semi_axes: mean semi-axes `(d,)` of ellipsoids. Or
        length: of fibres from end to end, with
        diameter: of the fibres.
        key: typed random key.
        scatter: standard deviation of the size over its mean (log-normal, cut at 2.5 deviations), of one shape.
        orientation: of ellipsoids as `orientations` in `ellipsoids`, of fibres as in `fibres`.
        concentration: of fibres, as in `fibres`.
        exact: make all grains larger or smaller together until the volume fraction is exact to one (sub)voxel; the statistics are then those of
            the conditioned cell.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        phases: names of matrix and grains.

    Returns:
        The microstructure, with the map `inclusion`: the number of the grain that a voxel is deepest in, 0 in the matrix. The provenance holds
        the intensity and the number of grains.

    Raises:
        ValueError: if an argument is out of range, or not exactly one shape is given.
        PackingError: if a grain would overlap its own image, which the model does not know of.

    Reference: S. N. Chiu, D. Stoyan, W. S. Kendall, J. Mecke, Stochastic Geometry and its Applications, 3rd ed. (2013), chapter 3,
    doi:10.1002/9781118658222.

    Example:
        >>> import jax
        >>> ms = boolean_model(Grid((64, 64)), 0.4, 4.0, key=jax.random.key(0), exact=True)
        >>> round(float(ms.volume_fractions[1]), 3)
        0.4

    Not differentiable: it runs on the host. `soft_spheres`, `soft_ellipsoids` and `soft_capsules` are: they are smooth unions.
    """
    check(is_concrete(grid, key, orientation), "Grains are placed on the host: call this outside jit, vmap and grad.")
    check(volume_fraction is not None, "`volume_fraction` must be given for the Boolean model, but it is None.")
    check_share(volume_fraction)
    check_supersample(supersample)
    check(0 <= as_number(scatter) < np.inf, f"`scatter` must not be negative, but it is {scatter!r}.")
    lengths, ndim = np.asarray(grid.lengths, float), grid.ndim
    mean = _mean_body(lengths, radius, semi_axes, length, diameter)
    cell = float(np.prod(lengths))
    expected = float(mean.volumes(ndim)[0]) * cut_moment(scatter, ndim) / cut_moment(scatter, 1) ** ndim
    intensity = -math.log1p(-volume_fraction) / expected
    keys = split_named(key, "number", "sizes", "places", "directions")
    count = int(numpy_generator(keys["number"]).poisson(intensity * cell))
    check(
        count > 0 or not exact,
        f"`exact` needs a grain, but the Poisson number of mean {intensity * cell:.3g} came out as 0. Take another key.",
    )
    factors = scattered(count, scatter, keys["sizes"]) / cut_moment(scatter, 1)
    bodies = _every(mean, factors)
    frames = _frames(mean, count, ndim, orientation, concentration, numpy_generator(keys["directions"]))
    if count:
        refuse_own_images(bodies, frames, lengths, "A grain")
    pose = Pose(numpy_generator(keys["places"]).random((count, ndim)) * lengths, frames)
    share, index = _drawn(grid, bodies, pose, supersample, volume_fraction if exact else None)
    kind = type(mean).__name__.lower()
    provenance = f"Boolean model: {count} {kind}, intensity {intensity:g}, scatter {scatter:g}, volume fraction {volume_fraction:g}{' exact' if exact else ''}"
    return two_phases(grid, share, index, supersample, phases, provenance).replace(
        asked={"volume_fractions": (1 - volume_fraction, volume_fraction)}
    )


def _mean_body(lengths: np.ndarray, radius: Any, semi_axes: Any, length: Any, diameter: Any) -> Spheres | Ellipsoids | Capsules:
    """One grain of mean size, of the shape that is given."""
    fibre = length is not None or diameter is not None
    kinds = (radius is not None) + (semi_axes is not None) + fibre
    check(kinds <= 1, "Exactly one shape must be given, `radius`, `semi_axes`, or `length` with `diameter`, but there are several.")
    if semi_axes is not None:
        axes = np.asarray(semi_axes, float)
        check_shape("semi_axes", axes, (lengths.size,), "Give one semi-axis per axis of the grid.")
        check(bool((np.isfinite(axes) & (axes > 0)).all()), f"`semi_axes` must be positive, but they are {axes.tolist()}.")
        return Ellipsoids(axes[None])
    if fibre:
        extent, thick = as_number(length), as_number(diameter)
        good = 0 < thick <= extent < np.inf
        check(good, f"`length` must be at least the `diameter`, which must be positive, but they are {length!r} and {diameter!r}.")
        return Capsules(np.array([(extent - thick) / 2]), np.array([thick / 2]))
    size = lengths.min() / 10 if radius is None else as_number(radius)
    check(0 < size < np.inf, f"`radius` must be positive, but it is {radius!r}.")
    return Spheres(np.array([size]))


def _every(mean: Spheres | Ellipsoids | Capsules, factors: np.ndarray) -> Spheres | Ellipsoids | Capsules:
    if isinstance(mean, Spheres):
        return Spheres(factors * mean.radii)
    if isinstance(mean, Ellipsoids):
        return Ellipsoids(factors[:, None] * mean.semi_axes)
    return Capsules(factors * mean.half_lengths, factors * mean.radii)


def _frames(mean: Bodies, count: int, ndim: int, orientation: Any, concentration: Any, generator: np.random.Generator) -> np.ndarray:
    if isinstance(mean, Spheres):
        return frames_along_axes(count, ndim)
    if isinstance(mean, Capsules):
        return frames_of(directions(count, ndim, orientation, concentration, generator, exact=False)[0])
    random = isinstance(orientation, str) and orientation == "random"
    return random_frames(count, ndim, generator) if random else fixed_frames(orientation, count, ndim)


def _drawn(grid: Grid, bodies: Any, pose: Pose, supersample: int, share: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Shares and numbers of grains; of an exact fraction, the points of the smallest gauge."""
    found = list(gauges(grid, bodies, pose, supersample, 1.0 if share is None else MARGIN)) if len(pose.centres) else []
    if not found:
        return np.zeros(grid.shape), np.zeros(grid.shape, np.int32)
    table, owner = np.stack([gauge for gauge, _ in found]), np.stack([number for _, number in found])
    inside = table < 1
    if share is not None:
        wanted = round(share * table.size)
        order = np.argsort(table, axis=None, kind="stable")[:wanted]
        check(
            bool(np.isfinite(table.ravel()[order[-1:]]).all()),
            f"`volume_fraction` {share:g} cannot be made exact: the grains that were drawn would have to be {MARGIN:g} times as large. Use a larger cell or another key.",
        )
        inside = np.zeros(table.shape, bool)
        inside.ravel()[order] = True
    deepest = np.where(inside, table, np.inf).argmin(axis=0)[None]
    number = np.where(inside.any(axis=0), np.take_along_axis(owner, deepest, axis=0)[0] + 1, 0)
    return inside.mean(axis=0), number.astype(np.int32)
