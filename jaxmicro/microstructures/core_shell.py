"""Coated discs and spheres: matrix, shell and core."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_number, check, check_choice, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Spheres, ball
from jaxmicro.microstructures.drawing import check_supersample, gauges
from jaxmicro.microstructures.inclusion_sizes import inclusion_radii, relative_scatter
from jaxmicro.microstructures.inclusions import check_share, pack_inclusions
from jaxmicro.microstructures.packing import frames_along_axes
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pose

MEASURES = ("radius", "length", "volume")


def core_shell(
    grid: Grid,
    volume_fraction: float | None = None,
    radius: float | Sequence[float] | None = None,
    shell: float = 0.2,
    *,
    key: Array,
    measure: str = "radius",
    count: int | None = None,
    scatter: float = 0.0,
    radii: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    shares: Sequence[float] | None = None,
    gap: float = 0.0,
    supersample: int = 1,
    if_jammed: str = "raise",
    phases: Sequence[Phase | str] = ("matrix", "shell", "core"),
) -> Microstructure:
    """Coated discs (2D) or spheres (3D) at random in a matrix: periodic, without overlap.

    With outer radii R the core has the radius R − t: t = shell · R, or shell itself, or what makes the shell that share of the volume.

    Args:
        grid: the periodic cell.
        volume_fraction: of core and shell together; by default 0.3, or that of the given `radii`.
        radius: outer mean radius, as in `inclusions`.
        shell: how thick the shell is, as said by
        measure: `"radius"`: thickness over the outer radius; `"length"`: thickness in the unit of `grid.lengths`; `"volume"`: volume of the shell
            over that of the whole inclusion.
        key: typed random key.
        count: number of inclusions, as in `inclusions`; so are the arguments that follow.
        scatter: of the outer radii.
        radii: outer radii, one by one.
        shares: of the volume in each of several sizes.
        gap: smallest distance between two shells.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions, which thin shells need.
        if_jammed: `"raise"`, or take the `"best"` that was reached, with a note.
        phases: names of matrix, shell and core.

    Returns:
        The microstructure, with the map `inclusion`: the number of the inclusion at each voxel, 0 in the matrix.

    Raises:
        PackingError: if the volume fraction cannot be reached.
        ValueError: if an argument is out of range, or a shell leaves no core.

    Reference: such inclusions are those of Z. Hashin's assemblage, J. Appl. Mech. 29, 143 (1962), doi:10.1115/1.3636446.

    Example:
        >>> import jax
        >>> ms = core_shell(Grid((48, 48)), 0.4, 8.0, 0.25, key=jax.random.key(0), measure="volume", supersample=4)
        >>> [round(float(share), 2) for share in ms.volume_fractions]
        [0.6, 0.1, 0.3]

    Not differentiable: it runs on the host. Two calls of `soft_spheres` are, with outer and inner radii: shell = outer − inner.
    """
    check(is_concrete(grid, key, shell), "Inclusions are packed on the host: call this outside jit, vmap and grad.")
    check_share(volume_fraction)
    check_supersample(supersample)
    check(len(phases) == 3, f"`phases` must name matrix, shell and core, but there are {len(phases)}.")
    lengths, ndim = np.asarray(grid.lengths, float), grid.ndim
    keys = split_named(key, "radii", "centres")
    sizes, share = inclusion_radii(lengths, volume_fraction, radius, count, scatter, radii=radii, shares=shares, key=keys["radii"])
    inner = _core_ratio(sizes, shell, measure, ndim)
    centres, factor, notes = pack_inclusions(lengths, sizes, gap, share, keys["centres"], if_jammed)
    pose = Pose(centres.T, frames_along_axes(sizes.size, ndim))
    parts, index = _drawn(grid, Spheres(factor * sizes), pose, _core_ratio(factor * sizes, shell, measure, ndim), supersample)
    core = float((ball(ndim, 1.0) * (inner * sizes) ** ndim).sum() / np.prod(lengths))
    content: dict[str, Any] = {"labels": parts.argmax(axis=0).astype(np.int32)} if supersample == 1 else {"fractions": parts}
    asked = {
        "volume_fractions": (1 - share, share - core, core),
        "count": sizes.size,
        "mean_radius": sizes.mean(),
        "radius_scatter": relative_scatter(sizes),
    }
    provenance = f"core_shell: {sizes.size} of outer mean radius {factor * sizes.mean():g}, shell {shell:g} ({measure}), gap {gap:g}, volume fraction {share:g}"
    made = Microstructure(grid=grid, phases=phases, maps={"inclusion": index}, provenance=provenance, asked=asked, **content)
    return made.with_notes(*notes)


def _core_ratio(sizes: np.ndarray, shell: Any, measure: str, ndim: int) -> np.ndarray:
    """Radius of the core over the outer one, for each inclusion."""
    check_choice("measure", measure, MEASURES)
    value = as_number(shell)
    if measure == "length":
        check(0 < value < sizes.min(), f"`shell` must lie between 0 and the smallest radius {sizes.min():g}, but it is {shell!r}.")
        return 1 - value / sizes
    check(0 < value < 1, f"`shell` must lie between 0 and 1 as a share of the {measure}, but it is {shell!r}.")
    return np.full(sizes.size, 1 - value if measure == "radius" else (1 - value) ** (1 / ndim))


def _drawn(grid: Grid, bodies: Spheres, pose: Pose, ratio: np.ndarray, supersample: int) -> tuple[np.ndarray, np.ndarray]:
    parts, index, deepest = np.zeros((3, *grid.shape)), np.zeros(grid.shape, np.int32), np.ones(grid.shape)
    for gauge, owner in gauges(grid, bodies, pose, supersample):
        core = gauge < ratio[owner]
        whole = gauge < 1
        parts[1] += whole & ~core
        parts[2] += core
        nearer = gauge < deepest
        index[nearer], deepest[nearer] = owner[nearer] + 1, gauge[nearer]
    parts /= supersample**grid.ndim
    parts[0] = 1 - parts[1] - parts[2]
    return parts.astype(np.asarray(grid.lengths).dtype), index
