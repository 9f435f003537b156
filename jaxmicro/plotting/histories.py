"""Runs of a search as curves against the number of cell solves, and their picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from jaxmicro._core import check
from jaxmicro.plotting.style import INK, MARKERS, figure_legend, line_style, new_figure, plain, style_axes, with_unit

Run = tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]  # solves and values; runs differ in length

SOLVES = "cell solves"
WIDE_RANGE = 20.0  # a ratio of largest to smallest from which a logarithmic axis reads better


def convergence(
    histories: Any,
    *,
    name: str = "relative error",
    unit: str | None = None,
    tolerance: float | None = None,
    best: bool = True,
    log: bool | None = None,
    title: str | None = None,
) -> Figure:
    """An error or objective against the number of cell solves, methods overlaid.

    Args:
        histories: one history, or a mapping of method names to histories. A history is values `(n,)` after 1, 2, …
            solves; an array `(n, 2)` of solves and values; a tuple `(solves, values)`; or a list of these, several
            runs of one method, drawn thin with their median drawn thick. Values that are not finite are left out.
        name: of the value.
        unit: of the value.
        tolerance: drawn as a line; the legend says after how many solves each method met it.
        best: draw the smallest value so far instead of each value.
        log: logarithmic value axis; by default where the positive values span a factor of 20.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if solves and values do not match, solves do not grow, or nothing finite is left.

    Example:
        >>> figure = convergence({"gradient": [0.5, 0.1, 0.004], "random": [0.5, 0.6, 0.3]}, tolerance=0.01)
        >>> figure.axes[0].get_xlabel()
        'cell solves'

    Differentiability: none; figures are made of concrete numbers.
    """
    named = named_runs("histories", histories)
    figure = new_figure(5.8, 3.6 + 0.1 * len(named))
    axes = figure.add_subplot()
    style_axes(axes, x=SOLVES, y=with_unit(f"best {name}" if best else name, unit), title=title)
    drawn = {label: [(x, np.minimum.accumulate(y)) for x, y in runs] if best else runs for label, runs in named.items()}
    for index, (label, runs) in enumerate(drawn.items()):
        caption = plain(label) + _met(runs, tolerance)
        draw_runs(axes, runs, caption, index)
    if tolerance is not None:
        axes.axhline(tolerance, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), label=f"tolerance {tolerance:g}", zorder=1)
    _scale_axes(axes, drawn, tolerance, log)
    figure_legend(figure, axes.get_legend_handles_labels()[0], columns=2)
    return figure


def named_runs(argument: str, histories: Any) -> dict[str, list[Run]]:
    """A mapping of names to runs from any of the accepted forms; a nameless history is called ""."""
    if isinstance(histories, Mapping):
        check(len(histories) > 0, f"`{argument}` must hold at least one history, but it is empty.")
        return {str(label): _runs(f"{argument}[{label!r}]", history) for label, history in histories.items()}
    return {"": _runs(argument, histories)}


def draw_runs(axes: Axes, runs: Sequence[Run], label: str, index: int) -> None:
    """One run as a step line; several as thin lines under their median."""
    style = line_style(index)
    if len(runs) == 1:
        solves, values = runs[0]
        marker = MARKERS[index % len(MARKERS)] if solves.size <= 30 else ""
        axes.plot(solves, values, label=label, marker=marker, markersize=4, linewidth=1.7, drawstyle="steps-post", **style)  # pyright: ignore[reportArgumentType]
        return
    for solves, values in runs:
        axes.plot(solves, values, color=style["color"], linewidth=0.7, alpha=0.35, drawstyle="steps-post", label="_run")
    solves, values = median_run(runs)
    axes.plot(solves, values, label=label, linewidth=2.2, drawstyle="steps-post", **style)  # pyright: ignore[reportArgumentType]


def median_run(runs: Sequence[Run]) -> Run:
    """The median of step curves, from where all have begun; a finished run keeps its last value."""
    start = max(float(solves[0]) for solves, _ in runs)
    solves = np.unique(np.concatenate([x for x, _ in runs]))
    solves = solves[solves >= start]
    held = [values[np.searchsorted(x, solves, side="right") - 1] for x, values in runs]
    return solves, np.median(np.stack(held), axis=0)


def log_solves(axes: Axes, largest: float, smallest: float) -> None:
    """A logarithmic axis of solves with plain numbers, where they span more than a factor of 20."""
    if smallest > 0 and largest > WIDE_RANGE * smallest:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _runs(argument: str, history: Any) -> list[Run]:
    if isinstance(history, list) and history and np.ndim(history[0]) > 0:
        return [run for index, each in enumerate(history) for run in _runs(f"{argument}[{index}]", each)]
    if isinstance(history, tuple):
        check(len(history) == 2, f"`{argument}` must be a pair (solves, values), but it has {len(history)} parts.")
        solves, values = (np.asarray(part, dtype=float) for part in history)
    else:
        array = np.asarray(history, dtype=float)
        if array.ndim == 2 and array.shape[1] == 2:
            solves, values = array.T
        else:
            check(
                array.ndim == 1, f"`{argument}` must be values (n,) or columns (n, 2) of solves and values, but its shape is {array.shape}."
            )
            solves, values = np.arange(1, array.size + 1, dtype=float), array
    same = solves.ndim == 1 and solves.shape == values.shape
    check(same, f"`{argument}` must hold as many solves as values, but their shapes are {solves.shape} and {values.shape}.")
    kept = np.isfinite(values) & np.isfinite(solves)
    check(bool(kept.any()), f"`{argument}` must hold at least one finite value, but it has none among {values.size}. Leave it out.")
    solves, values = solves[kept], values[kept]
    grows = bool((np.diff(solves) >= 0).all())
    check(grows, f"`{argument}` must count solves upwards, but they fall somewhere in {solves[:8].tolist()}…. Sort it by solves.")
    return [(solves, values)]


def _met(runs: Sequence[Run], tolerance: float | None) -> str:
    """After how many solves a tolerance was met, for the legend."""
    if tolerance is None:
        return ""
    firsts = [float(solves[values <= tolerance][0]) for solves, values in runs if (values <= tolerance).any()]
    if len(runs) == 1:
        return f": met after {firsts[0]:g} solves" if firsts else ": not met"
    if not firsts:
        return f": met in 0 of {len(runs)} runs"
    return f": met in {len(firsts)} of {len(runs)} runs, median {np.median(firsts):g} solves"


def _scale_axes(axes: Axes, drawn: Mapping[str, Sequence[Run]], tolerance: float | None, log: bool | None) -> None:
    solves = np.concatenate([x for runs in drawn.values() for x, _ in runs])
    values = np.concatenate([y for runs in drawn.values() for _, y in runs])
    levels = values if tolerance is None else np.append(values, tolerance)
    positive = levels[levels > 0]
    if log is None:
        log = positive.size > 0 and bool((values >= 0).all()) and float(positive.max()) > WIDE_RANGE * float(positive.min())
    log_solves(axes, float(solves.max()), float(solves.min()))
    if log:
        check(
            positive.size > 0, f"`log` must be False where no value is positive, but it is True and the largest value is {values.max():g}."
        )
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(0.6 * float(positive.min()), 1.8 * float(positive.max()))
