"""Boundaries between neighbouring points of an orientation map, in numbers."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from jaxmicro._core import check, is_concrete, record
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import is_coincident, misorientation

CUBIC = "m-3m"
CHUNK = 1 << 15  # pairs at once: one size, so that maps of all sizes are compiled for once


def neighbour_misorientation(ms: Microstructure, axis: int, *, degrees: bool = False) -> Float[np.ndarray, "*pairs"]:
    """Symmetry-reduced misorientation of every point to the next one along an axis, without the pair across the edge of the map.

    Args:
        ms: microstructure with orientations; a phase without a Laue group counts as m-3m.
        axis: axis of the grid.
        degrees: whether to return degrees.

    Returns:
        The shape of the grid, less one along the axis; in radians. NaN where a point of the pair is not measured, and where the two
        are of different phases.

    Raises:
        ValueError: if there are no orientations or no such axis; and inside jit, vmap or grad.

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 2, 2)).at[0, 1].set(10.0), degrees=True)
        >>> ms = Microstructure(labels=np.zeros((2, 2), int), orientation=turns)
        >>> neighbour_misorientation(ms, 0, degrees=True).round(3).tolist()
        [[10.0, 10.0]]

    Not differentiable: it runs on the host. `orientations.misorientation` is.
    """
    check(is_concrete(ms), "Boundaries are counted on the host: call this outside jit, vmap and grad.")
    check(ms.orientation is not None, "`ms` must have orientations, but it has none.")
    check(0 <= axis < ms.grid.ndim, f"`axis` must be an axis from 0 … {ms.grid.ndim - 1}, but it is {axis!r}.")
    first, second = _pair(np.asarray(ms.orientation), axis + 1)
    labels, others = _pair(np.asarray(ms.labels), axis)
    judged = labels == others
    if ms.mask is not None:
        here, there = _pair(np.asarray(ms.mask), axis)
        judged &= here & there
    found = np.full(labels.shape, np.nan, first.dtype)
    for laue in {_laue(ms, index) for index in range(ms.n_phases)}:
        of_group = judged & np.isin(labels, [index for index in range(ms.n_phases) if _laue(ms, index) == laue])
        if of_group.any():
            found[of_group] = np.asarray(
                misorientation(jnp.asarray(first[:, of_group]), jnp.asarray(second[:, of_group]), laue, degrees=degrees)
            )
    return found


@record
class BoundaryStatistics:
    """What neighbouring points of a map have in common; angles in degrees.

    Attributes:
        pairs: neighbouring pairs along all axes, measured or not.
        judged: pairs of measured points of one phase, whose misorientation is known.
        between_phases: pairs of measured points of different phases.
        boundaries: judged pairs whose misorientation is at least `angle`.
        angle: from which on a pair is a boundary.
        inside: mean misorientation of the other judged pairs.
        across: mean misorientation over the length of the boundaries.
        twins: share of the length (in 3D the area) of the boundaries between cubic crystals that is Σ3 by Brandon's criterion; NaN where there are none.
        density: length of boundaries (of both kinds) per judged area, in 3D area per volume, in one over the unit of the grid; of
            the stairs that voxels make.
    """

    pairs: int
    judged: int
    between_phases: int
    boundaries: int
    angle: float
    inside: float
    across: float
    twins: float
    density: float


def boundary_statistics(ms: Microstructure, angle: float = 5.0) -> BoundaryStatistics:
    """Count the boundaries of an orientation map between neighbours along the axes.

    Args:
        ms: microstructure with orientations; a phase without a Laue group counts as m-3m.
        angle: degrees of misorientation from which on a pair is a boundary.

    Returns:
        Counts, mean angles in degrees, share of Σ3 and density of boundaries.

    Raises:
        ValueError: as `neighbour_misorientation`, and for an angle that is not positive.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 4, 4)).at[0, 2:].set(30.0), degrees=True)
        >>> found = boundary_statistics(Microstructure(labels=np.zeros((4, 4), int), orientation=turns))
        >>> found.judged, found.boundaries, round(found.across, 3)
        (24, 4, 30.0)

    Not differentiable: it counts.
    """
    check(angle > 0, f"`angle` must be a positive number of degrees, but it is {angle!r}.")
    counts = np.zeros(4, int)
    inside, lengths, turned, cubic_length, twin_length, phase_length = [], [], [], 0.0, 0.0, 0.0
    spacing = np.asarray(ms.grid.spacing, float)
    for axis in range(ms.grid.ndim):
        angles = neighbour_misorientation(ms, axis, degrees=True)
        known = ~np.isnan(angles)
        boundary = known & (angles >= angle)
        face = float(np.prod(np.delete(spacing, axis)))
        differing = _between_phases(ms, axis)
        counts += (angles.size, known.sum(), differing.sum(), boundary.sum())
        inside.append(angles[known & ~boundary])
        turned.append(angles[boundary])
        lengths.append(np.full(int(boundary.sum()), face))
        phase_length += face * differing.sum()
        cubic, twins = _twins(ms, axis, boundary)
        cubic_length, twin_length = cubic_length + face * cubic, twin_length + face * twins
    inside, turned, lengths = (np.concatenate(each) for each in (inside, turned, lengths))
    measured = float(np.prod(spacing)) * (np.asarray(ms.mask).sum() if ms.mask is not None else ms.grid.size)
    pairs, judged, between, crossings = (int(count) for count in counts)
    return BoundaryStatistics(
        pairs=pairs, judged=judged, between_phases=between, boundaries=crossings, angle=float(angle), inside=_mean(inside),
        across=_mean(turned, lengths), twins=twin_length / cubic_length if cubic_length else float("nan"),
        density=float((lengths.sum() + phase_length) / measured),
    )  # fmt: skip


def _twins(ms: Microstructure, axis: int, boundary: np.ndarray) -> tuple[int, int]:
    """Boundary pairs of cubic crystals, and those of them that are Σ3."""
    labels, _ = _pair(np.asarray(ms.labels), axis)
    cubic = boundary & np.isin(labels, [index for index in range(ms.n_phases) if _laue(ms, index) == CUBIC])
    if not cubic.any():
        return 0, 0
    first, second = (side[:, cubic] for side in _pair(np.asarray(ms.orientation), axis + 1))
    return int(cubic.sum()), int(in_chunks(lambda p, q: is_coincident(p, q, 3), first, second).sum())


def in_chunks(
    function: Callable[[Array, Array], Array], first: Float[np.ndarray, "4 n"], second: Float[np.ndarray, "4 n"]
) -> Shaped[np.ndarray, " n"]:
    """A function of pairs of quaternions, evaluated in chunks of one size; the last one is filled up with the last pair."""
    count = first.shape[1]
    padding = ((0, 0), (0, -count % CHUNK))
    p, q = (jnp.asarray(np.pad(side, padding, mode="edge")) for side in (first, second))
    parts = [np.asarray(function(p[:, start : start + CHUNK], q[:, start : start + CHUNK])) for start in range(0, count, CHUNK)]
    return np.concatenate(parts)[:count]


def _between_phases(ms: Microstructure, axis: int) -> np.ndarray:
    labels, others = _pair(np.asarray(ms.labels), axis)
    known = np.ones_like(labels, bool) if ms.mask is None else np.logical_and(*_pair(np.asarray(ms.mask), axis))
    return known & (labels != others)


def _pair(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Each point but the last along an axis, and its neighbour."""
    n = array.shape[axis]
    return array.take(range(n - 1), axis), array.take(range(1, n), axis)


def _laue(ms: Microstructure, index: int) -> str:
    return ms.phases[index].laue or CUBIC


def _mean(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    return float(np.average(values, weights=weights)) if values.size else float("nan")
