"""What a grain structure is like in distributions, free of the edges of the map."""

import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import check, check_choice, record, static
from jaxmicro.descriptors.boundaries import coincidence_shares
from jaxmicro.descriptors.grains import Grains, check_grid
from jaxmicro.descriptors.neighbours import CUBIC, CrystalMap, crystal_map, laue_group, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import texture_index

EDGES = ("correct", "keep")


@record
class GrainStatistics:
    """Distributions of the grains of a map and of their boundaries; lengths in the unit of the grid, angles in degrees.

    Attributes:
        diameters: equivalent diameter of each grain `(n,)`.
        areas: area (volume) of each grain `(n,)`.
        aspect_ratios: `(n,)`.
        neighbour_counts: `(n,)`.
        weights: what each grain counts `(n,)`, sum 1: with `edges="correct"` 0 where the edge cuts it, and more the larger it is, as large
            grains are cut more often.
        misorientations: of pairs of neighbouring voxels across boundaries, within a phase of the Laue group below `(b,)`.
        lengths: length (area) of boundary of each such pair `(b,)`.
        sigma3: share of Σ3 in the boundaries between cubic crystals; NaN without any.
        texture: texture index of the mean orientations by area, of the phase that covers most.
        laue: Laue group of that phase, whose crystals the misorientations are of.
    """

    diameters: Float[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]
    aspect_ratios: Float[np.ndarray, " n"]
    neighbour_counts: Int[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    misorientations: Float[np.ndarray, " b"]
    lengths: Float[np.ndarray, " b"]
    sigma3: float
    texture: float
    laue: str = static(default=CUBIC)

    def mean(self, name: str) -> float:
        """Weighted mean of one of the distributions; NaN where it is empty."""
        values, weights = self.sample(name)
        return float(np.average(values, weights=weights)) if weights.sum() > 0 else float("nan")

    def sample(self, name: str) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Values and weights of one of the distributions."""
        weights = self.lengths if name == "misorientations" else self.weights
        return np.asarray(getattr(self, name), float), weights


def grain_statistics(ms: Microstructure, grains: Grains, *, edges: str = "correct", halfwidth: float | None = 10.0) -> GrainStatistics:
    """Distributions of size, shape, neighbours and misorientation.

    A grain that the edge of a map cuts tells neither its size nor its shape; left out alone, small grains would seem more frequent than
    they are. "correct" leaves them out and weights each other grain by one over the number of places at which its bounding box does
    not touch the edge (Miles and Lantuéjoul's correction). Periodic grains need none.

    Args:
        ms: the microstructure.
        grains: its grains.
        edges: "correct" or "keep": all grains count the same.
        halfwidth: of the kernel of the texture index, in degrees; None leaves that out, it takes longest.

    Returns:
        `GrainStatistics`.

    Raises:
        ValueError: for another `edges`, grains of another grid, or where the edge cuts all grains; and as `segment_grains`.

    Reference: C. Lantuéjoul, Microsc. Acta Suppl. 2, 1980; J. Ohser, F. Mücklich, "Statistical Analysis of Microstructures in Materials
        Science", Wiley 2000.

    Example:
        >>> import jax
        >>> from jaxmicro import Grid
        >>> from jaxmicro.descriptors import measure_grains
        >>> from jaxmicro.microstructures import polycrystal
        >>> ms = polycrystal(Grid((32, 32)), 12, key=jax.random.key(0))
        >>> round(grain_statistics(ms, measure_grains(ms, periodic=True)).mean("areas"), 2)
        85.33

    Not differentiable: it counts.
    """
    check_choice("edges", edges, EDGES)
    crystals = crystal_map(ms, "Grains")
    check_grid(ms, grains)
    phase = main_phase(grains)
    of_phase = np.asarray(grains.phases) == phase
    group = laue_group(ms, phase)
    apart, lengths = misorientations_across(crystals, np.asarray(grains.labels).ravel(), dict(crystals.groups)[group], grains.periodic)
    index = float("nan")
    if halfwidth is not None:
        means, areas = grains.mean_orientations[:, of_phase], grains.areas[of_phase]
        index = float(texture_index(means, areas, laue=group, halfwidth=halfwidth, degrees=True))
    cubic = any(laue_group(ms, k) == CUBIC for k in range(ms.n_phases))
    sigma3 = coincidence_shares(ms, (3,), grains.angle or 5.0, periodic=grains.periodic)[3] if cubic else float("nan")
    return GrainStatistics(
        diameters=np.asarray(grains.equivalent_diameters, float), areas=np.asarray(grains.areas, float),
        aspect_ratios=np.asarray(grains.aspect_ratios, float), neighbour_counts=np.asarray(grains.neighbour_counts),
        weights=_weights(crystals, grains, edges), misorientations=apart, lengths=lengths, sigma3=sigma3, texture=index, laue=group,
    )  # fmt: skip


def main_phase(grains: Grains) -> int:
    """The phase whose grains cover most."""
    return int(np.bincount(np.asarray(grains.phases), np.asarray(grains.areas)).argmax())


def _weights(crystals: CrystalMap, grains: Grains, edges: str) -> Float[np.ndarray, " n"]:
    if grains.periodic or edges == "keep":
        return np.full(grains.count, 1 / grains.count)
    whole = ~np.asarray(grains.touches_edge)
    check(
        bool(whole.any()),
        f"The edge of the map cuts all of its {grains.count} grains, so their sizes are not known. Use edges='keep', or a larger map.",
    )
    owner = np.asarray(grains.labels)
    places = np.ones(grains.count)
    known = crystals.known.reshape(crystals.shape)
    for axis, n in enumerate(owner.shape):
        window = np.ptp(np.flatnonzero(known.any(axis=tuple(k for k in range(owner.ndim) if k != axis)))) + 1  # layers that are measured
        place = np.broadcast_to(np.arange(n).reshape([-1 if k == axis else 1 for k in range(owner.ndim)]), owner.shape)[owner >= 0]
        low, high = np.full(grains.count, n), np.zeros(grains.count, int)
        np.minimum.at(low, owner[owner >= 0], place)
        np.maximum.at(high, owner[owner >= 0], place)
        places *= np.maximum(window - 2 - (high - low), 1)  # without the first and the last layer
    weights = whole / places
    return weights / weights.sum()


def misorientations_across(
    crystals: CrystalMap, owner: Int[np.ndarray, " n"], phases: list[int], periodic: bool
) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Misorientation in degrees of each pair of voxels of different grains within one of the phases, and the length between them."""
    apart, lengths = [], []
    for axis in range(len(crystals.shape)):
        here, there = neighbour_pairs(crystals.shape, axis, periodic)
        border = (owner[here] >= 0) & (owner[there] >= 0) & (owner[here] != owner[there]) & np.isin(crystals.phase[here], phases)
        angles = np.rad2deg(crystals.angles(here[border], there[border]))
        apart.append(angles[np.isfinite(angles)])
        lengths.append(np.full(apart[-1].size, crystals.face(axis)))
    return np.concatenate(apart), np.concatenate(lengths)
