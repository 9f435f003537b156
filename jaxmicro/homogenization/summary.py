"""A homogenized result in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array

from jaxmicro._core import Status, is_concrete
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
    lines += [f"note: {note}" for note in result.analytic_bounds.notes]
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


def _matrix(value: object) -> str:
    text = np.array2string(np.asarray(value), precision=4, suppress_small=True)
    return "\n".join("  " + line for line in text.splitlines())


def _row(value: object) -> str:
    return ", ".join(f"{float(v):.5g}" for v in np.asarray(value))
