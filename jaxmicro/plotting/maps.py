"""Drawing one flat picture to scale: x to the right, y downwards, a scale bar where lengths are known."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from jaxmicro._core import as_number, check
from jaxmicro.plotting.pictures import Picture, Slice
from jaxmicro.plotting.style import FRAME, INK, LABEL_SIZE, SMALL_SIZE, new_figure, phase_colors, plain, set_title, with_unit

LEGEND_LIMIT = 8
TICKS = 7  # steps between ticks for which there is room along the shorter edge of a square map, times its slenderness
SLENDER = 0.25  # shorter over longer edge of a map below which a scale bar would hide it


def extent(part: Slice) -> tuple[float, float]:
    """Edge lengths of a slice along its two axes."""
    return part.image.shape[0] * part.spacing[0], part.image.shape[1] * part.spacing[1]


def figure_for(parts: Sequence[Slice], width: float, title: str | None, *, margin: float = 0.7) -> Figure:
    """A figure as high as slices side by side need; `margin` inches of width go to the labels of each."""
    breadth = sum(extent(part)[0] for part in parts)
    tallest = max(extent(part)[1] for part in parts) * (width - margin * len(parts)) / breadth
    return new_figure(width, min(max(tallest, 0.8), 8.0) + (0.95 if not title else 1.2 if len(parts) == 1 else 1.35))


def draw_map(
    axes: Axes,
    image: Shaped[np.ndarray, "n0 n1 *rgb"],
    spacing: tuple[float, float],
    corner: tuple[float, float] = (0.0, 0.0),
    **options: Any,
) -> AxesImage:
    """Show `image[i, j]` at x = x₀ + (i + ½) h₀ to the right and y = y₀ + (j + ½) h₁ downwards, with the corner (x₀, y₀).

    The artist holds the transposed array, because matplotlib's rows run along y.
    """
    width, height = image.shape[0] * spacing[0], image.shape[1] * spacing[1]
    shown = axes.imshow(
        np.swapaxes(image, 0, 1),
        extent=(corner[0], corner[0] + width, corner[1] + height, corner[1]),
        origin="upper",
        aspect="equal",
        **options,
    )
    for spine in axes.spines.values():
        spine.set_color(FRAME)
        spine.set_linewidth(0.8)
    return shown


def bare(axes: Axes) -> None:
    """No ticks: for galleries, where the scale bar or the caption says what is needed."""
    axes.set_xticks([])
    axes.set_yticks([])


def label_map(axes: Axes, names: tuple[str, str], unit: str | None, slenderness: float = 1.0) -> None:
    """Axis names with the unit of length, and ticks as there is room: `slenderness` is height over width."""
    axes.set_xlabel(with_unit(names[0], unit), fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel(with_unit(names[1], unit), fontsize=LABEL_SIZE, color=INK)
    axes.locator_params(axis="x", nbins=_steps(1 / slenderness))
    axes.locator_params(axis="y", nbins=_steps(slenderness))
    axes.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK, length=3)


def _steps(room: float) -> int:
    return min(5, max(1, round(TICKS * room)))


def round_length(extent: float) -> float:
    """The largest of 1, 2, 5 × 10ᵏ that is at most three tenths of `extent`.

    Example:
        >>> round_length(64.0)
        10.0
    """
    limit = 0.3 * extent
    power = 10.0 ** math.floor(math.log10(limit))
    return max(step * power for step in (1, 2, 5) if step * power <= limit * (1 + 1e-9))


def scale_bar(axes: Axes, unit: str | None, length: float | None = None) -> None:
    """A bar of a round length in the lower left corner of a map, of a slender one below it; nothing where the unit is unknown.

    All maps of this room draw theirs with it; it fits any axes whose data are lengths at one scale.

    Args:
        axes: of the map, with its limits set.
        unit: of length; None draws nothing.
        length: of the bar, in that unit; by default the largest of 1, 2, 5 × 10ᵏ that is at most three tenths of the width.

    Raises:
        ValueError: if the length is not positive, or longer than the map is wide.

    Example:
        >>> from jaxmicro.plotting import cell
        >>> axes = cell(np.eye(64, dtype=int)).axes[0]
        >>> scale_bar(axes, "voxels")
        >>> axes.artists[0].txt_label.get_text()
        '10 voxels'

    Differentiability: none; figures are made of concrete numbers.
    """
    if unit is None:
        return
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    width, height = abs(right - left), abs(top - bottom)
    size = round_length(width) if length is None else as_number(length)
    check(0 < size <= width, f"`length` must be positive and at most the width of the map, {width:.4g}, but it is {length!r}.")
    beside = _is_slender(width, height)
    place = {"loc": "upper left", "bbox_to_anchor": (0.0, 0.0), "bbox_transform": axes.transAxes} if beside else {"loc": "lower left"}
    bar = AnchoredSizeBar(
        axes.transData,
        size,
        f"{size:g} {plain(unit)}",
        pad=0.35,
        borderpad=0.6,
        sep=3,
        frameon=True,
        color=INK,
        size_vertical=height * 0.012,  # pyright: ignore[reportArgumentType]
        fill_bar=True,
        fontproperties=FontProperties(size=SMALL_SIZE),
        **place,  # pyright: ignore[reportArgumentType]
    )
    bar.patch.set(facecolor="white", edgecolor="none", alpha=0.85)
    axes.add_artist(bar)


def _is_slender(width: float, height: float) -> bool:
    return bool(min(width, height) < SLENDER * max(width, height))


def draw_slice(
    axes: Axes, part: Slice, unit: str | None, title: str | None = None, *, ticks: bool = True, bar: bool = True, **options: Any
) -> AxesImage:
    """A slice with its axes, its place and, on request, a scale bar; where there are ticks, a slender one does without."""
    shown = draw_map(axes, part.image, part.spacing, **options)
    width, height = extent(part)
    if ticks:
        counted = all(edge == 1.0 for edge in part.spacing)  # without a unit, lengths are voxels only where their edges are 1
        label_map(axes, part.axes, unit or ("voxels" if counted else "length units"), height / width)
    else:
        bare(axes)
    if bar and not (ticks and _is_slender(width, height)):
        scale_bar(axes, unit)
    if title or part.place:
        place = f"{part.place} {unit or ''}".strip()
        set_title(axes, f"{title}: {place}" if title and part.place else title or place)
    return shown


def phase_legend(figure: Figure, picture: Picture) -> None:
    """Phase names with their volume fractions, under the picture; none where colours are not a few phases."""
    if not 1 < len(picture.names) <= LEGEND_LIMIT:
        return
    colors = phase_colors(len(picture.names))
    shares = [f"  {100 * share:.1f} %" for share in picture.shares] or [""] * len(picture.names)
    handles = [
        Patch(facecolor=tuple(color), edgecolor=FRAME, linewidth=0.8, label=plain(name) + share)
        for name, share, color in zip(picture.names, shares, colors, strict=True)
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 4 if figure.get_figwidth() > 6 else 2),
        fontsize=SMALL_SIZE,
        labelcolor=INK,
        frameon=False,
        handlelength=1.2,
        columnspacing=1.4,
    )
