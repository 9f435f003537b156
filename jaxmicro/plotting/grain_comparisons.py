"""Two grain structures side by side, and how far the halves of the first one are apart."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxmicro._core import check
from jaxmicro.orientations import random_misorientation_share
from jaxmicro.plotting.style import INK, SMALL_SIZE, figure_legend, line_style, new_figure, plain, set_heading, style_axes, with_unit

PANELS = (
    ("diameters", "equivalent diameter", None),
    ("aspect_ratios", "aspect ratio", None),
    ("neighbour_counts", "neighbours", None),
    ("misorientations", "misorientation", "°"),
)
HALF = "#8A929C"
Sample = tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]  # values, weights
SHOWN = 0.995  # share of every distribution inside of the axes


def grain_comparison(comparison: Any, *, unit: str | None = None, title: str | None = None) -> Figure:
    """Distributions of diameter, aspect ratio, neighbours and misorientation of two grain structures, as shares below a value.

    The thin lines are the two halves of the first structure: what lies within their difference is no difference that the map can
    show. Above each diagram stand the Kolmogorov–Smirnov distances: of the two structures and, in brackets, of the halves. The
    misorientations have that of crystals without texture beside them (for m-3m Mackenzie's), from the least angle found on.

    Args:
        comparison: of `descriptors.compare_grains`.
        unit: of the diameters.
        title: shown above.

    Returns:
        A figure with four axes.

    Raises:
        TypeError: if it is no comparison of grains.

    Reference: J. K. Mackenzie, Biometrika 45, 229 (1958), doi:10.1093/biomet/45.1-2.229.

    Example:
        >>> made = [jm.microstructures.polycrystal(jm.Grid((48, 32)), 40, key=jax.random.key(k)) for k in (0, 1)]
        >>> figure = grain_comparison(jm.descriptors.compare_grains(*made, periodic=(True, True)))
        >>> [axes.get_xlabel() for axes in figure.axes]
        ['equivalent diameter', 'aspect ratio', 'neighbours', 'misorientation (°)']

    Differentiability: none; figures are made of concrete numbers.
    """
    check(
        all(hasattr(comparison, name) for name in ("first", "second", "halves", "distances", "noise")),
        f"`comparison` must be a GrainComparison, but it is a {type(comparison).__name__}. Make it with descriptors.compare_grains.",
        TypeError,
    )
    figure = new_figure(7.2, 5.6 + (0.3 if title else 0.0))
    for index, (name, text, of) in enumerate(PANELS):
        axes = figure.add_subplot(2, 2, index + 1)
        style_axes(axes, x=with_unit(text, of if of else unit if name == "diameters" else None), y="share below")
        _draw(axes, comparison, name)
        noise = comparison.noise[name]
        halves = f" (halves {noise:.2f})" if np.isfinite(noise) else ""
        axes.set_title(f"KS {comparison.distances[name]:.2f}{halves}", fontsize=SMALL_SIZE, color=INK, pad=4)
    figure_legend(figure, _legend(comparison), columns=2)
    if title:
        set_heading(figure, title)
    return figure


def _draw(axes: Axes, comparison: Any, name: str) -> None:
    """The halves below, the two structures above, crystals without texture beside misorientations."""
    whole = (comparison.first, comparison.second)
    ends = [_quantile(each.sample(name), SHOWN) for each in whole]
    low = min(each.sample(name)[0][each.sample(name)[1] > 0].min(initial=np.inf) for each in whole)
    last = max([end for end in ends if np.isfinite(end)], default=1.0)
    for each in comparison.halves or ():
        _steps(axes, each.sample(name), last, color=HALF, linewidth=0.8)
    if name == "misorientations" and np.isfinite(low):
        angles = np.linspace(low, last, 300)
        start = random_misorientation_share(low, comparison.first.laue)
        axes.plot(
            angles,
            (random_misorientation_share(angles, comparison.first.laue) - start) / (1 - start),
            color=INK,
            linewidth=1.2,
            ls=(0, (1, 1.2)),
            zorder=3,
        )
    for index, each in enumerate(whole):
        _steps(axes, each.sample(name), last, linewidth=1.8, **line_style(index))
    axes.set_ylim(-0.02, 1.02)
    last *= 1.02
    axes.set_xlim(0 if name in ("diameters", "neighbour_counts", "misorientations") else 1, last)


def _steps(axes: Axes, sample: Sample, last: float, **style: Any) -> None:
    values, weights = sample
    if not weights.sum() > 0:
        return
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    x = values[order]
    axes.plot(np.concatenate([x[:1], x, [max(last, x[-1])]]), np.concatenate([[0.0], share, [1.0]]), drawstyle="steps-post", **style)


def _quantile(sample: Sample, share: float) -> float:
    values, weights = sample
    if not weights.sum() > 0:
        return float("nan")
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]) / weights.sum(), share).clip(max=values.size - 1)])


def _legend(comparison: Any) -> list[Line2D]:
    counts = [int((np.asarray(each.weights) > 0).sum()) for each in (comparison.first, comparison.second)]
    lines = [
        Line2D([], [], linewidth=1.8, label=f"{plain(name)}  {count} grains", **line_style(index))  # pyright: ignore[reportArgumentType]
        for index, (name, count) in enumerate(zip(comparison.names, counts, strict=True))
    ]
    if comparison.halves:
        lines.append(Line2D([], [], linewidth=0.8, color=HALF, label=f"halves of {plain(comparison.names[0])}"))
    lines.append(Line2D([], [], linewidth=1.2, color=INK, linestyle=(0, (1, 1.2)), label="without texture"))
    return lines
