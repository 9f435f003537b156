"""Distributions of misorientation angles."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxmicro._core import check, check_choice
from jaxmicro.orientations import LAUE_GROUPS, random_misorientation_density
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import LINES, PHASES, figure_legend, new_figure, style_axes

BIN = 2.0  # degrees
ROUNDING = 0.5  # degrees by which an angle may exceed the largest: what is left of angles of single precision, or read off a table
# Degrees: the largest misorientation of two crystals of a group, at the corners of its fundamental zone.
LARGEST = {
    "-1": 180.0, "2/m": 180.0, "mmm": 120.0, "4/m": 180.0, "4/mmm": 98.42, "-3": 180.0, "-3m": 104.48, "6/m": 180.0, "6/mmm": 93.84, "m-3": 90.0,
    "m-3m": 62.80,
}  # fmt: skip


def misorientation_distribution(
    angles: npt.ArrayLike, *, laue: str = "m-3m", weights: npt.ArrayLike | None = None, title: str | None = None
) -> Figure:
    """Histogram of misorientation angles beside that of crystals without texture (for m-3m Mackenzie's).

    Args:
        angles: misorientations in degrees `(n,)`; values that are not finite are left out.
        laue: Laue group of the crystals, for the curve.
        weights: for instance lengths of boundary, `(n,)`.
        title: shown above.

    Returns:
        A figure with one axes; densities per degree.

    Raises:
        ValueError: if no finite angle is left, one is negative or larger than crystals of the group can have, weights do not match, are
            negative or all zero, or the group is not known.

    Reference: J. K. Mackenzie, Biometrika 45, 229 (1958), doi:10.1093/biomet/45.1-2.229.

    Example:
        >>> figure = misorientation_distribution([59.0, 60.0, 60.0, 38.0])
        >>> figure.axes[0].get_xlabel()
        'misorientation (°)'

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("laue", laue, LAUE_GROUPS)
    values, weight = _judged(angles, weights, laue)
    figure = new_figure(5.4, 3.3)
    axes = figure.add_subplot()
    style_axes(axes, x="misorientation (°)", y="share per degree", title=title)
    last = BIN * np.ceil(LARGEST[laue] / BIN)
    axes.hist(values, np.arange(0, last + BIN / 2, BIN).tolist(), weights=weight, density=True, color=PHASES[5], label="found")
    curve = np.linspace(0, last, 10 * int(last) + 1)
    axes.plot(curve, random_misorientation_density(curve, laue), color=LINES[1], linewidth=1.6, label="without texture")
    axes.set_xlim(0, last)
    figure_legend(figure, axes.get_legend_handles_labels()[0], columns=2)
    return figure


def _judged(angles: npt.ArrayLike, weights: npt.ArrayLike | None, laue: str) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Finite angles that crystals of the group can have, and their weights."""
    values = np.asarray(angles)
    check(values.dtype.kind in "biuf", f"`angles` must be numbers, but their dtype is {values.dtype}.", TypeError)
    values = values.astype(float).ravel()
    weight = np.ones_like(values) if weights is None else numeric("weights", weights).astype(float).ravel()
    check(weight.shape == values.shape, f"`weights` must be one per angle, but there are {weight.size} for {values.size}.")
    finite = np.isfinite(values)
    check(bool(finite.any()), "`angles` must hold at least one finite angle, but there is none.")
    values, weight = values[finite], weight[finite]
    low, high = float(values.min()), float(values.max())
    check(
        low >= 0 and high <= LARGEST[laue] + ROUNDING,
        f"`angles` must be from 0 to {LARGEST[laue]:g} degrees, the largest misorientation of {laue}, but they span [{low:.4g}, {high:.4g}]. "
        "Take those of orientations.misorientation(…, degrees=True), and name the Laue group of the crystals.",
    )
    check(
        float(weight.min()) >= 0 and float(weight.sum()) > 0,
        f"`weights` must not be negative nor all zero, but they span [{weight.min():g}, {weight.max():g}].",
    )
    return values, weight
