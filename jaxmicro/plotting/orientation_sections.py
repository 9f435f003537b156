"""Sections of the orientation density through Euler space."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxmicro._core import check, check_choice
from jaxmicro.orientations import from_euler, from_matrix, fundamental_zone, multiply, odf
from jaxmicro.plotting.crystal_samples import crystal_sample
from jaxmicro.plotting.pole_figures import check_halfwidth, density_bar, density_levels, draw_density
from jaxmicro.plotting.style import FRAME, INK, LABEL_SIZE, SMALL_SIZE, TITLE_SIZE, columns_for, new_figure, set_heading

# Turns of the sample that its symmetry makes equal, and how far φ1 goes.
SAMPLES = {
    "triclinic": (((1.0, 0, 0, 0),), 360.0),
    "orthorhombic": (((1.0, 0, 0, 0), (0.0, 1, 0, 0), (0.0, 0, 1, 0), (0.0, 0, 0, 1)), 90.0),
}
MOST = 8
COARSE = 2  # places per half width at which the density is computed; cubic splines tell it between them to a few thousandths
FINE = 4  # times as many are drawn
BINS = 4  # per half width


def odf_sections(
    source: Any,
    weights: npt.ArrayLike | None = None,
    *,
    laue: str | None = None,
    phase: str | int | None = None,
    halfwidth: float = 10.0,
    sections: Sequence[float] | None = None,
    sample: str = "triclinic",
    title: str | None = None,
) -> Figure:
    """Orientation density of one phase in sections of constant φ2, in multiples of random; φ1 to the right, Φ down.

    Bunge's angles, of the rotation from sample to crystal axes. The density is that of `orientations.odf`; crystals within a quarter of
    a half width of each other count as one, at their mean. Φ ends at 90° where a twofold axis of the crystal repeats the rest in
    another section, else at 180°.

    Args:
        source: a `Microstructure` with orientations, or unit quaternions `(4, …)`, sample → crystal.
        weights: one per orientation, `(*grid)` or `(…)`; by default equal.
        laue: Laue group; by default that of the phase, m-3m for quaternions.
        phase: name or number of the phase, where there are several.
        halfwidth: of the kernel in degrees.
        sections: up to eight φ2 in degrees; by default 0, 45 and 65 for cubic crystals, which hold the components of rolled metals, 0 and
            30 for hexagonal and trigonal ones, else 0, 30 and 60.
        sample: symmetry of the sample. "orthorhombic", of a rolled sheet with x along the rolling direction, averages over it and shows φ1
            up to 90°; "triclinic" assumes none and shows 360°.
        title: shown above.

    Returns:
        A figure with one axes per section and one for the colour bar.

    Raises:
        ValueError: if there are no orientations, several phases and none named, or a weight, half width, section or symmetry makes no
            sense.

    Reference: H. J. Bunge, Texture Analysis in Materials Science, Butterworths 1982, doi:10.1016/C2013-0-11769-2.

    Example:
        >>> cube = jm.orientations.texture_component("cube")
        >>> figure = odf_sections(cube, sections=[0, 45], sample="orthorhombic")
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['φ₂ = 0°  max 64.8', 'φ₂ = 45°  max 64.8']

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("sample", sample, SAMPLES)
    crystals, halfwidth = crystal_sample(source, laue, phase, weights), check_halfwidth(halfwidth)
    cuts = _checked_sections(sections, crystals.laue)
    turns, last = SAMPLES[sample]
    q, share = _as_few(np.asarray(from_matrix(jnp.asarray(crystals.matrices))), crystals.weights, turns, crystals.laue, halfwidth)
    phi1, phi = _places(last, halfwidth), _places(90.0 if _turns_over(crystals.laue) else 180.0, halfwidth)
    found = _densities(q, share, phi1, phi, cuts, crystals.laue, halfwidth)
    rows, columns = columns_for(len(cuts), 3 if last < 180 else 1 if len(cuts) < 4 and phi[-1] < 180 else 2)
    heading = title or crystals.name
    broad = 2.1 if last < 180 else 5.2 if columns == 1 else 3.6
    figure = new_figure(broad * columns + 0.9, (broad - 0.55) * float(phi[-1]) / last * rows + 0.75 * rows + (0.35 if heading else 0.05))
    panels = [figure.add_subplot(rows, columns, index + 1) for index in range(len(cuts))]
    levels = density_levels(found)
    for axes, cut, values in zip(panels, cuts, found, strict=True):
        fine = [np.linspace(0, each[-1], values.shape[k]) for k, each in enumerate((phi1, phi))]
        shown = draw_density(axes, fine[0], fine[1], values.T, levels)
        _frame(axes, f"φ₂ = {cut:g}°  max {values.max():.3g}", last, float(phi[-1]))
    density_bar(figure, panels, shown)
    if heading:
        set_heading(figure, heading)
    return figure


def _checked_sections(sections: Sequence[float] | None, laue: str) -> tuple[float, ...]:
    if sections is None:
        return (0.0, 45.0, 65.0) if laue.startswith("m-3") else (0.0, 30.0) if laue[:2] in ("6/", "-3") else (0.0, 30.0, 60.0)
    values = np.asarray(sections, dtype=float)
    good = values.ndim == 1 and 0 < values.size <= MOST and bool(np.isfinite(values).all()) and bool((np.abs(values) <= 360).all())
    check(good, f"`sections` must be one to {MOST} angles φ2 in degrees, but they are {sections!r}.")
    return tuple(float(each) for each in values)


def _turns_over(laue: str) -> bool:
    """Whether a twofold axis across z takes Φ into 180° − Φ."""
    return laue in ("mmm", "4/mmm", "-3m", "6/mmm", "m-3", "m-3m", "2/m")


def _places(last: float, halfwidth: float) -> Float[np.ndarray, " n"]:
    return np.linspace(0, last, max(round(last * COARSE / halfwidth), 6) + 1)


def _as_few(
    q: Float[np.ndarray, "4 n"], weights: Float[np.ndarray, " n"], turns: Sequence[Sequence[float]], laue: str, halfwidth: float
) -> tuple[Float[np.ndarray, "4 b"], Float[np.ndarray, " b"]]:
    """Orientations with their symmetric ones in the sample, each cell of the fundamental zone by its mean and its weight."""
    kept = weights > 0
    images = [np.asarray(multiply(jnp.asarray(q[:, kept]), jnp.asarray(turn, q.dtype)[:, None])) for turn in turns]
    reduced, weights = np.asarray(fundamental_zone(np.concatenate(images, axis=1), laue)), np.tile(weights[kept], len(turns))
    reduced = reduced * np.where(reduced[:1] < 0, -1.0, 1.0)
    cell = math.radians(halfwidth) / 2 / BINS
    across = math.ceil(2 / cell) + 2
    number = np.ravel_multi_index(tuple(np.floor((reduced[1:] + 1) / cell).astype(int)), (across,) * 3)
    index = np.unique(number, return_inverse=True)[1].ravel()
    mean = np.stack([np.bincount(index, weights * component) for component in reduced])
    return mean / np.linalg.norm(mean, axis=0), np.bincount(index, weights)


def _densities(
    q: Float[np.ndarray, "4 b"],
    weights: Float[np.ndarray, " b"],
    phi1: Float[np.ndarray, " n"],
    phi: Float[np.ndarray, " m"],
    cuts: tuple[float, ...],
    laue: str,
    halfwidth: float,
) -> list[Float[np.ndarray, "N M"]]:
    """Densities (φ1, Φ) of each section on the fine grid."""
    from scipy.interpolate import RectBivariateSpline

    angles = np.stack(np.meshgrid(phi1, phi, cuts, indexing="ij"))
    at = from_euler(jnp.asarray(angles, jnp.float32), degrees=True)
    coarse = np.asarray(odf(at, q.astype(np.float32), weights.astype(np.float32), laue=laue, halfwidth=halfwidth, degrees=True), float)
    fine = [np.linspace(0, each[-1], FINE * (each.size - 1) + 1) for each in (phi1, phi)]
    return [np.maximum(RectBivariateSpline(phi1, phi, coarse[..., index])(*fine), 0.0) for index in range(len(cuts))]


def _frame(axes: Axes, title: str, last: float, deepest: float) -> None:
    axes.set_title(title, fontsize=TITLE_SIZE, color=INK, pad=6)
    axes.set_xlim(0, last)
    axes.set_ylim(deepest, 0)
    axes.set_aspect("equal")
    for set_ticks, end in ((axes.set_xticks, last), (axes.set_yticks, deepest)):
        set_ticks(np.arange(0, end + 1, 30 if end <= 180 else 90))
    axes.set_xlabel("φ₁ (°)", fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel("Φ (°)", fontsize=LABEL_SIZE, color=INK)
    axes.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK, length=3)
    for spine in axes.spines.values():
        spine.set_color(FRAME)
