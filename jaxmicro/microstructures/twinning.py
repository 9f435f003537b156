"""Twin lamellae in the grains of a polycrystal.

A lamella of thickness t about a plane with unit normal n through c is |n·x − n·c| ≤ t/2. Each chosen grain has one habit plane variant and a
few such planes; with t_g the thickness wanted in grain g, the voxels of lamellae are those with the smallest

    d(x) = min_i |n·x − p_i| / (t_g / 2),

taken over all grains until the volume is reached. So d = 1 is the thickness that was wanted, and all lamellae become thicker or thinner than
wanted by one common factor, the largest d that was taken. A 2D map is a section z = 0: n keeps its three components, and where n leans
towards z the lamella looks thicker than it is, by 1/√(n_x² + n_y²).
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import as_number, check, is_concrete, numpy_generator, split_named
from jaxmicro.microstructures.grain_pieces import connected_pieces, grains_from_their_gaps
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.orientations import TwinSystem, symmetry_operators, twin_system
from jaxmicro.orientations.equivalents import inverse, product
from jaxmicro.orientations.on_host import nearest_turn, relative_turn

CUBIC = "m-3m"  # of a phase that names no Laue group
TOLERANCE = 0.01  # of the fraction
SAME = 1e-9  # of d
VISIBLE = 0.5  # sine of the angle between habit plane and section, from which on a variant is taken
THINNEST = 2.0  # voxels of a lamella, where the thickness is not given
MOST = 3  # lamellae of a grain, where the thickness is not given


class Plan(NamedTuple):
    """What is known before voxels are taken.

    Attributes:
        grains: grain of each voxel, −1 where no twin can be, `(size,)`.
        chosen: numbers of the grains in which twins are looked for, `(k,)`.
        share: of twins that each of them should have.
        count: voxels of twins.
        total: voxels that the fraction refers to.
    """

    grains: Int[np.ndarray, " size"]
    chosen: Int[np.ndarray, " k"]
    share: float
    count: int
    total: int


class Ways(NamedTuple):
    """How grains can twin.

    Attributes:
        depth: d of each voxel, infinite where no twin can be, `(size,)`.
        variant: of the voxel's grain, `(size,)`.
        reference: the voxel whose orientation is that of the grain, `(size,)`.
        cut: how many grains have no end along an axis of the cell.
    """

    depth: Float[np.ndarray, " size"]
    variant: Int[np.ndarray, " size"]
    reference: Int[np.ndarray, " size"]
    cut: int


def add_twins(
    ms: Microstructure,
    fraction: float,
    *,
    key: Array,
    system: str | TwinSystem = "fcc",
    c_over_a: float | None = None,
    thickness: float | None = None,
    share_of_grains: float = 1.0,
    phase: int | str | None = None,
) -> Microstructure:
    """A polycrystal with twins: parallel lamellae along one habit plane in each twinned grain, in the orientation of its twin.

    The variant is chosen at random; on a 2D map, which is a section z = 0, among those whose plane is at least 30° from the section (or
    the steepest one), so that it is seen as a band. Orientations of lamellae are `multiply(rotation, q)` of `twin_system`.

    Args:
        ms: with orientations and the map `grain` `(*grid)`: grain numbers from 0, negative where there is none. The orientation is to be that of
            one crystal in each grain, up to small deviations, which twins inherit.
        fraction: volume of twins over that of the phase, from 0 to less than 1; reached within 0.01, and mostly within a few voxels.
        key: typed random key.
        system: name for `twin_system`, or its result.
        c_over_a: axial ratio, for the name of a hexagonal system.
        thickness: of lamellae along their normals, in the unit of `grid.lengths`. Their number follows from it, and then all are made thicker
            or thinner by one factor to reach the fraction; with few and thin ones some grains have none. By default one to three lamellae a
            grain, of 2 voxels at least.
        share_of_grains: share by number of the grains in which twins are looked for, chosen at random, in (0, 1].
        phase: number or name of the phase that twins; it may be left out where there is one.

    Returns:
        The microstructure with the orientations of lamellae, and the maps `grain`: each connected lamella has a number of its own after those
        of the grains, all else keeps its number; `parent` `(*grid)`: the number of the grain that a lamella lies in, elsewhere that of the
        grain itself; and `twin` `(*grid)`: True in lamellae. A second call leaves earlier twins as they are. A note has the reached fraction.

    Raises:
        ValueError: if `fraction` or another number is out of range, there are no orientations or no map `grain`, the system does not fit the
            Laue group of the phase, or the fraction cannot be reached; or under `jit`, `vmap` and `grad`.
        TypeError: if `system` is neither a name nor a system.

    Reference: J. W. Christian, S. Mahajan, Prog. Mater. Sci. 39, 1 (1995), doi:10.1016/0079-6425(94)00007-7.

    Example:
        >>> import jax
        >>> from jaxmicro.microstructures import Phase, polycrystal
        >>> import jaxmicro as jm
        >>> ms = polycrystal(jm.Grid((64, 64)), 10, key=jax.random.key(0), phase=Phase("copper", laue="m-3m"))
        >>> twinned = add_twins(ms, 0.2, key=jax.random.key(1))
        >>> round(float(twinned.maps["twin"].mean()), 2)
        0.2

    Not differentiable: it runs on the host.
    """
    check(is_concrete(ms, fraction, key, thickness, share_of_grains), "Twins are added on the host: call this outside jit, vmap and grad.")
    twins = twin_system(system, c_over_a) if isinstance(system, str) else system
    check(isinstance(twins, TwinSystem), f"`system` must be a name or the result of twin_system, but it is {system!r}.", TypeError)
    _check_numbers(fraction, thickness, share_of_grains)
    grain = _checked_grains(ms)
    keys = split_named(key, "grains", "lamellae")
    plan = _plan(ms, grain, _twinning_voxels(ms, twins, phase), float(fraction), float(share_of_grains), numpy_generator(keys["grains"]))
    q = np.asarray(ms.orientation, float).reshape(4, -1)
    ways = _ways(ms, plan, q, twins, thickness, numpy_generator(keys["lamellae"]))
    taken, factor = _taken(ways.depth, plan)
    done = _twinned(ms, grain, taken, _twin_orientations(q, taken, ways, twins))
    return done.with_notes(*_notes(grain.ravel(), done, taken, (plan.total, float(fraction), factor, ways.cut, twins.name)))


def _check_numbers(fraction: Any, thickness: Any, share_of_grains: Any) -> None:
    inside = 0 <= as_number(fraction) < 1
    check(inside, f"`fraction` must lie in [0, 1), but it is {fraction!r}. Give the share of the volume, 0.3 for 30 %.")
    good = thickness is None or 0 < as_number(thickness) < np.inf
    check(good, f"`thickness` must be positive and finite, but it is {thickness!r}. Give it in the unit of grid.lengths.")
    check(0 < as_number(share_of_grains) <= 1, f"`share_of_grains` must lie in (0, 1], but it is {share_of_grains!r}.")


def _checked_grains(ms: Microstructure) -> Int[np.ndarray, "*grid"]:
    check(
        ms.orientation is not None,
        "`ms` must have orientations to have twins, but it has none. Use polycrystal, or ms.replace(orientation=…).",
    )
    check(
        "grain" in ms.maps,
        f"`ms` must have the map 'grain', but its maps are {sorted(ms.maps)}. Use polycrystal, or "
        "ms.replace(maps={**ms.maps, 'grain': jm.descriptors.segment_grains(ms).labels}).",
    )
    grain = np.asarray(ms.maps["grain"])
    whole = grain.shape == ms.grid.shape and grain.dtype.kind in "iu"
    check(whole, f"`ms.maps['grain']` must be whole numbers {ms.grid.shape}, but it is {grain.dtype} {grain.shape}.")
    return grain.astype(np.int64)


def _twinning_voxels(ms: Microstructure, twins: TwinSystem, phase: int | str | None) -> np.ndarray:
    """Which measured voxels are of the phase that twins, after it was found to have the symmetry of the system."""
    names = [each.name for each in ms.phases]
    known = ", ".join(f"{k}: {name}" for k, name in enumerate(names))
    check(phase is not None or len(names) == 1, f"`phase` must say which of {known} twins, but it is None.")
    index = names.index(phase) if phase in names else 0 if phase is None else phase
    check(index in range(len(names)) and not isinstance(index, bool), f"`phase` must be one of {known}, but it is {phase!r}.")
    chosen = ms.phases[int(index)]
    laue = chosen.laue or CUBIC
    check(
        laue == twins.laue,
        f"`system` must fit the Laue group of {chosen.name!r}, {laue}{'' if chosen.laue else ' as none is named'}, but {twins.name!r} is of {twins.laue} crystals. "
        "Cubic crystals (m-3m) twin by 'fcc' or 'bcc', hexagonal ones (6/mmm) by 'hcp_10-12' and its kin.",
    )
    there = np.asarray(ms.labels) == int(index)
    return there if ms.mask is None else there & np.asarray(ms.mask)


def _plan(ms: Microstructure, grain: np.ndarray, there: np.ndarray, fraction: float, share: float, generator: np.random.Generator) -> Plan:
    earlier = np.asarray(ms.maps.get("twin", np.zeros(grain.shape, bool)), bool)
    free = np.where(there & (grain >= 0) & ~earlier, grain, -1).ravel()
    total, count = int(there.sum()), round(fraction * int(there.sum()))
    numbers, volumes = np.unique(free[free >= 0], return_counts=True)
    check(numbers.size > 0, "`ms` must have a grain that can twin, but no voxel of the phase is in a grain without twins.")
    order = generator.permutation(numbers.size)[: max(1, round(share * numbers.size))]
    chosen, room = np.sort(numbers[order]), int((volumes[order] - 1).sum())
    check(
        count <= room,
        f"`fraction` must be at most {room / total:.3f} in {order.size} of {numbers.size} grains that each keep a voxel, but it is {fraction:g}. "
        "Use a larger share_of_grains, or a smaller fraction.",
    )
    return Plan(np.where(np.isin(free, chosen), free, -1), chosen, count / int(volumes[order].sum()), count, total)


def _ways(
    ms: Microstructure, plan: Plan, q: np.ndarray, twins: TwinSystem, thickness: float | None, generator: np.random.Generator
) -> Ways:
    inside = np.flatnonzero(plan.grains >= 0)
    inside = inside[np.argsort(plan.grains[inside], kind="stable")]
    numbers = np.searchsorted(plan.chosen, plan.grains[inside])
    places, cut = grains_from_their_gaps(ms.grid, inside, numbers, plan.chosen.size)
    ends = np.cumsum(np.bincount(numbers, minlength=plan.chosen.size))
    first = inside[np.concatenate([[0], ends[:-1]])]
    normals = _in_sample(twins.normals, q[:, first])[: ms.grid.ndim]
    variants = _variants(normals, generator)
    parts = np.split(places, ends[:-1], axis=1)
    along = [normals[:, variant, grain] @ part for grain, (variant, part) in enumerate(zip(variants, parts, strict=True))]
    thinnest = THINNEST * float((np.asarray(ms.grid.lengths) / ms.grid.shape).max())
    counts, wanted = (each.tolist() for each in _wanted(along, plan, thickness, thinnest, generator))
    depths = [_depth(*one, generator) for one in zip(along, counts, wanted, strict=True)]
    depth = np.full(plan.grains.size, np.inf)
    variant, reference = np.zeros((2, plan.grains.size), int)
    depth[inside], variant[inside], reference[inside] = np.concatenate(depths), variants[numbers], first[numbers]
    return Ways(depth, variant, reference, cut)


def _in_sample(normals: Float[np.ndarray, "3 v"], q: Float[np.ndarray, "4 n"]) -> Float[np.ndarray, "3 v n"]:
    """Directions of crystal axes in those of the sample, s = g⁻¹ h."""
    vectors = np.concatenate([np.zeros((1, normals.shape[1])), normals])[:, :, None]
    turned = product(product(inverse(q[:, None]), vectors), q[:, None])
    return np.stack(turned)[1:] / (q**2).sum(axis=0)


def _variants(normals: Float[np.ndarray, "d v n"], generator: np.random.Generator) -> Int[np.ndarray, " n"]:
    """One variant for each grain, at random among those whose plane is seen in the section; in a volume all are."""
    seen = np.sqrt((normals**2).sum(axis=0))
    allowed = seen >= np.minimum(VISIBLE, seen.max(axis=0))
    return np.where(allowed, generator.random(allowed.shape), -1.0).argmax(axis=0)


def _wanted(
    along: list[np.ndarray], plan: Plan, thickness: float | None, thinnest: float, generator: np.random.Generator
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Number of lamellae of each grain, and the thickness that is wanted.

    A grain of extent L wants share · L / t lamellae. The fractions of such numbers are rounded so that their sum is kept.
    """
    # Twice the distance of the quartiles: the extent of a box, and of other grains that of a box as high as their middle.
    extents = np.array([2 * np.subtract(*np.quantile(p, (0.75, 0.25))) for p in along])
    several = generator.integers(1, MOST + 1, len(along))
    wanted = np.maximum(plan.share * extents / several, thinnest) if thickness is None else np.full(len(along), float(thickness))
    order = generator.permutation(len(along))
    sums = np.floor(np.cumsum((plan.share * extents / wanted)[order]) + generator.random() + 1e-9)
    counts = np.empty(len(along), int)
    counts[order] = np.diff(sums, prepend=0.0)
    volumes = np.array([p.size for p in along])
    if (volumes[counts > 0] - 1).sum() < plan.count:
        counts = np.maximum(counts, 1)
    return counts, wanted


def _depth(p: Float[np.ndarray, " voxels"], count: int, thickness: float, generator: np.random.Generator) -> Float[np.ndarray, " voxels"]:
    """D of the voxels of a grain, infinite at the one that remains in any case."""
    if count == 0:
        return np.full(p.size, np.inf)
    planes = np.sort(np.quantile(p, (np.arange(count) + generator.uniform(0.25, 0.75, count)) / count))
    right = np.searchsorted((planes[1:] + planes[:-1]) / 2, p)
    depth = np.abs(p - planes[right]) / (thickness / 2)
    depth[depth.argmax()] = np.inf
    return depth


def _taken(depth: Float[np.ndarray, " size"], plan: Plan) -> tuple[np.ndarray, float]:
    """The voxels of twins, and the largest d among them. Voxels of one plane of the lattice come together."""
    if plan.count == 0:
        return np.zeros(depth.size, bool), 1.0
    level = float(np.partition(depth, plan.count - 1)[plan.count - 1])
    with_all, without = depth <= level * (1 + SAME), depth < level * (1 - SAME)
    taken = with_all if with_all.sum() - plan.count <= plan.count - without.sum() else without
    miss = abs(int(taken.sum()) - plan.count) / plan.total
    check(
        bool(np.isfinite(level)) and miss <= TOLERANCE,
        f"`fraction` must be reached within {TOLERANCE}, but whole layers of voxels miss it by {miss:.3f}. Use a finer grid or more grains.",
    )
    return taken, level


def _twin_orientations(q: Float[np.ndarray, "4 size"], taken: np.ndarray, ways: Ways, twins: TwinSystem) -> Float[np.ndarray, "4 twins"]:
    """Twins of the voxels' own orientations, of which the equivalents next to that of the grain are taken."""
    where = np.flatnonzero(taken)
    reference = q[:, ways.reference[where]]
    near = nearest_turn(relative_turn(reference, q[:, where]), symmetry_operators(twins.laue))[0]
    return np.stack(product(twins.rotations[:, ways.variant[where]], product(near, reference)))


def _twinned(ms: Microstructure, grain: np.ndarray, taken: np.ndarray, turned: np.ndarray) -> Microstructure:
    orientation = np.array(ms.orientation)
    orientation.reshape(4, -1)[:, taken] = turned.astype(orientation.dtype)
    new = taken.reshape(grain.shape)
    maps: dict[str, Any] = dict(ms.maps)
    maps["grain"] = np.where(new, grain.max() + 1 + connected_pieces(np.where(new, grain, -1)), grain).astype(np.int32)
    maps["parent"] = np.where(new, grain, np.asarray(maps.get("parent", grain))).astype(np.int32)
    maps["twin"] = new | np.asarray(maps.get("twin", np.zeros(grain.shape, bool)), bool)
    return ms.replace(orientation=orientation, maps=maps)


def _notes(grain: np.ndarray, done: Microstructure, taken: np.ndarray, facts: tuple[int, float, float, int, str]) -> list[str]:
    total, fraction, factor, cut, name = facts
    pieces = np.unique(np.asarray(done.maps["grain"]).ravel()[taken]).size
    reached = f"{taken.sum() / total:.4f} of the volume ({fraction:g} asked)"
    lamellae = f"{pieces} lamellae in {np.unique(grain[taken]).size} grains, {factor:.2f} times as thick as wanted"
    lines = [f"twins {name}: {reached}, {lamellae}"]
    if cut:
        lines.append(f"twins {name}: {cut} grains have no end along an axis of the cell, and their lamellae are cut at a seam")
    return lines
