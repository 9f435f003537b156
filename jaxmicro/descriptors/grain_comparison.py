"""Two grain structures side by side, such as a map and its synthetic twin, beside what one half of the map is to the other."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxmicro._core import check, record, static
from jaxmicro.descriptors.grain_statistics import GrainStatistics, grain_statistics
from jaxmicro.descriptors.grains import segment_grains
from jaxmicro.microstructures import Microstructure, crop
from jaxmicro.orientations import random_misorientation_share

DISTRIBUTIONS = {
    "diameters": "equivalent diameter",
    "areas": "grain area",
    "aspect_ratios": "aspect ratio",
    "neighbour_counts": "neighbours",
    "misorientations": "misorientation (°)",
}


@record
class GrainComparison:
    """A first and a second grain structure, and the noise: how far the two halves of the first one are from each other.

    Attributes:
        first: statistics of the first structure.
        second: statistics of the second one.
        halves: statistics of the two halves of the first one; None where they hold too few grains.
        distances: Kolmogorov–Smirnov distance of each distribution, first to second: the largest difference of the shares below a value.
        noise: the same between the halves of the first; NaN where there are none.
        random: distance of the misorientations of the first and of the second to those of crystals without texture.
    """

    first: GrainStatistics
    second: GrainStatistics
    halves: tuple[GrainStatistics, GrainStatistics] | None
    distances: dict[str, float]
    noise: dict[str, float]
    random: tuple[float, float]
    names: tuple[str, str] = static(default=("first", "second"))

    def __str__(self) -> str:
        rows = [["", *self.names, "distance", "halves"]]
        for name, shown in DISTRIBUTIONS.items():
            means = [f"{each.mean(name):.4g}" for each in (self.first, self.second)]
            rows.append([f"mean {shown}", *means, f"{self.distances[name]:.3f}", f"{self.noise[name]:.3f}"])
        rows.append(["misorientation to random", *(f"{each:.3f}" for each in self.random), "", ""])
        for name, shown in (("sigma3", "Σ3 share of boundary"), ("texture", "texture index")):
            one, two = (getattr(each, name) for each in (self.first, self.second))
            apart = abs(getattr(self.halves[0], name) - getattr(self.halves[1], name)) if self.halves else math.nan
            rows.append([shown, f"{one:.3f}", f"{two:.3f}", f"{abs(two - one):.3f}", f"{apart:.3f}"])
        widths = [max(len(row[k]) for row in rows) for k in range(5)]
        return "\n".join(
            "  ".join(cell.ljust(widths[0]) if k == 0 else cell.rjust(widths[k]) for k, cell in enumerate(row)) for row in rows
        )


def compare_grains(
    first: Microstructure, second: Microstructure, *, periodic: tuple[bool, bool] = (False, True), names: tuple[str, str] = ("first", "second"),
    edges: str = "correct", halfwidth: float | None = 10.0, **options: Any,
) -> GrainComparison:  # fmt: skip
    """Compare the grains of a map with those of another one or of a synthetic cell.

    Both are segmented alike. The first one is also cut into two halves across its longest axis, and these are compared in the same way:
    what differs less than the halves do is no difference that the map can show.

    Args:
        first: the measured map.
        second: what is compared with it, in the same unit of length.
        periodic: whether the first and the second are periodic.
        names: titles of the two columns when printed.
        edges: as in `grain_statistics`.
        halfwidth: of the texture index, in degrees; None leaves it out.
        options: for `segment_grains`: `angle`, `min_size`.

    Returns:
        `GrainComparison`; print it.

    Raises:
        ValueError: as `segment_grains` and `grain_statistics`.

    Example:
        >>> import jax
        >>> from jaxmicro import Grid
        >>> from jaxmicro.microstructures import polycrystal
        >>> made = [polycrystal(Grid((48, 32)), 40, key=jax.random.key(k)) for k in (0, 1)]
        >>> found = compare_grains(*made, periodic=(True, True))
        >>> found.distances["diameters"] < 0.3
        True

    Not differentiable: it counts.
    """
    two_flags = isinstance(periodic, Sequence) and len(periodic) == 2 and all(isinstance(each, bool | np.bool_) for each in periodic)
    check(
        two_flags,
        f"`periodic` must be two flags, for the first and the second, but it is {periodic!r}. Give (False, True) for a map and a cell.",
    )
    check(not isinstance(names, str) and len(names) == 2, f"`names` must be two titles, but it is {names!r}.")

    def found(ms: Microstructure, wraps: bool) -> GrainStatistics:
        return grain_statistics(ms, segment_grains(ms, periodic=wraps, **options), edges=edges, halfwidth=halfwidth)

    one, two = found(first, periodic[0]), found(second, periodic[1])
    halves = _halves(first, lambda part: found(part, False))
    noise = {name: weighted_distance(*halves[0].sample(name), *halves[1].sample(name)) if halves else math.nan for name in DISTRIBUTIONS}
    return GrainComparison(
        first=one, second=two, halves=halves, noise=noise,
        distances={name: weighted_distance(*one.sample(name), *two.sample(name)) for name in DISTRIBUTIONS},
        random=(_distance_to_random(one), _distance_to_random(two)), names=(str(names[0]), str(names[1])),
    )  # fmt: skip


def _halves(ms: Microstructure, found: Callable[[Microstructure], GrainStatistics]) -> tuple[GrainStatistics, GrainStatistics] | None:
    """Statistics of the two halves across the longest axis; None where one of them has no grain that counts."""
    shape = ms.grid.shape
    axis = int(np.argmax(np.asarray(ms.grid.lengths)))
    middle = shape[axis] // 2
    windows = [[(0, n) for n in shape], [(0, n) for n in shape]]
    windows[0][axis], windows[1][axis] = (0, middle), (middle, shape[axis])
    try:
        one, two = (found(crop(ms, tuple(window))) for window in windows)
    except ValueError:
        return None
    return one, two


def weighted_distance(
    first: Float[ArrayLike, " n"], weights: Float[ArrayLike, " n"], second: Float[ArrayLike, " m"], others: Float[ArrayLike, " m"]
) -> float:
    """The Kolmogorov–Smirnov distance of two weighted samples; NaN where one is empty."""
    shares = []
    places = np.union1d(np.asarray(first, float), np.asarray(second, float))
    for values, weight in ((first, weights), (second, others)):
        values, weight = np.asarray(values, float), np.asarray(weight, float)
        if weight.sum() <= 0:
            return math.nan
        order = np.argsort(values)
        total = np.concatenate([[0.0], np.cumsum(weight[order])]) / weight.sum()
        shares.append(total[np.searchsorted(values[order], places, side="right")])
    return float(np.abs(shares[0] - shares[1]).max())


def _distance_to_random(found: GrainStatistics) -> float:
    """Distance of the misorientations to those of random pairs, both from the angle on from which boundaries are counted."""
    values, weights = found.sample("misorientations")
    if not values.size:
        return math.nan
    order = np.argsort(values)
    values, weights = values[order], weights[order] / weights.sum()
    start = random_misorientation_share(values[0], found.laue)
    expected = (random_misorientation_share(values, found.laue) - start) / (1 - start)
    upper = np.cumsum(weights)
    return float(max(np.abs(upper - expected).max(), np.abs(upper - weights - expected).max()))
