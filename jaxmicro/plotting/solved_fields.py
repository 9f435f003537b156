"""Fields of solved cells: fluxes with streamlines, stresses by component, potentials with their level lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from jaxmicro._core import as_number, check, check_choice, check_whole
from jaxmicro.homogenization import von_mises
from jaxmicro.plotting.field_maps import color_scale, draw_color_bar, section_of
from jaxmicro.plotting.maps import draw_slice, extent, figure_for
from jaxmicro.plotting.pictures import Slice, cut, voxel_edges
from jaxmicro.plotting.style import INK, SMALL_SIZE, columns_for, new_figure, plain, set_heading, with_unit

NAMES = {3: ("11", "22", "12"), 6: ("11", "22", "33", "23", "13", "12")}
VON_MISES, MEAN = "von Mises", "mean"
STILL = 2e-3  # share of the largest magnitude below which nothing flows


def flux_map(
    flux: Any,
    *,
    load: int = 0,
    section: tuple[int | str, int] | None = None,
    density: float = 1.0,
    limits: tuple[float, float] | None = None,
    name: str = "flux",
    unit: str | None = None,
    spacing: float | Sequence[float] | None = None,
    length_unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Streamlines of a flux over a map of its magnitude, x to the right and y downwards.

    In a section of a volume lines follow the components in its plane, while the magnitude is that of all of them.

    Args:
        flux: `(d, *grid)`; or a result of conduction that was solved with `fields=("flux",)`, of which what flows is shown, −k ∇u.
        load: which unit load of a result with several.
        section: of a volume, (axis, index of the voxel); by default the middle one across z.
        density: of the streamlines; twice as many lines at 2.
        limits: ends of the colour scale; by default from zero to the largest magnitude in the section.
        name: of the quantity, at the colour bar.
        unit: of the quantity.
        spacing: voxel edge, as in `cell`.
        length_unit: of the voxel edge.
        title: shown above.

    Returns:
        A figure with one axes and one for the colour bar.

    Raises:
        ValueError: if a result holds no flux, the shape is none of a vector field, or there is no such section.

    Example:
        >>> figure = flux_map(np.ones((2, 8, 6)), unit="W/m²")
        >>> figure.axes[-1].get_ylabel()
        '|flux| (W/m²)'

    Differentiability: none; figures are made of concrete numbers.
    """
    values = -_of_result(flux, "flux", load) if hasattr(flux, "flux") else _real("flux", flux)
    d = values.ndim - 1
    check(d in (2, 3) and values.shape[0] == d, f"`flux` must have shape (d, *grid) in 2D or 3D, but it is {values.shape}.")
    check(0 < as_number(density) <= 10, f"`density` must be between 0 and 10, but it is {density!r}.")
    edges = voxel_edges(spacing, d)
    magnitude = _cut(np.sqrt((values**2).sum(axis=0)), edges, section)
    plane = ["xyz".index(axis) for axis in magnitude.axes]
    along = [_cut(values[k], edges, section).image for k in plane]
    check(bool(np.isfinite(magnitude.image).any()), "`flux` must be finite somewhere in the section, but it is not.")
    low, high, colors = color_scale(magnitude.image[None], False, (0.0, float(np.nanmax(magnitude.image))) if limits is None else limits)
    figure = figure_for([magnitude], 4.6, title, margin=1.6)
    axes = figure.add_subplot()
    image = draw_slice(axes, magnitude, length_unit, title, cmap=colors, vmin=low, vmax=high)
    _streamlines(axes, magnitude, along, float(density))
    draw_color_bar(figure, image, axes, with_unit(f"|{name}|", unit))
    return figure


def stress_map(
    stress: Any,
    components: Sequence[str] = (VON_MISES,),
    *,
    load: int = 0,
    section: tuple[int | str, int] | None = None,
    plane: str | None = None,
    out_of_plane: Any = None,
    limits: tuple[float, float] | None = None,
    name: str = "stress",
    unit: str | None = None,
    spacing: float | Sequence[float] | None = None,
    length_unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Components of a stress, its mean and its von Mises stress, of plane and columnar cells and of sections through volumes.

    Components are those of the tensor (shears without the √2 of Mandel notation) and share one colour scale; von Mises and mean stresses
    have their own.

    Args:
        stress: Mandel components `(m, *grid)`; or a result that was solved with `fields=("stress",)`.
        components: any of "11", "22", "33", "23", "13", "12" (in the plane "11", "22", "12"), "von Mises" and "mean" (a third of the trace).
        load: which unit load of a result with several.
        section: of a volume, (axis, index of the voxel); by default the middle one across z.
        plane: `"stress"` for the von Mises and mean stress of a thin sheet, as in `homogenization.von_mises`.
        out_of_plane: σ₃₃ of an in-plane stress, a number or `(*grid)`, for the same two.
        limits: ends of the colour scale of all panels; by default the extremes in the section.
        name: of the quantity, at the colour bars.
        unit: of the quantity.
        spacing: voxel edge, as in `cell`.
        length_unit: of the voxel edge.
        title: shown above.

    Returns:
        A figure with one axes per component, and one for each colour bar.

    Raises:
        ValueError: if a result holds no stress, the shape is none of a stress field, or there is no such component, load or section; also
            where σ₃₃ is needed and not known.

    Example:
        >>> figure = stress_map(np.arange(72.0).reshape(3, 6, 4), ("11", "12"), unit="GPa")
        >>> [axes.get_title() for axes in figure.axes[::2]]
        ['11', '12']

    Differentiability: none; figures are made of concrete numbers.
    """
    values = _of_result(stress, "stress", load) if hasattr(stress, "stress") else _real("stress", stress)
    good = values.ndim in (3, 4) and values.shape[0] in NAMES and not (values.ndim == 4 and values.shape[0] == 3)
    check(good, f"`stress` must have shape (3, *grid) or (6, *grid) in 2D, or (6, *grid) in 3D, but it is {values.shape}.")
    wanted = [components] if isinstance(components, str) else list(components)
    check(len(wanted) > 0, "`components` must hold at least one name, but it is empty.")
    for each in wanted:
        check_choice("components", each, (*NAMES[values.shape[0]], VON_MISES, MEAN))
    edges = voxel_edges(spacing, values.ndim - 1)
    parts = [_cut(_component(values, each, plane, out_of_plane), edges, section) for each in wanted]
    shared = [part.image for each, part in zip(wanted, parts, strict=True) if each in NAMES[6]]
    rows, columns = columns_for(len(parts), 3)
    broad, high = extent(parts[0])
    side = 4.6 if len(parts) == 1 else min(7.4 / columns, 3.7)
    room = 1.6 if len(parts) == 1 else 1.25
    figure = new_figure(side * columns, rows * (min(max((side - room) * high / broad, 0.9), 5.0) + 0.75) + (0.45 if title else 0.05))
    for index, (each, part) in enumerate(zip(wanted, parts, strict=True)):
        scale = np.concatenate([one.ravel() for one in shared]) if each in NAMES[6] else part.image.ravel()
        check(bool(np.isfinite(scale).any()), f"`stress` must be finite somewhere in the section, but {each!r} is not.")
        least, most, colors = color_scale(scale[None, None], None if each != VON_MISES else False, limits)
        axes = figure.add_subplot(rows, columns, index + 1)
        image = draw_slice(axes, part, length_unit, None, bar=index == 0, cmap=colors, vmin=least, vmax=most)
        place = f" ({part.place}{f' {length_unit}' if length_unit else ''})" if part.place and index == 0 else ""
        axes.set_title(plain(each + place), fontsize=SMALL_SIZE + 0.5, color=INK, pad=5)
        draw_color_bar(figure, image, axes, with_unit(name, unit))
    if title:
        set_heading(figure, title)
    return figure


def potential_map(
    potential: Any,
    *,
    load: int = 0,
    section: tuple[int | str, int] | None = None,
    lines: int = 12,
    name: str = "potential",
    unit: str | None = None,
    spacing: float | Sequence[float] | None = None,
    length_unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """A potential or temperature with level lines, x to the right and y downwards.

    Args:
        potential: `(*grid)`, NaN where there is none; or a result of conduction that was solved with `fields=("potential",)`. Of a periodic
            cell under unit load k the whole potential is shown, x_k + u, at the centres of the voxels (means of their nodes).
        load: which unit load of a result with several.
        section: of a volume, (axis, index of the voxel); by default the middle one across z.
        lines: number of level lines; 0 for none.
        name: of the quantity, at the colour bar.
        unit: of the quantity.
        spacing: voxel edge, as in `cell`; the lengths in x_k, too.
        length_unit: of the voxel edge.
        title: shown above.

    Returns:
        A figure with one axes and one for the colour bar.

    Raises:
        ValueError: if a result holds no potential, the shape is none of a scalar field, or there is no such section.

    Example:
        >>> figure = potential_map(np.arange(12.0).reshape(4, 3), unit="K", name="temperature")
        >>> figure.axes[-1].get_ylabel()
        'temperature (K)'

    Differentiability: none; figures are made of concrete numbers.
    """
    values = _whole_potential(potential, load, spacing) if hasattr(potential, "potential") else _real("potential", potential)
    check(values.ndim in (2, 3), f"`potential` must have shape (*grid) in 2D or 3D, but it is {values.shape}.")
    check_whole("lines", lines, 0)
    part = _cut(values, voxel_edges(spacing, values.ndim), section)
    check(bool(np.isfinite(part.image).any()), "`potential` must be finite somewhere in the section, but it is not.")
    low, high, colors = color_scale(part.image[None], False, None)
    figure = figure_for([part], 4.6, title, margin=1.6)
    axes = figure.add_subplot()
    image = draw_slice(axes, part, length_unit, title, cmap=colors, vmin=low, vmax=high)
    if lines and np.nanmin(part.image) < np.nanmax(part.image) and min(part.image.shape) > 1:
        levels = np.linspace(low, high, lines + 2)[1:-1]
        x, y = _centres(part)
        axes.contour(x, y, np.ma.masked_invalid(part.image.T), levels=levels, colors="white", linewidths=0.7, alpha=0.9)
    draw_color_bar(figure, image, axes, with_unit(name, unit))
    return figure


def _real(argument: str, value: Any) -> Float[np.ndarray, "..."]:
    array = np.asarray(value)
    check(array.dtype.kind in "biuf", f"`{argument}` must be real numbers, but their dtype is {array.dtype}.", TypeError)
    check(array.size > 0, f"`{argument}` must hold voxels, but its shape is {array.shape}.")
    return array.astype(float)


def _of_result(result: Any, attribute: str, load: int) -> Float[np.ndarray, "..."]:
    """A field of a result; of an effective result under one of its unit loads."""
    found = getattr(result, attribute)
    check(found is not None, f"The result must hold its {attribute}, but it does not. Solve with fields=({attribute!r},).")
    values = _real(attribute, found)
    if not hasattr(result, "tensor"):
        check(load == 0, f"`load` must be left out for a result of one load, but it is {load!r}.")
        return values
    check(
        np.ndim(result.tensor) == 2,
        f"The result must be that of one cell, but its tensor has shape {np.shape(result.tensor)}. Pick one of the batch, "
        "such as with jax.tree.map(lambda a: a[0], result).",
    )
    good = isinstance(load, int | np.integer) and not isinstance(load, bool) and 0 <= load < len(values)
    check(good, f"`load` must be a whole number from 0 to {len(values) - 1}, but it is {load!r}.")
    return values[int(load)]


def _whole_potential(result: Any, load: int, spacing: Any) -> Float[np.ndarray, "..."]:
    values = _of_result(result, "potential", load)
    if not hasattr(result, "tensor"):
        return values
    values = values[0] if values.ndim == np.shape(result.tensor)[0] + 1 else values
    for axis in range(values.ndim):
        values = 0.5 * (values + np.roll(values, -1, axis))
    x = (np.arange(values.shape[load]) + 0.5) * voxel_edges(spacing, values.ndim)[load]
    return values + x.reshape([-1 if k == load else 1 for k in range(values.ndim)])


def _component(values: Float[np.ndarray, "m *grid"], name: str, plane: str | None, out_of_plane: Any) -> Float[np.ndarray, "*grid"]:
    if name == VON_MISES:
        return np.asarray(von_mises(values, plane=plane, out_of_plane=out_of_plane), float)
    if name == MEAN:
        if len(values) == 6:
            return values[:3].sum(axis=0) / 3
        known = plane == "stress" or out_of_plane is not None
        check(known, "The mean of an in-plane stress needs σ₃₃, but it is not given. Pass plane='stress' or `out_of_plane`.")
        return (values[:2].sum(axis=0) + (0.0 if out_of_plane is None else _real("out_of_plane", out_of_plane))) / 3
    index = NAMES[len(values)].index(name)
    return values[index] / (np.sqrt(2) if name[0] != name[1] else 1.0)


def _cut(values: Float[np.ndarray, "..."], edges: tuple[float, ...], section: Any) -> Slice:
    chosen = section_of(section, values.shape)
    return Slice(values, (edges[0], edges[1]), ("x", "y"), "") if chosen is None else cut(values, edges, *chosen)


def _centres(part: Slice) -> tuple[Float[np.ndarray, " n0"], Float[np.ndarray, " n1"]]:
    n0, n1 = part.image.shape[:2]
    return (np.arange(n0) + 0.5) * part.spacing[0], (np.arange(n1) + 0.5) * part.spacing[1]


def _streamlines(axes: Axes, part: Slice, along: list[Shaped[np.ndarray, "n0 n1"]], density: float) -> None:
    """White lines with arrows, where something flows."""
    most = float(np.nanmax(part.image))
    if most <= 0 or min(part.image.shape) < 2:
        return
    still = ~(part.image > STILL * most)
    x, y = _centres(part)
    axes.autoscale(False)
    u, v = (np.ma.masked_array(np.nan_to_num(each), still).T for each in along)
    n0, n1 = extent(part)
    lines = (max(30 * density * min(n0 / n1, 1.0), 3), max(30 * density * min(n1 / n0, 1.0), 3))
    drawn = axes.streamplot(x, y, u, v, density=(lines[0] / 30, lines[1] / 30), color="white", linewidth=0.9, arrowsize=0.8)
    drawn.lines.set_path_effects([Stroke(linewidth=1.7, foreground=INK, alpha=0.45), Normal()])
