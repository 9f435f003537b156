"""What a careful person would notice about a measured map before trusting numbers made from it."""

import numpy as np

from jaxmicro._core import check, is_concrete
from jaxmicro.descriptors.boundaries import BoundaryStatistics, boundary_statistics, neighbour_misorientation
from jaxmicro.descriptors.neighbours import CrystalMap, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations.on_host import relative_turn, turn_angle

ANGLE = 5.0  # degrees
SCARCE = 0.002  # share of a phase that is as likely misindexing
LONELY = 0.002  # share of points that differ from all their neighbours from which on it is worth a line
COARSE = 5.0  # voxels between boundaries below which they are not resolved
UNEVEN = 1e-3


def oddities(ms: Microstructure) -> tuple[str, ...]:
    """Lines about what is odd in a map: missing points and margins, scarce phases, speckle, jumps between equivalent orientations,
    uneven steps, boundaries that are not resolved, opposite edges that do not fit.

    Args:
        ms: the microstructure, as it was read.

    Returns:
        One line per finding; empty where nothing is odd.

    Raises:
        ValueError: inside jit, vmap or grad.

    Example:
        >>> oddities(Microstructure(labels=np.zeros((4, 4), int), mask=np.eye(4) < 1))
        ('4 points (25.00 %) are not measured',)

    Not differentiable: it looks and counts.
    """
    check(is_concrete(ms), "Oddities are found on the host: call this outside jit, vmap and grad.")
    found = [*_unmeasured(ms), *_scarce(ms), *_uneven(ms)]
    if ms.orientation is not None:
        statistics = boundary_statistics(ms, ANGLE)
        found += [*_lonely(ms), *_jumps(ms), *_unresolved(statistics), *_seams(ms, statistics)]
    return tuple(found)


def _unmeasured(ms: Microstructure) -> list[str]:
    if ms.mask is None or bool(np.asarray(ms.mask).all()):
        return []
    mask = np.asarray(ms.mask)
    if not mask.any():
        return [f"none of the {mask.size} points is measured: nothing can be computed from this map"]
    line = f"{int((~mask).sum())} points ({100 * (1 - mask.mean()):.2f} %) are not measured"
    margins = []
    for axis in range(mask.ndim):
        layers = np.asarray(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        margins += [int(layers.argmax()), int(layers[::-1].argmax())] if layers.any() else [0, 0]
    if any(margins):
        shown = ", ".join(f"{first} and {last} along {name}" for name, first, last in zip("xyz", margins[::2], margins[1::2], strict=False))
        line += f"; whole layers at the edges: {shown}. Crop them"
    return [line]


def _scarce(ms: Microstructure) -> list[str]:
    lines = []
    measured = np.ones(ms.grid.shape, bool) if ms.mask is None else np.asarray(ms.mask)
    if not measured.any():
        return []
    counts = np.bincount(np.asarray(ms.labels)[measured], minlength=ms.n_phases)
    for phase, count in zip(ms.phases, counts, strict=True):
        if count == 0:
            lines.append(f"phase {phase.name!r} is named but nowhere in the map")
        elif count < SCARCE * measured.sum():
            lines.append(f"phase {phase.name!r} has {count} points ({100 * count / measured.sum():.2f} %), which may be misindexing")
    return lines


def _uneven(ms: Microstructure) -> list[str]:
    spacing = np.asarray(ms.grid.spacing)
    if spacing.max() <= (1 + UNEVEN) * spacing.min():
        return []
    return [f"the steps differ: {' x '.join(f'{step:g}' for step in spacing)}"]


def _lonely(ms: Microstructure) -> list[str]:
    """Points that differ from every judged neighbour, the trace of misindexed patterns."""
    alike, neighbours = np.zeros(ms.grid.shape, bool), np.zeros(ms.grid.shape, int)
    for axis in range(ms.grid.ndim):
        angles = neighbour_misorientation(ms, axis, degrees=True)
        close, known = angles < ANGLE, ~np.isnan(angles)
        for start in (0, 1):
            part = tuple(slice(start, start + n) if k == axis else slice(None) for k, n in enumerate(angles.shape))
            alike[part] |= close
            neighbours[part] += known
    lonely = (neighbours >= 2) & ~alike
    share = lonely.mean()
    if share < LONELY:
        return []
    return [
        f"{int(lonely.sum())} points ({100 * share:.2f} %) differ by {ANGLE:g}° or more from all their neighbours: misindexed, or the step is too coarse"
    ]


def _jumps(ms: Microstructure) -> list[str]:
    """Neighbours that are one orientation but stored as different equivalents."""
    crystals = CrystalMap(ms)
    jumps = inside = 0
    for axis in range(ms.grid.ndim):
        here, there = neighbour_pairs(crystals.shape, axis, False)
        within = np.rad2deg(crystals.angles(here, there)) < ANGLE
        as_stored = turn_angle(relative_turn(crystals.turns[:, here[within]], crystals.turns[:, there[within]]))
        jumps += int((np.rad2deg(as_stored) > ANGLE).sum())
        inside += int(within.sum())
    if jumps == 0:
        return []
    line = (
        f"{jumps} pairs of neighbours inside grains ({100 * jumps / inside:.2f} %) are stored as different equivalents of one orientation: "
        "average and interpolate with the symmetry of the crystal only"
    )
    return [line]


def _unresolved(found: BoundaryStatistics) -> list[str]:
    crossings = found.boundaries + found.between_phases
    if crossings == 0 or (found.judged + found.between_phases) / crossings >= COARSE:
        return []
    return [f"boundaries are {(found.judged + found.between_phases) / crossings:.1f} points apart on average: too coarse to resolve grains"]


def _seams(ms: Microstructure, found: BoundaryStatistics) -> list[str]:
    """Pairs across opposite edges that are boundaries, beside those inside."""
    pairs = found.judged + found.between_phases
    if pairs == 0:
        return []
    inside = (found.boundaries + found.between_phases) / pairs
    shares = []
    for axis in range(ms.grid.ndim):
        edge = [np.asarray(array).take([-1, 0], axis - ms.grid.ndim) for array in (ms.orientation, ms.labels)]
        mask = None if ms.mask is None else np.asarray(ms.mask).take([-1, 0], axis)
        wrapped = Microstructure(labels=edge[1], orientation=edge[0], phases=ms.phases, mask=mask)
        seam = neighbour_misorientation(wrapped, axis, degrees=True)
        differ = np.diff(edge[1], axis=axis) != 0
        known = ~np.isnan(seam) | differ
        shares.append(float((differ | (seam >= ANGLE))[known].mean()) if known.any() else 0.0)
    if max(shares) <= 2 * inside:
        return []
    each = ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip("xyz", shares, strict=False))
    return [f"opposite edges do not fit: {each} of the pairs across the edge are boundaries, {100 * inside:.1f} % inside; see `periodic`"]
