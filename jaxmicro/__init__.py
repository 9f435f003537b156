"""Differentiable microstructure physics and generative design.

In:  real micrographs and EBSD maps, or generators of microstructures; constants of the phases.
Out: effective properties with their derivatives, latent spaces of microstructures, verified designs.

Rooms and front doors load when they are first touched: `import jaxmicro` costs no more than `import jax`.

Example:
    >>> import jaxmicro as jm
    >>> jm.Grid((4, 8), lengths=(1.0, 2.0)).spacing.tolist()
    [0.25, 0.25]
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmicro import (
        cli,
        datasets,
        descriptors,
        design,
        fields,
        generative,
        homogenization,
        io,
        materials,
        microstructures,
        orientations,
        plotting,
        solvers,
    )
    from jaxmicro._core import SolveError, Status, __version__
    from jaxmicro.fields import Grid
    from jaxmicro.homogenization import effective_conductivity, effective_stiffness, effective_thermoelastic, homogenize, solve_cell_problem
    from jaxmicro.microstructures import Microstructure

_ROOMS = (
    "cli",
    "datasets",
    "descriptors",
    "design",
    "fields",
    "generative",
    "homogenization",
    "io",
    "materials",
    "microstructures",
    "orientations",
    "plotting",
    "solvers",
)
_FRONT_DOORS = {
    "Grid": "fields",
    "Microstructure": "microstructures",
    "SolveError": "_core",
    "Status": "_core",
    "__version__": "_core",
    "effective_conductivity": "homogenization",
    "effective_stiffness": "homogenization",
    "effective_thermoelastic": "homogenization",
    "homogenize": "homogenization",
    "solve_cell_problem": "homogenization",
}

__all__ = [
    "Grid",
    "Microstructure",
    "SolveError",
    "Status",
    "__version__",
    "cli",
    "datasets",
    "descriptors",
    "design",
    "effective_conductivity",
    "effective_stiffness",
    "effective_thermoelastic",
    "fields",
    "generative",
    "homogenization",
    "homogenize",
    "io",
    "materials",
    "microstructures",
    "orientations",
    "plotting",
    "solve_cell_problem",
    "solvers",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"jaxmicro.{name}")
    if name in _FRONT_DOORS:
        value = getattr(importlib.import_module(f"jaxmicro.{_FRONT_DOORS[name]}"), name)
        globals()[name] = value
        return value
    if name.startswith("__"):  # Python's own probes, such as __path__ or __wrapped__
        raise AttributeError(f"module 'jaxmicro' has no attribute {name!r}")
    raise AttributeError(_unknown(name))


def __dir__() -> list[str]:
    return sorted(__all__)


def _unknown(name: str) -> str:
    from jaxmicro._core import nearest_name

    hint = nearest_name(name, __all__)
    advice = f"Did you mean {hint!r}?" if hint else "`dir(jaxmicro)` lists what there is."
    return f"module 'jaxmicro' has no attribute {name!r}. {advice}"
