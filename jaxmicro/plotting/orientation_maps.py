"""Maps of crystal orientations with their colour keys."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jaxmicro._core import check, check_choice
from jaxmicro.orientations.colours import euler_color
from jaxmicro.plotting.boundary_lines import boundary_lines
from jaxmicro.plotting.color_keys import draw_euler_key, draw_key, laue_symbol
from jaxmicro.plotting.lengths import AUTO, length_unit
from jaxmicro.plotting.maps import draw_slice, extent
from jaxmicro.plotting.orientation_colors import (
    NO_CRYSTAL,
    UNMEASURED,
    Crystals,
    crystal_colors,
    crystals_of,
    ipf_colors,
    measured_voxels,
    named_direction,
    orientations_of,
)
from jaxmicro.plotting.pictures import Slice, slices, voxel_edges
from jaxmicro.plotting.style import FRAME, INK, LABEL_SIZE, SMALL_SIZE, figure_legend, new_figure, plain, set_heading

INSTEAD = "Read them with the map, or use plotting.cell for the phases."
KEY_WIDTH = 1.35
THICK = 1.8  # width of the lines between phases
SHADE = 0.75  # of the colour, where the quality is least


def ipf_map(
    ms: Any,
    direction: str | Sequence[float] | npt.ArrayLike = "z",
    *,
    boundaries: float | None = None,
    quality: str | None = None,
    title: str | None = None,
    unit: str | None = AUTO,
    key: bool = True,
) -> Figure:
    """Inverse-pole-figure map: the colour says which crystal direction lies along a sample direction.

    Colours are those of `orientations.ipf_color` by the Laue group of each phase. Where no phase has a Laue group, m-3m is
    assumed and the key says so; where some have one, those without are grey as no crystals. x points right and y down, of a
    volume the three middle slices are shown.

    Args:
        ms: a `Microstructure` with orientations.
        direction: sample direction, `"x"`, `"y"`, `"z"` or three numbers.
        boundaries: misorientation in degrees (up to symmetry) from which a line is drawn between neighbours; lines between phases are thicker.
        quality: name of a map of `ms.maps`, such as `"iq"` or `"bc"`; low values darken the colours.
        title: shown above.
        unit: unit of length, or None where it is not known. By default `"auto"`: µm for a map that was read from an EBSD file, which
            its notes tell, and none for any other.
        key: whether the colour key is drawn beside the map, one per Laue group that occurs.

    Returns:
        A figure with one axes per slice, then one per key.

    Raises:
        ValueError: if there are no orientations, no such quality map, or the direction, the angle or a Laue group makes no sense.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> q = np.zeros((4, 8, 6)); q[0] = 1.0
        >>> nickel = jm.microstructures.Phase("Ni", laue="m-3m")
        >>> figure = ipf_map(jm.Microstructure(labels=np.zeros((8, 6), int), orientation=q, phases=[nickel]))
        >>> figure.axes[0].images[0].get_array()[0, 0].tolist()  # [001] along z: red
        [1.0, 0.0, 0.0]

    Differentiability: none; figures are made of concrete numbers.
    """
    vector, name = named_direction(direction)
    rgb = ipf_colors("ms", ms, vector, INSTEAD)
    return _map(ms, _shaded(rgb, ms, quality), boundaries, title, unit, draw_key if key else None, f"∥ {name}")


def euler_map(
    ms: Any,
    *,
    boundaries: float | None = None,
    quality: str | None = None,
    title: str | None = None,
    unit: str | None = AUTO,
    key: bool = True,
) -> Figure:
    """All-Euler map: Bunge angles as red (φ1), green (Φ) and blue (φ2), as `orientations.euler_color` defines them.

    One grain may show speckles where the file holds equivalent angles: this map shows what is stored, `ipf_map` what is there.

    Args:
        ms: a `Microstructure` with orientations.
        boundaries: as in `ipf_map`.
        quality: as in `ipf_map`.
        title: shown above.
        unit: as in `ipf_map`.
        key: whether the ranges of the angles are drawn beside the map, once per Laue group that occurs.

    Returns:
        A figure with one axes per slice, then one per key.

    Raises:
        ValueError: as `ipf_map`.

    Example:
        >>> q = np.zeros((4, 8, 6)); q[0] = 1.0
        >>> figure = euler_map(jm.Microstructure(labels=np.zeros((8, 6), int), orientation=q))
        >>> figure.axes[0].images[0].get_array()[0, 0].tolist()
        [0.0, 0.0, 0.0]

    Differentiability: none; figures are made of concrete numbers.
    """
    rgb = crystal_colors("ms", ms, euler_color, INSTEAD)
    return _map(ms, _shaded(rgb, ms, quality), boundaries, title, unit, draw_euler_key if key else None, "Euler angles")


def _shaded(rgb: Float[np.ndarray, "*grid 3"], ms: Any, quality: str | None) -> Float[np.ndarray, "*grid 3"]:
    """Colours darkened where a quality map is low, between its 1st and 99th percentile; unmeasured voxels are left alone."""
    if quality is None:
        return rgb
    if not ms.maps:
        raise ValueError(f"`quality` must name a map of the microstructure, but it is {quality!r} and there are no maps. Leave it out.")
    check_choice("quality", quality, ms.maps)
    values, measured = np.asarray(ms.maps[quality], dtype=float), measured_voxels(ms)
    check(
        values.shape == measured.shape,
        f"`quality` must name a map of one number per voxel {measured.shape}, but the shape of {quality!r} is {values.shape}.",
    )
    judged = values[measured & np.isfinite(values)]
    low, high = np.percentile(judged, (1, 99)) if judged.size else (0.0, 0.0)
    good = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1) if high > low else np.ones_like(values)
    return np.where(measured[..., None], rgb * (1 - SHADE * (1 - good[..., None])), rgb)


def _map(
    ms: Any,
    rgb: Float[np.ndarray, "*grid 3"],
    boundaries: float | None,
    title: str | None,
    unit: str | None,
    key: Callable[[Axes, str], None] | None,
    caption: str,
) -> Figure:
    labels, measured, unit = np.asarray(ms.labels), measured_voxels(ms), length_unit(ms, unit)
    crystals = crystals_of(ms, labels[measured])
    parts = slices(rgb, voxel_edges(np.asarray(ms.grid.spacing).tolist(), labels.ndim))
    lines = [] if boundaries is None else _lines(ms, labels, measured, crystals.laue, boundaries)
    several = bool(lines) and len(np.unique(labels[measured])) > 1
    phases = _lines(ms, labels, measured, [None] * len(crystals.laue), boundaries or 1.0) if several else lines
    keys = list(crystals.names) if key is not None else []
    greys = [*_greys(ms, labels, measured, crystals), *([Line2D([], [], color=INK, linewidth=THICK, label="phase boundary")] * several)]
    figure, panels, beside = _panels(parts, len(keys), room=(0.95 if not title else 1.2) + (0.35 if greys else 0.0))
    for index, (axes, part) in enumerate(zip(panels, parts, strict=True)):
        draw_slice(axes, part, unit, title if len(parts) == 1 else None, bar=index == 0)
    for axes, ends, between in zip(panels, lines, phases, strict=bool(lines)):
        axes.add_collection(LineCollection(list(ends), colors=INK, linewidths=0.7, capstyle="projecting"), autolim=False)
        if several:
            axes.add_collection(LineCollection(list(between), colors=INK, linewidths=THICK, capstyle="projecting"), autolim=False)
    for axes, group in zip(beside, keys, strict=True):
        (key or draw_key)(axes, group)
        name_key(axes, group, crystals, caption)
    if title and len(parts) > 1:
        set_heading(figure, title)
    if greys:
        figure_legend(figure, greys, columns=2)
    return figure


def _lines(ms: Any, labels: np.ndarray, measured: np.ndarray, laue: Sequence[str | None], angle: float) -> list[Float[np.ndarray, "n 2 2"]]:
    check(
        0 < angle < 180, f"`boundaries` must be an angle between 0 and 180 degrees, but it is {angle!r}. Grains are often told apart by 5."
    )
    edges = voxel_edges(np.asarray(ms.grid.spacing).tolist(), labels.ndim)
    q = slices(np.moveaxis(orientations_of("ms", ms, INSTEAD), 0, -1), edges)
    cuts = zip(q, slices(labels, edges), slices(measured, edges), strict=True)
    return [boundary_lines(each.image, label.image, there.image, laue, float(angle), each.spacing) for each, label, there in cuts]


def _panels(parts: list[Slice], keys: int, room: float) -> tuple[Figure, list[Axes], list[Axes]]:
    """A figure with the slices side by side, as high as they and `room` inches need, and a column of keys to the right."""
    column = KEY_WIDTH if keys else 0.0
    broad, high = sum(extent(part)[0] for part in parts), max(extent(part)[1] for part in parts)
    labels = 0.65 * len(parts)
    drawn = min((4.6 if len(parts) == 1 else 6.6), 6.5 * broad / high)
    figure = new_figure(drawn + labels + column, max(drawn * high / broad + room, 0.45 + 1.55 * keys, 1.6))
    widths = [extent(part)[0] / broad * (drawn + labels) for part in parts] + [column] * bool(keys)
    grid = figure.add_gridspec(1, len(widths), width_ratios=widths)
    panels = [figure.add_subplot(grid[0, index]) for index in range(len(parts))]
    if not keys:
        return figure, panels, []
    inner = grid[0, len(parts)].subgridspec(keys, 1)
    return figure, panels, [figure.add_subplot(inner[index, 0]) for index in range(keys)]


def name_key(axes: Axes, group: str, crystals: Crystals, caption: str) -> None:
    """Which crystals a key is for, and along which sample direction."""
    axes.set_anchor("C")
    names = [_short(name) for name in crystals.names[group]]
    head = laue_symbol(group) + (" (assumed)" if crystals.assumed else "")
    shown = names if len(names) <= 3 else [*names[:2], f"and {len(names) - 2} more"]
    axes.set_title("\n".join([head, *(plain(name) for name in shown)]), fontsize=SMALL_SIZE, color=INK, pad=7)
    axes.set_xlabel(caption, fontsize=LABEL_SIZE, color=INK, labelpad=2)


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _greys(ms: Any, labels: np.ndarray, measured: np.ndarray, crystals: Crystals) -> list[Patch]:
    """What the greys of a map mean, for a legend."""
    greys = [] if measured.all() else [(UNMEASURED, f"not measured  {100 * float(np.mean(~measured)):.1f} %")]
    for index, (phase, group) in enumerate(zip(ms.phases, crystals.laue, strict=True)):
        if group is None and bool(np.any(labels[measured] == index)):
            greys.append((NO_CRYSTAL, f"{plain(phase.name)}: no Laue group"))
    return [Patch(facecolor=color, edgecolor=FRAME, linewidth=0.8, label=text) for color, text in greys]
