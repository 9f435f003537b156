"""A walk through latent space, cell by cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.cells import gallery, pictures
from jaxmicro.plotting.pictures import numeric
from jaxmicro.plotting.style import check_names, set_heading


def interpolation_strip(
    images: Any,
    positions: npt.ArrayLike | None = None,
    *,
    captions: Sequence[str] | None = None,
    columns: int = 8,
    title: str | None = None,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
) -> Figure:
    """Decoded cells along a path between two latent vectors, from left to right, then row by row.

    Args:
        images: cells as in `cells`: fractions `(n, p, *grid)`, labels `(n, *grid)`, or a sequence.
        positions: place of each cell on the path, `(n,)`; by default evenly from 0 to 1.
        captions: a line per cell instead of its position.
        columns: at most so many in a row.
        title: shown above.
        names: one name per phase.
        spacing: voxel edge, as in `cell`.
        unit: unit of length, as in `cell`.

    Returns:
        A figure with one axes per cell.

    Raises:
        ValueError: if positions or captions and cells do not match.

    Example:
        >>> figure = interpolation_strip([np.eye(8, dtype=int)] * 3)
        >>> [axes.get_title() for axes in figure.axes]
        ['0.00', '0.50', '1.00']

    Differentiability: none; figures are made of concrete numbers.
    """
    shown = pictures(images, names=names, spacing=spacing, unit=unit, argument="images")
    count = len(shown)
    places = np.linspace(0, 1, count) if positions is None else numeric("positions", positions)
    check(places.shape == (count,), f"`positions` must have shape ({count},), one per cell, but its shape is {places.shape}.")
    captions = check_names("captions", captions, count) or [f"{place:.2f}" for place in places.tolist()]
    check(isinstance(columns, (int, np.integer)) and columns >= 1, f"`columns` must be a whole number from 1, but it is {columns!r}.")
    figure = gallery(shown, captions, int(columns), unit, width=7.6)
    if title:
        set_heading(figure, title)
    return figure
