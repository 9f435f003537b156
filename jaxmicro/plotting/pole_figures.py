"""Pole figures: where crystal directions point in the sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from jaxmicro._core import check, check_choice, is_number
from jaxmicro.orientations.sectors import direction_of_indices
from jaxmicro.plotting.axial_density import axial_density, binned
from jaxmicro.plotting.color_keys import indices_symbol
from jaxmicro.plotting.crystal_samples import CrystalSample, crystal_sample, equivalent_axes
from jaxmicro.plotting.hemisphere import PROJECTIONS, disc, project, upper
from jaxmicro.plotting.style import (
    FRAME,
    INK,
    LABEL_SIZE,
    LINES,
    SEQUENTIAL,
    SMALL_SIZE,
    TITLE_SIZE,
    columns_for,
    new_figure,
    set_heading,
)

RANDOM = "multiples of random"
MOST_POINTS = 4000
CROWDED = 300  # points of a panel from which on they are drawn small

CUBIC_POLES = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
HEXAGONAL_POLES = ((0, 0, 0, 1), (2, -1, -1, 0), (1, 0, -1, 0))
OTHER_POLES = ((0, 0, 1), (1, 0, 0), (0, 1, 0))


def pole_figure(
    source: Any,
    poles: Sequence[Sequence[float]] | None = None,
    *,
    laue: str | None = None,
    phase: str | int | None = None,
    density: bool = True,
    projection: str = "equal_area",
    weights: npt.ArrayLike | None = None,
    halfwidth: float = 10.0,
    title: str | None = None,
) -> Figure:
    """Pole figures of one phase: where in the sample its crystal directions {hkl} point.

    Sample x points right and y DOWN, as in the maps, so that a figure can be laid over its map; z is the centre. The two ends
    of a pole count alike, the one with z ≥ 0 is drawn. The density is a mean of de la Vallée Poussin kernels, in multiples of
    that of crystals without preferred orientation.

    Args:
        source: a `Microstructure` with orientations, or unit quaternions `(4, …)`, sample → crystal.
        poles: crystal directions: three numbers in Cartesian crystal axes (for cubic crystals, Miller indices), or four
            Miller–Bravais indices, exact for (0001) and (hki0). By default {100} {110} {111} for cubic crystals, (0001) (2-1-10)
            (10-10) for hexagonal and trigonal ones, else the three axes.
        laue: Laue group; by default that of the phase, m-3m for quaternions.
        phase: name or number of the phase, where there are several.
        density: contours of the density, else points (at most 4000, evenly picked).
        projection: `"equal_area"` or `"stereographic"`.
        weights: one per orientation, `(*grid)` or `(…)`; by default equal.
        halfwidth: of the kernel in degrees.
        title: shown above.

    Returns:
        A figure with one axes per pole, and one for the colour bar of a density.

    Raises:
        ValueError: if there are no orientations, several phases and none named, or a pole, weight or half width makes no sense.

    Reference: U. F. Kocks, C. N. Tomé, H.-R. Wenk, Texture and Anisotropy, Cambridge University Press 1998, chapter 2.

    Example:
        >>> figure = pole_figure(np.array([[1.0], [0], [0], [0]]), [(1, 1, 1)], density=False)
        >>> figure.axes[0].get_title(), figure.axes[0].collections[0].get_offsets().shape
        ('{111}', (4, 2))

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("projection", projection, PROJECTIONS)
    sample = crystal_sample(source, laue, phase, weights)
    listed = list(_default_poles(sample.laue) if poles is None else poles)
    vectors = {_pole_name(pole): _pole_vector(pole) for pole in listed}
    check(len(vectors) == len(listed), f"`poles` must not hold a direction twice, but they are {', '.join(map(_pole_name, listed))}.")
    check(len(vectors) > 0, "`poles` must hold at least one crystal direction, but it is empty. Pass ((1, 0, 0),), for example.")
    rows, columns = columns_for(len(vectors), 3)
    heading = title or sample.name
    figure = new_figure(2.25 * columns + (0.75 if density else 0.15), 2.55 * rows + (0.35 if heading else 0.05))
    panels = [figure.add_subplot(rows, columns, index + 1) for index in range(len(vectors))]
    for axes, name in zip(panels, vectors, strict=True):
        axes.set_title(name, fontsize=TITLE_SIZE, color=INK, pad=6)
    if density:
        _draw_densities(figure, panels, sample, list(vectors.values()), projection, check_halfwidth(halfwidth))
    else:
        _draw_points(panels, sample, list(vectors.values()), projection)
    for axes in panels:
        _frame_disc(axes)
    if heading:
        set_heading(figure, heading)
    return figure


def check_halfwidth(halfwidth: float) -> float:
    """Half width of a kernel in degrees."""
    check(
        is_number(halfwidth) and 1 <= halfwidth <= 60, f"`halfwidth` must be from 1 to 60 degrees, but it is {halfwidth!r}. Ten is usual."
    )
    return float(halfwidth)


def density_levels(densities: Sequence[Float[np.ndarray, "..."]]) -> Float[np.ndarray, " n"]:
    """Round levels that all densities of a figure share."""
    low, high = min(float(each.min()) for each in densities), max(float(each.max()) for each in densities)
    if high - low < 0.02:  # no texture: any levels will do
        low, high = low - 0.01, high + 0.01
    return np.asarray(MaxNLocator(10).tick_values(max(low, 0.0), high), dtype=float)


def density_bar(figure: Figure, panels: Sequence[Axes], shown: QuadContourSet) -> None:
    """The colour bar of densities."""
    bar = figure.colorbar(shown, ax=list(panels), shrink=0.85, pad=0.02, aspect=22)
    bar.set_label(RANDOM, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK)
    bar.outline.set_edgecolor(FRAME)


def draw_density(axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, levels: Float[np.ndarray, " n"]) -> QuadContourSet:
    """Filled contours with fine lines between them; none around what is least, where only rounding would draw them."""
    shown = axes.contourf(x, y, values, levels=levels, cmap=SEQUENTIAL)
    inner = levels[(levels > np.nanmin(values)) & (levels < np.nanmax(values))]
    if inner.size:
        axes.contour(x, y, values, levels=inner, colors="white", linewidths=0.35, alpha=0.5)
    return shown


def _default_poles(laue: str) -> tuple[tuple[int, ...], ...]:
    return CUBIC_POLES if laue.startswith("m-3") else HEXAGONAL_POLES if laue[:2] in ("6/", "-3") else OTHER_POLES


def _pole_name(pole: Sequence[float]) -> str:
    whole = [round(float(each)) for each in pole]
    exact = all(abs(each - float(given)) < 1e-9 for each, given in zip(whole, pole, strict=True))
    inner = indices_symbol(tuple(whole)) if exact and max(map(abs, whole)) < 10 else ", ".join(f"{float(each):.3g}" for each in pole)
    return "{" + inner + "}"


def _pole_vector(pole: Sequence[float]) -> Float[np.ndarray, " 3"]:
    values = np.asarray(pole, dtype=float)
    fits = values.shape in ((3,), (4,)) and bool(np.isfinite(values).all()) and bool(np.any(values))
    check(fits, f"`poles` must hold directions of three or four numbers, not all 0, but one is {tuple(pole)!r}.")
    if len(values) == 4:
        basal = abs(values[:3].sum()) < 1e-9 and (values[3] == 0 or not values[:3].any())
        check(
            basal,
            f"`poles` of four indices must be (0001) or (hki0) with h + k + i = 0, but one is {tuple(pole)!r}: others depend on c/a. "
            "Pass its three Cartesian components.",
        )
    return direction_of_indices(tuple(values))


def _sample_axes(sample: CrystalSample, vector: Float[np.ndarray, " 3"]) -> tuple[np.ndarray, np.ndarray]:
    """All equivalent poles in sample axes (3, k·n), s = gᵀ h, with their weights."""
    poles = equivalent_axes(vector, sample.laue)
    directions = np.einsum("ijn,ik->jkn", sample.matrices, poles).reshape(3, -1)
    return directions, np.tile(sample.weights, poles.shape[1])


def _draw_densities(
    figure: Figure, panels: list[Axes], sample: CrystalSample, vectors: list[np.ndarray], projection: str, halfwidth: float
) -> None:
    at, x, y = disc(projection)
    found = [axial_density(at, *binned(*_sample_axes(sample, vector), halfwidth), halfwidth) for vector in vectors]
    levels = density_levels(found)
    for axes, values in zip(panels, found, strict=True):
        shown = draw_density(axes, x, y, values, levels)
        axes.set_title(f"{axes.get_title()}  max {values.max():.3g}", fontsize=TITLE_SIZE, color=INK, pad=6)
    density_bar(figure, panels, shown)


def _draw_points(panels: list[Axes], sample: CrystalSample, vectors: list[np.ndarray], projection: str) -> None:
    """Points of one size in all panels."""
    drawn = []
    for vector in vectors:
        directions, _ = _sample_axes(sample, vector)
        drawn.append(project(upper(directions[:, :: -(-directions.shape[1] // MOST_POINTS)]), projection))
    many = max(len(x) for x, _ in drawn) > CROWDED
    for axes, (x, y) in zip(panels, drawn, strict=True):
        axes.scatter(x, y, s=3 if many else 14, color=LINES[0], alpha=0.35 if many else 0.9, linewidths=0)


def _frame_disc(axes: Axes) -> None:
    """The rim, x at its right end and y at its lower end."""
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=INK, linewidth=0.9))
    axes.plot([-0.03, 0.03, np.nan, 0, 0], [0, 0, np.nan, -0.03, 0.03], color=INK, linewidth=0.7)
    axes.set_xlim(-1.03, 1.03)
    axes.set_ylim(1.03, -1.03)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("x", fontsize=LABEL_SIZE, color=INK, ha="left", va="center")
    axes.set_ylabel("y", fontsize=LABEL_SIZE, color=INK, rotation=0, ha="center", va="top")
    axes.xaxis.set_label_coords(1.01, 0.5)
    axes.yaxis.set_label_coords(0.5, -0.01)
