"""Periodic packings of bodies that do not overlap."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check, check_choice, check_whole, is_concrete, is_number, numpy_generator
from jaxmicro.microstructures.bodies import Bodies, Spheres
from jaxmicro.microstructures.relaxation import SLACK, Pose, relax

SWEEPS = 300  # in which spheres that are not dense come apart; what is denser is relaxed from there
STARTS = 3
SMALLER = (0.99, 0.97, 0.94, 0.9, 0.8, 0.6, 0.4, 0.2)  # factors at which bodies that were jammed are tried again
HOPELESS = 0.1  # of the mean size: an overlap from which on another start is in vain
HALVINGS = 4  # of the interval between a factor that fits and one that does not
JAMMED = ("raise", "best")


class PackingError(ValueError):
    """Bodies that could not be placed without overlap."""


class Packed(NamedTuple):
    """A packing: where bodies are, and the factor of their size at which they fit, 1 where they fit as they are and 0 where they never do."""

    pose: Pose
    factor: float


def pack_spheres(lengths: Any, radii: Any, gap: float = 0.0, *, key: Array, max_sweeps: int = 20000) -> np.ndarray:
    """Centres of periodic discs or spheres of given radii that keep a minimum gap.

    Spheres are put at random and then pushed apart, first by half of each overlap, and where that does not end by minimising the energy of
    soft spheres. Equal spheres come to random close packing (0.62 to 0.63 of the volume), equal discs to 0.84 and more, sizes that scatter higher.

    Args:
        lengths: edge lengths of the cell, `(d,)`.
        radii: `(n,)`, same unit.
        gap: smallest distance between two surfaces.
        key: typed random key.
        max_sweeps: steps before another random start, and after the third one before giving up; a jammed packing is given up earlier.

    Returns:
        Centres `(d, n)`.

    Raises:
        PackingError: if overlaps remain; the message says what was asked and what was reached.

    Reference: the minimisation is that of E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), doi:10.1103/PhysRevLett.97.170201; the density
    of random close packing, C. S. O'Hern et al., Phys. Rev. E 68, 011306 (2003), doi:10.1103/PhysRevE.68.011306.

    Example:
        >>> import jax
        >>> pack_spheres((1.0, 1.0), [0.2, 0.2, 0.1], key=jax.random.key(0)).shape
        (2, 3)

    Not differentiable: it runs on the host. `interface_of_spheres` and `soft_spheres` are, in what comes out.
    """
    found, bodies = spheres_packed(lengths, radii, gap, key, max_sweeps)
    if found.factor == 1:
        return into_cell(found.pose.centres, np.asarray(lengths, float)).T
    raise PackingError(
        f"{bodies.radii.size} inclusions of mean radius {bodies.radii.mean():g} with gap {gap:g} could not be placed without overlap from {STARTS} "
        f"random starts of at most {max_sweeps} steps: they fit only where all are {found.factor:.3f} times as large. Ask for a smaller volume "
        "fraction or gap, or try another key."
    )


def spheres_packed(lengths: Any, radii: Any, gap: float, key: Array, max_sweeps: int = 20000) -> tuple[Packed, Spheres]:
    """`pack_spheres` with what was reached instead of an error, for sizes that fit into the cell at all."""
    check(is_concrete(lengths, radii, key), "Packings are computed on the host: call this outside jit, vmap and grad.")
    edges, sizes = np.asarray(lengths, float), np.asarray(radii, float)
    positive = sizes.ndim == 1 and bool((sizes > 0).all() and np.isfinite(sizes).all())
    check(positive, f"`radii` must be positive numbers (n,), but they are {sizes.tolist()}.")
    check_gap(gap)
    check_whole("max_sweeps", max_sweeps, 1)
    bodies = Spheres(sizes, float(gap))
    if 2 * bodies.reach.max() > edges.min():
        raise PackingError(
            f"An inclusion of diameter {2 * sizes.max():g} with gap {gap:g} does not fit into a cell of edges {edges.tolist()} "
            "without touching its own image. Use smaller inclusions or a larger cell."
        )
    generator = numpy_generator(key)

    def draw() -> Pose:
        centres = generator.random((sizes.size, edges.size)) * edges
        return Pose(_apart(centres, bodies.reach, edges, min(SWEEPS, max_sweeps)), frames_along_axes(sizes.size, edges.size))

    return packed(bodies, draw, edges, steps=max_sweeps), bodies


def packed(bodies: Bodies, draw: Callable[[], Pose], lengths: Float[np.ndarray, " d"], *, steps: int, turning: bool = False) -> Packed:
    """Bodies without overlap from the first of a few random starts that leads to it, or else smaller ones."""
    jammed = []
    for _ in range(STARTS):
        pose, overlaps, _ = relax(bodies, draw(), lengths, steps, turning=turning)
        if overlaps.size == 0:
            return Packed(pose, 1.0)
        jammed.append((float(overlaps.sum()), pose))
        if overlaps.max() > HOPELESS * bodies.size.mean():
            break
    return _smaller(bodies, min(jammed, key=lambda each: each[0])[1], lengths, steps, turning)


def _smaller(bodies: Bodies, pose: Pose, lengths: Float[np.ndarray, " d"], steps: int, turning: bool) -> Packed:
    """The largest factor that was found at which bodies of a jammed packing fit."""
    high, low, found = 1.0, 0.0, pose

    def attempt(factor: float) -> bool:
        nonlocal pose, found, low, high
        pose, overlaps, _ = relax(bodies.scaled(factor), pose, lengths, steps, turning=turning)
        if overlaps.size == 0:
            low, found = factor, pose
        else:
            high = factor
        return overlaps.size == 0

    if not any(attempt(factor) for factor in SMALLER):
        return Packed(pose, 0.0)
    for _ in range(HALVINGS):
        attempt((low + high) / 2)
    return Packed(found, low)


def _apart(centres: np.ndarray, reach: np.ndarray, lengths: np.ndarray, sweeps: int) -> np.ndarray:
    """Both spheres of every overlapping pair move by half of their overlap, until the overlaps are small or the sweeps are used up."""
    for _ in range(sweeps):
        moved, overlap = _push_apart(centres, (1 + SLACK) * reach, lengths)
        if overlap <= 2 * SLACK * reach.min():
            return centres
        centres = moved
    return centres


def _push_apart(centres: np.ndarray, reach: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, float]:
    """One sweep; returns the new centres and the largest overlap before it."""
    from scipy.spatial import KDTree

    pairs = KDTree(centres, boxsize=lengths).query_pairs(2 * reach.max(), output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    between = centres[second] - centres[first]
    between -= lengths * np.round(between / lengths)
    distance = np.linalg.norm(between, axis=1)
    overlap = np.maximum(reach[first] + reach[second] - distance, 0)
    push = (0.5 * overlap / np.maximum(distance, 1e-12 * lengths.min()))[:, None] * between
    moved = centres.copy()
    np.add.at(moved, first, -push)
    np.add.at(moved, second, push)
    return into_cell(moved, lengths), float(overlap.max(initial=0.0))


def into_cell(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Points moved by whole edges into [0, length): rounding lifts a tiny negative one to the length itself."""
    inside = np.mod(points, lengths)
    return np.where(inside >= lengths, 0.0, inside)


def frames_along_axes(count: int, ndim: int) -> Float[np.ndarray, "n d d"]:
    """Bodies that are not turned."""
    return np.broadcast_to(np.eye(ndim), (count, ndim, ndim))


def check_gap(gap: Any) -> None:
    """Check a distance between surfaces."""
    check(is_number(gap) and 0 <= gap < np.inf, f"`gap` must not be negative, but it is {gap!r}. Give a length, or 0.")


def settle(found: Packed, share: float, what: str, if_jammed: str, ndim: int) -> tuple[float, tuple[str, ...]]:
    """What to do with a packing that was reached in part: an error, or the factor of the sizes and a note that says so."""
    check_choice("if_jammed", if_jammed, JAMMED)
    if found.factor == 1:
        return 1.0, ()
    reached = share * found.factor**ndim
    if if_jammed == "raise" or found.factor == 0:
        raise PackingError(
            f"`volume_fraction` {share:g} could not be reached with {what}; {reached:.3g} was reached with the same number. "
            "Ask for that, for a smaller gap, try another key, or take what was reached with if_jammed='best'."
        )
    note = f"a volume fraction of {share:g} could not be reached with {what}: all are smaller by {found.factor:.4f}, and {reached:.4g} is reached"
    return found.factor, (note,)
