"""From a wish to a microstructure: objectives, constraints, problem, searches, verification; the synthetic twin of a map, and cells from statistics (`reconstruct`).

In:  a `Density` or a codec, properties, objectives (`Target`, `Minimize`, `Maximize`), constraints (`Between`).
Out: `DesignResult`: discrete cells with their values, front, hypervolume, history, and their `Verification`.
Add one: a property is a record with `solves` that maps (fractions, grid) to named scalars (or `Measure` of a function);
     a space is a class with the methods of `Space`; a method is one file with `search_…(problem, evaluator, budget, key,
     progress) -> Trace` and one line in minimize.py. Every method counts solves through `Evaluator`.
"""

from jaxmicro.design.attainable import TargetError
from jaxmicro.design.closure import PairLimits
from jaxmicro.design.goals import Between, Maximize, Minimize, Target
from jaxmicro.design.minimize import minimize
from jaxmicro.design.pareto import hypervolume, nondominated
from jaxmicro.design.polycrystal_like import polycrystal_like
from jaxmicro.design.problem import Problem
from jaxmicro.design.properties import Conductivity, Measure, Stiffness, VolumeFraction, named_moduli
from jaxmicro.design.reconstruct import Reconstruction, reconstruct
from jaxmicro.design.result import DesignResult
from jaxmicro.design.space import Density, LatentSpace, Space
from jaxmicro.design.statistics import Statistic, lineal_path_statistic, two_point_statistic
from jaxmicro.design.verification import Verification, verify

__all__ = [
    "Between",
    "Conductivity",
    "Density",
    "DesignResult",
    "LatentSpace",
    "Maximize",
    "Measure",
    "Minimize",
    "PairLimits",
    "Problem",
    "Reconstruction",
    "Space",
    "Statistic",
    "Stiffness",
    "Target",
    "TargetError",
    "Verification",
    "VolumeFraction",
    "hypervolume",
    "lineal_path_statistic",
    "minimize",
    "named_moduli",
    "nondominated",
    "polycrystal_like",
    "reconstruct",
    "two_point_statistic",
    "verify",
]
