"""Battery electrodes: particles, pores, and binder in bridges between the particles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array

from jaxmicro._core import as_number, check, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Spheres
from jaxmicro.microstructures.bridges import add_bridges
from jaxmicro.microstructures.drawing import gauges
from jaxmicro.microstructures.inclusion_sizes import inclusion_radii
from jaxmicro.microstructures.inclusions import check_share, pack_inclusions
from jaxmicro.microstructures.packing import frames_along_axes
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pose

MARGINS = (1.3, 2.0, 4.0)  # how much larger particles may become to meet their fraction exactly


def electrode(
    grid: Grid,
    particles: float = 0.5,
    binder: float = 0.1,
    radius: float | Sequence[float] | None = None,
    *,
    key: Array,
    scatter: float = 0.0,
    shares: Sequence[float] | None = None,
    overlap: float = 0.05,
    bridges: float | None = None,
    phases: Sequence[Phase | str] = ("pore", "particle", "binder"),
) -> Microstructure:
    """A porous electrode: particles that touch or overlap a little, and binder in the necks between them, with exact volume fractions.

    Spheres smaller by `overlap` are packed without overlap and then grow together, until particles have their volume to one voxel; binder is
    put into the pores by `add_bridges`.

    Args:
        grid: the periodic cell.
        particles: volume fraction of the particles.
        binder: volume fraction of the binder; 0 for none.
        radius: mean radius of the particles, in the unit of `grid.lengths`, or one for each of several sizes, with their `shares`; by default
            1/10 of the shortest edge.
        key: typed random key.
        scatter: standard deviation of the radius over its mean (log-normal, cut at 2.5 deviations).
        shares: of the particles' volume in each of several sizes.
        overlap: share of the radius by which two equal particles may overlap, in [0, 1).
        bridges: width of `add_bridges`; by default half of the mean radius, at least 1.5 voxels.
        phases: names of pore, particle and binder.

    Returns:
        The microstructure, with the map `inclusion`: the number of the particle at each voxel, 0 elsewhere.

    Raises:
        PackingError: if the particles do not fit even with their overlap, saying what does.
        ValueError: if an argument is out of range.

    Example:
        >>> import jax
        >>> ms = electrode(Grid((50, 50)), 0.5, 0.1, 5.0, key=jax.random.key(0))
        >>> [round(float(share), 3) for share in ms.volume_fractions]
        [0.4, 0.5, 0.1]

    Not differentiable: it ranks voxels. `soft_spheres` is, for the particles; there is no soft form of the bridges.
    """
    check(is_concrete(grid, key), "Particles are packed on the host: call this outside jit, vmap and grad.")
    check(particles is not None and binder is not None, f"`particles` and `binder` must be given, but they are {particles} and {binder}.")
    solid, glue = as_number(particles), as_number(binder)
    good = 0 < solid < 1 and 0 <= glue < 1 and solid + glue < 1
    check(good, f"`particles` and `binder` must leave some pores, with particles above 0, but they are {particles!r} and {binder!r}.")
    check_share(particles)
    check(0 <= as_number(overlap) < 1, f"`overlap` must lie in [0, 1), but it is {overlap!r}.")
    check(len(phases) == 3, f"`phases` must name pore, particle and binder, but there are {len(phases)}.")
    lengths, ndim = np.asarray(grid.lengths, float), grid.ndim
    keys = split_named(key, "radii", "centres")
    sizes, _ = inclusion_radii(lengths, solid, radius, None, scatter, shares=shares, key=keys["radii"])
    free = 1 - overlap
    centres, _, _ = pack_inclusions(lengths, free * sizes, 0.0, solid * free**ndim, keys["centres"], "raise")
    labels, index = _grown(grid, Spheres(sizes), Pose(centres.T, frames_along_axes(sizes.size, ndim)), solid)
    facts = f"{sizes.size} particles of mean radius {sizes.mean():g}, scatter {scatter:g}, overlap {overlap:g}"
    made = Microstructure(
        grid=grid,
        labels=labels,
        phases=phases[:2],
        maps={"inclusion": index},
        provenance=f"electrode: {facts}, particles {solid:g}, binder {glue:g}",
        asked={"volume_fractions": (1 - solid, solid)},
    )
    if glue == 0:
        asked: dict[str, Any] = {"volume_fractions": (1 - solid, solid, 0.0)}
        return made.replace(phases=phases, asked=asked)
    voxel = float((lengths / grid.shape).max())
    width = max(float(sizes.mean()) / 2, 1.5 * voxel) if bridges is None else bridges
    return add_bridges(made, glue, host=1, into=0, name=phases[2], width=width)


def _grown(grid: Grid, bodies: Spheres, pose: Pose, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels of particles that are all larger or smaller by one factor, so that they have their share, and whose they are."""
    wanted = round(share * grid.size)
    gauge, owner = next(gauges(grid, bodies, pose, 1, MARGINS[0]))
    for margin in MARGINS[1:]:
        if np.isfinite(gauge).sum() >= wanted:
            break
        gauge, owner = next(gauges(grid, bodies, pose, 1, margin))
    chosen = np.zeros(grid.size, bool)
    chosen[np.argsort(gauge, axis=None, kind="stable")[:wanted]] = True
    inside = chosen.reshape(grid.shape)
    return inside.astype(np.int32), np.where(inside, owner + 1, 0).astype(np.int32)
