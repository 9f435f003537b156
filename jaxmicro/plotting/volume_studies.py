"""How large a cell must be: properties against the size of cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from jaxmicro._core import check
from jaxmicro.plotting.style import LINES, MUTED, SMALL_SIZE, columns_for, figure_legend, new_figure, set_heading, style_axes, with_unit

ALPHA = 0.2


def representative_volume(
    study: Any,
    names: Sequence[str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    unit: str | None = None,
    title: str | None = None,
) -> Figure:
    """Properties against the size of cells: every cell, the mean with its confidence band, and one standard deviation on either side.

    A mean that moves with the size shows the influence of boundaries; the spread tells how many cells a wanted accuracy needs.

    Args:
        study: `descriptors.RepresentativeVolume`; or a mapping with "sizes" `(s,)`, "mean", "low" and "high", each `(s,)` or `(s, q)`, and
            if wanted "std" of the same shape and "names" `(q,)`.
        names: of the properties that are drawn, by default all.
        units: of properties, by name.
        unit: of length. Sizes of a study are edges, the d-th roots of its volumes.
        title: shown above.

    Returns:
        A figure with one axes per property.

    Raises:
        ValueError: if there is no such property, shapes do not match, a size is not positive or not ascending, or a band is upside down.

    Reference: T. Kanit et al., Int. J. Solids Struct. 40, 3647 (2003), doi:10.1016/S0020-7683(03)00143-4.

    Example:
        >>> study = {"sizes": [16, 32, 64], "mean": [1.1, 1.0, 1.0], "low": [0.9, 0.95, 0.98], "high": [1.3, 1.05, 1.02]}
        >>> figure = representative_volume(study, unit="µm")
        >>> figure.axes[0].get_xlabel()
        'edge of the cell (µm)'

    Differentiability: none; figures are made of concrete numbers.
    """
    sizes, known, table, every = _tables(study)
    chosen = list(known) if names is None else [names] if isinstance(names, str) else list(names)
    check(len(chosen) > 0, "`names` must hold at least one property, but it is empty.")
    for each in chosen:
        check(each in known, f"`names` must be of the properties {', '.join(map(repr, known))}, but it holds {each!r}.")
    rows, columns = columns_for(len(chosen), 3)
    width = 5.0 if len(chosen) == 1 else 7.4
    figure = new_figure(width, rows * (3.0 if columns == 1 else 2.6) + (0.55 if columns == 1 else 0.35) + (0.3 if title else 0.0))
    for index, each in enumerate(chosen):
        k = known.index(each)
        axes = figure.add_subplot(rows, columns, index + 1)
        style_axes(axes, x=with_unit("edge of the cell", unit), y=with_unit(each or "property", (units or {}).get(each)))
        _draw(axes, sizes, {key: values[:, k] for key, values in table.items()}, None if every is None else every[..., k])
    figure_legend(figure, figure.axes[0].get_legend_handles_labels()[0], columns=2 if columns == 1 else 4)
    if title:
        set_heading(figure, title)
    return figure


def _tables(
    study: Any,
) -> tuple[Float[np.ndarray, " s"], tuple[str, ...], dict[str, Float[np.ndarray, "s q"]], Float[np.ndarray, "s n q"] | None]:
    """Edges, names, mean, low, high (and std), and the values of every cell where they are known."""
    if isinstance(study, Mapping):
        missing = [key for key in ("sizes", "mean", "low", "high") if key not in study]
        check(not missing, f"`study` must hold 'sizes', 'mean', 'low' and 'high', but it lacks {', '.join(map(repr, missing))}.")
        sizes, every = np.asarray(study["sizes"], float), None
        given = {key: np.asarray(study[key], float) for key in ("mean", "low", "high", "std") if key in study}
        names = study.get("names")
    else:
        good = all(hasattr(study, key) for key in ("volumes", "mean", "low", "high", "std", "values", "shapes"))
        advice = "Make it with descriptors.representative_volume."
        check(good, f"`study` must be a RepresentativeVolume or a mapping, but it is a {type(study).__name__}. {advice}", TypeError)
        sizes, every = np.asarray(study.volumes, float) ** (1 / len(study.shapes[0])), np.asarray(study.values, float)
        given = {key: np.asarray(getattr(study, key), float) for key in ("mean", "low", "high", "std")}
        names = study.names
    rising = sizes.ndim == 1 and sizes.size > 0 and bool(sizes[0] > 0 and (np.diff(sizes) > 0).all())
    check(rising, f"`study` must have positive, ascending sizes (s,), but they are {sizes.tolist()}.")
    table = {key: values.reshape(len(values), -1) if values.ndim else values[None, None] for key, values in given.items()}
    shape = table["mean"].shape
    fits = shape[0] == sizes.size and all(values.shape == shape for values in table.values())
    shapes = {key: values.shape for key, values in given.items()}
    check(fits, f"`study` must have one row per size ({sizes.size}) in every array, but their shapes are {shapes}.")
    check(bool((table["low"] <= table["high"]).all()), "`study` must have low ends below high ends, but it has not.")
    named = tuple(str(name) for name in names) if names is not None else ("",) if shape[1] == 1 else tuple(map(str, range(shape[1])))
    check(len(named) == shape[1], f"`study` must have one name per property ({shape[1]}), but it has {len(named)}.")
    return sizes, named, table, every


def _draw(
    axes: Axes, sizes: Float[np.ndarray, " s"], of: dict[str, Float[np.ndarray, " s"]], every: Float[np.ndarray, "s n"] | None
) -> None:
    if every is not None:
        x = np.broadcast_to(sizes[:, None], every.shape)
        axes.plot(x.ravel(), every.ravel(), "o", color=MUTED, alpha=0.35, markersize=3, markeredgewidth=0, label="cells")
    if "std" in of:
        for sign in (-1, 1):
            label = "mean ± standard deviation" if sign > 0 else None
            axes.plot(sizes, of["mean"] + sign * of["std"], color=LINES[0], linewidth=1.0, linestyle=(0, (4, 3)), label=label)
    axes.fill_between(sizes, of["low"], of["high"], color=LINES[1], alpha=ALPHA, linewidth=0, label="confidence of the mean")
    axes.plot(sizes, of["mean"], "o-", color=LINES[1], linewidth=1.6, markersize=4, label="mean")
    axes.set_xscale("log")
    ticks = sizes if sizes.size <= 6 else sizes[np.linspace(0, sizes.size - 1, 5).round().astype(int)]
    axes.set_xticks(ticks, [f"{size:.3g}" for size in ticks], fontsize=SMALL_SIZE)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
