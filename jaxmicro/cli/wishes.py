"""From what a person asks for to a design problem: properties, targets, extremes, limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmicro._core import nearest_name
from jaxmicro.cli.material_tables import checked_materials
from jaxmicro.cli.problems import UsageError
from jaxmicro.design import Between, Conductivity, Maximize, Minimize, Stiffness, Target, VolumeFraction
from jaxmicro.materials import Constants, as_constants

FRACTION = "volume_fraction"
CONDUCTIVE = ("k_",)
ELASTIC = ("C", "E_", "G_", "nu_", "bulk", "shear", "anisotropy")
PURE = ("nu_", "anisotropy")  # numbers without a unit
EXAMPLES = (
    "k_xx",
    "k_yy",
    "k_xy",
    "k_mean",
    "C11",
    "C22",
    "C12",
    "C66",
    "E_x",
    "E_y",
    "G_xy",
    "nu_xy",
    "bulk",
    "shear",
    "anisotropy",
    FRACTION,
)


def phase_constants(materials: Any, names: Sequence[str]) -> list[Constants]:
    """The constants of each phase, from a list by phase or a table by index or name.

    Raises:
        ValueError: where phases and materials do not match.

    Example:
        >>> [each.name for each in phase_constants({"0": "epoxy", "fibre": "glass fibre"}, ("matrix", "fibre"))]
        ['epoxy', 'glass fibre']
    """
    if materials is None:
        raise UsageError(f"`materials` must be given for the phases {list(names)}: a list, or a table by phase. See --help for an example.")
    materials = checked_materials(materials)
    if isinstance(materials, Mapping):
        unknown = [key for key in materials if key not in names and key not in range(len(names))]
        chosen = [materials.get(index, materials.get(name)) for index, name in enumerate(names)]
        missing = [name for name, value in zip(names, chosen, strict=True) if value is None]
        if unknown or missing:
            raise UsageError(
                f"`materials` must have one entry per phase {list(names)}, but {missing} are missing and {unknown} are unknown."
            )
    else:
        chosen = list(materials)
        if len(chosen) != len(names):
            raise UsageError(f"`materials` must hold one entry per phase {list(names)}, but it holds {len(chosen)}.")
    return [as_constants(value, str(name)) for value, name in zip(chosen, names, strict=True)]


def properties_for(wanted: Sequence[str], phases: Sequence[Constants], plane: str = "strain") -> list[Any]:
    """The properties that compute the wanted names, and no others, for each costs solves.

    Raises:
        ValueError: for a name of no property, or one for which the phases lack constants.
    """
    found: list[Any] = []
    for name in wanted:
        known = name == FRACTION or name.startswith(CONDUCTIVE + ELASTIC)
        if not known:
            hint = nearest_name(name, EXAMPLES)
            raise UsageError(f"`{name}` is no property." + (f" Did you mean `{hint}`?" if hint else f" Known: {', '.join(EXAMPLES)}."))
    if any(name.startswith(ELASTIC) for name in wanted):
        _need(phases, "stiffness", "elastic constants (young and poisson, or c11, c12, c44)")
        found.append(Stiffness(list(phases), plane=plane))
    if any(name.startswith(CONDUCTIVE) for name in wanted):
        _need(phases, "conductivity", "a conductivity")
        found.append(Conductivity(jnp.asarray(scalar_conductivities(phases))))
    if FRACTION in wanted:
        found.append(VolumeFraction(1))
    return found


def units_of(names: Sequence[str], phases: Sequence[Constants]) -> dict[str, str]:
    """The unit of each property that has a known one: the moduli have that of the phases' stiffness, where they share one.

    Example:
        >>> units_of(["E_x", "nu_xy", "k_xx"], [as_constants("epoxy"), as_constants("glass fibre")])
        {'E_x': 'GPa'}
    """
    units = {phase.unit for phase in phases if phase.unit}
    if len(units) != 1:
        return {}
    (unit,) = units
    return {name: unit for name in names if name.startswith(ELASTIC) and not name.startswith(PURE)}


def scalar_conductivities(phases: Sequence[Constants]) -> list[float]:
    """The conductivity of each phase as one number.

    Raises:
        ValueError: where a phase conducts differently in different directions.
    """
    tensors = [phase.name for phase in phases if np.asarray(phase.conductivity).ndim > 0]
    if tensors:
        raise UsageError(f"`conductivity` must be one number per phase for a search, but that of {tensors} is a tensor. Give its mean.")
    return [float(np.asarray(phase.conductivity)) for phase in phases]


def objectives_for(targets: Any, tolerance: float, minimize: Sequence[str], maximize: Sequence[str]) -> list[Any]:
    """Targets and extremes as objectives."""
    table = _table("targets", targets)
    wanted = [Target(name, _number("targets", name, value), tolerance) for name, value in table.items()]
    return [*wanted, *map(Minimize, minimize), *map(Maximize, maximize)]


def limits_for(between: Any) -> list[Any]:
    """Limits `{name: [low, high]}` as constraints; null leaves an end open."""
    limits = []
    for name, ends in _table("between", between).items():
        if not isinstance(ends, (list, tuple)) or len(ends) != 2:
            raise UsageError(f"`between.{name}` must be [low, high], with null for an open end, but it is {ends!r}.")
        low, high = (None if end is None else _number("between", name, end) for end in ends)
        limits.append(Between(name, low, high))
    return limits


def _need(phases: Sequence[Constants], attribute: str, what: str) -> None:
    lacking = [phase.name for phase in phases if getattr(phase, attribute) is None]
    if lacking:
        raise UsageError(f"`materials` must give every phase {what} for the properties asked for, but {lacking} have none.")


def _table(option: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"`{option}` must be a table of property names, such as '{{k_xx: 2.4}}', but it is {value!r}.")
    return {str(key): each for key, each in value.items()}


def _number(option: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"`{option}.{name}` must be a number, but it is {value!r}.")
    return float(value)
