"""A homogenized result in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array

from jaxmicro._core import Status, is_concrete
from jaxmicro.homogenization.inclusions import constants_of, kind_of
from jaxmicro.homogenization.mean_field import MeanField
from jaxmicro.homogenization.moduli import Moduli

if TYPE_CHECKING:
    from jaxmicro.homogenization.homogenize import Homogenized


def summarise(result: Homogenized) -> str:
    """Readable lines for `print`."""
    if not is_concrete(result):
        return "Homogenized(traced)"
    shares = ", ".join(f"{name} {float(share):.1%}" for name, share in zip(result.phases, np.asarray(result.volume_fractions), strict=True))
    status = Status(int(result.status))
    lines = [
        f"homogenized cell: {shares}",
        f"status: {status.name.lower()}" + ("" if status == Status.CONVERGED else f" ({status.advice})"),
    ]
    unit = f" {result.unit}" if result.unit else ""
    if result.stiffness is not None and result.moduli is not None:
        lines += _elastic_lines(result, result.stiffness, result.moduli, unit)
    if result.conductivity is not None:
        lines.append("effective conductivity:")
        lines.append(_matrix(result.conductivity))
        pair = result.analytic_bounds.conductivity_hashin_shtrikman
        if pair is not None:
            lines.append(f"  Hashin–Shtrikman interval {float(pair[0]):.5g} … {float(pair[1]):.5g}")
    lines += _estimate_lines(result)
    lines += [f"note: {note}" for note in (*result.analytic_bounds.notes, *result.notes)]
    lines += [f"DEFECT: {line}" for line in result.defects]
    return "\n".join(lines)


def _elastic_lines(result: Homogenized, stiffness: Array, moduli: Moduli, unit: str) -> list[str]:
    kind = f"plane {result.plane}" if result.plane in ("strain", "stress") else (result.plane or "3D")
    lines = [f"effective stiffness ({kind}, Mandel{',' + unit if unit else ''}):", _matrix(stiffness)]
    lines.append(f"  Young's moduli along the axes {_row(moduli.young)}{unit}" + (" (in plane)" if moduli.in_plane else ""))
    lines.append(f"  shear moduli {_row(moduli.shear)}{unit}")
    lines.append(
        f"  nearest isotropic: bulk {float(moduli.bulk_isotropic):.5g}, shear {float(moduli.shear_isotropic):.5g}{unit}, distance {float(moduli.anisotropy):.2%}"
    )
    bounds = result.analytic_bounds
    if bounds.stiffness is not None:
        low, high = (np.asarray(b)[0, 0] for b in bounds.stiffness)
        lines.append(f"  C11 between Reuss {low:.5g} and Voigt {high:.5g}")
    for name, pair in (("bulk", bounds.bulk), ("shear", bounds.shear)):
        if pair is not None:
            lines.append(f"  Hashin–Shtrikman {name} {float(pair[0]):.5g} … {float(pair[1]):.5g}")
    return lines


COLUMNS = {
    "sphere": {"bulk": 0, "shear": 1},
    "disc": {"plane bulk": 0, "shear": 1},
    "fibre": {"plane bulk": 0, "shear across": 3, "shear along": 4},
}
ROWS = {"dilute": "dilute", "mori_tanaka": "Mori–Tanaka", "differential": "differential"}
SHOWN = {"sphere": "spheres", "disc": "discs", "fibre": "aligned fibres"}


def _estimate_lines(result: Homogenized) -> list[str]:
    """The cell among the mean-field estimates, as a table: one row each, one column per modulus."""
    phases, estimates, bounds = result.two_phases, result.mean_field, result.analytic_bounds
    if phases is None or estimates is None:
        return []
    columns: dict[str, list[float]] = {}
    if phases.stiffness is not None and estimates.stiffness is not None and result.stiffness is not None:
        kind = kind_of(phases.shape, len(result.stiffness))
        tensors = [*phases.stiffness, result.stiffness, *_in_rows(estimates.stiffness)]
        rows = np.stack([np.asarray(constants_of(c, kind)) for c in tensors])
        known = {0: bounds.bulk, 1: bounds.shear} if phases.shape != "fibre" else {}
        columns |= {name: _column(rows[:, place], known.get(place)) for name, place in COLUMNS[phases.shape].items()}
    if phases.conductivity is not None and estimates.conductivity is not None and result.conductivity is not None:
        conductors = [*phases.conductivity, result.conductivity, *_in_rows(estimates.conductivity)]
        values = np.array([float(np.trace(np.asarray(k))) / len(k) for k in conductors])
        columns["conductivity"] = _column(values, bounds.conductivity_hashin_shtrikman)
    names = [f"{name} as matrix: {ROWS[method]}" for name in estimates.phases for method in ROWS]
    names = ["this cell", "Hashin–Shtrikman, lower", "Hashin–Shtrikman, upper", *names, "no matrix: self-consistent"]
    title = f"mean-field estimates ({SHOWN[phases.shape]}):"
    wide = max(len(name) + 2 for name in [*names, title])
    lines = [title.ljust(wide) + "".join(f"{name:>14}" for name in columns)]
    for name, row in zip(names, np.array(list(columns.values())).T, strict=True):
        if not np.isnan(row).all():
            lines.append(f"  {name}".ljust(wide) + "".join(f"{'–' if np.isnan(x) else format(x, '.5g'):>14}" for x in row))
    return lines


def _in_rows(pair: tuple[MeanField, MeanField]) -> list[Array]:
    """The estimates of both matrices in the order of the rows, the self-consistent one last."""
    return [getattr(estimate, method) for estimate in pair for method in ROWS] + [pair[0].self_consistent]


def _column(values: np.ndarray, interval: tuple[Array, Array] | None) -> list[float]:
    """The cell's value, its Hashin–Shtrikman interval where known, and the estimates; values begin with those of the phases.

    A dilute estimate that leaves the range of the phases says nothing, and is left out.
    """
    low, high = np.sort(values[:2])
    bounds = [np.nan, np.nan] if interval is None else [float(bound) for bound in interval]
    slack = 1e-6 * high
    return [values[2], *bounds, *np.where((values[3:] < low - slack) | (values[3:] > high + slack), np.nan, values[3:])]


def _matrix(value: object) -> str:
    text = np.array2string(np.asarray(value), precision=4, suppress_small=True)
    return "\n".join("  " + line for line in text.splitlines())


def _row(value: object) -> str:
    return ", ".join(f"{float(v):.5g}" for v in np.asarray(value))
