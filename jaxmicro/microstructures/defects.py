"""Pores and cracks that are added to any microstructure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_number, check, check_choice, check_whole, is_concrete, numpy_generator, split_named
from jaxmicro.microstructures.bodies import Spheres, ball
from jaxmicro.microstructures.carving import check_amount, filled, phase_index, room_of, with_phase
from jaxmicro.microstructures.connectivity import CONNECTIVITIES
from jaxmicro.microstructures.cracks_on_grid import draw_cracks
from jaxmicro.microstructures.directions import directions
from jaxmicro.microstructures.drawing import gauges
from jaxmicro.microstructures.inclusion_sizes import moment, scattered
from jaxmicro.microstructures.packing import PackingError, check_gap, frames_along_axes
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pose

TRIES = 400  # places for one pore before there is taken to be none
MARGIN = 1.5  # how much larger pores may become to meet their fraction exactly


def add_pores(
    ms: Microstructure,
    volume_fraction: float,
    radius: float,
    *,
    key: Array,
    scatter: float = 0.0,
    gap: float = 0.0,
    within: int | str | None = None,
    name: str | Phase = "pore",
) -> Microstructure:
    """Put round pores at random into a microstructure, as a phase of their own with an exact volume fraction.

    Pores are put one after the other, the largest first, at random places of the phase where they do not overlap, until they have the volume;
    then all become larger or smaller together, so that it is exact to one voxel. Where a pore leaves the phase it is cut.

    Args:
        ms: any microstructure, also a measured one.
        volume_fraction: of the pores in the (measured) cell.
        radius: mean radius in the unit of `grid.lengths`.
        key: typed random key.
        scatter: standard deviation of the radius over its mean (log-normal, cut at 2.5 deviations).
        gap: smallest distance between two pores.
        within: number or name of the phase that has the pores; all by default.
        name: of the new phase, which comes last.

    Returns:
        The microstructure with one phase more and the map `pore`: the number of the pore at each voxel, 0 elsewhere. Orientations, mask and other
        maps stay. What was asked for is known anew.

    Raises:
        PackingError: if there is no place for so many pores, saying what was reached.
        ValueError: if an argument is out of range.

    Example:
        >>> import jax
        >>> from jaxmicro.microstructures import laminate
        >>> from jaxmicro.fields import Grid
        >>> ms = add_pores(laminate(Grid((64, 64))), 0.1, 3.0, key=jax.random.key(0), within=1)
        >>> [round(float(share), 3) for share in ms.volume_fractions]
        [0.5, 0.4, 0.1]

    Not differentiable: it runs on the host. `soft_spheres` is.
    """
    check(is_concrete(ms, key, volume_fraction), "Pores are placed on the host: call this outside jit, vmap and grad.")
    target = None if within is None else phase_index(ms, "within", within)
    _check_size("radius", radius)
    check(0 <= as_number(scatter) < np.inf, f"`scatter` must not be negative, but it is {scatter!r}.")
    check_gap(gap)
    room = room_of(ms, target)
    amount = check_amount(ms, volume_fraction, room, "the cell" if target is None else f"the phase {ms.phases[target].name!r}")
    keys = split_named(key, "radii", "places")
    ndim = ms.grid.ndim
    lengths = np.asarray(ms.grid.lengths, float)
    check(2 * radius <= lengths.min(), f"`radius` must be at most half of the shortest edge, {lengths.min() / 2:g}, but it is {radius:g}.")
    count = max(1, round(amount / ms.grid.size * np.prod(lengths) / (ball(ndim, float(radius)) * moment(scatter, ndim))))
    factors = scattered(8 * count + 8, scatter, keys["radii"])
    sizes = np.sort(radius * factors[:count] / factors[:count].mean())[::-1]
    spare = radius * factors[count:] / factors.mean()
    bodies, pose = _placed(ms, np.concatenate([sizes, spare]), room, amount, float(gap), numpy_generator(keys["places"]))
    gauge, owner = next(gauges(ms.grid, bodies, pose, 1, MARGIN))
    share = filled(ms, gauge, room, amount)
    number = np.where(share > 0, owner + 1, 0).astype(np.int32)
    done = with_phase(ms, share, target, name, {"pore": number})
    where = "" if target is None else f" in {ms.phases[target].name!r}"
    note = f"{done.phases[-1].name}: {volume_fraction:g} of the volume{where}, {len(bodies.radii)} pores of mean radius {bodies.radii.mean():g}"
    return done.with_notes(note).replace(asked=_asked(done, len(ms.phases), float(volume_fraction)))


def add_cracks(
    ms: Microstructure,
    density: float | None = None,
    radius: float | None = None,
    *,
    key: Array,
    count: int | None = None,
    scatter: float = 0.0,
    normal: str | Sequence[Any] | ArrayLike = "random",
    concentration: float = np.inf,
    thickness: float | None = None,
    closed: str = "faces",
    within: int | str | None = None,
    name: str | Phase = "crack",
) -> Microstructure:
    """Put flat cracks at random into a microstructure: penny-shaped in 3D, straight lines in 2D, which may cross.

        density = Σ a³ / V  in 3D,    Σ a² / A  in 2D,

    with a the radius of a penny or half the length of a line (B. Budiansky, R. J. O'Connell 1976). Give two of density, radius and count; with the
    first two the number is rounded and the radii are changed together to keep the density.

    A crack is a layer of voxels: |n·x| ≤ t/2 with t the thickness, but never so thin that a step from voxel to voxel leads through it:
    t ≥ max_k |n_k| h_k for steps across faces, and Σ_k |n_k| h_k for those across corners, too.

    Args:
        ms: any microstructure, also a measured one.
        density: crack density.
        radius: mean radius or half length, in the unit of `grid.lengths`.
        key: typed random key.
        count: number of cracks.
        scatter: standard deviation of the radius over its mean (log-normal, cut at 2.5 deviations).
        normal: `"random"`, a direction `(d,)`, or an orientation tensor `(d, d)` of the normals, as in `fibres`.
        concentration: of the normals about the direction, as in `fibres`.
        thickness: in the unit of `grid.lengths`; by default as thin as the grid allows.
        closed: cracks let nothing pass through `"faces"` of voxels, or through edges and `"corners"` (as finite elements do), either.
        within: number or name of the phase that cracks; all by default.
        name: of the new phase, which comes last.

    Returns:
        The microstructure with one phase more and the map `crack`: the number of the crack at each voxel, 0 elsewhere. Orientations, mask and
        other maps stay. Of labels and fractions alike a cracked voxel is all crack, as far as the phase that cracks fills it.

    Raises:
        ValueError: if an argument is out of range, or not two of density, radius and count are given.

    Reference: B. Budiansky, R. J. O'Connell, Int. J. Solids Struct. 12, 81 (1976), doi:10.1016/0020-7683(76)90044-5.

    Example:
        >>> import jax
        >>> from jaxmicro.microstructures import laminate
        >>> from jaxmicro.fields import Grid
        >>> ms = add_cracks(laminate(Grid((64, 64))), 0.2, 10.0, key=jax.random.key(0))
        >>> int(ms.maps["crack"].max())
        8

    Not differentiable: it runs on the host. A thin one of `soft_ellipsoids` is.
    """
    check(is_concrete(ms, key, density, normal), "Cracks are placed on the host: call this outside jit, vmap and grad.")
    target = None if within is None else phase_index(ms, "within", within)
    check_choice("closed", closed, CONNECTIVITIES)
    if thickness is not None:
        _check_size("thickness", thickness)
    keys = split_named(key, "radii", "places", "normals")
    sizes, density = _crack_sizes(ms, density, radius, count, scatter, keys["radii"])
    ndim = ms.grid.ndim
    normals, _ = directions(len(sizes), ndim, normal, concentration, numpy_generator(keys["normals"]))
    room = room_of(ms, target)
    centres = _random_places(ms, room, len(sizes), numpy_generator(keys["places"]))
    number = np.where(room > 0, draw_cracks(ms.grid, centres, normals, sizes, thickness, closed), 0).astype(np.int32)
    done = with_phase(ms, np.where(number > 0, room, 0.0), target, name, {"crack": number})
    where = "" if target is None else f" in {ms.phases[target].name!r}"
    note = f"{done.phases[-1].name}: {len(sizes)} cracks{where} of mean radius {sizes.mean():g}, density {density:g}"
    return done.with_notes(note).replace(asked={"crack_density": density} if target is None and ms.mask is None else {})


def _check_size(name: str, value: Any) -> None:
    check(0 < as_number(value) < np.inf, f"`{name}` must be positive, but it is {value!r}. Give it in the unit of grid.lengths.")


def _random_places(ms: Microstructure, room: np.ndarray, count: int, generator: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """Points at random in what has room, anywhere in their voxels."""
    weight = np.cumsum(room.ravel())
    check(weight[-1] > 0, "`within` must be a phase that is there, but it fills no measured voxel.")
    flat = np.minimum(np.searchsorted(weight, generator.random(count) * weight[-1], side="right"), room.size - 1)
    index = np.stack(np.unravel_index(flat, room.shape), axis=1)
    return (index + generator.random(index.shape)) * (np.asarray(ms.grid.lengths, float) / ms.grid.shape)


def _placed(
    ms: Microstructure, sizes: np.ndarray, room: np.ndarray, amount: float, gap: float, generator: np.random.Generator
) -> tuple[Spheres, Pose]:
    """Pores one after the other, until their volume in the phase is reached."""
    lengths, ndim = np.asarray(ms.grid.lengths, float), ms.grid.ndim
    centres, radii, volume = np.zeros((0, ndim)), np.zeros(0), 0.0
    frame = frames_along_axes(1, ndim)
    for size in sizes:
        for place in _random_places(ms, room, TRIES, generator):
            between = centres - place
            between -= lengths * np.round(between / lengths)
            if (np.sqrt((between**2).sum(axis=1)) >= radii + size + gap).all():
                break
        else:
            break
        gauge, _ = next(gauges(ms.grid, Spheres(np.array([size])), Pose(place[None], frame)))
        added = float((room * (gauge < 1)).sum())
        if radii.size and volume + added / 2 > amount:
            return Spheres(radii), Pose(centres, frames_along_axes(radii.size, ndim))
        centres, radii, volume = np.vstack([centres, place]), np.append(radii, size), volume + added
        if volume >= amount:
            return Spheres(radii), Pose(centres, frames_along_axes(radii.size, ndim))
    reached = volume / ms.grid.size
    raise PackingError(
        f"`volume_fraction` of the pores could not be reached: {radii.size} of mean radius {radii.mean() if radii.size else sizes[0]:g} and gap {gap:g} "
        f"fill {reached:.3g} of {amount / ms.grid.size:.3g}, and {TRIES} places for the next one all overlap. Ask for less, for smaller pores or a smaller gap."
    )


def _asked(done: Microstructure, old: int, share: float) -> dict[str, Any]:
    """Volume fractions: of the new phase what was asked for, of the others what is left."""
    return {"volume_fractions": (*np.asarray(done.volume_fractions[:old], float).tolist(), share)}


def _crack_sizes(ms: Microstructure, density: Any, radius: Any, count: Any, scatter: Any, key: Array) -> tuple[np.ndarray, float]:
    ndim, volume = ms.grid.ndim, float(np.prod(np.asarray(ms.grid.lengths, float)))
    given = sum(value is not None for value in (density, radius, count))
    check(given == 2, f"Two of `density`, `radius` and `count` must be given, but they are {density!r}, {radius!r} and {count!r}.")
    check(0 <= as_number(scatter) < np.inf, f"`scatter` must not be negative, but it is {scatter!r}.")
    for name, value in (("density", density), ("radius", radius)):
        if value is not None:
            _check_size(name, value)
    if count is None:
        count = max(1, round(density * volume / (radius**ndim * moment(scatter, ndim))))
    check_whole("count", count, 1)
    factors = scattered(int(count), float(scatter), key)
    if density is None:
        sizes = radius * factors / factors.mean()
        return sizes, float((sizes**ndim).sum() / volume)
    return factors * (density * volume / (factors**ndim).sum()) ** (1 / ndim), float(density)
