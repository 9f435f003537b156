"""Effective moduli between their bounds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.style import (
    ALERT,
    INK,
    LINES,
    SMALL_SIZE,
    figure_legend,
    new_figure,
    set_title,
    style_axes,
    symbol,
    with_unit,
)

ESTIMATES = ("reuss", "hs_lower", "effective", "hs_upper", "voigt")
SLACK = 1e-5  # the share of its size by which a bound must be passed to count as broken, as in homogenization


def stiffness_bounds(
    result: Any,
    *,
    unit: str | None = None,
    relative: bool = False,
    title: str | None = None,
) -> Figure:
    """Effective moduli between Reuss and Voigt, and between Hashin and Shtrikman, one row per modulus.

    A value outside its bounds is drawn in the warning colour and named: it is a defect of the discretisation (or of
    the bounds' premises), never clipped.

    Args:
        result: what `homogenize` returned, or per modulus a mapping with any of `reuss`, `hs_lower`, `effective`,
            `hs_upper`, `voigt`; bounds may be missing in pairs.
        unit: of all moduli; by default that of the result.
        relative: show (value − Reuss) / (Voigt − Reuss), so that moduli of different sizes can be compared.
        title: shown above.

    Returns:
        A figure with one axes.

    Raises:
        ValueError: if a modulus has no effective value, an unknown name, a number that is not finite, or only one
            bound of a pair.

    Reference: Z. Hashin, S. Shtrikman, J. Mech. Phys. Solids 11 (1963) 127, doi:10.1016/0022-5096(63)90060-7.

    Example:
        >>> figure = stiffness_bounds({"K": {"reuss": 1.0, "effective": 2.0, "voigt": 4.0}}, unit="GPa")
        >>> figure.axes[0].get_xlabel()
        'modulus (GPa)'

    Differentiability: none; figures are made of concrete numbers.
    """
    moduli = result if isinstance(result, Mapping) else moduli_of(result)
    unit = unit or getattr(result, "unit", None) or None
    check(len(moduli) > 0, "`result` must hold at least one modulus, but it is empty.")
    rows = {str(name): _estimates(str(name), values, relative) for name, values in moduli.items()}
    figure = new_figure(5.8, 1.3 + 0.48 * len(rows) + (0.25 if title else 0))
    axes = figure.add_subplot()
    label = "place between Reuss (0) and Voigt (1)" if relative else with_unit("modulus", unit)
    style_axes(axes, x=label)
    axes.grid(visible=False, axis="y")
    for index, values in enumerate(rows.values()):
        _draw_estimates(axes, index, values)
    axes.set_yticks(range(len(rows)), [symbol(name) for name in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    if not relative:
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    if title:
        set_title(axes, title)
    _bounds_legend(figure, axes)
    return figure


def moduli_of(result: Any) -> dict[str, dict[str, float]]:
    """The moduli of a homogenized cell with their bounds, as `stiffness_bounds` takes them.

    All are positive quadratic forms of the stiffness, C ↦ Σ w·C·w: the diagonal entries (Voigt's C₄₄ … for shears), and
    bulk and shear modulus of the nearest isotropic tensor. So each lies between the same forms of the Reuss and Voigt
    tensors. Hashin–Shtrikman bounds are there where the result has them.

    Args:
        result: what `homogenize` returned, concrete, with a stiffness (m, m) in Mandel notation.

    Returns:
        Per modulus `reuss`, `effective`, `voigt` and where known `hs_lower`, `hs_upper`, in the unit of the stiffness.

    Raises:
        ValueError: if the result has no stiffness or no bounds of it.

    Reference: R. Hill, Proc. Phys. Soc. A 65 (1952) 349, doi:10.1088/0370-1298/65/5/307.

    Example:
        >>> from types import SimpleNamespace as Cell
        >>> bounds = Cell(stiffness=(np.eye(3), 3 * np.eye(3)), bulk=None, shear=None)
        >>> moduli_of(Cell(stiffness=2 * np.eye(3), analytic_bounds=bounds))["bulk"]
        {'reuss': 0.5, 'effective': 1.0, 'voigt': 1.5}

    Differentiability: none; figures are made of concrete numbers.
    """
    pair = getattr(getattr(result, "analytic_bounds", None), "stiffness", None)
    if pair is None or getattr(result, "stiffness", None) is None:
        raise ValueError(
            "`result` must be a mapping of moduli or a homogenized cell with a stiffness and its bounds, but it is "
            f"{type(result).__name__} without them. Give every phase elastic constants."
        )
    tensors = {"reuss": pair[0], "effective": result.stiffness, "voigt": pair[1]}
    forms = {key: _forms(np.asarray(tensor, dtype=float)) for key, tensor in tensors.items()}
    moduli = {name: {key: forms[key][name] for key in forms} for name in forms["effective"]}
    for name in ("bulk", "shear"):
        interval = getattr(result.analytic_bounds, name)
        if interval is not None:
            moduli[name] |= {"hs_lower": float(interval[0]), "hs_upper": float(interval[1])}
    return moduli


def _forms(stiffness: Float[np.ndarray, "m m"]) -> dict[str, float]:
    """Diagonal entries in Voigt's numbering and size, and the isotropic part's moduli."""
    d = 2 if len(stiffness) == 3 else 3
    numbers = ("11", "22", "66") if d == 2 else ("11", "22", "33", "44", "55", "66")
    entries = np.diagonal(stiffness) / np.where(np.arange(len(stiffness)) < d, 1, 2)
    hydrostatic = stiffness[:d, :d].sum() / d
    shear = (np.trace(stiffness) - hydrostatic) / (2 * (len(stiffness) - 1))
    named = {f"C_{number}": float(entry) for number, entry in zip(numbers, entries, strict=True)}
    return named | {"bulk": float(hydrostatic / d), "shear": float(shear)}


def _estimates(name: str, values: Mapping[str, Any], relative: bool) -> dict[str, float]:
    unknown = sorted(set(values) - set(ESTIMATES))
    check(not unknown, f"`moduli[{name!r}]` must hold {', '.join(ESTIMATES)}, but it holds {', '.join(map(repr, unknown))}.")
    check("effective" in values, f"`moduli[{name!r}]` must hold 'effective', but it holds {sorted(values)}.")
    numbers = {key: float(value) for key, value in values.items()}
    check(all(map(np.isfinite, numbers.values())), f"`moduli[{name!r}]` must be finite, but it is {numbers}.")
    for lower, upper in (("reuss", "voigt"), ("hs_lower", "hs_upper")):
        paired = (lower in numbers) == (upper in numbers)
        check(paired, f"`moduli[{name!r}]` must hold both or neither of {lower!r} and {upper!r}, but it holds {sorted(numbers)}.")
    if not relative:
        return numbers
    check("reuss" in numbers, f"`relative=True` must be used with 'reuss' and 'voigt', but {name!r} has neither.")
    start, width = numbers["reuss"], numbers["voigt"] - numbers["reuss"]
    check(width > 0, f"`relative=True` must be used where Voigt exceeds Reuss, but for {name!r} they differ by {width:.3g}.")
    return {key: (value - start) / width for key, value in numbers.items()}


def _draw_estimates(axes: Axes, row: int, values: Mapping[str, float]) -> None:
    effective = values["effective"]
    outside = []
    for lower, upper, height, color, label in (
        ("reuss", "voigt", 0.52, "#D5DFE9", "Reuss – Voigt"),
        ("hs_lower", "hs_upper", 0.26, "#8FB0CF", "Hashin – Shtrikman"),
    ):
        if lower not in values:
            continue
        low, high = values[lower], values[upper]
        axes.barh(row, high - low, left=low, height=height, color=color, label=label, zorder=2)
        slack = SLACK * max(abs(low), abs(high))
        if not low - slack <= effective <= high + slack:
            outside.append(label)
    color = ALERT if outside else LINES[0]
    axes.plot(effective, row, "D", color=color, markeredgecolor="white", markersize=7.5, label="effective", zorder=4)
    note = f"{effective:.4g}" + (f"  outside {' and '.join(outside)}" if outside else "")
    end = max(values.values())
    axes.annotate(
        note, (end, row), xytext=(7, 0), textcoords="offset points", va="center", fontsize=SMALL_SIZE, color=color if outside else INK
    )


def _bounds_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(reversed(labels), reversed(handles), strict=True))
    figure_legend(figure, list(unique.values())[::-1], columns=3)
