"""Whether a phase holds together: what reaches from face to face, or winds around a periodic cell."""

import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Num

from jaxmicro._core import check, check_choice, is_concrete, record, static
from jaxmicro.descriptors.masks import as_mask
from jaxmicro.descriptors.minkowski import euler_number
from jaxmicro.microstructures import Through, clusters, through_clusters

BOUNDARIES = ("walls", "periodic")


@record
class Percolation:
    """How a phase is connected; a pytree.

    Attributes:
        fraction: share of the voxels in the phase.
        share: share of the phase in clusters that percolate along each axis, (d,); 0 for an empty phase.
        clusters: how many there are.
        largest: share of the phase in the largest.
        euler_number: pieces − handles + cavities (in 2D pieces − holes), with the same connectivity and the same ends of the cell.
        connectivity: "faces" or "corners", static.
        periodic: whether the cell repeats, static.
    """

    fraction: Float[Array, ""]
    share: Float[Array, " d"]
    clusters: Int[Array, ""]
    largest: Float[Array, ""]
    euler_number: Float[Array, ""]
    connectivity: str = static(default="faces")
    periodic: bool = static(default=False)

    def __str__(self) -> str:
        if not is_concrete(self.share, self.clusters) or np.ndim(self.clusters):
            return repr(self)
        shares = ", ".join(f"{float(share):.4f} along axis {k}" for k, share in enumerate(self.share))
        return (
            f"phase of fraction {float(self.fraction):.5g}, percolating {shares}; {int(self.clusters)} clusters joined by "
            f"{self.connectivity}, the largest {float(self.largest):.4f}; Euler number {float(self.euler_number):g}"
        )


def percolation(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"], *, connectivity: str = "faces", periodic: bool = False
) -> Percolation:
    """How a phase is connected: shares that percolate, clusters, Euler number.

    Along an axis a cluster percolates if it reaches from the first to the last layer, all of the cell's faces being its end; or, in a
    periodic cell, if it joins a voxel to that voxel's image in another cell along that axis, straight or on a helix.

    Args:
        mask: the phase, truth values or 0 and 1, (*grid).
        connectivity: voxels touch through `"faces"` only, or through edges and `"corners"`, too.
        periodic: whether the cell repeats along all axes.

    Returns:
        `Percolation`.

    Raises:
        ValueError: for a mask with other values or without two or three axes, or an unknown connectivity.

    Example:
        >>> rows = jnp.zeros((6, 6), bool).at[2].set(True).at[4:, 4].set(True)
        >>> p = percolation(rows)
        >>> p.share.round(3).tolist(), int(p.clusters), float(p.largest), float(p.euler_number)
        ([0.0, 0.75], 2, 0.75, 2.0)

    Not differentiable.
    """
    inside, _ = as_mask(mask, None)
    labels = clusters(inside, periodic=periodic, connectivity=connectivity)
    volumes = jnp.bincount(labels.ravel(), length=None if is_concrete(labels) else labels.size + 1)[1:]
    volumes = volumes if volumes.size else jnp.zeros(1, volumes.dtype)
    share = [
        percolating_share(inside, k, connectivity=connectivity, boundary="periodic" if periodic else "walls") for k in range(inside.ndim)
    ]
    return Percolation(
        fraction=jnp.mean(inside), share=jnp.stack(share), clusters=jnp.max(labels), largest=jnp.max(volumes) / jnp.maximum(jnp.sum(volumes), 1),
        euler_number=euler_number(inside, connectivity=connectivity, periodic=periodic), connectivity=connectivity, periodic=bool(periodic),
    )  # fmt: skip


def percolating_share(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"],
    axis: int,
    *,
    periodic_sides: bool = False,
    connectivity: str = "faces",
    boundary: str = "walls",
) -> Float[Array, ""]:
    """Share of a mask's voxels in clusters that percolate along an axis.

    Args:
        mask: the voxels in question, (*grid).
        axis: along which.
        periodic_sides: between walls, whether the cell repeats along the other axes.
        connectivity: voxels touch through `"faces"` only, or through edges and `"corners"`, too.
        boundary: `"walls"`: clusters that reach from the first to the last layer; `"periodic"`: the cell repeats along all axes, and
            clusters that join a voxel to its image along the axis.

    Returns:
        From 0 to 1; 0 for an empty mask. Not differentiable.

    Raises:
        ValueError: for a mask without two or three axes, or an axis that is not there.

    Example:
        >>> round(float(percolating_share(jnp.array([[True, False, True], [True, False, False]]), 0)), 4)
        0.6667
    """
    mask = jnp.asarray(mask) > 0
    found = percolating_clusters(mask, axis, boundary, periodic_sides=periodic_sides, connectivity=connectivity)
    return jnp.sum(found.voxels) / jnp.maximum(jnp.sum(mask), 1)


def percolating_clusters(
    mask: Bool[Array, "*grid"], axis: int, boundary: str, *, periodic_sides: bool = False, connectivity: str = "faces"
) -> Through:
    """The voxels in clusters that percolate along an axis, and the number of the others.

    Args:
        mask: the voxels in question.
        axis: along which.
        boundary: as in `percolating_share`, like the rest.
        periodic_sides: likewise.
        connectivity: likewise.
    """
    check_choice("boundary", boundary, BOUNDARIES)
    if boundary == "walls":
        return through_clusters(mask, axis, periodic_sides=periodic_sides, connectivity=connectivity)
    check(not periodic_sides, "`periodic_sides` is for boundary='walls', but the boundary is 'periodic'. Leave it out.")
    d = jnp.ndim(mask)
    check(d in (2, 3), f"`mask` must have two or three axes, but its shape is {jnp.shape(mask)}.")
    check(-d <= axis < d, f"`axis` must be below the number of axes, {d}, but it is {axis}.")
    if is_concrete(mask):
        found = winding(np.asarray(mask, bool), connectivity)
        table = found.winds[:, axis % d]
        return Through(jnp.asarray(table[found.labels]), jnp.asarray(len(table) - 1 - int(table.sum()), jnp.int32))
    return _winding_traced(mask, axis % d, connectivity)


class Winding(NamedTuple):
    """How clusters wind around a periodic cell.

    Attributes:
        labels: of the clusters, (*grid), 0 outside.
        winds: whether a cluster joins a voxel to its image along each axis, (clusters + 1, d); the first row is False.
    """

    labels: Int[np.ndarray, "*grid"]
    winds: Bool[np.ndarray, "rows d"]


def winding(mask: Bool[np.ndarray, "*grid"], connectivity: str) -> Winding:
    """Which clusters of a mask wind around the cell; on the host.

    The clusters of the cell without its seams are nodes, and each contact across a seam is an edge that says by how many cells its other
    end is further. Along a tree of edges every node gets its cell; an edge that contradicts them closes a loop that winds.
    """
    parts = np.asarray(clusters(mask, connectivity=connectivity))
    contacts = _contacts(parts, connectivity)
    count = int(parts.max()) + 1
    root, winds = np.arange(count), np.zeros((count, mask.ndim), bool)
    cell_of: dict[int, tuple[int, ...]] = {}
    for first, cells in _trees(contacts, mask.ndim):
        root[list(cells)] = first
        cell_of.update(cells)
    for a, b, *step in contacts:
        winds[root[a]] |= np.add(cell_of[a], step) != cell_of[b]
    roots, number = np.unique(root, return_inverse=True)  # 0 is outside and its own root
    return Winding(number[parts].astype(np.int32), winds[roots])


def _contacts(parts: np.ndarray, connectivity: str) -> list[tuple[int, ...]]:
    """Clusters that touch across the seams: (a, b, cells from a's to b's along each axis)."""
    d, shape = parts.ndim, parts.shape
    steps = [
        step
        for step in itertools.product((-1, 0, 1), repeat=d)
        if step > (0,) * d and (connectivity == "corners" or np.abs(step).sum() == 1)
    ]
    found = []
    for step in steps:
        for axis in np.flatnonzero(step):
            here = [np.array([n - 1 if step[k] > 0 else 0]) if k == axis else np.arange(n) for k, n in enumerate(shape)]
            there = [index + move for index, move in zip(here, step, strict=True)]
            a, b = parts[np.ix_(*here)], parts[np.ix_(*(index % n for index, n in zip(there, shape, strict=True)))]
            cells = np.meshgrid(*(index // n for index, n in zip(there, shape, strict=True)), indexing="ij")
            touch = (a > 0) & (b > 0)
            found.append(np.unique(np.stack([a[touch], b[touch], *(cell[touch] for cell in cells)], axis=1), axis=0))
    return [tuple(row) for row in np.concatenate(found).tolist()]


def _trees(contacts: list[tuple[int, ...]], ndim: int) -> list[tuple[int, dict[int, tuple[int, ...]]]]:
    """For each set of joined nodes the first one, and the cell of each, relative to it."""
    around: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for a, b, *step in contacts:
        around.setdefault(a, []).append((b, tuple(step)))
        around.setdefault(b, []).append((a, tuple(-k for k in step)))
    trees, seen = [], set()
    for first in sorted(around):
        if first in seen:
            continue
        cells, waiting = {first: (0,) * ndim}, [first]
        while waiting:
            node = waiting.pop()
            for other, step in around[node]:
                if other not in cells:
                    cells[other] = tuple(p + q for p, q in zip(cells[node], step, strict=True))
                    waiting.append(other)
        seen.update(cells)
        trees.append((first, cells))
    return trees


def _winding_traced(mask: Bool[Array, "*grid"], axis: int, connectivity: str) -> Through:
    """The same under a tracer: on a ring of two or three cells a voxel is joined to its image in the next if a loop winds a number of
    times that two or three do not divide. Loops that all wind by a multiple of six are missed.
    """
    labels = clusters(mask, periodic=True, connectivity=connectivity)
    joined = jnp.zeros_like(mask)
    for cells in (2, 3):
        ring = clusters(jnp.concatenate([mask] * cells, axis), periodic=True, connectivity=connectivity)
        here, beyond = jnp.split(ring, cells, axis)[:2]
        joined |= mask & (here == beyond)
    winds = jnp.zeros(labels.size + 1, bool).at[labels].max(joined).at[0].set(False)
    return Through(winds[labels], (jnp.max(labels) - jnp.sum(winds)).astype(jnp.int32))
