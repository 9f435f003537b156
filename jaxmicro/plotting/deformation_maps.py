"""Maps of what deformation leaves inside grains: local misorientation, deviation from the mean, dislocations."""

from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.grain_slices import check_grains, draw_borders, draw_slices, edges_of, grey, is_rising, unit_of
from jaxmicro.plotting.lengths import AUTO
from jaxmicro.plotting.orientation_colors import UNMEASURED
from jaxmicro.plotting.pictures import slices, voxel_edges
from jaxmicro.plotting.style import FRAME, INK, LABEL_SIZE, SEQUENTIAL, SMALL_SIZE, figure_legend

HIGHEST = 99.0  # percentile that ends a scale: a few voxels at boundaries reach far beyond
LOWEST = 1.0
DECADES = 1e-4  # of the high end: where a scale of dislocations begins at the least
ROUNDING = 1e-4  # degrees: what is left of equal orientations in single precision is no structure
LONG_NAMES = 3.0  # inches of a figure from which on the name of a colour bar fits on one line
NOTHING = (1e11, 1e12)  # 1/m², the scale of a map without any dislocation


def local_misorientation_map(
    values: npt.ArrayLike,
    ms: Any = None,
    grains: Any = None,
    *,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    unit: str | None = AUTO,
) -> Figure:
    """Kernel average misorientation (KAM) of every voxel in degrees; grey where it is not known.

    x points right and y down, of a volume the three middle slices are shown.

    Args:
        values: of `descriptors.kernel_average_misorientation`, degrees `(*grid)`; NaN where not known.
        ms: the microstructure, for the edges of voxels and the unit.
        grains: their boundaries are drawn over the map.
        limits: ends of the colour scale; by default 0 and the 99th percentile. What is beyond has the colour of the end, and the bar
            a tip.
        title: shown above.
        unit: as in `grain_map`.

    Returns:
        A figure with one axes per slice and one for the colour bar.

    Raises:
        ValueError: if the values are of no 2D or 3D grid, of another one than `ms` or `grains`, none is finite, one is negative, or the
            limits are no rising pair.
        TypeError: if the values are no real numbers, or `grains` no grains.

    Example:
        >>> figure = local_misorientation_map([[0.5, 1.0], [np.nan, 0.2]], limits=(0, 2))
        >>> figure.axes[-1].get_ylabel()
        'local misorientation, KAM (°)'

    Differentiability: none; figures are made of concrete numbers.
    """
    return _value_map(_values(values), ms, grains, limits, title, unit, "local misorientation, KAM (°)")


def deviation_map(
    grains: Any, ms: Any = None, *, limits: tuple[float, float] | None = None, title: str | None = None, unit: str | None = AUTO
) -> Figure:
    """Misorientation of every voxel to the mean of its grain (GROD) in degrees; grey in no grain.

    Args:
        grains: `descriptors.Grains`; after `merge_twins` those of the families.
        ms: as in `grain_map`.
        limits: as in `local_misorientation_map`.
        title: shown above.
        unit: as in `grain_map`.

    Returns:
        A figure with one axes per slice and one for the colour bar.

    Raises:
        ValueError: if the grid of `ms` is not that of the grains, or the limits are no rising pair.
        TypeError: if `grains` are no grains.

    Example:
        >>> ms = jm.microstructures.polycrystal(jm.Grid((32, 24)), 7, key=jax.random.key(0))
        >>> figure = deviation_map(jm.descriptors.measure_grains(ms, periodic=True), ms, limits=(0, 5))
        >>> figure.axes[-1].get_ylabel()
        'deviation from the mean, GROD (°)'

    Differentiability: none; figures are made of concrete numbers.
    """
    check_grains(grains)
    return _value_map(_values(grains.deviations), ms, grains, limits, title, unit, "deviation from the mean, GROD (°)")


def dislocation_map(
    dislocations: Any,
    ms: Any = None,
    grains: Any = None,
    *,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    unit: str | None = AUTO,
) -> Figure:
    """Density of geometrically necessary dislocations (GND) in 1/m², on a logarithmic scale; grey where it is not known.

    Args:
        dislocations: `descriptors.DislocationDensity`, or densities in 1/m² `(*grid)`; NaN where not known. What the noise of a
            measurement adds is in them: much of a map may show no more than that.
        ms: the microstructure, for the edges of voxels and the unit.
        grains: their boundaries are drawn over the map.
        limits: positive ends of the colour scale; by default the 1st and 99th percentile, four decades at most. Zero has the colour of
            the low end.
        title: shown above.
        unit: of length, as in `grain_map`.

    Returns:
        A figure with one axes per slice and one for the colour bar.

    Raises:
        ValueError: as `local_misorientation_map`, and for limits that are not positive.
        TypeError: if the values are no real numbers, or `grains` no grains.

    Reference: W. Pantleon, Scr. Mater. 58, 994 (2008), doi:10.1016/j.scriptamat.2008.01.050.

    Example:
        >>> figure = dislocation_map([[1e13, 1e14], [np.nan, 2e14]])
        >>> figure.axes[-1].get_ylabel()
        'dislocation density, GND (1/m²)'

    Differentiability: none; figures are made of concrete numbers.
    """
    densities = _values(getattr(dislocations, "density", dislocations))
    return _value_map(densities, ms, grains, limits, title, unit, "dislocation density, GND (1/m²)", log=True)


def _values(values: npt.ArrayLike) -> Float[np.ndarray, "*grid"]:
    array = np.asarray(values)
    check(array.dtype.kind in "biuf", f"`values` must be real numbers, but their dtype is {array.dtype}.", TypeError)
    check(array.ndim in (2, 3) and array.size > 0, f"`values` must have shape (*grid) in 2D or 3D, but it is {array.shape}.")
    array = np.where(np.isfinite(array), array, np.nan).astype(float)
    check(bool(np.isfinite(array).any()), f"`values` must hold finite numbers, but none of its {array.size} is.")
    check(float(np.nanmin(array)) >= 0, f"`values` must not be negative, but the smallest is {np.nanmin(array):.4g}.")
    return array


def _value_map(
    values: Float[np.ndarray, "*grid"],
    ms: Any,
    grains: Any,
    limits: Any,
    title: str | None,
    unit: str | None,
    name: str,
    *,
    log: bool = False,
) -> Figure:
    if grains is not None:
        check_grains(grains)
    for argument, shape in (("ms", ms and ms.grid.shape), ("grains", grains and np.shape(grains.labels))):
        check(shape in (None, values.shape), f"`{argument}` must have the grid of the values, {values.shape}, but its grid is {shape}.")
    edges = voxel_edges(np.asarray(ms.grid.spacing, float).tolist() if ms is not None else None, values.ndim)
    if ms is None and grains is not None:
        edges = edges_of(grains, None)
    low, high = _limits(values, limits, log)
    unknown = ~np.isfinite(values)
    shown = np.maximum(values, low) if log else values  # a logarithmic scale would take zero for not known
    parts = slices(shown, edges)
    scale = LogNorm(low, high) if log else Normalize(low, high)
    figure, panels, image = draw_slices(parts, title, unit_of(ms, unit), legend=int(unknown.any()), bar=True, norm=scale, cmap=_colors())
    if grains is not None:
        for axes, cut in zip(panels, slices(np.asarray(grains.labels), edges), strict=True):
            draw_borders(axes, cut.image, cut.spacing)
    beyond = bool((values < low).any()), bool((values > high).any())
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
    value_bar(figure, image, panels, name, extend)
    if unknown.any():
        share = 100 * float(unknown.mean())
        figure_legend(figure, [grey(UNMEASURED, f"not known  {share:.1f} %" if share >= 0.05 else "not known  < 0.1 %")], columns=1)
    return figure


def _limits(values: Float[np.ndarray, "*grid"], limits: Any, log: bool) -> tuple[float, float]:
    if limits is not None:
        good = is_rising(limits) and (not log or limits[0] > 0)
        check(good, f"`limits` must be a rising pair of {'positive ' if log else ''}numbers, but they are {limits!r}.")
        return float(limits[0]), float(limits[1])
    known = values[np.isfinite(values) & (values > 0)] if log else values[np.isfinite(values)]
    if log and not known.size:
        return NOTHING
    low, high = (float(each) for each in np.percentile(known, (LOWEST, HIGHEST)))
    if not log:
        return 0.0, high if high > ROUNDING else 1.0
    low = max(low, DECADES * high)
    return (low, high) if low < 0.5 * high else (high / 10, high)


def _colors() -> Colormap:
    from matplotlib import colormaps

    return colormaps[SEQUENTIAL].with_extremes(bad=UNMEASURED)


def value_bar(figure: Figure, shown: Any, panels: Any, name: str, extend: str) -> None:
    """The colour bar of a map's values."""
    bar = figure.colorbar(shown, ax=panels, shrink=0.9, pad=0.02, aspect=28, extend=extend)
    low = figure.get_figheight() < LONG_NAMES
    bar.set_label(name.replace(", ", ",\n") if low else name, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(which="both", labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK)
    bar.ax.yaxis.offsetText.set_fontsize(SMALL_SIZE)
    bar.outline.set_edgecolor(FRAME)
