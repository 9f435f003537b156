"""Grains of an orientation map: where they are, how large, how shaped, how oriented, and who their neighbours are."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxmicro._core import check, is_concrete, is_number, record, static
from jaxmicro.descriptors.grain_borders import at_edge, between_means, grain_borders
from jaxmicro.descriptors.grain_orientations import deviations, grain_means, mean_per_grain
from jaxmicro.descriptors.grain_shapes import equivalent_diameters, grain_shapes
from jaxmicro.descriptors.neighbours import CrystalMap, crystal_map, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.microstructures.grain_pieces import in_order

LARGEST_ANGLE = 180.0


@record
class Grains:
    """The grains of a map, numbered in the order of their first voxels; lengths in the unit of the grid, angles in degrees.

    Attributes:
        labels: grain of each voxel `(*grid)`, from 0; −1 where there is none: not indexed, or in a grain that is too small.
        sizes: voxels of each grain `(n,)`.
        areas: area of each grain, in 3D its volume `(n,)`.
        equivalent_diameters: diameter of the disc (ball) of the same area (volume) `(n,)`.
        centroids: `(d, n)`, from the outer corner of the first voxel.
        axes: full axes of the ellipse (ellipsoid) of the same second moments, longest first `(d, n)`.
        directions: unit vectors along those axes `(d, d, n)`: component, axis, grain.
        aspect_ratios: longest over shortest axis `(n,)`.
        phases: phase of each grain `(n,)`.
        mean_orientations: mean orientation of each grain modulo symmetry, unit quaternions `(4, n)`.
        spreads: grain orientation spread (GOS): mean of `deviations` over each grain `(n,)`.
        deviations: misorientation of each voxel to the mean of its grain (GROD) `(*grid)`; NaN outside of grains, and in measured ones
            where a voxel is of another phase than most of its grain.
        perimeters: length (area) of each grain's boundary with other grains or phases, along the faces of voxels `(n,)`; the edge of
            a map and voxels without grain are none. Of the stairs that voxels make, which in 2D are 4/π and in 3D 3/2 times as
            long as boundaries without direction.
        neighbours: pairs of grains that share a face of voxels, the smaller number first `(2, k)`.
        shared: length (area) of the boundary of each pair `(k,)`.
        misorientations: misorientation of the mean orientations of each pair `(k,)`; NaN between phases.
        touches_edge: whether a grain reaches the edge of the map, and so may be cut `(n,)`: it has the first or the last measured
            voxel of a line along an axis, so that a margin without measurements is no part of the map. False in a periodic cell.
        angle: from which misorientation on neighbours are of different grains.
        periodic: whether the first voxels follow the last ones.
    """

    labels: Int[Array, "*grid"]
    sizes: Int[Array, " n"]
    areas: Float[Array, " n"]
    equivalent_diameters: Float[Array, " n"]
    centroids: Float[Array, "d n"]
    axes: Float[Array, "d n"]
    directions: Float[Array, "d d n"]
    aspect_ratios: Float[Array, " n"]
    phases: Int[Array, " n"]
    mean_orientations: Float[Array, "4 n"]
    spreads: Float[Array, " n"]
    deviations: Float[Array, "*grid"]
    perimeters: Float[Array, " n"]
    neighbours: Int[Array, "2 k"]
    shared: Float[Array, " k"]
    misorientations: Float[Array, " k"]
    touches_edge: Bool[Array, " n"]
    angle: float = static(default=5.0)
    periodic: bool = static(default=False)

    @property
    def count(self) -> int:
        """Number of grains n."""
        return self.sizes.shape[0]

    @property
    def neighbour_counts(self) -> Int[Array, " n"]:
        """Number of neighbours of each grain: sides in 2D, faces in 3D."""
        return jnp.zeros(self.count, jnp.int32).at[self.neighbours.ravel()].add(1)

    def __str__(self) -> str:
        ndim = self.centroids.shape[0]
        size = np.asarray(self.equivalent_diameters)
        lines = [
            f"{self.count} grains from {self.angle:g}°, {int((np.asarray(self.labels) < 0).sum())} voxels in none",
            f"equivalent diameter: mean {size.mean():.4g}, largest {size.max():.4g}" if size.size else "",
            f"neighbours: mean {np.asarray(self.neighbour_counts).mean():.3g} ({'sides' if ndim == 2 else 'faces'})" if size.size else "",
        ]
        return "\n".join(line for line in lines if line)


def segment_grains(ms: Microstructure, angle: float = 5.0, min_size: int = 10, *, periodic: bool = False) -> Grains:
    """Divide an orientation map into grains: neighbours along the axes that differ by less than an angle are of one grain.

    Args:
        ms: microstructure with orientations; a phase without a Laue group counts as m-3m. Voxels of different phases, and voxels
            without a measured orientation, are never of one grain.
        angle: degrees of misorientation from which on two neighbours are of different grains.
        min_size: grains of fewer voxels are left out: their voxels have the label −1. `fill_grains` gives them to neighbours.
        periodic: whether the first voxels of the grid follow the last ones, as in a synthetic cell.

    Returns:
        `Grains`.

    Raises:
        ValueError: if there are no orientations, no voxel is indexed, no grain is large enough, the angle is not within 0–180° or
            `min_size` is no positive whole number; and inside jit, vmap or grad.

    Reference:
        F. Bachmann, R. Hielscher, H. Schaeben, "Grain detection from 2d and 3d EBSD data", Ultramicroscopy 111, 1720 (2011),
        doi:10.1016/j.ultramic.2011.08.002.

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 8, 4)).at[0, 5:].set(30.0), degrees=True)
        >>> grains = segment_grains(Microstructure(labels=np.zeros((8, 4), int), orientation=turns))
        >>> grains.sizes.tolist(), grains.neighbours.tolist(), grains.misorientations.round(3).tolist()
        ([20, 12], [[0], [1]], [30.0])

    Not differentiable: it runs on the host. `soft_boundaries` is a differentiable map of boundaries.
    """
    crystals = crystal_map(ms, "Grains")
    check_angle("angle", angle)
    whole = isinstance(min_size, int | np.integer) and not isinstance(min_size, bool)
    check(whole and min_size >= 1, f"`min_size` must be a positive whole number of voxels, but it is {min_size!r}.")
    owner = _connected(crystals, angle, periodic)
    sizes = np.bincount(owner[owner >= 0])
    check(
        bool((sizes >= min_size).any()),
        f"No grain has `min_size` = {min_size} voxels: the largest has {sizes.max()}. Lower min_size, or raise the angle of {angle:g}°.",
    )
    return assembled(ms, crystals, _without(owner, sizes < min_size), angle, periodic)


def measure_grains(ms: Microstructure, labels: ArrayLike | None = None, *, periodic: bool = False) -> Grains:
    """The same numbers for grains that are known, such as those of a synthetic polycrystal or of another program.

    Args:
        ms: microstructure with orientations.
        labels: grain of each voxel `(*grid)`, whole numbers, negative where there is none; by default the map `grain` of `ms`.
            They are numbered anew without gaps, in the order of the numbers. Voxels that are not measured are taken out.
        periodic: whether the first voxels of the grid follow the last ones.

    Returns:
        `Grains`; the phase of a grain is that of most of its voxels. `angle` is 0.

    Raises:
        ValueError: if there are no labels or none is in a grain, their shape is not the grid's, and as `segment_grains`.
        TypeError: if the labels are no whole numbers.

    Example:
        >>> import jax
        >>> from jaxmicro import Grid
        >>> from jaxmicro.microstructures import polycrystal
        >>> measure_grains(polycrystal(Grid((32, 32)), 7, key=jax.random.key(0)), periodic=True).count
        7

    Not differentiable: it runs on the host.
    """
    crystals = crystal_map(ms, "Grains")
    if labels is None:
        check("grain" in ms.maps, "`labels` must be given where `ms` has no map `grain`. Use segment_grains to find the grains.")
        labels = ms.maps["grain"]
    check(is_concrete(labels), "Grains are measured on the host: call this outside jit, vmap and grad.")
    given = np.asarray(labels)
    check(given.shape == ms.grid.shape, f"`labels` must have the shape of the grid, {ms.grid.shape}, but it is {given.shape}.")
    check(given.dtype.kind in "iu", f"`labels` must be whole numbers, but their dtype is {given.dtype}.", TypeError)
    owner = np.where(crystals.known & (given.ravel() >= 0), given.ravel(), -1)
    check(bool((owner >= 0).any()), "`labels` must name a grain somewhere, but all voxels are negative or not measured.")
    present = np.unique(owner[owner >= 0])
    return assembled(ms, crystals, np.where(owner < 0, -1, np.searchsorted(present, owner)), 0.0, periodic)


def check_angle(argument: str, angle: Any) -> None:
    """Refuse what is not one angle within 0–180°."""
    check(
        is_number(angle) and 0 < angle <= LARGEST_ANGLE,
        f"`{argument}` must be an angle in degrees from 0 (not included) to 180, but it is {angle!r}.",
    )


def check_grid(ms: Microstructure, grains: Grains) -> None:
    """Refuse grains of another map."""
    given = np.shape(grains.labels)
    check(
        given == ms.grid.shape,
        f"`grains` must be those of `ms`, on its grid {ms.grid.shape}, but their labels have shape {given}. Segment this map, or pass the one "
        "that they were found in.",
    )


def _connected(crystals: CrystalMap, angle: float, periodic: bool) -> Int[np.ndarray, " n"]:
    """Grain of each voxel by the graph of neighbours that differ little; −1 where not known; in the order of first voxels."""
    import scipy.sparse
    import scipy.sparse.csgraph

    ends = []
    for axis in range(len(crystals.shape)):
        here, there = neighbour_pairs(crystals.shape, axis, periodic)
        near = crystals.angles(here, there) < np.deg2rad(angle)
        ends.append((here[near], there[near]))
    here, there = (np.concatenate(each) for each in zip(*ends, strict=True))
    size = crystals.known.size
    graph = scipy.sparse.coo_matrix((np.ones(here.size, np.int8), (here, there)), shape=(size, size))
    component = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    return in_order(np.where(crystals.known, component, -1))


def _without(owner: Int[np.ndarray, " n"], dropped: Bool[np.ndarray, " grains"]) -> Int[np.ndarray, " n"]:
    rank = np.where(dropped, -1, np.cumsum(~dropped) - 1)
    return np.where(owner < 0, -1, rank[owner])


def assembled(
    ms: Microstructure, crystals: CrystalMap, owner: Int[np.ndarray, " n"], angle: float, periodic: bool, means: np.ndarray | None = None
) -> Grains:
    """The record of grains whose voxels are known; with `means` in place of their mean orientations."""
    count = int(owner.max()) + 1
    sizes = np.bincount(owner[owner >= 0], minlength=count)
    phases = _majority(owner, crystals.phase, count, ms.n_phases)
    means = grain_means(crystals, owner, phases) if means is None else means
    deviation = deviations(crystals, owner, phases, means)
    shapes = grain_shapes(owner, count, ms.grid, periodic)
    pairs, shared = grain_borders(owner, crystals, periodic)
    apart = between_means(crystals, means, phases, pairs)
    areas = sizes * float(np.prod(crystals.spacing))
    real = ms.orientation.dtype if ms.orientation is not None else float
    floats = {
        "areas": areas, "equivalent_diameters": equivalent_diameters(areas, len(crystals.shape)), "centroids": shapes.centroids,
        "axes": shapes.axes, "directions": shapes.directions, "aspect_ratios": shapes.axes[0] / shapes.axes[-1],
        "mean_orientations": means, "spreads": mean_per_grain(deviation, owner, count),
        "deviations": deviation.reshape(crystals.shape), "shared": shared, "misorientations": apart,
        "perimeters": np.bincount(pairs.ravel(), np.tile(shared, 2), minlength=count),
    }  # fmt: skip
    return Grains(
        labels=jnp.asarray(owner.reshape(crystals.shape), jnp.int32), sizes=jnp.asarray(sizes, jnp.int32),
        phases=jnp.asarray(phases, jnp.int32), neighbours=jnp.asarray(pairs, jnp.int32),
        touches_edge=jnp.asarray(at_edge(owner, crystals, count, periodic)), angle=float(angle), periodic=bool(periodic),
        **{name: jnp.asarray(values, real) for name, values in floats.items()},
    )  # fmt: skip


def _majority(owner: Int[np.ndarray, " n"], phase: Int[np.ndarray, " n"], count: int, n_phases: int) -> Int[np.ndarray, " grains"]:
    inside = owner >= 0
    votes = np.bincount(owner[inside] * n_phases + phase[inside], minlength=count * n_phases)
    return votes.reshape(count, n_phases).argmax(axis=1)
