"""Volumes as bodies in space, drawn without a graphics card."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, is_color_like, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jaxmicro._core import as_number, check, check_choice, check_whole
from jaxmicro.plotting.camera import camera_for
from jaxmicro.plotting.color_keys import draw_key
from jaxmicro.plotting.field_maps import color_scale, draw_color_bar
from jaxmicro.plotting.lengths import AUTO, length_unit
from jaxmicro.plotting.maps import LEGEND_LIMIT, bare
from jaxmicro.plotting.orientation_colors import crystals_of, ipf_colors, measured_voxels
from jaxmicro.plotting.orientation_maps import KEY_WIDTH, name_key
from jaxmicro.plotting.pictures import COLORINGS, Phases, phases_of, voxel_edges
from jaxmicro.plotting.style import FRAME, INK, SMALL_SIZE, new_figure, phase_colors, plain, set_title, with_unit
from jaxmicro.plotting.volume_bodies import scene, voxel_of
from jaxmicro.plotting.volume_box import draw_box, draw_scales
from jaxmicro.plotting.volume_rendering import View, render

EMPTY = ("pore", "pores", "void", "voids", "air")  # names of phases that are not drawn unless they are asked for
WIDTH = 4.4  # inches of the longer edge of the picture
LIGHTER = 0.16  # share of white in the colours of phases, which shade makes darker
HAZE = 0.15  # share of white at the far end, where colours are not read off a scale
FEWEST, MOST = 40, 4000  # pixels
TAILS = (0.5, 99.5)  # percent of the values between which the colour scale is by default


def volume_view(
    cell: Any,
    *,
    show: str | Sequence[str] | None = None,
    opacity: Mapping[str, float] | None = None,
    values: npt.ArrayLike | None = None,
    name: str = "value",
    value_unit: str | None = None,
    limits: tuple[float, float] | None = None,
    color_by: str = "phase",
    colors: Mapping[str, str] | None = None,
    azimuth: float = -55.0,
    elevation: float = 25.0,
    perspective: float = 0.0,
    cut: float | Sequence[float] | None = None,
    smooth: float = 0.6,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = AUTO,
    pixels: int = 800,
    title: str | None = None,
) -> Figure:
    """A volume as a body in space, drawn on the processor: surfaces of phases with light and shade, and their sections on the box.

    Rays are followed through the voxels to the surface on which the smoothed share of the drawn phases is 1/2; its slope gives the light,
    and how much matter is around a place its shade. The axes are right-handed with z upwards (in maps, where x points right and y down,
    the same z points into the page).

    Args:
        cell: a `Microstructure`, labels `(nx, ny, nz)` of whole numbers, or phase fractions `(p, nx, ny, nz)`.
        show: names of the phases that are drawn; by default all but those called pore, void or air (all, if no other is left).
        opacity: of phases by name, between 0 (not drawn) and 1; by default 1.
        values: a field `(nx, ny, nz)` whose values colour the surfaces, such as a stress. NaN is left grey.
        name: of the values, at the colour bar.
        value_unit: of the values.
        limits: ends of their colour scale; by default 0.5 % of the values in the drawn phases are beyond it at either end.
        color_by: `"phase"`, or `"orientation"` for inverse-pole-figure colours of z with their key.
        colors: colours of phases by name, such as `{"binder": "#C05020"}`, instead of those of the maps.
        azimuth: of the viewer in degrees, from x towards y.
        elevation: of the viewer in degrees above the x-y plane.
        perspective: angle of view in degrees; 0 has parallel rays, 20 is mild.
        cut: share of the edges of the box that is cut away at the corner next to the viewer, one for all axes or one for each; or None.
        smooth: width of the smoothing in voxels; 0 draws the voxels as they are. Bodies thinner than it are lost.
        names: one name per phase, for arrays.
        spacing: voxel edge, as in `cell`; by default that of the microstructure, else 1.
        unit: unit of length; `"auto"` is µm for a measured orientation map, and none for others.
        pixels: of the longer edge of the picture.
        title: shown above.

    Returns:
        A figure with one axes, and one for the colour bar or for each key.

    Raises:
        ValueError: if the cell is no volume, a phase has no such name, nothing is drawn, or a number is out of its range.

    Example:
        >>> solid = np.indices((8, 8, 8)).sum(axis=0) < 10
        >>> figure = volume_view(solid.astype(int), show="solid", names=["pore", "solid"], unit="µm", pixels=60)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['solid  40.6 %']

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("color_by", color_by, COLORINGS)
    check_whole("pixels", pixels, FEWEST)
    check(pixels <= MOST, f"`pixels` must be at most {MOST}, but it is {pixels}. Time grows with its square.")
    check(
        0 <= as_number(smooth) <= 5, f"`smooth` must be a number of voxels from 0 to 5, but it is {smooth!r}. 0.6 rounds steps of voxels."
    )
    phases = phases_of(cell, names)
    check(len(phases.shape) == 3, f"`cell` must be a volume with three axes, but its grid is {phases.shape}. Draw it with `cell`.")
    given = np.asarray(cell.grid.spacing).tolist() if spacing is None and hasattr(cell, "grid") else spacing
    edges = np.asarray(voxel_edges(given, 3))
    solid = _opacity(phases, show, opacity)
    lengths = edges * np.asarray(phases.shape)
    camera = camera_for(lengths, azimuth, elevation, perspective)
    hole = _hole(cut, phases.shape, camera.towards)
    body = scene(phases, solid, edges.tolist(), float(smooth), None if hole is None else _removed(phases.shape, *hole))
    palette = _palette(phases, colors)
    field = None if values is None else _Field(values, phases, solid, limits)
    crystals = ipf_colors("cell", cell, (0.0, 0.0, 1.0), "Use color_by='phase'.") if color_by == "orientation" and field is None else None

    def paint(places: Float[np.ndarray, "3 n"], phase: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
        if field is not None:
            return field.colors(places)
        if crystals is not None:
            return crystals[voxel_of(places, phases.shape)]
        return palette[phase]

    picture = render(View(body, camera, hole, paint, 0.0 if field is not None or crystals is not None else HAZE), pixels)
    keys = _keys(cell, solid) if crystals is not None else []
    figure, axes, beside = _panels(picture.extent, keys, field is not None, title)
    axes.imshow(picture.image, extent=picture.extent, origin="lower", interpolation="antialiased")
    margin = 0.006 * max(picture.extent[1] - picture.extent[0], picture.extent[3] - picture.extent[2])  # lines are half outside
    axes.set(xlim=(picture.extent[0] - margin, picture.extent[1] + margin), ylim=(picture.extent[2] - margin, picture.extent[3] + margin))
    bare(axes)
    axes.set_frame_on(False)
    slack = 1.5 * float(edges.max())
    draw_box(axes, camera, picture, lengths, None if hole is None else (hole[0] * edges, hole[1] * edges), slack)
    draw_scales(axes, camera, lengths, length_unit(cell, unit) or ("voxels" if np.all(edges == 1) else "length units"))
    if title:
        set_title(axes, title)
    if field is not None:
        draw_color_bar(figure, field.scale, axes, with_unit(name, value_unit), shrink=0.7, pad=0.05, extend=field.extend)
    for panel, (group, known) in zip(beside, keys, strict=True):
        draw_key(panel, group)
        name_key(panel, group, known, "∥ z")
    if field is None and crystals is None:
        _legend(figure, phases, solid, palette)
    return figure


class _Field:
    """Colours of a scalar field on surfaces: of each voxel, or of the nearest one that has a value in a drawn phase."""

    def __init__(self, values: npt.ArrayLike, phases: Phases, opacity: Float[np.ndarray, " p"], limits: tuple[float, float] | None) -> None:
        from scipy.ndimage import distance_transform_edt

        field = np.asarray(values)
        check(field.dtype.kind in "biuf", f"`values` must be real numbers, but their dtype is {field.dtype}.", TypeError)
        check(field.shape == phases.shape, f"`values` must have the shape of the volume, {phases.shape}, but theirs is {field.shape}.")
        drawn = phases.share([k for k in range(len(opacity)) if opacity[k] > 0]) > 0.5
        known = drawn & np.isfinite(field)
        check(bool(known.any()), "`values` must be finite somewhere in the drawn phases, but they are not. Check `show`.")
        judged = field[known].astype(float)
        ends = tuple(float(end) for end in np.percentile(judged, TAILS)) if limits is None else limits
        low, high, colors = color_scale(np.asarray(ends)[None, :], None, limits)
        beyond = (bool(judged.min() < low), bool(judged.max() > high))
        self.extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
        self.scale = ScalarMappable(Normalize(low, high), colors)
        nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
        self._rgb = colormaps[colors](self.scale.norm(field[tuple(nearest)]))[..., :3]  # pyright: ignore[reportArgumentType, reportCallIssue]
        self._rgb[drawn & ~known] = to_rgb(FRAME)

    def colors(self, places: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, "n 3"]:
        """Linear between the colours of voxels, so that no voxel shows on a smooth surface."""
        from scipy.ndimage import map_coordinates

        where = (places - 0.5).astype(np.float32)
        return np.stack([map_coordinates(self._rgb[..., k], where, order=1, mode="nearest") for k in range(3)], axis=-1)


def _opacity(phases: Phases, show: str | Sequence[str] | None, opacity: Mapping[str, float] | None) -> Float[np.ndarray, " p"]:
    """Opacity of each phase; zero where it is not drawn."""
    if show is None:
        chosen = [name for name in phases.names if name.lower() not in EMPTY] or list(phases.names)
    else:
        chosen = [show] if isinstance(show, str) else list(show)
    for each in chosen:
        check_choice("show", each, phases.names)
    solid = np.array([float(name in chosen) for name in phases.names])
    for each, number in (opacity or {}).items():
        check_choice("opacity", each, phases.names)
        check(0 <= as_number(number) <= 1, f"`opacity` must lie between 0 and 1, but that of {each!r} is {number!r}.")
        solid[phases.names.index(each)] *= float(number)
    shown = [k for k in range(len(solid)) if solid[k] > 0]
    there = any(phases.shares[k] > 0 for k in shown)
    check(there, f"`show` and `opacity` must leave something to draw, but of {', '.join(phases.names)} nothing that is there is left.")
    return solid


def _hole(
    cut: float | Sequence[float] | None, shape: tuple[int, ...], towards: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]] | None:
    """Low and high corner in voxels of what is cut away; whole voxels, so that sections are those of the voxels."""
    if cut is None:
        return None
    shares = np.asarray(cut)
    good = shares.dtype.kind in "iuf" and shares.shape in ((), (3,)) and bool(((shares > 0) & (shares <= 1)).all())
    check(good and bool((np.ravel(shares) < 1).any()), f"`cut` must be a share between 0 and 1, or one for each axis, but it is {cut!r}.")
    sizes = np.asarray(shape, float)
    depth = np.clip(np.round(sizes * shares), 1, sizes)
    return np.where(towards > 0, sizes - depth, 0.0), np.where(towards > 0, sizes, depth)


def _removed(shape: tuple[int, ...], low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> Bool[np.ndarray, "nx ny nz"]:
    removed = np.zeros(shape, bool)
    removed[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] = True
    return removed


def _palette(phases: Phases, colors: Mapping[str, str] | None) -> Float[np.ndarray, "p 3"]:
    palette = phase_colors(len(phases.names))
    palette += LIGHTER * (1 - palette)
    for each, color in (colors or {}).items():
        check_choice("colors", each, phases.names)
        check(is_color_like(color), f"`colors` must hold colours, but that of {each!r} is {color!r}. Write it as '#RRGGBB'.")
        palette[phases.names.index(each)] = to_rgb(color)
    return palette


def _keys(ms: Any, opacity: Float[np.ndarray, " p"]) -> list[tuple[str, Any]]:
    labels = np.asarray(ms.labels)
    seen = measured_voxels(ms) & (opacity > 0)[labels]
    crystals = crystals_of(ms, labels[seen])
    return [(group, crystals) for group in crystals.names]


def _panels(
    extent: tuple[float, float, float, float], keys: Sequence[Any], bar: bool, title: str | None
) -> tuple[Figure, Axes, list[Axes]]:
    """A figure with the picture at its size, room for the scales around it, and a column for keys."""
    broad, high = extent[1] - extent[0], extent[3] - extent[2]
    scale = WIDTH / max(broad, high)
    column = KEY_WIDTH if keys else 0.0
    width = max(broad * scale, 2.0) + 0.9 + (0.9 if bar else 0.0)
    figure = new_figure(width + column, max(high * scale + 0.8 + (0.3 if title else 0.0), 1.55 * len(keys) + 0.4, 2.0))
    grid = figure.add_gridspec(1, 2 if keys else 1, width_ratios=[width, column] if keys else None)
    axes = figure.add_subplot(grid[0, 0])
    if not keys:
        return figure, axes, []
    inner = grid[0, 1].subgridspec(len(keys), 1)
    return figure, axes, [figure.add_subplot(inner[index, 0]) for index in range(len(keys))]


def _legend(figure: Figure, phases: Phases, opacity: Float[np.ndarray, " p"], palette: Float[np.ndarray, "p 3"]) -> None:
    """The drawn phases with their volume fractions."""
    shown = [k for k in range(len(opacity)) if opacity[k] > 0]
    if len(shown) > LEGEND_LIMIT or len(phases.names) < 2:
        return
    handles = [
        Patch(
            facecolor=(*palette[k], opacity[k]),
            edgecolor=FRAME,
            linewidth=0.8,
            label=f"{plain(phases.names[k])}  {100 * phases.shares[k]:.1f} %",
        )
        for k in shown
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 3), fontsize=SMALL_SIZE, labelcolor=INK, frameon=False,
        handlelength=1.2, columnspacing=1.4,
    )  # fmt: skip
