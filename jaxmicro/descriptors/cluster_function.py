"""Two-point cluster function: pairs of points that are connected within a phase.

Autocorrelations of all clusters are summed as power spectra. A cluster is transformed in its bounding box, across the seam of a
periodic cell where it lies there, and boxes of like sizes together; only what spans the cell is transformed on all of it. Counts of
pairs are whole numbers, so that rounding removes the error of the transforms.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, is_concrete
from jaxmicro.descriptors.correlation import as_mask, fast_size, pair_factors, periodic_axes
from jaxmicro.microstructures import clusters

BATCH = 2**24  # numbers that are transformed together: 128 MiB
SIZES = np.array([1, 4, 6, 8, 12, 16, 24, 32, 48, 64])  # of boxes; few sizes make few transforms


class Boxes(NamedTuple):
    """Clusters in boxes of their own.

    Attributes:
        cluster: of each voxel, from 0, in rising order `(v,)`.
        places: of each voxel in the box of its cluster `(d, v)`.
        sizes: of the transform of each cluster `(clusters, d)`.
    """

    cluster: np.ndarray
    places: np.ndarray
    sizes: np.ndarray


def cluster_function(mask: ArrayLike, connectivity: str = "faces", periodic: bool | tuple[bool, ...] = True) -> Float[Array, "..."]:
    """Probability that two points a lag r apart lie in the same cluster of a phase.

    C₂(r) = Σ_c ⟨I_c(x) I_c(x + r)⟩ over the clusters c. With D₂, for pairs in two different clusters, S₂ = C₂ + D₂. Other than S₂ it
    tells how a phase is connected: it grows long-ranged where the phase begins to percolate. Exact, whatever the number of clusters.

    Args:
        mask: the phase `(*grid)`, truth values, or 0 and 1.
        connectivity: voxels touch through `"faces"` only, or through edges and `"corners"`, too.
        periodic: whether the cell repeats, along all axes or along each.

    Returns:
        C₂ with the lags of `two_point_correlation`; C₂(0) is the volume fraction.

    Raises:
        ValueError: if the mask has not 2 or 3 axes or holds other numbers than 0 and 1, for an unknown connectivity, or under jit, vmap
            and grad: clusters have no fixed sizes, and are measured outside of tracing only.

    References:
        S. Torquato, J. D. Beasley, Y. C. Chiew, Journal of Chemical Physics 88 (1988), doi:10.1063/1.454440.

    Example:
        >>> cluster_function(np.array([[1, 0, 1, 0], [1, 0, 0, 0]]))[0].tolist()
        [0.375, 0.0, 0.0, 0.0]

    Not differentiable.
    """
    check(is_concrete(mask), "`mask` must be concrete, but it is traced. Call `cluster_function` outside jit, vmap and grad.")
    check(jnp.ndim(mask) in (2, 3), f"`mask` must have 2 or 3 axes, but its shape is {jnp.shape(mask)}.")
    inside = as_mask("mask", mask, jnp.shape(mask))
    wraps = periodic_axes(periodic, inside.ndim)
    labels = np.asarray(clusters(inside, periodic=wraps, connectivity=connectivity))
    counts = np.zeros([n if wrap else 2 * n - 1 for n, wrap in zip(labels.shape, wraps, strict=True)])
    boxes = _boxes(labels, wraps)
    for size, members in _groups(boxes.sizes):
        _add_lags(counts, _pair_counts(boxes, size, members), wraps)
    for factor in pair_factors(labels.shape, wraps):
        counts /= factor
    return jnp.asarray(counts)


def _boxes(labels: np.ndarray, wraps: tuple[bool, ...]) -> Boxes:
    """Sort voxels by cluster, and find the shortest box of each, which may lie across the seam."""
    flat = labels.ravel()
    inside = np.flatnonzero(flat)
    inside = inside[np.argsort(flat[inside], kind="stable")]
    cluster = flat[inside].astype(np.int64) - 1
    count = int(cluster[-1]) + 1 if len(cluster) else 0
    places = np.stack(np.unravel_index(inside, labels.shape))
    sizes = np.empty((count, labels.ndim), np.int64)
    for axis, (n, wrap) in enumerate(zip(labels.shape, wraps, strict=True)):
        origin, extent = _intervals(cluster, places[axis], count, n, wrap)
        places[axis] = (places[axis] - origin[cluster]) % n
        sizes[:, axis] = _transform_sizes(extent, n, wrap)
    return Boxes(cluster, places, sizes)


def _intervals(cluster: np.ndarray, place: np.ndarray, count: int, n: int, wrap: bool) -> tuple[np.ndarray, np.ndarray]:
    """First place and extent of each cluster along an axis: all but the largest gap that it leaves around a periodic one."""
    taken = np.zeros(count * n, bool)
    taken[cluster * n + place] = True
    owner, where = np.divmod(np.flatnonzero(taken), n)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    last = np.append(first[1:], len(owner))[: len(first)] - 1
    if not wrap:
        return where[first], where[last] - where[first] + 1
    step = np.diff(where, prepend=0)  # from the place before, of the same cluster
    step[first] = where[first] + n - where[last]
    largest = np.maximum.reduceat(step, first) if count else step
    candidates = np.flatnonzero(step == largest[owner])
    start = candidates[np.flatnonzero(np.diff(owner[candidates], prepend=-1))]
    return where[start], n + 1 - largest


def _transform_sizes(extent: np.ndarray, n: int, wrap: bool) -> np.ndarray:
    """Twice the extent of each box, or the whole periodic axis where that is no longer."""
    wanted = 2 * extent - 1
    table = np.array([fast_size(w) for w in range(1, 2 * n)], np.int64)
    coarse = SIZES[np.minimum(np.searchsorted(SIZES, wanted), len(SIZES) - 1)]
    sizes = np.where(wanted <= SIZES[-1], coarse, table[wanted - 1])
    return np.where(wrap & (sizes >= n), n, sizes)


def _groups(sizes: np.ndarray) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Clusters of each size of transform."""
    if not len(sizes):
        return
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    order = np.argsort(kind.ravel(), kind="stable")
    bounds = np.cumsum(np.bincount(kind.ravel()))[:-1]
    for size, members in zip(kinds, np.split(order, bounds), strict=True):
        yield tuple(map(int, size)), members


def _pair_counts(boxes: Boxes, size: tuple[int, ...], members: np.ndarray) -> np.ndarray:
    """Pairs of voxels of the same cluster at each lag, over clusters of one size of transform."""
    from scipy.fft import irfftn, rfftn

    axes = tuple(range(-len(size), 0))
    first = np.searchsorted(boxes.cluster, members, side="left")
    voxels = np.searchsorted(boxes.cluster, members, side="right") - first
    power: Any = 0.0
    together = max(1, BATCH // int(np.prod(size)))
    for start in range(0, len(members), together):
        part = slice(start, start + together)
        fields = np.zeros((len(members[part]), *size))
        run = np.arange(voxels[part].sum()) - np.repeat(np.cumsum(voxels[part]) - voxels[part], voxels[part])
        of = np.repeat(np.arange(len(members[part])), voxels[part])
        fields[(of, *boxes.places[:, np.repeat(first[part], voxels[part]) + run])] = 1.0
        spectrum: Any = rfftn(fields, axes=axes)
        del fields
        power = power + np.sum(spectrum.real**2 + spectrum.imag**2, axis=0)
        del spectrum
    pairs: Any = irfftn(power, s=size, axes=axes)
    return np.rint(pairs)


def _add_lags(counts: np.ndarray, part: np.ndarray, wraps: tuple[bool, ...]) -> None:
    """Add a correlation of a box to that of the cell, lag by lag."""
    places = []
    for m, size, wrap in zip(counts.shape, part.shape, wraps, strict=True):
        if wrap and size == m:
            places.append((np.arange(m), np.arange(m)))
            continue
        most = min((size - 1) // 2, (m - 1) // 2)
        lags = np.arange(-most, most + 1)
        places.append((lags % m, lags % size))
    counts[np.ix_(*(into for into, _ in places))] += part[np.ix_(*(out for _, out in places))]  # no place occurs twice
