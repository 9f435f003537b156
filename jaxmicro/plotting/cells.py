"""Pictures of cells: one cell, its periodic tiling, a gallery."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jaxmicro._core import check
from jaxmicro.plotting.maps import bare, draw_map, draw_slice, extent, figure_for, phase_legend, scale_bar
from jaxmicro.plotting.pictures import Picture, Slice, picture, slices
from jaxmicro.plotting.style import ALERT, INK, SMALL_SIZE, check_names, columns_for, new_figure, plain, set_heading


def cell(
    cell: Any,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    color_by: str = "phase",
) -> Figure:
    """A cell to scale, x to the right and y downwards; of a volume, the three middle slices.

    Args:
        cell: a `Microstructure`, labels `(*grid)` of whole numbers, phase fractions `(p, *grid)` in [0, 1], or a
            density `(nx, ny)` of the second of two phases. Array axis 0 is x. Mixed voxels get the mean colour.
        title: shown above.
        names: one name per phase, for the legend.
        spacing: voxel edge, one for all axes or one per axis, in `unit`; by default that of the microstructure, else 1.
        unit: unit of length; with it the axes carry it and a scale bar is drawn, without it they count voxels (or unnamed units of
            length, where the edge is not 1).
        color_by: `"phase"`, or `"orientation"` for inverse-pole-figure colours of z, with the key of each phase's Laue group
            (see `ipf_map` and `ipf_key`; m-3m where no phase has one).

    Returns:
        A figure with one axes, or three for a volume.

    Raises:
        ValueError: if the cell is neither labels nor fractions, or names and phases do not match.

    Example:
        >>> figure = cell(np.eye(8, dtype=int), spacing=0.5, unit="µm")
        >>> figure.axes[0].get_xlabel()
        'x (µm)'

    Differentiability: none; figures are made of concrete numbers.
    """
    shown = picture(cell, names=names, spacing=spacing, unit=unit, color_by=color_by)
    parts = slices(shown.rgb, shown.spacing)
    figure = figure_for(parts, 3.6 if len(parts) == 1 else 7.4, title)
    for index, (axes, part) in enumerate(zip(_row(figure, parts), parts, strict=True)):
        draw_slice(axes, part, unit, title if len(parts) == 1 else None, bar=index == 0)
    if title and len(parts) > 1:
        set_heading(figure, title)
    phase_legend(figure, shown)
    return figure


def tiled(
    cell: Any,
    repeats: int = 3,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    color_by: str = "phase",
) -> Figure:
    """A cell repeated `repeats` times along each axis, with the outline of one period.

    The eye sees at once whether a cell is periodic, and what its long-range pattern is. Of a volume, the three middle
    slices are repeated. Arguments as in `cell`; `repeats` is at least 1.

    Raises:
        ValueError: if `repeats` is no whole number from 1 to 20, and as `cell`.

    Example:
        >>> figure = tiled(np.eye(8, dtype=int), 3)
        >>> figure.axes[0].images[0].get_array().shape
        (24, 24, 3)

    Differentiability: none; figures are made of concrete numbers.
    """
    check(
        isinstance(repeats, (int, np.integer)) and 1 <= repeats <= 20,
        f"`repeats` must be a whole number from 1 to 20, but it is {repeats!r}. Three shows the pattern.",
    )
    shown = picture(cell, names=names, spacing=spacing, unit=unit, color_by=color_by)
    parts = slices(shown.rgb, shown.spacing)
    figure = figure_for(parts, 3.8 if len(parts) == 1 else 7.4, title)
    for index, (axes, part) in enumerate(zip(_row(figure, parts), parts, strict=True)):
        many = Slice(np.tile(part.image, (repeats, repeats, 1)), part.spacing, part.axes, part.place)
        draw_slice(axes, many, unit, title if len(parts) == 1 else None, bar=index == 0)
        _outline(axes, part, repeats // 2)
    if title and len(parts) > 1:
        set_heading(figure, title)
    phase_legend(figure, shown)
    return figure


def cells(
    cells: Any,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 4,
    title: str | None = None,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
) -> Figure:
    """A gallery of cells in one scale of colours, row by row.

    Args:
        cells: a sequence of what `cell` takes, or one array: labels `(n, *grid)`, fractions `(n, p, *grid)`.
            Of volumes, the middle slice across z is shown.
        captions: one line per cell, shown above it.
        columns: at most so many in a row.
        title: shown above.
        names: one name per phase, for the legend.
        spacing: voxel edge, as in `cell`.
        unit: unit of length, as in `cell`.

    Returns:
        A figure with one axes per cell (unused places stay empty).

    Raises:
        ValueError: if there are no cells, or captions and cells do not match.

    Example:
        >>> figure = cells([np.eye(8, dtype=int)] * 3, ["a", "b", "c"])
        >>> [axes.get_title() for axes in figure.axes]
        ['a', 'b', 'c']

    Differentiability: none; figures are made of concrete numbers.
    """
    shown = pictures(cells, names=names, spacing=spacing, unit=unit)
    captions = check_names("captions", captions, len(shown))
    check(isinstance(columns, (int, np.integer)) and columns >= 1, f"`columns` must be a whole number from 1, but it is {columns!r}.")
    figure = gallery(shown, captions, int(columns), unit, footer=0.35)
    if title:
        set_heading(figure, title)
    phase_legend(figure, _without_shares(shown[0]))
    return figure


def pictures(
    cells: Any, *, names: Sequence[str] | None = None, spacing: Any = None, unit: str | None = None, argument: str = "cells"
) -> list[Picture]:
    """The pictures of many cells; at least one."""
    if hasattr(cells, "grid"):
        cells = [cells]
    listed = list(cells)
    check(len(listed) > 0, f"`{argument}` must hold at least one cell, but it is empty.")
    return [picture(each, names=names, spacing=spacing, unit=unit, argument=f"{argument}[{index}]") for index, each in enumerate(listed)]


def gallery(
    shown: Sequence[Picture],
    captions: Sequence[str] | None,
    most: int,
    unit: str | None,
    *,
    width: float = 7.2,
    footer: float = 0.0,
) -> Figure:
    """Pictures in rows of at most `most`, with a scale bar in the first; `footer` inches are kept for a legend."""
    rows, columns = columns_for(len(shown), most)
    side = min(width / columns, 2.4)
    tallest = max(height / breadth for breadth, height in (extent(slices(each.rgb, each.spacing)[0]) for each in shown))
    row = side * min(max(tallest, 0.2), 3.0) + (0.28 if captions else 0.06)
    figure = new_figure(side * columns + 0.2, row * rows + footer + 0.05)
    for index, each in enumerate(shown):
        axes = figure.add_subplot(rows, columns, index + 1)
        draw_thumbnail(axes, each, captions[index] if captions else None)
        if index == 0:
            scale_bar(axes, unit)
    return figure


def draw_thumbnail(axes: Any, shown: Picture, caption: str | None) -> None:
    """A small picture without ticks; of a volume, the middle slice across z."""
    part = slices(shown.rgb, shown.spacing)[0]
    draw_map(axes, part.image, part.spacing)
    bare(axes)
    if caption:
        axes.set_title(plain(caption), fontsize=SMALL_SIZE, color=INK, pad=4)


def _without_shares(shown: Picture) -> Picture:
    """The legend of a gallery names phases; the shares of its first cell would mislead."""
    return Picture(shown.rgb, shown.spacing, shown.unit, shown.names, ())


def _row(figure: Figure, parts: Sequence[Slice]) -> list[Any]:
    grid = figure.add_gridspec(1, len(parts), width_ratios=[extent(part)[0] for part in parts])
    return [figure.add_subplot(grid[0, index]) for index in range(len(parts))]


def _outline(axes: Any, part: Slice, start: int) -> None:
    width, height = extent(part)
    corner = (start * width, start * height)
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=2.6))
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=ALERT, linewidth=1.3, linestyle=(0, (4, 2))))
