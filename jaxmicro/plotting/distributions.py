"""Data against samples: distributions side by side, curves with their spread, and one honest number for the distance."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxmicro._core import check, check_choice
from jaxmicro.plotting.cells import draw_thumbnail, pictures
from jaxmicro.plotting.maps import scale_bar
from jaxmicro.plotting.pictures import Picture
from jaxmicro.plotting.style import (
    INK,
    LABEL_SIZE,
    LINES,
    SMALL_SIZE,
    figure_legend,
    line_style,
    new_figure,
    plain,
    set_heading,
    set_title,
    style_axes,
    with_unit,
)

KINDS = ("ecdf", "violin")
MARKS = ((0, (2, 2)), (0, (7, 2)), (0, (4, 1.5, 1, 1.5)), "-")


@dataclasses.dataclass(frozen=True)
class Statistic:
    """One number or one curve per cell, of data and of samples.

    Args:
        name: what is measured.
        data: `(n,)` numbers, or `(n, k)` curves over `x`.
        samples: `(s,)`, or `(s, k)`.
        unit: of the numbers or curves.
        x: `(k,)` abscissa of the curves, such as the distance of a two-point correlation.
        x_name, x_unit: of the abscissa.

    Example:
        >>> Statistic("volume fraction", np.array([0.3, 0.4]), np.array([0.35])).name
        'volume fraction'
    """

    name: str
    data: npt.ArrayLike
    samples: npt.ArrayLike
    unit: str | None = None
    x: npt.ArrayLike | None = None
    x_name: str = "distance"
    x_unit: str | None = None


def ks_distance(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Two-sample Kolmogorov–Smirnov distance: the largest gap between the two empirical distribution functions.

    D = max over x of |F₁(x) − F₂(x)|, between 0 (equal) and 1 (disjoint).

    Args:
        first: `(n,)` numbers.
        second: `(m,)` numbers of the same unit.

    Returns:
        D, without a p-value: the cells of one micrograph are no independent draws.

    Raises:
        ValueError: if either is empty or not finite.

    Reference: W. J. Conover, Practical Nonparametric Statistics, 3rd ed., Wiley 1999, section 6.3.

    Example:
        >>> ks_distance([1.0, 2.0], [1.0, 2.0, 3.0, 4.0])
        0.5

    Differentiability: none.
    """
    a, b = np.sort(_numbers("first", first)), np.sort(_numbers("second", second))
    at = np.concatenate([a, b])
    gap = np.searchsorted(a, at, side="right") / a.size - np.searchsorted(b, at, side="right") / b.size
    return float(np.abs(gap).max())


def property_distributions(
    groups: Mapping[str, npt.ArrayLike],
    name: str,
    unit: str | None = None,
    *,
    kind: str = "ecdf",
    marks: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Figure:
    """How a property is distributed in several groups, with the Kolmogorov–Smirnov distance to the first group.

    Args:
        groups: a mapping of names to numbers `(n,)`, such as `{"data": …, "samples": …}`.
        name: of the property.
        unit: of the property.
        kind: `"ecdf"` for distribution functions, which hide nothing; `"violin"` for shapes with median and quartiles.
        marks: values to mark with a line, such as design targets.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if a group is empty or not finite, or `kind` is unknown.

    Example:
        >>> figure = property_distributions({"data": [1.0, 2.0], "samples": [1.5, 2.5]}, "E", "GPa")
        >>> figure.axes[0].get_xlabel()
        'E (GPa)'

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("kind", kind, KINDS)
    check(len(groups) > 0, "`groups` must hold at least one group, but it is empty.")
    numbers = {label: _numbers(f"groups[{label!r}]", values) for label, values in groups.items()}
    figure = new_figure(3.7, 3.5)
    axes = figure.add_subplot()
    draw = _draw_ecdf if kind == "ecdf" else _draw_violin
    draw(axes, numbers, name, unit)
    if title:
        set_title(axes, title)
    for index, (label, value) in enumerate((marks or {}).items()):
        draw_mark = axes.axvline if kind == "ecdf" else axes.axhline
        draw_mark(float(value), color=INK, linewidth=1.1, linestyle=MARKS[index % len(MARKS)], label=plain(label))
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        figure_legend(figure, handles, columns=1 if any(len(label) > 18 for label in [*groups, *(marks or {})]) else 2)
    return figure


def data_against_samples(
    data: Any,
    samples: Any,
    statistics: Sequence[Statistic] | None = None,
    *,
    labels: tuple[str, str] = ("data", "samples"),
    shown: int = 6,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Real cells above sampled ones, and below them how their statistics compare.

    Args:
        data: cells as in `cells`.
        samples: cells as in `cells`; their number need not be that of the data.
        statistics: what to compare; numbers become distribution functions with their Kolmogorov–Smirnov distance,
            curves their median and the band from the 10th to the 90th percentile. By default the volume fraction of
            the last phase, taken from the cells given here.
        labels: what the two groups are called.
        shown: how many cells of each are shown, the first ones.
        names: one name per phase, for the volume fraction.
        spacing: voxel edge, as in `cell`.
        unit: unit of length, as in `cell`.
        title: shown above.

    Returns:
        A figure with two rows of cells and a row of diagrams.

    Raises:
        ValueError: if a group is empty, or a statistic's curves and abscissa do not match.

    Example:
        >>> figure = data_against_samples([np.eye(8, dtype=int)] * 2, [np.ones((8, 8), dtype=int)] * 2)
        >>> figure.axes[-1].get_xlabel()
        'volume fraction of phase 1'

    Differentiability: none; figures are made of concrete numbers.
    """
    groups = [
        pictures(each, names=names, spacing=spacing, unit=unit, argument=label) for each, label in zip((data, samples), labels, strict=True)
    ]
    if statistics is None:
        statistics = [_volume_fraction(*groups)]
    check(isinstance(shown, (int, np.integer)) and shown >= 1, f"`shown` must be a whole number from 1, but it is {shown!r}.")
    columns = min(int(shown), max(len(group) for group in groups))
    heights = [1.0, 1.0] + [1.75] * -(-len(statistics) // 3)
    figure = new_figure(7.4, 1.25 * sum(heights) + 0.5)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, group, label in zip(parts, groups, labels, strict=False):
        _thumbnails(part, group[:columns], columns, label, unit if part is parts[0] else None)
    for index, statistic in enumerate(statistics):
        row = parts[2 + index // 3]
        width = min(3, len(statistics))
        axes = row.add_subplot(1, width, index % 3 + 1)
        _draw_statistic(axes, statistic, labels)
    handles = [Line2D([], [], linewidth=1.8, label=plain(label), **line_style(index)) for index, label in enumerate(labels)]  # pyright: ignore[reportArgumentType]
    figure_legend(parts[-1], handles, columns=2)
    if title:
        set_heading(figure, title)
    return figure


def _numbers(argument: str, values: npt.ArrayLike) -> Float[np.ndarray, " n"]:
    array = np.asarray(values, dtype=float).ravel()
    check(array.size > 0, f"`{argument}` must hold numbers, but it is empty.")
    bad = int((~np.isfinite(array)).sum())
    check(
        bad == 0, f"`{argument}` must be finite, but {bad} of its {array.size} numbers are not. Leave failed solves out and say how many."
    )
    return array


def _draw_ecdf(axes: Axes, groups: Mapping[str, Float[np.ndarray, "_"]], name: str, unit: str | None) -> None:
    style_axes(axes, x=with_unit(name, unit), y="share of cells below")
    axes.set_ylim(-0.02, 1.02)
    reference: Float[np.ndarray, " n"] | None = None
    for index, (label, values) in enumerate(groups.items()):
        x = np.sort(values)
        height = np.arange(1, x.size + 1) / x.size
        caption = f"{plain(label)} ({x.size})"
        if reference is not None:
            caption += f", KS {ks_distance(reference, values):.2f}"
        reference = values if reference is None else reference
        axes.plot(np.append(x[0], x), np.append(0, height), drawstyle="steps-post", linewidth=1.8, label=caption, **line_style(index))  # pyright: ignore[reportArgumentType]


def _draw_violin(axes: Axes, groups: Mapping[str, Float[np.ndarray, "_"]], name: str, unit: str | None) -> None:
    style_axes(axes, y=with_unit(name, unit))
    first = next(iter(groups.values()))
    ticks = []
    for index, (label, values) in enumerate(groups.items()):
        color = LINES[index % len(LINES)]
        if np.ptp(values) > 0:
            for body in axes.violinplot([values], positions=[index], widths=0.75, showextrema=False)["bodies"]:  # pyright: ignore[reportGeneralTypeIssues]
                body.set(facecolor=color, alpha=0.3, edgecolor=color)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        axes.plot([index, index], [low, high], color=color, linewidth=4, solid_capstyle="butt")
        axes.plot(index, middle, "o", color="white", markeredgecolor=color, markersize=6)
        distance = f"\nKS {ks_distance(first, values):.2f}" if index else ""
        ticks.append(f"{plain(label)} ({values.size}){distance}")
    axes.set_xticks(range(len(ticks)), ticks)


def _volume_fraction(data: Sequence[Picture], samples: Sequence[Picture]) -> Statistic:
    name = f"volume fraction of {data[0].names[-1]}" if data[0].names else "volume fraction"
    return Statistic(name, np.array([each.shares[-1] for each in data]), np.array([each.shares[-1] for each in samples]))


def _thumbnails(part: Any, group: Sequence[Picture], columns: int, label: str, unit: str | None) -> None:
    for index, each in enumerate(group):
        axes = part.add_subplot(1, columns, index + 1)
        draw_thumbnail(axes, each, None)
        if index == 0:
            axes.set_ylabel(plain(label), fontsize=LABEL_SIZE, color=INK)
            scale_bar(axes, unit)


def _draw_statistic(axes: Axes, statistic: Statistic, labels: tuple[str, str]) -> None:
    data, samples = np.asarray(statistic.data, dtype=float), np.asarray(statistic.samples, dtype=float)
    if data.ndim <= 1:
        numbers = (_numbers(statistic.name, data), _numbers(statistic.name, samples))
        _draw_ecdf(axes, dict(zip(labels, numbers, strict=True)), statistic.name, statistic.unit)
        axes.set_ylabel("share of cells below", fontsize=LABEL_SIZE, color=INK)
        axes.set_title(f"KS distance {ks_distance(*numbers):.2f}", fontsize=SMALL_SIZE, color=INK, pad=4)
        return
    _draw_bands(axes, statistic, dict(zip(labels, (data, samples), strict=True)))
    axes.set_title("median, 10–90 %", fontsize=SMALL_SIZE, color=INK, pad=4)


def _draw_bands(axes: Axes, statistic: Statistic, groups: Mapping[str, Float[np.ndarray, "_ k"]]) -> None:
    style_axes(axes, x=with_unit(statistic.x_name, statistic.x_unit), y=with_unit(statistic.name, statistic.unit))
    for index, (label, curves) in enumerate(groups.items()):
        x = np.arange(curves.shape[-1], dtype=float) if statistic.x is None else np.asarray(statistic.x, dtype=float)
        check(
            curves.ndim == 2 and len(curves) > 0 and x.shape == curves.shape[1:],
            f"`{statistic.name}` must hold curves (n, {x.size}) over x ({x.size},) for {label}, but their shape is {curves.shape}.",
        )
        low, middle, high = np.quantile(_numbers(statistic.name, curves).reshape(curves.shape), [0.1, 0.5, 0.9], axis=0)
        style = line_style(index)
        axes.fill_between(x, low, high, color=str(style["color"]), alpha=0.18, linewidth=0)
        axes.plot(x, middle, linewidth=1.8, label=plain(label), **style)  # pyright: ignore[reportArgumentType]
