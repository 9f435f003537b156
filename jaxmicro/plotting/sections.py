"""Sections through a volume: three orthogonal ones that mark each other, and a row across one axis."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from jaxmicro._core import check, check_whole
from jaxmicro.plotting.field_maps import color_scale, draw_color_bar
from jaxmicro.plotting.lengths import AUTO, length_unit
from jaxmicro.plotting.maps import draw_map, draw_slice, extent, label_map, phase_legend, scale_bar
from jaxmicro.plotting.pictures import Picture, Slice, axis_number, cut, is_index, picture, voxel_edges
from jaxmicro.plotting.style import INK, LINES, SMALL_SIZE, columns_for, new_figure, plain, set_heading, with_unit

PLANES = (LINES[1], LINES[2], LINES[3])  # colours of the sections across x, y and z
WIDTH = 5.6  # inches, of the two maps side by side
TALLEST = 7.0


@dataclasses.dataclass(frozen=True)
class Shown:
    """What sections show: colours of phases, or a scalar field with its scale."""

    values: Shaped[np.ndarray, "nx ny nz *rgb"]
    spacing: tuple[float, ...]
    phases: Picture | None
    options: dict[str, Any]


def orthogonal_views(
    cell: Any,
    at: Sequence[int] | None = None,
    *,
    name: str = "value",
    value_unit: str | None = None,
    limits: tuple[float, float] | None = None,
    symmetric: bool | None = None,
    color_by: str = "phase",
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = AUTO,
    title: str | None = None,
) -> Figure:
    """Three sections of a volume to one scale, each with the lines along which the others cut it.

    The x-y section is at the upper left, x to the right and y downwards; beside it is the z-y one at the same y, below it the x-z one at the
    same x. Frames and lines of one plane have one colour.

    Args:
        cell: a `Microstructure`, labels `(nx, ny, nz)` of whole numbers, phase fractions `(p, nx, ny, nz)`, or a field of real numbers
            `(nx, ny, nz)`, in which NaN is left white.
        at: the voxel (i, j, k) in which the sections meet; by default the middle one.
        name: of the field, at its colour bar.
        value_unit: of the field.
        limits: ends of the field's colour scale, by default its extremes in the volume.
        symmetric: whether that scale is about zero, as in `field`.
        color_by: `"phase"` or `"orientation"`, as in `cell`.
        names: one name per phase, for the legend.
        spacing: voxel edge, as in `cell`.
        unit: unit of length, which the axes and a scale bar carry; `"auto"` is µm for a measured orientation map, and none for others.
        title: shown above.

    Returns:
        A figure with three axes, and one for the colour bar of a field.

    Raises:
        ValueError: if the cell is no volume, or `at` is no voxel of it.

    Example:
        >>> figure = orthogonal_views(np.arange(60.0).reshape(5, 4, 3), (0, 1, 2), name="pressure", value_unit="Pa")
        >>> [axes.get_title() for axes in figure.axes[:3]], figure.axes[3].get_ylabel()
        (['z = 2.5', 'x = 0.5', 'y = 1.5'], 'pressure (Pa)')

    Differentiability: none; figures are made of concrete numbers.
    """
    shown = shown_of(cell, names, spacing, color_by, limits, symmetric)
    shape = shown.values.shape[:3]
    place = tuple(n // 2 for n in shape) if at is None else tuple(at)
    inside = len(place) == 3 and all(is_index(i, n) for i, n in zip(place, shape, strict=True))
    check(inside, f"`at` must be the three indices of a voxel in a volume of {shape}, but it is {at!r}.")
    known = length_unit(cell, unit)
    figure, panels = _cross(shown, title)
    for axes, normal in zip(panels, (2, 0, 1), strict=True):
        part = cut(shown.values, shown.spacing, normal, int(place[normal]))
        if normal == 0:  # beside the x-y section y runs downwards, too
            part = Slice(np.swapaxes(part.image, 0, 1), (part.spacing[1], part.spacing[0]), ("z", "y"), part.place)
        image = _section(axes, part, known, PLANES[normal], shown.options)
        for axis, draw in zip(part.axes, (axes.axvline, axes.axhline), strict=True):
            k = "xyz".index(axis)
            line = draw((place[k] + 0.5) * shown.spacing[k], color=PLANES[k], linewidth=1.1, linestyle=(0, (5, 2)))
            line.set_path_effects([Stroke(linewidth=2.4, foreground="white", alpha=0.7), Normal()])
    scale_bar(panels[0], known)
    _finish(figure, panels, shown, image, with_unit(name, value_unit), title)
    return figure


def slices(
    cell: Any,
    axis: int | str = 2,
    count: int = 5,
    *,
    columns: int = 5,
    name: str = "value",
    value_unit: str | None = None,
    limits: tuple[float, float] | None = None,
    symmetric: bool | None = None,
    color_by: str = "phase",
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = AUTO,
    title: str | None = None,
) -> Figure:
    """A row of sections across one axis, evenly spaced: each in the middle of one of `count` equal parts.

    Args:
        cell: as in `orthogonal_views`.
        axis: across which, 0 to 2 or "x", "y", "z".
        count: how many, at most as there are voxels along the axis.
        columns: at most so many side by side.
        name: of a field, and the next options, as in `orthogonal_views`.
        value_unit: of a field.
        limits: of its colour scale, one for all sections.
        symmetric: whether that is about zero.
        color_by: `"phase"` or `"orientation"`.
        names: one name per phase, for the legend.
        spacing: voxel edge, as in `cell`.
        unit: unit of length, as in `orthogonal_views`.
        title: shown above.

    Returns:
        A figure with one axes per section, and one for the colour bar of a field.

    Raises:
        ValueError: if the cell is no volume, or there are no such axis or so many sections.

    Example:
        >>> figure = slices(np.zeros((4, 4, 12), int), "z", 3)
        >>> [axes.get_title() for axes in figure.axes]
        ['z = 2.5', 'z = 6.5', 'z = 10.5']

    Differentiability: none; figures are made of concrete numbers.
    """
    shown = shown_of(cell, names, spacing, color_by, limits, symmetric)
    normal = axis_number("axis", axis)
    n = shown.values.shape[normal]
    check_whole("count", count, 1)
    check(count <= n, f"`count` must be at most the number of voxels along the axis, {n}, but it is {count}.")
    check_whole("columns", columns, 1)
    known = length_unit(cell, unit)
    parts = [cut(shown.values, shown.spacing, normal, int((k + 0.5) * n / count)) for k in range(count)]
    rows, across = columns_for(count, columns)
    broad, high = extent(parts[0])
    scale = min(7.2 / across / broad, 2.6 / broad, 4.0 / high)
    room = 1.0 if shown.phases is None else 0.0
    figure = new_figure(
        max(scale * broad * across + 0.75 + room, 2.6), rows * (scale * high + 0.3) + 0.6 + (0.3 if title else 0) + 0.3 * (room == 0)
    )
    panels = []
    for index, part in enumerate(parts):
        axes = figure.add_subplot(rows, across, index + 1)
        image = draw_slice(axes, part, known, bar=index == 0, ticks=True, **shown.options)
        _place_title(axes, part, known, INK)
        left, lowest = index % across == 0, index + across >= count
        axes.tick_params(labelleft=left, labelbottom=lowest)
        axes.yaxis.label.set_visible(left)
        axes.xaxis.label.set_visible(lowest)
        panels.append(axes)
    _finish(figure, panels, shown, image, with_unit(name, value_unit), title)
    return figure


def shown_of(
    cell: Any, names: Sequence[str] | None, spacing: Any, color_by: str, limits: tuple[float, float] | None, symmetric: bool | None
) -> Shown:
    """Colours of the phases of a volume, or a field of real numbers with its colour scale."""
    array = None if hasattr(cell, "grid") else np.asarray(cell)
    if array is not None and array.ndim == 3 and array.dtype.kind == "f":
        check(bool(np.isfinite(array).any()), f"`cell` must hold finite numbers, but none of its {array.size} is.")
        low, high, colors = color_scale(array.astype(float)[None], symmetric, limits)
        return Shown(array.astype(float), voxel_edges(spacing, 3), None, {"cmap": colors, "vmin": low, "vmax": high})
    found = picture(cell, names=names, spacing=spacing, color_by=color_by)
    check(
        len(found.spacing) == 3,
        f"`cell` must be a volume with three axes, but its grid is {found.rgb.shape[:-1]}. Draw a plane one with `cell` or `field`.",
    )
    return Shown(found.rgb, found.spacing, found, {})


def _cross(shown: Shown, title: str | None) -> tuple[Figure, list[Axes]]:
    """Axes of the x-y, z-y and x-z sections at one scale."""
    x, y, z = (n * h for n, h in zip(shown.values.shape[:3], shown.spacing, strict=True))
    scale = min(WIDTH / (x + z), TALLEST / (y + z))
    bar = 1.0 if shown.phases is None else 0.0
    room = 1.35 + (0.3 if title else 0.0) + (0.0 if bar else 0.3)
    figure = new_figure(max((x + z) * scale + 1.4 + bar, 3.2), max((y + z) * scale + room, 2.0))
    grid = figure.add_gridspec(2, 2, width_ratios=(x, z), height_ratios=(y, z))
    panels = [figure.add_subplot(grid[row, column]) for row, column in ((0, 0), (0, 1), (1, 0))]
    for axes, anchor in zip(panels, ("SE", "SW", "NE"), strict=True):
        axes.set_anchor(anchor)
    return figure, panels


def _section(axes: Axes, part: Slice, unit: str | None, color: str, options: dict[str, Any]) -> Any:
    image = draw_map(axes, part.image, part.spacing, **options)
    width, height = extent(part)
    counted = all(edge == 1.0 for edge in part.spacing)
    label_map(axes, part.axes, unit or ("voxels" if counted else "length units"), height / width)
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=1.6)
    _place_title(axes, part, unit, color)
    return image


def _place_title(axes: Axes, part: Slice, unit: str | None, color: str) -> None:
    axes.set_title(f"{part.place} {plain(unit) if unit else ''}".strip(), fontsize=SMALL_SIZE + 0.5, color=color, pad=4)


def _finish(figure: Figure, panels: list[Axes], shown: Shown, image: Any, label: str, title: str | None) -> None:
    """The colour bar of a field or the legend of phases, and the title."""
    if shown.phases is None:
        draw_color_bar(figure, image, panels, label)
    else:
        phase_legend(figure, shown.phases)
    if title:
        set_heading(figure, title)
