"""Maps of the boundaries between grains: how far the crystals are turned, which are coincidences, which part phases."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxmicro._core import check
from jaxmicro.descriptors.boundaries import check_sigmas
from jaxmicro.descriptors.neighbours import CUBIC, CrystalMap, crystal_map
from jaxmicro.orientations import coincidence
from jaxmicro.orientations.coincidence import brandon
from jaxmicro.plotting.deformation_maps import value_bar
from jaxmicro.plotting.grain_slices import check_grains, draw_slices, edges_of, greys_of, is_rising, legend_columns, unit_of
from jaxmicro.plotting.lengths import AUTO
from jaxmicro.plotting.misorientations import LARGEST
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED
from jaxmicro.plotting.pictures import slices
from jaxmicro.plotting.style import INK, SEQUENTIAL, figure_legend, hex_color

COINCIDENT = ("#E3170A", "#FF9F1C", "#D81E9B", "#8C2D04", "#F781BF")  # none of them is a colour of the scale
PALEST, DARKEST = 0.9, 0.1  # of the scale of angles: yellow is not seen on white, nor violet beside black
WIDTH, PHASE_WIDTH = 1.1, 1.5


@dataclasses.dataclass(frozen=True)
class _Pieces:
    """Borders of pixels: ends `(n, 2, 2)`, angle in degrees `(n,)` (NaN between phases), coincidence `(n,)`, −1 for none."""

    ends: Float[np.ndarray, "n 2 2"]
    angles: Float[np.ndarray, " n"]
    sigma: Int[np.ndarray, " n"]


def boundary_map(
    ms: Any,
    grains: Any,
    *,
    coincidences: Sequence[int | str] = (3, 9),
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    unit: str | None = AUTO,
) -> Figure:
    """Boundaries between grains in the colour of their misorientation, voxel by voxel; coincidences and phase boundaries have their own.

    A boundary between cubic crystals (m-3m) is the coincidence Σ that it is nearest to, as a share of Brandon's angle 15°/√Σ, if it is
    within that of one. x points right and y down, of a volume the three middle slices are shown.

    Args:
        ms: a `Microstructure` with orientations.
        grains: its `descriptors.Grains`.
        coincidences: five at most, as in `orientations.coincidence`; those of the fcc twin and its twin by default.
        limits: ends of the colour scale in degrees; by default from the angle of the grains to the largest that their crystals can have.
        title: shown above.
        unit: as in `grain_map`.

    Returns:
        A figure with one axes per slice and one for the colour bar; the legend holds shares of the length drawn.

    Raises:
        ValueError: if there are no orientations, the grids differ, a Σ is not known, there are more than five, or the limits are no rising
            pair of angles.
        TypeError: if `grains` are no grains, `ms` is no microstructure or `coincidences` no sequence.

    Reference: D. G. Brandon, Acta Metall. 14, 1479 (1966), doi:10.1016/0001-6160(66)90168-4.

    Example:
        >>> ms = jm.microstructures.polycrystal(jm.Grid((32, 24)), 7, key=jax.random.key(0))
        >>> figure = boundary_map(ms, jm.descriptors.measure_grains(ms, periodic=True))
        >>> figure.axes[-1].get_ylabel()
        'misorientation (°)'

    Differentiability: none; figures are made of concrete numbers.
    """
    check_sigmas("coincidences", coincidences)
    sigmas = tuple(dict.fromkeys(coincidences))
    check(len(sigmas) <= len(COINCIDENT), f"`coincidences` must be {len(COINCIDENT)} at most, but they are {len(sigmas)}: {sigmas}.")
    crystals = crystal_map(ms, "Boundaries")
    check_grains(grains)
    labels, edges = np.asarray(grains.labels), edges_of(grains, ms)
    scale = Normalize(*_limits(limits, grains, crystals))
    dark, greys = greys_of(labels, ms)
    rgb = np.where(dark[..., None], hex_color(UNMEASURED), np.where(labels[..., None] < 0, hex_color(NO_CRYSTAL), 1.0))
    place = np.arange(labels.size).reshape(labels.shape)
    pieces = [_pieces(cut.image, labels.ravel(), cut.spacing, crystals, sigmas) for cut in slices(place, edges)]
    lines, columns = _legend(pieces, sigmas), legend_columns(len(pieces))
    figure, panels, _ = draw_slices(slices(rgb, edges), title, unit_of(ms, unit), legend=-(-(len(lines) + len(greys)) // columns), bar=True)
    for axes, each in zip(panels, pieces, strict=True):
        drawn = _draw(axes, each, len(sigmas), scale)
    every = np.concatenate([each.angles[each.sigma < 0] for each in pieces])
    below, above = bool((every < scale.vmin).any()), bool((every > scale.vmax).any())
    value_bar(figure, drawn, panels, "misorientation (°)", "both" if below and above else "min" if below else "max" if above else "neither")
    if lines or greys:
        figure_legend(figure, [*lines, *greys], columns=columns)
    return figure


def _limits(limits: Any, grains: Any, crystals: CrystalMap) -> tuple[float, float]:
    if limits is None:
        present = set(np.unique(crystals.phase[crystals.known]).tolist())
        largest = max(LARGEST[group] for group, phases in crystals.groups if present & set(phases))
        return (grains.angle if grains.angle < largest else 0.0), largest
    good = is_rising(limits) and limits[0] >= 0 and limits[1] <= 180
    check(good, f"`limits` must be a rising pair of angles from 0 to 180 degrees, but they are {limits!r}.")
    return float(limits[0]), float(limits[1])


def _pieces(
    place: Int[np.ndarray, "n0 n1"],
    owner: Int[np.ndarray, " n"],
    spacing: tuple[float, float],
    crystals: CrystalMap,
    sigmas: tuple[int | str, ...],
) -> _Pieces:
    """Each side of a pixel that is a border, by the positions of the pixels in the flattened grid."""
    parts = []
    for axis in (0, 1):
        along = np.moveaxis(place, axis, 0)
        i, j = np.nonzero((owner[along[:-1]] != owner[along[1:]]) & (owner[along[:-1]] >= 0) & (owner[along[1:]] >= 0))
        here, there = along[i, j], along[i + 1, j]
        across, begin, end = (i + 1) * spacing[axis], j * spacing[1 - axis], (j + 1) * spacing[1 - axis]
        ends = np.stack([np.stack([across, begin], -1), np.stack([across, end], -1)], 1)
        turned = np.rad2deg(crystals.angles(here, there))
        parts.append((ends if axis == 0 else ends[..., ::-1], turned, _nearest(crystals, here, there, sigmas)))
    return _Pieces(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _nearest(
    crystals: CrystalMap, here: Int[np.ndarray, " n"], there: Int[np.ndarray, " n"], sigmas: tuple[int | str, ...]
) -> Int[np.ndarray, " n"]:
    """Which of the coincidences each pair is, by the least share of Brandon's angle; −1 for none."""
    least, found = np.ones(here.size), np.full(here.size, -1)
    for index, sigma in enumerate(sigmas):
        axis, angle = coincidence(sigma)
        turn = np.array([np.cos(angle / 2), *(-np.sin(angle / 2) * axis)])
        share = np.rad2deg(crystals.angles_from(here, there, turn, CUBIC)) / brandon(sigma)
        closer = share <= least
        least, found = np.where(closer, share, least), np.where(closer, index, found)
    return found


def _draw(axes: Axes, pieces: _Pieces, sigmas: int, scale: Normalize) -> LineCollection:
    """Angles first, what has a name over them."""
    plain = (pieces.sigma < 0) & np.isfinite(pieces.angles)
    angles = LineCollection(
        list(pieces.ends[plain]), array=pieces.angles[plain], norm=scale, cmap=_colors(), linewidths=WIDTH, capstyle="projecting"
    )
    axes.add_collection(angles, autolim=False)
    named = [(pieces.sigma == index, COINCIDENT[index], WIDTH) for index in range(sigmas)]
    for where, color, width in [(np.isnan(pieces.angles), INK, PHASE_WIDTH), *named]:
        if where.any():
            axes.add_collection(
                LineCollection(list(pieces.ends[where]), colors=color, linewidths=width, capstyle="projecting"), autolim=False
            )
    return angles


def _colors() -> ListedColormap:
    """The scale from pale to dark, so that small angles are faint."""
    from matplotlib import colormaps

    return ListedColormap(colormaps[SEQUENTIAL](np.linspace(PALEST, DARKEST, 256)))


def _legend(pieces: list[_Pieces], sigmas: tuple[int | str, ...]) -> list[Line2D]:
    """The colours of what has a name, with the shares of the length drawn."""
    ends = np.concatenate([each.ends for each in pieces])
    length = np.abs(ends[:, 1] - ends[:, 0]).sum(axis=1)
    angles, found = (np.concatenate([getattr(each, name) for each in pieces]) for name in ("angles", "sigma"))
    named = [(f"Σ{sigma}", found == index, COINCIDENT[index]) for index, sigma in enumerate(sigmas)]
    named.append(("between phases", np.isnan(angles), INK))
    total = length.sum() or 1.0
    return [
        Line2D([], [], color=color, linewidth=2, label=f"{text}  {100 * length[where].sum() / total:.1f} %")
        for text, where, color in named
        if where.any()
    ]
