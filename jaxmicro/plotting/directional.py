"""Polar plots: Young's modulus and conductivity against direction."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from jaxmicro._core import check, check_choice
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import (
    FRAME,
    GRID,
    INK,
    LABEL_SIZE,
    SMALL_SIZE,
    check_names,
    figure_legend,
    line_style,
    new_figure,
    plain,
    set_title,
    with_unit,
)

PLANES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}

Tensors = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def young_polar(
    stiffness: Tensors,
    labels: Sequence[str] | None = None,
    *,
    unit: str | None = None,
    plane: str = "xy",
    title: str | None = None,
) -> Figure:
    """Young's modulus against direction, several tensors overlaid (target, predicted, verified).

    1/E(n) = (n⊗n) : S : (n⊗n). The angle runs from x (right) towards y, which points downwards as in maps, so that
    the plot can be laid over the cell. The radius starts at zero: a circle is isotropy in the plane.

    Args:
        stiffness: one Mandel matrix `(m, m)`, several `(n, m, m)`, or a mapping of labels to matrices; m is 6, or 3
            for plane problems. A 3×3 plane-strain matrix gives the in-plane modulus of a body that cannot strain out of
            plane: for an isotropic material E/(1 − ν²), not E; the axis says so.
        labels: one name per tensor; the keys of a mapping serve by themselves.
        unit: of the stiffness.
        plane: `"xy"`, `"xz"` or `"yz"`, the plane of the directions; 3×3 tensors know only `"xy"`.
        title: shown above.

    Returns:
        A figure with one polar axes and one closed line per tensor.

    Raises:
        ValueError: if a tensor is not symmetric positive definite, or labels and tensors do not match.

    Reference: J. F. Nye, Physical Properties of Crystals, Oxford University Press 1957, chapter VIII.

    Example:
        >>> figure = young_polar({"target": np.diag([2.0, 4.0, 1.0])}, unit="GPa")
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['target']

    Differentiability: none; figures are made of concrete numbers.
    """
    named = named_tensors("stiffness", stiffness, labels, (3, 6))
    flat = any(len(tensor) == 3 for tensor in named.values())
    check(not flat or plane == "xy", f"`plane` must be 'xy' for a 3×3 stiffness, but it is {plane!r}. Pass the 6×6 stiffness.")
    angles = np.linspace(0, 2 * np.pi, 361)
    curves = {label: _young_along(tensor, _directions(angles, plane, 2 if len(tensor) == 3 else 3)) for label, tensor in named.items()}
    name = "in-plane Young's modulus" if flat else "Young's modulus"
    return _polar(angles, curves, with_unit(name, unit), plane, title)


def conductivity_polar(
    conductivity: Tensors,
    labels: Sequence[str] | None = None,
    *,
    unit: str | None = None,
    plane: str = "xy",
    title: str | None = None,
) -> Figure:
    """Conductivity along a gradient against its direction, k(n) = n · k · n, several tensors overlaid.

    Args:
        conductivity: one matrix `(d, d)`, several `(n, d, d)`, or a mapping of labels to matrices; d is 2 or 3.
        labels: one name per tensor; the keys of a mapping serve by themselves.
        unit: of the conductivity.
        plane: `"xy"`, `"xz"` or `"yz"`, the plane of the directions; 2×2 tensors know only `"xy"`.
        title: shown above.

    Returns:
        A figure with one polar axes and one closed line per tensor.

    Raises:
        ValueError: if a tensor is not symmetric positive definite, or labels and tensors do not match.

    Example:
        >>> figure = conductivity_polar(np.diag([2.0, 4.0]), unit="W/m/K")
        >>> float(figure.axes[0].lines[0].get_ydata()[0])
        2.0

    Differentiability: none; figures are made of concrete numbers.
    """
    named = named_tensors("conductivity", conductivity, labels, (2, 3))
    flat = any(len(tensor) == 2 for tensor in named.values())
    check(not flat or plane == "xy", f"`plane` must be 'xy' for a 2×2 conductivity, but it is {plane!r}. Pass the 3×3 conductivity.")
    angles = np.linspace(0, 2 * np.pi, 361)
    curves = {}
    for label, tensor in named.items():
        along = _directions(angles, plane, len(tensor))
        curves[label] = np.einsum("ni,ij,nj->n", along, tensor, along)
    return _polar(angles, curves, with_unit("conductivity", unit), plane, title)


def _young_along(stiffness: Float[np.ndarray, "m m"], directions: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    dyad = _mandel_dyad(directions)
    return 1 / np.einsum("ni,ij,nj->n", dyad, np.linalg.inv(stiffness), dyad)


def _mandel_dyad(n: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n m"]:
    """n⊗n in Mandel notation: (11, 22, 12) in 2D, (11, 22, 33, 23, 13, 12) in 3D, √2 on shears."""
    root = np.sqrt(2)
    if n.shape[1] == 2:
        x, y = n.T
        return np.stack([x * x, y * y, root * x * y], axis=1)
    x, y, z = n.T
    return np.stack([x * x, y * y, z * z, root * y * z, root * x * z, root * x * y], axis=1)


def _directions(angles: Float[np.ndarray, " n"], plane: str, dim: int) -> Float[np.ndarray, "n d"]:
    check_choice("plane", plane, PLANES)
    vectors = np.zeros((angles.size, dim))
    first, second = PLANES[plane]
    vectors[:, first], vectors[:, second] = np.cos(angles), np.sin(angles)
    return vectors


def named_tensors(argument: str, tensors: Tensors, labels: Sequence[str] | None, sizes: tuple[int, int]) -> dict[str, np.ndarray]:
    """Tensors by their names, checked: symmetric positive definite, of one of two sizes."""
    if isinstance(tensors, Mapping):
        check(labels is None, f"`labels` must be left out when `{argument}` is a mapping with names of its own, but it is {labels!r}.")
        labels, listed = [str(key) for key in tensors], list(tensors.values())
    else:
        array = numeric(argument, tensors)
        check(array.ndim in (2, 3), f"`{argument}` must have shape (m, m) or (n, m, m), but its shape is {array.shape}.")
        listed = list(array[None] if array.ndim == 2 else array)
    check(len(listed) > 0, f"`{argument}` must hold at least one tensor, but it is empty.")
    names = check_names("labels", labels, len(listed)) or ([""] if len(listed) == 1 else [str(i) for i in range(len(listed))])
    check(len(set(names)) == len(names), f"`labels` must differ, but they are {names!r}.")
    return {name: _positive_definite(f"{argument} {name}".strip(), tensor, sizes) for name, tensor in zip(names, listed, strict=True)}


def _positive_definite(argument: str, tensor: npt.ArrayLike, sizes: tuple[int, int]) -> Float[np.ndarray, "m m"]:
    matrix = numeric(argument, tensor).astype(float)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] and matrix.shape[0] in sizes
    wanted = " or ".join(f"{size}×{size}" for size in dict.fromkeys(sizes))
    check(square, f"`{argument}` must be a {wanted} matrix, but its shape is {matrix.shape}.")
    skew = float(np.abs(matrix - matrix.T).max())
    check(skew <= 1e-4 * float(np.abs(matrix).max()), f"`{argument}` must be symmetric, but it differs from its transpose by {skew:.3g}.")
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    check(
        smallest > 0,
        f"`{argument}` must be positive definite, but its smallest eigenvalue is {smallest:.3g}. A void has no direction to plot.",
    )
    return matrix


def _polar(
    angles: Float[np.ndarray, " n"], curves: Mapping[str, Float[np.ndarray, " n"]], quantity: str, plane: str, title: str | None
) -> Figure:
    figure = new_figure(3.7, 4.15 if title else 3.95)
    axes = cast(PolarAxes, figure.add_subplot(projection="polar"))
    axes.set_theta_direction(-1)
    for index, (label, radius) in enumerate(curves.items()):
        axes.plot(angles, radius, label=plain(label), linewidth=2.2 if index == 0 else 1.7, **line_style(index))  # pyright: ignore[reportArgumentType]
    axes.set_ylim(0, 1.12 * max(float(radius.max()) for radius in curves.values()))
    axes.set_xticks(np.arange(8) * np.pi / 4, [plane[0], "45°", f"{plane[1]} ↓", "135°", f"−{plane[0]}", "225°", f"−{plane[1]}", "315°"])
    axes.tick_params(axis="x", labelsize=LABEL_SIZE, labelcolor=INK, pad=2)
    _label_radii(axes)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.spines["polar"].set_color(FRAME)
    if title:
        set_title(axes, title)
    axes.set_xlabel(quantity, fontsize=LABEL_SIZE, color=INK, labelpad=8)
    if any(curves):
        figure_legend(figure, axes.get_legend_handles_labels()[0], columns=2 if len(curves) > 3 else 3)
    return figure


def _label_radii(axes: PolarAxes) -> None:
    """Numbers along a ray between two labels of the angle, drawn over the curves: matplotlib's own lie under them."""
    end = axes.get_ylim()[1]
    radii = [float(tick) for tick in MaxNLocator(4).tick_values(0, end) if 0 < tick < end]
    axes.set_yticks(radii, [""] * len(radii))
    frame = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8}
    for radius in radii:
        axes.text(np.radians(22.5), radius, f"{radius:g}", fontsize=SMALL_SIZE, color=INK, ha="center", va="center", bbox=frame, zorder=5)
