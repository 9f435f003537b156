"""Distributions of the sizes of grains beside log-normal ones."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxmicro._core import check, is_number
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import LINES, PHASES, figure_legend, new_figure, plain, style_axes, with_unit

FEWEST, MOST = 6, 40  # bars
FEW = 3  # grains, from which on a curve is fitted


def size_distribution(
    grains: Any,
    *,
    weights: Any = None,
    asked: tuple[float, float] | None = None,
    bins: int | None = None,
    unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Histogram of the equivalent diameters of grains, by number, with a log-normal curve and its distance from the grains.

    The curve is fitted by the mean and the standard deviation of ln d, or it is the one that was asked for. The distance is that of
    Kolmogorov and Smirnov: the largest difference between the shares of grains below a diameter, found and by the curve.

    Args:
        grains: diameters `(n,)`; or `descriptors.Grains`, of which those that the edge cuts count as they are, and the legend tells how
            many; or `descriptors.GrainStatistics`, whose weights take away what the edges falsify.
        weights: of the diameters, `(n,)`; not with `GrainStatistics`, which have theirs.
        asked: (median diameter, standard deviation of ln d) of the curve instead of a fit.
        bins: number of bars; by default the square root of the number of grains, 6 to 40.
        unit: of the diameters.
        title: shown above.

    Returns:
        A figure with one axes; densities per unit of length.

    Raises:
        ValueError: if there is no grain, a diameter is not positive, weights do not match, are negative or all zero, `asked` is no pair of
            positive numbers, or there are no bins.

    Reference: R. Limpert, W. A. Stahel, M. Abbt, BioScience 51, 341 (2001), doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2.

    Example:
        >>> figure = size_distribution([1.0, 2.0, 2.0, 4.0], unit="µm")
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['4 grains', 'log-normal fit: median 2 µm, spread 0.49; KS 0.25']

    Differentiability: none; figures are made of concrete numbers.
    """
    diameters, weight, caption = _judged(grains, weights)
    good = bins is None or (isinstance(bins, int | np.integer) and not isinstance(bins, bool) and bins >= 1)
    check(good, f"`bins` must be a positive whole number, but it is {bins!r}.")
    number = min(max(round(math.sqrt(diameters.size)), FEWEST), MOST) if bins is None else int(bins)
    figure = new_figure(5.4, 3.5)
    axes = figure.add_subplot()
    style_axes(axes, x=with_unit("equivalent diameter", unit), y=f"share per {unit}" if unit else "share per unit length", title=title)
    most = float(diameters.max()) * 1.02
    axes.hist(
        diameters,
        np.linspace(0, most, number + 1).tolist(),
        weights=weight,
        density=True,
        color=PHASES[5],
        label=caption,
        edgecolor="white",
    )
    curve = _curve(diameters, weight, asked)
    if curve is not None:
        median, spread = curve
        last = max(most, median * math.exp(2 * spread)) if asked is not None else most
        d = np.linspace(0, last, 601)[1:]
        density = np.exp(-0.5 * (np.log(d / median) / spread) ** 2) / (d * spread * math.sqrt(2 * math.pi))
        name = "log-normal asked for" if asked is not None else "log-normal fit"
        length = f"{median:.3g} {unit}" if unit else f"{median:.3g}"
        far = log_normal_distance(diameters, weight, median, spread)
        axes.plot(d, density, color=LINES[1], linewidth=1.6, label=f"{name}: median {plain(length)}, spread {spread:.2f}; KS {far:.2f}")
        axes.set_xlim(0, last)
    figure_legend(figure, axes.get_legend_handles_labels()[0], columns=1)
    return figure


def log_normal_distance(diameters: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"], median: float, spread: float) -> float:
    """Largest difference between the shares below a diameter, of weighted diameters and of a log-normal distribution.

    Example:
        >>> log_normal_distance(np.array([1.0]), np.ones(1), 1.0, 0.3)
        0.5
    """
    from scipy.special import ndtr

    values, index = np.unique(diameters, return_inverse=True)
    upper = np.cumsum(np.bincount(index.ravel(), weights)) / weights.sum()
    lower = np.concatenate([[0.0], upper[:-1]])
    expected = ndtr(np.log(values / median) / spread)
    return float(max(np.abs(upper - expected).max(), np.abs(lower - expected).max()))


def _judged(grains: Any, weights: Any) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], str]:
    """Diameters that count, their weights, and how many they are in words."""
    given = hasattr(grains, "diameters")
    check(
        not given or weights is None, "`weights` must be left out for GrainStatistics, which have theirs. Pass grains.diameters with yours."
    )
    values = grains.diameters if given else getattr(grains, "equivalent_diameters", grains)
    diameters = numeric("grains", values).astype(float).ravel()
    check(diameters.size > 0 and float(diameters.min()) > 0, f"`grains` must hold positive diameters, but {_span(diameters)}.")
    weight = np.ones_like(diameters) if weights is None else numeric("weights", weights).astype(float).ravel()
    weight = np.asarray(grains.weights, float) if given else weight
    check(weight.shape == diameters.shape, f"`weights` must be one per grain, but there are {weight.size} for {diameters.size}.")
    check(float(weight.min()) >= 0 and weight.sum() > 0, f"`weights` must not be negative nor all zero, but {_span(weight)}.")
    counted = weight > 0
    cut = 0 if given or not hasattr(grains, "touches_edge") else int(np.asarray(grains.touches_edge).sum())
    words = f"{int(counted.sum())} grain{'s' if counted.sum() != 1 else ''}" + (f", {cut} of them cut by the edge" if cut else "")
    return diameters[counted], weight[counted], words


def _span(values: Float[np.ndarray, " n"]) -> str:
    return f"they span [{values.min():.4g}, {values.max():.4g}]" if values.size else "there are none"


def _curve(diameters: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"], asked: Any) -> tuple[float, float] | None:
    """Median and standard deviation of the logarithm; None where too few or equal grains leave nothing to fit."""
    if asked is not None:
        good = np.shape(asked) == (2,) and all(is_number(each) and np.isfinite(each) and each > 0 for each in asked)
        check(good, f"`asked` must be two positive numbers, the median diameter and the spread of its logarithm, but it is {asked!r}.")
        return float(asked[0]), float(asked[1])
    logs = np.log(diameters)
    middle = float(np.average(logs, weights=weight))
    spread = math.sqrt(float(np.average((logs - middle) ** 2, weights=weight)))
    return (math.exp(middle), spread) if diameters.size >= FEW and spread > 1e-6 else None
