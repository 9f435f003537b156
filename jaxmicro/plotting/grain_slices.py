"""What maps of grains share: voxels to scale, lines along borders, and greys for what is in no grain."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jaxmicro._core import check
from jaxmicro.plotting.boundary_lines import runs
from jaxmicro.plotting.lengths import length_unit
from jaxmicro.plotting.maps import draw_slice, extent
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED, measured_voxels
from jaxmicro.plotting.pictures import Slice, voxel_edges
from jaxmicro.plotting.style import FRAME, INK, new_figure, plain, set_heading

LEGEND_ROOM, LEGEND_ROW = 0.15, 0.2  # inches
LOWEST, BAR = 0.8, 1.7  # inches that slices are high at the least, and beside the name of a colour bar
HIGHEST = 7.5
BORDER = 0.7  # points


def check_grains(grains: Any) -> None:
    """Refuse what is no record of grains."""
    good = hasattr(grains, "labels") and hasattr(grains, "deviations")
    check(
        good,
        f"`grains` must be descriptors.Grains, but it is a {type(grains).__name__}. Make them with descriptors.segment_grains.",
        TypeError,
    )


def is_rising(limits: Any) -> bool:
    """Whether these are two finite numbers, the smaller one first."""
    if np.shape(limits) != (2,) or np.asarray(limits).dtype.kind not in "iuf":
        return False
    return bool(np.isfinite(limits).all() and limits[0] < limits[1])


def edges_of(grains: Any, ms: Any) -> tuple[float, ...]:
    """One voxel edge per axis: those of the microstructure, or what the centroids of the grains tell.

    Whole grains of an open map have their centroids at mean (i + 1/2) h. Where a cell is periodic its voxels are taken for cubes.
    """
    shape = np.shape(grains.labels)
    if ms is not None:
        check(ms.grid.shape == shape, f"`ms` must have the grid of the grains, {shape}, but its grid is {ms.grid.shape}.")
        return voxel_edges(np.asarray(ms.grid.spacing, float).tolist(), len(shape))
    sizes = np.asarray(grains.sizes, float)
    if grains.periodic:
        return (float(f"{(np.sum(grains.areas, dtype=float) / sizes.sum()) ** (1 / len(shape)):.5g}"),) * len(shape)
    places = np.nonzero(np.asarray(grains.labels) >= 0)
    found = [np.asarray(grains.centroids, float)[k] @ sizes / (place + 0.5).sum() for k, place in enumerate(places)]
    return tuple(float(f"{edge:.5g}") for edge in found)


def unit_of(ms: Any, unit: str | None) -> str | None:
    """The unit as given, or as the microstructure tells."""
    return length_unit(ms, unit)


def border_lines(labels: Int[np.ndarray, "n0 n1"], spacing: tuple[float, float]) -> Float[np.ndarray, "n 2 2"]:
    """Ends (x, y) of the lines between pixels of different grains; none next to what is in no grain."""
    lines = []
    for axis in (0, 1):
        along = np.moveaxis(labels, axis, 0)
        place, first, last = runs((along[:-1] != along[1:]) & (along[:-1] >= 0) & (along[1:] >= 0))
        across, ends = (place + 1) * spacing[axis], np.stack([first, last], axis=1) * spacing[1 - axis]
        both = np.stack([np.broadcast_to(across[:, None], ends.shape), ends], axis=-1)
        lines.append(both if axis == 0 else both[..., ::-1])
    return np.concatenate(lines)


def draw_borders(axes: Axes, labels: Int[np.ndarray, "n0 n1"], spacing: tuple[float, float], color: str = INK) -> None:
    """Fine lines around the grains."""
    lines = LineCollection(list(border_lines(labels, spacing)), colors=color, linewidths=BORDER, capstyle="projecting")
    axes.add_collection(lines, autolim=False)


def greys_of(labels: Int[np.ndarray, "*grid"], ms: Any) -> tuple[Bool[np.ndarray, "*grid"], list[Patch]]:
    """Which voxels were not measured, and what the greys mean: those voxels, and the others that are in no grain."""
    dark = np.zeros(labels.shape, bool) if ms is None else ~measured_voxels(ms)
    left = (labels < 0) & ~dark
    named = [(UNMEASURED, "not measured", dark), (NO_CRYSTAL, "in no grain", left)]
    return dark, [grey(color, f"{text}  {_percent(where)}") for color, text, where in named if where.any()]


def grey(color: str, text: str) -> Patch:
    """A patch for the legend."""
    return Patch(facecolor=color, edgecolor=FRAME, linewidth=0.8, label=plain(text))


def _percent(where: Bool[np.ndarray, "*grid"]) -> str:
    share = 100 * float(where.mean())
    return f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"


def draw_slices(
    parts: list[Slice], title: str | None, unit: str | None, *, legend: int, bar: bool, **options: Any
) -> tuple[Figure, list[Axes], Any]:
    """Slices side by side at one scale, with room for rows of a legend below and for a colour bar beside; the last image is returned too."""
    breadths, tallest = [extent(part)[0] for part in parts], max(extent(part)[1] for part in parts)
    room = (4.3 if len(parts) == 1 else 5.2) - 0.3 * bar
    scale = min(room / sum(breadths), HIGHEST / tallest)
    over = 0.28 if title or len(parts) > 1 else 0.0
    over += 0.32 if title and len(parts) > 1 else 0.0
    high = max(tallest * scale, BAR if bar else LOWEST) + 0.65 + over + (LEGEND_ROOM + LEGEND_ROW * legend if legend else 0.0)
    figure = new_figure(max(room + 0.65 * len(parts) + 0.95 * bar, 4.0), high)
    cells = figure.add_gridspec(1, len(parts), width_ratios=[breadth * scale + 0.65 for breadth in breadths])
    panels, shown = [], None
    for index, part in enumerate(parts):
        axes = figure.add_subplot(cells[0, index])
        shown = draw_slice(axes, part, unit, title if len(parts) == 1 else None, bar=index == 0, **options)
        panels.append(axes)
    if title and len(parts) > 1:
        set_heading(figure, title)
    return figure, panels, shown


def legend_columns(parts: int) -> int:
    """Entries of a legend that fit side by side below one slice, or below the three of a volume."""
    return 3 if parts == 1 else 4
