"""Surfaces of Young's modulus over all directions in space."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from jaxmicro.homogenization import directional_young
from jaxmicro.plotting.directional import named_tensors
from jaxmicro.plotting.style import (
    FRAME,
    GRID,
    INK,
    LABEL_SIZE,
    SEQUENTIAL,
    SMALL_SIZE,
    columns_for,
    new_figure,
    set_heading,
    set_title,
    with_unit,
)

POLAR, AZIMUTH = 81, 161


def young_surface(
    stiffness: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    labels: Sequence[str] | None = None,
    *,
    unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Young's modulus as a surface in space: its distance from the centre along n is E(n), and so is its colour.

    1/E(n) = (n⊗n) : S : (n⊗n). All surfaces of a figure share one scale of lengths and colours, so that a crystal and the
    effective tensor of a map of it can be compared; a sphere is isotropy. z is drawn upwards, the axes are right-handed; in maps, where
    x points right and y down, the same z points into the page.

    Args:
        stiffness: one Mandel matrix `(6, 6)`, several `(n, 6, 6)`, or a mapping of labels to matrices.
        labels: one name per tensor; the keys of a mapping serve by themselves.
        unit: of the stiffness.
        title: shown above.

    Returns:
        A figure with one 3D axes per tensor and one for the colour bar.

    Raises:
        ValueError: if a tensor is not symmetric positive definite, or labels and tensors do not match.

    Reference: J. F. Nye, Physical Properties of Crystals, Oxford University Press 1957, chapter VIII.

    Example:
        >>> figure = young_surface({"crystal": np.diag([2.0, 4, 3, 1, 1, 1])}, unit="GPa")
        >>> figure.axes[-1].get_ylabel()
        "Young's modulus (GPa)"

    Differentiability: none; figures are made of concrete numbers.
    """
    named = named_tensors("stiffness", stiffness, labels, (6, 6))
    directions = _directions()
    moduli = {name: np.asarray(directional_young(jnp.asarray(tensor), jnp.asarray(directions))) for name, tensor in named.items()}
    low, high = min(float(each.min()) for each in moduli.values()), max(float(each.max()) for each in moduli.values())
    low = low if high - low > 1e-3 * high else 0.0  # only spheres: colours from zero, or rounding would paint them
    colors = ScalarMappable(Normalize(low, high), SEQUENTIAL)
    rows, columns = columns_for(len(named), 3)
    figure = new_figure(2.75 * columns + 1.0, 2.65 * rows + (0.35 if title else 0.1))
    panels = []
    for index, (name, modulus) in enumerate(moduli.items()):
        axes = cast(Axes3D, figure.add_subplot(rows, columns, index + 1, projection="3d"))
        _draw_surface(axes, modulus * directions, colormaps[SEQUENTIAL](colors.norm(modulus)))
        _frame(axes, high)
        if name:
            set_title(axes, name)
        panels.append(axes)
    bar = figure.colorbar(colors, ax=panels, shrink=0.75, pad=0.09, aspect=22)
    bar.set_label(with_unit("Young's modulus", unit), fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK)
    bar.outline.set_edgecolor(FRAME)
    if title:
        set_heading(figure, title)
    return figure


def _directions() -> Float[np.ndarray, "3 p a"]:
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, POLAR), np.linspace(0, 2 * np.pi, AZIMUTH), indexing="ij")
    return np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])


def _draw_surface(axes: Axes3D, points: Float[np.ndarray, "3 p a"], colors: Any) -> None:
    """Facets with a little light from above, so that the shape shows."""
    normals = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=2), axis=0)
    lengths = np.linalg.norm(normals, axis=0)
    light = np.einsum("i,i...->...", np.array([0.35, -0.45, 0.82]), normals / np.where(lengths > 0, lengths, 1))
    light = np.where(lengths > 0, light, np.sign(points[2]) * 0.82)
    shaded = np.concatenate([colors[..., :3] * (0.8 + 0.2 * light[..., None]), colors[..., 3:]], axis=-1)
    axes.plot_surface(*points, facecolors=np.clip(shaded, 0, 1), rstride=1, cstride=1, linewidth=0, antialiased=False, shade=False)


def _frame(axes: Axes3D, size: float) -> None:
    """Equal scales on the three axes, three ticks on each: zero and a round modulus on both sides, in the unit of the colour bar."""
    most = float(f"{0.6 * size:.1g}")  # away from the corners, where the ticks of two axes would meet
    for name in "xyz":
        axis: Any = getattr(axes, f"{name}axis")  # matplotlib's types say 2D
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(FRAME)
        axis._axinfo["grid"].update(color=GRID, linewidth=0.6)
        axis.set_tick_params(labelsize=SMALL_SIZE, labelcolor=INK, pad=2 if name == "z" else -3)
        getattr(axes, f"set_{name}lim")(-size, size)
        getattr(axes, f"set_{name}ticks")([-most, 0.0, most])
        getattr(axes, f"set_{name}label")(name, fontsize=LABEL_SIZE, color=INK, labelpad=-6)
    axes.set_box_aspect((1, 1, 1))
    axes.view_init(elev=24, azim=-55)
