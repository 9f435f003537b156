"""The keys to colours of orientations: the standard sector of a Laue group, and the ranges of Euler angles."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from jaxmicro._core import check_choice
from jaxmicro.orientations.colours import euler_ranges, sector_color
from jaxmicro.orientations.laue import LAUE_GROUPS
from jaxmicro.orientations.sectors import SECTORS, edge_angle, sector_direction
from jaxmicro.plotting.hemisphere import project
from jaxmicro.plotting.maps import bare
from jaxmicro.plotting.style import INK, SMALL_SIZE, TITLE_SIZE, new_figure, plain

PIXELS = 320
MARGIN = 0.02


def ipf_key(laue: str = "m-3m", *, title: str | None = None) -> Figure:
    """The colour key of inverse pole figures alone: the standard sector of a Laue group with its corners named.

    Drawn in stereographic projection along [001], the crystal's x to the right and its y upwards, as such triangles are
    printed everywhere. The colours are those of `orientations.direction_color`, which defines them.

    Args:
        laue: Laue group in Hermann–Mauguin notation, one of the eleven.
        title: shown above; by default the Laue group.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if the group is not known.

    Reference: G. Nolze, R. Hielscher, J. Appl. Cryst. 49, 1786 (2016), doi:10.1107/S1600576716012942.

    Example:
        >>> [text.get_text() for text in ipf_key("m-3m").axes[0].texts]
        ['001', '101', '111']

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("laue", laue, LAUE_GROUPS)
    figure = new_figure(2.9, 2.7)
    axes = figure.add_subplot()
    draw_key(axes, laue)
    axes.set_title(laue_symbol(laue) if title is None else plain(title), fontsize=TITLE_SIZE, color=INK, pad=6)
    return figure


def laue_symbol(laue: str) -> str:
    """A Laue group as it is printed, with bars over the digits."""
    return _barred(laue)


def indices_symbol(indices: tuple[int, ...]) -> str:
    """Miller indices with bars for minus signs."""
    return _barred("".join(str(index) for index in indices))


def _barred(text: str) -> str:
    head, *rest = text.split("-")
    return head + "".join(rf"$\bar{{{part[0]}}}${part[1:]}" for part in rest)


def outline(laue: str, projection: str = "stereographic") -> Float[np.ndarray, "n 2"]:
    """The edge of a standard sector on paper, counter-clockwise from [001]."""
    along = np.linspace(0, 1, 91)
    ones = np.ones_like(along)
    t, s = np.concatenate([along, ones, 1 - along]), np.concatenate([0 * ones, along, ones])
    return project(np.asarray(sector_direction(jnp.asarray(t), jnp.asarray(s), laue)), projection).T


def draw_key(axes: Axes, laue: str) -> None:
    """The key on given axes, without ticks, with its corners named."""
    edge = outline(laue)
    (left, low), (right, high) = edge.min(axis=0) - MARGIN, edge.max(axis=0) + MARGIN
    x, y = np.meshgrid(np.linspace(left, right, PIXELS), np.linspace(low, high, PIXELS))
    shown = axes.imshow(_sector_image(x, y, laue), extent=(left, right, low, high), origin="lower", interpolation="bilinear")
    sector = Polygon([tuple(point) for point in edge], fill=False, edgecolor=INK, linewidth=0.9, joinstyle="round")
    axes.add_patch(sector)
    shown.set_clip_path(sector)
    bare(axes)
    frame_sector(axes, edge)
    name_corners(axes, laue)


def frame_sector(axes: Axes, edge: Float[np.ndarray, "n 2"]) -> None:
    """To scale, with room for the names of the corners, without a box."""
    (left, low), (right, high) = edge.min(axis=0), edge.max(axis=0)
    size = max(right - left, high - low)
    axes.set_xlim(left - 0.12 * size, right + 0.12 * size)
    axes.set_ylim(low - 0.14 * size, high + 0.14 * size)
    axes.set_aspect("equal")
    for spine in axes.spines.values():
        spine.set_visible(False)


def name_corners(axes: Axes, laue: str, projection: str = "stereographic") -> None:
    """Miller indices beside the corners, away from the middle of the sector."""
    edge = outline(laue, projection)
    middle = (edge.min(axis=0) + edge.max(axis=0)) / 2
    size = float(np.ptp(edge, axis=0).max())
    for indices, t, s in SECTORS[laue].corners:
        place = project(np.asarray(sector_direction(t, s, laue)), projection)
        outward = np.sign(np.round((place - middle) / size, 1))
        if not outward.any():  # the middle of a full disc: above the line that ends there
            outward = np.array([0.0, 1.0])
        x, y = place + outward * np.array([0.0, 0.025]) * size
        axes.text(
            float(x),
            float(y),
            indices_symbol(indices),
            fontsize=SMALL_SIZE,
            color=INK,
            ha=("right", "center", "left")[int(outward[0]) + 1] if outward[1] == 0 else "center",
            va=("top", "center", "bottom")[int(outward[1]) + 1],
        )


def _sector_image(x: Float[np.ndarray, "n n"], y: Float[np.ndarray, "n n"], laue: str) -> Float[np.ndarray, "n n 3"]:
    """Colours of places on the stereographic projection; a little beyond the edge, those of the edge."""
    sector = SECTORS[laue]
    middle = sector.start + sector.width / 2
    aside = (np.degrees(np.arctan2(y, x)) - middle + 180) % 360 - 180
    s = np.clip(aside / sector.width + 0.5, 0, 1)
    edge = np.asarray(edge_angle(np.radians(sector.start + s * sector.width), laue))
    t = np.clip(2 * np.arctan(np.hypot(x, y)) / edge, 0, 1)
    return np.moveaxis(np.asarray(sector_color(t, s)), 0, -1)


def draw_euler_key(axes: Axes, laue: str) -> None:
    """Three bars, from black to red, green and blue, with the ranges of the angles."""
    ramp = np.linspace(0, 1, 64)
    for index, (name, most) in enumerate(zip(("φ₁", "Φ", "φ₂"), euler_ranges(laue), strict=True)):
        bar = np.zeros((1, 64, 3))
        bar[0, :, index] = ramp
        axes.imshow(bar, extent=(0, 1, 3 * index + 1.3, 3 * index), aspect="auto", interpolation="nearest")
        axes.text(0.5, 3 * index + 1.5, f"{name}  0 … {most:g}°", fontsize=SMALL_SIZE, color=INK, ha="center", va="top")
    bare(axes)
    axes.set_ylim(8.8, 0)
    axes.set_xlim(0, 1)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_box_aspect(1.0)
