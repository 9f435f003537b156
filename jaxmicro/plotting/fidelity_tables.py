"""What a generator was asked for against what came out, as a figure."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxmicro._core import as_number, check
from jaxmicro.plotting.style import ALERT, FRAME, GOOD, INK, LABEL_SIZE, SMALL_SIZE, new_figure, plain, set_heading, style_axes

ROW = 0.24  # inches
MOST = 40  # rows
COLUMN = 62.0  # points
LEAST = 1e-3  # half width of the axis of deviations


def asked_against_got(fidelity: Any, *, tolerance: float = 0.05, title: str | None = None) -> Figure:
    """A table of what was asked for and what was measured, with the relative deviations as bars beside it.

    Args:
        fidelity: `descriptors.Fidelity`, as `descriptors.fidelity(ms)` returns it.
        tolerance: relative deviation up to which a bar is green, and at which lines are drawn. Where zero was asked for there is no relative
            deviation: the table says how much came out, and there is no bar.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        TypeError: if it is no such record.
        ValueError: if it is empty, holds more than 40 rows, or the tolerance is not positive.

    Example:
        >>> from jaxmicro.descriptors import Fidelity
        >>> figure = asked_against_got(Fidelity(np.array([0.3, 5.0]), np.array([0.31, 4.5]), ("volume_fraction", "mean_radius")))
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['volume_fraction', 'mean_radius']

    Differentiability: none; figures are made of concrete numbers.
    """
    good = all(hasattr(fidelity, name) for name in ("names", "asked", "got", "relative_deviation"))
    advice = "Make it with descriptors.fidelity(ms)."
    check(good, f"`fidelity` must be descriptors.Fidelity, but it is a {type(fidelity).__name__}. {advice}", TypeError)
    count = len(fidelity.names)
    check(1 <= count <= MOST, f"`fidelity` must hold 1 to {MOST} rows, but it holds {count}.")
    check(as_number(tolerance) > 0, f"`tolerance` must be a positive relative deviation, but it is {tolerance!r}.")
    off = np.asarray(fidelity.relative_deviation, float)
    finite = np.abs(off[np.isfinite(off)])
    reach = 100 * max(float(finite.max()) if finite.size else 0.0, 1.3 * float(tolerance), LEAST)
    figure = new_figure(6.6, ROW * count + 0.95 + (0.3 if title else 0.0))
    axes = figure.add_subplot()
    style_axes(axes, x="deviation of what came out (%)")
    axes.grid(visible=False, axis="y")
    for sign in (-1, 1):
        axes.axvline(sign * 100 * float(tolerance), color=FRAME, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.axvline(0, color=INK, linewidth=0.8)
    shown = np.where(np.isfinite(off), 100 * off, 0.0)
    axes.barh(range(count), shown, height=0.6, color=[GOOD if abs(each) <= tolerance else ALERT for each in off])
    axes.set_yticks(range(count), [plain(name) for name in fidelity.names], fontsize=SMALL_SIZE)
    axes.set_xlim(-1.1 * reach, 1.1 * reach)
    axes.set_ylim(count - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    _columns(axes, np.asarray(fidelity.asked, float), np.asarray(fidelity.got, float), off)
    if title:
        set_heading(figure, title)
    return figure


def _columns(axes: Axes, asked: Float[np.ndarray, " n"], got: Float[np.ndarray, " n"], off: Float[np.ndarray, " n"]) -> None:
    """Numbers to the right of the bars, in three columns under their names."""
    rows = [
        (f"{a:.5g}", f"{b:.5g}", f"{100 * d:+.2f} %" if np.isfinite(d) else f"{b - a:+.3g}")
        for a, b, d in zip(asked, got, off, strict=True)
    ]
    for column, head in enumerate(("asked", "got", "deviation")):
        for row, text in [(-1, head), *((row, each[column]) for row, each in enumerate(rows))]:
            axes.annotate(
                text, (1, max(row, -0.55)), (COLUMN * (column + 1), 9 if row < 0 else 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="center", fontsize=SMALL_SIZE if row >= 0 else LABEL_SIZE, color=INK,
                annotation_clip=False,
            )  # fmt: skip
