"""Inverse pole figures: which crystal directions lie along a direction of the sample."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from jaxmicro._core import check, check_choice
from jaxmicro.orientations.colours import direction_color
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import to_matrix
from jaxmicro.orientations.sectors import sector_direction, to_sector
from jaxmicro.plotting.axial_density import axial_density, binned
from jaxmicro.plotting.color_keys import frame_sector, laue_symbol, name_corners, outline
from jaxmicro.plotting.crystal_samples import CrystalSample, crystal_sample
from jaxmicro.plotting.hemisphere import PROJECTIONS, project
from jaxmicro.plotting.maps import bare
from jaxmicro.plotting.orientation_colors import named_direction
from jaxmicro.plotting.pole_figures import MOST_POINTS, check_halfwidth, density_bar, density_levels, draw_density
from jaxmicro.plotting.style import INK, TITLE_SIZE, columns_for, new_figure, set_heading


def inverse_pole_figure(
    source: Any,
    direction: str | Sequence[Any] | npt.ArrayLike = "z",
    *,
    laue: str | None = None,
    phase: str | int | None = None,
    density: bool = True,
    projection: str = "stereographic",
    weights: npt.ArrayLike | None = None,
    halfwidth: float = 10.0,
    title: str | None = None,
) -> Figure:
    """Inverse pole figure of one phase: which crystal directions lie along a sample direction.

    Drawn in the standard sector of the Laue group, [001] at the lower left, as the colour key (`ipf_key`) is. The density is a
    mean of de la Vallée Poussin kernels in multiples of that of crystals without preferred orientation; points have the colours
    of the key.

    Args:
        source: a `Microstructure` with orientations, or unit quaternions `(4, …)`, sample → crystal.
        direction: sample direction, `"x"`, `"y"`, `"z"` or three numbers; or several names, `("x", "y", "z")`, for a panel each.
        laue: Laue group; by default that of the phase, m-3m for quaternions.
        phase: name or number of the phase, where there are several.
        density: contours of the density, else points (at most 4000, evenly picked).
        projection: `"stereographic"` or `"equal_area"`.
        weights: one per orientation, `(*grid)` or `(…)`; by default equal.
        halfwidth: of the kernel in degrees.
        title: shown above.

    Returns:
        A figure with one axes per direction, and one for the colour bar of a density.

    Raises:
        ValueError: if there are no orientations, several phases and none named, or a direction, weight or half width makes no sense.

    Reference: U. F. Kocks, C. N. Tomé, H.-R. Wenk, Texture and Anisotropy, Cambridge University Press 1998, chapter 2.

    Example:
        >>> figure = inverse_pole_figure(np.array([[1.0], [0], [0], [0]]), "z", density=False)
        >>> figure.axes[0].collections[0].get_offsets().round(6).tolist()  # at [001]
        [[0.0, 0.0]]

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("projection", projection, PROJECTIONS)
    sample = crystal_sample(source, laue, phase, weights)
    along = {name: np.asarray(vector) for vector, name in map(named_direction, _listed(direction))}
    edge = outline(sample.laue, projection)
    broad, high = np.ptp(edge, axis=0)
    rows, columns = columns_for(len(along), 3)
    heading = title or sample.name
    figure = new_figure(2.3 * columns + (0.85 if density else 0.15), 2.3 * rows * min(high / broad, 1.1) + 0.55 + (0.3 if heading else 0.0))
    panels = [figure.add_subplot(rows, columns, index + 1) for index in range(len(along))]
    for axes, name in zip(panels, along, strict=True):
        axes.set_title(f"{laue_symbol(sample.laue)}  ∥ {name}", fontsize=TITLE_SIZE, color=INK, pad=6)
        axes.set_label("<sector>")
        bare(axes)
    if density:
        _draw_densities(figure, panels, sample, list(along.values()), projection, check_halfwidth(halfwidth))
    else:
        for axes, vector in zip(panels, along.values(), strict=True):
            _draw_points(axes, sample, vector, projection)
    for axes in panels:
        axes.add_patch(Polygon([tuple(point) for point in edge], fill=False, edgecolor=INK, linewidth=0.9, joinstyle="round"))
        frame_sector(axes, edge)
        name_corners(axes, sample.laue, projection)
    if heading:
        set_heading(figure, heading)
    return figure


def _listed(direction: Any) -> list[Any]:
    """One direction, or several given by name."""
    if isinstance(direction, (list, tuple)) and any(isinstance(each, str) for each in direction):
        check(len(set(direction)) == len(direction), f"`direction` must not name a direction twice, but it is {direction!r}.")
        return list(direction)
    return [direction]


def _along(sample: CrystalSample, vector: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 n"]:
    """The crystal directions along a sample direction, in the standard sector."""
    return np.asarray(to_sector(jnp.asarray(np.einsum("ijn,j->in", sample.matrices, vector)), sample.laue))


def _draw_densities(
    figure: Figure, panels: list[Axes], sample: CrystalSample, vectors: list[np.ndarray], projection: str, halfwidth: float
) -> None:
    t, s = np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 1, 91), indexing="ij")
    at = np.asarray(sector_direction(jnp.asarray(t), jnp.asarray(s), sample.laue))
    turns = np.asarray(to_matrix(jnp.asarray(symmetry_operators(sample.laue))))
    found = []
    for vector in vectors:
        directions, shares = binned(_along(sample, vector), sample.weights, halfwidth)
        everywhere = np.einsum("ijk,jn->ikn", turns, directions).reshape(3, -1)
        found.append(axial_density(at, everywhere, np.tile(shares, turns.shape[2]), halfwidth))
    levels = density_levels(found)
    for axes, values in zip(panels, found, strict=True):
        x, y = project(at, projection)
        shown = draw_density(axes, x, y, values, levels)
        axes.set_title(f"{axes.get_title()}  max {values.max():.3g}", fontsize=TITLE_SIZE, color=INK, pad=6)
    density_bar(figure, panels, shown)


def _draw_points(axes: Axes, sample: CrystalSample, vector: Float[np.ndarray, " 3"], projection: str) -> None:
    directions = _along(sample, vector)
    directions = directions[:, :: -(-directions.shape[1] // MOST_POINTS)]
    colors = np.asarray(direction_color(jnp.asarray(directions), sample.laue)).T
    x, y = project(directions, projection)
    many = x.size > 300
    axes.scatter(x, y, s=5 if many else 16, c=colors, edgecolors=INK, linewidths=0.15 if many else 0.4)
