"""Lengths in a phase: chords, lineal paths, and sizes of pores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.curves import draw_curve, named_curves
from jaxmicro.plotting.pictures import voxel_edges
from jaxmicro.plotting.style import (
    LINES,
    PHASES,
    figure_legend,
    line_style,
    new_figure,
    plain,
    style_axes,
    with_unit,
)

MOST_BARS = 40
PERCENTILES = (("d10", "r10"), ("d50", "r50"), ("d90", "r90"))


def chord_histogram(
    chords: Any, *, bins: int | None = None, log: bool = False, unit: str | None = None, title: str | None = None
) -> Figure:
    """Densities of the lengths of chords, with their means; ∫ p dz = 1.

    Bars are whole numbers of voxels wide. Chords that are cut by a border, and lines that never leave the phase, are told in the legend
    where there are any.

    Args:
        chords: `descriptors.ChordLengths`, or a mapping of names to several, such as one per axis.
        bins: number of bars up to the longest chord, at most; by default 40.
        log: whether the densities have a logarithmic axis, on which a random medium's tail is straight.
        unit: of the lengths.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        TypeError: if something is no record of chords.
        ValueError: if there is no chord, or no bars.

    Example:
        >>> from jaxmicro.descriptors import chord_lengths
        >>> figure = chord_histogram(chord_lengths(np.arange(24).reshape(4, 6) % 5 < 2, axis=1), unit="µm")
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['4 chords, mean 2.5 µm']

    Differentiability: none; figures are made of concrete numbers.
    """
    named = chords if isinstance(chords, Mapping) else {"": chords}
    check(len(named) > 0, "`chords` must hold at least one record, but it is empty.")
    good = bins is None or (isinstance(bins, int | np.integer) and not isinstance(bins, bool) and bins >= 1)
    check(good, f"`bins` must be a positive whole number, but it is {bins!r}.")
    figure = new_figure(5.4, 3.4 + 0.18 * len(named))
    axes = figure.add_subplot()
    style_axes(axes, x=with_unit("chord length", unit), y=f"chords per {unit}" if unit else "density per unit length", title=title)
    end = 0.0
    for index, (name, each) in enumerate(named.items()):
        edges, density = _bars(f"chords[{name!r}]" if name else "chords", each, MOST_BARS if bins is None else int(bins))
        color, caption = LINES[index % len(LINES)], _caption(str(name), each, unit)
        if len(named) == 1:
            axes.stairs(density, edges, fill=True, color=PHASES[5], edgecolor="white", label=caption, linewidth=0.5)
        else:
            axes.stairs(density, edges, color=color, linestyle=line_style(index)["linestyle"], linewidth=1.8, label=caption)
        axes.axvline(float(each.mean), color=color, linewidth=1.1, linestyle=(0, (4, 3)))
        end = max(end, float(edges[-1]))
    axes.set_xlim(0, end)
    if log:
        axes.set_yscale("log")
    figure_legend(figure, axes.get_legend_handles_labels()[0], columns=1)
    return figure


def lineal_path_plot(
    paths: npt.ArrayLike | Mapping[str, Any],
    *,
    spacing: float | Sequence[float] | None = None,
    log: bool = True,
    unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """The lineal path L(r): how likely a segment of length r lies wholly in a phase.

    Args:
        paths: of `descriptors.lineal_path`: `(d, r)` along the axes of a cell, one curve `(r,)`, or a mapping of names to curves, each
            `(r,)` or mean with the ends of its band `(3, r)`. Steps are voxels; a pair (lengths, curve) has lengths of its own.
        spacing: voxel edge, one for all axes or one per axis, in `unit`; by default 1.
        log: whether L has a logarithmic axis, on which the path of a random medium ends in a straight line; zeros are left out.
        unit: of length.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if shapes do not match, or nothing is positive on a logarithmic axis.

    Example:
        >>> from jaxmicro.descriptors import lineal_path
        >>> figure = lineal_path_plot(lineal_path(np.tri(6, dtype=int)), spacing=(0.5, 1.0), unit="µm")
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['along x', 'along y']

    Differentiability: none; figures are made of concrete numbers.
    """
    given = paths if isinstance(paths, Mapping) else np.asarray(paths)
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.shape[0] in (2, 3):
        edges = voxel_edges(spacing, len(given))
        steps = np.arange(given.shape[1])
        given = {f"along {axis}": (steps * h, path) for axis, h, path in zip("xyz", edges, given, strict=False)}
    elif not isinstance(given, Mapping):
        given = {"": (np.arange(given.shape[-1] if given.ndim else 0) * voxel_edges(spacing, 1)[0], given)}
    else:
        edge = voxel_edges(spacing, 1)[0]
        given = {
            name: path if isinstance(path, tuple) and len(path) == 2 else (np.arange(np.shape(path)[-1]) * edge, path)
            for name, path in given.items()
        }
    named = named_curves("paths", None, given)
    figure = new_figure(5.4, 3.4)
    axes = figure.add_subplot()
    style_axes(axes, x=with_unit("length of the segment", unit or ("voxels" if spacing is None else None)), y="lineal path L", title=title)
    top = max(float(each.y.max()) for each in named)
    check(top > 0 or not log, "`paths` must be positive somewhere on a logarithmic axis, but they are not. Pass log=False.")
    for index, each in enumerate(named):
        draw_curve(axes, each, index)
    axes.set_xlim(left=0)
    if log:
        axes.set_yscale("log", nonpositive="mask")
    else:
        axes.set_ylim(bottom=0)
    if any(each.name for each in named):
        figure_legend(figure, axes.get_legend_handles_labels()[0], columns=min(len(named), 4))
    return figure


def pore_size_distribution(sizes: Any, *, unit: str | None = None, title: str | None = None) -> Figure:
    """Sizes of the pores or particles of a phase by volume: densities as bars, shares below a diameter as curves, with d50 marked.

    Args:
        sizes: `descriptors.PoreSizes`, or a mapping of names to several (which have curves only).
        unit: of the diameters.
        title: shown above.

    Returns:
        A figure with one axes for one record's densities and one for the curve; one axes for several records.

    Raises:
        TypeError: if something is no record of sizes.
        ValueError: if there is none, or its numbers are not finite.

    Example:
        >>> from jaxmicro.descriptors import pore_size_distribution as sizes_of
        >>> figure = pore_size_distribution(sizes_of(np.indices((12, 12)).sum(axis=0) % 12 < 7), unit="µm")
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['share of the volume per µm', 'share of the volume below']

    Differentiability: none; figures are made of concrete numbers.
    """
    named = sizes if isinstance(sizes, Mapping) else {"": sizes}
    check(len(named) > 0, "`sizes` must hold at least one record, but it is empty.")
    figure = new_figure(5.4, 3.3 + 0.18 * len(named))
    axes = figure.add_subplot()
    below = axes
    x = with_unit("diameter", unit)
    if len(named) == 1:
        style_axes(axes, x=x, y=f"share of the volume per {unit}" if unit else "share of the volume per unit length", title=title)
        below = axes.twinx()
        style_axes(below, x=x, y="share of the volume below", grid=False)
        below.spines["right"].set_visible(True)
    else:
        style_axes(axes, x=x, y="share of the volume below", title=title)
    for index, (name, each) in enumerate(named.items()):
        diameters, density, cumulative = _sizes(f"sizes[{name!r}]" if name else "sizes", each)
        if below is not axes:
            axes.stairs(density, diameters, fill=True, color=PHASES[5], edgecolor="white", linewidth=0.5)
        style: dict[str, Any] = line_style(index)
        below.plot(
            np.append(diameters, diameters[-1]),
            np.append(1 - cumulative, 1.0),
            linewidth=1.8,
            label=_percentiles(str(name), each, unit),
            **style,
        )
        axes.axvline(2 * float(np.asarray(each.r50)), color=str(style["color"]), linewidth=1.1, linestyle=(0, (4, 3)))
        axes.set_xlim(0, max(float(diameters[-1]), axes.get_xlim()[1] if index else 0.0))
    below.set_ylim(0, 1.03)
    figure_legend(figure, below.get_legend_handles_labels()[0], columns=1)
    return figure


def _bars(place: str, chords: Any, most: int) -> tuple[Float[np.ndarray, " edges"], Float[np.ndarray, " bins"]]:
    """Edges of bars of whole numbers of voxels about chords of 1, 2, … voxels, and their densities."""
    good = all(hasattr(chords, name) for name in ("lengths", "counts", "mean", "cut", "endless"))
    advice = "Make it with descriptors.chord_lengths."
    check(good, f"`{place}` must be descriptors.ChordLengths, but it is a {type(chords).__name__}. {advice}", TypeError)
    counts, lengths = np.asarray(chords.counts), np.asarray(chords.lengths, float)
    check(counts.ndim == 1 and bool(counts.any()), f"`{place}` must hold chords along one direction, but there are none.")
    voxel = float(lengths[0])
    longest = int(np.flatnonzero(counts)[-1]) + 1
    wide = -(-longest // most)
    padded = np.zeros(-(-longest // wide) * wide)
    padded[:longest] = counts[:longest]
    density = padded.reshape(-1, wide).sum(axis=1) / (counts.sum() * wide * voxel)
    return (np.arange(density.size + 1) * wide + 0.5) * voxel, density


def _caption(name: str, chords: Any, unit: str | None) -> str:
    number, cut, endless = int(np.sum(chords.counts)), int(chords.cut), int(chords.endless)
    text = f"{number} chord{'s' if number != 1 else ''}, mean {float(chords.mean):.3g}{f' {unit}' if unit else ''}"
    text += (f"; {cut} cut by a border" if cut else "") + (f"; {endless} endless lines" if endless else "")
    return plain(f"{name}: {text}" if name else text)


def _sizes(place: str, sizes: Any) -> tuple[Float[np.ndarray, " edges"], Float[np.ndarray, " bins"], Float[np.ndarray, " edges"]]:
    good = all(hasattr(sizes, name) for name in ("radii", "cumulative", "density", "r50"))
    advice = "Make it with descriptors.pore_size_distribution."
    check(good, f"`{place}` must be descriptors.PoreSizes, but it is a {type(sizes).__name__}. {advice}", TypeError)
    radii, density, cumulative = (np.asarray(each, float) for each in (sizes.radii, sizes.density, sizes.cumulative))
    finite = all(bool(np.isfinite(each).all()) for each in (radii, density, cumulative))
    check(radii.ndim == 1 and finite, f"`{place}` must hold finite sizes of one phase, but they are not.")
    return 2 * radii, density / 2, cumulative  # a diameter is twice as wide, so that a density per length halves


def _percentiles(name: str, sizes: Any, unit: str | None) -> str:
    numbers = ", ".join(f"{diameter} {2 * float(np.asarray(getattr(sizes, radius))):.3g}" for diameter, radius in PERCENTILES)
    text = f"{numbers}{f' {unit}' if unit else ''} ({sizes.method})"
    return plain(f"{name}: {text}" if name else text)
