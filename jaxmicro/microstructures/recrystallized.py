"""Partially recrystallised metals: small new grains in a necklace along the boundaries of elongated deformed ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import as_number, check, check_shape, is_concrete, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.balanced_texture import balanced_order
from jaxmicro.microstructures.grain_pieces import grains_from_their_gaps
from jaxmicro.microstructures.packing import into_cell
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.polycrystal import polycrystal
from jaxmicro.microstructures.record import Microstructure

TOLERANCE = 0.01  # of the fraction
ENOUGH = 0.8 * TOLERANCE  # from which on no less close grains are tried
GOOD = 1e-4  # of the fraction, from which on no grains are exchanged
WINDOW = 0.25  # share of the new grains, at the end of the order by closeness, that may be exchanged for the next ones
LEAST_WINDOW = 8
EXCHANGES = 20
RELAX = 5
SMALLEST = 4  # voxels of a mean new grain
NORM_TOLERANCE = 1e-3  # of unit quaternions


def recrystallized(
    grid: Grid,
    fraction: float,
    *,
    key: Array,
    deformed: int = 20,
    recrystallized: int = 200,
    aspect: Float[ArrayLike, " d"] | Sequence[float] | None = None,
    deformed_orientations: Float[ArrayLike, "4 deformed"] | None = None,
    recrystallized_orientations: Float[ArrayLike, "4 recrystallized"] | None = None,
    deformed_sizes: float | Float[ArrayLike, " deformed"] | None = None,
    sizes: float | None = None,
    phase: Phase | str = "crystal",
) -> Microstructure:
    """Elongated deformed grains, and small equiaxed new grains that have replaced them along their boundaries.

    Two tessellations of the cell are made, one of `deformed` grains stretched by `aspect`, and one of about
    recrystallized / fraction equiaxed grains. Of the latter those whose centres are nearest to boundaries of deformed grains are taken, whole,
    and a few of the last ones are exchanged for the next ones until the volume is reached.

    Args:
        grid: the periodic cell.
        fraction: recrystallised share of the volume, from 0 to 1; reached within 0.01.
        key: typed random key.
        deformed: number of deformed grains, at least 2 so that there are boundaries.
        recrystallized: number of new grains; with fraction 0 there are none.
        aspect: relative lengths of the deformed grains along the axes, `(d,)`: by default (4, 1), in 3D (4, 2, 1).
        deformed_orientations: unit quaternions `(4, deformed)`, by default uniform over all rotations.
        recrystallized_orientations: unit quaternions `(4, recrystallized)`, by default uniform.
        deformed_sizes: as `sizes` of `polycrystal`, for the deformed grains before they recrystallise.
        sizes: standard deviation of ln d of the new grains' equivalent diameters; None for Voronoi cells of even size, which are found
            several times faster.
        phase: the crystal's name, or a `Phase` with its Laue group.

    Returns:
        The microstructure with orientations, constant in each grain, and the maps `grain` `(*grid)`: deformed grains first, then new ones,
        without gaps; and `recrystallized` `(*grid)`: True in new grains. Orientations go to grains so that the texture by volume is that by
        number, as in `polycrystal`. What is left of a deformed grain may be in several places. A deformed grain of which nothing is left has no
        number, and a note says so; another has the reached fraction.

    Raises:
        ValueError: if a number is out of range, orientations do not fit, there are too few new grains for the fraction, or grains would be
            smaller than a voxel; or under `jit`, `vmap` and `grad`.
        SolveError: if a grain was left without a voxel: the grid is too coarse.

    Reference: F. J. Humphreys, M. Hatherly, Recrystallization and Related Annealing Phenomena, Elsevier (2004),
    ISBN 978-0-08-044164-1.

    Example:
        Cold-rolled copper of which a third has recrystallised with a cube texture:

        >>> import jax
        >>> from jaxmicro.orientations import sample_components, sample_kernel, texture_component
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> rolled = sample_components(keys[0], 12, {"brass": 0.3, "copper": 0.3, "s": 0.4}, 10.0, degrees=True)
        >>> cube = sample_kernel(keys[1], 60, texture_component("cube")[:, 0], 8.0, degrees=True)
        >>> ms = recrystallized(Grid((96, 96)), 0.33, key=keys[2], deformed=12, recrystallized=60, deformed_orientations=rolled,
        ...                     recrystallized_orientations=cube)
        >>> round(float(ms.maps["recrystallized"].mean()), 2), int(ms.maps["grain"].max()) + 1
        (0.33, 72)

    Not differentiable: it runs on the host.
    """
    given = (grid, fraction, key, aspect, deformed_orientations, recrystallized_orientations, deformed_sizes, sizes)
    check(is_concrete(*given), "Polycrystals are made on the host: call this outside jit, vmap and grad.")
    inside = 0 <= as_number(fraction) <= 1
    check(inside, f"`fraction` must lie in [0, 1], but it is {fraction!r}. Give the share of the volume, 0.3 for 30 %.")
    _check_count("deformed", deformed, 2, grid)
    _check_count("recrystallized", recrystallized, 1, grid)
    keys = split_named(key, "deformed", "new", "orientations")
    stretched = ((4.0, 1.0) if grid.ndim == 2 else (4.0, 2.0, 1.0)) if aspect is None else aspect
    turns = [
        _checked("deformed_orientations", deformed_orientations, deformed),
        _checked("recrystallized_orientations", recrystallized_orientations, recrystallized),
    ]
    old = _tessellation(grid, deformed, keys["deformed"], deformed_sizes, stretched)
    new = _new_grains(grid, old, float(fraction), recrystallized, sizes, keys["new"])
    present, grain = np.unique(np.where(new >= 0, deformed + new, old), return_inverse=True)
    grain = grain.reshape(grid.shape).astype(np.int32)
    volumes, kept = np.bincount(grain.ravel()), int((present < deformed).sum())
    laue, generator = phase.laue if isinstance(phase, Phase) else None, numpy_generator(keys["orientations"])
    parts = [_shared_out(q, part, laue, generator) for q, part in zip(turns, (volumes[:kept], volumes[kept:]), strict=True)]
    share = float(volumes[kept:].sum() / grid.size)
    notes = [f"recrystallised: {share:.4f} of the volume ({float(fraction):g} asked), {present.size - kept} new grains"]
    if kept < deformed:
        notes.append(f"nothing is left of {deformed - kept} of {deformed} deformed grains")
    return Microstructure(
        grid=grid,
        labels=np.zeros(grid.shape, np.int32),
        orientation=np.concatenate(parts, axis=1).astype(grid.lengths.dtype)[:, grain],
        phases=(phase,),
        maps={"grain": grain, "recrystallized": new >= 0},
        provenance=f"recrystallized: {deformed} deformed grains, aspect {tuple(np.asarray(stretched).tolist())}, {recrystallized} new grains",
        notes=notes,
    )


def _check_count(name: str, count: Any, least: int, grid: Grid) -> None:
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
    check(
        whole and least <= count <= grid.size,
        f"`{name}` must be a whole number from {least} to the {grid.size} voxels, but it is {count!r}.",
    )


def _checked(name: str, given: Any, count: int) -> Float[np.ndarray, "4 count"] | None:
    if given is None:
        return None
    turns = np.asarray(given)
    check_shape(name, turns, (4, count), "Give one quaternion per grain: jm.orientations.sample_components draws as many as are asked for.")
    lengths = np.sqrt((turns**2).sum(axis=0))
    good = bool((np.abs(lengths - 1) <= NORM_TOLERANCE).all())
    check(
        good,
        f"`{name}` must be unit quaternions, but lengths from {lengths.min():g} to {lengths.max():g} are among them. "
        "Use orientations.normalize, or orientations.from_euler where these are Euler angles.",
    )
    return turns


def _shared_out(
    turns: np.ndarray | None, volumes: np.ndarray, laue: str | None, generator: np.random.Generator
) -> Float[np.ndarray, "4 n"]:
    """Orientations of grains of these volumes: given ones, of which some are left out at random where grains are fewer, or uniform ones."""
    if turns is None:
        uniform = generator.normal(size=(4, volumes.size))
        return uniform / np.sqrt((uniform**2).sum(axis=0))
    if volumes.size < turns.shape[1]:
        turns = turns[:, generator.permutation(turns.shape[1])[: volumes.size]]
    return turns[:, balanced_order(turns, volumes, generator, laue)] if volumes.size else turns


def _tessellation(grid: Grid, cells: int, key: Array, sizes: Any, aspect: Any = None) -> Int[np.ndarray, "*grid"]:
    alike = np.tile([[1.0], [0.0], [0.0], [0.0]], cells)  # only the numbers of the grains are used
    ms = polycrystal(grid, cells, key=key, relax=RELAX, sizes=sizes, aspect=aspect, orientations=alike, assign="ordered")
    return np.asarray(ms.maps["grain"])


def _new_grains(grid: Grid, old: np.ndarray, fraction: float, count: int, sizes: float | None, key: Array) -> Int[np.ndarray, "*grid"]:
    """Numbers of the new grains, 0 … count − 1 in the order of their closeness to boundaries of old ones; −1 elsewhere."""
    if fraction == 0:
        return np.full(grid.shape, -1)
    cells = max(count, round(count / fraction))
    most = int(grid.size * fraction / SMALLEST)
    check(
        most > 0,
        f"`fraction` must be at least {SMALLEST / grid.size:.2g}, the share of one new grain of {SMALLEST} voxels in {grid.size}, "
        f"but it is {fraction:g}. Use a finer grid, or 0 for none.",
    )
    check(
        cells * SMALLEST <= grid.size,
        f"`recrystallized` must be at most {most} for a fraction of {fraction:g} in {grid.size} voxels, at "
        f"{SMALLEST} voxels a grain, but it is {count}. Use fewer new grains or a finer grid.",
    )
    tessellation = _tessellation(grid, cells, key, sizes)
    volumes = np.bincount(tessellation.ravel()) / grid.size
    check(
        volumes.size >= count,
        f"`recrystallized` must be fewer grains in {grid.size} voxels, but of {cells} seeds only {volumes.size} hold a voxel. Use a finer grid.",
    )
    chosen = _chosen(np.argsort(_distances(grid, old, tessellation, volumes.size), kind="stable"), volumes, fraction, count)
    miss = abs(float(volumes[chosen].sum()) - fraction)
    check(
        miss <= TOLERANCE,
        f"`fraction` must be reached within {TOLERANCE}, but {count} whole new grains miss {fraction:g} by {miss:.3f}. "
        "Use more recrystallized grains, or another key.",
    )
    numbers = np.full(volumes.size, -1)
    numbers[chosen] = np.arange(count)
    return numbers[tessellation]


def _distances(grid: Grid, old: np.ndarray, tessellation: np.ndarray, cells: int) -> Float[np.ndarray, " cells"]:
    """Distance from the centre of each cell to the nearest face between two old grains, in the periodic cell."""
    from scipy.spatial import KDTree

    lengths = np.asarray(grid.lengths, float)
    spacing = lengths / grid.shape
    faces = []
    for axis in range(grid.ndim):
        where = np.argwhere(old != np.roll(old, -1, axis)) + 0.5
        where[:, axis] += 0.5
        faces.append(where * spacing)
    numbers = tessellation.ravel()
    voxels = np.arange(grid.size)[np.argsort(numbers, kind="stable")]
    places, _ = grains_from_their_gaps(grid, voxels, numbers[voxels], cells)
    counts = np.bincount(numbers, minlength=cells)
    centres = np.stack([np.bincount(numbers[voxels], weights=x, minlength=cells) / counts for x in places], axis=1)
    return np.asarray(KDTree(into_cell(np.concatenate(faces), lengths), boxsize=lengths).query(into_cell(centres, lengths))[0])


def _chosen(order: np.ndarray, volumes: np.ndarray, fraction: float, count: int) -> Int[np.ndarray, " count"]:
    """The first `count` of an order, of which some of the last are exchanged for some of the next to reach the fraction."""
    window = max(LEAST_WINDOW, round(WINDOW * count))
    while True:
        chosen = _exchanged(order, volumes, fraction, count, window)
        if abs(volumes[chosen].sum() - fraction) <= ENOUGH or window >= len(order):
            return chosen
        window *= 2  # a few grains of sizes that differ: also less close ones


def _exchanged(order: np.ndarray, volumes: np.ndarray, fraction: float, count: int, window: int) -> Int[np.ndarray, " count"]:
    """The chosen ones, of exchanges between the last `window` and the next `window`."""
    start = max(0, count - window)
    first, inner, outer = order[:start], order[start:count].copy(), order[count : count + window].copy()
    for _ in range(EXCHANGES if outer.size else 0):
        missing = fraction - volumes[first].sum() - volumes[inner].sum()
        left = np.abs(missing - (volumes[outer][None] - volumes[inner][:, None]))
        out, into = np.unravel_index(left.argmin(), left.shape)
        if abs(missing) <= GOOD or left[out, into] >= abs(missing):
            break
        inner[out], outer[into] = outer[into], inner[out]
    return np.concatenate([first, inner])
