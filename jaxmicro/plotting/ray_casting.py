"""Where rays meet bodies of voxels: box entries, and marches that leap over empty space."""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

STRIDE = 0.8  # of a march beside a smooth body, in fine voxels along the ray's main axis
FINE_STRIDE = 0.3  # beside voxels with their corners
HALVINGS = 6  # of the last stride, to find the surface in it
FARTHEST = 250  # fine voxels that one leap covers at most


@dataclasses.dataclass(frozen=True)
class Body:
    """What rays are stopped by: `leaps` `(*fine)` is 0 where it may be, else a number of fine voxels to go; `fine` of them a voxel.

    `stride` is that of a march beside it, in fine voxels along the ray's main axis.

    `is_inside` decides: whether points `(3, n)` in voxels from the corner of the box are in the body.
    """

    leaps: UInt8[np.ndarray, "nx ny nz"]
    fine: int
    stride: float
    is_inside: Callable[[Float[np.ndarray, "3 n"]], Bool[np.ndarray, " n"]]


def body(
    inside: Bool[np.ndarray, "nx ny nz"], fine: int, stride: float, is_inside: Callable[[Float[np.ndarray, "3 n"]], Bool[np.ndarray, " n"]]
) -> Body:
    """A body from the fine voxels that it reaches; leaps are from its distance in voxels, of which each has `fine`³ fine ones."""
    from scipy.ndimage import distance_transform_cdt

    shape = tuple(n // fine for n in inside.shape)
    blocks = inside.reshape(shape[0], fine, shape[1], fine, shape[2], fine).any(axis=(1, 3, 5))
    if blocks.any():
        distance = np.asarray(distance_transform_cdt(~blocks, metric="chessboard"))
        leap = np.clip((distance - 1) * fine, 1, FARTHEST).astype(np.uint8)
    else:
        leap = np.full(shape, FARTHEST, np.uint8)
    for axis in range(3):
        leap = np.repeat(leap, fine, axis=axis)
    leap[inside] = 0
    return Body(leap, fine, stride, is_inside)


def box_span(
    start: Float[np.ndarray, "3 n"], direction: Float[np.ndarray, "3 n"], low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Where rays enter and leave a box, and through faces across which axes; a ray that misses it enters after it leaves."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (low[:, None] - start) / direction, (high[:, None] - start) / direction
    one, two = np.where(np.isnan(one), -np.inf, one), np.where(np.isnan(two), np.inf, two)
    near, far = np.minimum(one, two), np.maximum(one, two)
    return near.max(axis=0), far.min(axis=0), near.argmax(axis=0), far.argmin(axis=0)


def first_inside(
    each: Body,
    start: Float[np.ndarray, "3 n"],
    direction: Float[np.ndarray, "3 n"],
    begin: Float[np.ndarray, " n"],
    end: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """The parameter t from `begin` to `end` at which each ray start + t direction is first inside; infinite where it never is.

    Rays are in voxels from the corner of the box. A ray that is inside at its begin is stopped there exactly.
    """
    found = np.full(begin.shape, np.inf)
    index = np.flatnonzero(begin < end)
    o, d = (np.ascontiguousarray(each_ray[:, index], np.float32) * np.float32(each.fine) for each_ray in (start, direction))
    t, stop = begin[index].astype(np.float32), end[index].astype(np.float32)
    stride = np.float32(each.stride) / np.abs(d).max(axis=0)
    t += 0.02 * stride  # off the face of the box
    last = begin[index].astype(np.float32)
    first, leaps = True, each.leaps.ravel()
    while index.size:
        leap = leaps[_flat(o, d, t, each.leaps.shape)]
        hit = leap == 0
        if hit.any():
            near = np.flatnonzero(hit)
            hit[near] = each.is_inside((o[:, near] + t[near] * d[:, near]) / each.fine)
            where = index[hit]
            found[where] = begin[where] if first else _surface(each, start[:, where], direction[:, where], last[hit], t[hit])
        first = False
        last, t = t, t + np.where(leap > 1, leap / np.float32(each.stride), np.float32(1)) * stride
        alive = ~hit & (t < stop)
        index, o, d, t, last, stop, stride = (
            index[alive], o[:, alive], d[:, alive], t[alive], last[alive], stop[alive], stride[alive]
        )  # fmt: skip
    return found


def _flat(
    o: Float[np.ndarray, "3 n"], d: Float[np.ndarray, "3 n"], t: Float[np.ndarray, " n"], shape: tuple[int, ...]
) -> Int[np.ndarray, " n"]:
    place = o[0] + t * d[0]
    flat = np.clip(place, 0, shape[0] - 1, out=place).astype(np.int32)
    for k in (1, 2):
        place = o[k] + t * d[k]
        flat = flat * np.int32(shape[k]) + np.clip(place, 0, shape[k] - 1, out=place).astype(np.int32)
    return flat


def _surface(
    each: Body,
    start: Float[np.ndarray, "3 n"],
    direction: Float[np.ndarray, "3 n"],
    before: Float[np.ndarray, " n"],
    after: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Halve the stride in which rays went inside."""
    low, high = before.astype(float), after.astype(float)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        inside = each.is_inside(start + middle * direction)
        low, high = np.where(inside, low, middle), np.where(inside, middle, high)
    return high
