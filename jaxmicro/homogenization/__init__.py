"""The questions: microstructure and materials in, effective law out.

In:  material fields on a `Grid`, or a `Microstructure` with constants of its phases.
Out: `effective_stiffness`, `effective_conductivity`, `homogenize`; material fields (`assign_*`); moduli; analytic bounds.
Add one: a discretisation is one file in operators/ (see its card); a question is one front-door file here that converts,
     checks, calls a jitted core and reports, one export line, and a row in tests/homogenization.
"""

from jaxmicro.homogenization.analytic import AnalyticBounds
from jaxmicro.homogenization.anisotropy import cubic_axes, distance_to_cubic, distance_to_isotropic, nearest_cubic
from jaxmicro.homogenization.assign import assign_conductivity, assign_stiffness
from jaxmicro.homogenization.averages import ConcentrationTensors, concentration_tensors, phase_averages, principal_values, von_mises
from jaxmicro.homogenization.bounds import (
    hashin_shtrikman_conductivity,
    hashin_shtrikman_moduli,
    loewner_gap,
    reuss_bound,
    voigt_bound,
)
from jaxmicro.homogenization.cell_problem import CellSolution, solve_cell_problem
from jaxmicro.homogenization.composite import composite_conductivity, composite_stiffness
from jaxmicro.homogenization.directional import directional_poisson, directional_shear, directional_young, linear_compressibility
from jaxmicro.homogenization.effective import effective_conductivity, effective_stiffness
from jaxmicro.homogenization.estimates import CellEstimates
from jaxmicro.homogenization.homogenize import Homogenized, homogenize
from jaxmicro.homogenization.loads import uniaxial_stress
from jaxmicro.homogenization.mean_field import (
    MeanField,
    differential,
    dilute,
    hill_tensor,
    mean_field,
    mean_field_estimates,
    mori_tanaka,
    self_consistent,
)
from jaxmicro.homogenization.moduli import Moduli, isotropic_part, moduli, nearest_isotropic
from jaxmicro.homogenization.polycrystal_estimates import IsotropicModuli, PolycrystalEstimates, polycrystal_estimates
from jaxmicro.homogenization.results import EffectiveResult, WalledResult
from jaxmicro.homogenization.thermoelastic import ThermoelasticResult, effective_thermoelastic
from jaxmicro.homogenization.waves import wave_polarizations, wave_speeds

__all__ = [
    "AnalyticBounds",
    "CellEstimates",
    "CellSolution",
    "ConcentrationTensors",
    "EffectiveResult",
    "Homogenized",
    "IsotropicModuli",
    "MeanField",
    "Moduli",
    "PolycrystalEstimates",
    "ThermoelasticResult",
    "WalledResult",
    "assign_conductivity",
    "assign_stiffness",
    "composite_conductivity",
    "composite_stiffness",
    "concentration_tensors",
    "cubic_axes",
    "differential",
    "dilute",
    "directional_poisson",
    "directional_shear",
    "directional_young",
    "distance_to_cubic",
    "distance_to_isotropic",
    "effective_conductivity",
    "effective_stiffness",
    "effective_thermoelastic",
    "hashin_shtrikman_conductivity",
    "hashin_shtrikman_moduli",
    "hill_tensor",
    "homogenize",
    "isotropic_part",
    "linear_compressibility",
    "loewner_gap",
    "mean_field",
    "mean_field_estimates",
    "moduli",
    "mori_tanaka",
    "nearest_cubic",
    "nearest_isotropic",
    "phase_averages",
    "polycrystal_estimates",
    "principal_values",
    "reuss_bound",
    "self_consistent",
    "solve_cell_problem",
    "uniaxial_stress",
    "voigt_bound",
    "von_mises",
    "wave_polarizations",
    "wave_speeds",
]
