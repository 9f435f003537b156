"""Two-point statistics: maps over all lags, curves over distances."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jaxmicro._core import as_number, check
from jaxmicro.plotting.curves import Curve, draw_curve, named_curves
from jaxmicro.plotting.field_maps import draw_color_bar
from jaxmicro.plotting.maps import draw_map, figure_for, label_map, scale_bar
from jaxmicro.plotting.pictures import Slice, cut, voxel_edges
from jaxmicro.plotting.style import (
    FRAME,
    LINES,
    MUTED,
    SEQUENTIAL,
    SMALL_SIZE,
    figure_legend,
    new_figure,
    plain,
    set_heading,
    set_title,
    style_axes,
    with_unit,
)

DASHES = (0, (4, 3))


def correlation_map(
    correlation: npt.ArrayLike,
    grid: Any = None,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    name: str = "S₂",
    level: float | None = None,
    reach: float | None = None,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
) -> Figure:
    """A two-point function of the lag with zero lag in the middle; of a volume, the three sections through zero lag.

    Args:
        correlation: `(*lags)` with zero lag at index 0, as `descriptors.two_point_correlation` returns it: n entries along an axis of a
            periodic cell, 2 n − 1 of a window. NaN (no pair of measured voxels) is left white.
        grid: the cell, for its voxel edges and to check the shape; or
        spacing: voxel edge, one or one per axis; by default 1.
        unit: of length; with it lags carry it and a scale bar is drawn.
        name: of the function, at the colour bar.
        level: a value whose contour is drawn, such as φ², to which S₂ falls where correlations end.
        reach: largest lag that is shown along each axis, in `unit`; by default all, but in a window on a given grid half of its edge, beyond
            which few pairs are left and the function is mostly noise.
        limits: ends of the colour scale, by default the extremes of what is shown.
        title: shown above.

    Returns:
        A figure with one axes, or three for a volume, and one for the colour bar.

    Raises:
        ValueError: if the function has not 2 or 3 axes, does not fit the grid, or holds no finite number.

    Example:
        >>> from jaxmicro.descriptors import two_point_correlation
        >>> figure = correlation_map(two_point_correlation(np.eye(8)), spacing=0.5, unit="µm")
        >>> figure.axes[0].get_xlabel(), figure.axes[0].images[0].get_extent()
        ('lag x (µm)', [-2.25, 1.75, 1.75, -2.25])

    Differentiability: none; figures are made of concrete numbers.
    """
    values = np.asarray(correlation)
    good = values.dtype.kind in "biuf" and values.ndim in (2, 3) and values.size > 0
    check(good, f"`correlation` must be real numbers with 2 or 3 axes, but its shape is {values.shape}, its dtype {values.dtype}.")
    check(bool(np.isfinite(values).any()), f"`correlation` must hold finite numbers, but none of its {values.size} is.")
    edges = _edges(values.shape, grid, spacing)
    centred = np.fft.fftshift(values.astype(float))
    centred = _within(centred, edges, reach, None if grid is None else grid.shape)
    zero = tuple(n // 2 for n in centred.shape)
    parts = (
        [cut(centred, edges, k, zero[k]) for k in (2, 1, 0)] if len(edges) == 3 else [Slice(centred, (edges[0], edges[1]), ("x", "y"), "")]
    )
    low, high = (float(np.nanmin(centred)), float(np.nanmax(centred))) if limits is None else limits
    check(low <= high, f"`limits` must be (low, high), but they are {limits}.")
    figure = figure_for(parts, 4.3 if len(parts) == 1 else 7.4, title, margin=1.6 if len(parts) == 1 else 1.1)
    panels = []
    for index, part in enumerate(parts):
        axes = figure.add_subplot(1, len(parts), index + 1)
        image = _draw_lags(axes, part, unit, level, vmin=low, vmax=high if high > low else low + 1)
        panels.append(axes)
    scale_bar(panels[0], unit)
    if title:
        set_title(panels[0], title) if len(parts) == 1 else set_heading(figure, title)
    draw_color_bar(figure, image, panels, name)
    return figure


def correlation_curves(
    lags: npt.ArrayLike,
    curves: npt.ArrayLike | Mapping[str, Any],
    *,
    fraction: float | Mapping[str, float] | None = None,
    unit: str | None = None,
    name: str = "S₂",
    band: str = "",
    title: str | None = None,
) -> Figure:
    """Two-point functions over the distance, radial or along directions, with φ and φ² marked.

    S₂ begins at the volume fraction φ, with a slope that is the specific surface, and falls to φ² where correlations end.

    Args:
        lags: distances `(r,)`.
        curves: one curve `(r,)`, or a mapping of names to curves; each is `(r,)`, or a mean with the ends of its band `(3, r)`: mean, low,
            high. A pair (lags, curve) has distances of its own.
        fraction: φ, of all curves or of each by name; by default what the curves are at zero lag, where they begin there.
        unit: of the distances.
        name: of the function.
        band: what the bands are, for the legend, such as "95 % confidence".
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if shapes do not match, a band is upside down, nothing is finite, or φ is not in [0, 1].

    Example:
        >>> figure = correlation_curves([0.0, 1, 2], {"x": [0.4, 0.2, 0.16], "y": [[0.4, 0.3, 0.2], [0.4, 0.2, 0.1], [0.4, 0.4, 0.3]]})
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['φ', 'φ²']

    Reference: S. Torquato, "Random Heterogeneous Materials", Springer (2002), chapter 2, doi:10.1007/978-1-4757-6355-3.

    Differentiability: none; figures are made of concrete numbers.
    """
    named = named_curves("curves", lags, curves)
    figure = new_figure(5.4, 3.5 + 0.16 * (len(named) > 3))
    axes = figure.add_subplot()
    style_axes(axes, x=with_unit("distance", unit), y=name, title=title)
    for index, each in enumerate(named):
        draw_curve(axes, each, index)
    end = max(float(np.nanmax(each.x)) for each in named)
    axes.set_xlim(0, end)
    for value, color, suffix in _fractions(named, fraction):
        for height, text in ((value, "φ"), (value**2, "φ²")):
            axes.axhline(height, color=color, linewidth=0.9, linestyle=DASHES, zorder=1)
            axes.annotate(
                text + suffix, (1, height), (-3, 2), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="bottom",
                fontsize=SMALL_SIZE, color=color,
            )  # fmt: skip
    axes.margins(y=0.09)
    _legend(figure, axes, named, band)
    return figure


def _edges(shape: tuple[int, ...], grid: Any, spacing: Any) -> tuple[float, ...]:
    if grid is None:
        return voxel_edges(spacing, len(shape))
    check(spacing is None, "`spacing` must be left out where a grid is given, which has its own.")
    fits = len(grid.shape) == len(shape) and all(m in (n, 2 * n - 1) for m, n in zip(shape, grid.shape, strict=True))
    check(fits, f"`correlation` must have n or 2 n − 1 lags along each axis of the grid {tuple(grid.shape)}, but its shape is {shape}.")
    return voxel_edges(np.asarray(grid.spacing).tolist(), len(shape))


def _within(
    centred: Float[np.ndarray, "..."], edges: tuple[float, ...], reach: float | None, window: tuple[int, ...] | None
) -> Float[np.ndarray, "..."]:
    """The lags up to the reach, with zero lag at index n // 2 again."""
    check(reach is None or as_number(reach) > 0, f"`reach` must be a positive length, but it is {reach!r}.")
    parts = []
    for k, n in enumerate(centred.shape):
        zero = n // 2
        most = zero
        if reach is not None:
            most = max(int(as_number(reach) / edges[k] * (1 + 1e-9)), 1)
        elif window is not None and n > window[k]:
            most = max(window[k] // 2, 1)
        parts.append(slice(None) if most >= zero else slice(zero - most, zero + most + 1))
    return centred[tuple(parts)]


def _draw_lags(axes: Axes, part: Slice, unit: str | None, level: float | None, **options: Any) -> Any:
    shape = part.image.shape
    corner = (-(shape[0] // 2 + 0.5) * part.spacing[0], -(shape[1] // 2 + 0.5) * part.spacing[1])
    image = draw_map(axes, part.image, part.spacing, corner, cmap=SEQUENTIAL, **options)
    counted = all(edge == 1.0 for edge in part.spacing)
    names = (f"lag {part.axes[0]}", f"lag {part.axes[1]}")
    label_map(axes, names, unit or ("voxels" if counted else "length units"), shape[1] * part.spacing[1] / (shape[0] * part.spacing[0]))
    if level is not None and bool((np.nanmin(part.image) < level) & (level < np.nanmax(part.image))):
        x, y = (corner[k] + (np.arange(shape[k]) + 0.5) * part.spacing[k] for k in range(2))
        axes.contour(x, y, _transposed(part.image), levels=[float(level)], colors="white", linewidths=1.0)
    return image


def _transposed(image: Shaped[np.ndarray, "n0 n1"]) -> Float[np.ndarray, "n1 n0"]:
    return np.swapaxes(image, 0, 1)


def _fractions(named: Sequence[Curve], fraction: float | Mapping[str, float] | None) -> list[tuple[float, str, str]]:
    """Volume fractions to mark, each with its colour and what follows its symbol."""
    if fraction is None:
        given = {each.name: float(each.y[0]) for each in named if each.x[0] == 0 and 0 <= each.y[0] <= 1}
    elif isinstance(fraction, Mapping):
        names = [each.name for each in named]
        unknown = [name for name in fraction if name not in names]
        check(not unknown, f"`fraction` must name curves, {', '.join(map(repr, names))}, but it names {unknown}.")
        given = {str(name): as_number(value) for name, value in fraction.items()}
    else:
        given = {"": as_number(fraction)}
    for value in given.values():
        check(0 <= value <= 1, f"`fraction` must lie in [0, 1], but it is {fraction!r}.")
    values = list(given.values())
    if values and max(values) - min(values) < 0.02 * max(max(values), 1e-9):
        return [(float(np.mean(values)), MUTED, "")]
    colors = {each.name: LINES[index % len(LINES)] for index, each in enumerate(named)}
    return [(value, colors[name], f" {name}") for name, value in given.items()]


def _legend(figure: Figure, axes: Axes, named: Sequence[Curve], band: str) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if not any(each.name for each in named):
        return
    if band and any(each.low is not None for each in named):
        handles.append(Patch(facecolor=FRAME, label=plain(band)))
    figure_legend(figure, handles, columns=min(len(handles), 5))
