"""The questions: microstructure and materials in, effective law out.

In:  material fields on a `Grid`, or a `Microstructure` with constants of its phases.
Out: `effective_stiffness`, `effective_conductivity`, `homogenize`; material fields (`assign_*`); moduli; analytic bounds.
Add one: a discretisation is one file in operators/ (see its card); a question is one front-door file here that converts,
     checks, calls a jitted core and reports, one export line, and a row in tests/homogenization.
"""

from jaxmicro.homogenization.analytic import AnalyticBounds
from jaxmicro.homogenization.assign import assign_conductivity, assign_stiffness
from jaxmicro.homogenization.bounds import (
    hashin_shtrikman_conductivity,
    hashin_shtrikman_moduli,
    loewner_gap,
    reuss_bound,
    voigt_bound,
)
from jaxmicro.homogenization.effective import effective_conductivity, effective_stiffness
from jaxmicro.homogenization.homogenize import Homogenized, homogenize
from jaxmicro.homogenization.moduli import Moduli, directional_young, isotropic_part, moduli, nearest_isotropic
from jaxmicro.homogenization.results import EffectiveResult, WalledResult

__all__ = [
    "AnalyticBounds",
    "EffectiveResult",
    "Homogenized",
    "Moduli",
    "WalledResult",
    "assign_conductivity",
    "assign_stiffness",
    "directional_young",
    "effective_conductivity",
    "effective_stiffness",
    "hashin_shtrikman_conductivity",
    "hashin_shtrikman_moduli",
    "homogenize",
    "isotropic_part",
    "loewner_gap",
    "moduli",
    "nearest_isotropic",
    "reuss_bound",
    "voigt_bound",
]
