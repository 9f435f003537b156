"""Errors of discretisations over the number of voxels per edge."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from jaxmicro._core import check
from jaxmicro.plotting.style import MARKERS, MUTED, SMALL_SIZE, columns_for, figure_legend, line_style, new_figure, plain, style_axes

Curve = tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]

X_LABEL = "voxels per edge"


def grid_convergence(
    panels: Mapping[str, Mapping[str, Any]], *, name: str = "relative error", orders: tuple[float, ...] = (1.0, 2.0), columns: int = 3
) -> Figure:
    """Errors against the voxels per edge of the grid, on logarithmic axes, with guides of given orders.

    Args:
        panels: curves by title of the panel and then by name; a curve is a tuple of voxels per edge `(n,)` and errors `(n,)`,
            or an array `(n, 2)` of both. A name has the same look in all panels. Errors that are not finite and positive are left out.
        name: of the error.
        orders: slopes of the grey guides.
        columns: panels side by side at most.

    Returns:
        A figure with one axes per panel.

    Raises:
        ValueError: if there is nothing to draw, or a curve is no pair of equally many sizes and errors.

    Example:
        >>> curves = {"plain": ([16, 32, 64], [0.04, 0.02, 0.01]), "composite": ([16, 32, 64], [0.02, 0.005, 0.00125])}
        >>> grid_convergence({"disc": curves}).axes[0].get_xlabel()
        'voxels per edge'

    Differentiability: none; figures are made of concrete numbers.
    """
    check(len(panels) > 0 and all(len(curves) > 0 for curves in panels.values()), "`panels` must hold curves, but a panel is empty.")
    drawn = {title: {label: _curve(f"panels[{title!r}][{label!r}]", c) for label, c in curves.items()} for title, curves in panels.items()}
    labels = list(dict.fromkeys(label for curves in drawn.values() for label in curves))
    rows, across = columns_for(len(drawn), columns)
    figure = new_figure(3.3 * across + 0.6, 2.9 * rows + 0.3 + 0.22 * -(-len(labels) // 3))
    handles: dict[str, Any] = {}
    for index, (title, curves) in enumerate(drawn.items()):
        axes = figure.add_subplot(rows, across, index + 1)
        style_axes(axes, x=X_LABEL, y=plain(name), title=title)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for label, (sizes, errors) in curves.items():
            place = labels.index(label)
            style: dict[str, Any] = {**line_style(place), "marker": MARKERS[place % len(MARKERS)], "markersize": 4, "linewidth": 1.6}
            (line,) = axes.plot(sizes, errors, label=plain(label), **style)
            handles.setdefault(label, line)
        _guides(axes, list(curves.values()), orders)
    figure_legend(figure, [handles[label] for label in labels], columns=min(len(labels), 3))
    return figure


def _curve(argument: str, given: Any) -> Curve:
    """Sizes and errors that can be drawn, in the order of sizes."""
    shapes = [np.shape(part) for part in given] if isinstance(given, tuple) else [np.shape(given)]
    pair = isinstance(given, tuple) and len(shapes) == 2 and len(shapes[0]) == 1 and shapes[0] == shapes[1]
    columns = not isinstance(given, tuple) and len(shapes[0]) == 2 and shapes[0][1] == 2
    check(
        pair or columns, f"`{argument}` must be a tuple (sizes, errors) of equal length, or an array (n, 2), but its shapes are {shapes}."
    )
    sizes, errors = np.asarray(given, dtype=float) if pair else np.asarray(given, dtype=float).T
    kept = np.isfinite(errors) & (errors > 0) & (sizes > 0)
    check(bool(kept.any()), f"`{argument}` must hold a positive error, but there is none among {errors.size}. Leave it out.")
    order = np.argsort(sizes[kept])
    return sizes[kept][order], errors[kept][order]


def _guides(axes: Axes, curves: list[Curve], orders: tuple[float, ...]) -> None:
    """Grey lines of given orders from above the largest errors, and ticks at the sizes that were measured."""
    sizes = np.unique(np.concatenate([x for x, _ in curves]))
    errors = np.concatenate([y for _, y in curves])
    low, high = float(errors.min()) / 2, float(errors.max()) * 3
    for order in orders:
        guide = high / 1.3 * (sizes / sizes[0]) ** -order
        axes.plot(sizes, guide, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1, label=f"_order {order:g}")
        inside = np.flatnonzero(guide > low * 1.5)
        if sizes.size > 1 and inside.size:
            place = inside[-1]
            label = {"ha": "right", "va": "center", "fontsize": SMALL_SIZE, "color": MUTED, "zorder": 1.2}  # behind the curves
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            point = (float(sizes[place]), float(guide[place]))
            axes.annotate(f"order {order:g}", point, xytext=(-6, 0), textcoords="offset points", bbox=box, **label)
    axes.set_ylim(low, high)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
