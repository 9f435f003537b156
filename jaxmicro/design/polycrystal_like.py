"""A periodic polycrystal with the statistics of a measured map: its synthetic twin."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import check, check_choice, is_concrete, numpy_generator, split_named
from jaxmicro.descriptors import Grains, coincidence_shares, grain_statistics, measure_grains, merge_twins, segment_grains
from jaxmicro.descriptors.grain_comparison import weighted_distance
from jaxmicro.descriptors.neighbours import crystal_map, neighbour_pairs
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase, polycrystal
from jaxmicro.microstructures.twinning import add_twins
from jaxmicro.orientations import sample_kernel, sample_odf, twin_system
from jaxmicro.orientations.coincidence import brandon
from jaxmicro.orientations.equivalents import product
from jaxmicro.orientations.on_host import angle_between

CUBIC_TWINS = ("fcc", "bcc")
LAMELLAR = 3.0  # aspect ratio from which on a twin is a lamella
THINNEST = 2.0  # voxels of a lamella
FEWEST = 0.005  # share of lamellae from which on there are any
SHARP = 0.01  # degrees of a kernel that is none
ALIKE = 10.0  # degrees
RARE = 1e-3
MAXWELL = 1.1774 / 1.5382  # half width of a kernel about a rotation over the median angle of its turns
RELAX = (0, 1, 3)  # Lloyd steps that are tried
HALVINGS = 6


class Wanted(NamedTuple):
    """What is taken over from the map."""

    phase: Phase
    area: float
    diameters: Float[np.ndarray, " n"]
    aspect_ratios: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, " n"]
    aspect: Float[np.ndarray, " d"]
    orientations: Float[np.ndarray, "4 n"]
    weights: Float[np.ndarray, " n"]
    lamellae: float
    thickness: float
    sigma3: float
    deviation: float


def polycrystal_like(
    ms: Microstructure, grid: Grid | None = None, *, key: Array, twins: str | None = "fcc", edges: str = "correct", halfwidth: float = 5.0,
    **options: Any,
) -> Microstructure:  # fmt: skip
    """A periodic polycrystal like a measured map: size, spread and shape of its grains, its texture, its share of Σ3, its lamellae.

    From the map, with the bias of its edges taken out (`grain_statistics`): the distribution of the diameters of
    grains, taken at as many quantiles as there are cells; their mean aspect along the axes of the grid; their mean
    orientations by area, from which new ones are drawn (`sample_odf`). Where there are twins, lamellae (twins at least three times as long
    as wide) are taken out before, and put back into the cells as lamellae of the same share and thickness (`add_twins`); and of the
    other grains such a part is made a twin of a neighbour that the share of Σ3 in the boundaries is that of the map.

    Args:
        ms: microstructure with orientations, a map or a volume; the phase that covers most is taken.
        grid: of the result, in the same unit of length and dimensions; by default that of `ms`.
        key: typed random key.
        twins: "fcc" or "bcc", by the habit plane of the lamellae; None to take twins for grains like others.
        edges: as in `grain_statistics`; "keep" for few grains, all of which the edge may cut.
        halfwidth: of the kernel about each orientation of the map, in degrees.
        options: for `segment_grains`: `angle`, `min_size`, `periodic`.

    Returns:
        The polycrystal (twins, which have orientations of their own, weaken a sharp texture by more than they did in the map) with the
        maps of `polycrystal` and `add_twins`; notes say what was asked. `descriptors.compare_grains` shows what
        came out.

    Raises:
        ValueError: as `segment_grains`, `grain_statistics` and `polycrystal`; if the grid has other dimensions, or would hold fewer than two
            grains; and inside jit, vmap or grad.

    Reference: M. A. Groeber, M. A. Jackson, Integr. Mater. Manuf. Innov. 3, 56 (2014), doi:10.1186/2193-9772-3-5, for the aim.

    Example:
        >>> import jax
        >>> measured = polycrystal(Grid((64, 64)), 40, key=jax.random.key(0), phase=Phase("Ni", laue="m-3m"))
        >>> made = polycrystal_like(measured, Grid((96, 96)), key=jax.random.key(1), twins=None)
        >>> 60 < int(made.maps["grain"].max()) + 1 < 140
        True

    Not differentiable: it runs on the host.
    """
    check(is_concrete(ms, grid, key), "Polycrystals are made on the host: call this outside jit, vmap and grad.")
    if twins is not None:
        check_choice("twins", twins, CUBIC_TWINS)
    grid = ms.grid if grid is None else grid
    check(grid.ndim == ms.grid.ndim, f"`grid` must have the {ms.grid.ndim} dimensions of the map, but it has {grid.ndim}.")
    wanted = _read(ms, segment_grains(ms, **options), twins, edges)
    size = float(np.prod(np.asarray(grid.lengths)))
    count = round(size / wanted.area)
    check(
        count >= 2,
        f"The cell of {size:.4g} would hold {count} grains of the map's mean size, {wanted.area:.4g}: too few. Give a larger `grid`.",
    )
    keys = split_named(key, "cells", "orientations", "twins")
    turns = sample_odf(keys["orientations"], count, wanted.orientations, wanted.weights, halfwidth=halfwidth, degrees=True, even=True)
    cells = _cells(grid, wanted, turns, keys["cells"])
    made = cells if twins is None else _twinned(cells, wanted, twins, keys["twins"])
    return made.with_notes(
        f"like the map: {count} grains of mean size {wanted.area:.4g}, aspect "
        f"{', '.join(f'{a:.3g}' for a in wanted.aspect)}; lamellae {wanted.lamellae:.3f}, Σ3 share {wanted.sigma3:.3f}"
    )


def _cells(grid: Grid, wanted: Wanted, turns: Float[Array, "4 n"], key: Array) -> Microstructure:
    """Grains of the sizes wanted, of seeds that are evened out as much as brings the aspect ratios nearest to those of the map."""
    made = []
    for relax in RELAX:
        found = polycrystal(
            grid, turns.shape[1], key=key, relax=relax, phase=wanted.phase, aspect=wanted.aspect, orientations=turns,
            sizes=_quantiles(wanted, turns.shape[1]) ** grid.ndim,
        )  # fmt: skip
        ratios = np.asarray(measure_grains(found, periodic=True).aspect_ratios, float)
        made.append((weighted_distance(ratios, np.ones(ratios.size), wanted.aspect_ratios, wanted.shares), found))
    return min(made, key=lambda pair: pair[0])[1]


def _read(ms: Microstructure, grains: Grains, twins: str | None, edges: str) -> Wanted:
    """The statistics of the phase that covers most; lamellae belong to the grain that they share most boundary with."""
    phase = int(np.bincount(np.asarray(grains.phases), np.asarray(grains.areas)).argmax())
    share, thickness, sigma3, deviation = 0.0, 0.0, 0.0, 0.0
    if twins is not None:
        sigma3 = coincidence_shares(ms, (3,), grains.angle, phase=phase, periodic=grains.periodic)[3]
        deviation = _deviation(ms, grains, twins, phase)
        families = merge_twins(ms, grains, twins)
        lamellae, hosts = _lamellae(grains, np.asarray(families.twin_length), phase)
        areas = np.asarray(grains.areas)
        share = float(areas[lamellae].sum() / areas[np.asarray(grains.phases) == phase].sum())
        thickness = float(np.median(np.asarray(grains.axes)[-1, lamellae])) if lamellae.any() else 0.0
        labels = np.asarray(grains.labels)
        grains = measure_grains(ms, np.where(labels < 0, -1, hosts[labels]), periodic=grains.periodic)
    found = grain_statistics(ms, grains, edges=edges, halfwidth=None)
    of_phase = np.asarray(grains.phases) == phase
    weights = found.weights * of_phase
    check(weights.sum() > 0, "The edge of the map cuts all grains of its main phase. Use edges='keep', or a larger map.")
    return Wanted(
        phase=ms.phases[phase], area=float(np.average(found.areas, weights=weights)),
        diameters=found.diameters[weights > 0], aspect_ratios=found.aspect_ratios[weights > 0], shares=weights[weights > 0], aspect=_aspect(grains, weights),
        orientations=np.asarray(grains.mean_orientations)[:, of_phase], weights=np.asarray(grains.areas)[of_phase],
        lamellae=share, thickness=thickness, sigma3=sigma3, deviation=deviation,
    )  # fmt: skip


def _deviation(ms: Microstructure, grains: Grains, twins: str, phase: int) -> float:
    """Median deviation of twin boundaries from the exact twin in degrees; 0 where there are none."""
    crystals, system = crystal_map(ms, "Twins"), twin_system(twins)
    owner, found = np.asarray(grains.labels).ravel(), []
    for axis in range(ms.grid.ndim):
        here, there = neighbour_pairs(crystals.shape, axis, grains.periodic)
        border = (owner[here] != owner[there]) & (crystals.phase[here] == phase)
        found.append(np.rad2deg(crystals.angles_from(here[border], there[border], system.rotations[:, 0], system.laue)))
    angles = np.concatenate(found)
    near = angles[angles <= brandon(3)]
    return float(np.median(near)) if near.size else 0.0


def _quantiles(wanted: Wanted, count: int) -> Float[np.ndarray, " n"]:
    """Diameters at the quantiles (i + 1/2)/n of the weighted ones, with straight lines between their logarithms."""
    order = np.argsort(wanted.diameters)
    weights = wanted.shares[order] / wanted.shares.sum()
    return np.exp(np.interp((np.arange(count) + 0.5) / count, np.cumsum(weights) - 0.5 * weights, np.log(wanted.diameters[order])))


def _lamellae(grains: Grains, length: Float[np.ndarray, " k"], phase: int) -> tuple[np.ndarray, Int[np.ndarray, " n"]]:
    """Which grains are lamellae, and for each grain itself or, of a lamella, the larger twin that it shares most boundary with."""
    pairs = np.asarray(grains.neighbours)
    sizes, hosts, longest = np.asarray(grains.sizes), np.arange(grains.count), np.zeros(grains.count)
    slender = (np.asarray(grains.aspect_ratios) >= LAMELLAR) & (np.asarray(grains.phases) == phase)
    for first, second, shared in zip(*pairs, length, strict=True):
        small, large = (first, second) if sizes[first] < sizes[second] else (second, first)
        if slender[small] and shared > longest[small]:
            hosts[small], longest[small] = large, shared
    lamellae = hosts != np.arange(grains.count)
    while (hosts[hosts] != hosts).any():  # a lamella in a lamella; sizes grow along the chain, so that it ends
        hosts = hosts[hosts]
    return lamellae, hosts


def _aspect(grains: Grains, weights: Float[np.ndarray, " n"]) -> Float[np.ndarray, " d"]:
    """Mean extent along the axes of the grid: roots of the mean second moments, each grain's scaled to the same size."""
    axes, directions = np.asarray(grains.axes), np.asarray(grains.directions)
    scaled = axes / np.exp(np.log(axes).mean(axis=0))
    extent = np.sqrt(np.einsum("kn,ikn,n->i", scaled**2, directions**2, weights) / weights.sum())
    return extent / np.exp(np.log(extent).mean())


def _twinned(cells: Microstructure, wanted: Wanted, system: str, key: Array) -> Microstructure:
    """Twins of neighbours, as many as give the share of Σ3 (found by halving), and lamellae."""
    keys = split_named(key, "lamellae", "neighbours", "deviations")
    grains = measure_grains(cells, periodic=True)
    off = _small_turns(keys["deviations"], grains.count, MAXWELL * wanted.deviation)
    thickness = max(wanted.thickness, THINNEST * float(np.max(np.asarray(cells.grid.spacing))))

    def made(part: float) -> Microstructure:
        turns = _twins_of_neighbours(grains, wanted, off, part, system, numpy_generator(keys["neighbours"]))
        whole = cells.replace(orientation=turns[:, np.asarray(cells.maps["grain"])].astype(np.asarray(cells.orientation).dtype))
        if wanted.lamellae < FEWEST:
            return whole
        found = add_twins(whole, wanted.lamellae, key=keys["lamellae"], system=system, thickness=thickness)
        return _off(found, keys["lamellae"], MAXWELL * wanted.deviation)

    low, high, best, nearest = 0.0, 1.0, made(0.0), np.inf
    for _ in range(HALVINGS):
        part = 0.5 * (low + high)
        candidate = made(part)
        share = coincidence_shares(candidate, (3,), periodic=True)[3]
        if abs(share - wanted.sigma3) < nearest:
            best, nearest = candidate, abs(share - wanted.sigma3)
        low, high = (part, high) if share < wanted.sigma3 else (low, part)
    return best


def _small_turns(key: Array, count: int, halfwidth: float) -> Float[np.ndarray, "4 n"]:
    same = np.array([1.0, 0.0, 0.0, 0.0])
    if halfwidth < SHARP:
        return np.tile(same[:, None], (1, count))
    return np.asarray(sample_kernel(key, count, same, halfwidth=halfwidth, degrees=True), float)


def _off(ms: Microstructure, key: Array, halfwidth: float) -> Microstructure:
    """Lamellae turned a little off the exact twin."""
    grain, turns = np.asarray(ms.maps["grain"]), np.array(ms.orientation)
    lamella = np.asarray(ms.maps["twin"])
    off = _small_turns(key, int(grain.max()) + 1, halfwidth)[:, grain[lamella]]
    turns[:, lamella] = np.stack(product(off, turns[:, lamella].astype(float)))
    return ms.replace(orientation=turns)


def _twins_of_neighbours(
    grains: Grains, wanted: Wanted, off: Float[np.ndarray, "4 n"], part: float, system: str, generator: np.random.Generator
) -> Float[np.ndarray, "4 n"]:
    """Orientations of which a part are twins, up to small deviations, of the neighbour with the longest boundary among those before them.

    Of a twin's variants one is drawn by how much of the map is oriented like it, so that the texture stays.
    """
    turns = np.array(grains.mean_orientations, float)
    rotations = np.asarray(twin_system(system).rotations)
    order, chance, choice = generator.permutation(grains.count), generator.random(grains.count), generator.random(grains.count)
    beside: list[list[tuple[float, int]]] = [[] for _ in range(grains.count)]
    for first, second, shared in zip(*np.asarray(grains.neighbours), np.asarray(grains.shared), strict=True):
        beside[first].append((float(shared), int(second)))
        beside[second].append((float(shared), int(first)))
    done = np.zeros(grains.count, bool)
    for grain in order:
        parents = [pair for pair in beside[grain] if done[pair[1]]]
        if parents and chance[grain] < part:
            variants = np.stack(product(rotations, turns[:, [max(parents)[1]]]))
            weight = np.cumsum(_frequency(variants, wanted))
            turns[:, grain] = np.stack(product(off[:, grain], variants[:, np.searchsorted(weight, choice[grain] * weight[-1])]))
        done[grain] = True
    return turns


def _frequency(turns: Float[np.ndarray, "4 k"], wanted: Wanted) -> Float[np.ndarray, " k"]:
    """How much of the map is oriented like each, with a bell about each of its grains, and a little for what does not occur."""
    many = wanted.orientations.shape[1]
    pairs = np.repeat(turns, many, axis=1), np.tile(wanted.orientations, (1, turns.shape[1]))
    apart = np.rad2deg(angle_between(*pairs, "m-3m")).reshape(-1, many)
    return np.exp(-0.5 * (apart / ALIKE) ** 2) @ (wanted.weights / wanted.weights.sum()) + RARE
