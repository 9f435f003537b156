"""A periodic polycrystal with the statistics of a measured map: its synthetic twin."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmicro._core import as_number, check, check_choice, is_concrete, numpy_generator, split_named
from jaxmicro.descriptors import Grains, coincidence_shares, grain_statistics, measure_grains, merge_twins, segment_grains
from jaxmicro.descriptors.grain_comparison import weighted_distance
from jaxmicro.descriptors.grain_statistics import main_phase, misorientations_across
from jaxmicro.descriptors.neighbours import CUBIC, crystal_map, neighbour_pairs
from jaxmicro.design.arranged_orientations import Borders, Candidates, Target, arrange, candidates, corrected
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase, polycrystal
from jaxmicro.microstructures.twinning import add_twins
from jaxmicro.orientations import twin_system
from jaxmicro.orientations.coincidence import brandon
from jaxmicro.orientations.equivalents import product

CUBIC_TWINS = ("fcc", "bcc")
LAMELLAR = 3.0  # aspect ratio from which on a twin is a lamella
THINNEST = 2.0  # voxels of a lamella
FEWEST = 0.005  # share of lamellae from which on there are any
GAUSS, MAXWELL = 1.1774, 1.5382  # half width of a normal distribution, and median length of a normal vector, over its standard deviation
RELAX = (0, 1, 3)  # Lloyd steps that are tried
ROUNDS = 5
FRAME = "frame: "  # how the note of an EBSD reader begins, which also tells the unit of length


class Wanted(NamedTuple):
    """What is taken over from the map."""

    phase: Phase
    area: float
    diameters: Float[np.ndarray, " n"]
    aspect_ratios: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, " n"]
    aspect: Float[np.ndarray, " d"]
    table: Candidates
    boundaries: Target
    misorientations: tuple[np.ndarray, np.ndarray]
    lamellae: float
    thickness: float
    sigma3: float
    angle: float
    deviation: float


def polycrystal_like(
    ms: Microstructure, grid: Grid | None = None, *, key: Array, twins: str | None = "fcc", edges: str = "correct", halfwidth: float = 0.0,
    **options: Any,
) -> Microstructure:  # fmt: skip
    """A periodic polycrystal like a measured map: size, spread and shape of its grains, its texture, its share of Σ3, its lamellae.

    From the map, with the bias of its edges taken out (`grain_statistics`): the distribution of the diameters of
    grains, taken at as many quantiles as there are cells; their mean aspect along the axes of the grid; their mean
    orientations. Each cell takes one of these, so that the texture by volume, the misorientations over the length of the boundaries and the
    share of Σ3 in it come near to those of the map (simulated annealing). Where there are twins, lamellae (twins at least three
    times as long as wide) are taken out before, and put back into the cells as lamellae of the same share and thickness (`add_twins`);
    what is asked of the cells is corrected by what comes out with them.

    Args:
        ms: microstructure with orientations, a map or a volume; the phase that covers most is taken.
        grid: of the result, in the same unit of length and dimensions; by default that of `ms`.
        key: typed random key.
        twins: "fcc" or "bcc", by the habit plane of the lamellae; None to take twins for grains like others.
        edges: as in `grain_statistics`; "keep" for few grains, all of which the edge may cut.
        halfwidth: how far the cells are turned off the orientations of the map, in degrees: the half width of a normal distribution of their
            rotation vectors. A wide one blurs twins.
        options: for `segment_grains`: `angle`, `min_size`, `periodic`.

    Returns:
        The polycrystal with the maps of `polycrystal` and `add_twins`; notes say what was asked. `descriptors.compare_grains` shows
        what came out. Small cells cannot have all of it, and lamellae change a sharp texture a little.

    Raises:
        ValueError: as `segment_grains`, `grain_statistics` and `polycrystal`; if the grid has other dimensions, would hold fewer than two
            grains, the map has no two grains of its main phase side by side, or the half width is negative; and inside jit, vmap or grad.

    Reference: M. A. Groeber, M. A. Jackson, Integr. Mater. Manuf. Innov. 3, 56 (2014), doi:10.1186/2193-9772-3-5, for the aim; D. M. Saylor,
        J. Fridy, B. S. El-Dasher, K.-Y. Jung, A. D. Rollett, Metall. Mater. Trans. A 35, 1969 (2004), doi:10.1007/s11661-004-0146-0,
        for the annealing.

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
    check(
        0 <= as_number(halfwidth) < 90,
        f"`halfwidth` must be degrees from 0 to 90, but it is {halfwidth!r}. 0 keeps the orientations of the map.",
    )
    grid = ms.grid if grid is None else grid
    check(grid.ndim == ms.grid.ndim, f"`grid` must have the {ms.grid.ndim} dimensions of the map, but it has {grid.ndim}.")
    wanted = _read(ms, segment_grains(ms, **options), twins, edges)
    size = float(np.prod(np.asarray(grid.lengths)))
    count = round(size / wanted.area)
    check(
        count >= 2,
        f"The cell of {size:.4g} would hold {count} grains of the map's mean size, {wanted.area:.4g}: too few. Give a larger `grid`.",
    )
    keys = split_named(key, "cells", "orientations")
    made = _arranged(_cells(grid, wanted, count, keys["cells"]), wanted, twins, halfwidth, keys["orientations"])
    return made.with_notes(
        *(note for note in ms.notes if note.startswith(FRAME)),
        f"like the map: {count} grains of mean size {wanted.area:.4g}, aspect "
        f"{', '.join(f'{a:.3g}' for a in wanted.aspect)}; lamellae {wanted.lamellae:.3f}, Σ3 share {wanted.sigma3:.3f}",
    )


def _cells(grid: Grid, wanted: Wanted, count: int, key: Array) -> Microstructure:
    """Grains of the sizes wanted, of seeds that are evened out as much as brings the aspect ratios nearest to those of the map."""
    made = []
    for relax in RELAX:
        found = polycrystal(
            grid, count, key=key, relax=relax, phase=wanted.phase, aspect=wanted.aspect,
            sizes=_quantiles(wanted, count) ** grid.ndim,
        )  # fmt: skip
        ratios = np.asarray(measure_grains(found, periodic=True).aspect_ratios, float)
        made.append((weighted_distance(ratios, np.ones(ratios.size), wanted.aspect_ratios, wanted.shares), found))
    return min(made, key=lambda pair: pair[0])[1]


def _read(ms: Microstructure, grains: Grains, twins: str | None, edges: str) -> Wanted:
    """The statistics of the phase that covers most; lamellae belong to the grain that they share most boundary with."""
    phase, angle = main_phase(grains), grains.angle
    share, thickness, sigma3, deviation = 0.0, 0.0, 0.0, 0.0
    orientations = np.asarray(grains.mean_orientations, float)
    apart = misorientations_across(crystal_map(ms, "Grains"), np.asarray(grains.labels).ravel(), [phase], grains.periodic)
    if twins is not None:
        sigma3 = coincidence_shares(ms, (3,), grains.angle, phase=phase, periodic=grains.periodic)[3]
        deviation = _deviation(ms, grains, twins, phase)
        families = merge_twins(ms, grains, twins)
        lamellae, hosts = _lamellae(grains, np.asarray(families.twin_length), phase)
        areas = np.asarray(grains.areas)
        share = float(areas[lamellae].sum() / areas[np.asarray(grains.phases) == phase].sum())
        thickness = float(np.median(np.asarray(grains.axes)[-1, lamellae])) if lamellae.any() else 0.0
        labels = np.asarray(grains.labels)
        orientations = orientations[:, np.unique(hosts)]  # those of the hosts alone
        grains = measure_grains(ms, np.where(labels < 0, -1, hosts[labels]), periodic=grains.periodic)
    found = grain_statistics(ms, grains, edges=edges, halfwidth=None)
    of_phase = np.asarray(grains.phases) == phase
    weights = found.weights * of_phase
    check(weights.sum() > 0, "The edge of the map cuts all grains of its main phase. Use edges='keep', or a larger map.")
    table, boundaries = _boundaries(ms.phases[phase].laue, grains, orientations, of_phase, twins)
    return Wanted(
        phase=ms.phases[phase], area=float(np.average(found.areas, weights=weights)),
        diameters=found.diameters[weights > 0], aspect_ratios=found.aspect_ratios[weights > 0], shares=weights[weights > 0], aspect=_aspect(grains, weights),
        table=table, boundaries=boundaries, misorientations=apart, lamellae=share, thickness=thickness, sigma3=sigma3, angle=angle, deviation=deviation,
    )  # fmt: skip


def _boundaries(
    laue: str | None, grains: Grains, orientations: Float[np.ndarray, "4 n"], of_phase: Bool[np.ndarray, " n"], twins: str | None
) -> tuple[Candidates, Target]:
    """The orientations of the grains of a phase by area, and what the boundaries between them are like."""
    pairs, number = np.asarray(grains.neighbours), np.cumsum(of_phase) - 1
    inside = of_phase[pairs].all(axis=0)
    borders = Borders(number[pairs[:, inside]], np.asarray(grains.shared, float)[inside])
    check(borders.lengths.size > 0, "The map must have two grains of its main phase side by side, but it has none. Take a larger map.")
    return candidates(orientations[:, of_phase], np.asarray(grains.areas, float)[of_phase], borders, laue or CUBIC, twins)


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


def _arranged(cells: Microstructure, wanted: Wanted, system: str | None, halfwidth: float, key: Array) -> Microstructure:
    """Orientations of the map for the cells, and lamellae.

    Lamellae add boundaries of their own: what is asked of the cells is corrected by what came out, and the best of some rounds is taken.
    """
    keys = split_named(key, "lamellae", "places", "scatter")
    grains = measure_grains(cells, periodic=True)
    borders = Borders(np.asarray(grains.neighbours), np.asarray(grains.shared, float))
    scatter = _small_turns(numpy_generator(keys["scatter"]), grains.count, halfwidth / GAUSS)
    generator = numpy_generator(keys["places"])
    chosen, goal, best, nearest = None, wanted.boundaries, cells, np.inf
    for _ in range(ROUNDS):
        chosen = arrange(wanted.table, goal, borders, np.asarray(grains.areas, float), generator, chosen)
        turns = np.stack(product(scatter, wanted.table.orientations[:, chosen]))
        made = cells.replace(orientation=turns[:, np.asarray(cells.maps["grain"])].astype(np.asarray(cells.orientation).dtype))
        if system is not None and wanted.lamellae >= FEWEST:
            made = _with_lamellae(made, wanted, system, keys["lamellae"])
        crystals = crystal_map(made, "Grains")
        found = misorientations_across(crystals, np.asarray(made.maps["grain"]).ravel(), [0], True)
        short = 0.0 if system is None else wanted.sigma3 - coincidence_shares(made, (3,), wanted.angle, periodic=True)[3]
        miss = 2 * abs(short) + weighted_distance(*found, *wanted.misorientations)
        if miss < nearest:
            best, nearest = made, miss
        goal = corrected(wanted.table, goal, wanted.misorientations, found, short)
    return best


def _with_lamellae(cells: Microstructure, wanted: Wanted, system: str, key: Array) -> Microstructure:
    """Lamellae of the share and thickness wanted, each turned a little off the exact twin as those of the map are."""
    thickness = max(wanted.thickness, THINNEST * float(np.max(np.asarray(cells.grid.spacing))))
    ms = add_twins(cells, wanted.lamellae, key=key, system=system, thickness=thickness)
    grain, turns, lamella = np.asarray(ms.maps["grain"]), np.array(ms.orientation), np.asarray(ms.maps["twin"])
    off = _small_turns(numpy_generator(key), int(grain.max()) + 1, wanted.deviation / MAXWELL)[:, grain[lamella]]
    turns[:, lamella] = np.stack(product(off, turns[:, lamella].astype(float)))
    return ms.replace(orientation=turns)


def _small_turns(generator: np.random.Generator, count: int, width: float) -> Float[np.ndarray, "4 n"]:
    """Turns about random axes whose rotation vectors are normal with a standard deviation in degrees."""
    vectors = np.deg2rad(width) * generator.normal(size=(3, count))
    angles = np.linalg.norm(vectors, axis=0)
    return np.concatenate([np.cos(angles / 2)[None], 0.5 * np.sinc(angles / (2 * np.pi)) * vectors])
