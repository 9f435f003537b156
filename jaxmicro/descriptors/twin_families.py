"""Twins between grains: which boundaries are twins, and which grains are one crystal that twinned."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmicro._core import check, is_number, record
from jaxmicro.descriptors.grains import Grains, assembled, check_angle, check_grid
from jaxmicro.descriptors.neighbours import CrystalMap, crystal_map, laue_group, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.microstructures.grain_pieces import in_order
from jaxmicro.orientations.twins import TwinSystem, twin_system

BRANDON = 15.0 / np.sqrt(3)  # degrees
HEXAGONAL = 5.0


@record
class TwinFamilies:
    """Grains joined across their twin boundaries.

    Attributes:
        grains: the joined grains. Their mean orientation is that of the largest member, and `deviations` are from it.
        parents: joined grain of each of the grains before `(n,)`.
        twins: whether a grain before is not the largest member of its family, a twin by size `(n,)`.
        twin_length: length (area) of boundary between each pair of `Grains.neighbours` that is of twins `(k,)`.
        twin_share: share of twins in the length (area) of all boundaries between grains of one phase, of the phases that twin so; what
            parts phases is not among them.
    """

    grains: Grains
    parents: Int[Array, " n"]
    twins: Bool[Array, " n"]
    twin_length: Float[Array, " k"]
    twin_share: Float[Array, ""]


def merge_twins(
    ms: Microstructure, grains: Grains, system: TwinSystem | str = "fcc", *, tolerance: float | None = None, share: float = 0.5
) -> TwinFamilies:
    """Join grains that are twins of each other, so that a crystal counts once however often it twinned.

    Two grains are joined where at least a share of their common boundary, voxel by voxel, is a twin within the tolerance.

    Args:
        ms: the microstructure.
        grains: its grains.
        system: from `orientations.twin_system`, or its name; "fcc" and "bcc" are Σ3.
        tolerance: largest deviation from the twin's misorientation in degrees; by default Brandon's 15°/√3 = 8.66° for cubic
            crystals and 5° for hexagonal ones.
        share: from 0 (not included) to 1.

    Returns:
        `TwinFamilies`.

    Raises:
        ValueError: if no phase has the Laue group of the twins, the grains are of another grid, the tolerance is not within 0–180° or
            the share not within 0–1; and inside jit, vmap or grad.
        TypeError: if the system is neither.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> from jaxmicro.orientations import from_euler, multiply
        >>> here = from_euler((10.0, 20.0, 30.0), degrees=True)
        >>> turns = jnp.tile(here[:, None, None], (1, 8, 4))
        >>> turns = turns.at[:, 5:].set(multiply(twin_system("fcc").rotations[:, 0], here)[:, None, None])
        >>> ms = Microstructure(labels=np.zeros((8, 4), int), orientation=turns)
        >>> found = merge_twins(ms, segment_grains(ms))
        >>> found.grains.count, found.parents.tolist(), found.twins.tolist(), float(found.twin_share)
        (1, [0, 0], [False, True], 1.0)

    Not differentiable: it runs on the host.
    """
    crystals = crystal_map(ms, "Twins")
    check_grid(ms, grains)
    twin = twin_system(system) if isinstance(system, str) else system
    check(
        isinstance(twin, TwinSystem), f"`system` must be a TwinSystem or the name of one, but it is {system!r}. Use twin_system.", TypeError
    )
    fitting = [phase for phase in range(ms.n_phases) if laue_group(ms, phase) == twin.laue]
    groups = ", ".join(sorted({f"{phase.name}: {laue_group(ms, k)}" for k, phase in enumerate(ms.phases)}))
    check(bool(fitting), f"`system` {twin.name!r} twins crystals of Laue group {twin.laue}, but the phases are {groups}. Choose another.")
    limit = (BRANDON if twin.laue == "m-3m" else HEXAGONAL) if tolerance is None else tolerance
    check_angle("tolerance", limit)
    check(is_number(share) and 0 < share <= 1, f"`share` must be from 0 (not included) to 1, but it is {share!r}.")
    length = _twin_lengths(crystals, grains, twin, np.deg2rad(limit))
    shared, pairs = np.asarray(grains.shared), np.asarray(grains.neighbours)
    twinned = (length > 0) & (length >= share * shared * (1 - 1e-9))
    parents = _families(pairs[:, twinned], grains.count)
    largest = _largest(np.asarray(grains.sizes), parents)
    labels = np.asarray(grains.labels)
    joined = assembled(
        ms, crystals, np.where(labels < 0, -1, parents[labels]).ravel(), grains.angle, grains.periodic,
        np.asarray(grains.mean_orientations, float)[:, largest],
    )  # fmt: skip
    phases = np.asarray(grains.phases)[pairs]
    of_phase = np.isin(phases[0], fitting) & (phases[0] == phases[1])
    total = float(shared[of_phase].sum())
    real = grains.shared.dtype
    return TwinFamilies(
        grains=joined, parents=jnp.asarray(parents, jnp.int32),
        twins=jnp.asarray(~np.isin(np.arange(grains.count), largest)), twin_length=jnp.asarray(length, real),
        twin_share=jnp.asarray(length[of_phase].sum() / total if total else np.nan, real),
    )  # fmt: skip


def _twin_lengths(crystals: CrystalMap, grains: Grains, twin: TwinSystem, limit: float) -> Float[np.ndarray, " k"]:
    """Length of twin boundary between each pair of neighbours."""
    owner, pairs = np.asarray(grains.labels).ravel(), np.asarray(grains.neighbours)
    keys = pairs[0].astype(int) * grains.count + pairs[1]
    found = np.zeros(len(keys))
    for axis in range(len(crystals.shape)):
        here, there = neighbour_pairs(crystals.shape, axis, grains.periodic)
        first, second = owner[here], owner[there]
        border = np.flatnonzero((first >= 0) & (second >= 0) & (first != second))
        twins = crystals.angles_from(here[border], there[border], twin.rotations[:, 0], twin.laue) <= limit
        first, second = first[border[twins]].astype(int), second[border[twins]].astype(int)
        key = np.minimum(first, second) * grains.count + np.maximum(first, second)
        found += np.bincount(np.searchsorted(keys, key), minlength=len(keys)) * crystals.face(axis)
    return found


def _families(pairs: Int[np.ndarray, "2 k"], count: int) -> Int[np.ndarray, " n"]:
    import scipy.sparse
    import scipy.sparse.csgraph

    graph = scipy.sparse.coo_matrix((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(count, count))
    return in_order(scipy.sparse.csgraph.connected_components(graph, directed=False)[1].astype(int))


def _largest(sizes: Int[np.ndarray, " n"], parents: Int[np.ndarray, " n"]) -> Int[np.ndarray, " families"]:
    """The largest member of each family, the first one of equals."""
    order = np.lexsort((-sizes, parents))
    return order[np.unique(parents[order], return_index=True)[1]]
