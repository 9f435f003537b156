"""Clusters of voxels that touch, and those that reach from one face of a cell to the other.

Outside of tracing the labels come from scipy. Under a tracer every voxel points to a voxel of smaller index in its cluster until all
point to the first one: each pass takes over the pointer of the neighbours, for the voxel and for the one it pointed to, and shortens the
chains (Zhang, Azad & Hu 2020, doi:10.1137/1.9781611976137.5). That takes a number of passes like the logarithm of the longest path.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Int

from jaxmicro._core import check, check_choice, is_concrete

CONNECTIVITIES = ("faces", "corners")


class Through(NamedTuple):
    """What joins two opposite faces of a cell.

    Attributes:
        voxels: whether a voxel is in a cluster that reaches both faces, (*grid).
        isolated: number of clusters that do not.
    """

    voxels: Bool[Array, "*grid"]
    isolated: Int[Array, ""]


def clusters(
    mask: Bool[ArrayLike, "*grid"], *, periodic: bool | tuple[bool, ...] = False, connectivity: str = "faces"
) -> Int[Array, "*grid"]:
    """Labels of the connected clusters of a mask.

    Args:
        mask: the voxels in question, (*grid), two or three axes.
        periodic: whether the cell repeats, along all axes or along each.
        connectivity: voxels touch through `"faces"` only, or through edges and `"corners"`, too.

    Returns:
        (*grid): 0 outside the mask, and from 1 in the order of each cluster's first voxel. Not differentiable.

    Raises:
        ValueError: if the mask has not two or three axes, or for an unknown connectivity.

    Example:
        >>> clusters(jnp.array([[True, False, True], [True, False, False]])).tolist()
        [[1, 0, 2], [1, 0, 0]]
    """
    check_choice("connectivity", connectivity, CONNECTIVITIES)
    check(jnp.ndim(mask) in (2, 3), f"`mask` must have two or three axes, but its shape is {jnp.shape(mask)}.")
    d = jnp.ndim(mask)
    wraps = (periodic,) * d if isinstance(periodic, bool) else tuple(periodic)
    check(len(wraps) == d, f"`periodic` must be one flag or {d}, but it is {periodic}.")
    if is_concrete(mask):
        return jnp.asarray(_labelled(np.asarray(mask, bool), wraps, connectivity))
    return _traced(jnp.asarray(mask, bool), wraps, connectivity)


def through_clusters(mask: Bool[ArrayLike, "*grid"], axis: int, *, periodic_sides: bool = False, connectivity: str = "faces") -> Through:
    """The voxels in clusters that reach from the first to the last layer along an axis.

    Args:
        mask: as in `clusters`.
        axis: along which the cell ends on both sides.
        periodic_sides: whether it repeats along the other axes.
        connectivity: as in `clusters`.

    Returns:
        `Through`: the voxels, and the number of clusters left out. Not differentiable.

    Example:
        >>> found = through_clusters(jnp.array([[True, False, True], [True, False, False]]), 0)
        >>> found.voxels.tolist(), int(found.isolated)
        ([[True, False, False], [True, False, False]], 1)
    """
    d = jnp.ndim(mask)
    check(-d <= axis < d, f"`axis` must be below the number of axes, {d}, but it is {axis}.")
    axis %= d
    labels = clusters(mask, periodic=tuple(periodic_sides and other != axis for other in range(d)), connectivity=connectivity)
    if is_concrete(labels):
        table = np.asarray(labels)
        ends = np.zeros((2, int(table.max()) + 1), bool)
        for end, layer in zip(ends, (0, -1), strict=True):
            end[np.take(table, layer, axis)] = True
        both = ends[0] & ends[1]
        both[0] = False
        return Through(jnp.asarray(both[table]), jnp.asarray(len(both) - 1 - int(both.sum()), jnp.int32))
    ends = [jnp.zeros(labels.size + 1, bool).at[jnp.take(labels, k, axis)].set(True) for k in (0, -1)]
    both = (ends[0] & ends[1]).at[0].set(False)
    return Through(both[labels], (jnp.max(labels) - jnp.sum(both)).astype(jnp.int32))


def _labelled(mask: np.ndarray, wraps: tuple[bool, ...], connectivity: str) -> np.ndarray:
    """Labels by scipy; where the cell repeats, labels of a voxel and of its image are one."""
    import scipy.ndimage
    import scipy.sparse.csgraph

    structure = scipy.ndimage.generate_binary_structure(mask.ndim, 1 if connectivity == "faces" else mask.ndim)
    widths = [(1, 1) if flag else (0, 0) for flag in wraps]
    labels, count = scipy.ndimage.label(np.pad(mask, widths, mode="wrap"), structure)  # pyright: ignore[reportGeneralTypeIssues]
    inner = labels[tuple(slice(1, -1) if flag else slice(None) for flag in wraps)]
    if not any(wraps):
        return inner  # scipy numbers in the order of the first voxels
    images = np.pad(inner, widths, mode="wrap")
    differ = labels != images
    pairs = np.unique(np.stack([labels[differ], images[differ]]), axis=1)
    graph = scipy.sparse.coo_matrix((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(count + 1,) * 2)
    merged = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    flat = np.where(inner > 0, 1 + merged[inner], 0).ravel()
    first = np.full(flat.max() + 1, flat.size)
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    first[0] = -1
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[flat].reshape(mask.shape)


def _traced(mask: Bool[Array, "*grid"], wraps: tuple[bool, ...], connectivity: str) -> Int[Array, "*grid"]:
    """Labels by pointers to voxels of smaller index."""
    size, shape = mask.size, mask.shape
    outside = size
    reach = [offset for offset in itertools.product((-1, 0, 1), repeat=mask.ndim) if any(offset)]
    if connectivity == "faces":
        reach = [offset for offset in reach if sum(map(abs, offset)) == 1]

    def smallest_around(pointer: Array) -> Array:
        field = jnp.where(mask, pointer.reshape(shape), outside)
        padded = field
        for axis, wrap in enumerate(wraps):
            widths = [(1, 1) if k == axis else (0, 0) for k in range(mask.ndim)]
            padded = jnp.pad(padded, widths, mode="wrap") if wrap else jnp.pad(padded, widths, constant_values=outside)
        found = field
        for offset in reach:
            found = jnp.minimum(found, padded[tuple(slice(1 + o, n + 1 + o) for o, n in zip(offset, shape, strict=True))])
        return jnp.where(mask, found, outside).ravel()

    def improve(state: tuple[Array, Array]) -> tuple[Array, Array]:
        pointer, _ = state
        around = smallest_around(pointer)
        better = jnp.minimum(pointer.at[pointer].min(around, mode="drop"), around)
        better = jnp.minimum(better, better.at[better].get(mode="fill", fill_value=outside))
        return better, jnp.any(better != pointer)

    start = jnp.where(mask.ravel(), jnp.arange(size, dtype=jnp.int32), outside)
    pointer, _ = jax.lax.while_loop(lambda state: state[1], improve, (start, jnp.any(mask)))
    first = (pointer == jnp.arange(size)) & mask.ravel()
    number = jnp.cumsum(first, dtype=jnp.int32)
    return jnp.where(mask, number.at[pointer].get(mode="fill", fill_value=0).reshape(shape), 0)
