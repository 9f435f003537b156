"""Distributions of misorientation angles."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxmicro._core import check, check_choice
from jaxmicro.orientations import LAUE_GROUPS, random_misorientation_density
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import LINES, PHASES, add_legend, new_figure, style_axes

BIN = 2.0  # degrees


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
        ValueError: if no finite angle is left, weights do not match, or the group is not known.

    Reference: J. K. Mackenzie, Biometrika 45, 229 (1958), doi:10.1093/biomet/45.1-2.229.

    Example:
        >>> figure = misorientation_distribution([59.0, 60.0, 60.0, 38.0])
        >>> figure.axes[0].get_xlabel()
        'misorientation (°)'

    Differentiability: none; figures are made of concrete numbers.
    """
    check_choice("laue", laue, LAUE_GROUPS)
    values = numeric("angles", angles).astype(float).ravel()
    weight = np.ones_like(values) if weights is None else numeric("weights", weights).astype(float).ravel()
    check(weight.shape == values.shape, f"`weights` must be one per angle, but there are {weight.size} for {values.size}.")
    finite = np.isfinite(values)
    check(bool(finite.any()), "`angles` must hold at least one finite angle, but there is none.")
    figure = new_figure(5.4, 3.3)
    axes = figure.add_subplot()
    style_axes(axes, x="misorientation (°)", y="share per degree", title=title)
    angles = np.arange(0, 180, BIN)
    last = max(angles[random_misorientation_density(angles, laue) > 0][-1] + BIN, BIN * np.ceil(values[finite].max() / BIN))
    axes.hist(
        values[finite], np.arange(0, last + BIN / 2, BIN).tolist(), weights=weight[finite], density=True, color=PHASES[5], label="found"
    )
    curve = np.linspace(0, last, 10 * int(last) + 1)
    axes.plot(curve, random_misorientation_density(curve, laue), color=LINES[1], linewidth=1.6, label="without texture")
    axes.set_xlim(0, last)
    add_legend(axes, loc="upper left")
    return figure
