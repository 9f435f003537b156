"""Maps of grains: each in a colour that none of its neighbours has."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.transforms import Bbox

from jaxmicro._core import check
from jaxmicro.plotting.grain_slices import check_grains, draw_borders, draw_slices, edges_of, greys_of, unit_of
from jaxmicro.plotting.lengths import AUTO
from jaxmicro.plotting.maps import extent
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED
from jaxmicro.plotting.pictures import Slice, slices
from jaxmicro.plotting.style import INK, SMALL_SIZE, figure_legend, hex_color, phase_colors

# Light colours under dark text that stay apart with colour vision deficiencies: P. Tol, "Colour schemes", SRON/EPS/TN/09-002 (2021).
COLORS = ("#77AADD", "#EE8866", "#EEDD88", "#44BB99", "#FFAABB", "#BBCC33", "#99DDFF", "#AAAA00")
DIGIT = 0.085  # inches: breadth of a digit of the numbers


def grain_map(
    grains: Any,
    ms: Any = None,
    *,
    boundaries: bool = True,
    numbers: bool = False,
    ellipses: bool = False,
    title: str | None = None,
    unit: str | None = AUTO,
) -> Figure:
    """Grains in colours that differ between neighbours, with their boundaries; voxels in no grain are grey.

    A colour says nothing but where a grain ends. x points right and y down, of a volume the three middle slices are shown.

    Args:
        grains: `descriptors.Grains`.
        ms: the microstructure they were found in: it tells voxels that were not measured from those in grains too small to count, the
            unit, and the edges of voxels. Without it edges are what the grains tell; those of periodic cells are taken for equal.
        boundaries: whether lines are drawn between grains.
        numbers: whether grains carry their numbers, counted from 0, where there is room.
        ellipses: whether the ellipses of the same second moments are drawn, and boundaries white; of maps, not of volumes.
        title: shown above.
        unit: unit of length, or None where it is not known. By default `"auto"`: µm where `ms` was read from an EBSD file.

    Returns:
        A figure with one axes per slice.

    Raises:
        ValueError: if the grid of `ms` is not that of the grains, or ellipses are asked for a volume.
        TypeError: if `grains` are no grains.

    Example:
        >>> ms = jm.microstructures.polycrystal(jm.Grid((32, 24)), 7, key=jax.random.key(0))
        >>> figure = grain_map(jm.descriptors.measure_grains(ms, periodic=True), ms)
        >>> figure.axes[0].images[0].get_array().shape
        (24, 32, 3)

    Differentiability: none; figures are made of concrete numbers.
    """
    check_grains(grains)
    labels, edges = np.asarray(grains.labels), edges_of(grains, ms)
    check(
        not ellipses or labels.ndim == 2,
        f"`ellipses` must be left out for a volume, but the grains are of shape {labels.shape}: a slice of a grain has another ellipse.",
    )
    dark, greys = greys_of(labels, ms)
    table = np.vstack([grain_colors(np.asarray(grains.neighbours), grains.count), hex_color(NO_CRYSTAL)])
    rgb = np.where(dark[..., None], hex_color(UNMEASURED), table[labels])
    parts, cuts = slices(rgb, edges), slices(labels, edges)
    figure, panels, _ = draw_slices(parts, title, unit_of(ms, unit), legend=min(len(greys), 1), bar=False)
    for axes, cut in zip(panels, cuts, strict=True):
        if boundaries:
            draw_borders(axes, cut.image, cut.spacing, "white" if ellipses else INK)
        if ellipses:
            _draw_ellipses(axes, grains, extent(cut))
    if greys:
        figure_legend(figure, greys, columns=2)
    if numbers:
        figure.draw_without_rendering()  # which makes the layout, so that the room is known
        for axes, cut in zip(panels, cuts, strict=True):
            _draw_numbers(axes, cut, figure.dpi)
    return figure


def grain_colors(neighbours: Int[np.ndarray, "2 k"], count: int) -> Float[np.ndarray, "n 3"]:
    """Colours of `count` grains, `(n, 3)`, so that neighbours differ: those with most neighbours first, each the rarest that is free.

    Example:
        >>> grain_colors(np.array([[0, 1], [1, 2]]), 3).shape
        (3, 3)
    """
    ends = np.concatenate([neighbours, neighbours[::-1]], axis=1)
    ends = ends[:, np.argsort(ends[0], kind="stable")]
    number = np.bincount(ends[0], minlength=count)
    around = np.split(ends[1], np.cumsum(number)[:-1]) if count else []
    chosen, used = np.full(count, -1), np.zeros(max(len(COLORS), int(number.max(initial=0)) + 1), int)
    for grain in np.argsort(-number, kind="stable"):
        free = np.ones(used.size, bool)
        free[chosen[around[grain]][chosen[around[grain]] >= 0]] = False
        free[len(COLORS) :] &= not free[: len(COLORS)].any()
        chosen[grain] = np.flatnonzero(free)[used[free].argmin()]
        used[chosen[grain]] += 1
    spare = phase_colors(used.size)[len(COLORS) :]
    return np.vstack([[hex_color(color) for color in COLORS], spare])[chosen]


def _draw_ellipses(axes: Axes, grains: Any, lengths: tuple[float, float]) -> None:
    """Ellipses of the same second moments; in a periodic cell also what reaches in across the edges."""
    center, size, along = (np.asarray(each, float) for each in (grains.centroids, grains.axes, grains.directions))
    axes.autoscale(enable=False)
    shifts = [(i * lengths[0], j * lengths[1]) for i in (-1, 0, 1) for j in (-1, 0, 1)] if grains.periodic else [(0.0, 0.0)]
    for grain in range(grains.count):
        turn = float(np.degrees(np.arctan2(along[1, 0, grain], along[0, 0, grain])))
        for shift in shifts:
            place = (center[0, grain] + shift[0], center[1, grain] + shift[1])
            if all(-size[0, grain] < at < length + size[0, grain] for at, length in zip(place, lengths, strict=True)):
                axes.add_patch(Ellipse(place, size[0, grain], size[1, grain], angle=turn, fill=False, edgecolor=INK, linewidth=0.9))


def _draw_numbers(axes: Axes, cut: Slice, dpi: float) -> None:
    """The number of each grain at its pixel farthest from other grains, where the circle about it holds the number; none under the scale bar."""
    from scipy.ndimage import distance_transform_edt

    labels = np.pad(cut.image, 1, constant_values=-2)
    inner = np.ones(labels.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= labels == np.roll(labels, step, axis)
    room = np.asarray(distance_transform_edt(inner, sampling=cut.spacing))[1:-1, 1:-1] + 0.5 * min(cut.spacing)
    order = np.argsort(room, axis=None, kind="stable")[::-1]
    present, first = np.unique(cut.image.ravel()[order], return_index=True)
    inches = axes.get_window_extent().width / dpi / extent(cut)[0]
    bars = [artist.get_window_extent() for artist in axes.artists]
    for grain, place in zip(present, order[first], strict=True):
        i, j = np.unravel_index(place, cut.image.shape)
        at = ((i + 0.5) * cut.spacing[0], (j + 0.5) * cut.spacing[1])
        half = 0.5 * DIGIT * len(str(grain))
        left, low, right, high = (axes.transData.transform(at) + half * dpi * np.array([[-1], [1]])).ravel()
        hidden = any(bar.overlaps(Bbox([[left, low], [right, high]])) for bar in bars)
        if grain >= 0 and room[i, j] * inches >= half and not hidden:
            axes.text(*at, str(grain), fontsize=SMALL_SIZE, color=INK, ha="center", va="center", clip_on=True)
