"""Periodic inclusions: one disc or sphere, or many that do not overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_number, check, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.inclusion_sizes import inclusion_radii, radius_of, relative_scatter
from jaxmicro.microstructures.packing import into_cell, settle, spheres_packed
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.spheres import rasterise_spheres

NAMES = ("matrix", "inclusion")


def inclusions(
    grid: Grid,
    volume_fraction: float | None = None,
    radius: float | Sequence[float] | None = None,
    *,
    key: Array,
    count: int | None = None,
    scatter: float = 0.0,
    radii: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    shares: Sequence[float] | None = None,
    gap: float = 0.0,
    supersample: int = 1,
    if_jammed: str = "raise",
    phases: Sequence[Phase | str] = NAMES,
) -> Microstructure:
    """Discs (2D) or spheres (3D) at random in a matrix: periodic, without overlap.

    The number of inclusions follows from the volume fraction and the radius (or the reverse); the radii are then
    scaled together, so that the exact, undrawn volume fraction is the one asked for. Equal spheres can fill 0.62 of the cell, equal discs 0.84,
    sizes that scatter more. Discs are also the section of continuous aligned fibres.

    Args:
        grid: the periodic cell.
        volume_fraction: of the inclusions (phase 1); by default 0.3, or that of the given `radii`.
        radius: mean radius in the unit of `grid.lengths`, or one for each of several sizes; by default 1/10 of the shortest edge.
        key: typed random key.
        count: number of inclusions, instead of the radius.
        scatter: standard deviation of the radius over its mean (log-normal, cut at 2.5 deviations).
        radii: one for each inclusion, instead of radius, count and scatter; scaled together where a volume fraction is given.
        shares: of the inclusions' volume in each of several sizes, sum 1.
        gap: smallest distance between two surfaces.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        if_jammed: what to do where the volume fraction cannot be reached: `"raise"`, or take the `"best"` that was found, with smaller
            inclusions and a note; `asked` keeps what was asked for.
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

    Not differentiable: it runs on the host. `soft_spheres` and `interface_of_spheres` are, in centres and radii.
    """
    check(is_concrete(grid, key, radii), "Inclusions are packed on the host: call this outside jit, vmap and grad.")
    check_share(volume_fraction)
    keys = split_named(key, "radii", "centres")
    lengths = np.asarray(grid.lengths, float)
    sizes, share = inclusion_radii(lengths, volume_fraction, radius, count, scatter, radii=radii, shares=shares, key=keys["radii"])
    centres, factor, notes = pack_inclusions(lengths, sizes, gap, share, keys["centres"], if_jammed)
    drawn, index = rasterise_spheres(grid, centres, factor * sizes, supersample)
    provenance = (
        f"inclusions: {sizes.size} of mean radius {factor * sizes.mean():g}, scatter {scatter:g}, gap {gap:g}, volume fraction {share:g}"
    )
    asked = {
        "volume_fractions": (1 - share, share),
        "count": sizes.size,
        "mean_radius": sizes.mean(),
        "radius_scatter": relative_scatter(sizes),
    }
    return two_phases(grid, drawn, index, supersample, phases, provenance).replace(asked=asked).with_notes(*notes)


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


def check_share(volume_fraction: Any) -> None:
    """Check a volume fraction, where one is given."""
    good = volume_fraction is None or 0 < as_number(volume_fraction) < 1
    check(good, f"`volume_fraction` must lie between 0 and 1, but it is {volume_fraction!r}.")


def pack_inclusions(
    lengths: np.ndarray, radii: np.ndarray, gap: float, share: float, key: Array, if_jammed: str
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Centres `(d, n)`, the factor at which inclusions of these radii fit, and notes; or an error that says what could be reached."""
    what = f"{radii.size} inclusions of mean radius {radii.mean():g} and gap {gap:g}"
    found, _ = spheres_packed(lengths, radii, gap, key)
    factor, notes = settle(found, share, what, if_jammed, lengths.size)
    return into_cell(found.pose.centres, lengths).T, factor, notes


def two_phases(
    grid: Grid, share: np.ndarray, index: np.ndarray, supersample: int, phases: Sequence[Phase | str], provenance: str
) -> Microstructure:
    """A microstructure of matrix and inclusions from the share of each voxel and the numbers of the inclusions."""
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
    return two_phases(grid, drawn, index, supersample, phases, f"{kind}: radius {radius:g} at {middle.tolist()}")


def _one_radius(lengths: np.ndarray, share: float | None, radius: float | None) -> float:
    if radius is not None and share is None:
        return float(radius)
    if share is not None and radius is None:
        check_share(share)
        return radius_of(lengths.size, share * float(np.prod(lengths)))
    raise ValueError(f"Exactly one of `volume_fraction` and `radius` must be given, but they are {share} and {radius}.")
