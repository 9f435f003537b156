"""Straight fibres with round ends that do not overlap: spherocylinders in 3D, sticks in 2D."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_number, check, check_whole, is_concrete, is_number, numpy_generator, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Capsules
from jaxmicro.microstructures.directions import directions, frames_of, matched, tensor_entries
from jaxmicro.microstructures.drawing import check_supersample, draw_bodies
from jaxmicro.microstructures.ellipsoids import refuse_own_images
from jaxmicro.microstructures.inclusions import check_share, two_phases
from jaxmicro.microstructures.packing import JAMMED, PackingError, check_gap, into_cell
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.relaxation import Pairs, Pose, relax

STEPS = 2000
ROUNDS = 6  # of turning freely and turning back to the orientation tensor
TAKEN_OUT = 0.03  # share of the fibres that is given up at once, where all are too many


class PackedFibres(NamedTuple):
    """Fibres of a cell.

    Attributes:
        centres: `(d, n)`.
        directions: unit vectors `(d, n)`.
    """

    centres: Float[np.ndarray, "d n"]
    directions: Float[np.ndarray, "d n"]


def fibres(
    grid: Grid,
    volume_fraction: float,
    length: float,
    diameter: float,
    *,
    key: Array,
    orientation: str | Sequence[Any] | ArrayLike = "random",
    concentration: float = np.inf,
    gap: float = 0.0,
    supersample: int = 1,
    if_jammed: str = "raise",
    phases: Sequence[Phase | str] = ("matrix", "fibre"),
) -> Microstructure:
    """Straight short fibres at random in a matrix: periodic, without overlap, with the orientation tensor that is asked for.

        a₂ = ⟨p p⟩ over the directions p of the fibres

    Directions are drawn and corrected until their tensor is exact; fibres are then moved, and where that is not enough turned a little and
    corrected again. Continuous aligned fibres are `inclusions` on a 2D grid.

    Args:
        grid: the periodic cell.
        volume_fraction: of the fibres (phase 1).
        length: from end to end, in the unit of `grid.lengths`; below the shortest edge, unless all are aligned and fit.
        diameter: same unit. Length and diameter are changed by one factor near 1, so that whole fibres make the volume fraction.
        key: typed random key.
        orientation: `"random"`; a direction `(d,)`; or an orientation tensor `(d, d)`, symmetric with trace 1.
        concentration: κ about the direction, of Watson's density ∝ exp(κ (p·direction)²): inf is aligned, 0 random.
        gap: smallest distance between two surfaces.
        supersample: samples along each axis of a voxel; above 1 the result holds phase fractions.
        if_jammed: what to do where not all fibres find a place: `"raise"`, or take the `"best"` that was reached, with fewer of them and a note;
            `asked` keeps what was asked for.
        phases: names of matrix and fibres.

    Returns:
        The microstructure, with the map `inclusion`: the number of the fibre at each voxel, 0 in the matrix.

    Raises:
        PackingError: if the volume fraction cannot be reached, saying what was; or if a fibre meets its own image.
        ValueError: if an argument is out of range.

    Reference: S. G. Advani, C. L. Tucker, J. Rheol. 31, 751 (1987), doi:10.1122/1.549945 (orientation tensors).

    Example:
        >>> import jax
        >>> ms = fibres(Grid((48, 48)), 0.2, 20.0, 3.0, key=jax.random.key(0), orientation=[[0.8, 0.0], [0.0, 0.2]], supersample=3)
        >>> round(float(ms.volume_fractions[1]), 2)
        0.2

    Not differentiable: it runs on the host. `soft_capsules` is, with what `pack_fibres` returns.
    """
    check(is_concrete(grid, key, orientation), "Fibres are packed on the host: call this outside jit, vmap and grad.")
    check(volume_fraction is not None, "`volume_fraction` must be given for fibres, but it is None.")
    check_share(volume_fraction)
    check_supersample(supersample)
    lengths = np.asarray(grid.lengths, float)
    one = _bodies(1, length, diameter, gap)
    cell = float(np.prod(lengths))
    count = max(1, round(volume_fraction * cell / float(one.volumes(grid.ndim)[0])))
    factor = (volume_fraction * cell / (count * float(one.volumes(grid.ndim)[0]))) ** (1 / grid.ndim)
    bodies = _bodies(count, length, diameter, gap).scaled(factor)
    pose, tensor = _packed(bodies, lengths, orientation, concentration, key, if_jammed)
    placed = len(pose.centres)
    notes = (f"of {count} fibres {placed} found a place: {volume_fraction * placed / count:.4g} is reached",) if placed < count else ()
    share, index = draw_bodies(grid, _first(bodies, placed), pose, supersample)
    provenance = f"fibres: {placed} of length {factor * length:g} and diameter {factor * diameter:g}, gap {gap:g}, volume fraction {volume_fraction:g}"
    asked = {"volume_fractions": (1 - volume_fraction, volume_fraction), "count": count, "orientation_tensor": tensor_entries(tensor)}
    return two_phases(grid, share, index, supersample, phases, provenance).replace(asked=asked).with_notes(*notes)


def pack_fibres(
    lengths: Any,
    count: int,
    length: float,
    diameter: float,
    *,
    key: Array,
    orientation: str | Sequence[Any] | ArrayLike = "random",
    concentration: float = np.inf,
    gap: float = 0.0,
) -> PackedFibres:
    """Centres and directions of periodic fibres that do not overlap.

    Args:
        lengths: edge lengths of the cell, `(d,)`.
        count: number of fibres.
        length: from end to end.
        diameter: of each.
        key: typed random key.
        orientation: as in `fibres`.
        concentration: as in `fibres`.
        gap: smallest distance between two surfaces.

    Returns:
        `PackedFibres`: centres and directions, `(d, n)` each.

    Raises:
        PackingError: if not all find a place, saying how many do.
        ValueError: if an argument is out of range.

    Example:
        >>> import jax
        >>> pack_fibres((1.0, 1.0, 1.0), 6, 0.5, 0.1, key=jax.random.key(0)).directions.shape
        (3, 6)

    Not differentiable: it runs on the host. `soft_capsules` is, in what comes out.
    """
    check(is_concrete(lengths, key, orientation), "Fibres are packed on the host: call this outside jit, vmap and grad.")
    check_whole("count", count, 1)
    edges = np.asarray(lengths, float)
    pose, _ = _packed(_bodies(count, length, diameter, gap), edges, orientation, concentration, key, "raise")
    return PackedFibres(into_cell(pose.centres, edges).T, pose.frames[:, 0].T)


def _bodies(count: int, length: Any, diameter: Any, gap: Any) -> Capsules:
    good = is_number(diameter) and 0 < diameter < np.inf
    check(good, f"`diameter` must be positive, but it is {diameter!r}. Give it in the unit of grid.lengths.")
    long = is_number(length) and diameter <= length < np.inf
    check(long, f"`length` must be at least the diameter {diameter:g}, from end to end, but it is {length!r}.")
    check_gap(gap)
    return Capsules(np.full(count, (as_number(length) - diameter) / 2), np.full(count, diameter / 2), float(gap))


def _packed(
    bodies: Capsules, lengths: np.ndarray, orientation: Any, concentration: Any, key: Array, if_jammed: str
) -> tuple[Pose, Float[np.ndarray, "d d"]]:
    """Fibres without overlap, fewer where that is allowed, and the tensor that was asked for."""
    check(if_jammed in JAMMED, f"`if_jammed` must be one of {JAMMED}, but it is {if_jammed!r}.")
    keys = split_named(key, "directions", "centres")
    count, ndim = len(bodies.radii), lengths.size
    drawn, tensor = directions(count, ndim, orientation, concentration, numpy_generator(keys["directions"]))
    aligned = np.linalg.eigvalsh(tensor)[-1] > 1 - 1e-9
    whole = 2 * float(bodies.half_lengths[0] + bodies.radii[0])
    refuse_own_images(bodies, frames_of(drawn) if aligned else None, lengths, f"A fibre of diameter {2 * bodies.radii[0]:g}")
    pose = Pose(numpy_generator(keys["centres"]).random((count, ndim)) * lengths, frames_of(drawn))
    pose, overlaps, pairs = _settled(bodies, pose, lengths, tensor, turning=not aligned)
    if overlaps.size == 0:
        return pose, tensor
    while overlaps.size and len(pose.centres) > 1:
        pose = _without_the_worst(pose, overlaps, pairs.first, pairs.second)
        pose, overlaps, pairs = _settled(_first(bodies, len(pose.centres)), pose, lengths, tensor, turning=not aligned, rounds=2)
    placed = len(pose.centres)
    if if_jammed == "raise":
        share = float(bodies.volumes(ndim).sum() / np.prod(lengths))
        raise PackingError(
            f"`volume_fraction` {share:.4g} could not be reached with {count} fibres of length {whole:g}, diameter {2 * bodies.radii[0]:g} and gap "
            f"{bodies.gap:g}; {share * placed / count:.3g} was reached with {placed} of them. Ask for that, for shorter fibres, more alignment or a "
            "smaller gap, or take what was reached with if_jammed='best'."
        )
    return pose, tensor


def _settled(
    bodies: Capsules, pose: Pose, lengths: np.ndarray, tensor: np.ndarray, *, turning: bool, rounds: int = ROUNDS
) -> tuple[Pose, np.ndarray, Pairs]:
    """Move fibres; where they jam let them turn, bring their directions back to the tensor, and move them again."""
    for _ in range(rounds):
        found = relax(bodies, pose, lengths, STEPS)
        pose = found[0]
        if found[1].size == 0 or not turning:
            return found
        pose, _, _ = relax(bodies, pose, lengths, STEPS, turning=True)
        pose = pose._replace(frames=frames_of(matched(pose.frames[:, 0], tensor)))
    return relax(bodies, pose, lengths, STEPS)


def _first(bodies: Capsules, count: int) -> Capsules:
    return Capsules(bodies.half_lengths[:count], bodies.radii[:count], bodies.gap)


def _without_the_worst(pose: Pose, overlaps: np.ndarray, first: np.ndarray, second: np.ndarray) -> Pose:
    """A few fibres fewer, those that overlap most."""
    count = len(pose.centres)
    load = np.bincount(first, overlaps, count) + np.bincount(second, overlaps, count)
    number = min(max(1, int(TAKEN_OUT * count)), count - 1)
    kept = np.sort(np.argsort(-load, kind="stable")[number:])
    return Pose(pose.centres[kept], pose.frames[kept])
