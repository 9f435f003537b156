"""The Pareto front and its hypervolume."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from jaxmicro._core import check, check_choice
from jaxmicro.plotting.histories import SOLVES, draw_runs, log_solves, named_runs
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import (
    INK,
    LINES,
    MARKERS,
    add_legend,
    check_names,
    figure_legend,
    new_figure,
    plain,
    set_heading,
    style_axes,
    with_unit,
)

Points = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def pareto(
    values: Points,
    front: Points | None = None,
    *,
    reference: npt.ArrayLike | None = None,
    hypervolume_history: Any = None,
    names: Sequence[str] | None = None,
    units: Sequence[str | None] | None = None,
    senses: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """All evaluated designs, the front among them, and how its hypervolume grew with the number of cell solves.

    Args:
        values: objectives of every evaluated design, `(n, k)` with k 2 or 3, or a mapping of methods to such arrays.
            Designs with a value that is not finite are left out.
        front: the points that no other dominates, `(f, k)`, or a mapping with the same names; by default taken from
            `values`. Three objectives are shown pair by pair, each with the projection of the whole front.
        reference: reference point of the hypervolume, `(k,)`; for two objectives the dominated area is shaded.
        hypervolume_history: as `histories` in `convergence`; adds the second diagram.
        names: one per objective; default `"objective 1"`, ….
        units: one per objective, None for a pure number.
        senses: `"min"` or `"max"` per objective; default all `"min"`.
        title: shown above.

    Returns:
        A figure with one axes per pair of objectives, and one for the hypervolume where a history is given.

    Raises:
        ValueError: if the objectives are not 2 or 3, or names, units, senses and objectives do not match.

    Reference: E. Zitzler, L. Thiele, IEEE Trans. Evol. Comput. 3 (1999) 257, doi:10.1109/4235.797969 (hypervolume).

    Example:
        >>> figure = pareto([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]], names=["mass", "cost"])
        >>> figure.axes[0].get_ylabel()
        'cost, smaller is better'

    Differentiability: none; figures are made of concrete numbers.
    """
    clouds = _clouds("values", values)
    count = next(iter(clouds.values())).shape[1]
    wanted = check_names("senses", senses, count) or ["min"] * count
    for sense in wanted:
        check_choice("senses", sense, ("min", "max"))
    sign = np.where(np.asarray(wanted) == "min", 1.0, -1.0)
    fronts = _clouds("front", front) if front is not None else {label: cloud[nondominated(cloud * sign)] for label, cloud in clouds.items()}
    axis_labels = _axis_labels(names, units, wanted, count)
    corner = None if reference is None else _reference(reference, count)
    pairs = list(itertools.combinations(range(count), 2))
    figure, panels = _panels(len(pairs) + (hypervolume_history is not None))
    for axes, pair in zip(panels, pairs, strict=False):
        style_axes(axes, x=axis_labels[pair[0]], y=axis_labels[pair[1]])
        _draw_pair(axes, clouds, fronts, pair, sign, corner)
    figure_legend(figure, panels[0].get_legend_handles_labels()[0], columns=3)
    if hypervolume_history is not None:
        _draw_hypervolume(panels[-1], hypervolume_history)
    if title:
        set_heading(figure, title)
    return figure


def nondominated(costs: Float[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
    """Which rows no other row dominates (smaller or equal in all columns, smaller in one)."""
    dominated = [bool(((costs <= row).all(axis=1) & (costs < row).any(axis=1)).any()) for row in costs]
    return ~np.asarray(dominated, dtype=bool)


def _clouds(argument: str, points: Points) -> dict[str, Float[np.ndarray, "_ k"]]:
    given = points if isinstance(points, Mapping) else {"": points}
    check(len(given) > 0, f"`{argument}` must hold points, but it is empty.")
    clouds = {}
    for label, cloud in given.items():
        array = np.asarray(cloud, dtype=float)
        fits = array.ndim == 2 and array.shape[1] in (2, 3)
        check(fits, f"`{argument}` must have shape (n, 2) or (n, 3), but its shape is {array.shape}. Choose two or three objectives.")
        array = array[np.isfinite(array).all(axis=1)]
        check(len(array) > 0, f"`{argument}` must hold at least one design with finite objectives, but {label or 'it'} has none.")
        clouds[str(label)] = array
    check(
        len({array.shape[1] for array in clouds.values()}) == 1,
        f"`{argument}` must have the same objectives for every method, but they differ.",
    )
    return clouds


def _axis_labels(names: Sequence[str] | None, units: Sequence[str | None] | None, senses: Sequence[str], count: int) -> list[str]:
    named = check_names("names", names, count) or [f"objective {index + 1}" for index in range(count)]
    check(units is None or len(units) == count, f"`units` must hold {count} units, one per objective, but it is {units!r}.")
    better = {"min": "smaller is better", "max": "larger is better"}
    pairs = zip(named, units or [None] * count, senses, strict=True)
    return [f"{with_unit(name, unit)}, {better[sense]}" for name, unit, sense in pairs]


def _reference(reference: npt.ArrayLike, count: int) -> Float[np.ndarray, " k"]:
    point = numeric("reference", reference).astype(float)
    check(point.shape == (count,), f"`reference` must have shape ({count},), one entry per objective, but its shape is {point.shape}.")
    return point


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    rows, columns = (1, count) if count <= 2 else (2, 2)
    figure = new_figure(4.6 if count == 1 else 7.4, 3.4 * rows + 0.4)
    return figure, [figure.add_subplot(rows, columns, index + 1) for index in range(count)]


def _draw_pair(
    axes: Axes,
    clouds: Mapping[str, np.ndarray],
    fronts: Mapping[str, np.ndarray],
    pair: tuple[int, int],
    sign: Float[np.ndarray, " k"],
    corner: Float[np.ndarray, " k"] | None,
) -> None:
    first, second = pair
    for index, (label, cloud) in enumerate(clouds.items()):
        name = f"{plain(label)}: evaluated" if label else "evaluated"
        color = LINES[index % len(LINES)]
        axes.scatter(cloud[:, first], cloud[:, second], s=9, color=color, alpha=0.28, linewidths=0, label=name, zorder=2)
    for index, (label, front) in enumerate(fronts.items()):
        color = LINES[index % len(LINES)]
        points = front[:, [first, second]]
        if len(sign) == 2:
            stairs = _stairs(points * sign) * sign
            axes.plot(stairs[:, 0], stairs[:, 1], color=color, linewidth=1.1, label="_stairs", zorder=3)
            if corner is not None:
                axes.add_patch(_dominated_area(points, corner, sign, color))
        name = f"{plain(label)}: front" if label else "front"
        marker = MARKERS[index % len(MARKERS)]
        axes.plot(points[:, 0], points[:, 1], linestyle="none", color=color, marker=marker, markersize=5, label=name, zorder=3)
    if corner is not None:
        axes.plot(corner[first], corner[second], "x", color=INK, markersize=7, markeredgewidth=1.6, label="reference point", zorder=4)
    axes.autoscale_view()


def _dominated_area(points: Float[np.ndarray, "f 2"], corner: Float[np.ndarray, " 2"], sign: Float[np.ndarray, " 2"], color: str) -> Any:
    """The area between the front's staircase and the reference point: its size is the hypervolume."""
    costs, far = points * sign, corner * sign
    costs = costs[(costs < far).all(axis=1)]
    inner = _stairs(costs) if len(costs) else far[None]
    outline = np.concatenate([far[None], [[inner[0, 0], far[1]]], inner, [[far[0], inner[-1, 1]]]])
    return Polygon(outline * sign, closed=True, facecolor=color, alpha=0.07, edgecolor="none", zorder=1)


def _stairs(costs: Float[np.ndarray, "f 2"]) -> Float[np.ndarray, "s 2"]:
    """The edge of what the points dominate: from each point to the right, then down to the next."""
    costs = costs[nondominated(costs)]
    costs = costs[np.lexsort((costs[:, 1], costs[:, 0]))]
    corners = np.stack([costs[1:, 0], costs[:-1, 1]], axis=1)
    stairs = np.empty((2 * len(costs) - 1, 2))
    stairs[::2], stairs[1::2] = costs, corners
    return stairs


def _draw_hypervolume(axes: Axes, history: Any) -> None:
    named = named_runs("hypervolume_history", history)
    style_axes(axes, x=SOLVES, y="hypervolume, larger is better")
    for index, (label, runs) in enumerate(named.items()):
        draw_runs(axes, runs, plain(label), index)
    solves = np.concatenate([x for runs in named.values() for x, _ in runs])
    log_solves(axes, float(solves.max()), float(solves.min()))
    if any(named):
        add_legend(axes, loc="lower right")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
