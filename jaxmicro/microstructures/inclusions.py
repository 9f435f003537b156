"""Periodic inclusions: one disc or sphere, or many that do not overlap."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, is_concrete, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.packing import PackingError, pack_spheres
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.spheres import rasterise_spheres

NAMES = ("matrix", "inclusion")
DENSEST = {2: math.pi / math.sqrt(12), 3: math.pi / math.sqrt(18)}


def inclusions(
    grid: Grid,
    volume_fraction: float = 0.3,
    radius: float | None = None,
    *,
    key: Array,
    count: int | None = None,
    scatter: float = 0.0,
    gap: float = 0.0,
    supersample: int = 1,
    phases: Sequence[Phase | str] = NAMES,
) -> Microstructure:
    """Discs (2D) or spheres (3D) at random in a matrix: periodic, without overlap.

    The number of inclusions follows from the volume fraction and the radius (or the reverse); the radii are then
    scaled together, so that the exact, undrawn volume fraction is the one asked for.

    Args:
        grid: the periodic cell.
        volume_fraction: of the inclusions (phase 1).
        radius: mean radius in the unit of `grid.lengths`; by default 1/10 of the shortest edge.
        key: typed random key.
        count: number of inclusions, instead of the radius.
        scatter: standard deviation of the radius over its mean (log-normal, cut at 2.5 deviations).
        gap: smallest distance between two surfaces.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        phases: names of matrix and inclusions.

    Returns:
        The microstructure, with the map `inclusion`: the number of the inclusion at each voxel, 0 in the matrix.

    Raises:
        PackingError: if the volume fraction cannot be reached, saying what was reached.
        ValueError: if an argument is out of range.

    Example:
        >>> import jax
        >>> ms = inclusions(Grid((32, 32)), volume_fraction=0.3, radius=4.0, key=jax.random.key(0), supersample=4)
        >>> round(float(ms.volume_fractions[1]), 2)
        0.3

    Not differentiable: it runs on the host.
    """
    check(is_concrete(grid, key), "Inclusions are packed on the host: call this outside jit, vmap and grad.")
    check(0 < volume_fraction < 1, f"`volume_fraction` must lie between 0 and 1, but it is {volume_fraction}.")
    check(scatter >= 0, f"`scatter` must not be negative, but it is {scatter}.")
    check(
        radius is None or count is None, "`radius` and `count` must not both be given: one follows from the other and the volume fraction."
    )
    keys = split_named(key, "radii", "centres")
    lengths = np.asarray(grid.lengths, float)
    radii = _radii(lengths, volume_fraction, radius, count, scatter, keys["radii"])
    centres = _pack(lengths, radii, gap, volume_fraction, keys["centres"])
    share, index = rasterise_spheres(grid, centres, radii, supersample)
    provenance = (
        f"inclusions: {radii.size} of mean radius {radii.mean():g}, scatter {scatter:g}, gap {gap:g}, volume fraction {volume_fraction:g}"
    )
    asked = {
        "volume_fractions": (1 - volume_fraction, volume_fraction),
        "count": radii.size,
        "mean_radius": radii.mean(),
        "radius_scatter": radii.std() / radii.mean(),
    }
    return _two_phases(grid, share, index, supersample, phases, provenance).replace(asked=asked)


def disc(
    grid: Grid,
    volume_fraction: float | None = None,
    *,
    radius: float | None = None,
    centre: Any = None,
    supersample: int = 1,
    phases: Sequence[Phase | str] = NAMES,
) -> Microstructure:
    """One disc in a periodic square or rectangular cell.

    Args:
        grid: a 2D cell.
        volume_fraction: of the disc, or
        radius: in the unit of `grid.lengths`.
        centre: `(2,)`; by default the middle of the cell.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        phases: names of matrix and disc.

    Returns:
        The microstructure; phase 1 is the disc.

    Raises:
        ValueError: if the disc would touch its own image, or not exactly one size is given.

    Example:
        >>> disc(Grid((16, 16)), radius=4.0).volume_fractions.tolist()
        [0.796875, 0.203125]

    Not differentiable: it runs on the host.
    """
    check(grid.ndim == 2, f"`grid` must be 2D for a disc, but it has {grid.ndim} axes. Use sphere.")
    return _single(grid, volume_fraction, radius, centre, supersample, phases, "disc")


def sphere(
    grid: Grid,
    volume_fraction: float | None = None,
    *,
    radius: float | None = None,
    centre: Any = None,
    supersample: int = 1,
    phases: Sequence[Phase | str] = NAMES,
) -> Microstructure:
    """One sphere in a periodic box; arguments as for `disc`, in 3D.

    Example:
        >>> round(float(sphere(Grid((16, 16, 16)), 0.2, supersample=4).volume_fractions[1]), 2)
        0.2

    Not differentiable: it runs on the host.
    """
    check(grid.ndim == 3, f"`grid` must be 3D for a sphere, but it has {grid.ndim} axes. Use disc.")
    return _single(grid, volume_fraction, radius, centre, supersample, phases, "sphere")


def _ball(ndim: int, radius: Any) -> Any:
    return math.pi * radius**2 if ndim == 2 else 4 / 3 * math.pi * radius**3


def _radius_of(ndim: int, volume: float) -> float:
    return (volume / _ball(ndim, 1.0)) ** (1 / ndim)


def _radii(lengths: np.ndarray, share: float, radius: float | None, count: int | None, scatter: float, key: Array) -> np.ndarray:
    """Radii with the requested scatter whose volume is exactly the share of the cell."""
    ndim, cell = lengths.size, float(np.prod(lengths))
    if count is None:
        mean = lengths.min() / 10 if radius is None else float(radius)
        check(mean > 0, f"`radius` must be positive, but it is {mean}.")
        sigma = math.sqrt(math.log1p(scatter**2))
        moment = math.exp(sigma**2 * ndim * (ndim - 1) / 2)  # <r^d>/<r>^d of a log-normal radius
        count = max(1, round(share * cell / (_ball(ndim, mean) * moment)))
    check(int(count) == count and count >= 1, f"`count` must be a positive whole number, but it is {count}.")
    deviations = np.clip(numpy_generator(key).standard_normal(int(count)), -2.5, 2.5)
    radii = np.exp(math.sqrt(math.log1p(scatter**2)) * deviations)
    return radii * (share * cell / float(_ball(ndim, radii).sum())) ** (1 / ndim)


def _pack(lengths: np.ndarray, radii: np.ndarray, gap: float, share: float, key: Array) -> np.ndarray:
    """Centres, or an error that says which volume fraction could be reached with these inclusions."""
    ndim = lengths.size
    try:
        if np.ptp(radii) < 1e-9 * radii.mean():
            needed = float(_ball(ndim, radii + gap / 2).sum() / np.prod(lengths))
            if needed > DENSEST[ndim]:
                raise PackingError(
                    f"equal inclusions with their gaps would fill {needed:.1%}, and the densest packing fills {DENSEST[ndim]:.1%}."
                )
        return pack_spheres(lengths, radii, gap, key=key)
    except PackingError as error:
        reached = _reachable(lengths, radii, gap, share, key)
        raise PackingError(
            f"`volume_fraction` {share:g} could not be reached with {radii.size} inclusions of mean radius {radii.mean():g} and gap {gap:g}; "
            f"{reached:.3g} was reached with the same number. Ask for that, for a smaller gap, or try another key. ({error})"
        ) from None


def _reachable(lengths: np.ndarray, radii: np.ndarray, gap: float, share: float, key: Array) -> float:
    """The largest volume fraction found, by bisection, at which the same number of smaller inclusions does fit."""
    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        try:
            pack_spheres(lengths, radii * middle ** (1 / lengths.size), gap, key=key, max_sweeps=300)
            low = middle
        except PackingError:
            high = middle
    return share * low


def _two_phases(
    grid: Grid, share: np.ndarray, index: np.ndarray, supersample: int, phases: Sequence[Phase | str], provenance: str
) -> Microstructure:
    share = share.astype(np.asarray(grid.lengths).dtype)
    content: dict[str, Any] = (
        {"labels": (share > 0.5).astype(np.int32)} if supersample == 1 else {"fractions": np.stack([1 - share, share])}
    )
    return Microstructure(grid=grid, phases=phases, maps={"inclusion": index}, provenance=provenance, **content)


def _single(
    grid: Grid, share: float | None, radius: float | None, centre: Any, supersample: int, phases: Sequence[Phase | str], kind: str
) -> Microstructure:
    check(is_concrete(grid), f"A {kind} is drawn on the host: call this outside jit, vmap and grad.")
    lengths = np.asarray(grid.lengths, float)
    radius = _one_radius(lengths, share, radius)
    check(
        0 < 2 * radius <= lengths.min(),
        f"The diameter of the {kind} must lie between 0 and the shortest edge {lengths.min():g}, but it is {2 * radius:g}.",
    )
    middle = lengths / 2 if centre is None else np.asarray(centre, float)
    drawn, index = rasterise_spheres(grid, middle[:, None], [radius], supersample)
    return _two_phases(grid, drawn, index, supersample, phases, f"{kind}: radius {radius:g} at {middle.tolist()}")


def _one_radius(lengths: np.ndarray, share: float | None, radius: float | None) -> float:
    if radius is not None and share is None:
        return float(radius)
    if share is not None and radius is None:
        check(0 < share < 1, f"`volume_fraction` must lie between 0 and 1, but it is {share}.")
        return _radius_of(lengths.size, share * float(np.prod(lengths)))
    raise ValueError(f"Exactly one of `volume_fraction` and `radius` must be given, but they are {share} and {radius}.")
