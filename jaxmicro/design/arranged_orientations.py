"""Which cell of a polycrystal takes which of given orientations, so that texture and misorientations are those of a map.

Each cell in turn draws one of the orientations with probability exp(−E/T), at temperatures that fall: simulated annealing with
heat-bath steps. With F the distribution of the misorientations over the length of the boundaries, s the share of twins in it and f the
texture by volume, all against the map's F*, s* and f*,

    E = ⟨(F − F*)²⟩ + (s − s*)² + TEXTURE ‖f − f*‖² / ‖f*‖²,

the mean half over the angles, half over F*.

D. M. Saylor, J. Fridy, B. S. El-Dasher, K.-Y. Jung, A. D. Rollett, Metall. Mater. Trans. A 35, 1969 (2004),
doi:10.1007/s11661-004-0146-0, anneal orientations of grains too, with exchanges.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro.orientations import twin_system
from jaxmicro.orientations.coincidence import brandon
from jaxmicro.orientations.on_host import angle_between, angle_from

STEP, QUANTILES = 5.0, 32  # edges of the bins of misorientation: every 5°, and as many quantiles of the map's
TEXTURE = 0.2
BELL = np.deg2rad(14.0)  # half width of the overlap of two kernels of 10°
HOT, COLD = 1e-3, 1e-6
SWEEPS, FEWEST = 24, 6  # through all cells; fewer where there are many, whose mean is steady
STEPS = 24_000
MOST = 500  # orientations to choose from


class Candidates(NamedTuple):
    """Orientations to choose from, what share of the volume each has in the map, and what pairs of them make."""

    orientations: Float[np.ndarray, "4 m"]
    shares: Float[np.ndarray, " m"]
    bins: Int[np.ndarray, "m m"]
    twins: Bool[np.ndarray, "m m"]
    overlap: Float[np.ndarray, "m m"]
    edges: Float[np.ndarray, " edges"]

    def binned(self, angles: Float[np.ndarray, " k"], lengths: Float[np.ndarray, " k"]) -> Float[np.ndarray, " bins"]:
        """Shares of boundaries in the bins of misorientation, degrees."""
        return np.bincount(np.searchsorted(self.edges, angles), lengths / lengths.sum(), minlength=self.edges.size + 1)


class Borders(NamedTuple):
    """Pairs of neighbours `(2, k)`, and the length of the boundary of each."""

    pairs: Int[np.ndarray, "2 k"]
    lengths: Float[np.ndarray, " k"]


class Target(NamedTuple):
    """Shares of the boundaries in each bin of misorientation, and of twins."""

    distribution: Float[np.ndarray, " bins"]
    twins: float


def candidates(
    orientations: Float[np.ndarray, "4 n"], volumes: Float[np.ndarray, " n"], borders: Borders, laue: str, twins: str | None
) -> tuple[Candidates, Target]:
    """Of the mean orientations of a map's grains those to choose from, what pairs of them make, and what the map's boundaries are like."""
    beside = orientations[:, borders.pairs[0]], orientations[:, borders.pairs[1]]
    turned = np.rad2deg(angle_between(*beside, laue))
    order = np.argsort(turned)
    places = np.searchsorted(np.cumsum(borders.lengths[order]), np.linspace(0, 1, QUANTILES + 1)[1:-1] * borders.lengths.sum())
    edges = np.union1d(np.arange(STEP, 180.0, STEP), turned[order][np.minimum(places, order.size - 1)])
    taken, shares = _few(volumes)
    first, second = np.triu_indices(taken.size)
    pair = orientations[:, taken[first]], orientations[:, taken[second]]

    def square(values: np.ndarray) -> np.ndarray:
        table = np.zeros((taken.size, taken.size), values.dtype)
        table[first, second] = table[second, first] = values
        return table

    angles = square(angle_between(*pair, laue))
    table = Candidates(
        orientations[:, taken], shares / shares.sum(), np.searchsorted(edges, np.rad2deg(angles)), square(_twinned(*pair, laue, twins)),
        0.5 ** ((angles / BELL) ** 2), edges,
    )  # fmt: skip
    twin_share = float(np.average(_twinned(*beside, laue, twins), weights=borders.lengths))
    return table, Target(table.binned(turned, borders.lengths), twin_share)


def _few(volumes: Float[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """All grains with their volumes, or of many those at equal steps of the volume, in the order of the map, with how often each was met."""
    if volumes.size <= MOST:
        return np.arange(volumes.size), volumes
    met = np.searchsorted(np.cumsum(volumes) / volumes.sum(), (np.arange(MOST) + 0.5) / MOST)
    taken, times = np.unique(met, return_counts=True)
    return taken, times.astype(float)


def _twinned(q1: Float[np.ndarray, "4 k"], q2: Float[np.ndarray, "4 k"], laue: str, twins: str | None) -> Bool[np.ndarray, " k"]:
    if twins is None:
        return np.zeros(q1.shape[1], bool)
    return np.rad2deg(angle_from(q1, q2, twin_system(twins).rotations[:, 0], laue)) <= brandon(3)


def corrected(
    table: Candidates, goal: Target, wanted: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray], short: float
) -> Target:
    """What to ask for next where angles and lengths of boundaries were found instead of those wanted, and the share of twins fell short."""
    shares = np.maximum(goal.distribution + table.binned(*wanted) - table.binned(*found), 0.0)
    return Target(shares / shares.sum(), float(np.clip(goal.twins + short, 0.0, 1.0)))


def boundaries(table: Candidates, borders: Borders, chosen: Int[np.ndarray, " n"]) -> Target:
    """What the boundaries of grains with these orientations are like."""
    first, second = chosen[borders.pairs]
    shares = borders.lengths / borders.lengths.sum()
    distribution = np.bincount(table.bins[first, second], shares, minlength=table.edges.size + 1)
    return Target(distribution, float(shares @ table.twins[first, second]))


def arrange(
    table: Candidates,
    wanted: Target,
    borders: Borders,
    volumes: Float[np.ndarray, " n"],
    generator: np.random.Generator,
    start: Int[np.ndarray, " n"] | None = None,
) -> Int[np.ndarray, " n"]:
    """The orientation of each cell; from a start at lower temperatures."""
    count = volumes.size
    chosen = generator.choice(table.shares.size, count, p=table.shares) if start is None else start.copy()
    state = _State(table, wanted, borders, volumes / volumes.sum(), chosen)
    sweeps = int(np.clip(STEPS // count, FEWEST, SWEEPS if start is None else SWEEPS // 3))
    for temperature in np.geomspace(HOT if start is None else np.sqrt(HOT * COLD), COLD, sweeps).tolist():
        for cell in generator.permutation(count).tolist():
            state.draw(cell, temperature, generator)
    return state.chosen


class _State:
    """Cells with orientations, and the sums that the energy is made of."""

    def __init__(self, table: Candidates, wanted: Target, borders: Borders, volumes: np.ndarray, chosen: np.ndarray):
        self.table, self.wanted, self.volumes, self.chosen = table, wanted, volumes, chosen
        self.beside, self.lengths = _neighbours(borders, volumes.size)
        found = boundaries(table, borders, chosen)
        self.excess = found.distribution - wanted.distribution
        self.twins = found.twins - wanted.twins
        surplus = np.bincount(chosen, volumes, minlength=table.shares.size) - table.shares
        self.field = table.overlap @ surplus
        self.norm = float(table.shares @ table.overlap @ table.shares)
        self.weights = 0.5 * (wanted.distribution + 1 / wanted.distribution.size)
        self.rows = np.arange(table.shares.size)[:, None] * self.excess.size

    def draw(self, cell: int, temperature: float, generator: np.random.Generator) -> None:
        """The cell takes an orientation by heat bath."""
        table, volume, old = self.table, self.volumes[cell], self.chosen[cell]
        others, lengths = self.chosen[self.beside[cell]], self.lengths[cell]
        bins, twins = table.bins[:, others], table.twins[:, others] @ lengths
        parts = np.bincount((self.rows + bins).ravel(), np.tile(lengths, len(bins)), minlength=self.rows.size * self.excess.size)
        parts = parts.reshape(len(bins), -1)
        excess, share = self.excess - parts[old], self.twins - twins[old]
        field = self.field - volume * table.overlap[old]
        energy = np.cumsum(excess + parts, axis=1) ** 2 @ self.weights + (share + twins) ** 2
        energy += TEXTURE / self.norm * volume * (2 * field + volume)
        odds = np.cumsum(np.exp((energy.min() - energy) / temperature))
        new = int(np.searchsorted(odds, generator.random() * odds[-1]))
        self.chosen[cell] = new
        self.excess, self.twins, self.field = excess + parts[new], share + twins[new], field + volume * table.overlap[new]


def _neighbours(borders: Borders, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each cell those beside it, and the share of all boundary that it has with each."""
    ends, others = np.concatenate([borders.pairs, borders.pairs[::-1]], axis=1)
    lengths = np.tile(borders.lengths / borders.lengths.sum(), 2)
    order = np.argsort(ends, kind="stable")
    cuts = np.cumsum(np.bincount(ends, minlength=count))[:-1]
    return np.split(others[order], cuts), np.split(lengths[order], cuts)
