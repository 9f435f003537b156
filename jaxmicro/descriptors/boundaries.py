"""Boundaries between neighbouring points of an orientation map, in numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check, record
from jaxmicro.descriptors.grains import check_angle
from jaxmicro.descriptors.neighbours import CUBIC, CrystalMap, crystal_map, laue_group, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import coincidence
from jaxmicro.orientations.coincidence import brandon


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
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 2, 2)).at[0, 1].set(10.0), degrees=True)
        >>> ms = Microstructure(labels=np.zeros((2, 2), int), orientation=turns)
        >>> neighbour_misorientation(ms, 0, degrees=True).round(3).tolist()
        [[10.0, 10.0]]

    Not differentiable: it runs on the host. `orientations.misorientation` is.
    """
    check(0 <= axis < ms.grid.ndim, f"`axis` must be an axis from 0 … {ms.grid.ndim - 1}, but it is {axis!r}.")
    crystals = crystal_map(ms, "Boundaries", somewhere=False)
    angles = crystals.angles(*neighbour_pairs(crystals.shape, axis, False))
    shape = tuple(n - (k == axis) for k, n in enumerate(ms.grid.shape))
    return (np.rad2deg(angles) if degrees else angles).reshape(shape).astype(np.asarray(ms.orientation).dtype)


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


def boundary_statistics(ms: Microstructure, angle: float = 5.0, *, periodic: bool = False) -> BoundaryStatistics:
    """Count the boundaries of an orientation map between neighbours along the axes.

    Args:
        ms: microstructure with orientations; a phase without a Laue group counts as m-3m.
        angle: degrees of misorientation from which on a pair is a boundary.
        periodic: whether the first voxels of the grid follow the last ones; by default a map ends at its edges.

    Returns:
        Counts, mean angles in degrees, share of Σ3 and density of boundaries.

    Raises:
        ValueError: as `neighbour_misorientation`, and for an angle that is not within 0–180°.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 4, 4)).at[0, 2:].set(30.0), degrees=True)
        >>> found = boundary_statistics(Microstructure(labels=np.zeros((4, 4), int), orientation=turns))
        >>> found.judged, found.boundaries, round(found.across, 3)
        (24, 4, 30.0)

    Not differentiable: it counts.
    """
    check_angle("angle", angle)
    counts = np.zeros(4, int)
    inside, lengths, turned, cubic_length, twin_length, phase_length = [], [], [], 0.0, 0.0, 0.0
    crystals = crystal_map(ms, "Boundaries", somewhere=False)
    for axis in range(ms.grid.ndim):
        here, there = neighbour_pairs(crystals.shape, axis, periodic)
        angles = np.rad2deg(crystals.angles(here, there))
        known = ~np.isnan(angles)
        boundary = known & (angles >= angle)
        face = crystals.face(axis)
        differing = crystals.known[here] & crystals.known[there] & (crystals.phase[here] != crystals.phase[there])
        counts += (angles.size, known.sum(), differing.sum(), boundary.sum())
        inside.append(angles[known & ~boundary])
        turned.append(angles[boundary])
        lengths.append(np.full(int(boundary.sum()), face))
        phase_length += face * differing.sum()
        cubic, twins = _coincident(crystals, here[boundary], there[boundary], 3)
        cubic_length, twin_length = cubic_length + face * cubic, twin_length + face * twins
    inside, turned, lengths = (np.concatenate(each) for each in (inside, turned, lengths))
    measured = float(np.prod(crystals.spacing)) * (np.asarray(ms.mask).sum() if ms.mask is not None else ms.grid.size)
    pairs, judged, between, crossings = (int(count) for count in counts)
    return BoundaryStatistics(
        pairs=pairs, judged=judged, between_phases=between, boundaries=crossings, angle=float(angle), inside=_mean(inside),
        across=_mean(turned, lengths), twins=twin_length / cubic_length if cubic_length else float("nan"),
        density=float((lengths.sum() + phase_length) / measured) if measured else float("nan"),
    )  # fmt: skip


def coincidence_shares(
    ms: Microstructure,
    sigmas: Sequence[int | str] = (3, 5, 7, 9),
    angle: float = 5.0,
    *,
    phase: int | str | None = None,
    periodic: bool = False,
) -> dict[int | str, float]:
    """Share of each coincidence Σ in the length (in 3D the area) of the boundaries between cubic crystals, by Brandon's criterion.

    Args:
        ms: microstructure with orientations; a phase without a Laue group counts as m-3m.
        sigmas: as in `orientations.coincidence`.
        angle: degrees of misorientation from which on a pair of neighbours is a boundary.
        phase: number or name of one phase, by default all that are cubic (m-3m).
        periodic: whether the first voxels of the grid follow the last ones.

    Returns:
        Σ: share. A boundary that is within Brandon's angle of several counts for each; NaN where there are no boundaries.

    Raises:
        ValueError: as `neighbour_misorientation`, for a map without an indexed voxel, an angle that is not within 0–180°, a phase that does
            not exist or is not cubic, and an unknown Σ.
        TypeError: if `sigmas` is no sequence.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import from_axis_angle
        >>> turns = jnp.zeros((4, 4, 4)).at[0].set(1.0)
        >>> turns = turns.at[:, 2:].set(from_axis_angle((1.0, 1.0, 1.0), 60.0, degrees=True)[:, None, None])
        >>> coincidence_shares(Microstructure(labels=np.zeros((4, 4), int), orientation=turns))
        {3: 1.0, 5: 0.0, 7: 0.0, 9: 0.0}

    Not differentiable: it counts.
    """
    check_angle("angle", angle)
    check_sigmas("sigmas", sigmas)
    crystals = crystal_map(ms, "Boundaries")
    chosen = _cubic_phases(ms, phase)
    total, found = 0.0, dict.fromkeys(sigmas, 0.0)
    for axis in range(ms.grid.ndim):
        here, there = neighbour_pairs(crystals.shape, axis, periodic)
        boundary = (np.rad2deg(crystals.angles(here, there)) >= angle) & np.isin(crystals.phase[here], chosen)
        total += crystals.face(axis) * float(boundary.sum())
        for sigma in found:
            found[sigma] += crystals.face(axis) * _coincident(crystals, here[boundary], there[boundary], sigma)[1]
    return {sigma: length / total if total else float("nan") for sigma, length in found.items()}


def check_sigmas(argument: str, sigmas: Any) -> None:
    """Refuse one Σ where several are wanted."""
    check(
        isinstance(sigmas, Sequence) and not isinstance(sigmas, str),
        f"`{argument}` must be a sequence of coincidences, such as (3, 9), but it is {sigmas!r}. Put a single one in brackets: ({sigmas!r},).",
        TypeError,
    )


def _cubic_phases(ms: Microstructure, phase: int | str | None) -> list[int]:
    cubic = [k for k in range(ms.n_phases) if laue_group(ms, k) == CUBIC]
    if phase is None:
        return cubic
    names = [each.name for each in ms.phases]
    index = names.index(phase) if phase in names else phase
    known = ", ".join(f"{k}: {name}" for k, name in enumerate(names))
    check(index in range(ms.n_phases), f"`phase` must be one of {known}, but it is {phase!r}.")
    check(index in cubic, f"`phase` must be cubic (m-3m) for coincidences, but {names[int(index)]!r} is {laue_group(ms, int(index))}.")
    return [int(index)]


def _coincident(crystals: CrystalMap, here: np.ndarray, there: np.ndarray, sigma: int | str) -> tuple[int, int]:
    """Pairs of cubic crystals, and those of them within Brandon's angle of Σ."""
    deviation = np.rad2deg(crystals.angles_from(here, there, _turn_of(sigma), CUBIC))
    return int(np.isfinite(deviation).sum()), int((deviation <= brandon(sigma)).sum())


def _turn_of(sigma: int | str) -> Float[np.ndarray, "4"]:
    axis, angle = coincidence(sigma)
    return np.array([np.cos(angle / 2), *(-np.sin(angle / 2) * axis)])


def _mean(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    return float(np.average(values, weights=weights)) if values.size else float("nan")
