"""Periodic Voronoi and Laguerre polycrystals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import (
    SolveError,
    Status,
    as_float_array,
    as_number,
    check,
    check_choice,
    check_shape,
    check_whole,
    is_concrete,
    numpy_generator,
    split_named,
)
from jaxmicro.fields import Grid
from jaxmicro.microstructures.balanced_texture import balanced_order
from jaxmicro.microstructures.grain_pieces import grains_from_their_gaps
from jaxmicro.microstructures.grain_sizes import log_normal_sizes
from jaxmicro.microstructures.laguerre import ScaledCell, power_owner, scaled_cell
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.power_weights import centroids, checked_volumes, laguerre_weights
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.orientations import random_orientations

ASSIGN = ("balanced", "ordered")
NORM_TOLERANCE = 1e-3


def polycrystal(
    grid: Grid,
    grains: int = 100,
    *,
    key: Array,
    relax: int = 0,
    phase: Phase | str = "crystal",
    sizes: float | Float[ArrayLike, " grains"] | Sequence[float] | None = None,
    aspect: Float[ArrayLike, " d"] | Sequence[float] | None = None,
    orientations: Float[ArrayLike, "4 grains"] | None = None,
    assign: str = "balanced",
    seeds: Float[ArrayLike, "d grains"] | Sequence[Sequence[float]] | None = None,
) -> Microstructure:
    """Grains of one phase: periodic Voronoi cells of random seeds, or Laguerre cells of given sizes, each with an orientation.

    A voxel belongs to the nearest seed, counted over all periodic images in the lengths of the cell. With `sizes` it belongs to the seed of
    the smallest power distance (`laguerre`), with weights that give each grain its volume (`laguerre_weights`).

    Args:
        grid: the periodic cell.
        grains: number of seeds.
        key: typed random key.
        relax: Lloyd steps that move each seed to the centre of its grain: 0 gives Poisson–Voronoi grains, a few give
            grains of more even size; with `sizes`, the sizes stay and the grains become more equiaxed (about 5 are enough).
        phase: the crystal's name, or a `Phase` with its Laue group.
        sizes: None for Voronoi cells; a number for log-normal equivalent diameters with that standard deviation of ln d (by number; 0.35 is
            usual), in random order; or relative volumes `(grains,)`, such as of `mixed_sizes`.
        aspect: relative lengths of the grains along the axes, `(d,)`, as in `laguerre`: (4, 1, 0.5) for rolled ones.
        orientations: unit quaternions `(4, grains)`, by default uniform over all rotations. A texture is drawn by
            `jm.orientations.sample_components`, `sample_fibre` or `sample_odf`, with `grains` orientations (`even=True` has the least scatter).
        assign: `"balanced"` gives `orientations` to the grains in an order in which the texture by volume is that by number, as far as the
            mean of the symmetric embedding tells (of the phase's Laue group, or m-3m): a few large grains would bias it otherwise.
            `"ordered"` gives orientation i to seed i.
        seeds: `(d, grains)`, in the unit of `grid.lengths`, by default uniform in the cell.

    Returns:
        The microstructure with `orientation` `(4, *grid)`, constant in each grain, and the map `grain` `(*grid)`: 0 … grains − 1.
        Where the grid is too coarse to give every seed of a Voronoi diagram a voxel, the grains are numbered without gaps and a note says so.
        With `sizes`, a note says how well the volumes were reached; with `aspect`, how many grains run through the cell without an end.

    Raises:
        ValueError: if there is no grain, there are more grains than voxels, a grain would be smaller than a voxel, or an argument does not
            fit or is out of range.
        SolveError: if `sizes` left a grain without a voxel.

    Example:
        >>> import jax
        >>> ms = polycrystal(Grid((32, 32)), grains=10, key=jax.random.key(0))
        >>> ms.orientation.shape, int(ms.maps["grain"].max())
        ((4, 32, 32), 9)
        >>> ms = polycrystal(Grid((32, 32)), 10, key=jax.random.key(0), sizes=0.35, aspect=(3, 1), relax=2)
        >>> bool(np.bincount(ms.maps["grain"].ravel()).min() > 20)
        True

    Not differentiable in the seeds: it runs on the host. `soft_laguerre` is differentiable.
    """
    check(
        is_concrete(grid, grains, key, relax, sizes, aspect, orientations, seeds),
        "Polycrystals are made on the host: call this outside jit, vmap and grad.",
    )
    whole = isinstance(grains, int | np.integer) and not isinstance(grains, bool)
    check(whole and 1 <= grains <= grid.size, f"`grains` must be a whole number from 1 to the {grid.size} voxels, but it is {grains!r}.")
    check_whole("relax", relax, 0)
    check_choice("assign", assign, ASSIGN)
    given = None if orientations is None else _checked_orientations(orientations, int(grains))
    keys = split_named(key, "seeds", "orientations", "sizes", "assign")
    lengths = np.asarray(grid.lengths, float)
    if seeds is None:
        points = (numpy_generator(keys["seeds"]).random((int(grains), grid.ndim)) * lengths).T
    else:
        points = np.asarray(seeds, float)
        check_shape("seeds", points, (grid.ndim, int(grains)), "Give one seed per grain.")
    volumes = None if sizes is None else _volumes(grid, sizes, int(grains), numpy_generator(keys["sizes"]))
    notes: tuple[str, ...] = ()
    if volumes is not None:
        owner, notes = _sized(grid, points, volumes, aspect, relax)
    else:
        owner = _voronoi(grid, scaled_cell(grid, points, None, aspect), relax)
    present, owner = np.unique(owner, return_inverse=True)
    grain = owner.reshape(grid.shape).astype(np.int32)
    if present.size < grains:
        notes = (f"{grains} seeds gave {present.size} grains: the others hold no voxel centre", *notes)
    if aspect is not None:
        notes = (*notes, *_endless(grid, grain, int(present.size)))
    if given is None:
        turns = random_orientations(keys["orientations"], int(present.size), grid.lengths.dtype)
    else:
        turns = given[:, present].astype(grid.lengths.dtype)
        if assign == "balanced":
            laue = phase.laue if isinstance(phase, Phase) else None
            turns = turns[:, balanced_order(turns, np.bincount(grain.ravel()), numpy_generator(keys["assign"]), laue)]
    kind = "Voronoi" if volumes is None else "Laguerre"
    stretched = "" if aspect is None else f", aspect {tuple(np.asarray(aspect).tolist())}"
    return Microstructure(
        grid=grid,
        labels=np.zeros(grid.shape, np.int32),
        orientation=turns[:, grain],
        phases=(phase,),
        maps={"grain": grain},
        provenance=f"polycrystal: periodic {kind}, {grains} seeds, {relax} Lloyd steps{stretched}",
        notes=notes,
    )


def _checked_orientations(orientations: Any, grains: int) -> Float[Array, "4 grains"]:
    turns = as_float_array("orientations", orientations)
    check_shape(
        "orientations", turns, (4, grains), "Give one unit quaternion per grain: jm.orientations.sample_odf draws as many as are asked for."
    )
    norms = np.sqrt((np.asarray(turns) ** 2).sum(axis=0))
    wrong = ~(np.abs(norms - 1) <= NORM_TOLERANCE)
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(
            f"`orientations` must be unit quaternions, but {int(wrong.sum())} are not (the first at index {first} with norm {norms[first]:g}). "
            "Use orientations.normalize, or orientations.from_euler where these are Euler angles."
        )
    return turns


def _volumes(grid: Grid, sizes: Any, grains: int, generator: np.random.Generator) -> Float[np.ndarray, " grains"]:
    """Relative volumes of the seeds, those of a distribution in random order."""
    if np.ndim(sizes) > 0:
        given = np.asarray(sizes, float)
        check(
            given.shape == (grains,),
            f"`sizes` must be one number or {grains} relative volumes, one per grain, but their shape is {given.shape}.",
        )
        return checked_volumes(grid, given, name="sizes")
    spread = as_number(sizes)
    check(0 <= spread < np.inf, f"`sizes` must be a spread of ln d that is not negative, or relative volumes, but it is {sizes!r}.")
    return generator.permutation(checked_volumes(grid, log_normal_sizes(grains, spread, dim=grid.ndim)))


def _sized(grid: Grid, seeds: np.ndarray, volumes: np.ndarray, aspect: Any, relax: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Laguerre cells of given volumes, and how well they were reached."""
    found = laguerre_weights(grid, seeds, volumes, aspect=aspect, relax=relax, throw=False)
    empty = int((found.volumes == 0).sum())
    if empty:
        raise SolveError(
            f"`polycrystal` left {empty} of {len(volumes)} grains without a voxel (a mean grain has {grid.size / len(volumes):.1f} voxels). "
            f"Use a finer grid, fewer grains, or sizes that spread less{'' if relax else ', or relax=5'}."
        )
    error = np.abs(found.volumes / volumes - 1)
    worst = int(error.argmax())
    line = f"the largest relative error of a grain's volume is {error[worst]:.2g} (grain {worst}, {found.volumes[worst] * grid.size:.0f} voxels)"
    return power_owner(grid.shape, scaled_cell(grid, found.seeds, found.weights, aspect)), (
        line if int(found.status) == Status.CONVERGED else f"the sizes were not quite reached: {line}",
    )


def _endless(grid: Grid, grain: np.ndarray, count: int) -> tuple[str, ...]:
    """A note on grains that are as long as the cell, and so have not the length that was asked."""
    _, endless = grains_from_their_gaps(grid, np.arange(grid.size), grain.ravel(), count)
    if endless == 0:
        return ()
    return (
        f"{endless} of {count} grains have no end along an axis: the cell is too short for this aspect. Use a longer cell or more grains",
    )


def _voronoi(grid: Grid, cell: ScaledCell, relax: int) -> np.ndarray:
    """Voronoi cells in scaled coordinates."""
    for _ in range(relax):
        cell = cell._replace(seeds=centroids(power_owner(grid.shape, cell), cell))
    return power_owner(grid.shape, cell)
