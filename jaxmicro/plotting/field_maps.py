"""Maps of the fields of a solved cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.maps import draw_slice, figure_for
from jaxmicro.plotting.pictures import axis_number, cut, is_index, slices, voxel_edges
from jaxmicro.plotting.style import (
    DIVERGING,
    FRAME,
    INK,
    LABEL_SIZE,
    SEQUENTIAL,
    SMALL_SIZE,
    check_names,
    columns_for,
    new_figure,
    set_heading,
    symbol,
    with_unit,
)


def field(
    values: npt.ArrayLike,
    *,
    name: str = "value",
    unit: str | None = None,
    components: Sequence[str] | None = None,
    symmetric: bool | None = None,
    limits: tuple[float, float] | None = None,
    section: tuple[int | str, int] | None = None,
    spacing: float | Sequence[float] | None = None,
    length_unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """A strain, stress, flux or potential map with its colour bar, x to the right and y downwards.

    Args:
        values: `(*grid)`, or `(c, *grid)` with `components`. NaN (outside a mask) is left white. Of a volume, the
            middle slices are shown.
        name: of the quantity, at the colour bar.
        unit: of the quantity.
        components: one name per leading component, each drawn in a panel of its own on one colour scale.
        symmetric: a diverging scale about zero; by default where the values have both signs (the smaller side at
            least a twentieth of the larger).
        limits: ends of the colour scale; by default the extremes (one scale for all panels).
        section: of a volume, (axis, index of the voxel) of the section across that axis, instead of the middle slices.
        spacing: voxel edge, as in `cell`.
        length_unit: of the voxel edge.
        title: shown above.

    Returns:
        A figure with one axes per panel and one for the colour bar.

    Raises:
        ValueError: if the shape is no 2D or 3D grid (after the components), or nothing is finite.

    Example:
        >>> figure = field(np.arange(12.0).reshape(4, 3), name="stress 11", unit="GPa")
        >>> figure.axes[-1].get_ylabel()
        'stress 11 (GPa)'

    Differentiability: none; figures are made of concrete numbers.
    """
    maps = _maps(values, components)
    low, high, colors = color_scale(maps, symmetric, limits)
    edges = voxel_edges(spacing, maps.ndim - 1)
    labels = check_names("components", components, len(maps)) or [""]
    chosen = None if section is None and maps.ndim == 4 else section_of(section, maps.shape[1:])
    cuts = [slices(each, edges) if chosen is None else [cut(each, edges, *chosen)] for each in maps]
    parts = [(label, part) for label, each in zip(labels, cuts, strict=True) for part in each]
    rows, columns = (1, len(parts)) if len(parts) <= 3 else columns_for(len(parts), 3)
    if len(parts) == 1:
        figure = figure_for([parts[0][1]], 4.3, title, margin=1.6)
    elif rows == 1:
        figure = figure_for([part for _, part in parts], 7.4, title, margin=0.9)
    else:
        figure = new_figure(7.4, 7.0 / columns * rows + 0.1)
    panels = []
    for index, (label, part) in enumerate(parts):
        axes = figure.add_subplot(rows, columns, index + 1)
        heading = symbol(label) if label else title if len(parts) == 1 else None
        shown = draw_slice(axes, part, length_unit, heading, ticks=len(parts) <= 3, bar=index == 0, cmap=colors, vmin=low, vmax=high)
        panels.append(axes)
    draw_color_bar(figure, shown, panels, with_unit(name, unit))
    if title and len(parts) > 1:
        set_heading(figure, title)
    return figure


def section_of(section: tuple[int | str, int] | None, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Axis and index of a section through a volume, by default the middle one across z; None of a plane grid."""
    if len(shape) == 2:
        check(section is None, f"`section` must be left out on a plane grid, but it is {section!r}.")
        return None
    good = section is None or (isinstance(section, tuple | list) and len(section) == 2)
    check(good, f"`section` must be (axis, index), such as (2, 10) or ('z', 10), but it is {section!r}.")
    if section is None:
        return 2, shape[2] // 2
    axis = axis_number("section[0]", section[0])
    check(is_index(section[1], shape[axis]), f"`section` must hold an index from 0 to {shape[axis] - 1}, but it is {section[1]!r}.")
    return axis, int(section[1])


def draw_color_bar(figure: Figure, shown: Any, panels: Any, label: str, **options: Any) -> None:
    """A colour bar to the right of the panels, with its name; `shown` is what is drawn, or a `ScalarMappable`."""
    bar = figure.colorbar(shown, ax=panels, **{"shrink": 0.9, "pad": 0.02, "aspect": 28, **options})
    bar.set_label(label, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK)
    bar.ax.yaxis.offsetText.set_fontsize(SMALL_SIZE)
    bar.outline.set_edgecolor(FRAME)


def _maps(values: npt.ArrayLike, components: Sequence[str] | None) -> Float[np.ndarray, "c *grid"]:
    array = np.asarray(values)
    check(array.dtype.kind in "biuf", f"`values` must be real numbers, but their dtype is {array.dtype}.", TypeError)
    array = array.astype(float)
    maps = array[None] if components is None else array
    fits = maps.ndim in (3, 4) and maps.size > 0
    advice = (
        "Name the components with components=[…], or pass one component."
        if components is None
        else "Leave `components` out for a single map."
    )
    check(
        fits,
        f"`values` must have shape (*grid) in 2D or 3D{' after the components' if components else ''}, but it is {array.shape}. {advice}",
    )
    check(bool(np.isfinite(maps).any()), f"`values` must hold finite numbers, but none of its {maps.size} is.")
    return maps


def color_scale(maps: Float[np.ndarray, "c *grid"], symmetric: bool | None, limits: tuple[float, float] | None) -> tuple[float, float, str]:
    """Ends of a colour scale and the name of its colours."""
    low, high = (float(np.nanmin(maps[np.isfinite(maps)])), float(np.nanmax(maps[np.isfinite(maps)]))) if limits is None else limits
    check(low <= high, f"`limits` must be (low, high), but they are {limits}.")
    if symmetric is None:
        symmetric = low < 0 < high and min(-low, high) > 0.05 * max(-low, high)
    if symmetric and limits is None:
        high = max(abs(low), abs(high))
        low = -high
    if low == high:  # a constant field: any width will do, and zero width would divide by zero
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    return low, high, DIVERGING if symmetric else SEQUENTIAL
